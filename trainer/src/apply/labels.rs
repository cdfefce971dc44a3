//! Classes and quantities as a file spells them, in the words of a student.

use std::collections::BTreeSet;
use std::path::Path;

use super::input::some;
use crate::data::UNKNOWN_CLASS;
use crate::dataset::{At, DataError, FaultKind, Place, is_missing, quoted};

/// The class of every row, none where the label is not there.
///
/// Labels are names of the student's classes; where one of them is not, all are class numbers from 0.
///
/// # Errors
/// Labels that are neither: the error names those and the student's.
pub fn classes(path: &Path, column: &str, texts: &[String], names: &[String]) -> Result<Vec<Option<u16>>, DataError> {
    let there = |text: &str| !UNKNOWN_CLASS.contains(&text) && !is_missing(text);
    // A class may be called like a missing label.
    let known = |text: &String| there(text) || names.contains(text);
    let stated: BTreeSet<&str> = texts.iter().filter(|text| known(text)).map(String::as_str).collect();
    let named = |text: &str| names.iter().position(|name| name == text);
    let numbered = |text: &str| text.parse::<usize>().ok().filter(|&class| class < names.len());
    let class: &dyn Fn(&str) -> Option<usize> = match () {
        () if stated.is_empty() => return Err(none(path, column)),
        () if stated.iter().all(|text| named(text).is_some()) => &named,
        () if stated.iter().all(|text| numbered(text).is_some()) => &numbered,
        () => {
            let unknown: Vec<&str> =
                stated.iter().copied().filter(|text| named(text).is_none() && numbered(text).is_none()).collect();
            // Names beside numbers: the numbers are what cannot be read.
            let unknown = if unknown.is_empty() { stated.into_iter().collect() } else { unknown };
            let own: Vec<&str> = names.iter().map(String::as_str).collect();
            let expected = format!(
                "labels among {}, or class numbers from 0 to {}",
                some(&own, 30),
                names.len().saturating_sub(1)
            );
            let found = format!("{} in `{column}`", some(&unknown, 30));
            let remedy = "name the column with --label, or spell the labels as the student does";
            return Err(DataError::new(FaultKind::Labels, Place::file(path), expected, found, remedy));
        }
    };
    Ok(texts.iter().map(|text| if known(text) { class(text).map(|class| class as u16) } else { None }).collect())
}

/// The quantity of every row, none where it was not measured.
///
/// # Errors
/// A cell that is no finite number; no quantity at all.
pub fn quantities(path: &Path, column: &str, texts: &[String]) -> Result<Vec<Option<f32>>, DataError> {
    let value = |(row, text): (usize, &String)| {
        if is_missing(text) {
            return Ok(None);
        }
        let read = text.parse::<f32>().ok().filter(|value| value.is_finite());
        read.map(Some).ok_or_else(|| {
            let place = Place::array(path, column).at(At::Index(row as u64));
            let remedy =
                "leave the cell empty where the quantity was not measured, or name another column with --label";
            DataError::new(FaultKind::Labels, place, "a finite number", quoted(text), remedy)
        })
    };
    let values: Vec<Option<f32>> = texts.iter().enumerate().map(value).collect::<Result<_, _>>()?;
    if values.iter().all(Option::is_none) { Err(none(path, column)) } else { Ok(values) }
}

fn none(path: &Path, column: &str) -> DataError {
    let found = format!("none in `{column}`");
    DataError::new(
        FaultKind::Labels,
        Place::file(path),
        "a row with a label",
        found,
        "name another column with --label",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn labels_are_names_or_else_numbers() {
        let of = |labels: &[&str], names: &[&str]| classes(Path::new("t.csv"), "y", &texts(labels), &texts(names));
        assert_eq!(of(&["low", "", "high", "-1"], &["high", "low"]).unwrap(), [Some(1), None, Some(0), None]);
        assert_eq!(of(&["1", "NaN", "0"], &["high", "low"]).unwrap(), [Some(1), None, Some(0)]);
        // Names that look like numbers are names.
        assert_eq!(of(&["1", "2"], &["1", "2", "3"]).unwrap(), [Some(0), Some(1)]);
        assert_eq!(of(&["0", "2"], &["1", "2", "3"]).unwrap(), [Some(0), Some(2)]);
        assert_eq!(of(&["-1", "1"], &["-1", "1"]).unwrap(), [Some(0), Some(1)]);
        for wrong in [&["high", "middle"][..], &["0", "2"], &["0", "low"]] {
            let error = of(wrong, &["high", "low"]).unwrap_err();
            let text = error.to_string();
            assert_eq!(error.kind(), FaultKind::Labels);
            assert!(text.contains("among `high`, `low`") && text.contains("in `y`"), "{text}");
        }
        assert!(of(&["", ""], &["high", "low"]).unwrap_err().to_string().contains("none in `y`"));
    }

    #[test]
    fn a_quantity_is_a_number_or_missing() {
        let of = |labels: &[&str]| quantities(Path::new("t.csv"), "q", &texts(labels));
        assert_eq!(of(&["1.5", "NA", "-1", ""]).unwrap(), [Some(1.5), None, Some(-1.0), None]);
        assert!(of(&["1", "wet"]).unwrap_err().to_string().contains("`q`, element 1: expected a finite number"));
        assert!(of(&["NA"]).is_err());
    }
}
