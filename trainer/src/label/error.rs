//! Why rows could not be labelled, and whether a retry can help.

use std::io;
use std::path::{Path, PathBuf};

use crate::dataset::{DataError, FaultKind};
use crate::onnx::OnnxError;
use crate::output::OutputError;
use crate::recipe::RecipeError;
use crate::teacher::RowTeacherError;

/// A fault of labelling.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// The recipe cannot be used for labelling.
    #[error("{}: {reason}", .path.display())]
    Recipe {
        /// The recipe.
        path: PathBuf,
        /// The fault and the remedy.
        reason: String,
    },
    /// The recipe is not one.
    #[error(transparent)]
    Spelled(#[from] RecipeError),
    /// A list of parts that cannot be read.
    #[error("--part: expected i/N or a-b/N with i below N, such as 17/1000 or 3,17,40-44/1000, found `{found}`")]
    Parts {
        /// The given value.
        found: String,
    },
    /// A number of parts that is not the plan's.
    #[error("{}: expected --part of {planned} parts, as planned from the table, found {found}", .path.display())]
    PartCount {
        /// The plan.
        path: PathBuf,
        /// Parts of the plan.
        planned: usize,
        /// Parts of the command.
        found: usize,
    },
    /// The table cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The teacher's file cannot be used.
    #[error("{}: {reason}", .path.display())]
    TeacherFile {
        /// The file.
        path: PathBuf,
        /// The fault.
        reason: String,
    },
    /// An ONNX model cannot be used.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A teacher whose answer for a row depends on other rows.
    #[error(
        "{}: expected a teacher that answers row by row, found one that takes all {rows} rows of its graph at once; let it \
         teach in a recipe of `eyas distill` instead",
        .path.display()
    )]
    WholeOnly {
        /// The model.
        path: PathBuf,
        /// Rows it takes at once.
        rows: usize,
    },
    /// The teacher refused rows or gave no logits.
    #[error("part {part}, from row {row}: {error}")]
    Teacher {
        /// Part, counted from 0.
        part: usize,
        /// First row of the batch, counted from 0 over the whole table.
        row: u64,
        /// The teacher's error.
        #[source]
        error: RowTeacherError,
    },
    /// The number of columns is not the teacher's number of inputs.
    #[error(
        "{}: expected {expected} columns, as the teacher takes, found {found}; name them in `columns` of [[teacher]]",
        .path.display()
    )]
    Columns {
        /// The table.
        path: PathBuf,
        /// Inputs of the teacher.
        expected: usize,
        /// Columns chosen.
        found: usize,
    },
    /// The folder belongs to another job.
    #[error(
        "{}: expected the work planned there, found {difference} to differ; choose another folder, or correct the command",
        .folder.display()
    )]
    OtherWork {
        /// The folder.
        folder: PathBuf,
        /// The difference.
        difference: &'static str,
    },
    /// The folder has no plan yet.
    #[error("{}: expected a plan, found none; run `eyas label` with --plan or --part first", .folder.display())]
    NoPlan {
        /// The folder.
        folder: PathBuf,
    },
    /// A plan, a commit or a data file is damaged.
    #[error("{}: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault and the remedy.
        reason: String,
    },
    /// The table's number of rows differs from the plan.
    #[error(
        "part {part}: expected {planned} rows as planned, found {found}; the table has changed, plan in another folder"
    )]
    Rows {
        /// Part, counted from 0.
        part: usize,
        /// Rows of the plan.
        planned: u64,
        /// Rows read.
        found: u64,
    },
    /// Parts are missing.
    #[error("parts {missing} of {of} are missing; run --part {missing}/{of}, then --finish again")]
    Missing {
        /// As `3,17,40-44`.
        missing: String,
        /// Parts of the plan.
        of: usize,
    },
    /// Writing failed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The file system has no hard links, with which a file appears either whole or not at all.
    #[error("{}: the file system refuses hard links ({error}); choose a folder on a local disk, NFS or Lustre", .path.display())]
    NoLinks {
        /// The file to publish.
        path: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The user asked to stop.
    #[error("interrupted; the parts that are done stay")]
    Interrupted,
}

impl LabelError {
    /// Whether the same command may succeed later: a full disk or a node that went away can pass, a wrong input cannot.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Data(error) => error.kind() == FaultKind::Read,
            Self::Missing { .. } | Self::Output(_) | Self::Interrupted | Self::Damaged { .. } => true,
            _ => false,
        }
    }

    /// Whether flags or the recipe are wrong.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Recipe { .. } | Self::Spelled(_) | Self::Parts { .. } | Self::PartCount { .. })
    }

    /// An operating-system error while writing.
    pub(super) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Output(OutputError::io(action, path, error))
    }
}
