//! The table: Parquet (a file or a folder), CSV (`.gz` too) or `.npz`, split into parts and read in batches.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::LabelError;
use super::parts::{Cut, cut};
use super::plan::{Part, Place as PartPlace, TableFile};
use crate::bounded;
use crate::dataset::withheld::{self, Withheld};
use crate::dataset::{
    At, DataError, Dialect, FaultKind, Npz, ParquetFile, Place, RESERVED_COLUMNS, ShortLines, names_once, number,
    parquet_files, sample,
};

/// Rows in one call of a teacher.
pub(super) const BATCH_ROWS: usize = 8192;

/// Bytes at each end of a file that its fingerprint covers: a Parquet footer, the directory of an archive with its
/// checksums, or the first and last lines of a text.
const FINGERPRINT_BYTES: u64 = 64 << 10;

/// The columns that a teacher sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Names, positions from 0 and ranges, in the order of the teacher's inputs; empty for all.
    pub wanted: Vec<String>,
    /// The columns that it must not see.
    pub withheld: Vec<Withheld>,
}

/// A table on disk.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    kind: Kind,
    files: Vec<PathBuf>,
    columns: Vec<String>,
    /// Of a text.
    dialect: Dialect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Parquet,
    Csv,
    Npz,
}

impl Input {
    /// Examines a table: its kind by content, its files, its columns.
    ///
    /// # Errors
    /// [`DataError`] if it is not a table.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        let folder = std::fs::metadata(path).map_err(|error| not_there(path, &error))?.is_dir();
        let mut start = Vec::new();
        if !folder {
            let file = bounded::open(path, bounded::Kind::Streamed).map_err(|error| DataError::read(path, &error))?;
            file.take(4).read_to_end(&mut start).map_err(|error| DataError::read(path, &error))?;
        }
        let dialect = Dialect::default();
        let ends = |with: &str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(with));
        if folder || start == b"PAR1" || ends("parquet") {
            let files = parquet_files(path)?;
            let columns = files.first().map(|file| ParquetFile::open(file)).transpose()?;
            let columns = columns.map(|file| file.columns()).unwrap_or_default();
            return Ok(Self { path: path.to_path_buf(), kind: Kind::Parquet, files, columns, dialect });
        }
        let files = vec![path.to_path_buf()];
        if start.starts_with(b"PK") || ends("npz") {
            let mut npz = Npz::open_directory(path)?;
            npz.verify()?;
            let columns = (0..npz_shape(&mut npz)?.1).map(|column| format!("x{column}")).collect();
            return Ok(Self { path: path.to_path_buf(), kind: Kind::Npz, files, columns, dialect });
        }
        let (_, dialect) = sample(path, &mut text(path, 0)?)?;
        let mut reader = csv(path, 0, true, dialect)?;
        let header = reader.headers().map_err(|error| csv_fault(path, 0, &error))?;
        let columns: Vec<String> = header.iter().map(str::to_owned).collect();
        if columns.iter().all(|name| name.is_empty() || name.parse::<f64>().is_ok()) {
            let remedy = "name the columns in the first line";
            let place = Place::file(path).at(At::Line(1));
            return Err(DataError::new(FaultKind::Layout, place, "a header line", "numbers or nothing", remedy));
        }
        names_once(path, columns.iter().map(String::as_str))?;
        Ok(Self { path: path.to_path_buf(), kind: Kind::Csv, files, columns, dialect })
    }

    /// The table as the user named it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Positions of the wanted columns, given as names, positions and ranges `a..b`; an empty list means all. Ranges
    /// and the empty list leave out the reserved and the withheld columns.
    ///
    /// # Errors
    /// [`DataError`] that names the word that is not a column or is a withheld one.
    pub fn choose(&self, columns: &Columns) -> Result<Vec<usize>, DataError> {
        let Columns { wanted, withheld } = columns;
        let role = |at: usize| withheld.iter().find(|withheld| withheld.column == self.columns[at]);
        let kept = |at: &usize| role(*at).is_none() && !RESERVED_COLUMNS.contains(&self.columns[*at].as_str());
        if wanted.is_empty() {
            return Ok((0..self.columns.len()).filter(kept).collect());
        }
        let position = |word: &str| {
            let by_name = self.columns.iter().position(|name| name == word);
            by_name.or_else(|| word.parse().ok().filter(|&position| position < self.columns.len())).ok_or_else(|| {
                let found =
                    format!("{} columns: {}", self.columns.len(), crate::dataset::quoted(&self.columns.join(", ")));
                let remedy = "correct `columns` of [[teacher]]";
                DataError::new(
                    FaultKind::Layout,
                    Place::array(&self.path, word),
                    "a column of this name",
                    found,
                    remedy,
                )
            })
        };
        let mut chosen = Vec::new();
        for word in wanted {
            match word.split_once("..") {
                Some((first, last)) if !self.columns.contains(word) => {
                    chosen.extend((position(first.trim())?..=position(last.trim())?).filter(kept));
                }
                _ => {
                    let at = position(word)?;
                    if let Some(Withheld { column, role }) = role(at) {
                        let place = Place::array(&self.path, column);
                        return Err(withheld::refused(place, *role, "`columns` of [[teacher]]"));
                    }
                    chosen.push(at);
                }
            }
        }
        Ok(chosen)
    }

    /// Size and fingerprint of every file.
    pub(super) fn files(&self) -> Result<Vec<TableFile>, DataError> {
        self.files.iter().map(|file| fingerprint(file)).collect()
    }

    /// Splits the table into parts of about `rows_per_part` rows. CSV is scanned once to count rows; the other formats
    /// store the count.
    pub(super) fn parts(&self, rows_per_part: u64) -> Result<Vec<Part>, DataError> {
        let mut parts = Vec::new();
        let mut first_row = 0;
        let mut push = |file: usize, rows: u64, place: PartPlace| {
            parts.push(Part { file, first_row, rows, place });
            first_row += rows;
        };
        match self.kind {
            Kind::Parquet => {
                for (number, path) in self.files.iter().enumerate() {
                    let file = ParquetFile::open(path)?;
                    if file.columns() != self.columns {
                        let remedy = "give every file of the folder the same columns";
                        let expected = format!("the columns of {}", self.files[0].display());
                        return Err(DataError::new(FaultKind::Layout, Place::file(path), expected, "others", remedy));
                    }
                    for Cut { first, count, rows } in cut(&file.rows_of_groups(), rows_per_part) {
                        push(number, rows, PartPlace::RowGroups { first, count });
                    }
                }
            }
            Kind::Npz => {
                let (rows, _) = npz_shape(&mut Npz::open_directory(&self.path)?)?;
                for first in (0..rows).step_by(usize::try_from(rows_per_part).unwrap_or(usize::MAX)) {
                    push(0, rows_per_part.min(rows - first), PartPlace::Rows { first });
                }
            }
            Kind::Csv => {
                let mut reader = csv(&self.path, 0, true, self.dialect)?;
                // The position is after the header once the header has been read.
                reader.byte_headers().map_err(|error| csv_fault(&self.path, 0, &error))?;
                let (mut start, mut rows) = ((0, 0), 0);
                let mut record = ::csv::ByteRecord::new();
                loop {
                    let before = (reader.position().byte(), reader.position().line());
                    if !reader.read_byte_record(&mut record).map_err(|error| csv_fault(&self.path, 0, &error))? {
                        break;
                    }
                    if rows == 0 {
                        start = before;
                    }
                    rows += 1;
                    if rows == rows_per_part {
                        push(0, std::mem::take(&mut rows), PartPlace::Text { byte: start.0, line: start.1 });
                    }
                }
                if rows > 0 {
                    push(0, rows, PartPlace::Text { byte: start.0, line: start.1 });
                }
            }
        }
        if parts.is_empty() {
            let place = Place::file(&self.path);
            return Err(DataError::new(FaultKind::Layout, place, "at least one row", "none", "name a table with rows"));
        }
        Ok(parts)
    }

    /// Calls `each` with the chosen columns of a part, batch by batch, in order.
    pub(super) fn read(
        &self,
        part: &Part,
        columns: &[usize],
        mut each: impl FnMut(Array2<f32>) -> Result<(), LabelError>,
    ) -> Result<(), LabelError> {
        let path = &self.files[part.file];
        match part.place {
            PartPlace::RowGroups { first, count } => {
                let file = ParquetFile::open(path)?;
                let groups = file.rows_of_groups();
                let planned = groups.get(first..first + count).map(|groups| groups.iter().sum::<u64>());
                if planned != Some(part.rows) || file.columns() != self.columns {
                    return Err(changed(path).into());
                }
                file.read(first..first + count, columns, BATCH_ROWS, part.first_row, each)
            }
            PartPlace::Rows { first } => {
                let width = self.columns.len();
                let mut npz = Npz::open_directory(path)?;
                let mut row = Vec::with_capacity(width);
                let mut batch: Vec<f32> = Vec::new();
                let mut number = part.first_row;
                npz.stream("x", first * width as u64, part.rows * width as u64, |value| {
                    row.push(value);
                    if row.len() < width {
                        return Ok(());
                    }
                    for &column in columns {
                        if !row[column].is_finite() {
                            let at = At::Feature { node: number, feature: column as u64 };
                            return Err(not_finite(Place::array(path, "x").at(at), row[column]).into());
                        }
                        batch.push(row[column]);
                    }
                    row.clear();
                    number += 1;
                    if batch.len() < BATCH_ROWS * columns.len() { Ok(()) } else { each(rows_of(&mut batch, columns)) }
                })?;
                if batch.is_empty() { Ok(()) } else { each(rows_of(&mut batch, columns)) }
            }
            PartPlace::Text { byte, line } => self.read_text(path, (byte, line), part, columns, each),
        }
    }

    /// Rows of a text, starting at a byte.
    fn read_text(
        &self,
        path: &Path,
        (byte, line): (u64, u64),
        part: &Part,
        columns: &[usize],
        mut each: impl FnMut(Array2<f32>) -> Result<(), LabelError>,
    ) -> Result<(), LabelError> {
        let mut reader = csv(path, byte, false, self.dialect)?;
        let mut record = ::csv::StringRecord::new();
        let mut batch = Vec::new();
        let mut left = part.rows;
        // Lines of the remaining text are counted from 1.
        let line = line.saturating_sub(1);
        while left > 0 && reader.read_record(&mut record).map_err(|error| csv_fault(path, line, &error))? {
            if record.len() != self.columns.len() {
                return Err(changed(path).into());
            }
            for &column in columns {
                let cell = &record[column];
                let place = || {
                    let line = line + record.position().map_or(0, ::csv::Position::line);
                    Place::file(path).at(At::Cell { line, column: self.columns[column].clone() })
                };
                let pointed = self.dialect.decimal_comma(cell);
                let value = number(pointed.as_deref().unwrap_or(cell)).ok_or_else(|| {
                    let remedy = "fill in a number, or take the column out of `columns`";
                    DataError::new(FaultKind::Cell, place(), "a number", crate::dataset::quoted(cell), remedy)
                })?;
                if !value.is_finite() {
                    return Err(not_finite(place(), value).into());
                }
                batch.push(value);
            }
            left -= 1;
            if batch.len() >= BATCH_ROWS * columns.len() {
                each(rows_of(&mut batch, columns))?;
            }
        }
        if batch.is_empty() { Ok(()) } else { each(rows_of(&mut batch, columns)) }
    }
}

