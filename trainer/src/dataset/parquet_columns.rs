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

    /// Values `[rows x columns]` of numeric columns by position; NaN where a cell is missing.
    ///
    /// # Errors
    /// An infinite value, damage, or more than the cap.
    pub(super) fn values_with_gaps(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        let bytes = (self.rows as u64).saturating_mul(4 * columns.len() as u64);
        if bytes > MAX_ARRAY_BYTES {
            return Err(too_large(Place::file(&self.files[0]), format!("{bytes} bytes of numbers"), MAX_ARRAY_BYTES));
        }
        let (mut values, mut rows) = (Vec::new(), 0u64);
        for path in &self.files {
            let file = ParquetFile::open(path)?;
            let groups = file.rows_of_groups();
            file.read_with_gaps(0..groups.len(), columns, BATCH_ROWS, rows, |batch| {
                rows += batch.nrows() as u64;
                values.extend(batch.iter());
                Ok::<(), DataError>(())
            })?;
        }
        Array2::from_shape_vec((self.rows, columns.len()), values).map_err(|error| self.torn(error.to_string()))
    }

    /// Names and types of the columns that are neither numbers nor text.
    pub(super) fn others(&self) -> Result<Vec<(String, String)>, DataError> {
        Ok(ParquetFile::open(&self.files[0])?.others())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{At, ColumnTable};
    use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Int64Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use std::sync::Arc;

    fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn reals(values: &[f32]) -> ArrayRef {
        Arc::new(Float32Array::from(values.to_vec()))
    }

    fn example(path: &Path) {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let list = FixedSizeListArray::new(item, 2, reals(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), None);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
            ("x", reals(&[0.5, 1.5, 2.5])),
            ("n", Arc::new(Int64Array::from(vec![7, 8, 9]))),
            ("word", Arc::new(StringArray::from(vec!["one", "two", "three"]))),
            ("pair", Arc::new(list)),
            ("label", Arc::new(Int64Array::from(vec![Some(1), None, Some(0)]))),
            ("group", Arc::new(Int64Array::from(vec![4, 4, 5]))),
        ];
        write(path, columns, 2);
    }

    /// The columns of numbers in the order of `patterns`.
    fn read(path: &Path, patterns: &[&str]) -> Result<Array2<f32>, DataError> {
        let table = ColumnTable::load(path)?;
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        table.values(&table.select(&patterns)?)
    }

    #[test]
    fn columns_by_name_in_the_order_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        example(&path);
        assert_eq!(read(&path, &["x", "n", "pair"]).unwrap().row(2).to_vec(), [2.5, 9.0, 5.0, 6.0]);
        assert_eq!(read(&path, &["pair[1]", "x"]).unwrap().row(0).to_vec(), [2.0, 0.5]);
        let table = ColumnTable::load(&path).unwrap();
        assert_eq!(table.texts("id").unwrap(), ["a", "b", "c"]);
        assert_eq!(table.texts("label").unwrap(), ["1", "", "0"]);
        assert_eq!(table.texts("group").unwrap(), ["4", "4", "5"]);
        assert_eq!(read(&path, &["word"]).unwrap_err().kind(), FaultKind::ElementType);
        assert_eq!(read(&path, &["z"]).unwrap_err().kind(), FaultKind::Layout);
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let words: ArrayRef = Arc::new(StringArray::from(vec!["one", "two"]));
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let pair: ArrayRef = Arc::new(FixedSizeListArray::new(item, 2, reals(&[1.0, 2.0, 3.0, 4.0]), None));
        for columns in [
            vec![("x", reals(&[1.0, 2.0])), ("x", reals(&[3.0, 4.0]))],
            vec![("x", reals(&[1.0, 2.0])), ("x", words.clone())],
            vec![("word", words.clone()), ("x", reals(&[1.0, 2.0])), ("word", words)],
            vec![("pair", pair), ("pair[1]", reals(&[5.0, 6.0]))],
        ] {
            write(&path, columns, 2);
            let error = ColumnTable::load(&path).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Duplicate, "{error}");
            assert_eq!(crate::label::Input::open(&path).unwrap_err().kind(), FaultKind::Duplicate);
        }
    }

    #[test]
    fn a_folder_is_its_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("b.parquet"), vec![("x", reals(&[3.0]))], 10);
        write(&folder.path().join("a.parquet"), vec![("x", reals(&[1.0, 2.0]))], 10);
        std::fs::write(folder.path().join("_SUCCESS"), b"").unwrap();
        assert_eq!(read(folder.path(), &["x"]).unwrap().into_flat().to_vec(), [1.0, 2.0, 3.0]);
        write(&folder.path().join("c.parquet"), vec![("y", reals(&[3.0]))], 10);
        assert_eq!(ColumnTable::load(folder.path()).unwrap_err().kind(), FaultKind::Layout);
    }

    #[test]
    fn gaps_and_infinities_are_named_with_their_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path, vec![("x", reals(&[1.0, 2.0, f32::INFINITY]))], 2);
        let error = read(&path, &["x"]).unwrap_err();
        assert_eq!((error.kind(), error.fault().place.at.clone()), (FaultKind::NotFinite, At::Index(2)));
        write(&path, vec![("x", Arc::new(Float32Array::from(vec![Some(1.0), None])))], 2);
        assert_eq!(read(&path, &["x"]).unwrap_err().kind(), FaultKind::Missing);
    }

    #[test]
    fn a_file_cut_short_or_flipped_is_told_or_read_never_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        example(&path);
        let whole = std::fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(5) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = read(&path, &["x", "n", "pair"]).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Damaged, "{length} bytes: {error}");
        }
        let mut refused = 0;
        for position in (0..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            bytes[position] ^= 0x5a;
            std::fs::write(&path, &bytes).unwrap();
            refused += u32::from(read(&path, &["x", "n", "pair"]).is_err());
        }
        assert!(refused > 50, "{refused}");
    }
}
