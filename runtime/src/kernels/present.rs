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

/// Where the present inputs come from: a scan of all inputs, or the caller's list.
pub trait Source {
    /// Fills `list` from the front and returns the filled part; empty at the end.
    fn fill<'l>(&mut self, list: &'l mut [Present]) -> &'l [Present];
}

/// Finds the present inputs by comparing whole words with the zero point.
pub(crate) struct Scan<'a> {
    words: &'a [u32],
    /// Inputs in front of the first and behind the last whole word, and of a word that was not used up.
    bytes: core::slice::Iter<'a, i8>,
    behind: &'a [i8],
    next: u16,
    zero_point: i8,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(x: &'a [i8], zero_point: i8) -> Self {
        let (front, words, behind) = bytemuck::pod_align_to::<i8, u32>(x);
        Self { words, bytes: front.iter(), behind, next: 0, zero_point }
    }
}

impl Source for Scan<'_> {
    fn fill<'l>(&mut self, list: &'l mut [Present]) -> &'l [Present] {
        let zero = i16::from(self.zero_point);
        let absent = u32::from_ne_bytes([self.zero_point as u8; 4]);
        let mut count = 0usize;
        while let Some(room) = list.get_mut(count) {
            if let Some(&x) = self.bytes.next() {
                *room = Present { input: self.next, distance: i16::from(x).wrapping_sub(zero) };
                count = count.wrapping_add(usize::from(x != self.zero_point));
                self.next = self.next.wrapping_add(1);
            } else if !self.words.is_empty() {
                let skip = self.words.iter().position(|&word| word != absent).unwrap_or(self.words.len());
                self.next = self.next.wrapping_add((skip as u16).wrapping_mul(4));
                let (_, rest) = self.words.split_at_checked(skip).unwrap_or_default();
                let (word, rest) = rest.split_at_checked(1).unwrap_or_default();
                self.bytes = bytemuck::must_cast_slice::<u32, i8>(word).iter();
                self.words = rest;
            } else if self.behind.is_empty() {
                break;
            } else {
                self.bytes = core::mem::take(&mut self.behind).iter();
            }
        }
        list.get(..count).unwrap_or_default()
    }
}

/// The caller's list, checked; every listed input has the same distance.
pub(crate) struct Listed<'a> {
    pub inputs: &'a [u16],
    pub distance: i16,
}

impl Source for Listed<'_> {
    fn fill<'l>(&mut self, list: &'l mut [Present]) -> &'l [Present] {
        let count = list.len().min(self.inputs.len());
        let (now, later) = self.inputs.split_at_checked(count).unwrap_or_default();
        self.inputs = later;
        for (room, &input) in list.iter_mut().zip(now) {
            *room = Present { input, distance: self.distance };
        }
        list.get(..count).unwrap_or_default()
    }
}

/// One sparse-input layer.
///
/// `y[o] = requantize(bias[o] + Σ_{x[i] ≠ zero} w[i][o] · (x[i] − zero))`.
///
/// The list of present inputs is collected piecewise in the room for the outputs, which are not there yet.
///
/// # Shapes
/// - `sums`: `[outputs]` in whole blocks of four, overwritten
/// - `y`: room for `[outputs]` in whole blocks of four
pub(crate) fn sparse_input<K: Kernels>(
    layer: &Layer<'_>,
    source: &mut impl Source,
    sums: &mut [i32],
    y: &mut [u32],
) {
    let padded = layer.padded_outputs();
    let sums = sums.get_mut(..padded).unwrap_or_default();
    for (sum, channel) in sums.iter_mut().zip(layer.channels()) {
        *sum = channel.bias;
    }
    // Whole words may be read where every run starts on one.
    let whole_words = layer.column_bytes() % BLOCK == 0;
    loop {
        let present = source.fill(bytemuck::must_cast_slice_mut(y));
        if present.is_empty() {
            break;
        }
        if whole_words {
            K::add_present(layer, present, sums);
        } else {
            portable::add_present(layer, present, sums);
        }
    }
    K::requantize_sums(layer, sums, bytemuck::must_cast_slice_mut(y));
}
