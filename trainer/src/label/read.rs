//! Reads labelled rows, only through the commit files.

use std::path::Path;

use ndarray::Array2;

use super::commit::{self, Commit};
use super::digest::RowsDigest;
use super::plan::{Plan, Settings};
use super::writer::{LOGITS, ROW};
use super::{LabelError, input::BATCH_ROWS};
use crate::dataset::{DataError, ParquetFile};

/// Logits of every row of the labelled table, in the order of the table.
///
/// # Shapes
/// - result: `[rows][outputs]`
///
/// # Errors
/// A folder without a plan, a missing part, and a data file that does not match its commit.
pub fn read_labels(folder: &Path) -> Result<Array2<f32>, LabelError> {
    let plan = Plan::load(folder)?.ok_or_else(|| LabelError::NoPlan { folder: folder.to_path_buf() })?;
    let mut values = Vec::new();
    for commit in commit::all(folder, &plan)? {
        verify(folder, &commit, &plan.settings, |logits| values.extend(logits.iter()))?;
    }
    let shape = (plan.rows() as usize, plan.settings.outputs);
    Array2::from_shape_vec(shape, values).map_err(|error| LabelError::Damaged {
        path: folder.to_path_buf(),
        reason: format!("expected one logit a cell, found another number ({error})"),
    })
}

/// Reads a whole data file and compares size, rows, row numbers and digest with its commit.
pub(super) fn verify(
    folder: &Path,
    commit: &Commit,
    settings: &Settings,
    mut each: impl FnMut(&Array2<f32>),
) -> Result<(), LabelError> {
    let path = folder.join(&commit.file);
    let wrong = |reason: String| LabelError::Damaged { path: path.clone(), reason };
    let bytes =
        std::fs::metadata(&path).map_err(|error| wrong(format!("expected the part's data, found none ({error})")))?;
    if bytes.len() != commit.bytes {
        return Err(wrong(format!("expected {} bytes as committed, found {}", commit.bytes, bytes.len())));
    }
    let unreadable = |error: DataError| wrong(error.fault().found.clone());
    let file = ParquetFile::open(&path).map_err(unreadable)?;
    let columns = file.columns();
    let name = |output| if settings.wide { format!("{LOGITS}_{output}") } else { format!("{LOGITS}[{output}]") };
    let names: Vec<String> = (0..settings.outputs).map(name).collect();
    if columns.first().is_none_or(|first| first != ROW) || columns[1..] != names {
        return Err(wrong(format!("expected the columns `{ROW}` and {} logits, found others", settings.outputs)));
    }
    let groups = file.rows_of_groups();
    let (mut next, mut consecutive) = (commit.first_row, true);
    let counted = file.read_unsigned(ROW, |number| {
        consecutive &= number == next;
        next = next.saturating_add(1);
    });
    counted.map_err(unreadable)?;
    if next != commit.first_row + commit.rows || !consecutive {
        let last = commit.first_row + commit.rows - 1;
        return Err(wrong(format!("expected the rows {} to {last}, once each, found others", commit.first_row)));
    }
    let mut digest = RowsDigest::default();
    let mut row = commit.first_row;
    let chosen: Vec<usize> = (1..columns.len()).collect();
    let read = file.read(0..groups.len(), &chosen, BATCH_ROWS, 0, |logits| {
        for values in logits.outer_iter() {
            digest.add(row, values.as_slice().unwrap_or_default());
            row += 1;
        }
        each(&logits);
        Ok::<(), DataError>(())
    });
    read.map_err(unreadable)?;
    if digest == commit.digest {
        return Ok(());
    }
    Err(wrong(format!("expected digest {}, found {digest}", commit.digest)))
}
