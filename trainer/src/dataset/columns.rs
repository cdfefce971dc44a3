//! Tables by column: a recipe selects a network's columns by name, so that dropping a sensor changes one word.
//!
//! An array of an npz file with more than one dimension is a block of columns, one for each position after the row
//! dimension: `x` of shape `[rows x 8 x 16]` has 128 columns named `x[0,0]` to `x[7,15]`. A CSV file (plain or gzip)
//! has one column for each name, and so has a Parquet table (a file, or a folder of files sorted by name), whose lists
//! of fixed length are arrays.
//!
//! | pattern | columns |
//! |---|---|
//! | `name` | the column, or all columns of the array |
//! | `x[0:8, 4]` | positions in the array, half-open ranges as in numpy, `:` for all |
//! | `acc_*` | every column whose name has this prefix |
//! | `a..d` | the columns from `a` to `d` in the order of the file, both included |
//!
//! As inputs of a network ([`ColumnTable::inputs`]) patterns leave out what the recipe names as label, fold, group or id,
//! and columns named `id`, `label`, `split`, `fold` or `group` unless that is the pattern.
//!
//! Series measured at several sites become rows of windows, see [`series`](super::series).

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::RESERVED_COLUMNS;
use super::cells::Cells;
use super::error::{At, DataError, FaultKind, Place, names_once, quoted};
use super::limits::MAX_INPUTS;
use super::npz::{Npz, too_large};
use super::parquet_columns::ParquetColumns;
use super::series::{Reading, Series, Windowing};
use super::text::Text;
use super::withheld::{self, Withheld};

/// A table whose columns are chosen by pattern.
#[derive(Debug)]
pub struct ColumnTable {
    path: PathBuf,
    source: Source,
    columns: Vec<Column>,
    rows: usize,
}

/// The source of a table's values.
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
    /// One text per row.
    Texts(Vec<String>),
}

#[derive(Clone, Debug)]
struct Column {
    name: String,
    base: String,
    /// Position after the row dimension in an array of more than one dimension.
    at: Vec<usize>,
    /// Block and offset in it, or the column of the cells.
    block: usize,
    offset: usize,
}

