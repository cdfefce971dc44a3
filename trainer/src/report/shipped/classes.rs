//! What the student takes for what, and how good it is class by class.

use crate::report::score::macro_f1;
use serde::{Deserialize, Serialize};

/// One class on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Name of the class.
    pub label: String,
    /// Test rows of this class.
    pub support: usize,
    /// Decisions for this class that are right, in per cent; 0 where there are none.
    pub precision: f64,
    /// Rows of this class that are found, in per cent; 0 where there are none.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

/// What the student takes for what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Rows by true class, and in each by decided class, in label order; absent in files of versions that did not count.
    pub counts: Option<Vec<Vec<usize>>>,
    /// Every class, in label order.
    pub classes: Vec<ClassMetrics>,
    /// As [`macro_f1`].
    pub macro_f1: f64,
}

impl Confusion {
    /// Counts decisions by class.
    ///
    /// # Shapes
    /// - `truth` and `decided`: one label a row, below `labels.len()`; rows with other labels are not counted
    #[must_use]
    pub fn of(labels: &[String], truth: &[u16], decided: &[u16]) -> Self {
        let mut counts = vec![vec![0; labels.len()]; labels.len()];
        for (&truth, &decided) in truth.iter().zip(decided) {
            if let Some(count) = counts.get_mut(usize::from(truth)).and_then(|row| row.get_mut(usize::from(decided))) {
                *count += 1;
            }
        }
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        let class = |(at, label): (usize, &String)| {
            let (right, support) = (counts[at][at], counts[at].iter().sum());
            let claimed: usize = counts.iter().map(|row| row[at]).sum();
            ClassMetrics {
                label: label.clone(),
                support,
                precision: share(right, claimed),
                recall: share(right, support),
                f1: share(2 * right, claimed + support),
            }
        };
        let classes = labels.iter().enumerate().map(class).collect();
        Self { counts: Some(counts), classes, macro_f1: macro_f1(truth, decided) }
    }
}
