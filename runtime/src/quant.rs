//! The one rounding rule, in integers (`docs/spec/arithmetic.md`, sections 2 and 3).

/// An integer pair that replaces a positive real ratio: `mantissa · 2^(exponent − 31)`.
///
/// # Range
/// After load `mantissa` is in `2^30 ..= 2^31 − 1` and `exponent` in [`Multiplier::MIN_EXPONENT`]
/// `..=` [`Multiplier::MAX_EXPONENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// Normalised mantissa, a Q0.31 number in [0.5, 1).
    pub mantissa: i32,
    /// Power of two; negative values shift right.
    pub exponent: i8,
}

impl Multiplier {
    /// Smallest mantissa a file may hold: 0.5 in Q0.31.
    pub const MIN_MANTISSA: i32 = 1 << 30;
    /// Smallest exponent a file may hold.
    pub const MIN_EXPONENT: i8 = -31;
    /// Largest exponent a file may hold.
    pub const MAX_EXPONENT: i8 = 30;

    /// Whether both parts lie in the ranges that [`requantize`] is defined for.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.mantissa >= Self::MIN_MANTISSA
            && self.exponent >= Self::MIN_EXPONENT
            && self.exponent <= Self::MAX_EXPONENT
    }
}

/// Where a layer's outputs may lie: the zero point and the clamp.
///
/// ReLU is `lo = zero_point`; ReLU6 also lowers `hi`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputRange {
    /// Integer that stands for 0.0.
    pub zero_point: i8,
    /// Smallest output.
    pub lo: i8,
    /// Largest output, at least `lo`.
    pub hi: i8,
}

/// Scales a sum by a multiplier, rounding once, exact halves up.
///
/// `(acc · mantissa + 2^(30 − exponent)) >> (31 − exponent)` in 64 bits. The product of any `i32` and any
/// valid mantissa plus the rounding term is below `2^63`, so nothing overflows.
///
/// ```
/// use eyas::quant::{Multiplier, scale_sum};
/// let quarter = Multiplier { mantissa: 1 << 30, exponent: -1 }; // 0.25
/// assert_eq!(scale_sum(1, quarter), 0); // 0.25 rounds to 0
/// assert_eq!(scale_sum(2, quarter), 1); // 0.5 rounds up
/// assert_eq!(scale_sum(-2, quarter), 0); // −0.5 rounds up
/// assert_eq!(scale_sum(-3, quarter), -1); // −0.75 rounds to −1
/// ```
#[inline]
#[must_use]
pub const fn scale_sum(acc: i32, multiplier: Multiplier) -> i64 {
    let shift = 31u32.wrapping_sub(multiplier.exponent as i32 as u32);
    // Half a unit is a 1 added before the last step of the shift.
    let halves = (acc as i64).wrapping_mul(multiplier.mantissa as i64).wrapping_shr(shift.wrapping_sub(1));
    halves.wrapping_add(1) >> 1
}

/// Turns one sum into one activation: `clamp(zero_point + scale_sum(acc, multiplier), lo, hi)`.
#[inline]
#[must_use]
pub const fn requantize(acc: i32, multiplier: Multiplier, range: OutputRange) -> i8 {
    let y = scale_sum(acc, multiplier).wrapping_add(range.zero_point as i64);
    if y < range.lo as i64 {
        range.lo
    } else if y > range.hi as i64 {
        range.hi
    } else {
        y as i8
    }
}

