//! What can be wrong with a recipe: always with file, line, column and key.

use std::path::{Path, PathBuf};

use crate::bounded::Refused;

/// Kind of a fault in a recipe, for code that reacts to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecipeFault {
    /// The file cannot be read.
    Read,
    /// The text is not TOML.
    Syntax,
    /// A key or table that does not exist.
    UnknownKey,
    /// A word that is none of those allowed.
    UnknownWord,
    /// A key that must be given is missing.
    MissingKey,
    /// A value of another type.
    WrongType,
    /// A value outside its range.
    OutOfRange,
    /// Keys that have no meaning together.
    Combination,
}

/// The parts of a [`RecipeError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeProblem {
    /// Kind, for code.
    pub kind: RecipeFault,
    /// The recipe, as the user named it.
    pub file: PathBuf,
    /// Line, counted from 1; 0 when the file as a whole is meant.
    pub line: usize,
    /// Column in characters, counted from 1; 0 when the file as a whole is meant.
    pub column: usize,
    /// Full name of the key, such as `student.dropout` or `teacher[0].hidden`; may be empty.
    pub key: String,
    /// What is wrong: expected, found, and why.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// A recipe that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.sentence())]
pub struct RecipeError(Box<RecipeProblem>);

impl RecipeError {
    pub(super) fn new(problem: RecipeProblem) -> Self {
        Self(Box::new(problem))
    }

    /// An operating-system error on the file.
    pub(super) fn read(file: &Path, error: &std::io::Error) -> Self {
        Self::new(RecipeProblem {
            kind: RecipeFault::Read,
            file: file.to_path_buf(),
            line: 0,
            column: 0,
            key: String::new(),
            message: match Refused::inside(error) {
                Some(refused) => format!("expected {}, found {}", refused.expected, refused.found),
                None => format!("expected a readable recipe, found {error}"),
            },
            remedy: Refused::inside(error)
                .map_or("check the path and its permissions", |refused| refused.remedy)
                .to_owned(),
        })
    }

    /// Kind, for code that reacts to it.
    pub fn kind(&self) -> RecipeFault {
        self.0.kind
    }

    /// All parts.
    pub fn problem(&self) -> &RecipeProblem {
        &self.0
    }
}

impl RecipeProblem {
    fn sentence(&self) -> String {
        let mut text = self.file.display().to_string();
        if self.line > 0 {
            text.push_str(&format!(":{}:{}", self.line, self.column));
        }
        if !self.key.is_empty() {
            text.push_str(&format!(": `{}`", self.key));
        }
        text.push_str(&format!(": {}", self.message));
        if !self.remedy.is_empty() {
            text.push_str(&format!("; {}", self.remedy));
        }
        text
    }
}
