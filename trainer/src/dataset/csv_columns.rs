//! Columns of a text table, read on demand: each request reads the file once and keeps the requested columns alone.

use std::path::{Path, PathBuf};

use ::csv::StringRecord;
use ndarray::Array2;

use super::RESERVED_COLUMNS;
use super::cells::Cells;
use super::error::{At, DataError, FaultKind, Place, quoted};
use super::limits::MAX_INPUTS;
use super::npz::too_large;
use super::text_rows::TextRows;
use super::value;
use super::warning::Warning;
use crate::memory;
use crate::output::counted;

/// A text table whose rows have been counted and whose columns are known.
#[derive(Debug)]
pub(super) struct CsvColumns {
    path: PathBuf,
    pub(super) header: Vec<String>,
    pub(super) rows: usize,
    /// What the cells of each column are.
    kinds: Vec<Kinds>,
    pub(super) warning: Option<Warning>,
}

/// How many cells of a column are numbers, and how many words; the others are missing.
#[derive(Clone, Copy, Debug, Default)]
struct Kinds {
    numbers: usize,
    words: usize,
    /// Row of the first word.
    first_word: usize,
}

impl CsvColumns {
    /// Reads the table once, to the last row.
    ///
    /// # Errors
    /// [`DataError`] for a table without rows, rows of different lengths, two columns of one name, or too many columns.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let mut reader = TextRows::streamed(path)?;
        let header = checked_header(&reader, path)?;
        let (mut kinds, mut rows) = (vec![Kinds::default(); header.len()], 0);
        let mut record = StringRecord::new();
        while reader.read(&mut record)?.is_some() {
            for (cell, kinds) in record.iter().zip(&mut kinds) {
                if !value::is_missing(cell) {
                    if value::number(cell).is_some_and(f32::is_finite) {
                        kinds.numbers += 1;
                    } else {
                        kinds.first_word = if kinds.words == 0 { rows } else { kinds.first_word };
                        kinds.words += 1;
                    }
                }
            }
            rows += 1;
        }
        if rows == 0 {
            return Err(without_rows(path));
        }
        Ok(Self { path: path.to_path_buf(), header, rows, kinds, warning: reader.warning() })
    }

    /// Whether most cells of a column are words.
    pub(super) fn is_words(&self, column: usize) -> bool {
        self.kinds[column].words > self.kinds[column].numbers
    }

    /// The first word among the numbers of a column in words; `None` if there is none.
    pub(super) fn stray(&self, column: usize) -> Option<String> {
        let Kinds { words, first_word, .. } = self.kinds[column];
        let line = if words > 0 { self.line(first_word).ok()? } else { return None };
        Some(format!("numbers, but not on line {line} ({} in all)", counted(words, "such cell", "such cells")))
    }

    /// Values `[rows x columns]` of columns by position; NaN where a cell is missing.
    ///
    /// # Errors
    /// A cell that is no finite number, or more numbers than memory holds.
    pub(super) fn values(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        let bytes = (self.rows as u64).saturating_mul(4 * columns.len() as u64);
        let available = memory::available().unwrap_or(u64::MAX);
        if bytes > available {
            return Err(too_large(Place::file(&self.path), format!("{bytes} bytes of numbers"), available));
        }
        let mut values = Array2::zeros((self.rows, columns.len()));
        self.each(|row, line, record| {
            for (to, &column) in columns.iter().enumerate() {
                let cell = &record[column];
                values[[row, to]] = match value::number(cell) {
                    _ if value::is_missing(cell) => f32::NAN,
                    Some(value) if value.is_finite() => value,
                    _ => {
                        let at = At::Cell { line, column: self.header[column].clone() };
                        let remedy = "write a number, or leave the cell empty where there is none";
                        let (place, expected) = (Place::file(&self.path).at(at), "a finite number");
                        return Err(DataError::new(FaultKind::NotFinite, place, expected, quoted(cell), remedy));
                    }
                };
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// The cells of columns by position.
    ///
    /// # Errors
    /// A file that has changed.
    pub(super) fn texts(&self, columns: &[usize]) -> Result<Vec<Cells>, DataError> {
        let mut cells = vec![Cells::default(); columns.len()];
        self.each(|_, _, record| {
            columns.iter().zip(&mut cells).for_each(|(&column, cells)| cells.push(&record[column]));
            Ok(())
        })?;
        Ok(cells)
    }

    /// The line on which a row begins, counted from 1.
    pub(super) fn line(&self, wanted: usize) -> Result<u64, DataError> {
        let mut found = 0;
        self.each(|row, line, _| {
            found = if row == wanted { line } else { found };
            Ok(())
        })?;
        Ok(found)
    }

    /// Calls `each` with the number, the line and the cells of every row.
    fn each(&self, mut each: impl FnMut(usize, u64, &StringRecord) -> Result<(), DataError>) -> Result<(), DataError> {
        let mut reader = TextRows::streamed(&self.path)?;
        let (mut record, mut row) = (StringRecord::new(), 0);
        let same = reader.header() == self.header;
        while same
            && row < self.rows
            && let Some(line) = reader.read(&mut record)?
        {
            each(row, line, &record)?;
            row += 1;
        }
        if row == self.rows && reader.read(&mut record)?.is_none() {
            return Ok(());
        }
        let (expected, remedy) = ("the table as it was when it was opened", "leave the file alone during a run");
        Err(DataError::new(FaultKind::Damaged, Place::file(&self.path), expected, "another", remedy))
    }
}

/// All cells of a text table, one list a column, as far as memory allows; its header first.
///
/// # Errors
/// As [`CsvColumns::open`].
pub(super) fn read_cells(path: &Path) -> Result<(Vec<String>, Vec<Cells>), DataError> {
    let mut reader = TextRows::open(path)?;
    let header = checked_header(&reader, path)?;
    let mut cells = vec![Cells::default(); header.len()];
    let mut record = StringRecord::new();
    while reader.read(&mut record)?.is_some() {
        record.iter().zip(&mut cells).for_each(|(cell, column)| column.push(cell));
    }
    if cells.first().is_none_or(|column| column.len() == 0) { Err(without_rows(path)) } else { Ok((header, cells)) }
}

/// Names of the columns, each once and not too many.
fn checked_header(reader: &TextRows, path: &Path) -> Result<Vec<String>, DataError> {
    let header = reader.header().to_vec();
    let most = MAX_INPUTS as usize + RESERVED_COLUMNS.len();
    let place = Place::file(path).at(At::Line(1));
    if header.len() > most {
        let (expected, found) = (format!("at most {most} columns"), header.len().to_string());
        return Err(DataError::new(FaultKind::TooLarge, place, expected, found, "leave out what no network sees"));
    }
    let mut seen = std::collections::HashSet::new();
    match header.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => {
            let found = format!("{} again", quoted(name));
            Err(DataError::new(FaultKind::Duplicate, place, "every column once", found, "rename one"))
        }
        None => Ok(header),
    }
}

fn without_rows(path: &Path) -> DataError {
    let place = Place::file(path);
    DataError::new(FaultKind::Layout, place, "at least one row below the header", "none", "add rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_alone_and_gaps_are_no_numbers() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "a;on;word\n1,5;true;x\n\n?;false;\"y\nz\"\nNA;TRUE;\n2;true;inf\n").unwrap();
        let table = CsvColumns::open(file.path()).unwrap();
        assert_eq!((table.rows, table.is_words(0), table.is_words(1), table.is_words(2)), (4, false, false, true));
        let values = table.values(&[1, 0]).unwrap();
        assert_eq!(values.column(0).to_vec(), [1.0, 0.0, 1.0, 1.0]);
        assert_eq!((values[[0, 1]], values[[3, 1]]), (1.5, 2.0));
        assert!(values[[1, 1]].is_nan() && values[[2, 1]].is_nan());
        assert_eq!(table.texts(&[2]).unwrap()[0].iter().collect::<Vec<_>>(), ["x", "y\nz", "", "inf"]);
        // A blank line is no row, and a cell may go over two.
        assert_eq!(table.line(2).unwrap(), 6);
        assert!(table.values(&[2]).unwrap_err().to_string().contains("line 2, column `word`"));
        std::fs::write(file.path(), "a;on;word\n1,5;true;x\n").unwrap();
        assert_eq!(table.texts(&[0]).unwrap_err().kind(), FaultKind::Damaged);
    }
}
