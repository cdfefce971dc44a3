//! One layer's integers, in whatever form the kernels store them.

use crate::CoreClass;

/// The outputs of one layer, a view of the arena.
#[derive(Clone, Copy, Debug)]
pub struct Outputs<'a> {
    words: &'a [u32],
    units: usize,
    class: CoreClass,
}

impl<'a> Outputs<'a> {
    pub(crate) const fn new(words: &'a [u32], units: usize, class: CoreClass) -> Self {
        Self { words, units, class }
    }

    /// Number of outputs.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.units
    }

    /// Whether the layer has no outputs; never true for a loaded student.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.units == 0
    }

    /// Output `unit`; `None` past the last one.
    #[must_use]
    #[inline(always)]
    pub fn get(&self, unit: usize) -> Option<i8> {
        let bytes: &[i8] = bytemuck::must_cast_slice(self.words);
        bytes.get(self.class.low_byte(unit)).copied().filter(|_| unit < self.units)
    }

    /// The outputs in order.
    pub fn iter(&self) -> impl Iterator<Item = i8> + use<'a> {
        let all = *self;
        (0..all.units).map_while(move |unit| all.get(unit))
    }

    /// The first `units` activations in `words` as bytes, in place.
    pub(crate) fn into_integers(words: &'a mut [u32], units: usize, class: CoreClass) -> &'a [i8] {
        if class.activation_bytes() != 1 {
            let bytes: &mut [i8] = bytemuck::must_cast_slice_mut(words);
            // Byte `unit` is written after every wider activation that shares its word has been read.
            for unit in 0..units {
                let Some(&y) = bytes.get(class.low_byte(unit)) else { break };
                if let Some(to) = bytes.get_mut(unit) {
                    *to = y;
                }
            }
        }
        let bytes: &[i8] = bytemuck::must_cast_slice(words);
        bytes.get(..units.min(bytes.len())).unwrap_or_default()
    }
}
