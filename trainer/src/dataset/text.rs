//! Text tables, plain or gzip, read once from front to back, as far as memory allows.

use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::error::DataError;
use super::limits::{MAX_LINE_BYTES, MEMORY_A_TEXT_BYTE};
use crate::bounded::{self, Kind, Refused, size};
use crate::memory;

/// A text that ends with an error at a line that is too long for any row.
pub(crate) struct ShortLines<R> {
    source: R,
    line: u64,
}

impl<R> ShortLines<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, line: 0 }
    }
}

impl<R: Read> Read for ShortLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        match buffer[..read].iter().rposition(|&byte| byte == b'\n') {
            Some(end) => self.line = (read - end - 1) as u64,
            None => self.line += read as u64,
        }
        if self.line <= MAX_LINE_BYTES {
            return Ok(read);
        }
        let expected = format!("lines of at most {}", size(MAX_LINE_BYTES));
        let refused = Refused { expected, found: "a longer one".to_owned(), remedy: "end each row with a line break" };
        Err(io::Error::new(io::ErrorKind::FileTooLarge, refused))
    }
}

/// A text that ends with an error when it exceeds the available memory.
pub(super) struct Text {
    source: ShortLines<Box<dyn Read>>,
    most: u64,
    read: u64,
}

impl Text {
    /// Opens a file that is kept in memory; its first bytes say whether it is compressed.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let memory = memory::available().unwrap_or(u64::MAX);
        Self::up_to(path, Kind::Text, Kind::Text.limit().min(memory / MEMORY_A_TEXT_BYTE))
    }

    /// Opens a file of any length, which is not kept.
    pub(super) fn streamed(path: &Path) -> Result<Self, DataError> {
        Self::up_to(path, Kind::Streamed, u64::MAX)
    }

    fn up_to(path: &Path, kind: Kind, most: u64) -> Result<Self, DataError> {
        let fail = |error: io::Error| DataError::read(path, &error);
        let mut file = bounded::open(path, kind).map_err(fail)?;
        let bytes = file.metadata().map_err(fail)?.len();
        let mut start = [0; 2];
        let compressed = file.read(&mut start).map_err(fail)? == 2 && start == [0x1f, 0x8b];
        file.rewind().map_err(fail)?;
        if !compressed && bytes > most {
            return Err(fail(too_long(most, size(bytes))));
        }
        let source: Box<dyn Read> =
            if compressed { Box::new(MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(file) };
        Ok(Self { source: ShortLines::new(source), most, read: 0 })
    }
}

impl Read for Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read += read as u64;
        if self.read > self.most { Err(too_long(self.most, "more".to_owned())) } else { Ok(read) }
    }
}

fn too_long(most: u64, found: String) -> io::Error {
    let expected = format!("a CSV table of at most {}, inflated, for the memory that is free here", size(most));
    let remedy = "convert the table to Parquet, or label its rows in parts with `eyas label`";
    io::Error::new(io::ErrorKind::FileTooLarge, Refused { expected, found, remedy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{ColumnTable, Table};
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn an_endless_line_is_refused_before_it_is_kept() {
        let file = tempfile::Builder::new().suffix(".csv.gz").tempfile().unwrap();
        let mut text = GzEncoder::new(file.as_file(), Compression::fast());
        text.write_all(b"a,b\n").unwrap();
        let ones = vec![b'1'; 1 << 20];
        (0..64).for_each(|_| text.write_all(&ones).unwrap());
        text.finish().unwrap();
        for error in [Table::load(file.path()).unwrap_err(), ColumnTable::load(file.path()).unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("lines of at most 16 MiB") && text.contains("line break"), "{text}");
        }
    }

    #[test]
    fn a_text_ends_where_memory_does() {
        let mut text = Text { source: ShortLines::new(Box::new(&b"a\n1\n2\n"[..])), most: 5, read: 0 };
        let mut all = String::new();
        let error = text.read_to_string(&mut all).unwrap_err();
        assert!(error.to_string().contains("at most 5 bytes") && error.to_string().contains("Parquet"), "{error}");
    }
}
