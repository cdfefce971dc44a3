//! A layer as the kernels see it: shape, ranges and borrowed tensors.

use super::layout::{Digit, Place};
use super::metadata::LayerKind;
use super::{ALIGNMENT, BLOCK, Layout, padded};
use crate::quant::{Multiplier, OutputRange};

/// One dense layer with its tensors, borrowed from the file.
///
/// Only this module makes one, from tensors that are exactly as long as its shape requires and start on words. Kernels
/// rely on this.
///
/// # Shapes
/// - `weights`: `[outputs][inputs]` for [`LayerKind::Dense`], `[inputs][outputs]` for
///   [`LayerKind::SparseInput`], in the order and with the padding of `layout`; −127..=127
/// - bias, mantissa, exponent: `[outputs]`, each padded with zeros to 16 bytes
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// How the layer reads its input.
    pub kind: LayerKind,
    /// Number of inputs.
    pub inputs: u16,
    /// Number of outputs.
    pub outputs: u16,
    /// Input integer that stands for 0.0.
    pub input_zero_point: i8,
    /// Zero point and clamp of the outputs.
    pub range: OutputRange,
    /// The order of the weights.
    pub layout: Layout,
    /// The weights in the order of the file; [`Layer::weight`] reads one of them.
    pub weights: &'a [i8],
    /// Biases, mantissas and exponents, one table after the other.
    parameters: &'a [u32],
}

/// Sixteen bytes of tensors: each tensor starts on such a boundary.
pub(crate) type Block = [u32; ALIGNMENT / 4];

/// Where the tables of a layer's parameters start.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(eyas_kernels = "armv6m", eyas_kernels = "armv7m", eyas_kernels = "helium", eyas_kernels = "rv32im")),
    allow(dead_code, reason = "other cores read slices, or find them themselves")
)]
pub(crate) struct Tables {
    pub biases: *const i32,
    pub mantissas: *const i32,
    pub exponents: *const i8,
}

/// The parameters of one output besides its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Start of the sum, in units of input scale times weight scale; zero point folded in for dense layers.
    pub bias: i32,
    /// Sum to output steps.
    pub multiplier: Multiplier,
}

impl<'a> Layer<'a> {
    #[cfg(all(test, feature = "std"))]
    pub(crate) fn of_parts(
        kind: LayerKind,
        (inputs, outputs): (u16, u16),
        range: OutputRange,
        layout: Layout,
        weights: &'a [i8],
        parameters: &'a [u32],
    ) -> Self {
        Self { kind, inputs, outputs, input_zero_point: 0, range, layout, weights, parameters }
    }

