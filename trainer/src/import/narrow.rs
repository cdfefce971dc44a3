//! Brings the weights of one output into −127 to 127, the range of a student file.

/// Largest magnitude of a weight.
const LIMIT: i16 = 127;

/// One row of weights that fits, and the compensation for the change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Narrowed {
    pub weights: Vec<i8>,
    /// The size of one step of the new sum, in steps of the old one.
    pub factor: f64,
    /// Added to the bias, in steps of the old sum.
    pub offset: f64,
    pub changed: bool,
}

/// Fits `row` by one of two methods, whichever has the smaller squared error: multiplies every weight by
/// `127 / largest` and rounds; or, if ±128 is the largest, makes only those weights one step smaller and adds the mean
/// of the loss to the bias.
pub(super) fn narrow(row: &[i16], input_zero_point: i8) -> Narrowed {
    let largest = row.iter().fold(0, |largest, weight| largest.max(weight.abs()));
    let clamped = || row.iter().map(|&weight| weight.clamp(-LIMIT, LIMIT) as i8).collect();
    if largest <= LIMIT {
        return Narrowed { weights: clamped(), factor: 1.0, offset: 0.0, changed: false };
    }
    let factor = f64::from(largest) / f64::from(LIMIT);
    let scaled = |weight: i16| (f64::from(weight) / factor).round();
    let lost: f64 = row.iter().map(|&weight| (f64::from(weight) - scaled(weight) * factor).powi(2)).sum();
    let outside: Vec<i16> = row.iter().copied().filter(|weight| weight.abs() > LIMIT).collect();
    if largest == LIMIT + 1 && (outside.len() as f64) < lost {
        // The middle of the input's int8 range, as a distance from the zero point.
        let middle = -0.5 - f64::from(input_zero_point);
        let offset = outside.iter().map(|weight| f64::from(weight.signum()) * middle).sum();
        return Narrowed { weights: clamped(), factor: 1.0, offset, changed: true };
    }
    Narrowed { weights: row.iter().map(|&weight| scaled(weight) as i8).collect(), factor, offset: 0.0, changed: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_kept() {
        let kept = narrow(&[-127, 0, 127], 5);
        assert_eq!((kept.weights, kept.factor, kept.changed), (vec![-127, 0, 127], 1.0, false));
    }

    #[test]
    fn the_smaller_error_wins() {
        let row: Vec<i16> = (0..64).map(|i| if i == 3 { -128 } else { 65 + i }).map(|w| w.min(127)).collect();
        let one = narrow(&row, 0);
        assert_eq!((one.weights[3], one.factor, one.offset), (-127, 1.0, 0.5));
        let mut exact = vec![-128i16; 8];
        exact.push(0);
        let all = narrow(&exact, 0);
        assert_eq!((all.weights[0], all.factor, all.offset), (-127, 128.0 / 127.0, 0.0));
        let wide = narrow(&[254, -2], 0);
        assert_eq!((wide.weights, wide.factor), (vec![127, -1], 2.0));
    }
}
