//! The one type that users hold: load once, infer many times.

mod batch;

use crate::kernels::portable::Portable;
use crate::kernels::{Active, Kernels, Start, add_all, listed, rows, scan_all};
use crate::model::{
    Costs, FrontEnd, GoldenVectors, Layer, LayerKind, Layers, Layout, MAX_LAYERS, Network, Normalization, Task,
    file_bytes, load,
};
use crate::quant::{quantize_feature, row_share};
use crate::{Answer, InferError, LoadError, Outputs, QuantizeError};

/// A checked view of a student file.
///
/// Borrows the file and copies nothing from it. Inference takes `&self` and an arena that the caller owns, so one
/// student can serve several tasks and an interrupt, each with its own arena.
#[derive(Clone, Debug)]
pub struct Student<'a> {
    pub(crate) file_bytes: usize,
    pub(crate) task: Task,
    pub(crate) network: Network<'a>,
    /// The metadata, starting at the normalization.
    pub(crate) behind_layers: &'a [u8],
    pub(crate) scale: f32,
    pub(crate) golden: &'a [u8],
    /// Outputs of all layers together.
    pub(crate) all_outputs: usize,
    pub(crate) first_buffer_words: usize,
    pub(crate) arena_words: usize,
}

impl<'a> Student<'a> {
    /// Reads a student file in place and validates everything about it.
    ///
    /// **Any byte string is a safe argument.** A file that loads cannot make [`Student::infer`] panic, overflow
    /// or read outside the file.
    ///
    /// # Errors
    /// The first thing that is wrong; see [`LoadError`]. `file` must start on a 16-byte boundary and end with its seal:
    /// [`Student::file_bytes`] says where that is in a longer slot.
    #[inline]
    // Not really deprecated: this is the only warning that reaches users who get the crate from a registry.
    #[cfg_attr(
        eyas_core = "unknown",
        deprecated = "nothing is wrong with it, but this target leaves open which core it runs on, so the kernels are \
                      those of a core without DSP and vectors, two to fourteen times slower than a Cortex-M33 or M55 can \
                      be. Name the core at the top of .cargo/config.toml:\n\
                      target.'cfg(target_arch = \"arm\")'.rustflags = [\"-C\", \"target-cpu=cortex-m33\"]\n\
                      (or cortex-m55, cortex-m85, …; for a core without the DSP extension \"target-feature=-dsp\")"
    )]
    pub fn load(file: &'a [u8]) -> Result<Self, LoadError> {
        let mut loaded = Err(LoadError::NotAStudent);
        load(file, &mut loaded);
        loaded
    }

    /// Length of the student file that begins with `start`, from its prefix: the first 32 bytes are enough.
    ///
    /// For a file in a longer slot of flash: [`Student::load`] needs the exact length. For a file that does not load,
    /// the result is meaningless, so cut with `get`.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// # use eyas::{AlignedBytes, LoadError, Student};
    /// # let file = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/students/version-1.eyas"));
    /// # let mut flash = AlignedBytes::from(&[0xff; 4096][..]);
    /// # flash[..file.len()].copy_from_slice(file);
    /// fn load(slot: &[u8]) -> Result<Student<'_>, LoadError> {
    ///     let bytes = Student::file_bytes(slot)?;
    ///     // `load` refuses a file that is cut off at the end of the slot.
    ///     Student::load(slot.get(..bytes).unwrap_or(slot))
    /// }
    ///
    /// assert!(load(&flash).is_ok());
    /// // Nothing was ever written there.
    /// assert_eq!(Student::file_bytes(&[0xff; 4096]), Err(LoadError::NotAStudent));
    /// # }
    /// ```
    ///
    /// # Errors
    /// Fewer than 32 bytes; not a student, or one of another version; flags that this version does not know; sections
    /// that do not add up to the length.
    pub const fn file_bytes(start: &[u8]) -> Result<usize, LoadError> {
        file_bytes(start)
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
        self.run(x, arena, MAX_LAYERS)
    }

    /// Like [`Student::infer`], but also passes every layer's integers to `observe(layer, outputs)` as they appear.
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
        self.run_on::<Active>(x, arena, MAX_LAYERS, observe)
    }

    /// Like [`Student::infer_observed`], but always on the portable kernels, the specification to compare with.
    ///
    /// # Errors
    /// As [`Student::infer`].
    pub fn infer_portable<'b>(
        &self,
        x: &[i8],
        arena: &'b mut [u32],
        observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        self.run_on::<Portable>(x, arena, MAX_LAYERS, observe)
    }

    /// Runs a sparse-input student on the list of its present inputs, without looking at the absent ones.
    ///
    /// Every listed input holds `value`, every other one the input zero point, as in a bag of words.
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
        if self.layers().next().is_none_or(|layer| layer.kind != LayerKind::SparseInput) {
            return Err(InferError::NotSparse);
        }
        let mut smallest = 0u16;
        for (position, &input) in (0u32..).zip(present) {
            if input < smallest || input >= self.network.inputs {
                return Err(InferError::Present { position });
            }
            smallest = input.wrapping_add(1);
        }
        let sum = |layer: &Layer<'_>, sums: &mut _, room: &mut _| {
            add_all::<Active>(layer, listed(present, value, layer.input_zero_point), sums, room);
        };
        self.run_layers::<Active>(&[], arena, MAX_LAYERS, sum, |_, _| {})
    }

    /// An inference that ends after layer `depth - 1`, or after the last layer.
    #[inline(never)]
    pub(crate) fn run<'b>(&self, x: &[i8], arena: &'b mut [u32], depth: usize) -> Result<Answer<'b>, InferError> {
        self.run_on::<Active>(x, arena, depth, |_, _| {})
    }

    /// An inference of all inputs on the kernels of `K`.
    #[inline(always)]
    fn run_on<'b, K: Kernels>(
        &self,
        x: &[i8],
        arena: &'b mut [u32],
        depth: usize,
        observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        let expected = usize::from(self.network.inputs);
        if x.len() != expected {
            return Err(InferError::InputLength { expected: expected as u32, found: x.len() as u32 });
        }
        let sum = |layer: &Layer<'_>, sums: &mut _, room: &mut _| scan_all::<K>(layer, x, sums, room);
        self.run_layers::<K>(x, arena, depth, sum, observe)
    }

    /// Runs the layers; a dense first layer on `x`, a sparse-input one on the sums from `sum`.
    #[inline(always)]
    fn run_layers<'b, K: Kernels>(
        &self,
        x: &[i8],
        arena: &'b mut [u32],
        depth: usize,
        sum: impl Fn(&Layer<'a>, &mut [i32], &mut [u32]),
        mut observe: impl FnMut(usize, Outputs<'_>),
    ) -> Result<Answer<'b>, InferError> {
        let too_small = InferError::ArenaLength { expected: self.arena_words as u32, found: arena.len() as u32 };
        let arena = arena.get_mut(..self.arena_words).ok_or(too_small)?;
        let (mut back, mut front) = arena.split_at_mut_checked(self.first_buffer_words).ok_or(too_small)?;
        let mut layers = self.layers();
        let mut index = 0usize;
        while index < depth
            && let Some(layer) = layers.advance()
        {
            let start = if layer.kind == LayerKind::SparseInput {
                sum(layer, bytemuck::must_cast_slice_mut(back), front);
                Start::Sums(bytemuck::must_cast_slice(back))
            } else if index == 0 {
                Start::Inputs(K::input(x, back))
            } else {
                Start::Inputs(bytemuck::must_cast_slice(back))
            };
            rows::<K>(layer, start, bytemuck::must_cast_slice_mut(front));
            core::mem::swap(&mut back, &mut front);
            observe(index, Outputs::new(back, layer.outputs.into(), K::CLASS));
            index = index.wrapping_add(1);
        }
        let (units, zero_point) = layers.width();
        Ok(Answer { logits: Outputs::into_integers(back, units.into(), K::CLASS), scale: self.scale, zero_point })
    }

    /// Turns real features into input integers by the file's normalization and front end.
    ///
    /// # Shapes
    /// - `features` and `x`: `[inputs]`
    ///
    /// # Errors
    /// A wrong length; the index of the first feature that is not finite; or no front end in the file. After an error,
    /// `x` may be partly written.
    pub fn quantize(&self, features: &[f32], x: &mut [i8]) -> Result<(), QuantizeError> {
        let expected = u32::from(self.network.inputs);
        if features.len() != expected as usize {
            return Err(QuantizeError::FeatureLength { expected, found: features.len() as u32 });
        }
        if x.len() != expected as usize {
            return Err(QuantizeError::OutputLength { expected, found: x.len() as u32 });
        }
        let (mut gain, mut offset) = (0.0, 0.0);
        let mut per_input: (&[[u8; 4]], &[[u8; 4]]) = (&[], &[]);
        let (normalization, front_end) = self.front_end();
        match front_end {
            FrontEnd::Integers => return Err(QuantizeError::NoFrontEnd),
            FrontEnd::Uniform { gain: g, offset: o } => (gain, offset) = (g, o),
            FrontEnd::PerInput => per_input = self.front_end_tables(),
        }
        let share = match normalization {
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
        let table = |bytes: &'a [u8]| bytes.as_chunks().0.get(..self.network.inputs.into()).unwrap_or_default();
        (table(gains), table(offsets))
    }

    /// The order of the weights in the file.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.network.layout
    }

    /// The layers with their tensors, first to last.
    #[must_use]
    #[inline]
    pub fn layers(&self) -> Layers<'a> {
        Layers::new(&self.network)
    }

    /// The golden vectors in the file.
    #[must_use]
    #[cfg_attr(eyas_setting = "size", inline(never))]
    pub fn golden_vectors(&self) -> GoldenVectors<'a> {
        GoldenVectors::new(self.golden, self.network.inputs.into(), self.all_outputs, self.network.zero_point)
    }

    /// Shape and costs.
    #[must_use]
    #[inline]
    pub fn costs(&self) -> Costs {
        Costs::new(self.network.inputs, self.layers(), self.file_bytes)
    }

    /// Length of the arena one inference needs with this build's kernels, in 32-bit words.
    #[must_use]
    pub const fn arena_words(&self) -> usize {
        self.arena_words
    }
}
