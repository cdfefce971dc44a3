//! The one type users hold: load once, infer many.

mod batch;

use crate::kernels::portable::Portable;
use crate::kernels::{Active, Kernels, Source, add_all, dense};
use crate::model::{
    CoreClass, Costs, FrontEnd, GoldenVectors, Layer, LayerKind, Layers, Layout, Metadata, Normalization, load,
};
use crate::quant::{quantize_feature, row_share};
use crate::{Answer, InferError, LoadError, Outputs, QuantizeError};

/// A checked view of a student file.
///
/// Borrows the file; nothing is copied. Inference takes `&self` and an arena the caller owns, so one student
/// serves several tasks and an interrupt, each with its own arena.
#[derive(Clone, Debug)]
pub struct Student<'a> {
    file: &'a [u8],
    metadata: Metadata<'a>,
    layout: Layout,
    tensors: &'a [u8],
    first_buffer_words: usize,
    arena_words: usize,
}

impl<'a> Student<'a> {
    /// Reads a student file in place and proves everything about it.
    ///
    /// **Any byte string is a safe argument.** Whatever passes cannot make [`Student::infer`] panic, overflow
    /// or read outside the file.
    ///
    /// # Errors
    /// The first thing that is wrong; see [`LoadError`]. `file` must start on a 16-byte boundary.
    #[inline]
    pub fn load(file: &'a [u8]) -> Result<Self, LoadError> {
        // Inlined, with all the work behind a reference, so that the student is built where the caller keeps it.
        let mut student = Self {
            file,
            metadata: Metadata::default(),
            layout: Layout::THIS,
            tensors: &[],
            first_buffer_words: 0,
            arena_words: 0,
        };
        student.read()?;
        Ok(student)
    }

    /// Proves the file and fills in what follows from it.
    #[inline(never)]
    fn read(&mut self) -> Result<(), LoadError> {
        (self.layout, self.tensors) = load(self.file, &mut self.metadata)?;
        let costs = self.costs();
        self.first_buffer_words = costs.first_buffer_bytes(CoreClass::THIS) >> 2;
        self.arena_words = costs.arena_bytes(CoreClass::THIS) >> 2;
        Ok(())
    }

