//! Rows of a text table in the form that all readers share: delimiter told by the text, decimal points, a header.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use ::csv::{ErrorKind, Reader, StringRecord};

use super::dialect::{Dialect, foreign};
use super::error::{At, DataError, FaultKind, Place, quoted};
use super::text::Text;
use super::warning::Warning;

/// Bytes of the text that tell its dialect.
const SAMPLE_BYTES: u64 = 64 << 10;

/// A text table that is read from front to back.
pub(super) struct TextRows {
    path: PathBuf,
    dialect: Dialect,
    reader: Reader<Box<dyn Read>>,
    header: Vec<String>,
    /// What was seen of each column's decimals; empty in files whose commas divide cells.
    decimals: Vec<Decimals>,
}

/// The first number of a column with each decimal sign.
#[derive(Clone, Default)]
struct Decimals {
    comma: Option<String>,
    point: Option<String>,
}

impl TextRows {
    /// Opens a text that is kept in memory as it is read, as far as that allows.
    ///
    /// # Errors
    /// [`DataError`] for a file that cannot be read, is no UTF-8, or is too long.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        Self::of(path, Text::open(path)?)
    }

    /// Opens a text of any length, of which the caller keeps no more than numbers.
    ///
    /// # Errors
    /// [`DataError`] for a file that cannot be read, or is no UTF-8.
    pub(super) fn streamed(path: &Path) -> Result<Self, DataError> {
        Self::of(path, Text::streamed(path)?)
    }

    fn of(path: &Path, mut text: Text) -> Result<Self, DataError> {
        let (sample, dialect) = sample(path, &mut text)?;
        let text: Box<dyn Read> = Box::new(Cursor::new(sample).chain(text));
        let mut reader = dialect.reader().from_reader(text);
        let header: Vec<String> =
            reader.headers().map_err(|error| refused(path, error))?.iter().map(str::to_owned).collect();
        Ok(Self { path: path.to_path_buf(), dialect, reader, header, decimals: Vec::new() })
    }

    /// Names of the columns, as the first line spells them.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// Reads the next row, with a decimal point in every number; the line it begins on, or `None` at the end.
    ///
    /// # Errors
    /// [`DataError`] for a row of another length than the header, bytes that are no UTF-8, and a column with both signs.
    pub(super) fn read(&mut self, record: &mut StringRecord) -> Result<Option<u64>, DataError> {
        if !self.reader.read_record(record).map_err(|error| refused(&self.path, error))? {
            return Ok(None);
        }
        let line = record.position().map_or(0, ::csv::Position::line);
        if self.dialect.may_have_decimal_commas() {
            let pointed: Vec<Option<String>> = record.iter().map(|cell| self.dialect.decimal_comma(cell)).collect();
            for (column, (cell, pointed)) in record.iter().zip(&pointed).enumerate() {
                if pointed.is_some() || Dialect::decimal_point(cell) {
                    self.note(column, cell, pointed.is_some(), line)?;
                }
            }
            if pointed.iter().any(Option::is_some) {
                let cells =
                    record.iter().zip(pointed).map(|(cell, pointed)| pointed.unwrap_or_else(|| cell.to_owned()));
                *record = StringRecord::from(cells.collect::<Vec<_>>());
            }
        }
        Ok(Some(line))
    }

    /// Notes the decimal sign of a number; a column has one.
    fn note(&mut self, column: usize, cell: &str, comma: bool, line: u64) -> Result<(), DataError> {
        self.decimals.resize(self.header.len(), Decimals::default());
        let seen = &mut self.decimals[column];
        let sign = if comma { &mut seen.comma } else { &mut seen.point };
        if sign.is_none() {
            *sign = Some(cell.to_owned());
        }
        let Decimals { comma: Some(comma), point: Some(point) } = seen else { return Ok(()) };
        let at = At::Cell { line, column: self.header[column].clone() };
        let found = format!("{} and {}", quoted(comma), quoted(point));
        let remedy = "write all numbers with a decimal point, and thousands without a sign";
        let place = Place::file(&self.path).at(at);
        Err(DataError::new(FaultKind::Cell, place, "one decimal sign a column", found, remedy))
    }

    /// The columns whose decimal commas were read as points, if there are any.
    pub(super) fn warning(&self) -> Option<Warning> {
        let with = |(column, seen): (usize, &Decimals)| Some((column, seen.comma.clone()?));
        let mut columns = self.decimals.iter().enumerate().filter_map(with);
        let (first, example) = columns.next()?;
        let column = self.header[first].clone();
        Some(Warning::DecimalCommas { columns: columns.count() + 1, first: column, example })
    }
}

