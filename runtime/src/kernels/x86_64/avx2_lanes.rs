//! 256 bits on [`crate::model::Layout::Lanes`]: a vector of weights is sixteen inputs of two rows.

use super::Ends;
use super::avx2::{BLOCK, dot_avx2, requantize};
use crate::model::{BLOCK as LANE_ROWS, Layer};
use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_setzero_si128, _mm256_abs_epi8, _mm256_broadcastsi128_si256,
    _mm256_dpbusd_avx_epi32, _mm256_hadd_epi32, _mm256_loadu_si256, _mm256_permutevar8x32_epi32, _mm256_set_m128i,
    _mm256_setr_epi32, _mm256_setzero_si256, _mm256_sign_epi8,
};

/// Inputs in one vector of weights.
const GROUP: usize = 16;
/// Bytes of a group of four rows.
const WIDTH: usize = 64;

/// One input of a layer.
struct Input<'x> {
    x: &'x [i8],
    /// The rest after the whole groups, then zeros; in both halves.
    tail: __m256i,
    /// Inputs in whole groups.
    whole: usize,
}

impl<'x> Input<'x> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(x: &'x [i8]) -> Self {
        let (groups, rest) = x.as_chunks::<GROUP>();
        let mut room = [0i8; GROUP];
        for (to, &from) in room.iter_mut().zip(rest) {
            *to = from;
        }
        // SAFETY: an array of the vector's bytes.
        let tail = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(room.as_ptr().cast()) });
        Self { x, tail, whole: groups.len().wrapping_mul(GROUP) }
    }

    /// Sixteen inputs from `start` on, in both halves.
    ///
    /// # Safety
    /// `start + 16 ≤ x.len()`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn group(&self, start: usize) -> __m256i {
        // SAFETY: the caller's.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(self.x.as_ptr().wrapping_add(start).cast()) })
    }
}

/// The 16 bytes at `at`; zeros past the end of the rows.
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
            /// `N` blocks of four rows, all of `w`: two vectors each, a row's sum in four parts.
            #[inline]
            #[target_feature(enable = $features)]
            fn blocks<const N: usize>(w: &[i8], x: &Input<'_>) -> [[__m256i; 2]; N] {
                let mut sums = [[_mm256_setzero_si256(); 2]; N];
                let block_bytes = w.len().checked_div(N).unwrap_or_default();
                if x.x.len().wrapping_mul(LANE_ROWS) > block_bytes || !block_bytes.is_multiple_of(WIDTH) {
                    return sums;
                }
                let mut at = w.as_ptr();
                let mut start = 0usize;
                while start < x.whole {
                    // SAFETY: `start + 16 ≤ whole ≤ x.len()`; a block consists of whole groups, at least as many as x
                    // covers.
                    unsafe { add_group(at, block_bytes, x.group(start), &mut sums) };
                    at = at.wrapping_add(WIDTH);
                    start = start.wrapping_add(GROUP);
                }
                if start < x.x.len() {
                    // SAFETY: the last, partial group of x.
                    unsafe { add_group(at, block_bytes, x.tail, &mut sums) };
                }
                sums
            }

            /// One group of `N` blocks.
            ///
            /// # Safety
            /// 64 bytes at `at` and each multiple of `block_bytes` after it, `N` in all.
            #[inline]
            #[target_feature(enable = $features)]
            unsafe fn add_group<const N: usize>(
                at: *const i8,
                block_bytes: usize,
                x: __m256i,
                sums: &mut [[__m256i; 2]; N],
            ) {
                let magnitude = _mm256_abs_epi8(x);
                for (block, [low, high]) in sums.iter_mut().enumerate() {
                    let at = at.wrapping_add(block.wrapping_mul(block_bytes));
                    // SAFETY: the caller's.
                    let (a, b) =
                        unsafe { (_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.wrapping_add(32).cast())) };
                    *low = $dot(*low, magnitude, _mm256_sign_epi8(a, x));
                    *high = $dot(*high, magnitude, _mm256_sign_epi8(b, x));
                }
            }

            /// The last rows, fewer than a block, one after the other; the sums as in `blocks`.
            #[inline]
            #[target_feature(enable = $features)]
            fn single_rows(w: &[i8], row_bytes: usize, x: &Input<'_>) -> [__m256i; 2] {
                let [mut low, mut high] = [_mm256_setzero_si256(); 2];
                for group in 0..x.x.len().div_ceil(GROUP) {
                    let start = group.wrapping_mul(GROUP);
                    // SAFETY: `start + 16 ≤ whole ≤ x.len()`.
                    let x = if start < x.whole { unsafe { x.group(start) } } else { x.tail };
                    let magnitude = _mm256_abs_epi8(x);
                    let row = |index: usize| row_from(w, index.wrapping_mul(row_bytes).wrapping_add(start));
                    low = $dot(low, magnitude, _mm256_sign_epi8(_mm256_set_m128i(row(1), row(0)), x));
                    let third = _mm256_set_m128i(_mm_setzero_si128(), row(2));
                    high = $dot(high, magnitude, _mm256_sign_epi8(third, x));
                }
                [low, high]
            }

            /// Folds the sums of two blocks and finishes them.
            #[inline]
            #[target_feature(enable = $features)]
            fn finish(ends: &Ends<'_>, first: usize, count: usize, a: [__m256i; 2], b: [__m256i; 2], y: &mut [i8]) {
                let fold = |[low, high]: [__m256i; 2]| _mm256_hadd_epi32(low, high);
                let sums = _mm256_hadd_epi32(fold(a), fold(b));
                let order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
                requantize(ends, first, count, _mm256_permutevar8x32_epi32(sums, order), true, y);
            }

            let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
            let row_bytes = layer.layout.row_bytes(layer.inputs);
            let block_bytes = row_bytes.wrapping_mul(LANE_ROWS);
            let (mut x_rest, mut y_rest) = (x, y);
            for _ in 0..rows {
                let Some(x) = x_rest.get(..inputs) else { return };
                x_rest = x_rest.get(x_step..).unwrap_or_default();
                let (y, behind) = y_rest.split_at_mut(y_step.min(y_rest.len()));
                y_rest = behind;
                let x = Input::new(x);
                let mut weights = layer.weights;
                let mut first = 0usize;
                while first < outputs {
                    let left = outputs.wrapping_sub(first);
                    let count = if left >= BLOCK << 1 { BLOCK << 1 } else { left.min(BLOCK) };
                    let Some((w, rest)) = weights.split_at_checked(count.wrapping_mul(row_bytes)) else { return };
                    weights = rest;
                    if count > BLOCK {
                        let [a, b, c, d] = blocks::<4>(w, &x);
                        finish(ends, first, BLOCK, a, b, y);
                        finish(ends, first.wrapping_add(BLOCK), BLOCK, c, d, y);
                    } else {
                        let [a, b] = if count == BLOCK {
                            blocks::<2>(w, &x)
                        } else if let Some((whole, tail)) = w.split_at_checked(block_bytes) {
                            let [sums] = blocks::<1>(whole, &x);
                            [sums, single_rows(tail, row_bytes, &x)]
                        } else {
                            [single_rows(w, row_bytes, &x), [_mm256_setzero_si256(); 2]]
                        };
                        finish(ends, first, count, a, b, y);
                    }
                    first = first.wrapping_add(count);
                }
            }
        }
    };
}

dense!(dense, "avx2", dot_avx2);
dense!(dense_vnni, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
#[cfg(test)]
dense!(dense_vnni_evex, "avx2,avx512vl,avx512vnni", core::arch::x86_64::_mm256_dpbusd_epi32);
