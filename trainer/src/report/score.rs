//! How good answers are: accuracy and macro-F1 of a classifier, errors of a regression.

use serde::{Deserialize, Serialize};

/// Figures of one network on some rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Score {
    /// Of a classifier.
    Classes {
        /// Share of right labels, in per cent.
        accuracy: f64,
        /// As [`macro_f1`]; absent in files of versions that did not measure it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        macro_f1: Option<f64>,
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
    /// Of decided labels.
    ///
    /// # Shapes
    /// - `truth` and `decided`: one label a row
    #[must_use]
    pub fn of_decisions(truth: &[u16], decided: &[u16]) -> Self {
        let right = truth.iter().zip(decided).filter(|(truth, decided)| truth == decided).count();
        let accuracy = 100.0 * right as f64 / truth.len().max(1) as f64;
        Self::Classes { accuracy, macro_f1: Some(macro_f1(truth, decided)) }
    }

    /// Of predicted quantities.
    ///
    /// # Shapes
    /// - `truth` and `predicted`: one value a row
    #[must_use]
    pub fn of_predictions(truth: &[f32], predicted: &[f64]) -> Self {
        let count = truth.len().max(1) as f64;
        let mean = truth.iter().map(|&y| f64::from(y)).sum::<f64>() / count;
        let (mut absolute, mut squared, mut variance) = (0.0, 0.0, 0.0);
        for (&predicted, &truth) in predicted.iter().zip(truth) {
            let error = predicted - f64::from(truth);
            absolute += error.abs();
            squared += error * error;
            variance += (f64::from(truth) - mean).powi(2);
        }
        let changes = truth.iter().any(|y| Some(y) != truth.first());
        let r2 = changes.then(|| 1.0 - squared / variance);
        Self::Quantity { mae: absolute / count, rmse: (squared / count).sqrt(), r2 }
    }

    /// The figures by name that were measured; none where a figure is not defined.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, Option<f64>)> {
        match *self {
            Self::Classes { accuracy, macro_f1: Some(f1) } => {
                vec![("accuracy", Some(accuracy)), ("macro_f1", Some(f1))]
            }
            Self::Classes { accuracy, macro_f1: None } => vec![("accuracy", Some(accuracy))],
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

/// Unweighted mean F1, in per cent, over the classes that occur among the true or the decided labels.
///
/// `F1 = 2·hits / (2·hits + false alarms + misses)`. A class that was decided and never occurs counts with 0; one that
/// is neither true nor decided anywhere does not count.
#[must_use]
pub fn macro_f1(truth: &[u16], decided: &[u16]) -> f64 {
    let classes = truth.iter().chain(decided).max().map_or(0, |&largest| usize::from(largest) + 1);
    // Hits, and how often each class is true or decided: 2·hits + false alarms + misses.
    let mut counts = vec![(0u64, 0u64); classes];
    for (&truth, &decided) in truth.iter().zip(decided) {
        counts[usize::from(truth)].1 += 1;
        counts[usize::from(decided)].1 += 1;
        counts[usize::from(truth)].0 += u64::from(truth == decided);
    }
    let there = counts.iter().filter(|(_, named)| *named > 0);
    let (sum, count) =
        there.fold((0.0, 0usize), |(sum, count), &(hits, named)| (sum + 2.0 * hits as f64 / named as f64, count + 1));
    100.0 * sum / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_worked_example() {
        let Score::Classes { accuracy, macro_f1: f1 } = Score::of_decisions(&[0, 0, 1, 1], &[0, 1, 1, 1]) else {
            panic!("a classifier's score")
        };
        // F1 of class 0: 2/3, of class 1: 4/5.
        assert_eq!(accuracy, 75.0);
        assert!((f1.unwrap() - 100.0 * (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-9);
        let Score::Quantity { mae, rmse, r2 } = Score::of_predictions(&[1.0, 3.0], &[2.0, 3.0]) else {
            panic!("a regression's score")
        };
        assert_eq!((mae, rmse, r2), (0.5, 0.5f64.sqrt(), Some(0.5)));
    }

    #[test]
    fn a_class_counts_where_it_is_true_or_decided() {
        assert_eq!(macro_f1(&[0, 0], &[0, 0]), 100.0);
        // Class 5 never occurs and is decided once; classes 1 to 4 count nowhere.
        assert!((macro_f1(&[0, 0], &[0, 5]) - 100.0 * (2.0 / 3.0) / 2.0).abs() < 1e-9);
        assert_eq!(macro_f1(&[], &[]), 0.0);
    }

    #[test]
    fn small_quantities_are_judged_like_large_ones_and_constant_ones_have_no_r2() {
        for power in [1.0f32, 2f32.powi(-100), 2f32.powi(100)] {
            let of =
                |guess: [f64; 2]| Score::of_predictions(&[power, 3.0 * power], &guess.map(|y| y * f64::from(power)));
            let Score::Quantity { mae, rmse, r2 } = of([2.0, 3.0]) else { panic!("a regression's score") };
            let power = f64::from(power);
            assert_eq!((mae / power, rmse / power, r2), (0.5, 0.5f64.sqrt(), Some(0.5)));
            let Score::Quantity { r2, .. } = of([0.0, 0.0]) else { panic!("a regression's score") };
            assert_eq!(r2, Some(-4.0), "no answer at all is worse than the mean");
        }
        // A sum of many 0.1 is rounded: its mean is not 0.1.
        for guess in [0.0, f64::from(0.1f32)] {
            let Score::Quantity { r2, .. } = Score::of_predictions(&[0.1; 1000], &[guess; 1000]) else {
                panic!("a regression's score")
            };
            assert_eq!(r2, None);
        }
    }
}
