//! One Parquet file: its numeric columns, its row groups, and its rows in batches; its cells are read in `parquet_cells`.
//!
//! The crate that reads Parquet decodes untrusted files. Its panics are caught here and reported as damage; memory is
//! bounded by the file's content, since every declared size is first compared with the caps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{Array, RecordBatch, RecordBatchReader};
use arrow_schema::DataType;
use ndarray::Array2;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

use super::error::{At, DataError, FaultKind, Place, names_once, quoted};
use super::limits::MAX_INPUTS;
use super::parquet_cells::{is_number, is_text, numbers, texts};
use crate::bounded::{self, Kind};

/// A Parquet file whose footer has been read.
pub(crate) struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    columns: Vec<Column>,
}

/// A numeric column: a whole one, or one element of a list of fixed length.
struct Column {
    name: String,
    field: usize,
    element: usize,
}

impl ParquetFile {
    /// Reads the footer.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let file = bounded::open(path, Kind::Parquet).map_err(|error| DataError::read(path, &error))?;
        let metadata = guarded(path, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()))?;
        let mut columns = Vec::new();
        for (field, described) in metadata.schema().fields().iter().enumerate() {
            let name = described.name();
            match described.data_type() {
                DataType::FixedSizeList(item, length) if is_number(item.data_type()) && *length > 0 => {
                    let elements = (0..*length as usize).take(MAX_INPUTS as usize + 1);
                    columns.extend(elements.map(|element| Column {
                        name: format!("{name}[{element}]"),
                        field,
                        element,
                    }));
                }
                kind if is_number(kind) => columns.push(Column { name: name.clone(), field, element: 0 }),
                _ => {}
            }
            if columns.len() as u64 > MAX_INPUTS {
                return Err(super::npz::too_large(Place::file(path), "more columns".to_owned(), MAX_INPUTS));
            }
        }
        let fields = metadata.schema().fields().iter();
        names_once(path, fields.map(|field| field.name().as_str()))?;
        // A column may be named `a[0]`, like an element of the list `a`.
        names_once(path, columns.iter().map(|column| column.name.as_str()))?;
        let file = Self { path: path.to_path_buf(), metadata, columns };
        if file.row_groups().is_none() {
            return Err(damaged(path, "a negative number of rows in its footer".to_owned()));
        }
        Ok(file)
    }

    /// Names of the numeric columns, in the order of the file; element `i` of a list `a` is `a[i]`.
    pub(crate) fn columns(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Names and types of the columns that are neither numbers nor text.
    pub(crate) fn others(&self) -> Vec<(String, String)> {
        let fields = self.metadata.schema().fields().iter();
        let other = |field: &&std::sync::Arc<arrow_schema::Field>| {
            !is_text(field.data_type())
                && self.columns.iter().all(|column| column.name.split('[').next() != Some(field.name()))
        };
        fields.filter(other).map(|field| (field.name().clone(), field.data_type().to_string())).collect()
    }

    /// Names of the text columns, in the order of the file.
    pub(crate) fn words(&self) -> Vec<String> {
        let fields = self.metadata.schema().fields().iter();
        fields.filter(|field| is_text(field.data_type())).map(|field| field.name().clone()).collect()
    }

    /// Rows of each row group; `None` if the footer declares a negative number.
    fn row_groups(&self) -> Option<Vec<u64>> {
        self.metadata.metadata().row_groups().iter().map(|group| u64::try_from(group.num_rows()).ok()).collect()
    }

    /// Rows of each row group.
    pub(crate) fn rows_of_groups(&self) -> Vec<u64> {
        self.row_groups().unwrap_or_default()
    }

    /// Calls `each` with the chosen numeric columns `[rows][columns]` of the row groups, batch by batch, in order.
    ///
    /// `first` is the number of the first row, for messages. Only the requested columns are read.
    pub(crate) fn read<E: From<DataError>>(
        &self,
        groups: std::ops::Range<usize>,
        columns: &[usize],
        batch_rows: usize,
        first: u64,
        mut each: impl FnMut(Array2<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut start = first;
        self.read_with_gaps(groups, columns, batch_rows, first, |batch| {
            if let Some(((row, column), _)) = batch.indexed_iter().find(|(_, value)| value.is_nan()) {
                let place = Place::array(&self.path, &self.columns[columns[column]].name);
                let (expected, found) = ("a number in every row", "a missing cell (a null or NaN)");
                let remedy = "fill the gaps before the teacher sees them, or take the column out";
                let place = place.at(At::Index(start + row as u64));
                return Err(DataError::new(FaultKind::Missing, place, expected, found, remedy).into());
            }
            start += batch.nrows() as u64;
            each(batch)
        })
    }

    /// As [`read`](Self::read), with NaN where a cell is missing.
    pub(crate) fn read_with_gaps<E: From<DataError>>(
        &self,
        groups: std::ops::Range<usize>,
        columns: &[usize],
        batch_rows: usize,
        first: u64,
        mut each: impl FnMut(Array2<f32>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut fields: Vec<usize> = columns.iter().map(|&column| self.columns[column].field).collect();
        fields.sort_unstable();
        fields.dedup();
        let mut row = first;
        self.batches(groups, &fields, batch_rows, |batch| {
            let values = self.numbers(batch, &fields, columns, row)?;
            row += batch.num_rows() as u64;
            each(values)
        })
    }

    /// Calls `each` with the cells of one column as text, in order; a null is an empty cell.
    pub(crate) fn read_text(&self, name: &str, mut each: impl FnMut(String)) -> Result<(), DataError> {
        let Some((field, described)) = self.metadata.schema().column_with_name(name) else { return Ok(()) };
        let place = Place::array(&self.path, name);
        let kind = described.data_type().clone();
        self.batches(0..self.rows_of_groups().len(), &[field], 8192, |batch| {
            let cells = texts(batch.column(0).as_ref()).ok_or_else(|| {
                let remedy = "store the column as text or whole numbers";
                DataError::new(FaultKind::ElementType, place.clone(), "text or whole numbers", kind.to_string(), remedy)
            })?;
            cells.into_iter().for_each(&mut each);
            Ok(())
        })
    }

    /// Calls `each` with the numbers of a column of unsigned 64-bit integers, in order.
    pub(crate) fn read_unsigned(&self, name: &str, mut each: impl FnMut(u64)) -> Result<(), DataError> {
        let field = self.metadata.schema().column_with_name(name).map(|(field, _)| field).unwrap_or_default();
        self.batches(0..self.rows_of_groups().len(), &[field], 8192, |batch| {
            let numbers = batch.column(0).as_primitive_opt::<UInt64Type>().filter(|numbers| numbers.null_count() == 0);
            let numbers = numbers.ok_or_else(|| {
                let (expected, found) = ("unsigned 64-bit integers, none missing", "others");
                let remedy = "write the file again";
                DataError::new(FaultKind::ElementType, Place::array(&self.path, name), expected, found, remedy)
            })?;
            numbers.values().iter().copied().for_each(&mut each);
            Ok(())
        })
    }

    fn batches<E: From<DataError>>(
        &self,
        groups: std::ops::Range<usize>,
        fields: &[usize],
        batch_rows: usize,
        mut each: impl FnMut(&RecordBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let file = bounded::open(&self.path, Kind::Parquet).map_err(|error| DataError::read(&self.path, &error))?;
        let mut reader = guarded(&self.path, || {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone());
            let mask = ProjectionMask::roots(builder.parquet_schema(), fields.iter().copied());
            builder.with_projection(mask).with_row_groups(groups.collect()).with_batch_size(batch_rows).build()
        })?;
        if reader.schema().fields().len() != fields.len() {
            return Err(damaged(&self.path, "a column twice in its schema".to_owned()).into());
        }
        while let Some(batch) = guarded(&self.path, || reader.next().transpose().map_err(ParquetError::from))? {
            each(&batch)?;
        }
        Ok(())
    }

    /// Values of the chosen columns, row by row; NaN where a cell is missing.
    fn numbers(
        &self,
        batch: &RecordBatch,
        fields: &[usize],
        columns: &[usize],
        first: u64,
    ) -> Result<Array2<f32>, DataError> {
        let (rows, width) = (batch.num_rows(), columns.len());
        let mut by_column: Vec<Vec<f32>> = Vec::with_capacity(width);
        for &column in columns {
            let Column { name, field, element } = &self.columns[column];
            let place = || Place::array(&self.path, name);
            let at = fields.binary_search(field).unwrap_or_default();
            let values = numbers(batch.column(at).as_ref(), *element).ok_or_else(|| {
                let found = batch.column(at).data_type().to_string();
                let remedy = "store the column as numbers";
                DataError::new(FaultKind::ElementType, place(), "a column of numbers", found, remedy)
            })?;
            if let Some(row) = values.iter().position(|value| value.is_infinite()) {
                return Err(DataError::new(
                    FaultKind::NotFinite,
                    place().at(At::Index(first + row as u64)),
                    "a finite value",
                    values[row].to_string(),
                    "replace missing or infinite readings before training",
                ));
            }
            by_column.push(values);
        }
        let mut out = vec![0f32; rows * width];
        // A block of rows stays in the first-level cache while the columns are interleaved.
        const BLOCK: usize = 64;
        for start in (0..rows).step_by(BLOCK) {
            let end = (start + BLOCK).min(rows);
            let block = &mut out[start * width..end * width];
            for (column, values) in by_column.iter().enumerate() {
                let cells = block[column..].iter_mut().step_by(width);
                cells.zip(&values[start..end]).for_each(|(cell, &value)| *cell = value);
            }
        }
        Array2::from_shape_vec((rows, width), out).map_err(|error| damaged(&self.path, error.to_string()))
    }
}

/// The `.parquet` files of a folder sorted by name, or the single file `path`.
pub(crate) fn parquet_files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    let fault = |error: std::io::Error| DataError::read(path, &error);
    if !std::fs::metadata(path).map_err(fault)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fault)? {
        let file = entry.map_err(fault)?.path();
        let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        if file.extension().is_some_and(|extension| extension == "parquet") && !hidden {
            files.push(file);
        }
    }
    files.sort_unstable();
    if files.is_empty() {
        let remedy = "name a folder with .parquet files, or one file";
        return Err(DataError::new(FaultKind::Layout, Place::file(path), "files that end in .parquet", "none", remedy));
    }
    Ok(files)
}

/// A failure of the Parquet crate, its panics included, as a fault of the file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, DataError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(ParquetError::External(error))) => match error.downcast_ref::<std::io::Error>() {
            Some(error) => Err(DataError::read(path, error)),
            None => Err(damaged(path, error.to_string())),
        },
        Ok(Err(error)) => Err(damaged(path, error.to_string())),
        Err(_) => Err(damaged(path, "bytes on which the decoder gave up".to_owned())),
    }
}

fn damaged(path: &Path, found: String) -> DataError {
    let remedy = "write the file again, for instance with pyarrow or polars, uncompressed or with snappy";
    DataError::new(FaultKind::Damaged, Place::file(path), "an undamaged Parquet file", quoted(&found), remedy)
}
