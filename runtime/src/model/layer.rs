//! A layer as the kernels see it: shape, ranges and borrowed tensors.

use super::layout::{Digit, Place};
use super::metadata::LayerKind;
use super::{BLOCK, Layout, aligned, padded};
use crate::quant::{Multiplier, OutputRange};

/// One dense layer with its tensors, borrowed from the file.
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
    /// The weights as they lie in the file; [`Layer::weight`] reads one of them.
    pub weights: &'a [i8],
    /// Biases, mantissas and exponents, one table behind the other.
    pub(super) parameters: &'a [u32],
}

/// The layers of a student, first to last.
pub type Layers<'a, 'm> = core::iter::Copied<core::slice::Iter<'m, Layer<'a>>>;

/// Where the tables of a layer's parameters start.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    any(eyas_kernels = "portable", eyas_kernels = "x86_64", eyas_kernels = "aarch64"),
    allow(dead_code, reason = "hosts read slices")
)]
pub(crate) struct Tables {
    pub biases: *const i32,
    pub mantissas: *const i32,
    pub exponents: *const i8,
}

/// What one output needs besides its weights.
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

    /// A layer whose tensors are not yet found.
    #[inline]
    pub(super) const fn without_tensors(
        kind: LayerKind,
        inputs: u16,
        outputs: u16,
        input_zero_point: i8,
        range: OutputRange,
        layout: Layout,
    ) -> Self {
        Self { kind, inputs, outputs, input_zero_point, range, layout, weights: &[], parameters: &[] }
    }

    /// The biases in output order.
    pub(crate) fn biases(&self) -> impl Iterator<Item = i32> + use<'a> {
        self.parameters.iter().take(usize::from(self.outputs)).map(|&bias| u32::from_le(bias) as i32)
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

    /// The weight of output `o` for input `i`, in any layout; 0 past the end.
    ///
    /// Before `load` has proven the layer a halfword may also hold −128 or 128.
    #[must_use]
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

    /// Outputs rounded up to whole blocks: what kernels may write.
    pub(crate) const fn padded_outputs(&self) -> usize {
        padded(self.outputs as usize, BLOCK)
    }

    /// The tables for kernels: each holds whole blocks of four outputs and starts on a word.
    ///
    /// `None` where that is not so; never for a layer that `load` has proven.
    #[inline]
    #[cfg_attr(
        any(eyas_kernels = "portable", eyas_kernels = "x86_64", eyas_kernels = "aarch64"),
        allow(dead_code, reason = "hosts read slices")
    )]
    pub(crate) fn tables(&self) -> Option<Tables> {
        let words = padded(usize::from(self.outputs), 4);
        let start = self.parameters.as_ptr();
        let fits = self.parameters.len() << 2 >= Self::parameter_bytes(self.outputs);
        fits.then(|| Tables {
            biases: start.cast(),
            mantissas: start.wrapping_add(words).cast(),
            exponents: start.wrapping_add(words << 1).cast(),
        })
    }

    /// Biases, mantissas and exponents as slices, each padded to 16 bytes, for kernels of little-endian hosts.
    ///
    /// `None` where they are not there; never for a layer that `load` has proven.
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
    pub(crate) const fn weight_bytes(kind: LayerKind, layout: Layout, inputs: u16, outputs: u16) -> usize {
        match kind {
            LayerKind::Dense => layout.row_bytes(inputs).wrapping_mul(outputs as usize),
            LayerKind::SparseInput => layout.column_bytes(outputs).wrapping_mul(inputs as usize),
        }
    }

    /// Bytes of this layer's weights.
    pub(super) const fn own_weight_bytes(&self) -> usize {
        Self::weight_bytes(self.kind, self.layout.read(), self.inputs, self.outputs)
    }

    /// Bytes of biases, mantissas and exponents, padding included.
    pub(crate) const fn parameter_bytes(outputs: u16) -> usize {
        let outputs = outputs as usize;
        (aligned(outputs << 2) << 1).wrapping_add(aligned(outputs))
    }
}
