//! 256 bits: four rows share each load of x and its magnitude.

use super::{Ends, Present, add_runs, avx2_lanes, by_definition};
use crate::model::{Layer, Layout};
use core::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_loadl_epi64, _mm_packs_epi16, _mm_packs_epi32, _mm_storeu_si128,
    _mm256_abs_epi8, _mm256_add_epi32, _mm256_blend_epi32, _mm256_castsi256_si128, _mm256_cmpgt_epi32,
    _mm256_cvtepi8_epi32, _mm256_dpbusd_avx_epi32, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_maddubs_epi16, _mm256_max_epi32, _mm256_min_epi32, _mm256_movemask_epi8, _mm256_mul_epi32, _mm256_set_m128i,
    _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_sign_epi8, _mm256_sllv_epi32, _mm256_srav_epi32,
    _mm256_srli_epi64, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

/// Bytes of a vector.
const WIDTH: usize = 32;
/// Outputs that are requantized together.
pub(super) const BLOCK: usize = 8;
/// Rows that share each load of x.
const ROWS: usize = 4;

/// `acc + Σ of four products` in each 32-bit lane, of bytes `|x| ≤ 128` and `w` with the sign of x, `|w| ≤ 127`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn dot_avx2(acc: __m256i, magnitude: __m256i, signed: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(magnitude, signed);
    _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// The inner loop of one instruction set; everything except `$dot` is AVX2.
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
            /// Up to four rows, from the start of w, times x; each 128 bits hold a part of all four sums.
            #[inline]
            #[target_feature(enable = $features)]
            fn four_rows(w: &[i8], count: usize, x: &[i8], tail: &[i8; WIDTH]) -> __m256i {
                let inputs = x.len();
                let mut sums = [_mm256_setzero_si256(); ROWS];
                if count == 0 || w.len() < count.wrapping_mul(inputs) {
                    return _mm256_setzero_si256();
                }
                let mut rows = [w.as_ptr(); ROWS];
                let mut row = w.as_ptr();
                for (index, place) in rows.iter_mut().enumerate() {
                    *place = row;
                    row = row.wrapping_add(if index.wrapping_add(1) < count { inputs } else { 0 });
                }
                let whole = inputs & !(WIDTH - 1);
                let mut at = 0usize;
                while at < whole {
                    // SAFETY: `at + 32 ≤ x.len()`.
                    let x = unsafe { _mm256_loadu_si256(x.as_ptr().wrapping_add(at).cast()) };
                    let magnitude = _mm256_abs_epi8(x);
                    for (sum, row) in sums.iter_mut().zip(&rows) {
                        // SAFETY: `at + 32 ≤ inputs`, and the row's `inputs` bytes lie inside w.
                        let w = unsafe { _mm256_loadu_si256(row.wrapping_add(at).cast()) };
                        *sum = $dot(*sum, magnitude, _mm256_sign_epi8(w, x));
                    }
                    at = at.wrapping_add(WIDTH);
                }
                if at < inputs {
                    // SAFETY: an array of the vector's bytes.
                    let x = unsafe { _mm256_loadu_si256(tail.as_ptr().cast()) };
                    let magnitude = _mm256_abs_epi8(x);
                    let last = count.wrapping_sub(1).wrapping_mul(inputs);
                    if last.wrapping_add(at).wrapping_add(WIDTH) <= w.len() {
                        for (sum, row) in sums.iter_mut().zip(&rows) {
                            // SAFETY: of the last row 32 bytes from `at` on lie inside w, checked in the line above,
                            // and the others start before it. Bytes past a row meet an x of 0.
                            let w = unsafe { _mm256_loadu_si256(row.wrapping_add(at).cast()) };
                            *sum = $dot(*sum, magnitude, _mm256_sign_epi8(w, x));
                        }
                    } else {
                        for (index, sum) in sums.iter_mut().enumerate().take(count) {
                            let start = index.wrapping_mul(inputs).wrapping_add(at);
                            let w =
                                padded(w.get(start..start.wrapping_add(inputs.wrapping_sub(at))).unwrap_or_default());
                            *sum = $dot(*sum, magnitude, _mm256_sign_epi8(w, x));
                        }
                    }
                }
                let [a, b, c, d] = sums;
                let ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
                let cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
                _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd))
            }

            if matches!(layer.layout, Layout::Lanes) {
                return avx2_lanes::$name(layer, ends, x, x_step, y, y_step, rows);
            }
            let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
            for (x, y) in x.chunks(x_step).zip(y.chunks_mut(y_step.max(1))).take(rows) {
                let Some(x) = x.get(..inputs) else { return };
                let mut tail = [0i8; WIDTH];
                for (to, &from) in tail.iter_mut().zip(x.as_chunks::<WIDTH>().1) {
                    *to = from;
                }
                let mut weights = layer.weights;
                let mut first = 0usize;
                while first < outputs {
                    let count = outputs.wrapping_sub(first).min(BLOCK);
                    // The bytes after the block are passed on too, since tails may read into them.
                    let low = four_rows(weights, count.min(ROWS), x, &tail);
                    let behind = weights.get(inputs.wrapping_mul(ROWS)..).unwrap_or_default();
                    let high = four_rows(behind, count.saturating_sub(ROWS), x, &tail);
                    weights = weights.get(inputs.wrapping_mul(count)..).unwrap_or_default();
                    let fold = |sums| _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
                    requantize(ends, first, count, _mm256_set_m128i(fold(high), fold(low)), true, y);
                    first = first.wrapping_add(BLOCK);
                }
            }
        }
    };
}

