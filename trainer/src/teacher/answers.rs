//! What a teacher's numbers are: logits, or probabilities, of which logits are made.
//!
//! A softmax of probabilities is nearly flat, so a student that takes them for logits learns little, and no figure says
//! why. Answers that look like probabilities in every row are therefore refused until the recipe says what they are.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// Smallest probability that is told apart from 0: the logarithm of 0 is no number a student could be taught.
pub const LEAST_PROBABILITY: f32 = 1e-7;
/// How far the probabilities of a row may be from 1 in sum.
const ROUNDING: f32 = 1e-2;
/// How far rounding alone moves a probability, or the sum of several.
const NEAR: f32 = 1e-3;

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

/// Logits of a teacher, and what was done to get them.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// `[rows][outputs]`
    pub logits: Array2<f32>,
    /// Probabilities below [`LEAST_PROBABILITY`], which were taken as that.
    pub floored: usize,
}

/// Numbers that are not what they are said to be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswersError {
    /// A row that holds no probabilities.
    #[error(
        "expected probabilities, 0 or more and 1 in sum, found the sum {sum} in row {row}; say answers = \"logits\" if \
         that is what they are"
    )]
    NotProbabilities {
        /// Row, counted from 0.
        row: usize,
        /// What its numbers are in sum.
        sum: f32,
    },
    /// Nobody said what the numbers are, and as logits they would teach next to nothing.
    #[error(
        "expected logits, found rows without a negative number that all add up to {}, as probabilities do; say \
         answers = \"probabilities\"{}, or answers = \"logits\" if that is what they are",
        (.sum * 100.0).round() / 100.0,
        division(*.sum)
    )]
    Unsaid {
        /// What the numbers of the first row are in sum.
        sum: f32,
    },
}

/// What rows that add up to `sum` need to be probabilities.
fn division(sum: f32) -> &'static str {
    if (sum - 1.0).abs() > ROUNDING { " and divide them by their sum" } else { "" }
}

impl AnswerKind {
    /// Logits of class answers whose kind a recipe says, or leaves open; of probabilities their logarithms.
    ///
    /// # Errors
    /// The first row whose numbers are no probabilities, or an open kind where all rows look like probabilities.
    pub fn logits(kind: Option<Self>, mut answers: Array2<f32>) -> Result<Answers, AnswersError> {
        let mut floored = 0;
        match kind {
            Some(Self::Logits) => {}
            None => {
                if let Some(sum) = common_sum(answers.view()) {
                    return Err(AnswersError::Unsaid { sum });
                }
            }
            Some(Self::Probabilities) => {
                for (row, values) in answers.rows().into_iter().enumerate() {
                    let sum = values.sum();
                    if values.iter().any(|&value| value < 0.0) || (sum - 1.0).abs() > ROUNDING {
                        return Err(AnswersError::NotProbabilities { row, sum });
                    }
                }
                floored = answers.iter().filter(|&&value| value < LEAST_PROBABILITY).count();
                answers.mapv_inplace(|value| value.max(LEAST_PROBABILITY).ln());
            }
        }
        Ok(Answers { logits: answers, floored })
    }
}

/// Whether answers to several rows look like probabilities: none below 0 or above 1, and of several columns 1 in the sum
/// of every row. One column may hold the probability of the second of two classes.
pub fn look_like_probabilities(answers: ArrayView2<'_, f32>) -> bool {
    let in_range = |&value: &f32| (0.0..=1.0 + NEAR).contains(&value);
    let adds_up = |row: ndarray::ArrayView1<'_, f32>| row.len() == 1 || (row.sum() - 1.0).abs() <= NEAR;
    answers.nrows() > 0 && answers.iter().all(in_range) && answers.rows().into_iter().all(adds_up)
}

/// What every row adds up to, where that is one number and no value is below 0: probabilities, percentages, votes.
fn common_sum(answers: ArrayView2<'_, f32>) -> Option<f32> {
    let sum = answers.rows().into_iter().next()?.sum();
    let like = |row: ndarray::ArrayView1<'_, f32>| {
        row.iter().all(|&value| value >= 0.0) && (row.sum() - sum).abs() <= ROUNDING * sum
    };
    (answers.ncols() > 1 && sum > 0.0 && answers.rows().into_iter().all(like)).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const SAID: Option<AnswerKind> = Some(AnswerKind::Probabilities);

    #[test]
    fn probabilities_become_logarithms_and_logits_stay() {
        let answers = array![[0.25f32, 0.75], [0.0, 1.0]];
        let logits = AnswerKind::logits(Some(AnswerKind::Logits), answers.clone()).unwrap();
        assert_eq!(logits, Answers { logits: answers.clone(), floored: 0 });
        let Answers { logits, floored } = AnswerKind::logits(SAID, answers).unwrap();
        assert_eq!(logits.row(0).to_vec(), [0.25f32.ln(), 0.75f32.ln()]);
        assert_eq!((logits[[1, 0]], floored), (LEAST_PROBABILITY.ln(), 1));
        let wrong = AnswerKind::logits(SAID, array![[0.5f32, 0.5], [2.0, -1.0]]).unwrap_err();
        assert_eq!(wrong, AnswersError::NotProbabilities { row: 1, sum: 1.0 });
        let wrong = AnswerKind::logits(SAID, array![[0.5f32, 0.6]]).unwrap_err();
        assert!(matches!(wrong, AnswersError::NotProbabilities { row: 0, .. }));
    }

    #[test]
    fn scores_and_probabilities_are_told_apart_by_all_rows() {
        let seen = |answers: Array2<f32>| look_like_probabilities(answers.view());
        // Forests answer with exact zeros and with 1.0000001.
        assert!(seen(array![[1.0000001f32, 0.0], [0.25, 0.75]]) && seen(array![[0.0f32], [0.3], [1.0]]));
        assert!(!seen(array![[0.25f32, 0.75], [0.5, 0.6]]) && !seen(array![[0.25f32, 0.75], [1.25, -0.25]]));
        assert!(!seen(array![[25.0f32, 75.0]]) && !seen(array![[0.5f32], [1.5]]) && !seen(Array2::zeros((0, 2))));
        assert!(!seen(array![[f32::NAN, 0.5]]));
    }

    #[test]
    fn what_looks_like_probabilities_is_refused_until_said() {
        let refused = |answers: Array2<f32>| match AnswerKind::logits(None, answers) {
            Err(AnswersError::Unsaid { sum }) => Some(sum),
            other => other.map(|_| None).unwrap(),
        };
        assert_eq!(refused(array![[0.25f32, 0.75], [0.0, 1.0], [0.502, 0.5]]), Some(1.0));
        assert_eq!(refused(array![[30.0f32, 70.0], [100.0, 0.0]]), Some(100.0));
        // One row that is none makes them logits, and so does a single output.
        assert_eq!(refused(array![[0.25f32, 0.75], [0.25, 0.5]]), None);
        assert_eq!(refused(array![[0.25f32, 0.75], [1.25, -0.25]]), None);
        assert_eq!(refused(array![[1.0f32], [1.0]]), None);
        assert_eq!(refused(array![[0.0f32, 0.0], [0.0, 0.0]]), None);
        assert_eq!(refused(array![[0.25f32.ln(), 0.75f32.ln()], [0.5f32.ln(), 0.5f32.ln()]]), None);
        assert_eq!(refused(Array2::zeros((0, 3))), None);
        let error = AnswerKind::logits(None, array![[30.0f32, 70.0]]).unwrap_err().to_string();
        assert!(error.contains("add up to 100") && error.contains("divide them"), "{error}");
    }
}
