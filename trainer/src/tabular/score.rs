//! Scores of answers for some rows of the data.

use ndarray::ArrayView2;

use super::prepare::Truth;
use crate::nn::predictions;
use crate::report::Score;

impl Score {
    /// Of float outputs for `rows`, one row each.
    #[must_use]
    pub fn of_outputs(outputs: ArrayView2<'_, f32>, truth: &Truth, rows: &[usize]) -> Self {
        match truth {
            Truth::Classes { .. } => Self::of_labels(&predictions(outputs), truth, rows),
            Truth::Quantity { .. } => {
                Self::of_values(&outputs.column(0).iter().map(|&y| f64::from(y)).collect::<Vec<_>>(), truth, rows)
            }
        }
    }

    /// Of decided labels for `rows`.
    #[must_use]
    pub fn of_labels(decided: &[u16], truth: &Truth, rows: &[usize]) -> Self {
        let Truth::Classes { labels, .. } = truth else {
            return Self::Classes { accuracy: 0.0, macro_f1: None };
        };
        Self::of_decisions(&rows.iter().map(|&row| labels[row]).collect::<Vec<_>>(), decided)
    }

    /// Of predicted quantities for `rows`.
    #[must_use]
    pub fn of_values(values: &[f64], truth: &Truth, rows: &[usize]) -> Self {
        let Truth::Quantity { values: truth, .. } = truth else {
            return Self::Quantity { mae: 0.0, rmse: 0.0, r2: None };
        };
        Self::of_predictions(&rows.iter().map(|&row| truth[row]).collect::<Vec<_>>(), values)
    }
}
