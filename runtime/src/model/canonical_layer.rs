//! A layer that owns its tensors, for tests of kernels.

use super::{Layer, LayerKind, Layout, aligned};
use crate::quant::OutputRange;
use std::vec::Vec;

/// A layer in the canonical layout and what it borrows.
pub(crate) struct CanonicalLayer {
    inputs: u16,
    outputs: u16,
    range: OutputRange,
    weights: Vec<i8>,
    parameters: crate::AlignedBytes,
}

impl CanonicalLayer {
    pub fn new(
        inputs: u16,
        outputs: u16,
        range: OutputRange,
        weights: Vec<i8>,
        biases: &[i32],
        mantissas: &[i32],
        exponents: &[i32],
    ) -> Self {
        let words = aligned(usize::from(outputs) * 4);
        let mut bytes = Vec::new();
        for table in [biases, mantissas] {
            let end = bytes.len() + words;
            bytes.extend(table.iter().flat_map(|word| word.to_le_bytes()));
            bytes.resize(end, 0);
        }
        bytes.extend(exponents.iter().map(|&e| e as u8));
        bytes.resize(aligned(bytes.len()), 0);
        Self { inputs, outputs, range, weights, parameters: crate::AlignedBytes::from(bytes.as_slice()) }
    }

    pub fn view(&self) -> Layer<'_> {
        Layer::of_parts(
            LayerKind::Dense,
            (self.inputs, self.outputs),
            self.range,
            Layout::Canonical,
            &self.weights,
            &self.parameters,
        )
    }

    /// The same weights as a sparse-input layer with inputs and outputs exchanged; sums only.
    pub fn as_columns(&self) -> Layer<'_> {
        Layer::of_parts(
            LayerKind::SparseInput,
            (self.outputs, self.inputs),
            self.range,
            Layout::Canonical,
            &self.weights,
            &[],
        )
    }
}
