//! Writes rows with the integers of every layer as an npz, so that other tools can check against them.

use std::io;

use crate::output::npz::NpzWriter;
use crate::quantize::Replay;

/// An npz with `x` `[rows][inputs]` and, for each layer k, `y{k}` `[rows][outputs]`, all int8.
///
/// # Errors
/// Only if the archive cannot be built in memory.
pub fn write_vectors(rows: &[Vec<i8>], replay: &Replay) -> io::Result<Vec<u8>> {
    let mut archive = NpzWriter::new();
    let shape = |values: usize| [rows.len(), values / rows.len().max(1)];
    let flat: Vec<i8> = rows.iter().flatten().copied().collect();
    archive.add("x", &shape(flat.len()), flat)?;
    for (index, layer) in replay.layers.iter().enumerate() {
        archive.add(&format!("y{index}"), &shape(layer.len()), layer.iter().copied())?;
    }
    archive.finish()
}
