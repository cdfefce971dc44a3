//! What is learnt: a class or a quantity for every row.

use std::collections::BTreeSet;
use std::path::Path;

use ndarray::ArrayView2;

use crate::dataset::{DataError, FaultKind, Place};
use crate::nn::predictions;
use crate::report::Score;

/// A class that is not known, as tables spell it.
pub(crate) const UNKNOWN_CLASS: [&str; 3] = ["", "NaN", "-1"];
/// A quantity that was not measured. (`NA` may be the name of a class, and -1 a quantity.)
pub(crate) const UNKNOWN_QUANTITY: [&str; 3] = ["", "NaN", "NA"];

/// What is learnt, a value a row; anything where the label is not there.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// Class numbers and the names of the classes.
    Classes {
        /// One number a row, in `0..names.len()`.
        labels: Vec<u16>,
        /// In the order of their numbers.
        names: Vec<String>,
    },
    /// A quantity and its name.
    Quantity {
        /// One value a row, finite.
        values: Vec<f32>,
        /// Name of the column.
        name: String,
    },
}

impl Truth {
    /// Classes from a column of labels, and which rows have one.
    ///
    /// Classes are told by number where every label is one, else by name in alphabetical order; `given` names them anew.
    ///
    /// # Errors
    /// No label, fewer than two classes, a gap in their numbers, or another number of names.
    pub(super) fn classes(
        texts: &[String],
        given: &[String],
        name: &str,
        path: &Path,
    ) -> Result<(Self, Vec<bool>), DataError> {
        let known = texts.iter().map(|text| !UNKNOWN_CLASS.contains(&text.as_str())).collect();
        Ok((classes(texts, given, name, path)?, known))
    }

    /// A quantity from a column of numbers, and which rows have one.
    ///
    /// # Errors
    /// A cell that is no finite number.
    pub(super) fn quantity(texts: &[String], name: &str, path: &Path) -> Result<(Self, Vec<bool>), DataError> {
        let known = texts.iter().map(|text| !UNKNOWN_QUANTITY.contains(&text.as_str())).collect();
        Ok((quantity(texts, name, path)?, known))
    }

    /// The label of a row as a number: of a classification its class.
    #[must_use]
    pub fn value(&self, row: usize) -> f32 {
        match self {
            Self::Classes { labels, .. } => f32::from(labels[row]),
            Self::Quantity { values, .. } => values[row],
        }
    }

    /// Class numbers; none of a quantity.
    #[must_use]
    pub fn labels(&self) -> Option<&[u16]> {
        match self {
            Self::Classes { labels, .. } => Some(labels),
            Self::Quantity { .. } => None,
        }
    }

    /// Figures of float outputs for `rows`, one row each.
    #[must_use]
    pub(crate) fn score_outputs(&self, outputs: ArrayView2<'_, f32>, rows: &[usize]) -> Score {
        match self {
            Self::Classes { .. } => self.score_labels(&predictions(outputs), rows),
            Self::Quantity { .. } => {
                self.score_values(&outputs.column(0).iter().map(|&y| f64::from(y)).collect::<Vec<_>>(), rows)
            }
        }
    }

    /// Figures of decided labels for `rows`.
    #[must_use]
    pub(crate) fn score_labels(&self, decided: &[u16], rows: &[usize]) -> Score {
        let labels = self.labels().unwrap_or(&[]);
        Score::of_decisions(&rows.iter().map(|&row| labels[row]).collect::<Vec<_>>(), decided)
    }

    /// Figures of predicted quantities for `rows`.
    #[must_use]
    pub(crate) fn score_values(&self, predicted: &[f64], rows: &[usize]) -> Score {
        Score::of_predictions(&rows.iter().map(|&row| self.value(row)).collect::<Vec<_>>(), predicted)
    }

    /// The label of a row in words.
    #[must_use]
    pub fn in_words(&self, row: usize) -> String {
        match self {
            Self::Classes { labels, names } => names[usize::from(labels[row])].clone(),
            Self::Quantity { values, .. } => format!("{:?}", values[row]),
        }
    }

    /// The same for some rows, in their order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes { labels, names } => {
                Self::Classes { labels: rows.iter().map(|&row| labels[row]).collect(), names: names.clone() }
            }
            Self::Quantity { values, name } => {
                Self::Quantity { values: rows.iter().map(|&row| values[row]).collect(), name: name.clone() }
            }
        }
    }

    /// Width of the last layer.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { names, .. } => names.len(),
            Self::Quantity { .. } => 1,
        }
    }

    /// Names of the outputs.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Classes { names, .. } => names.clone(),
            Self::Quantity { name, .. } => vec![name.clone()],
        }
    }
}

fn quantity(texts: &[String], name: &str, path: &Path) -> Result<Truth, DataError> {
    let value = |(row, text): (usize, &String)| {
        if UNKNOWN_QUANTITY.contains(&text.as_str()) {
            return Ok(f32::NAN);
        }
        text.parse::<f32>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
            let found = format!("{text:?} in row {row} of `{name}`");
            let remedy = "leave the cell empty where the quantity was not measured";
            DataError::new(FaultKind::Labels, Place::file(path), "a finite number", found, remedy)
        })
    };
    let values = texts.iter().enumerate().map(value).collect::<Result<_, _>>()?;
    Ok(Truth::Quantity { values, name: name.to_owned() })
}

fn classes(texts: &[String], given: &[String], name: &str, path: &Path) -> Result<Truth, DataError> {
    let refuse = |expected: &str, found: String| {
        let remedy = "correct the labels, or `class_names` in the recipe";
        DataError::new(FaultKind::Labels, Place::file(path), expected, found, remedy)
    };
    let unknown = |text: &str| UNKNOWN_CLASS.contains(&text);
    if texts.iter().all(|text| unknown(text)) {
        return Err(refuse("a label", format!("none in `{name}`")));
    }
    let number = |text: &String| if unknown(text) { Some(0) } else { text.parse().ok() };
    let numbers: Option<Vec<u16>> = texts.iter().map(number).collect();
    let (labels, names) = match numbers {
        Some(numbers) => {
            let count = usize::from(numbers.iter().copied().max().unwrap_or(0)) + 1;
            let stated = texts.iter().zip(&numbers).filter(|(text, _)| !unknown(text));
            let there: BTreeSet<u16> = stated.map(|(_, &number)| number).collect();
            if there.len() != count {
                let missing = (0..count).find(|&class| !there.contains(&(class as u16))).unwrap_or(0);
                return Err(refuse("classes numbered without a gap", format!("no row of class {missing}")));
            }
            let names = (0..count).map(|class| format!("class {class}")).collect();
            (numbers, names)
        }
        None => {
            let stated = texts.iter().filter(|text| !unknown(text));
            let names: Vec<String> = stated.cloned().collect::<BTreeSet<_>>().into_iter().collect();
            let label = |text: &String| names.binary_search(text).unwrap_or(0) as u16;
            (texts.iter().map(label).collect(), names)
        }
    };
    if names.len() < 2 {
        return Err(refuse("at least two classes", names.join(", ")));
    }
    if !given.is_empty() && given.len() != names.len() {
        return Err(refuse(&format!("{} names in `class_names`", names.len()), given.len().to_string()));
    }
    Ok(Truth::Classes { labels, names: if given.is_empty() { names } else { given.to_vec() } })
}