    /// The biases in output order, then other words up to at least a whole block.
    pub(crate) fn biases(&self) -> &'a [i32] {
        bytemuck::must_cast_slice(self.parameters)
    }

    /// The channels in output order.
    pub fn channels(&self) -> impl ExactSizeIterator<Item = Channel> + use<'a> {
        let (biases, mantissas, exponents) = self.parameter_tables().unwrap_or_default();
        let parts = biases.iter().zip(mantissas).zip(exponents).take(usize::from(self.outputs));
        parts.map(|((&bias, &mantissa), &exponent)| Channel {
            bias: i32::from_le(bias),
            multiplier: Multiplier { mantissa: i32::from_le(mantissa), exponent },
        })
    }

    /// The parameters of output `o` besides its weights; `None` past the last.
    #[inline(always)]
    pub(super) fn channel(&self, o: usize) -> Option<Channel> {
        if o >= usize::from(self.outputs) {
            return None;
        }
        let words = padded(self.outputs.into(), 4);
        let bias = *self.parameters.get(o)?;
        let mantissa = *self.parameters.get(o.wrapping_add(words))?;
        let exponents: &[i8] = bytemuck::must_cast_slice(self.parameters);
        let exponent = *exponents.get(o.wrapping_add(words << 3))?;
        let mantissa = u32::from_le(mantissa) as i32;
        Some(Channel { bias: u32::from_le(bias) as i32, multiplier: Multiplier { mantissa, exponent } })
    }

    /// The weight of output `o` for input `i`, in any layout; 0 past the end.
    ///
    /// Before `load` has validated the layer, a halfword may also hold −128 or 128.
    #[must_use]
    #[cfg_attr(eyas_setting = "size", inline(never))]
    pub fn weight(&self, o: usize, i: usize) -> i16 {
        let place = match self.kind {
            LayerKind::Dense => self.layout.read().place(self.inputs, self.outputs, o, i),
            LayerKind::SparseInput => {
                let at = i.wrapping_mul(self.column_bytes()).wrapping_add(o);
                Place { at, digit: Digit::Byte }
            }
        };
        place.read(self.weights).unwrap_or(0)
    }

    /// Bytes of one input's run of weights in a sparse-input layer.
    pub(crate) const fn column_bytes(&self) -> usize {
        self.layout.read().column_bytes(self.outputs)
    }

    /// Outputs rounded up to whole blocks, which is how much kernels may write.
    pub(crate) const fn padded_outputs(&self) -> usize {
        padded(self.outputs as usize, BLOCK)
    }

    /// Where the tables of the parameters start, for kernels that know their order.
    #[inline]
    #[cfg_attr(not(eyas_kernels = "armv7em"), allow(dead_code, reason = "kernels of one core"))]
    pub(crate) const fn parameters(&self) -> *const u32 {
        self.parameters.as_ptr()
    }

    /// The tables for kernels: each holds whole blocks of four outputs and starts on a word.
    #[inline]
    #[cfg_attr(
        not(any(eyas_kernels = "armv6m", eyas_kernels = "armv7m", eyas_kernels = "helium", eyas_kernels = "rv32im")),
        allow(dead_code, reason = "other cores read slices, or find them themselves")
    )]
    pub(crate) fn tables(&self) -> Tables {
        let words = padded(usize::from(self.outputs), 4);
        let start = self.parameters.as_ptr();
        Tables {
            biases: start.cast(),
            mantissas: start.wrapping_add(words).cast(),
            exponents: start.wrapping_add(words << 1).cast(),
        }
    }

    /// Biases, mantissas and exponents as slices, each padded to 16 bytes, for kernels of little-endian hosts.
    ///
    /// `None` if they are missing; never for a layer that `load` has validated.
    #[inline]
    #[cfg_attr(not(any(eyas_kernels = "x86_64", eyas_kernels = "aarch64")), allow(dead_code, reason = "hosts only"))]
    pub(crate) fn parameter_tables(&self) -> Option<(&'a [i32], &'a [i32], &'a [i8])> {
        let words = padded(usize::from(self.outputs), 4);
        let (biases, rest) = self.parameters.split_at_checked(words)?;
        let (mantissas, exponents) = rest.split_at_checked(words)?;
        let words = bytemuck::must_cast_slice::<u32, i32>;
        Some((words(biases), words(mantissas), bytemuck::must_cast_slice(exponents)))
    }

    /// Multiply-accumulates of one dense pass.
    #[must_use]
    pub fn macs(&self) -> u32 {
        u32::from(self.inputs).saturating_mul(u32::from(self.outputs))
    }

    /// Bytes of the weights of a layer of this shape, padding inside rows included.
    ///
    /// Two widths of at most [`super::MAX_WIDTH`] and 15 of padding: below 2^31.
    #[inline]
    pub(crate) const fn bytes_of_weights(kind: LayerKind, layout: Layout, inputs: usize, outputs: usize) -> usize {
        let (run, runs) = match kind {
            LayerKind::Dense => (padded_width(inputs, layout.row_group()), outputs),
            LayerKind::SparseInput => (padded_width(outputs, layout.column_group()), inputs),
        };
        run.wrapping_mul(runs)
    }

    /// Bytes of biases, mantissas and exponents, padding included.
    pub(crate) const fn parameter_bytes(outputs: usize) -> usize {
        parameter_blocks(outputs) << 4
    }
}

/// As [`padded`], but with a mask, which becomes an immediate operand even if the compiler does not know that widths
/// have 16 bits.
#[inline(always)]
const fn padded_width(count: usize, multiple: usize) -> usize {
    count.wrapping_add(multiple.wrapping_sub(1)) & multiple.wrapping_neg()
}

/// Blocks that hold this many bytes, far below `usize::MAX`.
#[inline(always)]
const fn blocks(bytes: usize) -> usize {
    bytes.wrapping_add(ALIGNMENT - 1) >> 4
}

/// Blocks of biases, mantissas and exponents.
#[inline(always)]
const fn parameter_blocks(outputs: usize) -> usize {
    let fours = outputs.wrapping_add(3) >> 2;
    (fours << 1).wrapping_add(fours.wrapping_add(3) >> 2)
}

