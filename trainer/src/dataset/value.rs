//! What a cell of a text says: a number, nothing, or a word.

/// Spellings of a missing cell, whatever their case.
const MISSING: [&str; 6] = ["", "NA", "N/A", "NaN", "null", "?"];

/// Whether a cell says that there is no value: empty, `NA`, `N/A`, `NaN`, `null` or `?`.
pub(crate) fn is_missing(cell: &str) -> bool {
    MISSING.iter().any(|missing| missing.eq_ignore_ascii_case(cell))
}

/// The number of a cell; `true` is 1 and `false` is 0.
pub(crate) fn number(cell: &str) -> Option<f32> {
    match cell.parse() {
        Ok(number) => Some(number),
        Err(_) if cell.eq_ignore_ascii_case("true") => Some(1.0),
        Err(_) if cell.eq_ignore_ascii_case("false") => Some(0.0),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_missing_or_words() {
        let read = ["1.5", "-3e1", "True", "false", "yes", "", "1,5"].map(number);
        assert_eq!(read, [Some(1.5), Some(-30.0), Some(1.0), Some(0.0), None, None, None]);
        assert!(["", "NA", "n/a", "NaN", "nan", "NULL", "?"].into_iter().all(is_missing));
        assert!(["none", "-", "0", "NAN1"].into_iter().all(|cell| !is_missing(cell)));
    }
}
