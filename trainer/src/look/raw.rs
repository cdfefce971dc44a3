//! The columns of a table as they are, before anything is chosen of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ndarray::Array2;

use crate::dataset::{ColumnTable, DataError, Warning, is_missing, number};

/// Values from which on neighbouring whole numbers are one number as `f32`.
const COARSE: f32 = (1 << 24) as f32;

/// A table in memory.
pub(super) struct Raw {
    pub(super) rows: usize,
    pub(super) columns: Vec<RawColumn>,
    /// Name and reason of each column that no network can take.
    pub(super) unusable: Vec<(String, String)>,
    pub(super) warnings: Vec<Warning>,
    numbers: Array2<f32>,
    /// Values of columns of large numbers.
    exact: HashMap<usize, Vec<f64>>,
}

/// One column.
pub(super) struct RawColumn {
    pub(super) name: String,
    /// Its name, or that of the array that it is a place of.
    pub(super) base: String,
    pub(super) values: Values,
}

/// Where the values of a column are.
pub(super) enum Values {
    /// A column of the matrix of numbers.
    Numbers(usize),
    /// A number for each row's word, in the order of appearance; `None` where the cell is missing.
    Words { codes: Vec<Option<u32>>, words: Vec<String> },
}

impl Raw {
    /// All columns of a table.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub(super) fn of(table: &ColumnTable) -> Result<Self, DataError> {
        let own: Vec<(usize, String, String)> =
            table.own().map(|(at, name, base)| (at, name.to_owned(), base.to_owned())).collect();
        let mut unusable = table.others()?;
        let (words, rest): (Vec<_>, Vec<_>) = own.into_iter().partition(|&(at, ..)| table.is_words(at));
        let mut plain = Vec::new();
        for (at, name, base) in rest {
            match table.stray(at) {
                Some(stray) => unusable.push((name, stray)),
                None => plain.push((at, name, base)),
            }
        }
        let places: Vec<usize> = plain.iter().map(|&(at, ..)| at).collect();
        let numbers = match table.values_with_gaps(&places) {
            Ok(numbers) => numbers,
            // Only archives and Parquet hold infinite numbers that were not counted as words.
            Err(_) => {
                let sound = |at: usize| table.values_with_gaps(&[at]).err().map(|error| error.fault().found.clone());
                plain.retain(|(at, name, _)| match sound(*at) {
                    Some(found) => {
                        unusable.push((name.clone(), found));
                        false
                    }
                    None => true,
                });
                table.values_with_gaps(&plain.iter().map(|&(at, ..)| at).collect::<Vec<_>>())?
            }
        };
        let mut exact = HashMap::new();
        let mut columns = BTreeMap::new();
        for (place, (at, name, base)) in plain.into_iter().enumerate() {
            if name == base && numbers.column(place).iter().any(|value| value.abs() >= COARSE) {
                let texts = table.texts_of(at)?;
                exact.insert(place, texts.iter().map(|text| text.parse().unwrap_or(f64::NAN)).collect());
            }
            columns.insert(at, RawColumn { name, base, values: Values::Numbers(place) });
        }
        for (at, name, base) in words {
            let texts = table.texts_of(at)?;
            columns.insert(at, RawColumn { name, base, values: coded(texts.iter().map(String::as_str)) });
        }
        let columns = columns.into_values().collect();
        Ok(Self { rows: table.rows(), columns, unusable, warnings: table.warnings(), numbers, exact })
    }

    /// Inputs of a data set that is loaded, `[rows x inputs]`.
    pub(super) fn of_inputs(numbers: Array2<f32>, names: &[String]) -> Self {
        let column = |(place, name): (usize, &String)| RawColumn {
            name: name.clone(),
            base: name.clone(),
            values: Values::Numbers(place),
        };
        let columns = names.iter().take(numbers.ncols()).enumerate().map(column).collect();
        let (unusable, warnings, exact) = (Vec::new(), Vec::new(), HashMap::new());
        Self { rows: numbers.nrows(), columns, unusable, warnings, numbers, exact }
    }

    /// All columns of the readings in a file, or in the files of a folder.
    ///
    /// # Errors
    /// Files that cannot be read, or do not belong together.
    pub(super) fn readings(path: &Path) -> Result<Self, DataError> {
        let (header, cells) = ColumnTable::readings(path)?;
        let rows = cells.first().map_or(0, |column| column.iter().count());
        let (mut columns, mut unusable, mut numbers, mut exact) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
        for (name, cells) in header.into_iter().zip(&cells) {
            let there = || cells.iter().filter(|cell| !is_missing(cell));
            let stray = there().find(|cell| number(cell).is_none_or(f32::is_infinite));
            let counted = there().filter(|cell| number(cell).is_some()).count();
            let values = match stray {
                None => {
                    let reals: Vec<f64> = cells.iter().map(real).collect();
                    let place = numbers.len();
                    numbers.push(reals.iter().map(|&value| value as f32).collect::<Vec<f32>>());
                    if reals.iter().any(|value| value.abs() >= f64::from(COARSE)) {
                        exact.insert(place, reals);
                    }
                    Values::Numbers(place)
                }
                Some(stray) if 2 * counted >= there().count() => {
                    unusable.push((name, format!("numbers, but also `{stray}`")));
                    continue;
                }
                Some(_) => coded(cells.iter()),
            };
            columns.push(RawColumn { base: name.clone(), name, values });
        }
        let numbers = Array2::from_shape_fn((rows, numbers.len()), |(row, column)| numbers[column][row]);
        Ok(Self { rows, columns, unusable, warnings: Vec::new(), numbers, exact })
    }

    /// A value of a column of numbers; NaN where it is missing, the number of the word in a column of words.
    pub(super) fn real(&self, column: &RawColumn, row: usize) -> f64 {
        match &column.values {
            Values::Numbers(place) => match self.exact.get(place) {
                Some(values) => values[row],
                None => f64::from(self.numbers[[row, *place]]),
            },
            Values::Words { codes, .. } => codes[row].map_or(f64::NAN, f64::from),
        }
    }

    /// All values of a column, as [`real`](Self::real).
    pub(super) fn reals(&self, column: &RawColumn) -> Vec<f64> {
        (0..self.rows).map(|row| self.real(column, row)).collect()
    }

    /// The column of exactly this name.
    pub(super) fn column(&self, name: &str) -> Option<&RawColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl RawColumn {
    /// Words of the column in the order of appearance; none of a column of numbers.
    pub(super) fn words(&self) -> &[String] {
        match &self.values {
            Values::Words { words, .. } => words,
            Values::Numbers(_) => &[],
        }
    }
}

fn real(cell: &str) -> f64 {
    if is_missing(cell) {
        return f64::NAN;
    }
    cell.parse().unwrap_or_else(|_| number(cell).map_or(f64::NAN, f64::from))
}

fn coded<'a>(cells: impl Iterator<Item = &'a str>) -> Values {
    let (mut codes, mut words, mut known) = (Vec::new(), Vec::new(), HashMap::new());
    for cell in cells {
        codes.push((!is_missing(cell)).then(|| {
            *known.entry(cell.to_owned()).or_insert_with(|| {
                words.push(cell.to_owned());
                (words.len() - 1) as u32
            })
        }));
    }
    Values::Words { codes, words }
}
