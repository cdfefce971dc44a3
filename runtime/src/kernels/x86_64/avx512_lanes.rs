//! 512 bits on [`crate::model::Layout::Lanes`]: a vector of weights is sixteen inputs of four rows.

use super::Ends;
use super::avx512::{offset_of, tail_mask, within_quarters};
use super::avx512_finish::{BLOCK, Finish};
use crate::model::{BLOCK as LANE_ROWS, Layer};
use core::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm_maskz_loadu_epi8, _mm_setzero_si128, _mm512_add_epi32,
    _mm512_broadcast_i32x4, _mm512_castsi128_si512, _mm512_dpbusd_epi32, _mm512_inserti32x4, _mm512_loadu_si512,
    _mm512_permutexvar_epi32, _mm512_set1_epi8, _mm512_setr_epi32, _mm512_setzero_si512, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

/// Inputs in one vector of weights.
const GROUP: usize = 16;
/// Bytes of a vector.
const WIDTH: usize = 64;
/// Largest number of inputs whose sum is taken in pieces of sixteen.
const NARROW: usize = 256;

/// The inputs that go through a layer together, each as long as the layer is wide.
struct Inputs<'x, const S: usize> {
    rows: [&'x [i8]; S],
    /// The rest of each after its whole groups, then zeros; four times.
    tails: [__m512i; S],
    /// `128 · Σ x` of each, in every lane.
    offsets: [__m512i; S],
    inputs: usize,
    /// Inputs in whole groups.
    whole: usize,
}

impl<'x, const S: usize> Inputs<'x, S> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn new(x: &'x [i8], x_step: usize, inputs: usize) -> Option<Self> {
        let whole = inputs & !(GROUP - 1);
        let mask = tail_mask(inputs.wrapping_sub(whole)) as u16;
        let zero = _mm512_setzero_si512();
        let mut all = Self { rows: [&[]; S], tails: [zero; S], offsets: [zero; S], inputs, whole };
        let mut rest = x;
        for ((row, tail), offset) in all.rows.iter_mut().zip(&mut all.tails).zip(&mut all.offsets) {
            *row = rest.get(..inputs)?;
            rest = rest.get(x_step..).unwrap_or_default();
            // SAFETY: the mask has a bit for each byte of the row from `whole` on, and no others are touched.
            let last = unsafe { _mm_maskz_loadu_epi8(mask, row.as_ptr().wrapping_add(whole)) };
            *tail = _mm512_broadcast_i32x4(last);
            *offset = if S == 1 && inputs <= NARROW { narrow_offset(row, *tail) } else { offset_of(row) };
        }
        Some(all)
    }

    /// Sixteen inputs of each from `start` on, four times.
    ///
    /// # Safety
    /// `start + 16 ≤ inputs`.
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn group(&self, start: usize) -> [__m512i; S] {
        let mut group = [_mm512_setzero_si512(); S];
        for (group, row) in group.iter_mut().zip(&self.rows) {
            // SAFETY: each row holds `inputs` bytes.
            *group = _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(row.as_ptr().wrapping_add(start).cast()) });
        }
        group
    }
}

/// [`offset_of`] in pieces of sixteen: the previous layer's stores are forwarded only to loads that are no wider.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn narrow_offset(x: &[i8], tail: __m512i) -> __m512i {
    let factor = _mm512_set1_epi8(-128);
    let mut sum = _mm512_dpbusd_epi32(_mm512_setzero_si512(), factor, tail);
    for group in x.as_chunks::<GROUP>().0 {
        // SAFETY: an array of the vector's bytes.
        let x = _mm512_broadcast_i32x4(unsafe { _mm_loadu_si128(group.as_ptr().cast()) });
        sum = _mm512_dpbusd_epi32(sum, factor, x);
    }
    within_quarters(sum)
}

/// All outputs of `S` inputs.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(super) fn all_outputs<const S: usize>(
    layer: &Layer<'_>,
    ends: &Ends<'_>,
    x: &[i8],
    x_step: usize,
    y: &mut [i8],
    y_step: usize,
) {
    let outputs = usize::from(layer.outputs);
    let row_bytes = layer.layout.row_bytes(layer.inputs);
    let Some(x) = Inputs::<S>::new(x, x_step, usize::from(layer.inputs)) else { return };
    let mut first = 0usize;
    // Rows are whole groups of sixteen bytes, so no bytes follow the last one.
    for w in layer.weights.chunks(row_bytes.wrapping_mul(BLOCK).max(1)) {
        let count = outputs.wrapping_sub(first).min(BLOCK);
        let parts = if count == BLOCK { blocks::<4, S>(w, &x) } else { last_rows(w, count, row_bytes, &x) };
        let Some(finish) = Finish::new(ends, first, count) else { return };
        finish.with_bias(parts.map(|parts| sixteen_rows(&parts)), x.offsets, y, y_step);
        first = first.wrapping_add(BLOCK);
    }
}

