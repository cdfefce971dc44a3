//! Reads the integer and float arrays of a NumPy `.npz` file.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// One array: its shape and its little-endian bytes.
pub struct Array {
    pub shape: Vec<usize>,
    kind: String,
    bytes: Vec<u8>,
}

/// The arrays of one file by name.
pub struct Npz(BTreeMap<String, Array>);

impl Npz {
    /// Reads `path`.
    ///
    /// # Errors
    /// A file that cannot be read, or is not the zip of `.npy` members that NumPy writes.
    pub fn read(path: &Path) -> Result<Self> {
        let file = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        members(&file)
            .and_then(|members| {
                let arrays = members.into_iter().map(|(name, bytes)| Ok((name, array(&bytes)?)));
                Ok(Self(arrays.collect::<Result<_>>()?))
            })
            .with_context(|| format!("{} is not a NumPy archive", path.display()))
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
        ensure!(self.kind == "|i1", "int8 expected, found {}", self.kind);
        Ok(self.bytes.iter().map(|&byte| byte as i8).collect())
    }

    /// The elements of an integer array.
    pub fn i32(&self) -> Result<Vec<i32>> {
        Ok(match self.kind.as_str() {
            "|i1" => self.bytes.iter().map(|&byte| i32::from(byte as i8)).collect(),
            "<i4" => self.bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b)).collect(),
            "<i8" => self.bytes.as_chunks().0.iter().map(|&b| i64::from_le_bytes(b) as i32).collect(),
            other => bail!("integers expected, found {other}"),
        })
    }

    /// The elements of a float array, as `float32`.
    pub fn f32(&self) -> Result<Vec<f32>> {
        Ok(match self.kind.as_str() {
            "<f4" => self.bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            "<f8" => self.bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect(),
            other => bail!("floats expected, found {other}"),
        })
    }
}

/// Walks the zip's central directory, so that members written as a stream are read too.
fn members(file: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let end = file.windows(4).rposition(|window| window == b"PK\x05\x06").context("no zip directory")?;
    let count = u16_at(file, end + 10)?;
    let mut at = u32_at(file, end + 16)? as usize;
    let mut members = Vec::new();
    for _ in 0..count {
        let method = u16_at(file, at + 10)?;
        let packed_bytes = u32_at(file, at + 20)? as usize;
        let (name_bytes, extra, comment) = (u16_at(file, at + 28)?, u16_at(file, at + 30)?, u16_at(file, at + 32)?);
        let local = u32_at(file, at + 42)? as usize;
        let name = file.get(at + 46..at + 46 + usize::from(name_bytes)).context("truncated")?;
        let name = String::from_utf8_lossy(name).trim_end_matches(".npy").to_string();
        let start = local + 30 + usize::from(u16_at(file, local + 26)?) + usize::from(u16_at(file, local + 28)?);
        let packed = file.get(start..start + packed_bytes).context("truncated")?;
        let bytes = match method {
            0 => packed.to_vec(),
            8 => miniz_oxide::inflate::decompress_to_vec(packed).map_err(|error| anyhow::anyhow!("{error}"))?,
            other => bail!("compression method {other}"),
        };
        members.push((name, bytes));
        at += 46 + usize::from(name_bytes) + usize::from(extra) + usize::from(comment);
    }
    Ok(members)
}

/// One `.npy` member: magic, version, header length, a Python literal, the elements.
fn array(member: &[u8]) -> Result<Array> {
    ensure!(member.starts_with(b"\x93NUMPY\x01"), "unknown .npy version");
    let start = 10 + usize::from(u16_at(member, 8)?);
    let header = String::from_utf8_lossy(member.get(10..start).context("truncated")?).to_string();
    let field = |name: &str| header.split_once(&format!("'{name}': ")).map(|(_, rest)| rest).context("no field");
    ensure!(field("fortran_order")?.starts_with("False"), "column-major array");
    let kind = field("descr")?.split('\'').nth(1).context("no type")?.to_string();
    let shape = field("shape")?.trim_start_matches('(').split(')').next().unwrap_or_default();
    let shape = shape.split(',').filter_map(|width| width.trim().parse().ok()).collect();
    Ok(Array { shape, kind, bytes: member.get(start..).unwrap_or_default().to_vec() })
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk).context("truncated")?;
    Ok(u16::from_le_bytes(*found))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let found = bytes.get(at..).and_then(<[u8]>::first_chunk).context("truncated")?;
    Ok(u32::from_le_bytes(*found))
}
