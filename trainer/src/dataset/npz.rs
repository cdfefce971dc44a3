//! Reads arrays from an `.npz` archive, for all commands. No archive can take more memory than its cap, and damaged
//! archives are refused: every byte of the container is accounted for, and every member agrees with its checksum.
//!
//! An array is refused before it is allocated if its header contradicts the member's size or exceeds the rest of the
//! archive's budget. Object arrays are pickles, which can run code; the error names them, and they are never opened.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use npyz::{NpyHeader, TypeChar};

use super::error::{DataError, FaultKind, Place, quoted};
use super::limits::{FREE_ARRAY_BYTES, MAX_ARRAY_BYTES, MAX_INFLATION};
use super::npz_header::{by_row, is_column_major, read_header, row_major, scalar, wrong_type};
use super::zip::{Member, MemberReader, ZipFault, ZipFile};
use crate::bounded::{self, Kind, size};
use crate::memory;

/// An open archive with its memory budget.
pub(crate) struct Npz {
    path: PathBuf,
    archive: ZipFile,
    budget: u64,
}

/// Shape and values of one array, in row-major order.
#[derive(Debug)]
pub(super) struct Array<T> {
    /// Length of each dimension.
    pub shape: Vec<u64>,
    /// Values, last dimension fastest.
    pub values: Vec<T>,
}

