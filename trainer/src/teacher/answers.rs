//! What a teacher's numbers are: logits, or probabilities, of which logits are made.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Smallest probability that is told apart from 0.
const LEAST: f32 = 1e-7;
/// How far the probabilities of a row may be from 1 in sum.
const ROUNDING: f32 = 1e-2;

/// Meaning of the numbers a teacher answers with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AnswerKind {
    /// Logits, log-probabilities, or a regressed quantity.
    #[default]
    Logits,
    /// Probabilities: none below 0, 1 in the sum of a row.
    Probabilities,
}

/// A row that holds no probabilities.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("expected probabilities, 0 or more and 1 in sum, found the sum {sum} in row {row}; say answers = \"logits\"")]
pub struct NotProbabilities {
    /// Row, counted from 0.
    pub row: usize,
    /// What its numbers are in sum.
    pub sum: f32,
}

impl AnswerKind {
    /// Logits `[rows][outputs]` of answers of this kind; of probabilities their logarithms.
    ///
    /// # Errors
    /// The first row whose numbers are no probabilities.
    pub fn logits(self, mut answers: Array2<f32>) -> Result<Array2<f32>, NotProbabilities> {
        if self == Self::Logits {
            return Ok(answers);
        }
        for (row, values) in answers.rows().into_iter().enumerate() {
            let sum = values.sum();
            if values.iter().any(|&value| value < 0.0) || (sum - 1.0).abs() > ROUNDING {
                return Err(NotProbabilities { row, sum });
            }
        }
        answers.mapv_inplace(|value| value.max(LEAST).ln());
        Ok(answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn probabilities_become_logarithms_and_logits_stay() {
        let answers = array![[0.25f32, 0.75], [0.0, 1.0]];
        assert_eq!(AnswerKind::Logits.logits(answers.clone()).unwrap(), answers);
        let logits = AnswerKind::Probabilities.logits(answers).unwrap();
        assert_eq!(logits.row(0).to_vec(), [0.25f32.ln(), 0.75f32.ln()]);
        assert_eq!(logits[[1, 0]], LEAST.ln());
        let wrong = AnswerKind::Probabilities.logits(array![[0.5f32, 0.5], [2.0, -1.0]]).unwrap_err();
        assert_eq!(wrong, NotProbabilities { row: 1, sum: 1.0 });
        assert_eq!(AnswerKind::Probabilities.logits(array![[0.5f32, 0.6]]).unwrap_err().row, 0);
    }
}
