//! Reads the integer and float arrays of a NumPy `.npz` file.

use anyhow::{Context, Result, bail, ensure};
use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order, TypeChar};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use zip::ZipArchive;

/// One array, its elements as they lie in the file.
pub struct Array {
    pub shape: Vec<usize>,
    header: NpyHeader,
    bytes: Vec<u8>,
}

/// The arrays of one file by name.
pub struct Npz(BTreeMap<String, Array>);

impl Npz {
    /// Reads `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or is not the zip of row-major `.npy` members that NumPy writes.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        arrays(file).map(Self).with_context(|| format!("{} is not a NumPy archive", path.display()))
    }

    /// The array `name`.
    ///
    /// # Errors
    /// No such array.
    pub fn get(&self, name: &str) -> Result<&Array> {
        self.0.get(name).with_context(|| format!("no array {name}"))
    }
}

impl Array {
    /// The elements of an `int8` array.
    pub fn i8(&self) -> Result<Vec<i8>> {
        match self.kind() {
            Some((TypeChar::Int, 1)) => self.values(|x: i8| x),
            _ => bail!("int8 expected, found {}", self.header.dtype().descr()),
        }
    }

    /// The elements of an integer array.
    pub fn i32(&self) -> Result<Vec<i32>> {
        match self.kind() {
            Some((TypeChar::Int, 1)) => self.values(|x: i8| i32::from(x)),
            Some((TypeChar::Int, 4)) => self.values(|x: i32| x),
            Some((TypeChar::Int, 8)) => self.values(|x: i64| x as i32),
            _ => bail!("integers expected, found {}", self.header.dtype().descr()),
        }
    }

    /// The elements of a float array, as `float32`.
    pub fn f32(&self) -> Result<Vec<f32>> {
        match self.kind() {
            Some((TypeChar::Float, 4)) => self.values(|x: f32| x),
            Some((TypeChar::Float, 8)) => self.values(|x: f64| x as f32),
            _ => bail!("floats expected, found {}", self.header.dtype().descr()),
        }
    }

    /// Kind and bytes of an element; `None` for records.
    fn kind(&self) -> Option<(TypeChar, usize)> {
        match self.header.dtype() {
            DType::Plain(kind) => Some((kind.type_char(), kind.num_bytes()?)),
            DType::Array(..) | DType::Record(_) => None,
        }
    }

    fn values<S: Deserialize, T>(&self, convert: impl Fn(S) -> T) -> Result<Vec<T>> {
        let elements = NpyFile::with_header(self.header.clone(), &self.bytes[..]).data::<S>()?;
        Ok(elements.map(|element| element.map(&convert)).collect::<Result<_, _>>()?)
    }
}

fn arrays(file: File) -> Result<BTreeMap<String, Array>> {
    let mut archive = ZipArchive::new(file)?;
    let mut arrays = BTreeMap::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at)?;
        let name = member.name().trim_end_matches(".npy").to_owned();
        let header = NpyHeader::from_reader(&mut member)?;
        ensure!(header.order() == Order::C, "{name} is column-major");
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes)?;
        let shape = header.shape().iter().map(|&length| length as usize).collect();
        arrays.insert(name, Array { shape, header, bytes });
    }
    Ok(arrays)
}
