//! Teachers that answer row by row: what a file, a table or an imported network shows to distillation.
//!
//! A graph teacher answers for the nodes of its graph at once; a row teacher answers for any rows, in any order, so
//! that its answers can be cached, split into parts and computed on several machines.

use ndarray::{Array2, ArrayView2};
use std::error::Error;

/// A network that gives the same answer for a row whatever rows stand beside it, unless
/// [`rows_at_once`](RowTeacher::rows_at_once) says otherwise.
pub trait RowTeacher: Send {
    /// Reals a row has.
    fn inputs(&self) -> usize;

    /// Logits of a row: one a class, or one a regressed quantity.
    fn outputs(&self) -> usize;

    /// Logits of `rows`, in their order.
    ///
    /// # Shapes
    /// - `rows`: `[rows][inputs]`, finite; no row is allowed and gives no logits
    /// - result: `[rows][outputs]`, finite
    ///
    /// # Errors
    /// Rows of another width, or what the teacher itself says.
    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError>;

    /// The embedding of `rows` that the teacher names, `[rows][width]`, or `None` where it names none.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    fn embedding(&mut self, rows: ArrayView2<'_, f32>) -> Result<Option<Array2<f32>>, RowTeacherError> {
        let _ = rows;
        Ok(None)
    }

    /// Rows that must come together, in their order, where each answer depends on all of them (a graph); `None` for a
    /// teacher that answers any rows.
    fn rows_at_once(&self) -> Option<usize> {
        None
    }

    /// SHA-256 over all that decides an answer: the file, the settings, the library and its version. Equal
    /// identities may share cached answers.
    fn identity(&self) -> [u8; 32];
}

/// Why a row teacher has no answer.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RowTeacherError {
    /// The rows are not those the teacher takes.
    #[error("teacher: expected rows of {expected} inputs, found {found}; correct the columns given to the teacher")]
    Width {
        /// Inputs of the teacher.
        expected: usize,
        /// Reals a row has.
        found: usize,
    },
    /// A row holds a NaN or an infinity.
    #[error("teacher: expected finite inputs, found {found} in row {row}, input {input}; clean the data")]
    Input {
        /// Row, counted from 0 within the call.
        row: usize,
        /// Input, counted from 0.
        input: usize,
        /// The value.
        found: f32,
    },
    /// The teacher answered with a NaN or an infinity.
    #[error(
        "teacher: expected finite {place}, found {found} in row {row}, column {column}; check that the rows are \
         normalized as the teacher was trained"
    )]
    NotFinite {
        /// What it answered: `logits` or `embedding`.
        place: &'static str,
        /// Row, counted from 0 within the call.
        row: usize,
        /// Column of the answer, counted from 0.
        column: usize,
        /// The value.
        found: f32,
    },
    /// The teacher failed for a reason of its own kind.
    #[error("teacher: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl RowTeacherError {
    /// A failure of the teacher's own kind.
    pub fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Checks rows before a teacher sees them.
///
/// # Errors
/// [`RowTeacherError::Width`], [`RowTeacherError::Input`].
pub fn check_rows(rows: ArrayView2<'_, f32>, inputs: usize) -> Result<(), RowTeacherError> {
    if rows.ncols() != inputs {
        return Err(RowTeacherError::Width { expected: inputs, found: rows.ncols() });
    }
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, input), &found)) => Err(RowTeacherError::Input { row, input, found }),
    }
}

/// Checks what a teacher answered; `place` is `logits` or `embedding`.
///
/// # Errors
/// [`RowTeacherError::NotFinite`].
pub fn check_answer(place: &'static str, answer: ArrayView2<'_, f32>) -> Result<(), RowTeacherError> {
    match answer.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), &found)) => Err(RowTeacherError::NotFinite { place, row, column, found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_of_another_width_and_rows_that_are_no_numbers_are_named() {
        let rows = array![[1.0, 2.0], [3.0, f32::NAN]];
        let error = check_rows(rows.view(), 3).unwrap_err();
        assert!(matches!(error, RowTeacherError::Width { expected: 3, found: 2 }), "{error}");
        let error = check_rows(rows.view(), 2).unwrap_err();
        assert!(matches!(error, RowTeacherError::Input { row: 1, input: 1, .. }), "{error}");
        check_rows(rows.slice(ndarray::s![..1, ..]), 2).expect("the first row is finite");
        check_rows(rows.slice(ndarray::s![..0, ..]), 2).expect("no row is allowed");
    }

    #[test]
    fn an_answer_that_is_no_number_is_named() {
        let answer = array![[0.0], [f32::INFINITY]];
        let error = check_answer("logits", answer.view()).unwrap_err();
        assert!(matches!(error, RowTeacherError::NotFinite { place: "logits", row: 1, column: 0, .. }), "{error}");
    }
}
