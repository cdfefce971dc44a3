//! Writes rows with the integers of every layer as an npz, so that other tools can check against them.

use crate::quantize::Replay;
use npyz::WriterBuilder;
use std::io::{self, Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An npz with `x` `[rows][inputs]` and, for each layer k, `y{k}` `[rows][outputs]`, all int8.
///
/// # Errors
/// Only if the archive cannot be built in memory.
pub fn write_vectors(rows: &[Vec<i8>], replay: &Replay) -> io::Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let flat: Vec<i8> = rows.iter().flatten().copied().collect();
    add(&mut archive, "x", rows.len(), &flat)?;
    for (index, layer) in replay.layers.iter().enumerate() {
        add(&mut archive, &format!("y{index}"), rows.len(), layer)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn add(archive: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, rows: usize, values: &[i8]) -> io::Result<()> {
    // The archive's default time stamp is fixed, so that the same run writes the same bytes.
    archive.start_file(format!("{name}.npy"), SimpleFileOptions::default())?;
    let shape = [rows as u64, (values.len() / rows.max(1)) as u64];
    let mut bytes = Vec::new();
    let mut array = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd()?;
    array.extend(values.iter().copied())?;
    array.finish()?;
    archive.write_all(&bytes)
}
