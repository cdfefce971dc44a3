//! Faults in the user's data, and their messages.
//!
//! Every error carries the same five things: the kind (for code), the place, what was expected, what was found, and what
//! to do about it. One sentence is built from them, so no message can forget one.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::bounded::Refused;

/// Kind of a fault in a data set, for code that reacts to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// The data set was found in none of the places looked at.
    NotFound,
    /// The operating system refused to open or read the file.
    Read,
    /// The archive or the array inside it is damaged or cut short.
    Damaged,
    /// The file has no known layout, or an array or column is missing.
    Layout,
    /// An array has an element type that cannot be used (object arrays included).
    ElementType,
    /// An array has the wrong number of dimensions or the wrong length.
    Shape,
    /// A cap on bytes, nodes, inputs or classes is exceeded.
    TooLarge,
    /// A CSR row pointer does not start at 0, decreases, or does not end at the number of entries.
    RowPointer,
    /// An index points outside its range.
    OutOfRange,
    /// Something occurs twice that may occur only once (the name of an array or column, a node id, a feature in a row,
    /// a node in two splits).
    Duplicate,
    /// A value is NaN or infinite.
    NotFinite,
    /// A cell is not the required number or word.
    Cell,
    /// Cells of an input say that there is no value.
    Missing,
    /// A column of words has too many different ones to be inputs, as an id or a free text has.
    Categories,
    /// A row has another number of cells than the header.
    Ragged,
    /// An edge names a node that does not exist.
    UnknownNode,
    /// Labels are negative, have a gap, or are missing for some nodes.
    Labels,
    /// The split is missing, empty, overlapping, or lacks a class in its train part.
    Split,
    /// A column that reveals the answer, or identifies the row, is requested as an input.
    Leak,
}

/// The position of the fault in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum At {
    /// The file or array as a whole.
    Whole,
    /// An element of an array, counted from 0.
    Index(u64),
    /// A line of a text file, counted from 1.
    Line(u64),
    /// A cell of a text file: line counted from 1, name of the column.
    Cell {
        /// Line, counted from 1.
        line: u64,
        /// Name of the column as the header spells it.
        column: String,
    },
    /// A node, counted from 0.
    Node(u64),
    /// A feature of a node, both counted from 0.
    Feature {
        /// Node (row), counted from 0.
        node: u64,
        /// Feature (column), counted from 0.
        feature: u64,
    },
    /// A class, counted from 0.
    Class(u64),
}

/// File, array inside it if there is one, and position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user named it.
    pub file: PathBuf,
    /// Name of the array in an archive; empty for other files.
    pub array: String,
    /// Position inside.
    pub at: At,
}

impl Place {
    /// The file as a whole.
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_path_buf(), array: String::new(), at: At::Whole }
    }

    /// An array of an archive as a whole.
    pub fn array(file: &Path, array: &str) -> Self {
        Self { file: file.to_path_buf(), array: array.to_owned(), at: At::Whole }
    }

    /// The same file and array at another position.
    #[must_use]
    pub fn at(mut self, at: At) -> Self {
        self.at = at;
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if !self.array.is_empty() {
            write!(f, ", array `{}`", self.array)?;
        }
        match &self.at {
            At::Whole => Ok(()),
            At::Index(index) => write!(f, ", element {index}"),
            At::Line(line) => write!(f, ", line {line}"),
            At::Cell { line, column } => write!(f, ", line {line}, column `{column}`"),
            At::Node(node) => write!(f, ", node {node}"),
            At::Feature { node, feature } => write!(f, ", node {node}, feature {feature}"),
            At::Class(class) => write!(f, ", class {class}"),
        }
    }
}

/// The parts of a [`DataError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Kind, for code.
    pub kind: FaultKind,
    /// Where.
    pub place: Place,
    /// The expected content, as a noun phrase.
    pub expected: String,
    /// The content found, as a noun phrase.
    pub found: String,
    /// The remedy, as an imperative sentence without a full stop.
    pub remedy: String,
}

/// A data set that cannot be used, with the place, the reason and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {}, found {}; {}", .0.place, .0.expected, .0.found, .0.remedy)]
pub struct DataError(Box<Fault>);

impl DataError {
    /// Puts the parts together; `expected` and `found` are noun phrases, `remedy` an imperative without a full stop.
    pub fn new(
        kind: FaultKind,
        place: Place,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self(Box::new(Fault { kind, place, expected: expected.into(), found: found.into(), remedy: remedy.into() }))
    }

    /// An operating-system error on a file.
    pub fn read(file: &Path, error: &std::io::Error) -> Self {
        if let Some(Refused { expected, found, remedy }) = Refused::inside(error) {
            let kind =
                if error.kind() == std::io::ErrorKind::FileTooLarge { FaultKind::TooLarge } else { FaultKind::Layout };
            return Self::new(kind, Place::file(file), expected, found, *remedy);
        }
        Self::new(
            FaultKind::Read,
            Place::file(file),
            "a readable file",
            error.to_string(),
            "check the path and its permissions",
        )
    }

    /// Kind, for code that reacts to it.
    pub fn kind(&self) -> FaultKind {
        self.0.kind
    }

    /// All parts.
    pub fn fault(&self) -> &Fault {
        &self.0
    }
}

/// Text from a file, shortened so that a hostile cell cannot flood a message.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// Refuses a table in which two columns have one name.
pub(crate) fn names_once<'a>(file: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<(), DataError> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => {
            let (place, found) = (Place::file(file), format!("{} twice", quoted(name)));
            Err(DataError::new(FaultKind::Duplicate, place, "every column once", found, "rename the column"))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_place_expected_found_and_remedy() {
        let place = Place::array(Path::new("a.npz"), "labels").at(At::Index(7));
        let error = DataError::new(FaultKind::Labels, place, "a class in 0..3", "-1", "number the classes from 0");
        assert_eq!(
            error.to_string(),
            "a.npz, array `labels`, element 7: expected a class in 0..3, found -1; number the classes from 0"
        );
        assert_eq!(error.kind(), FaultKind::Labels);
    }

    #[test]
    fn a_flood_of_text_is_cut() {
        assert!(quoted(&"x".repeat(10_000)).len() < 80);
        assert_eq!(quoted("a\nb"), "`a\\nb`");
    }
}