impl ColumnTable {
    /// Reads an `.npz`, `.csv`, `.csv.gz` or `.parquet` file, or a folder of Parquet files; the content decides which.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let table = if path.is_dir() || super::starts_like(path, b"PAR1", "parquet")? {
            Self::parquet(path)?
        } else if super::starts_like_archive(path)? {
            Self::archive(path)?
        } else {
            Self::csv(path)?
        };
        table.with_names_once()
    }

    /// Refuses two columns of one name, such as a column `x[0]` and a position of the array `x`: a recipe could not
    /// tell them apart.
    fn with_names_once(self) -> Result<Self, DataError> {
        names_once(&self.path, self.columns.iter().map(|column| column.name.as_str()))?;
        Ok(self)
    }

    fn parquet(path: &Path) -> Result<Self, DataError> {
        let table = ParquetColumns::open(path)?;
        let column = |(offset, name): (usize, &String)| {
            let (base, at) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
                Some((base, at)) => (base.to_owned(), at.parse().ok().into_iter().collect()),
                None => (name.clone(), Vec::new()),
            };
            Column { name: name.clone(), base, at, block: 0, offset }
        };
        let numbers = table.numbers.iter().enumerate().map(column);
        // Text columns follow numeric ones.
        let words = table.words.iter().enumerate().map(|(at, name)| (table.numbers.len() + at, name)).map(column);
        let (columns, rows) = (numbers.chain(words).collect(), table.rows);
        Ok(Self { path: path.to_path_buf(), source: Source::Parquet(table), columns, rows })
    }

    fn archive(path: &Path) -> Result<Self, DataError> {
        let mut npz = Npz::open(path)?;
        let (mut blocks, mut columns) = (Vec::new(), Vec::new());
        let mut arrays = Vec::new();
        for name in npz.names() {
            let array = match npz.reals(&name) {
                Err(error) if error.kind() == FaultKind::ElementType => match npz.strings(&name) {
                    Ok(Some(texts)) => (vec![texts.len() as u64], Block::Texts(texts)),
                    _ => return Err(error),
                },
                read => read.map(|array| {
                    let width = array.shape.iter().skip(1).product::<u64>() as usize;
                    (array.shape, Block::Reals { values: array.values, width })
                })?,
            };
            arrays.push((array, name));
        }
        // The length that most arrays share is the number of rows; single values and lists of names describe the file.
        let rows = arrays.iter().filter_map(|((shape, _), _)| shape.first().copied()).max().unwrap_or(0) as usize;
        for ((shape, block), name) in arrays {
            if shape.first().is_none_or(|&length| length as usize != rows) || rows == 0 {
                continue;
            }
            let shape: Vec<usize> = shape[1..].iter().map(|&length| length as usize).collect();
            let width = shape.iter().product();
            for offset in 0..width {
                let mut rest = offset;
                let mut at: Vec<usize> = shape.iter().rev().map(|&length| (rest % length, rest /= length).0).collect();
                at.reverse();
                columns.push(Column {
                    name: full_name(&name, &at),
                    base: name.clone(),
                    at,
                    block: blocks.len(),
                    offset,
                });
            }
            blocks.push(block);
        }
        if blocks.is_empty() {
            return Err(DataError::new(
                FaultKind::Layout,
                Place::file(path),
                "at least one array with a row a sample",
                "none",
                "save the columns as numeric arrays of one length",
            ));
        }
        Ok(Self { path: path.to_path_buf(), source: Source::Archive(blocks), columns, rows })
    }

    /// Reads the series of a `.csv` or `.csv.gz` file, or of all such files of a folder in the order of their names.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn windows(path: &Path, windowing: &Windowing<'_>) -> Result<Self, DataError> {
        let files = if path.is_dir() { tables_of(path)? } else { vec![path.to_path_buf()] };
        let mut whole: Option<(Vec<String>, Vec<Cells>)> = None;
        for file in files {
            let (header, cells) = read_cells(&file)?;
            match &mut whole {
                None => whole = Some((header, cells)),
                Some((first, _)) if *first != header => {
                    let place = Place::file(&file).at(At::Line(1));
                    let (expected, found) = (first.join(", "), header.join(", "));
                    let remedy = "give every file of the folder the same columns";
                    return Err(DataError::new(FaultKind::Layout, place, expected, found, remedy));
                }
                Some((_, all)) => {
                    let columns = all.iter_mut().zip(&cells);
                    columns.for_each(|(all, more)| more.iter().for_each(|cell| all.push(cell)));
                }
            }
        }
        let (header, cells) = whole.unwrap_or_default();
        let series = Series::new(path, &header, &cells, windowing)?;
        let (mut columns, mut readings) = (Vec::new(), Vec::new());
        for (base, at, reading) in series.columns() {
            columns.push(Column { name: full_name(&base, &at), base, at, block: readings.len(), offset: 0 });
            readings.push(reading);
        }
        let rows = series.rows();
        Self { path: path.to_path_buf(), source: Source::Windows(series, readings), columns, rows }.with_names_once()
    }

    fn csv(path: &Path) -> Result<Self, DataError> {
        let (header, cells) = read_cells(path)?;
        let rows = cells.first().map_or(0, Cells::len);
        let column =
            |(block, name): (usize, String)| Column { base: name.clone(), name, at: Vec::new(), block, offset: 0 };
        let columns = header.into_iter().enumerate().map(column).collect();
        Ok(Self { path: path.to_path_buf(), source: Source::Cells(cells), columns, rows })
    }

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

    /// Positions of the columns that `patterns` name, in the order of the patterns; a column named twice counts once.
    ///
    /// # Errors
    /// A pattern without a column; the error names the nearest ones.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<usize>, DataError> {
        let (mut chosen, mut taken) = (Vec::new(), HashSet::new());
        for pattern in patterns {
            let found = self.matching(pattern)?;
            if found.is_empty() {
                return Err(self.missing(pattern));
            }
            chosen.extend(found.into_iter().filter(|&at| taken.insert(at)));
        }
        self.few_enough(chosen)
    }

    /// As [`select`](Self::select), for the inputs of a network, without withheld columns. `key` is the recipe key of
    /// the patterns.
    ///
    /// # Errors
    /// Also [`FaultKind::Leak`] for a pattern that names only withheld columns.
    pub fn inputs(&self, key: &str, patterns: &[String], withheld: &[Withheld]) -> Result<Vec<usize>, DataError> {
        let mut roles = BTreeMap::new();
        for Withheld { column, role } in withheld {
            self.matching(column)?.into_iter().for_each(|at| _ = roles.entry(at).or_insert(*role));
        }
        let mut chosen = Vec::new();
        for pattern in patterns {
            let found = self.matching(pattern)?;
            let Some(&first) = found.first() else { return Err(self.missing(pattern)) };
            let named = |column: &Column| column.name == *pattern || column.base == *pattern;
            let reserved = |column: &Column| RESERVED_COLUMNS.contains(&column.base.as_str()) && !named(column);
            let is_input = |at: &usize| !roles.contains_key(at) && !reserved(&self.columns[*at]);
            let seen: Vec<usize> = found.iter().copied().filter(is_input).collect();
            if seen.is_empty() {
                let place = |at: usize| Place::array(&self.path, &self.columns[at].name);
                return Err(match found.iter().find_map(|at| Some((*at, *roles.get(at)?))) {
                    Some((at, role)) => withheld::refused(place(at), role, key),
                    None => {
                        let remedy = "name the column in full if it is an input";
                        let found = format!("none that {} names in full", quoted(pattern));
                        DataError::new(FaultKind::Leak, place(first), "a column to learn from", found, remedy)
                    }
                });
            }
            chosen.extend(seen.into_iter().filter(|at| !chosen.contains(at)).collect::<Vec<_>>());
        }
        self.few_enough(chosen)
    }

    fn few_enough(&self, chosen: Vec<usize>) -> Result<Vec<usize>, DataError> {
        if chosen.len() as u64 > MAX_INPUTS {
            return Err(too_large(Place::file(&self.path), format!("{} columns", chosen.len()), MAX_INPUTS));
        }
        Ok(chosen)
    }

    fn matching(&self, pattern: &str) -> Result<Vec<usize>, DataError> {
        let all = |wanted: &dyn Fn(&Column) -> bool| {
            self.columns.iter().enumerate().filter(|(_, column)| wanted(column)).map(|(at, _)| at).collect::<Vec<_>>()
        };
        let exact = all(&|column| column.name == pattern || column.base == pattern);
        if !exact.is_empty() {
            return Ok(exact);
        }
        if let Some((from, to)) = pattern.split_once("..") {
            let position = |name: &str| self.columns.iter().position(|column| column.name == name.trim());
            let (Some(from), Some(to)) = (position(from), position(to)) else { return Ok(Vec::new()) };
            return Ok((from..=to).collect());
        }
        if let Some(start) = pattern.strip_suffix('*') {
            return Ok(all(&|column| column.name.starts_with(start)));
        }
        let Some((base, places)) = pattern.strip_suffix(']').and_then(|pattern| pattern.split_once('[')) else {
            return Ok(Vec::new());
        };
        let ranges: Option<Vec<Range<usize>>> = places.split(',').map(|part| range(part.trim())).collect();
        let ranges = ranges.ok_or_else(|| {
            DataError::new(
                FaultKind::Layout,
                Place::file(&self.path),
                "places such as [0:8, 4], [:, 0:4]",
                quoted(pattern),
                "write half-open ranges as in numpy, without steps",
            )
        })?;
        Ok(all(&|column| {
            column.base == base
                && column.at.len() == ranges.len()
                && column.at.iter().zip(&ranges).all(|(at, range)| range.contains(at))
        }))
    }

    fn missing(&self, pattern: &str) -> DataError {
        let mut names: Vec<&str> = self.columns.iter().map(|column| column.base.as_str()).collect();
        names.dedup();
        names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, pattern));
        let nearest = names.iter().take(4).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        DataError::new(
            FaultKind::Layout,
            Place::file(&self.path),
            format!("a column {}", quoted(pattern)),
            format!("{} columns, the nearest {nearest}", self.columns.len()),
            "correct the name in [data] of the recipe",
        )
    }

    /// Names of columns by position.
    #[must_use]
    pub fn names(&self, columns: &[usize]) -> Vec<String> {
        columns.iter().map(|&at| self.columns[at].name.clone()).collect()
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
                    // Whole numbers beyond 2^24 are exact only in their own type.
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

/// `3`, `2:5`, `:4`, `3:` or `:`.
fn range(text: &str) -> Option<Range<usize>> {
    let bound = |text: &str, default: usize| if text.is_empty() { Some(default) } else { text.trim().parse().ok() };
    match text.split_once(':') {
        Some((from, to)) => Some(bound(from, 0)?..bound(to, usize::MAX)?),
        None => text.parse().ok().map(|at: usize| at..at + 1),
    }
}

/// Header and cells of a plain or gzip CSV file, one list per column.
fn read_cells(path: &Path) -> Result<(Vec<String>, Vec<Cells>), DataError> {
    let mut reader = ::csv::ReaderBuilder::new().trim(::csv::Trim::All).from_reader(Text::open(path)?);
    let refused = |error: ::csv::Error| {
        if let ::csv::ErrorKind::Io(error) = error.kind() {
            return DataError::read(path, error);
        }
        let place = match error.position() {
            Some(position) => Place::file(path).at(At::Line(position.line())),
            None => Place::file(path),
        };
        let remedy = "give every line as many cells as the header, in UTF-8";
        DataError::new(FaultKind::Damaged, place, "a table with a header line", error.to_string(), remedy)
    };
    let header: Vec<String> = reader.headers().map_err(refused)?.iter().map(str::to_owned).collect();
    let most = MAX_INPUTS as usize + RESERVED_COLUMNS.len();
    if header.len() > most {
        let place = Place::file(path).at(At::Line(1));
        let (expected, found) = (format!("at most {most} columns"), header.len().to_string());
        return Err(DataError::new(FaultKind::TooLarge, place, expected, found, "leave out what no network sees"));
    }
    let mut seen = HashSet::new();
    for name in &header {
        if !seen.insert(name) {
            let place = Place::file(path).at(At::Line(1));
            let found = format!("{} again", quoted(name));
            return Err(DataError::new(FaultKind::Duplicate, place, "every column once", found, "rename one"));
        }
    }
    let mut cells = vec![Cells::default(); header.len()];
    let mut record = ::csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(refused)? {
        record.iter().zip(&mut cells).for_each(|(cell, column)| column.push(cell));
    }
    let rows = cells.first().map_or(0, Cells::len);
    if rows == 0 {
        let place = Place::file(path);
        return Err(DataError::new(FaultKind::Layout, place, "at least one row below the header", "none", "add rows"));
    }
    Ok((header, cells))
}

/// The tables of a folder in the order of their names.
pub(super) fn tables_of(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
    let fail = |error: std::io::Error| DataError::read(folder, &error);
    let entries = std::fs::read_dir(folder).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    let table = |path: &PathBuf| {
        let name = path.to_string_lossy().to_ascii_lowercase();
        name.ends_with(".csv") || name.ends_with(".csv.gz")
    };
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(table).collect();
    files.sort();
    if files.is_empty() {
        let remedy = "name a folder with the tables of the series";
        return Err(DataError::new(FaultKind::NotFound, Place::file(folder), "files .csv or .csv.gz", "none", remedy));
    }
    Ok(files)
}

/// `x[0,3]`, or `x` if there is only one position.
fn full_name(base: &str, at: &[usize]) -> String {
    let places = at.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    if at.is_empty() { base.to_owned() } else { format!("{base}[{places}]") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    fn table(text: &[u8]) -> (tempfile::NamedTempFile, ColumnTable) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let table = ColumnTable::load(file.path()).unwrap();
        (file, table)
    }

    #[test]
    fn patterns_choose_columns_and_cells_are_named() {
        let (_file, table) = table(b"id,acc_x,acc_y,light,label\na,1,2,3,on\nb,4,5,x,off\n");
        let names = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            table.select(&patterns).map(|columns| table.names(&columns))
        };
        assert_eq!(names(&["acc_*"]).unwrap(), ["acc_x", "acc_y"]);
        assert_eq!(names(&["light", "acc_x..light"]).unwrap(), ["light", "acc_x", "acc_y"]);
        assert!(names(&["acc_z"]).unwrap_err().to_string().contains("acc_"));
        assert_eq!(table.texts("label").unwrap(), ["on", "off"]);
        let light = table.select(&["light".to_owned()]).unwrap();
        let error = table.values(&light).unwrap_err().to_string();
        assert!(error.contains('3') && error.contains("light"), "{error}");
    }

    /// Every pattern over a table in which every second column is withheld or reserved: all ranges, prefixes and names.
    #[test]
    fn no_pattern_reaches_a_withheld_column() {
        use crate::dataset::Role;
        let header = ["y", "acc_x", "fold", "acc_y", "who", "acc_z", "id", "y2"];
        let (_file, table) = table(format!("{}\n1,2,3,4,5,6,7,8\n", header.join(",")).as_bytes());
        let roles = [(Role::Label, "y"), (Role::Fold, "fold"), (Role::Group, "who")];
        let withheld = Withheld::all(roles.map(|(role, column)| (role, Some(column))));
        let inputs = |pattern: &str| table.inputs("student_columns", &[pattern.to_owned()], &withheld);
        let names = |pattern: &str| inputs(pattern).map(|columns| table.names(&columns));
        assert_eq!(names("*").unwrap(), ["acc_x", "acc_y", "acc_z", "y2"]);
        assert_eq!(names("y..acc_y").unwrap(), ["acc_x", "acc_y"]);
        // A user who wants the id names it; it has no role here.
        assert_eq!(names("id").unwrap(), ["id"]);
        for (column, words) in
            [("y", "the label"), ("fold", "the fold"), ("who", "the group"), ("fold..fold", "the fold")]
        {
            let error = inputs(column).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Leak);
            let text = error.to_string();
            assert!(text.contains(words) && text.contains("take it out of student_columns"), "{text}");
        }
        assert!(inputs("i*").unwrap_err().to_string().contains("name the column in full"));
        assert!(inputs("z*").unwrap_err().to_string().contains("a column `z*`"));
        let ranges = header.iter().flat_map(|from| header.map(|to| format!("{from}..{to}")));
        let prefixes = header.iter().flat_map(|name| (0..=name.len()).map(|end| format!("{}*", &name[..end])));
        let mut reached = 0;
        for pattern in ranges.chain(prefixes) {
            let Ok(names) = names(&pattern) else { continue };
            reached += names.len();
            assert!(names.iter().all(|name| name.starts_with("acc_") || name == "y2"), "{pattern}: {names:?}");
        }
        assert!(reached > 60, "{reached} columns reached");
    }

    #[test]
    fn a_gzip_file_reads_the_same() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"a,b\n1,2\n").unwrap();
        let (_file, table) = table(&encoder.finish().unwrap());
        let columns = table.select(&["b".to_owned()]).unwrap();
        assert_eq!(table.values(&columns).unwrap()[[0, 0]], 2.0);
    }

    #[test]
    fn a_parquet_table_gives_numbers_words_and_lists() {
        use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Int64Array, RecordBatch, StringArray};
        use std::sync::Arc;
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, id: i64| {
            let item = Arc::new(arrow_schema::Field::new("item", arrow_schema::DataType::Float32, false));
            let pair = FixedSizeListArray::new(item, 2, Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0, 4.0])), None);
            let columns: Vec<(&str, ArrayRef)> = vec![
                ("word", Arc::new(StringArray::from(vec!["on", "off"]))),
                ("pair", Arc::new(pair)),
                ("id", Arc::new(Int64Array::from(vec![id, id + 1]))),
                ("y", Arc::new(Float32Array::from(vec![0.5, 1.5]))),
            ];
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let file = File::create(folder.path().join(name)).unwrap();
            let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        };
        // Adjacent integers that are equal as f32.
        write("a.parquet", 1 << 24);
        write("b.parquet", 7);
        let one = ColumnTable::load(&folder.path().join("a.parquet")).unwrap();
        assert_eq!((one.rows(), one.texts("id").unwrap()), (2, vec!["16777216".to_owned(), "16777217".to_owned()]));
        let both = ColumnTable::load(folder.path()).unwrap();
        assert_eq!(both.texts("word").unwrap(), ["on", "off", "on", "off"]);
        assert_eq!(both.texts("y").unwrap(), ["0.5", "1.5", "0.5", "1.5"]);
        let columns = both.select(&["pair[1:2]".to_owned(), "y".to_owned()]).unwrap();
        assert_eq!(both.names(&columns), ["pair[1]", "y"]);
        assert_eq!(both.values(&columns).unwrap().row(3).to_vec(), [4.0, 1.5]);
        let word = both.select(&["word".to_owned()]).unwrap();
        assert_eq!(both.values(&word).unwrap_err().kind(), FaultKind::ElementType);
        std::fs::write(folder.path().join("a.parquet"), b"PAR1 cut short").unwrap();
        assert_eq!(ColumnTable::load(folder.path()).unwrap_err().kind(), FaultKind::Damaged);
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        use crate::dataset::testing::write_npz;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        write_npz(&path, &[("x", &[2, 2], &[1.0, 2.0, 3.0, 4.0]), ("x[1]", &[2], &[5.0, 6.0])]);
        let error = ColumnTable::load(&path).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Duplicate, "{error}");
        assert!(error.to_string().contains("`x[1]` twice"), "{error}");
    }

    #[test]
    fn places_of_an_array_are_ranges() {
        assert_eq!(range("3"), Some(3..4));
        assert_eq!(range("2:5"), Some(2..5));
        assert_eq!(range(":"), Some(0..usize::MAX));
        assert_eq!(range("a"), None);
    }
}