/// The batch so far as rows; it is empty afterwards.
fn rows_of(batch: &mut Vec<f32>, columns: &[usize]) -> Array2<f32> {
    let rows = batch.len() / columns.len().max(1);
    let values = std::mem::replace(batch, Vec::with_capacity(batch.len()));
    // Only whole rows were pushed.
    Array2::from_shape_vec((rows, columns.len()), values).unwrap_or_default()
}

/// Rows and columns of the array `x`.
fn npz_shape(npz: &mut Npz) -> Result<(u64, u64), DataError> {
    let shape = npz.shape("x")?;
    match shape[..] {
        [rows, columns] if columns > 0 && columns <= crate::dataset::limits::MAX_INPUTS => Ok((rows, columns)),
        _ => {
            let remedy = "reshape the array, x.reshape(rows, -1) in numpy";
            Err(DataError::new(
                FaultKind::Shape,
                npz.place("x"),
                "[rows x inputs], 1 to 65535 inputs",
                format!("{shape:?}"),
                remedy,
            ))
        }
    }
}

/// A reader of rows from a byte of the text on.
fn csv(path: &Path, byte: u64, headers: bool, dialect: Dialect) -> Result<::csv::Reader<Box<dyn Read>>, DataError> {
    Ok(dialect.reader().has_headers(headers).from_reader(text(path, byte)?))
}

