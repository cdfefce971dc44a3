//! A masked teacher that is to say what the student said, whose answers are constants (stage 2 of MST-Distill, Li et al.
//! 2025).

use ndarray::Array2;

use super::objective::{divergence, tempered};
use crate::nn::{Lesson, Step, TuneFigure};

/// `T^2 KL(student || output)`, mean over the batch.
pub(crate) struct Imitate<'a> {
    pub(crate) tune: &'a [usize],
    /// Log-probabilities of the student at the temperature, for all rows.
    pub(crate) student: &'a Array2<f32>,
    pub(crate) temperature: f32,
}

impl Imitate<'_> {
    /// The divergence, mean over `rows`; `each` gets the place and the gradient of every logit.
    fn divergence(&self, output: &Array2<f32>, rows: &[usize], mut each: impl FnMut((usize, usize), f32)) -> f64 {
        let (t, scale) = (self.temperature, 1.0 / rows.len() as f32);
        let log = tempered(output, t);
        let mut loss = 0.0;
        for (at, &row) in rows.iter().enumerate() {
            for (class, (&student, &own)) in self.student.row(row).iter().zip(log.row(at)).enumerate() {
                let (value, slope) = divergence(scale, t, student, own);
                loss += value;
                each((at, class), slope);
            }
        }
        loss
    }
}

impl Lesson for Imitate<'_> {
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        self.divergence(&outputs[0], step.rows, |at, slope| gradients[0][at] += slope)
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Loss(self.divergence(&outputs[0], self.tune, |_, _| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn gradients_of_imitation_are_slopes_of_its_loss() {
        let student = tempered(&array![[0.5f32, -1.0, 2.0], [0.1, 0.2, -0.3]], 2.0);
        let mut lesson = Imitate { tune: &[1], student: &student, temperature: 2.0 };
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &[1, 0] };
        let outputs = array![[1.0f32, 0.0, -1.0], [2.0, -2.0, 0.5]];
        let mut gradients = [Array2::zeros((2, 3))];
        lesson.loss(&step, std::slice::from_ref(&outputs), &mut gradients);
        for at in [(0, 0), (0, 2), (1, 1)] {
            let mut at_shift = |shift: f32| {
                let mut moved = outputs.clone();
                moved[at] += shift;
                lesson.loss(&step, &[moved], &mut [Array2::zeros((2, 3))])
            };
            let slope = (at_shift(1e-2) - at_shift(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradients[0][at])).abs() < 2e-3, "{at:?}: {slope}");
        }
        // A masked teacher that says what the student says is as far as it gets.
        assert!(lesson.judge(&[array![[0.1f32, 0.2, -0.3]]]).value().abs() < 1e-6);
        assert!(lesson.judge(&[array![[0.1f32, 0.2, 0.3]]]).value() > 1e-3);
    }
}