/// Turns one real feature into one input integer: `clamp(⌊x · gain + offset + ½⌋, −128, 127)`.
///
/// The product and the sum are two separately rounded IEEE 754 single operations (no fused multiply-add);
/// the rounding to an integer is exact, halves up. `None` for NaN and infinities. A finite `x` whose product
/// overflows saturates like any other value out of range.
///
/// ```
/// use eyas::quant::quantize_feature;
/// assert_eq!(quantize_feature(0.5, 255.0, -128.0), Some(0)); // −0.5 rounds up
/// assert_eq!(quantize_feature(1.0, 255.0, -128.0), Some(127));
/// assert_eq!(quantize_feature(f32::NAN, 255.0, -128.0), None);
/// ```
#[must_use]
pub fn quantize_feature(x: f32, gain: f32, offset: f32) -> Option<i8> {
    if !x.is_finite() {
        return None;
    }
    let scaled = x * gain;
    let value = scaled + offset;
    // The comparisons come first, so that the casts below are exact; the sum of finite parts is never NaN.
    if value <= -128.0 {
        return Some(-128);
    }
    if value >= 127.0 {
        return Some(127);
    }
    let truncated = value as i32;
    let floor = if truncated as f32 > value { truncated.wrapping_sub(1) } else { truncated };
    let rounded = if value - floor as f32 >= 0.5 { floor.wrapping_add(1) } else { floor };
    Some(rounded as i8)
}

/// The factor that makes the magnitudes of a row sum to 1: the reciprocal of their sum.
///
/// Summed in input order in single precision, so zeros may be skipped; 1 for a row of zeros.
///
/// # Errors
/// The position at which the sum stops being finite; 0 for a sum so small that its reciprocal is not finite.
pub fn row_share(features: impl IntoIterator<Item = f32>) -> Result<f32, u32> {
    let mut sum = 0f32;
    for (index, feature) in (0u32..).zip(features) {
        sum += feature.abs();
        if !sum.is_finite() {
            return Err(index);
        }
    }
    let share = if sum == 0.0 { 1.0 } else { sum.recip() };
    if share.is_finite() { Ok(share) } else { Err(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oracle(acc: i32, m: Multiplier) -> i128 {
        let shift = 31 - i32::from(m.exponent);
        (i128::from(acc) * i128::from(m.mantissa) + (1i128 << (shift - 1))).div_euclid(1i128 << shift)
    }

    #[test]
    fn equals_the_wide_oracle_at_every_exponent() {
        let mantissas = [1 << 30, (1 << 30) + 1, 1_518_500_250, i32::MAX - 1, i32::MAX];
        let sums = [i32::MIN, i32::MIN + 1, -(1 << 30), -65_537, -3, -2, -1, 0, 1, 2, 3, 99_991, 1 << 30, i32::MAX];
        for exponent in Multiplier::MIN_EXPONENT..=Multiplier::MAX_EXPONENT {
            for mantissa in mantissas {
                for acc in sums {
                    let m = Multiplier { mantissa, exponent };
                    assert_eq!(i128::from(scale_sum(acc, m)), oracle(acc, m), "acc {acc}, {m:?}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn equals_the_wide_oracle(acc: i32, mantissa in Multiplier::MIN_MANTISSA..=i32::MAX, exponent in -31i8..=30, zero_point: i8, a: i8, b: i8) {
            let m = Multiplier { mantissa, exponent };
            let range = OutputRange { zero_point, lo: a.min(b), hi: a.max(b) };
            let wide = oracle(acc, m) + i128::from(zero_point);
            let expected = wide.clamp(i128::from(range.lo), i128::from(range.hi));
            proptest::prop_assert_eq!(i128::from(requantize(acc, m, range)), expected);
        }

        #[test]
        fn features_round_half_up(x in -400.0f32..400.0, gain in 0.01f32..10.0, offset in -128.0f32..127.0) {
            let value = f64::from(x * gain + offset);
            let expected = (value + 0.5).floor().clamp(-128.0, 127.0) as i8;
            proptest::prop_assert_eq!(quantize_feature(x, gain, offset), Some(expected));
        }
    }

    #[test]
    fn refuses_what_is_not_a_number() {
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(quantize_feature(x, 1.0, 0.0), None);
        }
        assert_eq!(quantize_feature(f32::MAX, 10.0, 0.0), Some(127));
        assert_eq!(quantize_feature(f32::MIN, 10.0, 0.0), Some(-128));
        assert_eq!(quantize_feature(-0.0, 10.0, 0.0), Some(0));
        assert_eq!(quantize_feature(f32::from_bits(1), 10.0, 3.0), Some(3));
    }
}
