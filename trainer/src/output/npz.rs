//! Archives of arrays: `.npz` in memory, the same bytes for the same arrays.

use std::io::{self, Cursor, Write};

use npyz::{AutoSerialize, WriterBuilder};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive that is being written.
pub(crate) struct NpzWriter(ZipWriter<Cursor<Vec<u8>>>);

impl NpzWriter {
    /// An archive without arrays.
    pub(crate) fn new() -> Self {
        Self(ZipWriter::new(Cursor::new(Vec::new())))
    }

    /// Adds an array whose values come row-major.
    pub(crate) fn add<T: AutoSerialize>(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl IntoIterator<Item = T>,
    ) -> io::Result<()> {
        // The archive's default time stamp is fixed.
        self.0.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
        let shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
        let mut bytes = Vec::new();
        let mut array = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
        array.extend(values)?;
        array.finish()?;
        self.0.write_all(&bytes)
    }

    /// The whole archive.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        Ok(self.0.finish()?.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// What earlier versions wrote is written again: nothing in an archive depends on who writes it, or when.
    #[test]
    fn the_shipped_vectors_come_out_byte_for_byte() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/cora/vectors.npz");
        let shipped = std::fs::read(path).unwrap();
        let mut read = zip::ZipArchive::new(Cursor::new(&shipped)).unwrap();
        let mut writer = NpzWriter::new();
        for at in 0..read.len() {
            let member = read.by_index(at).unwrap();
            let name = member.name().trim_end_matches(".npy").to_owned();
            let array = npyz::NpyFile::new(member).unwrap();
            let shape: Vec<usize> = array.shape().iter().map(|&length| length as usize).collect();
            let values: Vec<i8> = array.into_vec().unwrap();
            writer.add(&name, &shape, values).unwrap();
        }
        assert!(writer.finish().unwrap() == shipped, "models/cora/vectors.npz");
    }
}
