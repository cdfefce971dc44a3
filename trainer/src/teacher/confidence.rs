//! One temperature that makes a teacher's confidence mean frequency.

use crate::distill::objective::log_softmax;
use ndarray::Array2;

/// Candidates are `2^(step / 4)`: 1/16 to 4.
const STEPS: std::ops::RangeInclusive<i32> = -16..=8;

/// The confidence temperature of a teacher (Guo et al., "On Calibration of Modern Neural Networks", 2017).
///
/// The candidate `T` for which `softmax(logits / T)` has the least cross-entropy on the labels of the `tune` nodes;
/// the smallest of equals. A teacher whose best epoch came early is far too soft (T below 1), and a student taught
/// by it loses points; dividing its logits by T once mends that.
///
/// # Shapes
/// - `logits`: `[nodes x classes]`; `labels`: one a node, read for `tune` nodes only
#[must_use]
pub fn confidence_temperature(logits: &Array2<f32>, labels: &[u16], tune: &[usize]) -> f32 {
    let tuned = logits.select(ndarray::Axis(0), tune);
    let loss = |temperature: f32| -> f64 {
        let logs = log_softmax((&tuned / temperature).view());
        let own = logs.outer_iter().zip(tune).map(|(row, &node)| f64::from(row[usize::from(labels[node])]));
        -own.sum::<f64>()
    };
    STEPS
            .map(|step| 2f32.powf(step as f32 / 4.0))
        .map(|temperature| (loss(temperature), temperature))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(1.0, |(_, temperature)| temperature)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four nodes answered with logit difference `d`, three of them rightly: the fit makes softmax say 3/4.
    #[test]
    fn the_fit_makes_confidence_frequency() {
        let labels = [0, 0, 0, 1];
        for d in [0.25f32, 1.0, 3.0] {
            let logits = Array2::from_shape_fn((4, 2), |(_, class)| if class == 0 { d } else { 0.0 });
            let temperature = confidence_temperature(&logits, &labels, &[0, 1, 2, 3]);
            let exact = d / 3f32.ln();
            assert!((temperature / exact).log2().abs() <= 0.126, "{temperature} for {exact}");
        }
    }
}
