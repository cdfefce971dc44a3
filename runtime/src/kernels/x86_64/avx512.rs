//! 512 bits: eight rows share each load of x; in a batch, four inputs share each load of four rows.

use super::avx512_finish::{BLOCK, Finish};
use super::{Ends, Present, add_runs, avx512_lanes};
use crate::model::{Layer, Layout};
use core::arch::x86_64::{
    __m512i, __mmask16, __mmask64, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
    _mm512_maskz_loadu_epi32, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_shuffle_epi32, _mm512_shuffle_i32x4,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

/// Bytes of a vector.
const WIDTH: usize = 64;
/// Inputs of a batch that share each load of weights.
const SHARED: usize = 4;

/// `rows` inputs through one layer in the canonical layout or [`Layout::Lanes`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn dense(
    layer: &Layer<'_>,
    ends: &Ends<'_>,
    x: &[i8],
    x_step: usize,
    y: &mut [i8],
    y_step: usize,
    rows: usize,
) {
    let lanes = matches!(layer.layout, Layout::Lanes);
    let (mut x, mut y, mut left) = (x, y, rows);
    while left >= SHARED {
        let Some((these, rest)) = x.split_at_checked(x_step.wrapping_mul(SHARED)) else { return };
        let Some((outputs, more)) = y.split_at_mut_checked(y_step.wrapping_mul(SHARED)) else { return };
        if lanes {
            avx512_lanes::all_outputs::<SHARED>(layer, ends, these, x_step, outputs, y_step);
        } else {
            all_outputs::<SHARED>(layer, ends, these, x_step, outputs, y_step);
        }
        (x, y, left) = (rest, more, left.wrapping_sub(SHARED));
    }
    while left != 0 {
        if lanes {
            avx512_lanes::all_outputs::<1>(layer, ends, x, x_step, y, y_step);
        } else {
            all_outputs::<1>(layer, ends, x, x_step, y, y_step);
        }
        x = x.get(x_step..).unwrap_or_default();
        y = y.get_mut(y_step..).unwrap_or_default();
        left = left.wrapping_sub(1);
    }
}

/// All outputs of `S` inputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn all_outputs<const S: usize>(
    layer: &Layer<'_>,
    ends: &Ends<'_>,
    x: &[i8],
    x_step: usize,
    y: &mut [i8],
    y_step: usize,
) {
    let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
    let mut rows: [&[i8]; S] = [&[]; S];
    let mut offsets = [_mm512_setzero_si512(); S];
    let mut rest = x;
    for (row, offset) in rows.iter_mut().zip(&mut offsets) {
        let Some(x) = rest.get(..inputs) else { return };
        rest = rest.get(x_step..).unwrap_or_default();
        *row = x;
        *offset = offset_of(x);
    }
    let mut first = 0usize;
    let mut weights = layer.weights;
    while first < outputs {
        let count = outputs.wrapping_sub(first).min(BLOCK);
        let Some((mut block, rest)) = weights.split_at_checked(count.wrapping_mul(inputs)) else { return };
        weights = rest;
        let mut parts = [[_mm512_setzero_si512(); 4]; S];
        let mut left = count;
        let mut quarter = 0usize;
        while left != 0 {
            let wide = S == 1 && left > 4;
            let taken = left.min(if wide { 8 } else { 4 });
            let Some((w, behind)) = block.split_at_checked(taken.wrapping_mul(inputs)) else { return };
            block = behind;
            left = left.wrapping_sub(taken);
            if wide {
                let sums = partial_sums::<8, S>(w, taken, inputs, &rows);
                for (parts, [a, b, c, d, e, f, g, h]) in parts.iter_mut().zip(sums) {
                    put(parts, quarter, four_rows(a, b, c, d));
                    put(parts, quarter.wrapping_add(1), four_rows(e, f, g, h));
                }
            } else {
                let sums = partial_sums::<4, S>(w, taken, inputs, &rows);
                for (parts, [a, b, c, d]) in parts.iter_mut().zip(sums) {
                    put(parts, quarter, four_rows(a, b, c, d));
                }
            }
            quarter = quarter.wrapping_add(if wide { 2 } else { 1 });
        }
        let Some(finish) = Finish::new(ends, first, count) else { return };
        let mut sums = [_mm512_setzero_si512(); S];
        for (sum, parts) in sums.iter_mut().zip(&parts) {
            *sum = sixteen_rows(parts);
        }
        finish.with_bias(sums, offsets, y, y_step);
        first = first.wrapping_add(BLOCK);
    }
}

#[inline(always)]
pub(super) fn put(parts: &mut [__m512i; 4], quarter: usize, part: __m512i) {
    if let Some(place) = parts.get_mut(quarter) {
        *place = part;
    }
}

/// `128 · Σ x` in every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn offset_of(x: &[i8]) -> __m512i {
    // As an unsigned byte.
    let factor = _mm512_set1_epi8(-128);
    let (whole, tail) = x.as_chunks::<WIDTH>();
    // Two dependency chains, since a single one would stall.
    let (pairs, single) = whole.as_chunks::<2>();
    let (mut sum, mut other) = (_mm512_setzero_si512(), _mm512_setzero_si512());
    for [a, b] in pairs {
        // SAFETY: arrays of the vector's bytes.
        let (a, b) = unsafe { (_mm512_loadu_si512(a.as_ptr().cast()), _mm512_loadu_si512(b.as_ptr().cast())) };
        sum = _mm512_dpbusd_epi32(sum, factor, a);
        other = _mm512_dpbusd_epi32(other, factor, b);
    }
    for x in single {
        // SAFETY: an array of the vector's bytes.
        sum = _mm512_dpbusd_epi32(sum, factor, unsafe { _mm512_loadu_si512(x.as_ptr().cast()) });
    }
    sum = _mm512_add_epi32(sum, other);
    let mask = tail_mask(tail.len());
    // SAFETY: the mask has a bit for each byte of the tail, and no others are touched.
    sum = _mm512_dpbusd_epi32(sum, factor, unsafe { _mm512_maskz_loadu_epi8(mask, tail.as_ptr()) });
    sum = _mm512_add_epi32(sum, _mm512_shuffle_i32x4::<0b01_00_11_10>(sum, sum));
    sum = _mm512_add_epi32(sum, _mm512_shuffle_i32x4::<0b10_11_00_01>(sum, sum));
    within_quarters(sum)
}

