//! Rows of features, dense or sparse, and the forms that networks see them in.

use ndarray::{Array2, Axis};
use sprs::CsMat;

use crate::nn::Rows;
use crate::quantize::{Standard, dense_rows, normalized, unit};
use crate::recipe::TeacherInput;
use eyas::model::Normalization;

/// Features `[rows x columns]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Matrix {
    /// Every value stored, as tables are.
    Dense(Array2<f32>),
    /// In CSR without stored zeros, as graphs are.
    Sparse(CsMat<f32>),
}

impl Matrix {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Dense(x) => x.nrows(),
            Self::Sparse(x) => x.rows(),
        }
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        match self {
            Self::Dense(x) => x.ncols(),
            Self::Sparse(x) => x.cols(),
        }
    }

    /// Some rows, in their order.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Dense(x) => Self::Dense(x.select(Axis(0), rows)),
            Self::Sparse(x) => Self::Sparse(select(x, rows)),
        }
    }

    /// Some rows of the first `columns` columns in the form that students are rounded from; the zeros of a dense matrix are
    /// stored.
    #[must_use]
    pub fn student_rows(&self, rows: &[usize], columns: usize) -> CsMat<f32> {
        match self {
            Self::Dense(x) => dense_rows(x.select(Axis(0), rows).slice(ndarray::s![.., ..columns])),
            // A graph shows the student every column.
            Self::Sparse(x) => select(x, rows),
        }
    }

    /// In CSR; the zeros of a dense matrix are stored.
    pub(crate) fn into_sparse(self) -> CsMat<f32> {
        match self {
            Self::Dense(x) => dense_rows(x.view()),
            Self::Sparse(x) => x,
        }
    }

    /// What mini-batches are taken from.
    pub(crate) fn batches(&self) -> Rows<'_> {
        match self {
            Self::Dense(x) => Rows::Dense(x.view()),
            Self::Sparse(x) => Rows::Sparse(x),
        }
    }
}

/// Some rows of a sparse matrix, in the given order.
fn select(matrix: &CsMat<f32>, rows: &[usize]) -> CsMat<f32> {
    let mut chosen = CsMat::empty(sprs::CompressedStorage::CSR, matrix.cols());
    for &row in rows {
        if let Some(row) = matrix.outer_view(row) {
            chosen = chosen.append_outer_csvec(row);
        }
    }
    chosen
}

/// How a network sees the features, from rows that may be learnt from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    /// Standard scores, statistics of the train rows.
    Scores(Standard),
    /// In units of their mean magnitude, or each row divided by its sum.
    Normalized(Normalization, f32),
}

/// How a teacher on a graph sees the features.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TeacherForm {
    /// As a student may.
    Of(Form),
    /// Each row divided by its Euclidean norm.
    UnitNorm,
}

impl TeacherForm {
    pub(crate) fn of(x: &Matrix, train: &[usize], input: TeacherInput) -> Self {
        match input {
            TeacherInput::Raw => Self::Of(Form::of(x, train, Normalization::None)),
            TeacherInput::Normalized => Self::Of(Form::of(x, train, Normalization::RowSum)),
            TeacherInput::UnitNorm => Self::UnitNorm,
        }
    }

    /// What the teacher sees of `x`.
    pub(crate) fn apply(&self, x: &Matrix) -> CsMat<f32> {
        match (self, x) {
            (Self::Of(form), x) => form.apply(x).into_sparse(),
            (Self::UnitNorm, Matrix::Sparse(x)) => unit_norm(x),
            (Self::UnitNorm, Matrix::Dense(x)) => unit_norm(&dense_rows(x.view())),
        }
    }
}

impl Form {
    /// Standard scores of a table, statistics of the rows `train`; a graph's features as `normalization` says.
    pub(crate) fn of(x: &Matrix, train: &[usize], normalization: Normalization) -> Self {
        match x {
            Matrix::Dense(x) => Self::Scores(Standard::of(x.view(), train)),
            Matrix::Sparse(x) => Self::Normalized(normalization, unit(x, normalization)),
        }
    }

    /// What a network sees of `x`.
    pub(crate) fn apply(&self, x: &Matrix) -> Matrix {
        match (self, x) {
            (Self::Scores(standard), Matrix::Dense(x)) => Matrix::Dense(standard.scores(x.view())),
            (Self::Scores(standard), Matrix::Sparse(x)) => Matrix::Dense(standard.scores(x.to_dense().view())),
            (&Self::Normalized(by, unit), Matrix::Sparse(x)) => Matrix::Sparse(normalized(x, by, unit)),
            (&Self::Normalized(by, unit), Matrix::Dense(x)) => {
                Matrix::Sparse(normalized(&dense_rows(x.view()), by, unit))
            }
        }
    }
}

/// Every row divided by its Euclidean norm; rows of zeros stay.
fn unit_norm(x: &CsMat<f32>) -> CsMat<f32> {
    let mut x = x.clone();
    for mut row in x.outer_iterator_mut() {
        let norm = row.iter().map(|(_, &value)| f64::from(value) * f64::from(value)).sum::<f64>().sqrt();
        if norm > 0.0 {
            row.iter_mut().for_each(|(_, value)| *value = (f64::from(*value) / norm) as f32);
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Rows of length 1 whatever the unit of the features, from 1e-30 to 1e30; a row of zeros stays.
    #[test]
    fn a_unit_norm_does_not_depend_on_units() {
        let x = array![[3.0f32, 4.0, 0.0], [0.0, 0.0, 0.0], [-2.0, 0.0, 1.0]];
        let seen =
            |factor: f32| TeacherForm::UnitNorm.apply(&Matrix::Sparse(dense_rows((&x * factor).view()))).to_dense();
        assert_eq!(seen(1.0).row(0).to_vec(), [0.6, 0.8, 0.0]);
        assert_eq!(seen(1.0).row(1).to_vec(), [0.0; 3]);
        for power in [-98, -3, 5, 98] {
            assert_eq!(seen(2.0f32.powi(power)), seen(1.0));
        }
        for factor in [1e-30, 1e-3, 1e30] {
            assert!((&seen(factor) - &seen(1.0)).iter().all(|gap| gap.abs() < 1e-6), "{factor}");
        }
    }
}
