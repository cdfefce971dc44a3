//! A first look at data that nobody has described: what it is, what could be learnt from it, what would go wrong, and a
//! recipe that runs as it stands.
//!
//! | file | what it holds |
//! |---|---|
//! | here | the look as data |
//! | `raw` | the columns of a table as they are |
//! | `column` | what a column holds, and the part it plays |
//! | `label` | which column is the answer, and whether it is a class |
//! | `leak` | columns that alone tell the answer |
//! | `rows` | how the rows of a table may be split, and whether they follow each other |
//! | `table`, `series`, `graph` | the look at each kind of data |
//! | `budget` | widths of a student that fits |
//! | `draft` | from a look to a recipe that was tried |
//! | `toml` | the text of the recipe |
//! | `text` | the look for people |

mod budget;
mod column;
mod draft;
mod error;
mod graph;
mod label;
mod leak;
mod raw;
mod rows;
mod series;
mod table;
mod text;
mod toml;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use budget::{Budget, Planned};
pub use column::{Column, Kind, Part};
pub use error::LookError;
pub use label::Label;
pub(crate) use label::NAMES as LABEL_NAMES;
pub(crate) use leak::leaking_inputs;

use crate::recipe::{SplitKind, Task};

/// What the user says about the data.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The column to learn.
    pub label: Option<String>,
    /// What is learnt.
    pub task: Option<Task>,
    /// Patterns of the columns that the device has; empty for all.
    pub student: Vec<String>,
    /// What the student may cost.
    pub budget: Budget,
    /// Folder that the paths of the recipe start from; `None` for the working folder.
    pub folder: Option<PathBuf>,
}

/// What the data is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// Nodes and edges.
    Graph,
    /// Rows and columns.
    Table,
    /// Readings in time.
    Series,
}

/// How rows are split, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// The word of the recipe.
    #[serde(serialize_with = "as_word")]
    pub kind: SplitKind,
    /// Column with the folds, or of what stays whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The reason.
    pub why: String,
}

fn as_word<S: serde::Serializer>(kind: &SplitKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.word())
}

/// Edges of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Edges {
    /// Undirected edges.
    pub edges: usize,
    /// Share of edges whose ends have one label: what a graph teacher learns from.
    pub alike: f64,
}

/// The look, with the recipe.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Look {
    /// The data, as the user named it.
    pub source: String,
    /// What it is.
    pub form: Form,
    /// Rows of the file, or nodes.
    pub rows: usize,
    /// Number of columns, or of features of a node.
    pub width: usize,
    /// Edges of a graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges: Option<Edges>,
    /// Columns by name; none of a graph.
    pub columns: Vec<Column>,
    /// What is learnt.
    pub label: Label,
    /// How rows are split.
    pub split: Proposed,
    /// Kinds of teachers that the data allow.
    pub teachers: Vec<&'static str>,
    /// The student of the recipe and what it costs.
    pub student: Planned,
    /// What the user should know.
    pub notes: Vec<String>,
    /// The recipe.
    pub recipe: String,
}

impl Look {
    /// Looks at data and writes a recipe, which is tried: the data is loaded and split as it says.
    ///
    /// # Errors
    /// [`LookError`] for data that cannot be read, a label that is not clear, columns that do not exist, and a budget that no
    /// student keeps.
    pub fn at(path: &Path, asked: &Asked) -> Result<Self, LookError> {
        let seen = if graph::is_graph(path)? {
            graph::look(path, asked)?
        } else if series::is_folder(path) {
            series::look(path, asked)?
        } else {
            table::look(path, asked)?
        };
        draft::finish(path, asked, seen)
    }
}
