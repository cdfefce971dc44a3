//! How a text table is written: the character between its cells, and whether decimals may have a comma.

use ::csv::{ByteRecord, ReaderBuilder, Trim};

/// Characters that may stand between cells.
const DELIMITERS: [u8; 4] = *b",;\t|";

/// The form of a text table, told by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    delimiter: u8,
}

impl Default for Dialect {
    fn default() -> Self {
        Self { delimiter: b',' }
    }
}

/// What a delimiter makes of the beginning of a text.
struct Fit {
    delimiter: u8,
    /// Cells of the header.
    cells: usize,
    /// Whether every row has as many.
    even: bool,
    /// Whether more than half of the rows do.
    mostly: bool,
}

impl Dialect {
    /// The delimiter that divides every row of `sample` into as many cells as the header; a comma where none does.
    ///
    /// `whole` says whether the text ends with the sample; otherwise its last row may be cut.
    pub(crate) fn of(sample: &[u8], whole: bool) -> Self {
        let fits: Vec<Fit> = DELIMITERS.map(|delimiter| Fit::of(sample, whole, delimiter)).into();
        // A header whose names hold commas may be even by chance; a comma file whose rows are even in another delimiter
        // too is not.
        let rank = |fit: &Fit| (fit.even, fit.delimiter != b',' && fit.even, fit.cells);
        let best = fits.iter().filter(|fit| fit.cells > 1 && (fit.even || fit.mostly)).max_by_key(|fit| rank(fit));
        Self { delimiter: best.map_or(b',', |fit| fit.delimiter) }
    }

    /// A reader of rows of equal length, without blanks around cells.
    pub(crate) fn reader(self) -> ReaderBuilder {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(self.delimiter).trim(Trim::All);
        builder
    }

    /// Whether commas do not divide cells, so that they may divide numbers.
    pub(crate) fn may_have_decimal_commas(self) -> bool {
        self.delimiter != b','
    }

    /// The number that a cell with a decimal comma stands for, with a point: `3,14` is `3.14` where commas do not divide
    /// cells.
    pub(crate) fn decimal_comma(self, cell: &str) -> Option<String> {
        if !self.may_have_decimal_commas() {
            return None;
        }
        let (whole, rest) = cell.split_once(',')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = rest.split(['e', 'E']).next().unwrap_or_default();
        let sound = digits(whole.trim_start_matches(['+', '-'])) && !fraction.is_empty() && digits(fraction);
        let pointed = format!("{whole}.{rest}");
        (sound && pointed.parse::<f32>().is_ok()).then_some(pointed)
    }

    /// Whether a cell is a number with a decimal point.
    pub(crate) fn decimal_point(cell: &str) -> bool {
        cell.contains('.') && cell.parse::<f32>().is_ok()
    }
}

impl Fit {
    fn of(sample: &[u8], whole: bool, delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        let mut reader = builder.delimiter(delimiter).flexible(true).has_headers(false).from_reader(sample);
        let (mut record, mut lengths) = (ByteRecord::new(), Vec::new());
        while reader.read_byte_record(&mut record).unwrap_or(false) {
            lengths.push(record.len());
        }
        if !whole && lengths.len() > 1 {
            lengths.pop();
        }
        let cells = lengths.first().copied().unwrap_or(0);
        let like = lengths.iter().filter(|&&length| length == cells).count();
        Self { delimiter, cells, even: like == lengths.len(), mostly: 2 * like > lengths.len() + 1 }
    }
}

/// The encoding of a text that is not UTF-8 though its bytes look like text: UTF-16, with or without its mark.
pub(crate) fn foreign(sample: &[u8]) -> Option<&'static str> {
    match sample {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => {
            let start = &sample[..sample.len().min(1024)];
            let zeros = start.iter().filter(|&&byte| byte == 0).count();
            (zeros > 0 && zeros < start.len() && 4 * zeros >= start.len()).then_some("UTF-16 without a mark")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_divides_all_rows_alike() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", b','),
            ("a;b\n1;2\n", b';'),
            ("a\tb\n1\t2\n", b'\t'),
            ("a|b|c\n1|2|3\n", b'|'),
            // Decimal commas; a header that holds one too.
            ("a;b\n1,5;2,5\n", b';'),
            ("t, C;b\n1,5;2\n", b';'),
            // Other delimiters inside cells.
            ("a,b\n\"x;y\",1\nz,2\n", b','),
            ("a,b\nx|y,1\nz|w,2\n", b','),
            ("name\tnote\nx\ta, b; c\ny\td, e\n", b'\t'),
            // A broken row is refused later, as a row of the right table.
            ("a;b;c\n1;2;3\n1;2\n1;2;3\n", b';'),
            ("a,b,c\n1,2\n", b','),
            ("only\n1\n", b','),
            ("", b','),
        ] {
            assert_eq!(Dialect::of(text.as_bytes(), true).delimiter, delimiter, "{text:?}");
        }
        // The last row of a longer text is cut.
        assert_eq!(Dialect::of(b"a;b;c\n1;2;3\n1;2;3\n1;", false).delimiter, b';');
    }

    #[test]
    fn a_decimal_comma_is_a_point_where_commas_divide_nothing() {
        let (comma, other) = (Dialect { delimiter: b',' }, Dialect { delimiter: b';' });
        for (cell, number) in
            [("3,14", Some("3.14")), ("-,5", Some("-.5")), ("1,5e-3", Some("1.5e-3")), ("1,2,3", None), ("a,5", None)]
        {
            assert_eq!((other.decimal_comma(cell).as_deref(), comma.decimal_comma(cell)), (number, None), "{cell}");
        }
        for cell in ["1.234,5", "3.14", "5,", ",", "12"] {
            assert_eq!(other.decimal_comma(cell), None, "{cell}");
        }
    }

    #[test]
    fn utf_16_is_told_from_other_bytes() {
        let wide: Vec<u8> = "a,b\n1,2\n".bytes().flat_map(|byte| [byte, 0]).collect();
        assert!(foreign(&wide).is_some() && foreign(&[&[0xff, 0xfe], &wide[..]].concat()).is_some());
        assert!(foreign(b"a,b\n1,2\n").is_none() && foreign(&[0; 100]).is_none() && foreign(b"").is_none());
    }
}
