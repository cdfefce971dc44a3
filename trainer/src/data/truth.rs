//! What is learnt: a class or a quantity for every row.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use ndarray::ArrayView2;

use crate::dataset::limits::MAX_CLASSES;
use crate::dataset::{DataError, FaultKind, Place, is_missing, quoted};
use crate::nn::predictions;
use crate::report::Score;

/// A class that is not known, as tables spell it.
pub(crate) const UNKNOWN_CLASS: [&str; 3] = ["", "NaN", "-1"];

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
    /// Whole numbers are classes in their order, named `class 0` and so on where they begin with 0 and leave none out, else
    /// as they are; other labels are names in alphabetical order. `given` names them anew. A label -1 counts as missing
    /// unless all others are 1.
    ///
    /// # Errors
    /// No label, fewer than two classes or too many, or another number of names.
    pub(super) fn classes(
        texts: &[String],
        given: &[String],
        name: &str,
        path: &Path,
    ) -> Result<(Self, Vec<bool>), DataError> {
        let signs = signs(texts);
        // `NA` among numbers is a missing one; among words it may be the name of a class.
        let numbers = texts.iter().all(|text| is_missing(text) || text.parse::<f64>().is_ok());
        let unknown =
            |text: &str| (UNKNOWN_CLASS.contains(&text) || (numbers && is_missing(text))) && !(signs && text == "-1");
        let known: Vec<bool> = texts.iter().map(|text| !unknown(text)).collect();
        Ok((classes((texts, &known), given, name, path)?, known))
    }

    /// A quantity from a column of numbers, and which rows have one.
    ///
    /// # Errors
    /// A cell that is no finite number.
    pub(super) fn quantity(texts: &[String], name: &str, path: &Path) -> Result<(Self, Vec<bool>), DataError> {
        // `NA` may be the name of a class, and -1 a quantity.
        let known = texts.iter().map(|text| !is_missing(text)).collect();
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
        if is_missing(text) {
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

/// Whether labels are -1 and 1 alone, both of them classes.
fn signs(texts: &[String]) -> bool {
    let there: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
    there.contains("-1") && there.contains("1") && there.iter().all(|text| ["-1", "1", "", "NaN"].contains(text))
}

fn classes(
    (texts, known): (&[String], &[bool]),
    given: &[String],
    name: &str,
    path: &Path,
) -> Result<Truth, DataError> {
    let refuse = |expected: &str, found: String| {
        let remedy = "correct the labels, or `class_names` in the recipe";
        DataError::new(FaultKind::Labels, Place::file(path), expected, found, remedy)
    };
    let stated = || texts.iter().zip(known).filter(|(_, known)| **known).map(|(text, _)| text);
    if stated().next().is_none() {
        return Err(refuse("a label", format!("none in `{name}`")));
    }
    let numbers: Option<BTreeSet<i64>> = stated().map(|text| text.parse().ok()).collect();
    let words: BTreeSet<&str> =
        if numbers.is_some() { BTreeSet::new() } else { stated().map(String::as_str).collect() };
    let count = numbers.as_ref().map_or(words.len(), BTreeSet::len);
    if count < 2 {
        let one = stated().next().map_or_else(String::new, |text| format!("{} alone", quoted(text)));
        return Err(refuse("at least two classes", one));
    }
    if count as u64 > MAX_CLASSES {
        let remedy = "write `task = \"regress\"` in [data] for a quantity, or name another column";
        let (expected, found) = (format!("at most {MAX_CLASSES} classes"), format!("{count} labels in `{name}`"));
        return Err(DataError::new(FaultKind::Labels, Place::file(path), expected, found, remedy));
    }
    let (order, names): (Vec<String>, Vec<String>) = match &numbers {
        Some(numbers) => {
            let plain = numbers.first() == Some(&0) && numbers.last() == Some(&(count as i64 - 1));
            let name = |number: &i64| if plain { format!("class {number}") } else { number.to_string() };
            numbers.iter().map(|number| (number.to_string(), name(number))).unzip()
        }
        None => words.iter().map(|&word| (word.to_owned(), word.to_owned())).unzip(),
    };
    let places: HashMap<&str, u16> = order.iter().map(String::as_str).zip(0..).collect();
    let label = |text: &String| match &numbers {
        // The same number may be written in several ways.
        Some(_) => text.parse::<i64>().ok().and_then(|number| places.get(number.to_string().as_str())),
        None => places.get(text.as_str()),
    };
    // What stands for a label that is not there is never read.
    let labels = texts.iter().zip(known).map(|(text, &known)| label(text).copied().filter(|_| known).unwrap_or(0));
    let labels = labels.collect();
    if !given.is_empty() && given.len() != names.len() {
        return Err(refuse(&format!("{} names in `class_names`", names.len()), given.len().to_string()));
    }
    Ok(Truth::Classes { labels, names: if given.is_empty() { names } else { given.to_vec() } })
}
