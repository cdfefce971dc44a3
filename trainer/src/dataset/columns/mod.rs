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
//! and columns named `id`, `label`, `split`, `fold` or `group` unless that is the pattern.
//!
//! Series measured at several sites become rows of windows, see [`series`](super::series).
//!
//! | file | what it holds |
//! |---|---|
//! | here | the table and the values of its columns |
//! | `read` | from files to columns |
//! | `choose` | from patterns to columns |

mod choose;
mod read;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::cells::Cells;
use super::error::{At, DataError, FaultKind, Place, quoted};
use super::npz::Npz;
use super::parquet_columns::ParquetColumns;
use super::series::{Reading, Series};

pub(super) use read::tables_of;

/// A table whose columns are chosen by pattern.
#[derive(Debug)]
pub struct ColumnTable {
    path: PathBuf,
    source: Source,
    columns: Vec<Column>,
    rows: usize,
}

/// Where the values of a table are.
#[derive(Debug)]
enum Source {
    Archive(Vec<Block>),
    Cells(Vec<Cells>),
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
    /// Block and offset in it, or the column of the cells.
    block: usize,
    offset: usize,
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

    /// Positions of the columns of exactly these names; none where there is no such column.
    #[must_use]
    pub fn places(&self, names: &[&str]) -> Vec<Option<usize>> {
        let of: HashMap<&str, usize> = self.columns.iter().enumerate().map(|(at, it)| (it.name.as_str(), at)).collect();
        names.iter().map(|name| of.get(name).copied()).collect()
    }

    /// Names of the columns that are none of `used`, in the order of the file, those of an array as one.
    #[must_use]
    pub fn others(&self, used: &[usize]) -> Vec<&str> {
        let bases = |columns: &mut dyn Iterator<Item = usize>| {
            columns.map(|at| self.columns[at].base.as_str()).collect::<Vec<_>>()
        };
        let used: HashSet<&str> = bases(&mut used.iter().copied()).into_iter().collect();
        let mut others = bases(&mut (0..self.columns.len()));
        others.dedup();
        others.retain(|base| !used.contains(base));
        others
    }

    /// Values `[rows x columns]` of columns by position.
    ///
    /// # Errors
    /// The row and column of the first cell that is not a finite number.
    pub fn values(&self, columns: &[usize]) -> Result<Array2<f32>, DataError> {
        if let Source::Parquet(table) = &self.source {
            return match columns.iter().find(|&&at| at >= table.numbers.len()) {
                Some(&at) => {
                    let place = Place::array(&self.path, &self.columns[at].name);
                    let remedy = "store the column as numbers, or take it out of the recipe";
                    Err(DataError::new(FaultKind::ElementType, place, "a column of numbers", "text", remedy))
                }
                None => table.values(columns),
            };
        }
        let mut values = Array2::zeros((self.rows, columns.len()));
        for (to, &at) in columns.iter().enumerate() {
            let column = &self.columns[at];
            for row in 0..self.rows {
                let value = match &self.source {
                    Source::Archive(blocks) => match &blocks[column.block] {
                        Block::Reals { values, width } => Some(values[row * width + column.offset]),
                        Block::Texts(texts) => texts[row].parse::<f32>().ok(),
                    },
                    Source::Cells(cells) => cells[column.block][row].parse::<f32>().ok(),
                    Source::Windows(series, readings) => Some(series.value(row, readings[column.block])),
                    Source::Parquet(_) => None,
                };
                values[[row, to]] = value.filter(|value| value.is_finite()).ok_or_else(|| {
                    let found = match &self.source {
                        Source::Archive(_) | Source::Windows(..) | Source::Parquet(_) => {
                            "a value that is not finite".to_owned()
                        }
                        Source::Cells(cells) => quoted(&cells[column.block][row]),
                    };
                    let place = self.cell(at, row);
                    DataError::new(FaultKind::NotFinite, place, "a finite number", found, "fill or drop the row")
                })?;
            }
        }
        Ok(values)
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
        let column = &self.columns[at];
        Ok(match &self.source {
            Source::Cells(cells) => cells[column.block].iter().map(str::to_owned).collect(),
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
                None => self.values(&[at])?.iter().map(f32::to_string).collect(),
            },
        })
    }

    fn cell(&self, column: usize, row: usize) -> Place {
        let column = &self.columns[column];
        match &self.source {
            Source::Archive(_) | Source::Windows(..) | Source::Parquet(_) => {
                Place::array(&self.path, &column.name).at(At::Index(row as u64))
            }
            // The header is line 1.
            Source::Cells(_) => {
                Place::file(&self.path).at(At::Cell { line: row as u64 + 2, column: column.name.clone() })
            }
        }
    }
}
