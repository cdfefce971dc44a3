//! Converts real scales to integer multipliers. Floats exist only on the host.

use eyas::quant::Multiplier;

/// Why no multiplier can represent a ratio of scales.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ScaleError {
    /// Not a positive finite number.
    #[error("the ratio of scales is {0}, a positive finite number expected")]
    NotPositive(f64),
    /// Outside 2^-32 to 2^30.
    #[error("the ratio of scales is {0:e}, 2^-32 to 2^30 expected; a range or a weight is degenerate")]
    OutOfRange(f64),
}

/// The multiplier nearest to a positive ratio: `ratio ≈ mantissa · 2^(exponent − 31)`.
///
/// Mantissa rounded to nearest, halves up; relative error at most 2^-31.
///
/// # Errors
/// A ratio that is not positive and finite, or whose exponent the runtime refuses. A ratio is never replaced
/// by zero, which would silence its output.
pub fn multiplier(ratio: f64) -> Result<Multiplier, ScaleError> {
    if !(ratio.is_finite() && ratio > 0.0) {
        return Err(ScaleError::NotPositive(ratio));
    }
    let mut exponent = ratio.log2().floor() as i32 + 1;
    // `log2` may be off by one next to a power of two.
    while ratio >= 2f64.powi(exponent) {
        exponent += 1;
    }
    while ratio < 2f64.powi(exponent - 1) {
        exponent -= 1;
    }
    let mut mantissa = (ratio * 2f64.powi(31 - exponent) + 0.5).floor() as i64;
    if mantissa == 1 << 31 {
        mantissa >>= 1;
        exponent += 1;
    }
    let exponent = i8::try_from(exponent).map_err(|_| ScaleError::OutOfRange(ratio))?;
    let multiplier = Multiplier { mantissa: mantissa as i32, exponent };
    if multiplier.is_valid() { Ok(multiplier) } else { Err(ScaleError::OutOfRange(ratio)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_two_are_exact() {
        for exponent in -31..=29 {
            let found = multiplier(2f64.powi(exponent)).unwrap();
            assert_eq!(found, Multiplier { mantissa: 1 << 30, exponent: exponent as i8 + 1 });
        }
    }

    #[test]
    fn senseless_ratios_are_refused() {
        for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(multiplier(ratio), Err(ScaleError::NotPositive(_))));
        }
        for ratio in [1e-300, 2f64.powi(-33), 2f64.powi(30), 1e300] {
            assert_eq!(multiplier(ratio), Err(ScaleError::OutOfRange(ratio)));
        }
    }

    proptest::proptest! {
        #[test]
        fn the_nearest_multiplier(ratio in 1e-9f64..1e9) {
            let found = multiplier(ratio).unwrap();
            let back = f64::from(found.mantissa) * 2f64.powi(i32::from(found.exponent) - 31);
            proptest::prop_assert!((back / ratio - 1.0).abs() <= 2f64.powi(-31));
        }
    }
}
