//! Builds canonical feature matrices: CSR, sorted columns, finite values, no stored zeros.

use sprs::CsMat;

use super::error::{At, DataError, FaultKind, Place};
use super::limits::{MAX_INPUTS, MAX_NODES};
use super::npz::too_large;

/// Collects a feature matrix row by row.
pub(super) struct FeatureRows {
    columns: usize,
    pointers: Vec<usize>,
    indices: Vec<usize>,
    values: Vec<f32>,
}

impl FeatureRows {
    /// An empty matrix with `columns` features.
    pub(super) fn new(columns: usize, place: &Place) -> Result<Self, DataError> {
        if columns == 0 || columns as u64 > MAX_INPUTS {
            return Err(DataError::new(
                FaultKind::TooLarge,
                place.clone(),
                format!("1 to {MAX_INPUTS} features a node"),
                columns.to_string(),
                "a student counts its inputs in 16 bit: choose the features that matter",
            ));
        }
        Ok(Self { columns, pointers: vec![0], indices: Vec::new(), values: Vec::new() })
    }

    /// Appends a row of (column, value) pairs in any order.
    pub(super) fn push(&mut self, row: impl Iterator<Item = (usize, f32)>, place: &Place) -> Result<(), DataError> {
        let node = self.pointers.len() - 1;
        if node as u64 >= MAX_NODES {
            return Err(too_large(place.clone(), "more rows".to_owned(), MAX_NODES));
        }
        let start = self.indices.len();
        let mut sorted = true;
        for (column, value) in row {
            if !value.is_finite() {
                return Err(DataError::new(
                    FaultKind::NotFinite,
                    place.clone().at(At::Feature { node: node as u64, feature: column as u64 }),
                    "a finite value",
                    value.to_string(),
                    "replace missing or infinite readings before training",
                ));
            }
            if value != 0.0 {
                sorted &= self.indices[start..].last().is_none_or(|&last| last < column);
                self.indices.push(column);
                self.values.push(value);
            }
        }
        if !sorted {
            self.sort_row(start, node, place)?;
        }
        self.pointers.push(self.indices.len());
        Ok(())
    }

    fn sort_row(&mut self, start: usize, node: usize, place: &Place) -> Result<(), DataError> {
        let mut row: Vec<(usize, f32)> =
            self.indices[start..].iter().copied().zip(self.values[start..].iter().copied()).collect();
        row.sort_unstable_by_key(|&(column, _)| column);
        if let Some(pair) = row.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(DataError::new(
                FaultKind::Duplicate,
                place.clone().at(At::Feature { node: node as u64, feature: pair[0].0 as u64 }),
                "each feature once a row",
                "it twice",
                "sum the duplicates before saving (scipy: matrix.sum_duplicates())",
            ));
        }
        for (offset, (column, value)) in row.into_iter().enumerate() {
            self.indices[start + offset] = column;
            self.values[start + offset] = value;
        }
        Ok(())
    }

    /// Number of rows so far.
    pub(super) fn rows(&self) -> usize {
        self.pointers.len() - 1
    }

    /// The matrix.
    pub(super) fn finish(self) -> CsMat<f32> {
        CsMat::new((self.rows(), self.columns), self.pointers, self.indices, self.values)
    }
}
