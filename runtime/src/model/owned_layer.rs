//! A layer that owns its tensors, for tests of kernels.

use super::{Layer, LayerKind, Layout, aligned};
use crate::quant::OutputRange;
use std::vec::Vec;

/// A layer and the tensors it borrows.
#[derive(Clone)]
pub(crate) struct OwnedLayer {
    layout: Layout,
    inputs: u16,
    outputs: u16,
    range: OutputRange,
    weights: Vec<i8>,
    parameters: Vec<u32>,
}

impl OwnedLayer {
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
        let parameters = bytes.as_chunks().0.iter().map(|&word| u32::from_ne_bytes(word)).collect();
        Self { layout: Layout::Canonical, inputs, outputs, range, weights, parameters }
    }

    pub fn view(&self) -> Layer<'_> {
        Layer::of_parts(
            LayerKind::Dense,
            (self.inputs, self.outputs),
            self.range,
            self.layout,
            &self.weights,
            &self.parameters,
        )
    }

    /// The same dense layer in a layout whose weights are whole bytes.
    pub fn packed(&self, layout: Layout) -> Self {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let mut weights =
            std::vec![0; Layer::bytes_of_weights(LayerKind::Dense, layout, inputs.into(), outputs.into())];
        for o in 0..usize::from(outputs) {
            for i in 0..usize::from(inputs) {
                weights[layout.place(inputs, outputs, o, i).at] = self.weights[o * usize::from(inputs) + i];
            }
        }
        Self { layout, weights, ..self.clone() }
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
