//! Sparse-input layers: the cost grows only with the number of present inputs.

use super::{Kernels, portable};
use crate::model::{BLOCK, Layer, Layout};

/// One input that differs from the zero point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(4))]
pub(crate) struct Present {
    /// Index of the input.
    pub input: u16,
    /// Its integer minus the zero point, −255..=255.
    pub distance: i16,
}

/// The present inputs among all of `x`.
fn scan<K: Kernels>(x: &[i8], zero_point: i8) -> impl Iterator<Item = Present> {
    let (mut rest, mut next) = (x, 0u16);
    core::iter::from_fn(move || {
        let absent = K::absent(rest, zero_point);
        let (&value, behind) = rest.get(absent..)?.split_first()?;
        let input = next.wrapping_add(absent as u16);
        (rest, next) = (behind, input.wrapping_add(1));
        Some(Present { input, distance: i16::from(value).wrapping_sub(zero_point.into()) })
    })
}

/// The present inputs of the caller's list, which has been checked; all of them hold `value`.
pub(crate) fn listed(inputs: &[u16], value: i8, zero_point: i8) -> impl Iterator<Item = Present> {
    // Inputs at the zero point are absent, even if listed.
    let inputs = if value == zero_point { &[] } else { inputs };
    let distance = i16::from(value).wrapping_sub(zero_point.into());
    inputs.iter().map(move |&input| Present { input, distance })
}

/// Whether every run of weights consists of whole words: either the layout guarantees it, which a build for one layout
/// knows at compile time, or the width happens to be a multiple of four.
#[inline]
fn has_whole_words(layer: &Layer<'_>) -> bool {
    layer.layout.read() != Layout::Canonical || layer.column_bytes().is_multiple_of(BLOCK)
}

/// [`add_all`] of the present inputs among all of `x`. One copy for all callers.
#[inline(never)]
pub(crate) fn scan_all<K: Kernels>(layer: &Layer<'_>, x: &[i8], sums: &mut [i32], room: &mut [u32]) {
    if cfg!(eyas_setting = "size") && has_whole_words(layer) {
        K::sum_columns(layer, x, sums);
    } else {
        add_all::<K>(layer, scan::<K>(x, layer.input_zero_point), sums, room);
    }
}

/// The sums of a sparse-input layer: `sums[o] = bias[o] + Σ_{x[i] ≠ zero} w[i][o] · (x[i] − zero)`.
///
/// The list of present inputs is collected piecewise in `room`, the space for the outputs, which do not exist yet.
///
/// # Shapes
/// - `sums`: `[outputs]` in whole blocks of four, overwritten
/// - `room`: for `[outputs]` in whole blocks of four, overwritten
#[inline]
pub(crate) fn add_all<K: Kernels>(
    layer: &Layer<'_>,
    mut present: impl Iterator<Item = Present>,
    sums: &mut [i32],
    room: &mut [u32],
) {
    let sums = sums.get_mut(..layer.padded_outputs()).unwrap_or_default();
    K::copy(layer.biases(), sums);
    let list: &mut [Present] = bytemuck::must_cast_slice_mut(room);
    loop {
        let mut count = 0usize;
        for (room, present) in list.iter_mut().zip(&mut present) {
            *room = present;
            count = count.wrapping_add(1);
        }
        let filled = list.get(..count).unwrap_or_default();
        if filled.is_empty() {
            break;
        }
        if has_whole_words(layer) {
            K::add_present(layer, filled, sums);
        } else {
            portable::add_present(layer, filled, sums);
        }
    }
}