/// A text from a byte on; a compressed one is inflated up to there.
fn text(path: &Path, byte: u64) -> Result<Box<dyn Read>, DataError> {
    let fault = |error: std::io::Error| DataError::read(path, &error);
    let mut file = File::open(path).map_err(fault)?;
    let mut magic = [0; 2];
    let compressed = file.read(&mut magic).map_err(fault)? == 2 && magic == [0x1f, 0x8b];
    let source: Box<dyn Read> = if compressed {
        file.rewind().map_err(fault)?;
        let mut text = flate2::read::MultiGzDecoder::new(BufReader::new(file));
        std::io::copy(&mut (&mut text).take(byte), &mut std::io::sink()).map_err(fault)?;
        Box::new(text)
    } else {
        file.seek(SeekFrom::Start(byte)).map_err(fault)?;
        Box::new(file)
    };
    Ok(Box::new(ShortLines::new(source)))
}

fn csv_fault(path: &Path, line: u64, error: &::csv::Error) -> DataError {
    if let ::csv::ErrorKind::Io(error) = error.kind() {
        return match error.kind() {
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => {
                let remedy = "compress the file again: it is damaged or cut short";
                DataError::new(
                    FaultKind::Damaged,
                    Place::file(path),
                    "an undamaged gzip stream",
                    error.to_string(),
                    remedy,
                )
            }
            _ => DataError::read(path, error),
        };
    }
    let at = error.position().map_or(At::Whole, |position| At::Line(line + position.line()));
    let (kind, expected) = match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, .. } => (FaultKind::Ragged, format!("{expected_len} cells")),
        _ => (FaultKind::Damaged, "UTF-8 text".to_owned()),
    };
    let remedy =
        "fill in the missing cells, quote cells that hold the character between cells, and save the file as UTF-8";
    DataError::new(kind, Place::file(path).at(at), expected, error.to_string(), remedy)
}

