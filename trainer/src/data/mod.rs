//! The data of a run: rows, what is learnt of them, who sees which columns, and which rows teach, choose and judge.
//!
//! | file | idea |
//! |---|---|
//! | `graph` | a graph as data |
//! | `table` | a table, or windows of series, as data |
//! | `matrix` | features, dense or sparse, and the forms that networks see |
//! | `truth` | classes or a quantity |
//! | `split` | every evaluation that a recipe asks for; labelled rows; parts for cross-fitting |
//! | `constant` | columns and labels that never change |
//! | `hash` | what a run may learn from, as one number |

mod constant;
mod graph;
mod hash;
mod matrix;
mod split;
mod table;
mod truth;

use std::path::PathBuf;

use sprs::CsMat;

use crate::dataset::locate::{Search, locate};
use crate::dataset::{DataError, Split, Warning};
use crate::recipe::{DataKind, Recipe};

pub use matrix::Matrix;
pub(crate) use matrix::{Form, TeacherForm};
pub use split::Evaluation;
pub use truth::Truth;
pub(crate) use truth::UNKNOWN_CLASS;

/// Everything that is known before a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Where it was found.
    pub path: PathBuf,
    /// Name for reports: that of the file or folder, without extension.
    pub name: String,
    /// `[rows x columns]` as measured: the student's columns first, then the others of the teachers.
    pub x: Matrix,
    /// Names of the columns; empty where the source names none.
    pub names: Vec<String>,
    /// Number of columns that the student has.
    pub student: usize,
    /// Columns that the teachers see, by their place in `x`.
    pub teacher: Vec<usize>,
    /// Columns that each teacher of the recipe takes, by their place in `x`, in the order of its inputs.
    pub inputs: Vec<Vec<usize>>,
    /// What is learnt.
    pub truth: Truth,
    /// Whether the label of a row is there; one without teaches through the teachers alone.
    pub known: Vec<bool>,
    /// Adjacency of a graph `[rows x rows]`: 1 at both directions of every edge.
    pub edges: Option<CsMat<f32>>,
    /// The one split that every seed shares, where the recipe draws none by seed or fold.
    pub shared: Option<Split>,
    /// Fold number of each row, where the recipe splits by folds.
    pub folds: Option<Vec<u64>>,
    /// Group of each row, whose rows stay in one part.
    pub groups: Option<Vec<String>>,
    /// Name of the column with ids, and the id of each row.
    pub ids: Option<(String, Vec<String>)>,
    /// The present value of the forecast quantity, where the rows are windows of series.
    pub now: Option<Vec<f32>>,
    /// Row of the file of each row, where some were left out.
    pub of_file: Option<Vec<usize>>,
    /// What the user should know about the data.
    pub warnings: Vec<Warning>,
    /// Origin, licence and citation, from the `NOTICE.md` of the data's folder.
    pub notice: Option<String>,
}

impl Data {
    /// Finds and reads the data of a recipe.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn load(recipe: &Recipe, search: &Search) -> Result<Self, DataError> {
        let path = locate(&recipe.data.source, search)?;
        match recipe.data.kind {
            DataKind::Graph => Self::graph(recipe, path, search),
            DataKind::Table => Self::table(recipe, path),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.rows()
    }

    /// Names of the student's inputs; empty where the source names none.
    #[must_use]
    pub fn input_names(&self) -> &[String] {
        self.names.get(..self.student).unwrap_or(&[])
    }

    /// Number of undirected edges; `None` of a table.
    #[must_use]
    pub fn edge_count(&self) -> Option<usize> {
        self.edges.as_ref().map(|edges| edges.nnz() / 2)
    }
}
