//! Re-orders the weights of a whole file for one kernel family, and back. Host only.

use super::{LayerKind, LayerTensors, Layout, write_packed};
use crate::{AlignedBytes, LoadError, Student};
use std::vec::Vec;

/// Writes `file` again with its weights in the order of `layout`.
///
/// Lossless: packing to any layout and back to the first gives the same bytes.
///
/// # Errors
/// Whatever [`Student::load`] says of `file`.
pub fn pack(file: &[u8], layout: Layout) -> Result<Vec<u8>, LoadError> {
    let aligned = AlignedBytes::from(file);
    let student = Student::load(&aligned)?;
    let layers: Vec<LayerTensors> = student
        .layers()
        .map(|layer| {
            let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
            let weights = match layer.kind {
                LayerKind::Dense => {
                    (0..outputs).flat_map(|o| (0..inputs).map(move |i| (o, i))).map(|(o, i)| layer.weight(o, i) as i8).collect()
                }
                LayerKind::SparseInput => {
                    (0..inputs).flat_map(|i| (0..outputs).map(move |o| (o, i))).map(|(o, i)| layer.weight(o, i) as i8).collect()
                }
            };
            LayerTensors {
                weights,
                biases: layer.channels().map(|channel| channel.bias).collect(),
                multipliers: layer.channels().map(|channel| channel.multiplier).collect(),
            }
        })
        .collect();
    let (gains, offsets) = student.front_end_tables();
    let floats = |table: &[[u8; 4]]| table.iter().map(|&value| f32::from_le_bytes(value)).collect::<Vec<_>>();
    let (gains, offsets) = (floats(gains), floats(offsets));
    let per_input = (!gains.is_empty()).then_some((gains.as_slice(), offsets.as_slice()));
    write_packed(student.metadata(), &layers, per_input, layout).map_err(|_| LoadError::Metadata)
}
