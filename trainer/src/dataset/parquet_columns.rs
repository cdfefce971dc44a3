//! Columns of a Parquet table, read on demand: one file, or a folder of files sorted by name.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::error::{DataError, FaultKind, Place};
use super::limits::{MAX_ARRAY_BYTES, MAX_NODES};
use super::npz::too_large;
use super::parquet_file::{ParquetFile, parquet_files};

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8192;

/// Files of one table; only their footers have been read.
#[derive(Debug)]
pub(super) struct ParquetColumns {
    files: Vec<PathBuf>,
    /// Numeric columns, in the order of the file; element `i` of a list `a` is `a[i]`.
    pub(super) numbers: Vec<String>,
    /// Text columns.
    pub(super) words: Vec<String>,
    pub(super) rows: usize,
}

impl ParquetColumns {
    /// Reads the footers.
    ///
    /// # Errors
    /// [`DataError`] for a damaged file, files whose columns differ from those of the first, or too many rows.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let files = parquet_files(path)?;
        let (mut numbers, mut words, mut rows) = (Vec::new(), Vec::new(), 0u64);
        for (at, path) in files.iter().enumerate() {
            let file = ParquetFile::open(path)?;
            let found = (file.columns(), file.words());
            if at == 0 {
                (numbers, words) = found;
            } else if found != (numbers.clone(), words.clone()) {
                let expected = format!("the columns of {}", files[0].display());
                let remedy = "give every file of the folder the same columns";
                return Err(DataError::new(FaultKind::Layout, Place::file(path), expected, "others", remedy));
            }
            rows = file.rows_of_groups().iter().fold(rows, |sum, &group| sum.saturating_add(group));
        }
        if rows > MAX_NODES {
            return Err(too_large(Place::file(path), format!("{rows} rows"), MAX_NODES));
        }
        if rows == 0 {
            let remedy = "name a table with rows";
            return Err(DataError::new(FaultKind::Layout, Place::file(path), "at least one row", "none", remedy));
        }
        Ok(Self { files, numbers, words, rows: rows as usize })
    }

    /// Values `[rows x columns]` of numeric columns by position.
    ///
    /// # Errors
    /// A missing cell, a value that is not finite, damage, or more than the cap.
    pub(super) fn values(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        let bytes = (self.rows as u64).saturating_mul(4 * columns.len() as u64);
        if bytes > MAX_ARRAY_BYTES {
            return Err(too_large(Place::file(&self.files[0]), format!("{bytes} bytes of numbers"), MAX_ARRAY_BYTES));
        }
        let (mut values, mut rows) = (Vec::new(), 0u64);
        for path in &self.files {
            let file = ParquetFile::open(path)?;
            let groups = file.rows_of_groups();
            file.read(0..groups.len(), columns, BATCH_ROWS, rows, |batch| {
                rows += batch.nrows() as u64;
                values.extend(batch.iter());
                Ok::<(), DataError>(())
            })?;
        }
        Array2::from_shape_vec((self.rows, columns.len()), values).map_err(|error| self.torn(error.to_string()))
    }

    /// The cells of one column as text; a null is an empty cell. `None` for reals, which have no exact text.
    ///
    /// # Errors
    /// Damage.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, DataError> {
        let mut cells = Vec::new();
        for path in &self.files {
            match ParquetFile::open(path)?.read_text(name, |cell| cells.push(cell)) {
                Err(error) if error.kind() == FaultKind::ElementType => return Ok(None),
                read => read?,
            }
        }
        if cells.len() == self.rows { Ok(Some(cells)) } else { Err(self.torn(format!("{} cells", cells.len()))) }
    }

    fn torn(&self, found: String) -> DataError {
        let remedy = "write the file again: its footer and its pages disagree";
        let expected = format!("a cell in each of {} rows", self.rows);
        DataError::new(FaultKind::Damaged, Place::file(&self.files[0]), expected, found, remedy)
    }
}
