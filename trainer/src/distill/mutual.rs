//! Co-training: networks that learn from labels and from every other one, nothing detached (stage 1 of MST-Distill, Li et
//! al. 2025).

use ndarray::Array2;

use super::labels::{Labels, unmixed};
use super::objective::tempered;
use crate::nn::{Lesson, Step, TuneFigure};

/// For the pair (s, t) the loss is `T^2 KL(p_t || p_s)`, mean over the batch, with gradients `T (p_s - p_t)` into s and
/// `T p_t (log p_t - log p_s - KL)` into t.
pub(crate) struct Mutual<'a> {
    pub(crate) labels: Labels<'a>,
    pub(crate) tune: &'a [usize],
    pub(crate) temperature: f32,
}

impl Lesson for Mutual<'_> {
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        let batch = unmixed(step);
        let (t, rows) = (self.temperature, step.rows.len());
        let mut loss = 0.0;
        for (output, to) in outputs.iter().zip(gradients.iter_mut()) {
            loss += self.labels.add(&batch, output, to, 1.0, |_| true);
        }
        let logs: Vec<Array2<f32>> = outputs.iter().map(|output| tempered(output, t)).collect();
        for (student, log_s) in logs.iter().enumerate() {
            for (teacher, log_t) in logs.iter().enumerate() {
                if student == teacher {
                    continue;
                }
                for row in 0..rows {
                    let each = log_t.row(row).iter().zip(log_s.row(row)).map(|(t, s)| t.exp() * (t - s)).sum::<f32>();
                    loss += f64::from(t * t * each) / rows as f64;
                    for class in 0..log_s.ncols() {
                        let (lt, ls) = (log_t[[row, class]], log_s[[row, class]]);
                        gradients[student][[row, class]] += t * (ls.exp() - lt.exp()) / rows as f32;
                        gradients[teacher][[row, class]] += t * lt.exp() * (lt - ls - each) / rows as f32;
                    }
                }
            }
        }
        loss
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Loss(outputs.iter().map(|output| self.labels.loss(output, self.tune)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Truth;
    use crate::distill::labels::{Distance, TargetScale};
    use ndarray::array;

    /// The closed gradients of co-training against differences of its loss.
    #[test]
    fn gradients_of_co_training_reach_both_sides() {
        let truth = Truth::Classes { labels: vec![0, 2], names: vec!["a".into(), "b".into(), "c".into()] };
        let scale = TargetScale { mean: 0.0, deviation: 1.0 };
        let labels = Labels { truth: &truth, known: &[true, true], smoothing: 0.1, scale, distance: Distance::Squared };
        let mut lesson = Mutual { labels, tune: &[], temperature: 4.0 };
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &[0, 1] };
        let outputs = [array![[0.5f32, -1.0, 2.0], [0.1, 0.2, -0.3]], array![[1.0f32, 0.0, -1.0], [2.0, -2.0, 0.5]]];
        let mut gradients = [Array2::zeros((2, 3)), Array2::zeros((2, 3))];
        lesson.loss(&step, &outputs, &mut gradients);
        for net in 0..2 {
            for at in [(0, 0), (0, 2), (1, 1)] {
                let mut at_shift = |shift: f32| {
                    let mut moved = outputs.clone();
                    moved[net][at] += shift;
                    lesson.loss(&step, &moved, &mut [Array2::zeros((2, 3)), Array2::zeros((2, 3))])
                };
                let slope = (at_shift(1e-2) - at_shift(-1e-2)) / 2e-2;
                assert!((slope - f64::from(gradients[net][at])).abs() < 2e-3, "{net} {at:?}: {slope}");
            }
        }
    }
}
