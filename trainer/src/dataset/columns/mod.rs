//! Tables by column: which columns a network sees is said by name, so that dropping a sensor is one word in a recipe.
//!
//! An array of an npz file with more than one dimension is a block of columns, one for each place behind the row: `x` of
//! shape `[rows x 8 x 16]` has 128 columns named `x[0,0]` to `x[7,15]`. A CSV file (plain or gzip) has one column a name,
//! and so has a Parquet table (a file, or a folder of files by name), whose lists of fixed length are arrays.
//!
//! | pattern | columns |
//! |---|---|
//! | `name` | the column, or all columns of the array |
//! | `x[0:8, 4]` | the places of the array, half-open ranges as in numpy, `:` for all |
//! | `acc_*` | every column whose name begins so |
//! | `a..d` | the columns from `a` to `d` in the order of the file, both included |
//!
//! As inputs of a network ([`ColumnTable::inputs`]) patterns leave out what the recipe names as label, fold, group or id,
//! and columns named `id`, `label`, `split`, `fold` or `group` unless that is the pattern. A column of words is one input a
//! word, named `column=word`.
//!
//! Series measured at several sites become rows of windows, see [`series`](super::series).
//!
//! | file | what it holds |
//! |---|---|
//! | here | the table and the values of its columns |
//! | `read` | from files to columns |
//! | `choose` | from patterns to columns |
//! | `category` | columns of words as inputs |
//! | `gaps` | missing cells |

mod category;
mod choose;
mod gaps;
mod read;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::cells::Cells;
use super::csv_columns::CsvColumns;
use super::error::{At, DataError, FaultKind, Place, quoted};
use super::npz::Npz;
use super::parquet_columns::ParquetColumns;
use super::series::{Reading, Series};
use super::value;
use super::warning::Warning;

pub use category::MAX_CATEGORIES;
pub(super) use read::tables_of;

/// A table whose columns are chosen by pattern.
#[derive(Debug)]
pub struct ColumnTable {
    path: PathBuf,
    source: Source,
    /// The columns of the file, then those of words that were asked for.
    columns: Vec<Column>,
    /// How many are the file's.
    own: usize,
    rows: usize,
}

/// Where the values of a table are.
#[derive(Debug)]
enum Source {
    Archive(Vec<Block>),
    Csv(CsvColumns),
    Windows(Series, Vec<Reading>),
    Parquet(ParquetColumns),
}

/// One array of an archive.
#[derive(Debug)]
enum Block {
    /// Row-major `[rows x width]`.
    Reals { values: Vec<f32>, width: usize },
    /// One text a row.
    Texts(Vec<String>),
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    base: String,
    /// Place behind the row in an array of more than one dimension.
    at: Vec<usize>,
    /// Block and offset in it, or the column of a text or of the words.
    block: usize,
    offset: usize,
    /// The word for which it is 1; `None` for a column of the file.
    word: Option<String>,
}