impl Npz {
    /// Opens an archive whose arrays will be held in memory, and compares every member with its checksum.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let mut npz = Self::open_directory(path)?;
        let bytes = npz.archive.members().iter().fold(0u64, |sum, member| sum.saturating_add(member.bytes));
        if bytes > MAX_ARRAY_BYTES {
            return Err(too_large(Place::file(path), format!("arrays of {bytes} bytes"), MAX_ARRAY_BYTES));
        }
        npz.verify()?;
        Ok(npz)
    }

    /// Opens an archive and checks its layout. An array is compared with its checksum when it is read.
    pub(crate) fn open_directory(path: &Path) -> Result<Self, DataError> {
        let file = bounded::open(path, Kind::Archive).map_err(|error| DataError::read(path, &error))?;
        let bytes = file.metadata().map_err(|error| DataError::read(path, &error))?.len();
        let archive = ZipFile::open(file, bytes).map_err(|fault| {
            let refused = |kind, expected, found| {
                let remedy = "write the file again, for instance with numpy.savez_compressed";
                DataError::new(kind, Place::file(path), expected, found, remedy)
            };
            match fault {
                ZipFault::Read(error) => DataError::read(path, &error),
                ZipFault::Twice(name) => {
                    refused(FaultKind::Duplicate, "every array once", format!("{} twice", quoted(&name)))
                }
                ZipFault::Damaged(found) => refused(FaultKind::Damaged, "an undamaged .npz archive (zip)", found),
            }
        })?;
        let budget = memory::available().map_or(MAX_ARRAY_BYTES, |available| available.min(MAX_ARRAY_BYTES));
        Ok(Self { path: path.to_path_buf(), archive, budget })
    }

    /// Reads every member to its end, needed or not, and thus compares it with its checksum.
    pub(crate) fn verify(&mut self) -> Result<(), DataError> {
        for position in 0..self.archive.members().len() {
            let read = self.archive.read(position).and_then(|mut data| io::copy(&mut data, &mut io::sink()));
            read.map_err(|error| {
                let name = &self.archive.members()[position].name;
                let place = self.place(npyz::npz::array_name_from_file_name(name).unwrap_or(name));
                damaged(&place, "an undamaged archive entry", &error)
            })?;
        }
        Ok(())
    }

    /// Whether the archive has this array.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.archive.position(&npyz::npz::file_name_from_array_name(name)).is_some()
    }

    /// Names of all arrays, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let members = self.archive.members().iter();
        let arrays = members.filter_map(|member| npyz::npz::array_name_from_file_name(&member.name));
        let mut names: Vec<String> = arrays.map(str::to_owned).collect();
        names.sort_unstable();
        names
    }

    /// A place inside this archive.
    pub(crate) fn place(&self, array: &str) -> Place {
        Place::array(&self.path, array)
    }

    /// Reads an array of any integer type.
    pub(super) fn integers(&mut self, name: &str) -> Result<Array<i64>, DataError> {
        let (header, bytes) = self.raw(name, 8)?;
        let place = self.place(name);
        let values = match scalar(&header) {
            Some((TypeChar::Int, 1)) => convert::<i8, i64>(header.clone(), &bytes, i64::from),
            Some((TypeChar::Int, 2)) => convert::<i16, i64>(header.clone(), &bytes, i64::from),
            Some((TypeChar::Int, 4)) => convert::<i32, i64>(header.clone(), &bytes, i64::from),
            Some((TypeChar::Int, 8)) => convert::<i64, i64>(header.clone(), &bytes, |value| value),
            Some((TypeChar::Uint, 1)) => convert::<u8, i64>(header.clone(), &bytes, i64::from),
            Some((TypeChar::Uint, 2)) => convert::<u16, i64>(header.clone(), &bytes, i64::from),
            Some((TypeChar::Uint, 4)) => convert::<u32, i64>(header.clone(), &bytes, i64::from),
            // Values beyond i64 become i64::MAX, which every later range check refuses.
            Some((TypeChar::Uint, 8)) => {
                convert::<u64, i64>(header.clone(), &bytes, |value| i64::try_from(value).unwrap_or(i64::MAX))
            }
            _ => {
                return Err(wrong_type(place, "an integer array (i1 to i8, u1 to u8)", &header));
            }
        };
        finish(place, header, values)
    }

    /// Reads an array of reals or integers as `f32`; a finite value beyond the range of `f32` becomes infinite.
    pub(super) fn reals(&mut self, name: &str) -> Result<Array<f32>, DataError> {
        let (header, bytes) = self.raw(name, 4)?;
        let place = self.place(name);
        let values = match scalar(&header) {
            Some((TypeChar::Float, 4)) => convert::<f32, f32>(header.clone(), &bytes, |value| value),
            Some((TypeChar::Float, 8)) => convert::<f64, f32>(header.clone(), &bytes, |value| value as f32),
            Some((TypeChar::Bool, 1)) => {
                convert::<bool, f32>(header.clone(), &bytes, |value| if value { 1.0 } else { 0.0 })
            }
            Some((TypeChar::Int, 1)) => convert::<i8, f32>(header.clone(), &bytes, f32::from),
            Some((TypeChar::Int, 2)) => convert::<i16, f32>(header.clone(), &bytes, f32::from),
            Some((TypeChar::Int, 4)) => convert::<i32, f32>(header.clone(), &bytes, |value| value as f32),
            Some((TypeChar::Int, 8)) => convert::<i64, f32>(header.clone(), &bytes, |value| value as f32),
            Some((TypeChar::Uint, 1)) => convert::<u8, f32>(header.clone(), &bytes, f32::from),
            Some((TypeChar::Uint, 2)) => convert::<u16, f32>(header.clone(), &bytes, f32::from),
            Some((TypeChar::Uint, 4)) => convert::<u32, f32>(header.clone(), &bytes, |value| value as f32),
            Some((TypeChar::Uint, 8)) => convert::<u64, f32>(header.clone(), &bytes, |value| value as f32),
            _ => {
                return Err(wrong_type(place, "a real array (f4 or f8, or integers)", &header));
            }
        };
        finish(place, header, values)
    }

    /// Shape of an array and whether its values can be streamed, without reading them.
    pub(crate) fn shape(&mut self, name: &str) -> Result<Vec<u64>, DataError> {
        let place = self.place(name);
        let (header, entry) = self.header(name)?;
        entry.check_length(&header)?;
        let real = matches!(scalar(&header), Some((TypeChar::Float, 4 | 8)));
        if !real {
            return Err(wrong_type(place, "a real array (f4 or f8)", &header));
        }
        row_major(&place, &header)?;
        Ok(header.shape().to_vec())
    }

    /// Streams `count` values of a real array from value `first` on, in row-major order, without holding the array.
    ///
    /// The array is read to its end, so that all streamed values have been compared with the checksum when this
    /// returns.
    pub(crate) fn stream<E: From<DataError>>(
        &mut self,
        name: &str,
        first: u64,
        count: u64,
        mut value: impl FnMut(f32) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = self.place(name);
        let (header, entry) = self.header(name)?;
        entry.check_length(&header)?;
        if first.checked_add(count).is_none_or(|end| end > header.len()) {
            let expected = format!("{count} values from value {first} on");
            let remedy = "the file has changed since the work was planned: plan again in another folder";
            return Err(DataError::new(FaultKind::Damaged, place, expected, header.len().to_string(), remedy).into());
        }
        let (kind, item) = (scalar(&header), header.dtype().num_bytes().unwrap_or(0) as u64);
        let bad = |error: &dyn std::error::Error| damaged(&place, "values of the declared type", error);
        let mut each = |read: io::Result<f32>| value(read.map_err(|error| bad(&error))?);
        let mut bytes = BufReader::with_capacity(64 << 10, entry.file);
        let skipped = io::copy(&mut (&mut bytes).take(first * item), &mut io::sink());
        skipped.map_err(|error| damaged(&place, "an undamaged archive entry", &error))?;
        let source = npyz::NpyFile::with_header(header, &mut bytes);
        match kind {
            Some((TypeChar::Float, 8)) => {
                let values = source.data::<f64>().map_err(|error| bad(&error))?;
                values.take(count as usize).try_for_each(|read| each(read.map(|value| value as f32)))?;
            }
            _ => {
                let values = source.data::<f32>().map_err(|error| bad(&error))?;
                values.take(count as usize).try_for_each(each)?;
            }
        }
        let read = io::copy(&mut bytes, &mut io::sink());
        read.map(drop).map_err(|error| damaged(&place, "an undamaged archive entry", &error).into())
    }

    /// Reads an array of fixed-width strings; `None` if it is missing or an object array (a pickle, not opened).
    pub(super) fn strings(&mut self, name: &str) -> Result<Option<Vec<String>>, DataError> {
        if !self.has(name) {
            return Ok(None);
        }
        let place = self.place(name);
        let (header, mut entry) = self.header(name)?;
        if header.uses_pickled_array() {
            return Ok(None);
        }
        let Some((TypeChar::UnicodeStr | TypeChar::ByteStr, width)) = scalar(&header) else {
            return Err(wrong_type(place, "an array of fixed-width strings", &header));
        };
        // A string costs its vector slot in addition to its characters.
        let bytes = entry.bytes(&header, width.saturating_add(size_of::<String>() as u64))?;
        let values = convert::<String, String>(header.clone(), &bytes, |value| value);
        finish(place, header, values).map(|array| Some(array.values))
    }

    /// Header and bytes of an array whose elements will take `width` bytes each in memory.
    fn raw(&mut self, name: &str, width: u64) -> Result<(NpyHeader, Vec<u8>), DataError> {
        let place = self.place(name);
        let (header, mut entry) = self.header(name)?;
        if header.uses_pickled_array() {
            return Err(wrong_type(place, "an array of plain numbers", &header));
        }
        let bytes = entry.bytes(&header, width)?;
        Ok((header, bytes))
    }

    /// Header of an array and a reader positioned after it.
    fn header(&mut self, name: &str) -> Result<(NpyHeader, Entry<'_>), DataError> {
        let place = self.place(name);
        let position = self.archive.position(&npyz::npz::file_name_from_array_name(name)).ok_or_else(|| {
            DataError::new(
                FaultKind::Layout,
                place.clone(),
                "an array of this name",
                format!("the arrays {}", self.names().join(", ")),
                "add the array to the archive",
            )
        })?;
        let &Member { bytes: declared, stored: compressed, .. } = &self.archive.members()[position];
        let read = self.archive.read(position);
        let mut file = read.map_err(|error| damaged(&place, "a readable archive entry", &error))?;
        let (header, length) = read_header(&mut file, &place)?;
        // A header that has been read is not longer than the member.
        let declared = declared.saturating_sub(length);
        Ok((header, Entry { file, declared, compressed, place, budget: &mut self.budget }))
    }
}

