//! Dense matrices in checkpoints: rows, columns, then row-major values.

use ndarray::Array2;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Writes a matrix; for `#[serde(with = "matrix")]`.
pub(crate) fn serialize<S: Serializer>(matrix: &Array2<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    (matrix.nrows(), matrix.ncols(), matrix.iter().copied().collect::<Vec<f32>>()).serialize(serializer)
}

/// Reads a matrix; for `#[serde(with = "matrix")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Array2<f32>, D::Error> {
    let (rows, columns, values) = <(usize, usize, Vec<f32>)>::deserialize(deserializer)?;
    Array2::from_shape_vec((rows, columns), values).map_err(D::Error::custom)
}
