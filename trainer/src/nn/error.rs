//! Errors of a training request, each with its place and its remedy.

/// A request that cannot be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Two inputs describe different numbers of rows, classes or columns.
    #[error("{place}: expected {expected} {unit}, found {found}; give arrays that describe the same data")]
    Shape {
        /// The input that does not fit.
        place: &'static str,
        /// The unit of the counts.
        unit: &'static str,
        /// The count in the other inputs.
        expected: usize,
        /// The count found.
        found: usize,
    },
    /// A list that must hold something is empty.
    #[error("{place} is empty; {remedy}")]
    Empty {
        /// The empty list.
        place: &'static str,
        /// The remedy.
        remedy: &'static str,
    },
    /// A row, class or edge index is outside its range.
    #[error("{place}: entry {position} is {found}, expected less than {limit}; check the numbering starts at 0")]
    OutOfRange {
        /// The list.
        place: &'static str,
        /// Position in the list.
        position: usize,
        /// The value found.
        found: usize,
        /// One more than the highest permitted value.
        limit: usize,
    },
    /// A number of the plan is outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// The permitted range in words.
        expected: &'static str,
        /// The value found.
        found: String,
    },
    /// The loss is no longer a finite number.
    #[error(
        "the loss is not finite at epoch {epoch} with learning rate {learning_rate}; lower the learning rate or check the inputs for non-finite values"
    )]
    Diverged {
        /// Epoch, from 0.
        epoch: usize,
        /// Learning rate in use.
        learning_rate: f32,
    },
    /// A saved state belongs to another run.
    #[error(
        "the saved state belongs to another run (seed, widths, dropout, plan or backend differ); resume with the recipe that wrote it or start again"
    )]
    ForeignState,
}

/// Checks that every entry of `list` is below `limit`.
pub(crate) fn check_indices(place: &'static str, list: &[usize], limit: usize) -> Result<(), TrainError> {
    match list.iter().position(|&entry| entry >= limit) {
        Some(position) => Err(TrainError::OutOfRange { place, position, found: list[position], limit }),
        None => Ok(()),
    }
}

/// Checks that there is one label per row and that every label is below `classes`.
pub(crate) fn check_labels(labels: &[u16], rows: usize, classes: usize) -> Result<(), TrainError> {
    if labels.len() != rows {
        return Err(TrainError::Shape { place: "labels", unit: "rows", expected: rows, found: labels.len() });
    }
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        Some(position) => {
            Err(TrainError::OutOfRange { place: "labels", position, found: labels[position].into(), limit: classes })
        }
        None => Ok(()),
    }
}
