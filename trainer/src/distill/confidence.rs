//! How sure a teacher should sound: one softmax divisor fitted on the tune rows.
//!
//! A teacher whose best epoch comes early answers far too softly, and its student loses points; one
//! whose training went on is too sure. Dividing its logits once by the temperature that explains the
//! tune labels best (Guo et al. 2017) puts all teachers on one footing before anything else is done.

use ndarray::Array2;

use super::objective::log_softmax_in_place;
use crate::nn::error::{TrainError, check_indices};

/// Candidates are `2^(k/4)` for k from -32 to 8: 1/256 to 4. A teacher that was stopped after a few epochs needs 1/77.
const LOWEST: i32 = -32;
const HIGHEST: i32 = 8;

/// The confidence temperature of `logits` [rows x classes]: the candidate whose softmax of
/// `logits / temperature` has the lowest cross-entropy on `labels` at the tune `rows`; the lowest of
/// equal ones.
///
/// # Errors
/// No rows, or rows outside `logits` or `labels`.
pub fn confidence_temperature(logits: &Array2<f32>, labels: &[u16], rows: &[usize]) -> Result<f32, TrainError> {
    if rows.is_empty() {
        let remedy = "give labelled tune rows or keep the teacher's logits as they are";
        return Err(TrainError::Empty { place: "rows of the confidence fit", remedy });
    }
    check_indices("rows of the confidence fit", rows, logits.nrows().min(labels.len()))?;
    let mut scaled = vec![0.0f32; logits.ncols()];
    let mut cross_entropy = |temperature: f32| -> f64 {
        let one = |&row: &usize| {
            for (scaled, logit) in scaled.iter_mut().zip(logits.row(row)) {
                *scaled = logit / temperature;
            }
            log_softmax_in_place(&mut scaled);
            scaled.get(usize::from(labels[row])).map_or(0.0, |&log| -f64::from(log))
        };
        rows.iter().map(one).sum()
    };
    let candidates = (LOWEST..=HIGHEST).map(|k| 2.0f32.powf(k as f32 / 4.0));
    let fitted = candidates.map(|t| (cross_entropy(t), t)).min_by(|a, b| a.0.total_cmp(&b.0));
    Ok(fitted.map_or(1.0, |(_, temperature)| temperature))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels that follow softmax(logits) in frequency are explained best by temperature 1, and by
    /// 1/2 when the logits come at half their size.
    #[test]
    fn the_temperature_follows_the_scale_of_the_logits() {
        let logits = Array2::from_shape_fn((4, 2), |(_, class)| if class == 0 { 3.0f32.ln() } else { 0.0 });
        let (labels, rows) = ([0, 0, 0, 1], [0, 1, 2, 3]);
        assert_eq!(confidence_temperature(&logits, &labels, &rows).expect("fits"), 1.0);
        assert_eq!(confidence_temperature(&(logits / 2.0), &labels, &rows).expect("fits"), 0.5);
    }
}
