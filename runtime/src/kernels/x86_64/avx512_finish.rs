//! Finishes sums, 512 bits wide: sixteen outputs at a time.

use super::{Ends, by_definition};
use crate::quant::OutputRange;
use core::arch::x86_64::{
    __m128i, __m512i, __mmask16, _mm_loadu_si128, _mm_maskz_loadu_epi8, _mm_max_epi8, _mm_min_epi8, _mm_set1_epi8,
    _mm_storeu_si128, _mm512_add_epi32, _mm512_cvtepi8_epi32, _mm512_cvtsepi32_epi8, _mm512_loadu_si512,
    _mm512_mask_cmpgt_epi32_mask, _mm512_mask_shuffle_epi32, _mm512_maskz_loadu_epi32, _mm512_mul_epi32,
    _mm512_set1_epi32, _mm512_sllv_epi32, _mm512_srav_epi32, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi32,
};

/// Outputs finished together.
pub(super) const BLOCK: usize = 16;

/// The parameters of up to sixteen outputs, prepared once for all inputs of a batch.
pub(super) struct Finish<'e, 'a> {
    ends: &'e Ends<'a>,
    first: usize,
    count: usize,
    biases: __m512i,
    mantissas: __m512i,
    /// The mantissas of the odd outputs, where a product of 64 bits reads them.
    odd_mantissas: __m512i,
    half: __m512i,
    shift: __m512i,
    /// Some exponent is above −2, so the definition decides.
    above: bool,
}

impl<'e, 'a> Finish<'e, 'a> {
    /// Those of `count` outputs from `first` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub(super) fn new(ends: &'e Ends<'a>, first: usize, count: usize) -> Option<Self> {
        let end = first.wrapping_add(count);
        let (biases, mantissas, exponents) =
            (ends.biases.get(first..end)?, ends.mantissas.get(first..end)?, ends.exponents.get(first..end)?);
        let mask = 1u32.wrapping_shl(count as u32).wrapping_sub(1) as __mmask16;
        let (biases, m, e) = if count == BLOCK {
            // SAFETY: each slice holds sixteen elements.
            unsafe {
                (
                    _mm512_loadu_si512(biases.as_ptr().cast()),
                    _mm512_loadu_si512(mantissas.as_ptr().cast()),
                    _mm_loadu_si128(exponents.as_ptr().cast()),
                )
            }
        } else {
            // SAFETY: the masks have a bit for each element of the slices, and no others are touched.
            unsafe {
                (
                    _mm512_maskz_loadu_epi32(mask, biases.as_ptr()),
                    _mm512_maskz_loadu_epi32(mask, mantissas.as_ptr()),
                    _mm_maskz_loadu_epi8(mask, exponents.as_ptr()),
                )
            }
        };
        let e = _mm512_cvtepi8_epi32(e);
        let n = _mm512_sub_epi32(_mm512_set1_epi32(-2), e);
        Some(Self {
            ends,
            first,
            count,
            biases,
            mantissas: m,
            odd_mantissas: _mm512_srli_epi64::<32>(m),
            half: _mm512_sllv_epi32(_mm512_set1_epi32(1), n),
            shift: _mm512_add_epi32(n, _mm512_set1_epi32(1)),
            above: _mm512_mask_cmpgt_epi32_mask(mask, e, _mm512_set1_epi32(-2)) != 0,
        })
    }

    /// Writes the outputs of `S` inputs, `step` apart, from sums without their bias.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub(super) fn with_bias<const S: usize>(
        &self,
        sums: [__m512i; S],
        offsets: [__m512i; S],
        y: &mut [i8],
        step: usize,
    ) {
        let mut rest = y;
        for (sum, offset) in sums.into_iter().zip(offsets) {
            let (y, behind) = rest.split_at_mut(step.min(rest.len()));
            rest = behind;
            self.write(_mm512_add_epi32(sum, _mm512_sub_epi32(self.biases, offset)), y);
        }
    }

    /// Writes the outputs of finished sums to `y`, all outputs of one input in whole blocks of four.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    pub(super) fn write(&self, acc: __m512i, y: &mut [i8]) {
        let Some(y) = y.get_mut(self.first..) else { return };
        if self.above {
            let mut sums = [0i32; BLOCK];
            // SAFETY: an array of the vector's bytes.
            unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), acc) };
            let count = self.count.min(y.len());
            return by_definition(self.ends, self.first, &sums, y.get_mut(..count).unwrap_or_default());
        }
        let bytes = self.bytes(acc);
        // A masked store could not be forwarded to the next layer's loads.
        if let Some(y) = y.first_chunk_mut::<BLOCK>().filter(|_| self.count == BLOCK) {
            // SAFETY: an array of the vector's bytes.
            unsafe { _mm_storeu_si128(y.as_mut_ptr().cast(), bytes) };
        } else {
            write_words(bytes, self.count, y);
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn bytes(&self, acc: __m512i) -> __m128i {
        // The high words of the products of the even and of the odd lanes.
        let even = _mm512_mul_epi32(acc, self.mantissas);
        let odd = _mm512_mul_epi32(_mm512_srli_epi64::<32>(acc), self.odd_mantissas);
        let high = _mm512_mask_shuffle_epi32::<0b11_11_01_01>(odd, 0x5555, even);
        let scaled = _mm512_srav_epi32(_mm512_add_epi32(high, self.half), self.shift);
        let OutputRange { zero_point, lo, hi } = self.ends.range;
        // Values outside a byte saturate to its limits, as they would in the clamp.
        let bytes = _mm512_cvtsepi32_epi8(_mm512_add_epi32(scaled, _mm512_set1_epi32(zero_point.into())));
        _mm_min_epi8(_mm_max_epi8(bytes, _mm_set1_epi8(lo)), _mm_set1_epi8(hi))
    }
}

/// Writes the first `count` bytes in whole words of four.
#[inline]
#[target_feature(enable = "avx512f")]
fn write_words(bytes: __m128i, count: usize, y: &mut [i8]) {
    let mut room = [0i8; BLOCK];
    // SAFETY: an array of the vector's bytes.
    unsafe { _mm_storeu_si128(room.as_mut_ptr().cast(), bytes) };
    let words = room.as_chunks::<4>().0.iter().zip(y.as_chunks_mut::<4>().0);
    for (word, y) in words.take(count.div_ceil(4)) {
        *y = *word;
    }
}
