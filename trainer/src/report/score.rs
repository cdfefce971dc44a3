//! How good answers are: accuracy and macro-F1 of a classifier, errors of a regression.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::prepare::Truth;
use crate::nn::predictions;
use crate::quantize::is_constant;

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
        /// Share of the variance explained; 1 is perfect. None of a quantity that does not change: it has no variance.
        r2: Option<f64>,
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
            return Self::Quantity { mae: 0.0, rmse: 0.0, r2: None };
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
            r2: (!is_constant(rows.iter().map(|&row| truth[row]))).then(|| 1.0 - squared / variance),
        }
    }

    /// The figures by name; none where a figure is not defined.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, Option<f64>)> {
        match *self {
            Self::Classes { accuracy, macro_f1 } => vec![("accuracy", Some(accuracy)), ("macro_f1", Some(macro_f1))],
            Self::Quantity { mae, rmse, r2 } => vec![("mae", Some(mae)), ("rmse", Some(rmse)), ("r2", r2)],
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
        assert_eq!((mae, rmse, r2), (0.5, 0.5f64.sqrt(), Some(0.5)));
    }

    #[test]
    fn small_quantities_are_judged_like_large_ones_and_constant_ones_have_no_r2() {
        for power in [1.0f32, 2f32.powi(-100), 2f32.powi(100)] {
            let truth = Truth::Quantity { values: vec![power, 3.0 * power], name: "current".into() };
            let of = |guess: [f64; 2]| Score::of_values(&guess.map(|y| y * f64::from(power)), &truth, &[0, 1]);
            let Score::Quantity { mae, rmse, r2 } = of([2.0, 3.0]) else { panic!("a regression's score") };
            let power = f64::from(power);
            assert_eq!((mae / power, rmse / power, r2), (0.5, 0.5f64.sqrt(), Some(0.5)));
            let Score::Quantity { r2, .. } = of([0.0, 0.0]) else { panic!("a regression's score") };
            assert_eq!(r2, Some(-4.0), "no answer at all is worse than the mean");
        }
        // A sum of many 0.1 is rounded: its mean is not 0.1.
        let truth = Truth::Quantity { values: vec![0.1; 1000], name: "q".into() };
        let rows: Vec<usize> = (0..1000).collect();
        for guess in [0.0, f64::from(0.1f32)] {
            let Score::Quantity { r2, .. } = Score::of_values(&vec![guess; 1000], &truth, &rows) else {
                panic!("a regression's score")
            };
            assert_eq!(r2, None);
        }
    }
}
