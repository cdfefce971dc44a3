//! Splits a file at whole row groups; small groups are combined, but never across files.

/// A run of row groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// First row group.
    pub first: usize,
    /// Row groups.
    pub count: usize,
    /// Rows in them.
    pub rows: u64,
}

/// Groups row groups until the next one would exceed `rows_per_part`; a larger group becomes its own part, and groups
/// without rows belong to none.
pub(super) fn cut(groups: &[u64], rows_per_part: u64) -> Vec<Cut> {
    let mut cuts: Vec<Cut> = Vec::new();
    for (first, &rows) in groups.iter().enumerate() {
        match cuts.last_mut() {
            Some(last) if last.rows.saturating_add(rows) <= rows_per_part => {
                last.count += 1;
                last.rows += rows;
            }
            _ => cuts.push(Cut { first, count: 1, rows }),
        }
    }
    cuts.retain(|cut| cut.rows > 0);
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_groups_go_together_and_large_ones_alone() {
        let cuts = cut(&[10, 10, 10, 50, 0, 5, 10, 15], 30);
        let found: Vec<_> = cuts.iter().map(|cut| (cut.first, cut.count, cut.rows)).collect();
        assert_eq!(found, [(0, 3, 30), (3, 1, 50), (4, 4, 30)]);
        assert_eq!(cut(&[], 30), []);
        assert_eq!(cut(&[0, 0], 30), []);
    }
}