    /// Runs the network on one input vector.
    ///
    /// # Shapes
    /// - `x`: `[inputs]`, in the integers of the file's input scale
    /// - `arena`: at least [`Student::arena_words`], any content, overwritten
    ///
    /// # Errors
    /// Only for a wrong length of `x` or `arena`.
    pub fn infer<'b>(&self, x: &[i8], arena: &'b mut [u32]) -> Result<Answer<'b>, InferError> {
        self.infer_observed(x, arena, |_, _| {})
    }

    /// Like [`Student::infer`], and shows every layer's integers to `observe(layer, outputs)` as they appear.
    ///
    /// # Errors
    /// As [`Student::infer`].
    #[inline]
    pub fn infer_observed<'b>(
        &self,
        x: &[i8],
        arena: &'b mut [u32],
        observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        self.check_input(x)?;
        self.run::<Active>(Input::All(x), arena, observe)
    }

    /// Like [`Student::infer_observed`], always on the portable kernels: the specification to compare with.
    ///
    /// # Errors
    /// As [`Student::infer`].
    pub fn infer_portable<'b>(
        &self,
        x: &[i8],
        arena: &'b mut [u32],
        observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        self.check_input(x)?;
        self.run::<Portable>(Input::All(x), arena, observe)
    }

    /// Runs a sparse-input student on the list of its present inputs, without looking at the absent ones.
    ///
    /// Every listed input holds `value`, every other one the input zero point: a bag of words.
    ///
    /// # Shapes
    /// - `present`: strictly ascending, each below the number of inputs
    /// - `arena`: as for [`Student::infer`]
    ///
    /// # Errors
    /// A first layer that takes dense input; the first entry out of order or range; an arena that is too small.
    pub fn infer_present<'b>(
        &self,
        present: &[u16],
        value: i8,
        arena: &'b mut [u32],
    ) -> Result<Answer<'b>, InferError> {
        if self.metadata.layers.first().is_none_or(|layer| layer.kind != LayerKind::SparseInput) {
            return Err(InferError::NotSparse);
        }
        let mut smallest = 0u16;
        for (position, &input) in (0u32..).zip(present) {
            if input < smallest || input >= self.metadata.inputs {
                return Err(InferError::Present { position });
            }
            smallest = input.wrapping_add(1);
        }
        self.run::<Active>(Input::Listed(present, value), arena, |_, _| {})
    }

    fn check_input(&self, x: &[i8]) -> Result<(), InferError> {
        let inputs = usize::from(self.metadata.inputs);
        if x.len() == inputs {
            Ok(())
        } else {
            Err(InferError::InputLength { expected: inputs as u32, found: x.len() as u32 })
        }
    }

    #[inline]
    fn run<'b, K: Kernels>(
        &self,
        input: Input<'_>,
        arena: &'b mut [u32],
        mut observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        let too_small = InferError::ArenaLength { expected: self.arena_words as u32, found: arena.len() as u32 };
        let second_words = self.arena_words.saturating_sub(self.first_buffer_words);
        let (back, rest) = arena.split_at_mut_checked(self.first_buffer_words).ok_or(too_small)?;
        let front = rest.get_mut(..second_words).ok_or(too_small)?;
        let mut pass = Pass { layers: self.layers(), input, back, front, units: 0 };
        let mut index = 0usize;
        while pass.step::<K>() {
            observe(index, Outputs::new(pass.back, pass.units, K::CLASS));
            index = index.wrapping_add(1);
        }
        Ok(Answer {
            logits: Outputs::into_integers(pass.back, pass.units, K::CLASS),
            scale: self.metadata.output.scale,
            zero_point: self.metadata.layers.last().map_or(0, |layer| layer.zero_point),
        })
    }

    /// Turns real features into input integers by the file's normalization and front end.
    ///
    /// # Shapes
    /// - `features` and `x`: `[inputs]`
    ///
    /// # Errors
    /// A wrong length; the index of the first feature that is not finite; or no front end in the file. On an
    /// error `x` may be partly written.
    pub fn quantize(&self, features: &[f32], x: &mut [i8]) -> Result<(), QuantizeError> {
        let expected = u32::from(self.metadata.inputs);
        if features.len() != expected as usize {
            return Err(QuantizeError::FeatureLength { expected, found: features.len() as u32 });
        }
        if x.len() != expected as usize {
            return Err(QuantizeError::OutputLength { expected, found: x.len() as u32 });
        }
        let (mut gain, mut offset) = (0.0, 0.0);
        let mut per_input: (&[[u8; 4]], &[[u8; 4]]) = (&[], &[]);
        match self.metadata.front_end {
            FrontEnd::Integers => return Err(QuantizeError::NoFrontEnd),
            FrontEnd::Uniform { gain: g, offset: o } => (gain, offset) = (g, o),
            FrontEnd::PerInput => per_input = self.front_end_tables(),
        }
        let share = match self.metadata.normalization {
            Normalization::None => 1.0,
            Normalization::RowSum => {
                row_share(features.iter().copied()).map_err(|index| QuantizeError::NotFinite { index })?
            }
        };
        let mut gains = per_input.0.iter();
        let mut offsets = per_input.1.iter();
        for ((index, &feature), x) in (0u32..).zip(features).zip(x) {
            if let (Some(&g), Some(&o)) = (gains.next(), offsets.next()) {
                (gain, offset) = (f32::from_le_bytes(g), f32::from_le_bytes(o));
            }
            *x = quantize_feature(feature * share, gain, offset).ok_or(QuantizeError::NotFinite { index })?;
        }
        Ok(())
    }

    /// Gains and offsets of a per-input front end as `f32` bytes, `[inputs]` each; empty for other front ends.
    #[must_use]
    pub fn front_end_tables(&self) -> (&'a [[u8; 4]], &'a [[u8; 4]]) {
        let rest = self.layers().rest();
        let (gains, offsets) = rest.split_at_checked(rest.len() >> 1).unwrap_or_default();
        let inputs = usize::from(self.metadata.inputs);
        let table = |bytes: &'a [u8]| bytes.as_chunks().0.get(..inputs).unwrap_or_default();
        (table(gains), table(offsets))
    }

    /// The order of the weights in the file.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The layers with their tensors, first to last.
    #[must_use]
    pub fn layers(&self) -> Layers<'a, '_> {
        Layers::new(&self.metadata, self.layout, self.tensors)
    }

    /// Everything the file says besides its tensors.
    #[must_use]
    pub const fn metadata(&self) -> &Metadata<'a> {
        &self.metadata
    }

    /// The golden vectors in the file.
    #[must_use]
    pub fn golden_vectors(&self) -> GoldenVectors<'a> {
        GoldenVectors::new(&self.metadata)
    }

    /// Shape and costs.
    #[must_use]
    pub fn costs(&self) -> Costs {
        Costs::new(&self.metadata, self.file.len())
    }

    /// Length of the arena one inference needs with this build's kernels, in 32-bit words.
    #[must_use]
    pub const fn arena_words(&self) -> usize {
        self.arena_words
    }
}