dense!(dense, "avx2", dot_avx2);
dense!(dense_vnni, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
// AVX-VNNI's instruction in its other encoding, for machines that can run only that one.
#[cfg(test)]
dense!(dense_vnni_evex, "avx2,avx512vl,avx512vnni", core::arch::x86_64::_mm256_dpbusd_epi32);

/// Fewer bytes than a vector holds, then zeros.
#[inline]
#[target_feature(enable = "avx2")]
fn padded(bytes: &[i8]) -> __m256i {
    let mut room = [0i8; WIDTH];
    for (to, &from) in room.iter_mut().zip(bytes) {
        *to = from;
    }
    // SAFETY: an array of the vector's bytes.
    unsafe { _mm256_loadu_si256(room.as_ptr().cast()) }
}

/// Eight elements of a table from `first` on; 0 past its end.
#[inline]
#[target_feature(enable = "avx2")]
fn eight(table: &[i32], first: usize) -> __m256i {
    let table = table.get(first..).unwrap_or_default();
    if let Some(eight) = table.first_chunk::<BLOCK>() {
        // SAFETY: an array of the vector's bytes.
        return unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) };
    }
    let mut room = [0i32; BLOCK];
    for (to, &from) in room.iter_mut().zip(table) {
        *to = from;
    }
    // SAFETY: an array of the vector's bytes.
    unsafe { _mm256_loadu_si256(room.as_ptr().cast()) }
}

/// Finishes the `count` sums from output `first` on and writes them to `y`, all outputs of one input.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn requantize(ends: &Ends<'_>, first: usize, count: usize, sums: __m256i, add_bias: bool, y: &mut [i8]) {
    let Some(y) = y.get_mut(first..first.wrapping_add(count)) else { return };
    // The table is padded to 16 bytes and `first` is a multiple of eight.
    let Some(exponents) = ends.exponents.get(first..).and_then(<[i8]>::first_chunk::<BLOCK>) else { return };
    // SAFETY: eight bytes of the eight that are read.
    let e = _mm256_cvtepi8_epi32(unsafe { _mm_loadl_epi64(exponents.as_ptr().cast()) });
    let m = eight(ends.mantissas, first);
    let acc = if add_bias { _mm256_add_epi32(sums, eight(ends.biases, first)) } else { sums };
    let above = _mm256_movemask_epi8(_mm256_cmpgt_epi32(e, _mm256_set1_epi32(-2)));
    let used = 1u64.wrapping_shl((count as u32) << 2).wrapping_sub(1) as u32;
    if above as u32 & used != 0 {
        let mut sums = [0i32; BLOCK];
        // SAFETY: an array of the vector's bytes.
        unsafe { _mm256_storeu_si256(sums.as_mut_ptr().cast(), acc) };
        return by_definition(ends, first, &sums, y);
    }
    // The high words of the products of the even and of the odd lanes.
    let even = _mm256_srli_epi64::<32>(_mm256_mul_epi32(acc, m));
    let odd = _mm256_mul_epi32(_mm256_srli_epi64::<32>(acc), _mm256_srli_epi64::<32>(m));
    let high = _mm256_blend_epi32::<0xaa>(even, odd);
    // Unused lanes may hold an exponent of 0; their shift of 2^32 − 2 gives 0 and does not fault.
    let n = _mm256_sub_epi32(_mm256_set1_epi32(-2), e);
    let half = _mm256_sllv_epi32(_mm256_set1_epi32(1), n);
    let scaled = _mm256_srav_epi32(_mm256_add_epi32(high, half), _mm256_add_epi32(n, _mm256_set1_epi32(1)));
    let zero_point = i32::from(ends.range.zero_point);
    let lo = _mm256_set1_epi32(i32::from(ends.range.lo).wrapping_sub(zero_point));
    let hi = _mm256_set1_epi32(i32::from(ends.range.hi).wrapping_sub(zero_point));
    let clamped = _mm256_min_epi32(_mm256_max_epi32(scaled, lo), hi);
    let shifted = _mm256_add_epi32(clamped, _mm256_set1_epi32(zero_point));
    // The values now fit a byte, so the packs do not saturate.
    let words = _mm_packs_epi32(_mm256_castsi256_si128(shifted), _mm256_extracti128_si256::<1>(shifted));
    let mut bytes = [0i8; 16];
    // SAFETY: an array of the vector's bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast::<__m128i>(), _mm_packs_epi16(words, words)) };
    match (<&mut [i8; BLOCK]>::try_from(&mut *y), bytes.first_chunk::<BLOCK>()) {
        (Ok(y), Some(bytes)) => *y = *bytes,
        _ => y.iter_mut().zip(&bytes).for_each(|(y, &byte)| *y = byte),
    }
}

/// [`super::Kernels::requantize_sums`].
#[target_feature(enable = "avx2")]
pub(super) fn requantize_sums(ends: &Ends<'_>, outputs: usize, sums: &[i32], y: &mut [i8]) {
    let mut first = 0usize;
    for chunk in sums.get(..outputs).unwrap_or_default().chunks(BLOCK) {
        requantize(ends, first, chunk.len(), eight(sums, first), false, y);
        first = first.wrapping_add(BLOCK);
    }
}

/// [`super::Kernels::add_present`].
#[target_feature(enable = "avx2")]
pub(super) fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
    add_runs::<64>(layer, present, sums);
}
