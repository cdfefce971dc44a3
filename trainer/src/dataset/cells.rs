//! The cells of one column of a text table, stored in one string, since separate strings would take ten times the
//! memory for short numbers.

use std::ops::Index;

/// Cells in the order of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cells {
    text: String,
    /// Where each cell ends.
    ends: Vec<usize>,
}

impl Cells {
    pub(super) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(move |row| &self[row])
    }
}

impl Index<usize> for Cells {
    type Output = str;

    fn index(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[row]]
    }
}

#[cfg(test)]
mod tests {
    use super::Cells;

    #[test]
    fn cells_come_back() {
        let mut cells = Cells::default();
        let all = ["1.5", "", "ä,\"b\"", "x"];
        all.into_iter().for_each(|cell| cells.push(cell));
        assert_eq!((cells.len(), cells.iter().collect::<Vec<_>>()), (4, all.to_vec()));
        assert_eq!(&cells[2], "ä,\"b\"");
    }
}
