//! Columns of words as inputs: one column for each word, named `column=word`, which is 1 where the cell says so.

use std::collections::BTreeSet;

use super::{Column, ColumnTable, Source};
use crate::dataset::error::{DataError, FaultKind, Place, quoted};
use crate::dataset::value;

/// Most different words of a column that becomes inputs.
pub const MAX_CATEGORIES: usize = 64;

/// Rows from which on a column with a new word in every second row counts as an id.
const ENOUGH_ROWS: usize = 20;

impl ColumnTable {
    /// Whether a column holds words, so that it must be [encoded](Self::encoded) to be an input.
    pub(crate) fn is_words(&self, at: usize) -> bool {
        let column = &self.columns[at];
        column.word.is_none()
            && match &self.source {
                Source::Csv(table) => table.is_words(column.block),
                Source::Parquet(table) => at >= table.numbers.len(),
                Source::Archive(blocks) => match &blocks[column.block] {
                    super::Block::Texts(texts) => {
                        let there = || texts.iter().filter(|text| !value::is_missing(text));
                        2 * there().filter(|text| value::number(text).is_some()).count() < there().count()
                    }
                    super::Block::Reals { .. } => false,
                },
                Source::Windows(..) => false,
            }
    }

    /// The inputs of a column: itself, or of words one column a word, in alphabetical order.
    ///
    /// # Errors
    /// [`FaultKind::Categories`] for more than [`MAX_CATEGORIES`] words, or a word for every second row.
    pub(super) fn encoded(&mut self, at: usize) -> Result<Vec<usize>, DataError> {
        if !self.is_words(at) {
            return Ok(vec![at]);
        }
        let mut words = BTreeSet::new();
        let cells = self.cells(&[at])?.remove(0);
        for cell in cells.iter().filter(|cell| !value::is_missing(cell)) {
            if !words.contains(cell) {
                words.insert(cell.to_owned());
            }
            let ids = self.rows >= ENOUGH_ROWS && 2 * words.len() > self.rows;
            if ids || words.len() > MAX_CATEGORIES {
                let found = format!("at least {} in {} rows, such as {}", words.len(), self.rows, quoted(cell));
                let remedy = "name it as `id` or `group` if it is one, or take it out of the columns of the recipe";
                let expected = format!("numbers, or at most {MAX_CATEGORIES} different words that come again");
                let place = Place::array(&self.path, &self.columns[at].name);
                return Err(DataError::new(FaultKind::Categories, place, expected, found, remedy));
            }
        }
        words.into_iter().map(|word| self.column_of_word(at, word)).collect()
    }

    /// The column of the words of `at` that is 1 for `word`, new where there is none yet.
    fn column_of_word(&mut self, at: usize, word: String) -> Result<usize, DataError> {
        let base = self.columns[at].name.clone();
        let name = format!("{base}={word}");
        if let Some(found) = self.columns.iter().position(|column| column.name == name) {
            if self.columns[found].word.is_some() {
                return Ok(found);
            }
            let place = Place::array(&self.path, &name);
            let (expected, found) = ("every column once", "a column of this name, and a word that gives it");
            return Err(DataError::new(FaultKind::Duplicate, place, expected, found, "rename the column"));
        }
        self.columns.push(Column { name, base, at: Vec::new(), block: at, offset: 0, word: Some(word) });
        Ok(self.columns.len() - 1)
    }

    /// The column that `name` spells as `column=word`; the table need not have the word.
    pub(super) fn named_word(&mut self, name: &str) -> Result<Option<usize>, DataError> {
        for (equals, _) in name.match_indices('=') {
            let (base, word) = (&name[..equals], &name[equals + 1..]);
            if let Some(at) = self.columns[..self.own].iter().position(|column| column.name == base) {
                return self.column_of_word(at, word.to_owned()).map(Some);
            }
        }
        Ok(None)
    }

    /// Positions of the columns of exactly these names, in their order, for a student that was trained on them. Of a name
    /// `column=word` the column is enough, since the rows at hand need not have every word.
    ///
    /// # Errors
    /// [`FaultKind::Layout`] for the first name without a column.
    pub fn exactly(&mut self, names: &[&str]) -> Result<Vec<usize>, DataError> {
        let mut found = Vec::with_capacity(names.len());
        let places: std::collections::HashMap<String, usize> =
            self.columns.iter().enumerate().map(|(at, column)| (column.name.clone(), at)).collect();
        for (input, name) in names.iter().enumerate() {
            let at = match places.get(*name) {
                Some(&at) => Some(at),
                None => self.named_word(name)?,
            };
            found.push(at.ok_or_else(|| {
                let expected = format!("a column `{name}`, which the student takes as input {input}");
                let remedy = "give the columns it was trained on, under the same names";
                let found = format!("{} columns without it", self.own);
                DataError::new(FaultKind::Layout, Place::file(&self.path), expected, found, remedy)
            })?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Role, Withheld};

    fn table(text: &str) -> (tempfile::NamedTempFile, ColumnTable) {
        let file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let table = ColumnTable::load(file.path()).unwrap();
        (file, table)
    }

    #[test]
    fn words_become_one_column_each() {
        let (_file, mut table) = table("n,color,y,on\n1,red,a,true\n2,blue,b,false\n3,,a,true\n");
        let withheld = Withheld::all([(Role::Label, Some("y"))]);
        let inputs = table.inputs("student_columns", &["*".to_owned()], &withheld).unwrap();
        assert_eq!(table.names(&inputs), ["n", "color=blue", "color=red", "on"]);
        let values = table.values_with_gaps(&inputs).unwrap();
        assert_eq!(values.row(0).to_vec(), [1.0, 0.0, 1.0, 1.0]);
        assert_eq!(values.row(1).to_vec(), [2.0, 1.0, 0.0, 0.0]);
        assert!(values[[2, 1]].is_nan() && values[[2, 2]].is_nan());
        // The same again, and one word alone.
        assert_eq!(table.inputs("student_columns", &["color".to_owned()], &withheld).unwrap(), inputs[1..3]);
        let red = table.inputs("student_columns", &["color=red".to_owned()], &withheld).unwrap();
        assert_eq!(table.names(&red), ["color=red"]);
        // The words of the label are the label.
        for pattern in ["y", "y=a"] {
            let error = table.inputs("student_columns", &[pattern.to_owned()], &withheld).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Leak, "{pattern}");
        }
        assert_eq!(table.texts("color").unwrap(), ["red", "blue", ""]);
        let known = table.exactly(&["color=green", "n", "color=red"]).unwrap();
        assert_eq!(table.values_with_gaps(&known).unwrap().row(0).to_vec(), [0.0, 1.0, 1.0]);
        assert!(table.exactly(&["size=1"]).unwrap_err().to_string().contains("takes as input 0"));
    }

    #[test]
    fn ids_and_free_text_are_no_inputs() {
        let rows = |count: usize, words: usize| -> String {
            (0..count).map(|row| format!("w{},{}\n", row % words, row % 2)).collect()
        };
        let encoded = |count, words| {
            let (_file, mut table) = table(&format!("who,y\n{}", rows(count, words)));
            table.inputs("student_columns", &["who".to_owned()], &[]).map(|inputs| inputs.len())
        };
        assert_eq!(encoded(19, 19).unwrap(), 19);
        assert_eq!(encoded(200, 64).unwrap(), 64);
        for (count, words) in [(200, 65), (20, 11)] {
            let error = encoded(count, words).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Categories);
            let text = error.to_string();
            assert!(text.contains("`who`") && text.contains("`id` or `group`"), "{text}");
        }
    }
}
