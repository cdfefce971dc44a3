//! Sparse-input layers: cost grows with the present inputs only.

use super::{Kernels, portable};
use crate::model::{BLOCK, Layer};

/// One input that differs from the zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(4))]
pub struct Present {
    /// Index of the input.
    pub input: u16,
    /// Its integer minus the zero point, −255..=255.
    pub distance: i16,
}

/// Where the present inputs come from.
pub(crate) enum Source<'a> {
    /// A scan of all inputs, comparing whole words with the zero point.
    Scan {
        words: &'a [u32],
        /// Inputs in front of the first and behind the last whole word, and of a word with a present one.
        bytes: core::slice::Iter<'a, i8>,
        behind: &'a [i8],
        next: u16,
        zero_point: i8,
    },
    /// The caller's list, checked; every listed input has the same distance.
    Listed { inputs: &'a [u16], distance: i16 },
}

impl<'a> Source<'a> {
    pub(crate) fn scan(x: &'a [i8], zero_point: i8) -> Self {
        let (front, words, behind) = bytemuck::pod_align_to::<i8, u32>(x);
        Self::Scan { words, bytes: front.iter(), behind, next: 0, zero_point }
    }

    pub(crate) fn listed(inputs: &'a [u16], value: i8, zero_point: i8) -> Self {
        // Inputs at the zero point are absent, whoever lists them.
        let inputs = if value == zero_point { &[] } else { inputs };
        Self::Listed { inputs, distance: i16::from(value).wrapping_sub(zero_point.into()) }
    }

    /// Fills `list` from the front and returns the filled part; empty at the end.
    fn fill<'l>(&mut self, list: &'l mut [Present]) -> &'l [Present] {
        let mut count = 0usize;
        match self {
            Self::Listed { inputs, distance } => {
                for (room, &input) in list.iter_mut().zip(*inputs) {
                    *room = Present { input, distance: *distance };
                    count = count.wrapping_add(1);
                }
                *inputs = inputs.get(count..).unwrap_or_default();
            }
            Self::Scan { words, bytes, behind, next, zero_point } => {
                let zero = i16::from(*zero_point);
                let absent = u32::from_ne_bytes([*zero_point as u8; 4]);
                while let Some(room) = list.get_mut(count) {
                    if let Some(&x) = bytes.next() {
                        *room = Present { input: *next, distance: i16::from(x).wrapping_sub(zero) };
                        count = count.wrapping_add(usize::from(x != *zero_point));
                        *next = next.wrapping_add(1);
                    } else if !words.is_empty() {
                        let skip = words.iter().position(|&word| word != absent).unwrap_or(words.len());
                        *next = next.wrapping_add((skip as u16).wrapping_mul(4));
                        let (_, rest) = words.split_at_checked(skip).unwrap_or_default();
                        let (word, rest) = rest.split_at_checked(1).unwrap_or_default();
                        *bytes = bytemuck::must_cast_slice::<u32, i8>(word).iter();
                        *words = rest;
                    } else if behind.is_empty() {
                        break;
                    } else {
                        *bytes = core::mem::take(behind).iter();
                    }
                }
            }
        }
        list.get(..count).unwrap_or_default()
    }
}

/// The sums of a sparse-input layer: `sums[o] = bias[o] + Σ_{x[i] ≠ zero} w[i][o] · (x[i] − zero)`.
///
/// The list of present inputs is collected piecewise in `room`, that of the outputs, which are not there yet.
///
/// # Shapes
/// - `sums`: `[outputs]` in whole blocks of four, overwritten
/// - `room`: for `[outputs]` in whole blocks of four, overwritten
pub(crate) fn add_all<K: Kernels>(layer: &Layer<'_>, mut source: Source<'_>, sums: &mut [i32], room: &mut [u32]) {
    let sums = sums.get_mut(..layer.padded_outputs()).unwrap_or_default();
    for (sum, channel) in sums.iter_mut().zip(layer.channels()) {
        *sum = channel.bias;
    }
    // Whole words may be read where every run starts on one.
    let whole_words = layer.column_bytes() % BLOCK == 0;
    loop {
        let present = source.fill(bytemuck::must_cast_slice_mut(room));
        if present.is_empty() {
            break;
        }
        if whole_words {
            K::add_present(layer, present, sums);
        } else {
            portable::add_present(layer, present, sums);
        }
    }
}
