//! Means over seeds with their spread; differences paired by seed.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Arithmetic mean; 0 for no values.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Population standard deviation, as the reference results state it; 0 for fewer than two values.
#[must_use]
pub fn standard_deviation(values: &[f64]) -> f64 {
    let centre = mean(values);
    mean(&values.iter().map(|value| (value - centre).powi(2)).collect::<Vec<_>>()).sqrt()
}

/// The value below which a share of `sorted` lies, interpolated between neighbours; 0 for none.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share * last as f64;
    let (below, above) = (sorted[place as usize], sorted[(place.ceil() as usize).min(last)]);
    below + (above - below) * place.fract()
}

/// Ends of the 95 % confidence interval of a share, in per cent, by Wilson's score (1927): it stays within 0 and 100 and
/// holds for few rows too. Absent for none.
#[must_use]
pub fn wilson_95(right: usize, rows: usize) -> Option<[f64; 2]> {
    // 97.5 % quantile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    if rows == 0 {
        return None;
    }
    let (share, rows) = (right as f64 / rows as f64, rows as f64);
    let centre = share + Z * Z / (2.0 * rows);
    let reach = Z * (share * (1.0 - share) / rows + Z * Z / (4.0 * rows * rows)).sqrt();
    let end = |at: f64| (100.0 * at / (1.0 + Z * Z / rows)).clamp(0.0, 100.0);
    Some([end(centre - reach), end(centre + reach)])
}

/// Mean difference of two measurements taken in pairs: of the same split and seed, or of the same fold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Mean of `a − b` over the pairs.
    pub mean: f64,
    /// Standard error of that mean: sample standard deviation over `√n`; absent for fewer than two pairs.
    pub standard_error: Option<f64>,
    /// Number of pairs.
    pub pairs: usize,
}

impl Paired {
    /// Ends of the 95 % confidence interval of the mean difference: `mean ± t · standard error`, with `t` the 97.5 %
    /// quantile of Student's t with one degree of freedom fewer than pairs. Absent for fewer than two pairs.
    #[must_use]
    pub fn interval_95(&self) -> Option<[f64; 2]> {
        let student = StudentsT::new(0.0, 1.0, self.pairs.checked_sub(1)? as f64).ok()?;
        let reach = student.inverse_cdf(0.975) * self.standard_error?;
        Some([self.mean - reach, self.mean + reach])
    }
}

/// Pairs two lists by position. Positions beyond the shorter list are left out.
#[must_use]
pub fn paired(a: &[f64], b: &[f64]) -> Paired {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    let pairs = differences.len();
    let standard_error = (pairs > 1).then(|| standard_deviation(&differences) / ((pairs - 1) as f64).sqrt());
    Paired { mean: mean(&differences), standard_error, pairs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_and_pairs() {
        assert_eq!((mean(&[]), mean(&[1.0, 2.0, 6.0])), (0.0, 3.0));
        assert!((standard_deviation(&[1.0, 3.0]) - 1.0).abs() < 1e-12);
        let difference = paired(&[3.0, 5.0, 4.0], &[2.0, 2.0, 2.0]);
        assert!((difference.mean - 2.0).abs() < 1e-12);
        // Sample deviation 1, over the square root of 3.
        assert!((difference.standard_error.unwrap() - 1.0 / 3f64.sqrt()).abs() < 1e-12);
        // The table's t of two degrees of freedom is 4.303.
        let [low, high] = difference.interval_95().unwrap();
        assert!((low - (2.0 - 4.3027 / 3f64.sqrt())).abs() < 1e-4 && (low + high - 4.0).abs() < 1e-12);
        // 8 of 10: Wilson gives 49.0 to 94.3 (Newcombe 1998).
        let [low, high] = wilson_95(8, 10).unwrap();
        assert!((low - 49.02).abs() < 0.01 && (high - 94.33).abs() < 0.01, "{low} {high}");
        assert_eq!((wilson_95(0, 0), wilson_95(0, 5).map(|ends| ends[0])), (None, Some(0.0)));
        let single = paired(&[1.0], &[0.5]);
        assert_eq!((single.standard_error, single.interval_95()), (None, None));
        assert_eq!(paired(&[], &[]).interval_95(), None);
    }
}
