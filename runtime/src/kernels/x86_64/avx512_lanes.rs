//! 512 bits on [`crate::model::Layout::Lanes`]: a vector of weights is sixteen inputs of four rows.

use super::Ends;
use super::avx512::{BLOCK, offset_of, put, requantize, tail_mask};
use crate::model::{BLOCK as LANE_ROWS, Layer};
use core::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm_maskz_loadu_epi8, _mm512_add_epi32, _mm512_broadcast_i32x4,
    _mm512_castsi128_si512, _mm512_dpbusd_epi32, _mm512_inserti32x4, _mm512_loadu_si512, _mm512_permutexvar_epi32,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setr_epi32, _mm512_setzero_si512, _mm512_sub_epi32,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

/// Inputs of a vector of weights.
const GROUP: usize = 16;
/// Bytes of a vector.
const WIDTH: usize = 64;

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
    let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
    let row_bytes = layer.layout.row_bytes(layer.inputs);
    let block_bytes = row_bytes.wrapping_mul(LANE_ROWS);
    let mut rows: [&[i8]; S] = [&[]; S];
    let mut offsets = [0i32; S];
    for ((row, offset), x) in rows.iter_mut().zip(&mut offsets).zip(x.chunks(x_step)) {
        let Some(x) = x.get(..inputs) else { return };
        *row = x;
        *offset = offset_of(x);
    }
    let mut first = 0usize;
    let mut weights = layer.weights;
    while first < outputs {
        let count = outputs.wrapping_sub(first).min(BLOCK);
        let Some((w, rest)) = weights.split_at_checked(count.wrapping_mul(row_bytes)) else { return };
        weights = rest;
        let mut parts = [[_mm512_setzero_si512(); 4]; S];
        if count == BLOCK {
            parts = blocks::<4, S>(w, block_bytes, &rows);
        } else {
            let mut left = w;
            for quarter in 0..count / LANE_ROWS {
                let Some((w, behind)) = left.split_at_checked(block_bytes) else { return };
                left = behind;
                for (parts, [sums]) in parts.iter_mut().zip(blocks::<1, S>(w, block_bytes, &rows)) {
                    put(parts, quarter, sums);
                }
            }
            if !left.is_empty() {
                for (parts, sums) in parts.iter_mut().zip(single_rows(left, row_bytes, &rows)) {
                    put(parts, count / LANE_ROWS, sums);
                }
            }
        }
        for ((parts, &offset), y) in parts.iter().zip(&offsets).zip(y.chunks_mut(y_step.max(1))) {
            let sums = _mm512_sub_epi32(sixteen_rows(parts), _mm512_set1_epi32(offset));
            requantize(ends, first, count, sums, true, y);
        }
        first = first.wrapping_add(BLOCK);
    }
}

/// `Σ (w + 128) · x` of `B` blocks of four rows and `S` inputs: each 128 bits hold one row's sum in four parts.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn blocks<const B: usize, const S: usize>(w: &[i8], block_bytes: usize, x: &[&[i8]; S]) -> [[__m512i; B]; S] {
    let mut sums = [[_mm512_setzero_si512(); B]; S];
    let inputs = x.first().map_or(0, |x| x.len());
    let groups = inputs.div_ceil(GROUP);
    let fits = w.len() >= block_bytes.wrapping_mul(B)
        && groups.wrapping_mul(WIDTH) <= block_bytes
        && x.iter().all(|x| x.len() >= inputs);
    if !fits {
        return sums;
    }
    let flip = _mm512_set1_epi8(-128);
    let mut xs = [_mm512_setzero_si512(); S];
    let mut group = 0usize;
    let mut at = w.as_ptr();
    while group < groups {
        let start = group.wrapping_mul(GROUP);
        let left = inputs.wrapping_sub(start);
        for (v, x) in xs.iter_mut().zip(x) {
            let x = x.as_ptr().wrapping_add(start);
            *v = _mm512_broadcast_i32x4(if left >= GROUP {
                // SAFETY: `start + 16 ≤ inputs ≤ x.len()`.
                unsafe { _mm_loadu_si128(x.cast()) }
            } else {
                // SAFETY: the mask has a bit for each of x's bytes from `start` to `inputs`; no others are touched.
                unsafe { _mm_maskz_loadu_epi8(tail_mask(left) as u16, x) }
            });
        }
        for b in 0..B {
            // SAFETY: vector `group < groups` of block `b < B` lies inside w, checked above.
            let w = unsafe { _mm512_loadu_si512(at.wrapping_add(b.wrapping_mul(block_bytes)).cast()) };
            let w = _mm512_xor_si512(w, flip);
            for (sums, &x) in sums.iter_mut().zip(&xs) {
                if let Some(sum) = sums.get_mut(b) {
                    *sum = _mm512_dpbusd_epi32(*sum, w, x);
                }
            }
        }
        group = group.wrapping_add(1);
        at = at.wrapping_add(WIDTH);
    }
    sums
}

/// The last rows of a layer, fewer than a block, one behind the other; the sums as in [`blocks`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn single_rows<const S: usize>(w: &[i8], row_bytes: usize, x: &[&[i8]; S]) -> [__m512i; S] {
    let mut sums = [_mm512_setzero_si512(); S];
    let flip = _mm512_set1_epi8(-128);
    let inputs = x.first().map_or(0, |x| x.len());
    let mut start = 0usize;
    while start < inputs {
        let row = |index: usize| -> __m128i {
            let at = index.wrapping_mul(row_bytes).wrapping_add(start);
            match w.get(at..).and_then(<[i8]>::first_chunk::<GROUP>) {
                // SAFETY: an array of the vector's bytes.
                Some(w) => unsafe { _mm_loadu_si128(w.as_ptr().cast()) },
                None => core::arch::x86_64::_mm_setzero_si128(),
            }
        };
        let w = _mm512_castsi128_si512(row(0));
        let w = _mm512_inserti32x4::<1>(w, row(1));
        let w = _mm512_inserti32x4::<2>(w, row(2));
        let w = _mm512_xor_si512(w, flip);
        let mask = tail_mask(inputs.wrapping_sub(start).min(GROUP)) as u16;
        for (sum, x) in sums.iter_mut().zip(x) {
            let Some(x) = x.get(start..) else { return sums };
            // SAFETY: the mask has a bit for at most each of x's bytes from `start` on; no others are touched.
            let x = _mm512_broadcast_i32x4(unsafe { _mm_maskz_loadu_epi8(mask, x.as_ptr()) });
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
