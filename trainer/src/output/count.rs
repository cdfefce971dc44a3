//! Counts in sentences: one row, two rows.

use std::fmt::Display;

/// The count with its noun; `many` also fits none.
///
/// A verb may be part of both: `counted(1, "row is", "rows are")`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str, many: &str) -> String {
    format!("{count} {}", if count == N::from(1) { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            [0usize, 1, 2].map(|count| counted(count, "row is", "rows are")),
            ["0 rows are", "1 row is", "2 rows are"]
        );
    }
}