/// Refuses an entry that grows too much when it is inflated.
fn check_inflation(place: &Place, declared: u64, compressed: u64) -> Result<(), DataError> {
    let most = compressed.saturating_mul(MAX_INFLATION).max(FREE_ARRAY_BYTES);
    if declared <= most {
        return Ok(());
    }
    Err(DataError::new(
        FaultKind::TooLarge,
        place.clone(),
        format!("at most {} inflated from {}", size(most), size(compressed)),
        size(declared),
        "where the values are meant, store them without compression (numpy.savez) or as a sparse matrix",
    ))
}

/// An archive entry, positioned after its header.
struct Entry<'a> {
    file: MemberReader<'a>,
    /// Bytes after the header.
    declared: u64,
    compressed: u64,
    place: Place,
    budget: &'a mut u64,
}

impl Entry<'_> {
    /// Refuses a header whose declared number of bytes differs from the entry's.
    fn check_length(&self, header: &NpyHeader) -> Result<(), DataError> {
        let item = header.dtype().num_bytes().unwrap_or(0) as u64;
        let data = header.len().saturating_mul(item);
        if data == self.declared {
            return Ok(());
        }
        Err(DataError::new(
            FaultKind::Damaged,
            self.place.clone(),
            format!("{data} bytes for shape {:?}", header.shape()),
            format!("an archive entry with {} bytes after the array's header", self.declared),
            "the file is cut short or its header lies: write it again",
        ))
    }

    /// Reads exactly the bytes the header declares, after checking them against the entry and the budget.
    fn bytes(&mut self, header: &NpyHeader, width: u64) -> Result<Vec<u8>, DataError> {
        check_inflation(&self.place, self.declared, self.compressed)?;
        let elements = header.len();
        let item = header.dtype().num_bytes().unwrap_or(0) as u64;
        let found = || format!("shape {:?} of {item} bytes an element", header.shape());
        let budget = *self.budget;
        let beyond = || {
            let expected = format!("arrays that take at most {} of memory", size(budget));
            DataError::new(FaultKind::TooLarge, self.place.clone(), expected, found(), "use a smaller data set")
        };
        let data = elements.checked_mul(item).ok_or_else(beyond)?;
        // Raw bytes and converted values exist at the same time for a moment.
        let memory = elements.checked_mul(width).and_then(|values| values.checked_add(data));
        match memory {
            Some(memory) if memory <= *self.budget => *self.budget -= memory,
            _ => return Err(beyond()),
        }
        self.check_length(header)?;
        let mut bytes = Vec::new();
        // The reader returns exactly the number of bytes in the directory, or an error.
        let read = self.file.read_to_end(&mut bytes);
        read.map_err(|error| damaged(&self.place, "an undamaged archive entry", &error))?;
        Ok(bytes)
    }
}

