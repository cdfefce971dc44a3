//! The costs of a student, known before it runs.

use crate::kernels::{Active, Kernels};

use super::table::{Row, Table};
use super::{LayerKind, Layers, PREFIX_BYTES, aligned};

/// Core families by the width of the activations their kernels keep in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoreClass {
    /// One byte an activation: the portable kernels, Helium, RV32IM, hosts.
    Bytes,
    /// Two bytes: Cortex-M4, M7, M33 (dual 16-bit multiply).
    Halfwords,
    /// Four bytes: Cortex-M0, M0+, M3.
    Words,
}

impl CoreClass {
    /// The class of the kernels this build runs.
    pub const THIS: Self = <Active as Kernels>::CLASS;

    /// Where unit `unit` lies in a buffer of activations.
    ///
    /// [`CoreClass::Halfwords`] swaps the middle two of every four: the order that the dual multiply reads.
    #[inline]
    #[must_use]
    pub const fn place(self, unit: usize) -> usize {
        match self {
            // Both low bits flip if they differ.
            Self::Halfwords => unit ^ ((unit ^ (unit >> 1)) & 1).wrapping_mul(3),
            Self::Bytes | Self::Words => unit,
        }
    }

    /// Where the lowest byte of unit `unit` lies, which holds its whole value; cores of wider classes are
    /// little-endian.
    #[inline]
    pub(crate) const fn low_byte(self, unit: usize) -> usize {
        self.place(unit).wrapping_mul(self.activation_bytes())
    }

    pub(crate) const fn activation_bytes(self) -> usize {
        match self {
            Self::Bytes => 1,
            Self::Halfwords => 2,
            Self::Words => 4,
        }
    }
}

/// Shape and costs of a student, computable at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Costs {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Number of layers.
    pub layers: usize,
    /// Multiply-accumulates of one dense inference.
    pub macs: usize,
    /// Weights, one byte each, without padding.
    pub weight_bytes: usize,
    /// Weights and biases.
    pub parameters: usize,
    /// Bytes of flash: the whole file.
    pub file_bytes: usize,
    buffers: Buffers,
}

/// Widths that share each of the two activation buffers, and the sparse first layer's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buffers {
    /// 0 if the first layer takes dense input, which then occupies the first buffer itself.
    sparse_sums: usize,
    first: usize,
    second: usize,
}

impl Costs {
    /// Reads the costs of a student file from its prefix and layer table.
    ///
    /// `None` if the bytes do not even look like a student file; `load` checks everything else. Usable in constants.
    #[must_use]
    pub const fn of(file: &[u8]) -> Option<Self> {
        let Some((prefix, metadata)) = file.split_first_chunk::<PREFIX_BYTES>() else { return None };
        let [m0, m1, m2, m3, ..] = *prefix;
        if u32::from_le_bytes([m0, m1, m2, m3]) != u32::from_le_bytes(super::MAGIC) {
            return None;
        }
        let Some(mut table) = Table::of(metadata) else { return None };
        let mut costs = Self::of_input(table.inputs as usize, file.len());
        while table.left > 0 {
            let Some(Row { kind, outputs, .. }) = table.advance() else { return None };
            costs = costs.and_layer(matches!(kind, LayerKind::SparseInput), outputs as usize);
        }
        if costs.layers == 0 { None } else { Some(costs) }
    }

    /// The costs of checked layers.
    pub(crate) fn new(inputs: u16, mut layers: Layers<'_>, file_bytes: usize) -> Self {
        let mut costs = Self::of_input(inputs.into(), file_bytes);
        while let Some(layer) = layers.advance() {
            costs = costs.and_layer(layer.kind == LayerKind::SparseInput, layer.outputs.into());
        }
        costs
    }

    #[inline(always)]
    pub(super) const fn of_input(inputs: usize, file_bytes: usize) -> Self {
        Self {
            inputs,
            outputs: inputs,
            layers: 0,
            macs: 0,
            weight_bytes: 0,
            parameters: 0,
            file_bytes,
            buffers: Buffers { sparse_sums: 0, first: 0, second: 0 },
        }
    }

    #[inline(always)]
    pub(super) const fn and_layer(mut self, sparse_input: bool, outputs: usize) -> Self {
        let macs = self.outputs.saturating_mul(outputs);
        self.macs = self.macs.saturating_add(macs);
        self.weight_bytes = self.macs;
        self.parameters = self.parameters.saturating_add(macs).saturating_add(outputs);
        if sparse_input {
            self.buffers.sparse_sums = outputs;
        }
        // Layer 0 writes the second buffer, layer 1 the first, and so on.
        if self.layers & 1 == 0 {
            self.buffers.second = larger(self.buffers.second, outputs);
        } else {
            self.buffers.first = larger(self.buffers.first, outputs);
        }
        self.outputs = outputs;
        self.layers = self.layers.wrapping_add(1);
        self
    }

    /// Bytes of the first of the two activation buffers on `class`.
    #[must_use]
    #[inline(always)]
    pub const fn first_buffer_bytes(&self, class: CoreClass) -> usize {
        // A width takes at most three varint bytes.
        let width = class.activation_bytes();
        let start = match self.buffers.sparse_sums {
            0 if width == 1 => 0,
            0 => self.inputs.wrapping_mul(width),
            sums => sums.wrapping_mul(4),
        };
        aligned(larger(start, self.buffers.first.wrapping_mul(width)))
    }

    /// Bytes of arena one inference needs on `class`: two activation buffers, each a multiple of 16.
    #[must_use]
    #[inline(always)]
    pub const fn arena_bytes(&self, class: CoreClass) -> usize {
        let second = aligned(self.buffers.second.wrapping_mul(class.activation_bytes()));
        self.first_buffer_bytes(class).wrapping_add(second)
    }
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}
