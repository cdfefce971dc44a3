//! The one type users hold: load once, infer many.

mod batch;

use crate::kernels::portable::Portable;
use crate::kernels::{Active, Kernels, Present, add_all, dense, listed, scan};
use crate::model::{
    Costs, FrontEnd, GoldenVectors, Layer, LayerKind, Layers, Layout, MAX_LAYERS, Normalization, Task,
};
use crate::quant::{quantize_feature, row_share};
use crate::{Answer, InferError, LoadError, Outputs, QuantizeError};
use heapless::Vec;

/// A checked view of a student file.
///
/// Borrows the file; nothing is copied but the table of layers. Inference takes `&self` and an arena the caller owns,
/// so one student serves several tasks and an interrupt, each with its own arena.
#[derive(Clone, Debug)]
pub struct Student<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) layers: Vec<Layer<'a>, MAX_LAYERS>,
    pub(crate) task: Task,
    pub(crate) normalization: Normalization,
    pub(crate) front_end: FrontEnd,
    /// The metadata behind the front end.
    pub(crate) fields: &'a [u8],
    pub(crate) scale: f32,
    pub(crate) golden: &'a [u8],
    /// Gains and offsets of a per-input front end.
    pub(crate) tables: &'a [u8],
    pub(crate) first_buffer_words: usize,
    pub(crate) arena_words: usize,
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
        let mut student = Self::of_file(file);
        student.read()?;
        Ok(student)
    }

    /// What loading fills in.
    #[inline]
    pub(crate) const fn of_file(file: &'a [u8]) -> Self {
        Self {
            file,
            layers: Vec::new(),
            task: Task::Classify,
            normalization: Normalization::None,
            front_end: FrontEnd::Integers,
            fields: &[],
            scale: 0.0,
            golden: &[],
            tables: &[],
            first_buffer_words: 0,
            arena_words: 0,
        }
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
        self.run::<Active>(x, arena, &mut |_, _| {})
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
        mut observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        self.run::<Active>(x, arena, &mut observe)
    }

    /// Like [`Student::infer_observed`], always on the portable kernels: the specification to compare with.
    ///
    /// # Errors
    /// As [`Student::infer`].
    pub fn infer_portable<'b>(
        &self,
        x: &[i8],
        arena: &'b mut [u32],
        mut observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        self.run::<Portable>(x, arena, &mut observe)
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
        if self.layers.first().is_none_or(|layer| layer.kind != LayerKind::SparseInput) {
            return Err(InferError::NotSparse);
        }
        let mut smallest = 0u16;
        for (position, &input) in (0u32..).zip(present) {
            if input < smallest || usize::from(input) >= self.inputs() {
                return Err(InferError::Present { position });
            }
            smallest = input.wrapping_add(1);
        }
        self.run_layers::<Active>(arena, &mut |_, _| {}, |layer, back, front| {
            sum_present::<Active>(layer, listed(present, value, layer.input_zero_point), back, front);
        })
    }

    /// An inference of all inputs.
    #[inline(never)]
    fn run<'b, K: Kernels>(&self, x: &[i8], arena: &'b mut [u32], observe: Observe<'_>) -> Result<Answer<'b>, InferError> {
        let expected = self.inputs();
        if x.len() != expected {
            return Err(InferError::InputLength { expected: expected as u32, found: x.len() as u32 });
        }
        self.run_layers::<K>(arena, observe, |layer, back, front| match layer.kind {
            LayerKind::Dense => dense::<K>(layer, K::input(x, back), bytemuck::must_cast_slice_mut(front)),
            LayerKind::SparseInput => sum_present::<K>(layer, scan::<K>(x, layer.input_zero_point), back, front),
        })
    }

    /// Runs `first` on the first layer and the two buffers, of which the second receives the outputs, then the other layers.
    #[inline(always)]
    fn run_layers<'b, K: Kernels>(
        &self,
        arena: &'b mut [u32],
        observe: Observe<'_>,
        first: impl FnOnce(&Layer<'a>, &mut [u32], &mut [u32]),
    ) -> Result<Answer<'b>, InferError> {
        let too_small = InferError::ArenaLength { expected: self.arena_words as u32, found: arena.len() as u32 };
        let arena = arena.get_mut(..self.arena_words).ok_or(too_small)?;
        let (mut back, mut front) = arena.split_at_mut_checked(self.first_buffer_words).ok_or(too_small)?;
        let (mut units, mut zero_point) = (0usize, 0i8);
        let mut first = Some(first);
        for (index, layer) in self.layers.iter().enumerate() {
            match first.take() {
                Some(first) => first(layer, back, front),
                None => dense::<K>(layer, bytemuck::must_cast_slice(back), bytemuck::must_cast_slice_mut(front)),
            }
            (units, zero_point) = (layer.outputs.into(), layer.range.zero_point);
            core::mem::swap(&mut back, &mut front);
            observe(index, Outputs::new(back, units, K::CLASS));
        }
        Ok(Answer { logits: Outputs::into_integers(back, units, K::CLASS), scale: self.scale, zero_point })
    }

    pub(crate) fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.inputs.into())
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
        let expected = self.inputs() as u32;
        if features.len() != expected as usize {
            return Err(QuantizeError::FeatureLength { expected, found: features.len() as u32 });
        }
        if x.len() != expected as usize {
            return Err(QuantizeError::OutputLength { expected, found: x.len() as u32 });
        }
        let (mut gain, mut offset) = (0.0, 0.0);
        let mut per_input: (&[[u8; 4]], &[[u8; 4]]) = (&[], &[]);
        match self.front_end {
            FrontEnd::Integers => return Err(QuantizeError::NoFrontEnd),
            FrontEnd::Uniform { gain: g, offset: o } => (gain, offset) = (g, o),
            FrontEnd::PerInput => per_input = self.front_end_tables(),
        }
        let share = match self.normalization {
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
        let (gains, offsets) = self.tables.split_at_checked(self.tables.len() >> 1).unwrap_or_default();
        let table = |bytes: &'a [u8]| bytes.as_chunks().0.get(..self.inputs()).unwrap_or_default();
        (table(gains), table(offsets))
    }

    /// The order of the weights in the file.
    #[must_use]
    pub fn layout(&self) -> Layout {
        self.layers.first().map_or(Layout::THIS, |layer| layer.layout)
    }

    /// The layers with their tensors, first to last.
    #[must_use]
    pub fn layers(&self) -> Layers<'a, '_> {
        self.layers.iter().copied()
    }

    /// The golden vectors in the file.
    #[must_use]
    #[inline(never)]
    pub fn golden_vectors(&self) -> GoldenVectors<'a> {
        let outputs = self.layers.iter().fold(0usize, |sum, layer| sum.saturating_add(layer.outputs.into()));
        GoldenVectors::new(self.golden, self.inputs(), outputs, self.input_zero_point())
    }

    #[inline]
    pub(crate) fn input_zero_point(&self) -> i8 {
        self.layers.first().map_or(0, |layer| layer.input_zero_point)
    }

    /// Shape and costs.
    #[must_use]
    #[inline]
    pub fn costs(&self) -> Costs {
        Costs::new(&self.layers, self.file.len())
    }

    /// Length of the arena one inference needs with this build's kernels, in 32-bit words.
    #[must_use]
    pub const fn arena_words(&self) -> usize {
        self.arena_words
    }
}

/// What sees every layer's integers.
type Observe<'o> = &'o mut dyn FnMut(usize, Outputs<'_>);

/// A sparse-input layer: sums in `back`, then outputs in `front`.
#[inline(never)]
fn sum_present<K: Kernels>(layer: &Layer<'_>, present: impl Iterator<Item = Present>, back: &mut [u32], front: &mut [u32]) {
    add_all::<K>(layer, present, bytemuck::must_cast_slice_mut(back), front);
    K::requantize_sums(layer, bytemuck::must_cast_slice(back), bytemuck::must_cast_slice_mut(front));
}
