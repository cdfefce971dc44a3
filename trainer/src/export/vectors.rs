//! Rows with the integers of every layer as an npz, for other tools to check against.

use crate::quantize::Replay;
use npyz::WriterBuilder;
use npyz::zip::CompressionMethod;
use npyz::zip::write::FileOptions;
use std::io::{self, Cursor};

/// An npz with `x` `[rows][inputs]` and, for each layer k, `y{k}` `[rows][outputs]`, all int8.
///
/// # Errors
/// Only when the archive cannot be built in memory.
pub fn write_vectors(rows: &[Vec<i8>], replay: &Replay) -> io::Result<Vec<u8>> {
    let mut buffer = Cursor::new(Vec::new());
    let mut archive = npyz::npz::NpzWriter::new(&mut buffer);
    let flat: Vec<i8> = rows.iter().flatten().copied().collect();
    add(&mut archive, "x", rows.len(), &flat)?;
    for (index, layer) in replay.layers.iter().enumerate() {
        add(&mut archive, &format!("y{index}"), rows.len(), layer)?;
    }
    drop(archive);
    Ok(buffer.into_inner())
}

fn add<W: io::Write + io::Seek>(archive: &mut npyz::npz::NpzWriter<W>, name: &str, rows: usize, values: &[i8]) -> io::Result<()> {
    let options = FileOptions::default().compression_method(CompressionMethod::Deflated);
    let shape = [rows as u64, (values.len() / rows.max(1)) as u64];
    let mut array = archive.array(name, options)?.default_dtype().shape(&shape).begin_nd()?;
    array.extend(values.iter().copied())?;
    array.finish()
}
