//! Bias correction: the mean error of rounded weights and inputs goes into the bias.

use super::forward::column_means;
use super::{IntegerStudent, QuantizeError, Replay};
use crate::nn::MlpWeights;
use ndarray::Array2;
use sprs::CsMat;

/// Shifts every bias by the mean difference between the float sums and the rounded ones over some rows.
///
/// For output `o`: `b += Σ_i w[o][i] · mean(x[i]) − Σ_i ŵ[o][i] · mean(x̂[i])`, with hats for the values that the
/// integers stand for (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019,
/// equation 17, with measured means). Layers are corrected from first to last, each after the corrected layers before
/// it.
///
/// # Shapes
/// - `seen`: `[rows x inputs]`, normalized; `integers`: the same rows as input integers; `observed`: the float
///   activations of the same rows, by layer
///
/// # Errors
/// If the runtime refuses the numbers.
pub fn correct_biases(
    student: &mut IntegerStudent,
    weights: &MlpWeights,
    seen: &CsMat<f32>,
    integers: &[Vec<i8>],
    observed: &[Array2<f32>],
) -> Result<(), QuantizeError> {
    let mut float_means = sparse_means(seen);
    for (index, float_layer) in weights.layers.iter().enumerate() {
        // Means of the integer inputs as distances from the zero point, in steps.
        let step_means = if index == 0 {
            let zero = f64::from(student.coding.zero_point);
            means(integers.iter().flatten().copied(), student.inputs(), zero)
        } else {
            let replay = Replay::of(student, integers)?;
            let before = &student.layers[index - 1];
            means(
                replay.layers[index - 1].iter().copied(),
                usize::from(before.meta.outputs),
                f64::from(before.meta.zero_point),
            )
        };
        let layer = &mut student.layers[index];
        let inputs = layer.inputs();
        let rounded = layer.weights.chunks_exact(inputs.max(1));
        for (((bias, scale), row), float_row) in
            layer.biases.iter_mut().zip(&layer.sum_scales).zip(rounded).zip(float_layer.weight.outer_iter())
        {
            let wanted: f64 = float_row.iter().zip(&float_means).map(|(&w, mean)| f64::from(w) * mean).sum();
            let got: f64 = row.iter().zip(&step_means).map(|(&w, mean)| f64::from(w) * mean).sum();
            *bias += (wanted / scale - got).round() as i64;
        }
        float_means = column_means(&observed[index]);
    }
    Ok(())
}

/// Mean of every column of sparse rows.
fn sparse_means(rows: &CsMat<f32>) -> Vec<f64> {
    let mut sums = vec![0f64; rows.cols()];
    for row in rows.outer_iterator() {
        row.iter().for_each(|(input, &x)| sums[input] += f64::from(x));
    }
    let count = rows.rows().max(1) as f64;
    sums.iter().map(|sum| sum / count).collect()
}

/// Mean distance from `zero` of every column of row-major integers.
fn means(values: impl Iterator<Item = i8>, columns: usize, zero: f64) -> Vec<f64> {
    let mut sums = vec![0f64; columns];
    let mut count = 0usize;
    for (at, value) in values.enumerate() {
        sums[at % columns.max(1)] += f64::from(value) - zero;
        count = at + 1;
    }
    let rows = (count / columns.max(1)).max(1) as f64;
    sums.iter().map(|sum| sum / rows).collect()
}
