//! Activation ranges from observed values: min-max, percentile, or least squared error.

use ndarray::Array2;

/// The method that chooses a range from the observed values of one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RangeMethod {
    /// The whole observed range.
    MinMax,
    /// The range that contains this share of the values, in per cent (50 to 100), trimmed evenly at both ends.
    Percentile(f64),
    /// The range with the smallest mean square of rounding and clamping errors.
    Mse,
}

/// The real range of each layer's outputs, first to last; the hidden ones start at 0.
pub type Ranges = Vec<(f64, f64)>;

/// Share of the full range tried by [`RangeMethod::Mse`], in steps of one fiftieth.
const CANDIDATES: std::ops::RangeInclusive<usize> = 10..=50;
/// Integer steps of an int8 range.
const STEPS: f64 = 255.0;

/// Chooses a range for every layer.
///
/// The last layer always keeps its whole range: clamped logits would tie.
///
/// # Shapes
/// - `observed`: for each layer `[rows x outputs]`, as returned by [`super::activations`]
#[must_use]
pub fn observe_ranges(observed: &[Array2<f32>], method: RangeMethod) -> Ranges {
    let last = observed.len().saturating_sub(1);
    let layer = |(index, values): (usize, &Array2<f32>)| {
        let values: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
        widen(range(&values, if index == last { RangeMethod::MinMax } else { method }))
    };
    observed.iter().enumerate().map(layer).collect()
}

fn range(values: &[f64], method: RangeMethod) -> (f64, f64) {
    let full = values.iter().fold((0f64, 0f64), |(lo, hi), &value| (lo.min(value), hi.max(value)));
    match method {
        RangeMethod::MinMax => full,
        RangeMethod::Percentile(share) => {
            let mut sorted = values.to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            let cut = (1.0 - share / 100.0) / 2.0;
            let at = |share: f64| sorted.get((share * (sorted.len().max(1) - 1) as f64).round() as usize).copied();
            (at(cut).unwrap_or(0.0).min(0.0), at(1.0 - cut).unwrap_or(0.0).max(0.0))
        }
        RangeMethod::Mse => CANDIDATES
            .map(|part| part as f64 / *CANDIDATES.end() as f64)
            .map(|share| (full.0 * share, full.1 * share))
            .map(|range| (squared_error(values, range), range))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(full, |(_, range)| range),
    }
}

/// Sum of squared differences between values and their int8 form over `range`.
fn squared_error(values: &[f64], (lo, hi): (f64, f64)) -> f64 {
    let step = ((hi - lo) / STEPS).max(f64::MIN_POSITIVE);
    let coded = |value: f64| ((value.clamp(lo, hi) - lo) / step).round() * step + lo;
    values.iter().map(|&value| (value - coded(value)).powi(2)).sum()
}

/// An empty range (a layer that is always 0) becomes one that contains 0.
fn widen((lo, hi): (f64, f64)) -> (f64, f64) {
    if hi > lo { (lo, hi) } else { (lo, lo + 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 999 values from 0 to 1 and one at 100.
    fn outlier() -> Vec<f64> {
        (0..999).map(|i| f64::from(i) / 998.0).chain([100.0]).collect()
    }

    #[test]
    fn each_method_treats_an_outlier_its_way() {
        assert_eq!(range(&outlier(), RangeMethod::MinMax), (0.0, 100.0));
        let (_, percentile) = range(&outlier(), RangeMethod::Percentile(99.0));
        assert!((0.98..=1.0).contains(&percentile), "{percentile}");
        let (_, mse) = range(&outlier(), RangeMethod::Mse);
        assert!(mse >= 90.0, "one outlier of 100 costs more than coarse steps: {mse}");
    }

    #[test]
    fn a_dead_layer_gets_a_range() {
        let dead = [Array2::zeros((4, 3))];
        assert_eq!(observe_ranges(&dead, RangeMethod::Mse), [(0.0, 1.0)]);
    }

    #[test]
    fn logits_keep_their_whole_range() {
        let observed = [
            Array2::from_shape_vec((2, 1), vec![0.0, 9.0]).unwrap(),
            Array2::from_shape_vec((2, 1), vec![-7.0, 3.0]).unwrap(),
        ];
        assert_eq!(observe_ranges(&observed, RangeMethod::Percentile(50.0))[1], (-7.0, 3.0));
    }
}
