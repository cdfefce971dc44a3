//! From files to columns: archives, CSV files, Parquet tables, and the windows of series.

use std::path::{Path, PathBuf};

use super::{Block, Column, ColumnTable, Source};
use crate::dataset::cells::Cells;
use crate::dataset::csv_columns::{CsvColumns, read_cells};
use crate::dataset::error::{At, DataError, FaultKind, Place, names_once};
use crate::dataset::npz::Npz;
use crate::dataset::parquet_columns::ParquetColumns;
use crate::dataset::series::{Series, Windowing};
use crate::dataset::{starts_like, starts_like_archive};

impl ColumnTable {
    /// Reads an `.npz`, a text table (`.csv`, `.tsv`, plain or gzip), a `.parquet` file, or a folder of Parquet files; content tells which.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let table = if path.is_dir() || starts_like(path, b"PAR1", "parquet")? {
            Self::parquet(path)?
        } else if starts_like_archive(path)? {
            Self::archive(path)?
        } else {
            Self::csv(path)?
        };
        table.with_names_once()
    }

    fn of(path: &Path, source: Source, columns: Vec<Column>, rows: usize) -> Self {
        Self { path: path.to_path_buf(), source, own: columns.len(), columns, rows }
    }

    /// Refuses two columns of one name, such as `x[0]` beside a place of the array `x`: a recipe could not tell them apart.
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
            Column { name: name.clone(), base, at, block: 0, offset, word: None }
        };
        let numbers = table.numbers.iter().enumerate().map(column);
        // Columns of words follow those of numbers.
        let words = table.words.iter().enumerate().map(|(at, name)| (table.numbers.len() + at, name)).map(column);
        let (columns, rows) = (numbers.chain(words).collect(), table.rows);
        Ok(Self::of(path, Source::Parquet(table), columns, rows))
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
        // Rows are what most arrays share; single values and lists of names describe the file.
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
                    word: None,
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
        Ok(Self::of(path, Source::Archive(blocks), columns, rows))
    }

    /// Reads the series of a text table, or of all `.csv` and `.csv.gz` files of a folder in the order of their names.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn windows(path: &Path, windowing: &Windowing<'_>) -> Result<Self, DataError> {
        let (header, cells) = Self::readings(path)?;
        let series = Series::new(path, &header, &cells, windowing)?;
        let (mut columns, mut readings) = (Vec::new(), Vec::new());
        for (base, at, reading) in series.columns() {
            let (name, block) = (full_name(&base, &at), readings.len());
            columns.push(Column { name, base, at, block, offset: 0, word: None });
            readings.push(reading);
        }
        let rows = series.rows();
        Self::of(path, Source::Windows(series, readings), columns, rows).with_names_once()
    }

    /// The cells of the readings in a file, or in the files of a folder one below the other; names of the columns first.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub(crate) fn readings(path: &Path) -> Result<(Vec<String>, Vec<Cells>), DataError> {
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
        Ok(whole.unwrap_or_default())
    }

    fn csv(path: &Path) -> Result<Self, DataError> {
        let table = CsvColumns::open(path)?;
        let column = |(block, name): (usize, &String)| Column {
            base: name.clone(),
            name: name.clone(),
            at: Vec::new(),
            block,
            offset: 0,
            word: None,
        };
        let (columns, rows) = (table.header.iter().enumerate().map(column).collect(), table.rows);
        Ok(Self::of(path, Source::Csv(table), columns, rows))
    }
}

/// The tables of a folder in the order of their names.
pub(in crate::dataset) fn tables_of(folder: &Path) -> Result<Vec<PathBuf>, DataError> {
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

/// `x[0,3]`, or `x` where there is one place.
fn full_name(base: &str, at: &[usize]) -> String {
    let places = at.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
    if at.is_empty() { base.to_owned() } else { format!("{base}[{places}]") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write;

    #[test]
    fn a_gzip_file_reads_the_same() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"a,b\n1,2\n").unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&encoder.finish().unwrap()).unwrap();
        let table = ColumnTable::load(file.path()).unwrap();
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
        // Neighbours that are one number as f32.
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
}
