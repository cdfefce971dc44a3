//! Many inputs at once: each load of weights serves several of them.

use super::Student;
use crate::kernels::{Active, Kernels, dense_batch, scan_all};
use crate::model::{CoreClass, LayerKind};
use crate::{InferError, Outputs};

/// Inputs that go through a layer together if the arena has room: enough to share every load of weights, few enough
/// that weights and activations fit the first-level cache.
const TILE: usize = 16;

impl Student<'_> {
    /// Runs the network on many input vectors; the integers are those of [`Student::infer`], bit for bit.
    ///
    /// # Shapes
    /// - `rows`: `[count][inputs]`, in the integers of the file's input scale; `count` may be 0
    /// - `arena`: at least [`Student::arena_words`], any content, overwritten; as many inputs go through a layer
    ///   together as fit it, and more than [`Student::batch_arena_words`] gains nothing
    /// - `outputs`: `[count][outputs]`
    ///
    /// # Errors
    /// Only for a wrong length: rows that are not whole, an arena for less than one input, outputs of another count.
    pub fn infer_batch(&self, rows: &[i8], arena: &mut [u32], outputs: &mut [i8]) -> Result<(), InferError> {
        self.run_batch::<Active>(rows, arena, outputs)
    }

    /// Length of the arena with which [`Student::infer_batch`] is fastest, in 32-bit words.
    #[must_use]
    pub const fn batch_arena_words(&self) -> usize {
        self.arena_words.saturating_mul(TILE)
    }

    fn run_batch<K: Kernels>(&self, rows: &[i8], arena: &mut [u32], outputs: &mut [i8]) -> Result<(), InferError> {
        let inputs = usize::from(self.network.inputs).max(1);
        let classes = usize::from(self.layers().last().map_or(0, |layer| layer.outputs)).max(1);
        let count = rows.len().div_ceil(inputs);
        let whole = count.saturating_mul(inputs);
        if whole != rows.len() {
            return Err(InferError::InputLength { expected: whole as u32, found: rows.len() as u32 });
        }
        let expected = count.saturating_mul(classes);
        if expected != outputs.len() {
            return Err(InferError::OutputLength { expected: expected as u32, found: outputs.len() as u32 });
        }
        let together = arena.len().checked_div(self.arena_words).unwrap_or_default().min(TILE);
        if together == 0 {
            return Err(InferError::ArenaLength { expected: self.arena_words as u32, found: arena.len() as u32 });
        }
        let tiles = rows.chunks(inputs.saturating_mul(together));
        for (rows, outputs) in tiles.zip(outputs.chunks_mut(classes.saturating_mul(together))) {
            self.run_tile::<K>(rows, arena, together, outputs);
        }
        Ok(())
    }

    /// Runs at most `together` inputs, for which the arena has room.
    fn run_tile<K: Kernels>(&self, rows: &[i8], arena: &mut [u32], together: usize, outputs: &mut [i8]) {
        let inputs = usize::from(self.network.inputs).max(1);
        let count = rows.len().div_ceil(inputs);
        let mut back_words = self.first_buffer_words;
        let mut front_words = self.arena_words.saturating_sub(back_words);
        let (mut back, rest) = arena.split_at_mut_checked(back_words.saturating_mul(together)).unwrap_or_default();
        let mut front = rest;
        let mut units = 0usize;
        for (index, layer) in self.layers().enumerate() {
            if layer.kind == LayerKind::SparseInput {
                // A buffer that is too small yields one chunk fewer than there are rows, never a chunk of length 0.
                let rooms = back.chunks_mut(back_words.max(1)).zip(front.chunks_mut(front_words.max(1)));
                for (x, (back, front)) in rows.chunks(inputs).zip(rooms) {
                    scan_all::<K>(&layer, x, bytemuck::must_cast_slice_mut(back), front);
                    let sums: &[i32] = bytemuck::must_cast_slice(back);
                    K::requantize_sums(&layer, sums, bytemuck::must_cast_slice_mut(front));
                }
            } else {
                let mut step = activations::<K>(back_words);
                let x: &[K::Activation] = if index != 0 {
                    bytemuck::must_cast_slice(back)
                } else if K::CLASS.activation_bytes() == 1 {
                    step = inputs;
                    K::input(rows, &mut [])
                } else {
                    for (x, back) in rows.chunks(inputs).zip(back.chunks_mut(back_words.max(1))) {
                        K::input(x, back);
                    }
                    bytemuck::must_cast_slice(back)
                };
                let y = bytemuck::must_cast_slice_mut(front);
                dense_batch::<K>(&layer, x, step, y, activations::<K>(front_words), count);
            }
            units = usize::from(layer.outputs);
            core::mem::swap(&mut back, &mut front);
            core::mem::swap(&mut back_words, &mut front_words);
        }
        for (y, outputs) in back.chunks(back_words.max(1)).zip(outputs.chunks_mut(units.max(1))) {
            if K::CLASS.activation_bytes() == 1
                && let Some(y) = bytemuck::must_cast_slice(y).get(..outputs.len())
            {
                outputs.copy_from_slice(y);
                continue;
            }
            for (to, from) in outputs.iter_mut().zip(Outputs::new(y, units, K::CLASS).iter()) {
                *to = from;
            }
        }
    }
}

/// Activations in `words` of arena.
const fn activations<K: Kernels>(words: usize) -> usize {
    match K::CLASS {
        CoreClass::Bytes => words.saturating_mul(4),
        CoreClass::Halfwords => words.saturating_mul(2),
        CoreClass::Words => words,
    }
}
