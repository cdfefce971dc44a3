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
        /// Inputs in front of the first whole word.
        front: &'a [i8],
        words: &'a [u32],
        /// Inputs behind the last whole word.
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
        Self::Scan { front, words, behind, next: 0, zero_point }
    }

    pub(crate) fn listed(inputs: &'a [u16], value: i8, zero_point: i8) -> Self {
        // Inputs at the zero point are absent, whoever lists them.
        let inputs = if value == zero_point { &[] } else { inputs };
        Self::Listed { inputs, distance: i16::from(value).wrapping_sub(zero_point.into()) }
    }

    /// Fills `list`, at least four long, from the front and returns the filled part; empty at the end.
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
            Self::Scan { front, words, behind, next, zero_point } => {
                let absent = u32::from_ne_bytes([*zero_point as u8; 4]);
                // A word may hold four.
                while list.len().wrapping_sub(count) >= 4 {
                    let bytes: &[i8] = if !front.is_empty() {
                        core::mem::take(front)
                    } else if let [first, rest @ ..] = words {
                        if *first == absent {
                            *words = skip_absent(words, absent, next);
                            continue;
                        }
                        *words = rest;
                        bytemuck::must_cast_slice(core::slice::from_ref(first))
                    } else if !behind.is_empty() {
                        core::mem::take(behind)
                    } else {
                        break;
                    };
                    for &x in bytes {
                        if x != *zero_point
                            && let Some(room) = list.get_mut(count)
                        {
                            *room = Present { input: *next, distance: i16::from(x).wrapping_sub((*zero_point).into()) };
                            count = count.wrapping_add(1);
                        }
                        *next = next.wrapping_add(1);
                    }
                }
            }
        }
        list.get(..count).unwrap_or_default()
    }
}

/// The words from the first on that is not `absent`; counts the inputs before it.
fn skip_absent<'w>(words: &'w [u32], absent: u32, next: &mut u16) -> &'w [u32] {
    let (fours, _) = words.as_chunks::<4>();
    let differ = |&[a, b, c, d]: &[u32; 4]| (a ^ absent) | (b ^ absent) | (c ^ absent) | (d ^ absent) != 0;
    let whole = fours.iter().position(differ).unwrap_or(fours.len()) << 2;
    let rest = words.get(whole..).unwrap_or_default();
    let single = rest.iter().position(|&word| word != absent).unwrap_or(rest.len());
    *next = next.wrapping_add((whole.wrapping_add(single) as u16) << 2);
    rest.get(single..).unwrap_or_default()
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
    for (sum, bias) in sums.iter_mut().zip(layer.biases()) {
        *sum = bias;
    }
    // Whole words may be read where every run starts on one.
    let whole_words = layer.column_bytes().is_multiple_of(BLOCK);
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
