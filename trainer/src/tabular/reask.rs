//! Teachers behind the student's own columns, asked again about every noised row.
//!
//! A kept answer is about the row as it was measured. A student that learns from noised rows is better told what the
//! teacher says of the very row it sees (Beyer et al. 2022, "A good teacher is patient and consistent"). The others keep
//! their answers: what they see of a row is not noised.

use ndarray::{Array2, ArrayView2};

use super::route::Ways;
use crate::distill::objective::log_softmax;
use crate::nn::{BackendKind, TrainedNet};

/// The teachers that are asked again, and what they said of the present batch.
pub(super) struct Reask<'a> {
    /// The members of each.
    pub(super) teachers: &'a [Vec<TrainedNet>],
    /// How many teachers' kept answers the mean holds beside them.
    pub(super) kept: usize,
    /// Whether answers are log-probabilities; else scores.
    pub(super) classifies: bool,
    pub(super) backend: BackendKind,
    /// Sum over the teachers of their members' mean answers `[batch x outputs]`.
    pub(super) said: Array2<f32>,
}

impl Reask<'_> {
    /// Asks about the rows of a batch `[batch x columns]`.
    pub(super) fn ask(&mut self, x: ArrayView2<'_, f32>) {
        let outputs = self.teachers.first().and_then(|members| members.first()).map_or(0, |member| member.net.outputs);
        self.said = Array2::zeros((x.nrows(), outputs));
        for members in self.teachers {
            for member in members {
                let answer = member.logits(x, self.backend);
                let answer = if self.classifies { log_softmax(answer.view()) } else { answer };
                self.said.scaled_add(1.0 / members.len() as f32, &answer);
            }
        }
    }

    /// What the batch's `rows` are taught: the mean over all teachers, at `temperature` for a classifier.
    pub(super) fn targets(&self, ways: &Ways, rows: &[usize], temperature: f32) -> Array2<f32> {
        let all = (self.kept + self.teachers.len()) as f32;
        let mut mean = self.said.clone();
        for (mut to, &row) in mean.rows_mut().into_iter().zip(rows) {
            to.scaled_add(self.kept as f32, &ways.answer(0, row));
        }
        mean /= all;
        if self.classifies { log_softmax((mean / temperature).view()) } else { mean }
    }
}