fn not_finite(place: Place, value: f32) -> DataError {
    let remedy = "replace missing or infinite readings first";
    DataError::new(FaultKind::NotFinite, place, "a finite value", value.to_string(), remedy)
}

fn not_there(path: &Path, error: &std::io::Error) -> DataError {
    if error.kind() != std::io::ErrorKind::NotFound {
        return DataError::read(path, error);
    }
    DataError::new(
        FaultKind::NotFound,
        Place::file(path),
        "a table",
        "nothing of this name",
        "correct the path after --in",
    )
}

fn changed(path: &Path) -> DataError {
    let remedy = "plan again in another folder";
    DataError::new(FaultKind::Layout, Place::file(path), "the table that was planned", "another", remedy)
}

/// Name, size and fingerprint of a file.
fn fingerprint(path: &Path) -> Result<TableFile, DataError> {
    let fault = |error: std::io::Error| DataError::read(path, &error);
    let mut file = File::open(path).map_err(fault)?;
    let bytes = file.metadata().map_err(fault)?.len();
    let mut hash = Sha256::new();
    hash.update(bytes.to_le_bytes());
    for start in [0, bytes.saturating_sub(FINGERPRINT_BYTES)] {
        let mut ends = Vec::new();
        file.seek(SeekFrom::Start(start)).map_err(fault)?;
        (&file).take(FINGERPRINT_BYTES).read_to_end(&mut ends).map_err(fault)?;
        hash.update(&ends);
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(TableFile { name, bytes, fingerprint: crate::output::hexadecimal(&hash.finalize()) })
}