/// What the next layer reads.
#[derive(Clone, Copy)]
enum Input<'x> {
    /// Every input.
    All(&'x [i8]),
    /// The present inputs and the value each of them holds.
    Listed(&'x [u16], i8),
    /// The outputs of the layer before.
    Layer,
}

/// An inference between two layers.
struct Pass<'s, 'x, 'b> {
    layers: Layers<'s, 'x>,
    input: Input<'x>,
    /// Holds the outputs of the layer before.
    back: &'b mut [u32],
    /// Receives the outputs of the next one.
    front: &'b mut [u32],
    /// Outputs in `back`.
    units: usize,
}

impl<'s> Pass<'s, '_, '_> {
    /// Runs one layer; false behind the last one. One copy for all callers.
    #[inline(never)]
    fn step<K: Kernels>(&mut self) -> bool {
        // A separate frame and no layer in memory for the common kind.
        if self.layers.next_kind() == Some(LayerKind::SparseInput) {
            let Some(layer) = self.sum_present::<K>() else { return false };
            let sums: &[i32] = bytemuck::must_cast_slice(self.back);
            K::requantize_sums(&layer, sums, bytemuck::must_cast_slice_mut(self.front));
            return self.turn(layer.outputs);
        }
        let Some(layer) = self.layers.next() else { return false };
        let x = match core::mem::replace(&mut self.input, Input::Layer) {
            Input::All(x) => K::input(x, self.back),
            Input::Listed(..) | Input::Layer => bytemuck::must_cast_slice(self.back),
        };
        dense::<K>(&layer, x, bytemuck::must_cast_slice_mut(self.front));
        self.turn(layer.outputs)
    }

    /// The finished sums of a sparse-input layer, in `back`. A frame of its own, gone before they are requantized.
    #[inline(never)]
    fn sum_present<K: Kernels>(&mut self) -> Option<Layer<'s>> {
        let layer = self.layers.next()?;
        let zero_point = layer.input_zero_point;
        let source = match core::mem::replace(&mut self.input, Input::Layer) {
            Input::All(x) => Source::scan(x, zero_point),
            Input::Listed(inputs, value) => Source::listed(inputs, value, zero_point),
            Input::Layer => Source::scan(&[], zero_point),
        };
        add_all::<K>(&layer, source, bytemuck::must_cast_slice_mut(self.back), self.front);
        Some(layer)
    }

    fn turn(&mut self, outputs: u16) -> bool {
        self.units = usize::from(outputs);
        core::mem::swap(&mut self.back, &mut self.front);
        true
    }
}
