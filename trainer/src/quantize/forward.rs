//! The float forward pass over many rows, in plain arrays, from which ranges are observed.

use crate::nn::{DenseWeights, MlpWeights};
use ndarray::{Array2, ArrayView1, Axis};
use sprs::CsMat;

/// Outputs of every layer for every row, with ReLU after all layers except the last.
///
/// # Shapes
/// - `rows`: `[rows x inputs]`
/// - result: for each layer `[rows x outputs]`
#[must_use]
pub fn activations(weights: &MlpWeights, rows: &CsMat<f32>) -> Vec<Array2<f32>> {
    let mut all: Vec<Array2<f32>> = Vec::with_capacity(weights.layers.len());
    for (index, layer) in weights.layers.iter().enumerate() {
        let mut y = match all.last() {
            None => sparse_product(rows, layer),
            Some(x) => x.dot(&layer.weight.t()),
        };
        y += &layer.bias;
        if index + 1 < weights.layers.len() {
            y.mapv_inplace(|y| y.max(0.0));
        }
        all.push(y);
    }
    all
}

/// `rows · weightᵀ`, touching present inputs only.
pub(super) fn sparse_product(rows: &CsMat<f32>, layer: &DenseWeights) -> Array2<f32> {
    let columns = layer.weight.t().as_standard_layout().into_owned();
    let mut y = Array2::zeros((rows.rows(), layer.weight.nrows()));
    for (row, mut y) in rows.outer_iterator().zip(y.axis_iter_mut(Axis(0))) {
        for (input, &x) in row.iter() {
            y.scaled_add(x, &columns.row(input));
        }
    }
    y
}

/// Mean of every column.
pub(super) fn column_means(values: &Array2<f32>) -> Vec<f64> {
    let rows = values.nrows().max(1) as f64;
    let mean = |column: ArrayView1<'_, f32>| column.iter().map(|&x| f64::from(x)).sum::<f64>() / rows;
    values.axis_iter(Axis(1)).map(mean).collect()
}