/// A network as stored in the file, from which its layers are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Network<'a> {
    /// Their table in the metadata, its encoding validated.
    pub table: &'a [u8],
    /// Their tensors, and those of the front end after them.
    pub tensors: &'a [Block],
    /// Number of inputs.
    pub inputs: u16,
    /// Input integer that stands for 0.0.
    pub zero_point: i8,
    /// The order of the weights.
    pub layout: Layout,
}

/// The layers of a student, first to last.
///
/// Offsets are not stored: each tensor starts on the next 16-byte boundary after the previous one, so the offsets
/// follow from the shapes, and no file can overlap tensors or leave gaps.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Layers<'a> {
    /// The layer before them; before the first one, its outputs are the inputs.
    layer: Layer<'a>,
    /// The table of the remaining layers in the metadata.
    table: &'a [u8],
    /// The tensors of those layers, and those of the front end after them.
    tensors: &'a [Block],
    /// Blocks that the layers so far require; fewer than 2^29 for each of at most eight layers, whatever their widths.
    pub(super) blocks: u32,
}

impl<'a> Layers<'a> {
    #[cfg_attr(eyas_setting = "size", inline(never))]
    #[cfg_attr(not(eyas_setting = "size"), inline)]
    pub(crate) fn new(network: &Network<'a>) -> Self {
        let &Network { table, tensors, inputs, zero_point, layout } = network;
        let layer = Layer {
            kind: LayerKind::Dense,
            inputs: 0,
            outputs: inputs,
            input_zero_point: 0,
            range: OutputRange { zero_point, lo: 0, hi: 0 },
            layout,
            weights: &[],
            parameters: &[],
        };
        Self { layer, table, tensors, blocks: 0 }
    }

    /// Number of outputs of the last layer passed, and its integer that stands for 0.0.
    #[inline]
    pub(crate) const fn width(&self) -> (u16, i8) {
        (self.layer.outputs, self.layer.range.zero_point)
    }

    /// The bytes after the last layer: the tables of the front end.
    pub(crate) fn rest(mut self) -> &'a [u8] {
        while self.advance().is_some() {}
        bytemuck::must_cast_slice(self.tensors)
    }

    /// The next layer, and the available part of its tensors.
    #[inline(never)]
    pub(crate) fn advance(&mut self) -> Option<&Layer<'a>> {
        let layer = &mut self.layer;
        let (&[kind, mut digit], mut table) = self.table.split_first_chunk()?;
        layer.inputs = layer.outputs;
        layer.input_zero_point = layer.range.zero_point;
        layer.kind = if kind & 1 == 0 { LayerKind::Dense } else { LayerKind::SparseInput };
        let (mut outputs, mut place) = (0usize, 1usize);
        loop {
            outputs = usize::from(digit & 0x7f).wrapping_mul(place).wrapping_add(outputs);
            if digit < 0x80 {
                break;
            }
            place <<= 7;
            (digit, table) = table.split_first().map(|(&digit, table)| (digit, table))?;
        }
        layer.outputs = outputs as u16;
        let (&[zero_point, lo, hi], table) = table.split_first_chunk()?;
        self.table = table;
        layer.range = OutputRange { zero_point: zero_point as i8, lo: lo as i8, hi: hi as i8 };
        let weight_bytes = Layer::bytes_of_weights(layer.kind, layer.layout.read(), layer.inputs.into(), outputs);
        let (weights, parameters) = (blocks(weight_bytes), parameter_blocks(outputs));
        self.blocks = self.blocks.wrapping_add(weights.wrapping_add(parameters) as u32);
        let (weights, tensors) = self.tensors.split_at_checked(self.tensors.len().min(weights))?;
        let (parameters, tensors) = tensors.split_at_checked(tensors.len().min(parameters))?;
        let weights: &[i8] = bytemuck::must_cast_slice(weights);
        layer.weights = weights.get(..weights.len().min(weight_bytes)).unwrap_or_default();
        layer.parameters = bytemuck::must_cast_slice(parameters);
        self.tensors = tensors;
        Some(layer)
    }
}

impl<'a> Iterator for Layers<'a> {
    type Item = Layer<'a>;

    fn next(&mut self) -> Option<Layer<'a>> {
        self.advance().copied()
    }
}