/// The beginning of a text, and the dialect it tells.
///
/// # Errors
/// A text that cannot be read, or is UTF-16.
pub(crate) fn sample(path: &Path, text: &mut impl Read) -> Result<(Vec<u8>, Dialect), DataError> {
    let mut sample = Vec::new();
    text.take(SAMPLE_BYTES).read_to_end(&mut sample).map_err(|error| DataError::read(path, &error))?;
    if let Some(encoding) = foreign(&sample) {
        let remedy = "save the file as UTF-8: `iconv -f UTF-16 -t UTF-8`, or `CSV UTF-8` in a spreadsheet";
        return Err(DataError::new(FaultKind::Damaged, Place::file(path), "UTF-8 text", encoding, remedy));
    }
    let dialect = Dialect::of(&sample, (sample.len() as u64) < SAMPLE_BYTES);
    Ok((sample, dialect))
}

/// An error of the CSV reader with its place.
fn refused(path: &Path, error: ::csv::Error) -> DataError {
    let place = Place::file(path);
    let line = error.position().map_or(At::Whole, |position| At::Line(position.line()));
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => DataError::new(
            FaultKind::Ragged,
            place.at(line),
            format!("{expected_len} cells as in the header"),
            format!("{len}"),
            "fill in the missing cells, or quote cells that hold the character between cells",
        ),
        ErrorKind::Io(error) => DataError::read(path, error),
        _ => DataError::new(
            FaultKind::Damaged,
            place.at(line),
            "UTF-8 text",
            error.to_string(),
            "save the file as UTF-8",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8]) -> Result<(Vec<Vec<String>>, Option<Warning>), DataError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut rows = TextRows::streamed(file.path())?;
        let mut all = vec![rows.header().to_vec()];
        let mut record = StringRecord::new();
        while rows.read(&mut record)?.is_some() {
            all.push(record.iter().map(str::to_owned).collect());
        }
        Ok((all, rows.warning()))
    }

    #[test]
    fn commas_become_points_and_are_told() {
        let (all, warning) = rows("\u{feff}t;note;n\r\n1,5;\"a;b\";7\r\n2;c, d;8\r\n".as_bytes()).unwrap();
        assert_eq!(all, [["t", "note", "n"], ["1.5", "a;b", "7"], ["2", "c, d", "8"]]);
        let expected = Warning::DecimalCommas { columns: 1, first: "t".to_owned(), example: "1,5".to_owned() };
        assert_eq!(warning, Some(expected));
        assert_eq!(rows(b"a,b\n\"1,5\",2\n").unwrap().1, None);
    }

    #[test]
    fn a_column_with_both_signs_is_refused() {
        for text in ["a;b\n1,234;x\n1.5;y\n", "a;b\n1,5;x\n2;y\n3.5;z\n"] {
            let error = rows(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Cell);
            assert!(error.to_string().contains("one decimal sign a column"), "{error}");
        }
    }

    #[test]
    fn utf_16_is_refused_with_a_remedy() {
        let wide: Vec<u8> = "\u{feff}a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = rows(&wide).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Damaged);
        assert!(error.to_string().contains("UTF-16") && error.to_string().contains("iconv"), "{error}");
    }
}