/// `Σ (w + 128) · x` of `B` blocks of four rows, all of `w`, and `S` inputs: each 128 bits hold one row's sum in four
/// parts. Blocks past the last one are 0.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn blocks<const B: usize, const S: usize>(w: &[i8], x: &Inputs<'_, S>) -> [[__m512i; 4]; S] {
    let mut sums = [[_mm512_setzero_si512(); 4]; S];
    let block_bytes = w.len().checked_div(B).unwrap_or_default();
    if B > 4 || x.inputs.wrapping_mul(LANE_ROWS) > block_bytes || !block_bytes.is_multiple_of(WIDTH) {
        return sums;
    }
    let mut at = w.as_ptr();
    let mut start = 0usize;
    while start < x.whole {
        // SAFETY: `start + 16 ≤ whole ≤ inputs`; a block consists of whole groups, at least as many as x covers.
        unsafe { add_group::<B, S>(at, block_bytes, x.group(start), &mut sums) };
        at = at.wrapping_add(WIDTH);
        start = start.wrapping_add(GROUP);
    }
    if start < x.inputs {
        // SAFETY: the last, partial group of x.
        unsafe { add_group::<B, S>(at, block_bytes, x.tails, &mut sums) };
    }
    sums
}

/// One group of `B` blocks and `S` inputs.
///
/// # Safety
/// 64 bytes at `at` and each multiple of `block_bytes` after it, `B` in all.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn add_group<const B: usize, const S: usize>(
    at: *const i8,
    block_bytes: usize,
    x: [__m512i; S],
    sums: &mut [[__m512i; 4]; S],
) {
    let flip = _mm512_set1_epi8(-128);
    for b in 0..B {
        // SAFETY: the caller's.
        let w = unsafe { _mm512_loadu_si512(at.wrapping_add(b.wrapping_mul(block_bytes)).cast()) };
        let w = _mm512_xor_si512(w, flip);
        for (sums, &x) in sums.iter_mut().zip(&x) {
            if let Some(sum) = sums.get_mut(b) {
                *sum = _mm512_dpbusd_epi32(*sum, w, x);
            }
        }
    }
}

/// Fewer than sixteen rows: whole blocks, then rows one after the other; the sums as in [`blocks`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn last_rows<const S: usize>(w: &[i8], count: usize, row_bytes: usize, x: &Inputs<'_, S>) -> [[__m512i; 4]; S] {
    let whole = count / LANE_ROWS;
    let bytes = row_bytes.wrapping_mul(LANE_ROWS).wrapping_mul(whole);
    let (w, rows) = w.split_at_checked(bytes).unwrap_or_default();
    let mut sums = match whole {
        0 => [[_mm512_setzero_si512(); 4]; S],
        1 => blocks::<1, S>(w, x),
        2 => blocks::<2, S>(w, x),
        _ => blocks::<3, S>(w, x),
    };
    if !rows.is_empty() {
        for (sums, single) in sums.iter_mut().zip(single_rows(rows, row_bytes, x)) {
            if let Some(sum) = sums.get_mut(whole) {
                *sum = single;
            }
        }
    }
    sums
}

/// The last rows of a layer, fewer than a block, one after the other; the sums as for one block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn single_rows<const S: usize>(w: &[i8], row_bytes: usize, x: &Inputs<'_, S>) -> [__m512i; S] {
    let mut sums = [_mm512_setzero_si512(); S];
    let flip = _mm512_set1_epi8(-128);
    let row = |index: usize| w.get(row_bytes.wrapping_mul(index)..).unwrap_or_default().as_chunks::<GROUP>().0;
    let (rows, mut start) = ([row(0), row(1), row(2)], 0usize);
    for (group, first) in rows[0].iter().enumerate() {
        if start >= x.inputs {
            break;
        }
        // SAFETY: `start + 16 ≤ whole ≤ inputs`.
        let xs = if start < x.whole { unsafe { x.group(start) } } else { x.tails };
        let quarter = |row: &[[i8; GROUP]]| -> __m128i {
            // SAFETY: an array of the vector's bytes.
            row.get(group).map_or(_mm_setzero_si128(), |w| unsafe { _mm_loadu_si128(w.as_ptr().cast()) })
        };
        // SAFETY: an array of the vector's bytes.
        let w = _mm512_castsi128_si512(unsafe { _mm_loadu_si128(first.as_ptr().cast()) });
        let w = _mm512_inserti32x4::<1>(w, quarter(rows[1]));
        let w = _mm512_inserti32x4::<2>(w, quarter(rows[2]));
        let w = _mm512_xor_si512(w, flip);
        for (sum, &x) in sums.iter_mut().zip(&xs) {
            *sum = _mm512_dpbusd_epi32(*sum, w, x);
        }
        start = start.wrapping_add(GROUP);
    }
    sums
}

/// The sums of four blocks, in order.
#[inline]
#[target_feature(enable = "avx512f")]
fn sixteen_rows(&[a, b, c, d]: &[__m512i; 4]) -> __m512i {
    let ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    // 128 bits hold the same row of all four blocks.
    let by_row = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_permutexvar_epi32(order, by_row)
}
