//! Missing cells among the inputs: which rows have some, and how that is told.

use ndarray::ArrayView2;

use super::{ColumnTable, Source};
use crate::dataset::error::{At, DataError, FaultKind, Place};
use crate::dataset::warning::Warning;

/// Missing cells of a matrix of inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gaps {
    /// Whether each row has one.
    pub(crate) rows: Vec<bool>,
    /// Row and column of the table of the first.
    first: (usize, usize),
    /// Names of the columns that have some, each with their number.
    columns: Vec<(String, usize)>,
}

impl ColumnTable {
    /// The missing cells of `values`, which are NaN; `None` if there are none.
    pub(crate) fn gaps(&self, values: ArrayView2<'_, f32>, columns: &[usize]) -> Option<Gaps> {
        let mut rows = vec![false; values.nrows()];
        let (mut first, mut counts) = (None, std::collections::BTreeMap::<usize, usize>::new());
        for (row, cells) in values.outer_iter().enumerate() {
            let mut before = None;
            for (&column, _) in columns.iter().zip(cells).filter(|(_, cell)| cell.is_nan()) {
                rows[row] = true;
                let column = self.stored(column);
                first.get_or_insert((row, column));
                // A cell of words is many inputs.
                if before.replace(column) != Some(column) {
                    *counts.entry(column).or_default() += 1;
                }
            }
        }
        let name = |(column, count): (usize, usize)| (self.columns[column].name.clone(), count);
        Some(Gaps { rows, first: first?, columns: counts.into_iter().map(name).collect() })
    }

    /// The error for missing cells, with the place of the first; `remedy` says what to do.
    pub(crate) fn refuse_gaps(&self, gaps: &Gaps, remedy: &str) -> DataError {
        let (row, column) = gaps.first;
        let name = &self.columns[column].name;
        let place = match &self.source {
            Source::Csv(table) => match table.line(row) {
                Ok(line) => Place::file(&self.path).at(At::Cell { line, column: name.clone() }),
                Err(error) => return error,
            },
            _ => Place::array(&self.path, name).at(At::Index(row as u64)),
        };
        let count = gaps.columns.iter().find(|(column, _)| column == name).map_or(0, |&(_, count)| count);
        let mut found = format!("a missing cell, one of {count} in {} rows of `{name}`", gaps.rows.len());
        match gaps.columns.len() - 1 {
            0 => {}
            1 => found += "; another column has some too",
            others => found += &format!("; {others} other columns have some too"),
        }
        DataError::new(FaultKind::Missing, place, "a value in every row", found, remedy)
    }
}

impl Gaps {
    /// What is told when the rows are left out.
    pub(crate) fn dropped(&self) -> Warning {
        let dropped = self.rows.iter().filter(|&&gap| gap).count();
        Warning::DroppedRows { dropped, rows: self.rows.len(), columns: self.columns.clone() }
    }
}
