//! How good answers are: accuracy and macro-F1 of a classifier, errors of a regression.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::prepare::Truth;
use crate::nn::predictions;

/// Figures of one network on some rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Score {
    /// Of a classifier.
    Classes {
        /// Share of right labels, in per cent.
        accuracy: f64,
        /// Mean F1 of the classes that occur, in per cent.
        macro_f1: f64,
    },
    /// Of a regression, in the unit of the quantity.
    Quantity {
        /// Mean absolute error.
        mae: f64,
        /// Root of the mean squared error.
        rmse: f64,
        /// Share of the variance explained; 1 is perfect.
        r2: f64,
    },
}

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
        let Truth::Classes { labels, names } = truth else { return Self::Classes { accuracy: 0.0, macro_f1: 0.0 } };
        let mut counts = vec![(0u32, 0u32, 0u32); names.len()];
        let mut right = 0u32;
        for (&guess, &row) in decided.iter().zip(rows) {
            let label = labels[row];
            if guess == label {
                right += 1;
                counts[usize::from(label)].0 += 1;
            } else {
                counts[usize::from(guess)].1 += 1;
                counts[usize::from(label)].2 += 1;
            }
        }
        let there: Vec<f64> = counts
            .iter()
            .filter(|(hit, wrong, missed)| hit + wrong + missed > 0)
            .map(|&(hit, wrong, missed)| f64::from(2 * hit) / f64::from(2 * hit + wrong + missed))
            .collect();
        let macro_f1 = 100.0 * there.iter().sum::<f64>() / there.len().max(1) as f64;
        Self::Classes { accuracy: 100.0 * f64::from(right) / rows.len().max(1) as f64, macro_f1 }
    }

    /// Of predicted quantities for `rows`.
    #[must_use]
    pub fn of_values(values: &[f64], truth: &Truth, rows: &[usize]) -> Self {
        let Truth::Quantity { values: truth, .. } = truth else {
            return Self::Quantity { mae: 0.0, rmse: 0.0, r2: 0.0 };
        };
        let count = rows.len().max(1) as f64;
        let mean = rows.iter().map(|&row| f64::from(truth[row])).sum::<f64>() / count;
        let (mut absolute, mut squared, mut variance) = (0.0, 0.0, 0.0);
        for (&value, &row) in values.iter().zip(rows) {
            let error = value - f64::from(truth[row]);
            absolute += error.abs();
            squared += error * error;
            variance += (f64::from(truth[row]) - mean).powi(2);
        }
        Self::Quantity {
            mae: absolute / count,
            rmse: (squared / count).sqrt(),
            r2: 1.0 - squared / variance.max(1e-12),
        }
    }

    /// The figures by name.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Self::Classes { accuracy, macro_f1 } => vec![("accuracy", accuracy), ("macro_f1", macro_f1)],
            Self::Quantity { mae, rmse, r2 } => vec![("mae", mae), ("rmse", rmse), ("r2", r2)],
        }
    }

    /// What runs are compared by, higher is better: accuracy, or the negative mean absolute error.
    #[must_use]
    pub fn merit(&self) -> f64 {
        match *self {
            Self::Classes { accuracy, .. } => accuracy,
            Self::Quantity { mae, .. } => -mae,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_worked_example() {
        let truth = Truth::Classes { labels: vec![0, 0, 1, 1], names: vec!["a".into(), "b".into(), "c".into()] };
        let Score::Classes { accuracy, macro_f1 } = Score::of_labels(&[0, 1, 1, 1], &truth, &[0, 1, 2, 3]) else {
            panic!("a classifier's score")
        };
        assert_eq!(accuracy, 75.0);
        // F1 of a: 2/3, of b: 4/5; c does not occur.
        assert!((macro_f1 - 100.0 * (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-9);
        let truth = Truth::Quantity { values: vec![1.0, 3.0], name: "q".into() };
        let Score::Quantity { mae, rmse, r2 } = Score::of_values(&[2.0, 3.0], &truth, &[0, 1]) else {
            panic!("a regression's score")
        };
        assert_eq!((mae, rmse, r2), (0.5, 0.5f64.sqrt(), 0.5));
    }
}
