//! Why there is no recipe for some data.

use crate::dataset::{DataError, quoted};
use crate::recipe::RecipeError;

/// Why a look ends without a recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A column that the user names does not exist.
    #[error("{option}: expected a column of the data, found {}; there are {columns}", quoted(.found))]
    NoColumn {
        /// The option that names it.
        option: &'static str,
        /// The name.
        found: String,
        /// The nearest that do.
        columns: String,
    },
    /// No column is clearly the answer.
    #[error("expected one column that is clearly the label, found {found}; name it: --label {candidate}")]
    Label {
        /// The candidates in words.
        found: String,
        /// One of them, as an example.
        candidate: String,
    },
    /// The label cannot be learnt as asked.
    #[error("`{label}`: expected {expected}, found {found}; {remedy}")]
    Task {
        /// The column.
        label: String,
        /// What the task needs.
        expected: &'static str,
        /// What is there.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A graph tells its own labels and columns.
    #[error("{option}: expected a table, found a graph, whose labels and features are its own; leave the option out")]
    OfGraph {
        /// The option that means nothing.
        option: &'static str,
    },
    /// Nothing is left to learn from.
    #[error("expected at least one column to learn from, found none: {0}; name columns with --student")]
    NoInputs(String),
    /// A budget in words that mean nothing.
    #[error("--budget: expected limits such as flash=16k,ram=2k,macs=50k, found {}", quoted(.0))]
    Budget(String),
    /// No student is that small.
    #[error(
        "--budget: expected a student of {inputs} inputs and {outputs} outputs within {budget}, found that even one {least}; \
         choose fewer columns with --student, or a larger budget"
    )]
    TooSmall {
        /// Its inputs.
        inputs: usize,
        /// Its outputs.
        outputs: usize,
        /// The budget in words.
        budget: String,
        /// What the smallest one costs.
        least: String,
    },
    /// The recipe that was written does not hold. A fault of this program.
    #[error("the recipe that was written does not hold: {0}")]
    Recipe(#[from] RecipeError),
}

impl LookError {
    /// Whether the command line is wrong rather than the data.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Data(_) | Self::Recipe(_) | Self::NoInputs(_))
    }
}