impl ColumnTable {
    /// The file or folder, as the user named it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there is a column of exactly this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name)
    }

    /// Names of columns by position.
    #[must_use]
    pub fn names(&self, columns: &[usize]) -> Vec<String> {
        columns.iter().map(|&at| self.columns[at].name.clone()).collect()
    }

    /// Place, name and array of every column of the file.
    pub(crate) fn own(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let own = self.columns[..self.own].iter().enumerate();
        own.map(|(at, column)| (at, column.name.as_str(), column.base.as_str()))
    }

    /// Why a column of numbers is not one throughout; `None` if it is.
    pub(crate) fn stray(&self, at: usize) -> Option<String> {
        match &self.source {
            Source::Csv(table) => table.stray(self.columns[at].block),
            _ => None,
        }
    }

    /// Names and types of columns of the file that are neither numbers nor text.
    ///
    /// # Errors
    /// A file that can no longer be read.
    pub(crate) fn others(&self) -> Result<Vec<(String, String)>, DataError> {
        match &self.source {
            Source::Parquet(table) => table.others(),
            _ => Ok(Vec::new()),
        }
    }

    /// What the user should know about how the table was read.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        match &self.source {
            Source::Csv(table) => table.warning.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Names of the columns that are none of `used`, in the order of the file, those of an array as one.
    #[must_use]
    pub fn besides(&self, used: &[usize]) -> Vec<&str> {
        let bases = |columns: &mut dyn Iterator<Item = usize>| {
            columns.map(|at| self.columns[at].base.as_str()).collect::<Vec<_>>()
        };
        let used: HashSet<&str> = bases(&mut used.iter().copied()).into_iter().collect();
        let mut others = bases(&mut (0..self.own));
        others.dedup();
        others.retain(|base| !used.contains(base));
        others
    }

    /// Values `[rows x columns]` of columns by position.
    ///
    /// # Errors
    /// The row and column of the first cell that is not a finite number.
    pub fn values(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        let values = self.values_with_gaps(columns)?;
        match self.gaps(values.view(), columns) {
            Some(gaps) => Err(self.refuse_gaps(&gaps, "fill or drop the row")),
            None => Ok(values),
        }
    }

    /// As [`values`](Self::values), with NaN where a cell is missing.
    ///
    /// # Errors
    /// The row and column of the first cell that is neither missing nor a finite number.
    pub(crate) fn values_with_gaps(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        let words: Vec<usize> = columns.iter().copied().filter(|&at| self.columns[at].word.is_some()).collect();
        if words.is_empty() {
            return self.numbers(columns);
        }
        let plain: Vec<usize> = columns.iter().copied().filter(|&at| self.columns[at].word.is_none()).collect();
        let numbers = self.numbers(&plain)?;
        let mut stored: Vec<usize> = words.iter().map(|&at| self.stored(at)).collect();
        stored.dedup();
        let texts = self.cells(&stored)?;
        let mut values = Array2::zeros((self.rows, columns.len()));
        let mut plain = numbers.columns().into_iter();
        for (to, &at) in columns.iter().enumerate() {
            let mut column = values.column_mut(to);
            let Some(word) = &self.columns[at].word else {
                plain.next().into_iter().for_each(|numbers| column.assign(&numbers));
                continue;
            };
            let cells = stored.iter().position(|&stored| stored == self.stored(at)).unwrap_or_default();
            for (value, cell) in column.iter_mut().zip(texts[cells].iter()) {
                *value = if value::is_missing(cell) { f32::NAN } else { f32::from(u8::from(cell == word)) };
            }
        }
        Ok(values)
    }

    /// The column of the file that a column comes from.
    fn stored(&self, at: usize) -> usize {
        if self.columns[at].word.is_some() { self.columns[at].block } else { at }
    }

    /// Values of columns of numbers, with NaN where a cell is missing.
    fn numbers(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        match &self.source {
            Source::Parquet(table) => {
                return match columns.iter().find(|&&at| at >= table.numbers.len()) {
                    Some(&at) => {
                        let place = Place::array(&self.path, &self.columns[at].name);
                        let remedy = "store the column as numbers, or take it out of the recipe";
                        Err(DataError::new(FaultKind::ElementType, place, "a column of numbers", "text", remedy))
                    }
                    None => table.values_with_gaps(columns),
                };
            }
            Source::Csv(table) => {
                return table.values(&columns.iter().map(|&at| self.columns[at].block).collect::<Vec<_>>());
            }
            Source::Archive(_) | Source::Windows(..) => {}
        }
        let mut values = Array2::zeros((self.rows, columns.len()));
        for (to, &at) in columns.iter().enumerate() {
            let column = &self.columns[at];
            for row in 0..self.rows {
                let value = match &self.source {
                    Source::Archive(blocks) => match &blocks[column.block] {
                        Block::Reals { values, width } => Some(values[row * width + column.offset]),
                        Block::Texts(texts) if value::is_missing(&texts[row]) => Some(f32::NAN),
                        Block::Texts(texts) => value::number(&texts[row]),
                    },
                    Source::Windows(series, readings) => Some(series.value(row, readings[column.block])),
                    Source::Parquet(_) | Source::Csv(_) => None,
                };
                values[[row, to]] = value.filter(|value| !value.is_infinite()).ok_or_else(|| {
                    let place = Place::array(&self.path, &column.name).at(At::Index(row as u64));
                    let (expected, found) = ("a finite number", "a value that is not finite");
                    DataError::new(FaultKind::NotFinite, place, expected, found, "fill or drop the row")
                })?;
            }
        }
        Ok(values)
    }

    /// The cells of columns of the file as text.
    fn cells(&self, columns: &[usize]) -> Result<Vec<Cells>, DataError> {
        if let Source::Csv(table) = &self.source {
            return table.texts(&columns.iter().map(|&at| self.columns[at].block).collect::<Vec<_>>());
        }
        let cells = |&at: &usize| {
            let mut cells = Cells::default();
            self.texts_of(at)?.iter().for_each(|cell| cells.push(cell));
            Ok(cells)
        };
        columns.iter().map(cells).collect()
    }

    /// The text of one column, for labels, folds, groups and ids; numbers of an archive in their shortest form.
    ///
    /// # Errors
    /// A pattern that names no column or several.
    pub fn texts(&self, pattern: &str) -> Result<Vec<String>, DataError> {
        if let Source::Windows(series, _) = &self.source
            && let Some(texts) = series.texts(pattern)
        {
            return Ok(texts);
        }
        let found = self.select(&[pattern.to_owned()])?;
        let [at] = found[..] else {
            let found = format!("{} columns", found.len());
            let place = Place::file(&self.path);
            let expected = format!("one column {}", quoted(pattern));
            return Err(DataError::new(FaultKind::Layout, place, expected, found, "name one column"));
        };
        self.texts_of(at)
    }

    /// The text of a column by its place.
    pub(crate) fn texts_of(&self, at: usize) -> Result<Vec<String>, DataError> {
        let column = &self.columns[at];
        Ok(match &self.source {
            Source::Csv(table) => table.texts(&[column.block])?[0].iter().map(str::to_owned).collect(),
            Source::Windows(series, readings) => {
                (0..self.rows).map(|row| series.value(row, readings[column.block]).to_string()).collect()
            }
            Source::Archive(blocks) => match &blocks[column.block] {
                Block::Texts(texts) => texts.clone(),
                Block::Reals { values, width } => {
                    // Whole numbers beyond 2^24 are exact in their own type only.
                    let whole = Npz::open_directory(&self.path)?.integers(&column.base);
                    let whole = whole.ok().filter(|array| array.values.len() == values.len());
                    let text = |at: usize| match &whole {
                        Some(whole) => whole.values[at].to_string(),
                        None => values[at].to_string(),
                    };
                    (0..self.rows).map(|row| text(row * width + column.offset)).collect()
                }
            },
            Source::Parquet(table) => match table.texts(&column.name)? {
                Some(texts) => texts,
                None => {
                    let text = |value: &f32| if value.is_nan() { String::new() } else { value.to_string() };
                    self.numbers(&[at])?.iter().map(text).collect()
                }
            },
        })
    }
}
