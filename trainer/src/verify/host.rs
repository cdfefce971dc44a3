//! Verification on the host: golden vectors, and the active kernels against the portable ones.

use eyas::{SelftestError, Student};
use serde::Serialize;

/// The first integer that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Row, from 0.
    pub row: usize,
    /// Layer, from 0.
    pub layer: usize,
    /// Output of the layer, from 0.
    pub unit: usize,
    /// The specification's integer.
    pub expected: i8,
    /// The integer found.
    pub got: i8,
}

/// The counts of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Rows compared.
    pub rows: usize,
    /// Integers compared.
    pub values: u64,
    /// Integers that differ.
    pub mismatches: u64,
    /// The first of them.
    pub first_difference: Option<Difference>,
}

/// Why a student could not be verified on the host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The golden vectors do not reproduce.
    #[error("self-test: {0}")]
    Selftest(#[from] SelftestError),
    /// A row has the wrong length.
    #[error("row {row}: {source}")]
    Row {
        /// Row, from 0.
        row: usize,
        /// The fault.
        source: eyas::InferError,
    },
}

impl Comparison {
    /// Compares one row's integers, all layers one after the other, `widths` giving where each begins.
    pub fn add(&mut self, widths: &[usize], expected: &[i8], got: &[i8]) {
        let row = self.rows;
        self.rows += 1;
        self.values += expected.len() as u64;
        // A missing integer is as wrong as a different one.
        let missing = expected.len().abs_diff(got.len()) as u64;
        self.mismatches += missing;
        for (at, (&expected, &got)) in expected.iter().zip(got).enumerate() {
            if expected != got {
                self.mismatches += 1;
                let (layer, unit) = place(widths, at);
                self.first_difference.get_or_insert(Difference { row, layer, unit, expected, got });
            }
        }
    }
}

/// Layer and unit of position `at` in the concatenated outputs.
fn place(widths: &[usize], mut at: usize) -> (usize, usize) {
    for (layer, &width) in widths.iter().enumerate() {
        if at < width {
            return (layer, at);
        }
        at -= width;
    }
    (widths.len(), at)
}

/// The specification's integers of every layer for every row, concatenated by row.
///
/// # Errors
/// A row whose length is not the student's number of inputs.
pub fn expected_outputs(student: &Student<'_>, rows: &[Vec<i8>]) -> Result<Vec<Vec<i8>>, HostError> {
    let mut arena = vec![0; student.arena_words()];
    let one = |(row, x): (usize, &Vec<i8>)| {
        let mut outputs = Vec::new();
        let run = student.infer_portable(x, &mut arena, |_, y| outputs.extend(y.iter()));
        run.map(|_| outputs).map_err(|source| HostError::Row { row, source })
    };
    rows.iter().enumerate().map(one).collect()
}

/// Replays the golden vectors, then compares this machine's kernels with the portable ones on `rows`.
///
/// Golden vectors count as compared integers, not as rows.
///
/// # Errors
/// Golden vectors that do not reproduce, or a row of the wrong length.
pub fn compare_kernels(student: &Student<'_>, rows: &[Vec<i8>]) -> Result<Comparison, HostError> {
    let mut arena = vec![0; student.arena_words()];
    let mut input = vec![0; usize::from(student.metadata().inputs)];
    let mut comparison = Comparison::default();
    match student.selftest(&mut input, &mut arena) {
        Ok(report) => comparison.values += u64::from(report.values),
        // Vectors may be stripped on purpose; the rows are then the proof.
        Err(SelftestError::NoVectors) if !rows.is_empty() => {}
        Err(error) => return Err(error.into()),
    }
    let widths: Vec<usize> = student.layers().map(|layer| usize::from(layer.outputs)).collect();
    for (row, expected) in expected_outputs(student, rows)?.iter().enumerate() {
        let mut got = Vec::with_capacity(expected.len());
        let run = student.infer_observed(&rows[row], &mut arena, |_, y| got.extend(y.iter()));
        run.map_err(|source| HostError::Row { row, source })?;
        comparison.add(&widths, expected, &got);
    }
    Ok(comparison)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_placed_and_missing_integers_counted() {
        let mut comparison = Comparison::default();
        comparison.add(&[2, 3], &[1, 2, 3, 4, 5], &[1, 2, 3, 4, 5]);
        comparison.add(&[2, 3], &[1, 2, 3, 4, 5], &[1, 2, 3, 9, 8]);
        comparison.add(&[2, 3], &[1, 2, 3, 4, 5], &[1, 2]);
        assert_eq!((comparison.rows, comparison.values, comparison.mismatches), (3, 15, 5));
        let first = Difference { row: 1, layer: 1, unit: 1, expected: 4, got: 9 };
        assert_eq!(comparison.first_difference, Some(first));
    }
}
