//! 256 bits on [`crate::model::Layout::Lanes`]: a vector of weights is sixteen inputs of two rows.

use super::Ends;
use super::avx2::{BLOCK, dot_avx2, requantize};
use crate::model::{BLOCK as LANE_ROWS, Layer};
use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_setzero_si128, _mm256_abs_epi8, _mm256_broadcastsi128_si256,
    _mm256_dpbusd_avx_epi32, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_permutevar8x32_epi32, _mm256_set_m128i,
    _mm256_setr_epi32, _mm256_setzero_si256, _mm256_sign_epi8,
};

/// Inputs of a vector of weights.
const GROUP: usize = 16;
/// Bytes of a group of four rows.
const WIDTH: usize = 64;

/// Sixteen inputs from `start` on, in both halves; 0 past the end.
#[inline]
#[target_feature(enable = "avx2")]
fn inputs_from(x: &[i8], start: usize) -> __m256i {
    let x = x.get(start..).unwrap_or_default();
    let mut room = [0i8; GROUP];
    let x = x.first_chunk::<GROUP>().unwrap_or_else(|| {
        for (to, &from) in room.iter_mut().zip(x) {
            *to = from;
        }
        &room
    });
    // SAFETY: an array of the vector's bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
}

/// The 16 bytes at `at`; zeros where the rows end.
#[inline]
#[target_feature(enable = "avx2")]
fn row_from(w: &[i8], at: usize) -> __m128i {
    match w.get(at..).and_then(<[i8]>::first_chunk::<GROUP>) {
        // SAFETY: an array of the vector's bytes.
        Some(w) => unsafe { _mm_loadu_si128(w.as_ptr().cast()) },
        None => _mm_setzero_si128(),
    }
}

macro_rules! dense {
    ($name:ident, $features:literal, $dot:path) => {
        /// `rows` inputs through one layer.
        #[target_feature(enable = $features)]
        pub(super) fn $name(
            layer: &Layer<'_>,
            ends: &Ends<'_>,
            x: &[i8],
            x_step: usize,
            y: &mut [i8],
            y_step: usize,
            rows: usize,
        ) {
            /// `N` blocks of four rows: two vectors each, a row's sum in four parts.
            #[inline]
            #[target_feature(enable = $features)]
            fn blocks<const N: usize>(w: &[i8], block_bytes: usize, x: &[i8]) -> [[__m256i; 2]; N] {
                let mut sums = [[_mm256_setzero_si256(); 2]; N];
                let groups = x.len().div_ceil(GROUP);
                if w.len() < block_bytes.wrapping_mul(N) || groups.wrapping_mul(WIDTH) > block_bytes {
                    return sums;
                }
                let mut at = w.as_ptr();
                for group in 0..groups {
                    let x = inputs_from(x, group.wrapping_mul(GROUP));
                    let magnitude = _mm256_abs_epi8(x);
                    for (block, [low, high]) in sums.iter_mut().enumerate() {
                        let at = at.wrapping_add(block.wrapping_mul(block_bytes));
                        // SAFETY: 64 bytes at `group < groups` of block `block < N` lie inside w, checked above.
                        let (a, b) =
                            unsafe { (_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.wrapping_add(32).cast())) };
                        *low = $dot(*low, magnitude, _mm256_sign_epi8(a, x));
                        *high = $dot(*high, magnitude, _mm256_sign_epi8(b, x));
                    }
                    at = at.wrapping_add(WIDTH);
                }
                sums
            }

            /// The last rows, fewer than a block, one behind the other; the sums as in `blocks`.
            #[inline]
            #[target_feature(enable = $features)]
            fn single_rows(w: &[i8], row_bytes: usize, x: &[i8]) -> [__m256i; 2] {
                let [mut low, mut high] = [_mm256_setzero_si256(); 2];
                for group in 0..x.len().div_ceil(GROUP) {
                    let start = group.wrapping_mul(GROUP);
                    let x = inputs_from(x, start);
                    let magnitude = _mm256_abs_epi8(x);
                    let row = |index: usize| row_from(w, index.wrapping_mul(row_bytes).wrapping_add(start));
                    low = $dot(low, magnitude, _mm256_sign_epi8(_mm256_set_m128i(row(1), row(0)), x));
                    let third = _mm256_set_m128i(_mm_setzero_si128(), row(2));
                    high = $dot(high, magnitude, _mm256_sign_epi8(third, x));
                }
                [low, high]
            }

            let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
            let row_bytes = layer.layout.row_bytes(layer.inputs);
            let block_bytes = row_bytes.wrapping_mul(LANE_ROWS);
            for (x, y) in x.chunks(x_step).zip(y.chunks_mut(y_step.max(1))).take(rows) {
                let Some(x) = x.get(..inputs) else { return };
                let mut weights = layer.weights;
                let mut first = 0usize;
                while first < outputs {
                    let count = outputs.wrapping_sub(first).min(BLOCK);
                    let Some((w, rest)) = weights.split_at_checked(count.wrapping_mul(row_bytes)) else { return };
                    weights = rest;
                    let [a, b] = if count == BLOCK {
                        blocks::<2>(w, block_bytes, x)
                    } else if let Some((whole, tail)) = w.split_at_checked(block_bytes) {
                        let [sums] = blocks::<1>(whole, block_bytes, x);
                        [sums, single_rows(tail, row_bytes, x)]
                    } else {
                        [single_rows(w, row_bytes, x), [_mm256_setzero_si256(); 2]]
                    };
                    let fold = |[low, high]: [__m256i; 2]| _mm256_hadd_epi32(low, high);
                    let sums = _mm256_hadd_epi32(fold(a), fold(b));
                    let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
                    requantize(ends, first, count, _mm256_permutevar8x32_epi32(sums, order), true, y);
                    first = first.wrapping_add(BLOCK);
                }
            }
        }
    };
}

dense!(dense, "avx2", dot_avx2);
dense!(dense_vnni, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
#[cfg(test)]
dense!(dense_vnni_evex, "avx2,avx512vl,avx512vnni", core::arch::x86_64::_mm256_dpbusd_epi32);
