//! The writer of student files, next to the reader so that the two cannot drift apart. Host only.

use super::{ALIGNMENT, Layout, Metadata, PREFIX_BYTES, Prefix, aligned, checksum};
use crate::quant::Multiplier;
use std::vec::Vec;

/// The tensors of one layer, owned, in the order of the layer's kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerTensors {
    /// `[outputs][inputs]` for a dense layer, `[inputs][outputs]` for a sparse-input one; −127..=127.
    pub weights: Vec<i8>,
    /// `[outputs]`; the input zero point folded in for a dense layer.
    pub biases: Vec<i32>,
    /// `[outputs]`.
    pub multipliers: Vec<Multiplier>,
}

/// Writes a student file with canonical weights; [`super::pack`] gives them another order.
///
/// `per_input` holds gains and offsets, each `[inputs]`, for a per-input front end. Nothing is checked here; the only
/// check is [`crate::Student::load`] on the result.
///
/// # Errors
/// postcard's, if the metadata cannot be encoded; none is known.
pub fn write(
    metadata: &Metadata<'_>,
    layers: &[LayerTensors],
    per_input: Option<(&[f32], &[f32])>,
) -> postcard::Result<Vec<u8>> {
    let mut tensors = Vec::new();
    for layer in layers {
        push(&mut tensors, layer.weights.iter().map(|&weight| weight as u8));
        push(&mut tensors, layer.biases.iter().flat_map(|bias| bias.to_le_bytes()));
        push(&mut tensors, layer.multipliers.iter().flat_map(|m| m.mantissa.to_le_bytes()));
        push(&mut tensors, layer.multipliers.iter().map(|m| m.exponent as u8));
    }
    if let Some((gains, offsets)) = per_input {
        push(&mut tensors, gains.iter().flat_map(|gain| gain.to_le_bytes()));
        push(&mut tensors, offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    }
    let encoded = postcard::serialize_with_flavor(metadata, Collect(Vec::new()))?;
    let tensors_offset = aligned(PREFIX_BYTES.saturating_add(encoded.len()));
    let sealed = tensors_offset.saturating_add(tensors.len());
    let prefix = Prefix {
        total_bytes: sealed.saturating_add(4) as u32,
        metadata_bytes: encoded.len() as u32,
        tensor_bytes: tensors.len() as u32,
        layout: Layout::Canonical,
    };
    let mut file = Vec::with_capacity(sealed.saturating_add(4));
    file.extend(prefix.to_bytes());
    file.extend(encoded);
    file.resize(tensors_offset, 0);
    file.extend(tensors);
    file.extend(checksum(&file).to_le_bytes());
    Ok(file)
}

/// Appends a tensor and pads it with zeros.
fn push(tensors: &mut Vec<u8>, bytes: impl Iterator<Item = u8>) {
    tensors.extend(bytes);
    tensors.resize(tensors.len().next_multiple_of(ALIGNMENT), 0);
}

/// Collects postcard's output in a vector.
struct Collect(Vec<u8>);

impl postcard::ser_flavors::Flavor for Collect {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}