/// Adds the four lanes of each 128 bits, in every lane.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn within_quarters(sum: __m512i) -> __m512i {
    let sum = _mm512_add_epi32(sum, _mm512_shuffle_epi32::<0b01_00_11_10>(sum));
    _mm512_add_epi32(sum, _mm512_shuffle_epi32::<0b10_11_00_01>(sum))
}

/// A bit for each of the first `bytes` lanes, fewer than a vector holds.
#[inline(always)]
pub(super) fn tail_mask(bytes: usize) -> __mmask64 {
    1u64.wrapping_shl(bytes as u32).wrapping_sub(1)
}

/// `Σ (w + 128) · x` of up to `R` rows and `S` inputs, each sum still spread over its vector.
///
/// Rows past `count` repeat the last one.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn partial_sums<const R: usize, const S: usize>(
    w: &[i8],
    count: usize,
    inputs: usize,
    x: &[&[i8]; S],
) -> [[__m512i; R]; S] {
    let mut sums = [[_mm512_setzero_si512(); R]; S];
    let fits = count != 0 && w.len() >= count.wrapping_mul(inputs) && x.iter().all(|x| x.len() >= inputs);
    if !fits {
        return sums;
    }
    let flip = _mm512_set1_epi8(-128);
    let mut rows = [w.as_ptr(); R];
    let mut row = w.as_ptr();
    for (index, place) in rows.iter_mut().enumerate() {
        *place = row;
        row = row.wrapping_add(if index.wrapping_add(1) < count { inputs } else { 0 });
    }
    let mut at = 0usize;
    let whole = inputs & !(WIDTH - 1);
    let mut xs = [_mm512_setzero_si512(); S];
    while at < whole {
        for (v, x) in xs.iter_mut().zip(x) {
            // SAFETY: `at + 64 ≤ inputs ≤ x.len()`.
            *v = unsafe { _mm512_loadu_si512(x.as_ptr().wrapping_add(at).cast()) };
        }
        for (r, row) in rows.iter().enumerate() {
            // SAFETY: `at + 64 ≤ inputs`, and the row's `inputs` bytes lie inside w.
            let w = _mm512_xor_si512(unsafe { _mm512_loadu_si512(row.wrapping_add(at).cast()) }, flip);
            for (sums, &x) in sums.iter_mut().zip(&xs) {
                if let Some(sum) = sums.get_mut(r) {
                    *sum = _mm512_dpbusd_epi32(*sum, w, x);
                }
            }
        }
        at = at.wrapping_add(WIDTH);
    }
    if at < inputs {
        let mask = tail_mask(inputs.wrapping_sub(at));
        for (v, x) in xs.iter_mut().zip(x) {
            // SAFETY: the mask has a bit for each of x's bytes from `at` to `inputs`, and no others are touched.
            *v = unsafe { _mm512_maskz_loadu_epi8(mask, x.as_ptr().wrapping_add(at)) };
        }
        for (r, row) in rows.iter().enumerate() {
            // SAFETY: as for x, in the row. Lanes without a bit meet an x of 0.
            let w = _mm512_xor_si512(unsafe { _mm512_maskz_loadu_epi8(mask, row.wrapping_add(at)) }, flip);
            for (sums, &x) in sums.iter_mut().zip(&xs) {
                if let Some(sum) = sums.get_mut(r) {
                    *sum = _mm512_dpbusd_epi32(*sum, w, x);
                }
            }
        }
    }
    sums
}

/// Reduces four spread sums to one vector: each 128 bits hold a part of all four.
#[inline]
#[target_feature(enable = "avx512f")]
fn four_rows(a: __m512i, b: __m512i, c: __m512i, d: __m512i) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd))
}

/// Combines four vectors of [`four_rows`] into sixteen sums in order.
#[inline]
#[target_feature(enable = "avx512f")]
fn sixteen_rows(&[a, b, c, d]: &[__m512i; 4]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b));
    let cd = _mm512_add_epi32(_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xdd>(c, d));
    _mm512_add_epi32(_mm512_shuffle_i32x4::<0x88>(ab, cd), _mm512_shuffle_i32x4::<0xdd>(ab, cd))
}

/// [`super::Kernels::requantize_sums`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn requantize_sums(ends: &Ends<'_>, outputs: usize, sums: &[i32], y: &mut [i8]) {
    let mut first = 0usize;
    for sums in sums.get(..outputs).unwrap_or_default().chunks(BLOCK) {
        let mask = 1u32.wrapping_shl(sums.len() as u32).wrapping_sub(1) as __mmask16;
        // SAFETY: the mask has a bit for each sum of the chunk, and no others are touched.
        let acc = unsafe { _mm512_maskz_loadu_epi32(mask, sums.as_ptr()) };
        if let Some(finish) = Finish::new(ends, first, sums.len()) {
            finish.write(acc, y);
        }
        first = first.wrapping_add(BLOCK);
    }
}

/// [`super::Kernels::add_present`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
    add_runs::<64>(layer, present, sums);
}