fn convert<S: npyz::Deserialize, T>(header: NpyHeader, bytes: &[u8], map: impl Fn(S) -> T) -> std::io::Result<Vec<T>> {
    let reader = npyz::NpyFile::with_header(header, bytes)
        .data::<S>()
        .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string()))?;
    reader.map(|value| value.map(&map)).collect()
}

/// Puts the values in row-major order.
fn finish<T: Clone>(place: Place, header: NpyHeader, values: std::io::Result<Vec<T>>) -> Result<Array<T>, DataError> {
    let values = values.map_err(|error| damaged(&place, "values of the declared type", &error))?;
    let shape = header.shape().to_vec();
    let values = if is_column_major(&header) { by_row(&shape, &values) } else { values };
    Ok(Array { shape, values })
}

/// Shape and values, last dimension fastest.
pub(crate) type Shaped = (Vec<usize>, Vec<f32>);

/// All real arrays of an archive by name.
pub(crate) fn read_arrays(path: &Path) -> Result<BTreeMap<String, Shaped>, DataError> {
    let mut npz = Npz::open(path)?;
    let mut arrays = BTreeMap::new();
    for name in npz.names() {
        let array = npz.reals(&name)?;
        let shape = array.shape.iter().map(|&length| length as usize).collect();
        arrays.insert(name, (shape, array.values));
    }
    Ok(arrays)
}

fn damaged(place: &Place, expected: &str, error: &dyn std::error::Error) -> DataError {
    DataError::new(
        FaultKind::Damaged,
        place.clone(),
        expected,
        error.to_string(),
        "fetch or write the file again: it is damaged",
    )
}

/// The error for a cap that is exceeded.
pub(super) fn too_large(place: Place, found: String, cap: u64) -> DataError {
    DataError::new(FaultKind::TooLarge, place, format!("at most {cap}"), found, "use a smaller data set")
}
