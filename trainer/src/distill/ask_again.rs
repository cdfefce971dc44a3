//! Teachers that see only the student's columns, asked again about every noised row.
//!
//! A stored answer is about the row as it was measured. A student that learns from noised rows learns more from what the
//! teacher says of the very row it sees (Beyer et al. 2022, "A good teacher is patient and consistent"). Other teachers
//! keep their answers: what they see of a row is not noised.

use ndarray::{Array2, ArrayView2};

use super::mixer::Mixture;
use super::objective::{log_softmax, tempered};
use crate::nn::{BackendKind, TrainedNet};

/// The teachers that are asked again, and what they answered for the present batch.
pub(crate) struct AskAgain<'a> {
    /// The members of each.
    pub(crate) teachers: &'a [Vec<TrainedNet>],
    /// How many teachers' stored answers the mean holds too.
    pub(crate) stored: usize,
    /// Whether answers are log-probabilities; else scores.
    pub(crate) classifies: bool,
    pub(crate) backend: BackendKind,
    /// Sum over the teachers of their members' mean answers `[batch x outputs]`.
    pub(crate) answered: Array2<f32>,
}

impl AskAgain<'_> {
    /// Asks about the rows of a batch `[batch x columns]`.
    pub(crate) fn ask(&mut self, x: ArrayView2<'_, f32>) {
        let outputs = self.teachers.first().and_then(|members| members.first()).map_or(0, |member| member.net.outputs);
        self.answered = Array2::zeros((x.nrows(), outputs));
        for members in self.teachers {
            for member in members {
                let answer = member.logits(x, self.backend);
                let answer = if self.classifies { log_softmax(answer.view()) } else { answer };
                self.answered.scaled_add(1.0 / members.len() as f32, &answer);
            }
        }
    }

    /// The targets of the batch's `rows`: the mean over all teachers, at `temperature` for a classifier.
    pub(crate) fn targets(&self, mixture: &Mixture, rows: &[usize], temperature: f32) -> Array2<f32> {
        let all = (self.stored + self.teachers.len()) as f32;
        let mut mean = self.answered.clone();
        for (mut to, &row) in mean.rows_mut().into_iter().zip(rows) {
            to.scaled_add(self.stored as f32, &mixture.answer(0, row));
        }
        mean /= all;
        if self.classifies { tempered(&mean, temperature) } else { mean }
    }
}
