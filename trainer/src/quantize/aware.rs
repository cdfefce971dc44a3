//! Quantization-aware fine-tuning: the forward pass is the integer student itself, run by the runtime.
//!
//! Each step rounds the float weights, runs every row through the runtime, and propagates the loss gradient from the
//! integer logits back through the rounding as if there were no rounding (straight-through estimator; Jacob et al.,
//! "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018). The trained
//! student is therefore the shipped one, to the bit.

use super::{InputCoding, IntegerLayer, IntegerStudent, QuantizeError, Ranges, Replay, fold};
use crate::nn::{Adam, MlpWeights, Moments};
use ndarray::{Array1, Array2, Axis};
use sprs::CsMat;

/// Length and learning rate of the fine-tuning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AwarePlan {
    /// Full-batch steps.
    pub epochs: usize,
    /// Optimizer; its learning rate is about a tenth of the float training's.
    pub adam: Adam,
}

/// Fine-tunes `weights` under rounding and returns the best integer student.
///
/// The rounded student before fine-tuning counts as epoch 0, so the result is never worse on the tune rows.
///
/// # Shapes
/// - `rows`: `[rows x inputs]` raw features; the rows that the student may learn from
/// - `gradient(logits [rows x outputs])`: gradient of the loss, same shape
/// - `score(student)`: how good it is on the tune rows, higher is better
///
/// # Errors
/// If the numbers of a step do not fit a student file.
pub fn fine_tune(
    weights: &MlpWeights,
    start: IntegerStudent,
    ranges: &Ranges,
    rows: &CsMat<f32>,
    plan: &AwarePlan,
    gradient: &mut dyn FnMut(&Array2<f32>) -> Array2<f32>,
    score: &dyn Fn(&IntegerStudent) -> Result<f64, QuantizeError>,
) -> Result<IntegerStudent, QuantizeError> {
    let coding = start.coding.clone();
    let integers = coding.integers(rows);
    let inputs = dequantized_inputs(&coding, rows, &integers);
    let mut weights = weights.clone();
    let mut moments: Vec<(Moments, Moments)> = weights
        .layers
        .iter()
        .map(|layer| (Moments::zeros(layer.weight.len()), Moments::zeros(layer.bias.len())))
        .collect();
    let mut best_score = score(&start)?;
    let mut best = start;
    let mut student = fold(&weights, &coding, ranges)?;
    for epoch in 0..plan.epochs {
        let replay = Replay::of(&student, &integers)?;
        step(&mut weights, &student, &replay, &inputs, gradient, &plan.adam, &mut moments, epoch as u32 + 1);
        let stepped = fold(&weights, &coding, ranges)?;
        let reached = score(&stepped)?;
        if reached >= best_score {
            (best_score, best) = (reached, stepped.clone());
        }
        student = stepped;
    }
    Ok(best)
}

/// The real values that the input integers stand for, sparse.
fn dequantized_inputs(coding: &InputCoding, rows: &CsMat<f32>, integers: &[Vec<i8>]) -> CsMat<f32> {
    let mut inputs = rows.clone();
    for (mut row, x) in inputs.outer_iterator_mut().zip(integers) {
        for (input, value) in row.iter_mut() {
            *value = (f64::from(i16::from(x[input]) - i16::from(coding.zero_point)) * coding.step(input)) as f32;
        }
    }
    inputs
}

#[allow(clippy::too_many_arguments, reason = "one training step needs its whole state")]
fn step(
    weights: &mut MlpWeights,
    student: &IntegerStudent,
    replay: &Replay,
    inputs: &CsMat<f32>,
    gradient: &mut dyn FnMut(&Array2<f32>) -> Array2<f32>,
    adam: &Adam,
    moments: &mut [(Moments, Moments)],
    number: u32,
) {
    let outputs: Vec<Array2<f32>> =
        student.layers.iter().zip(&replay.layers).map(|(layer, integers)| dequantized(layer, integers)).collect();
    let Some(logits) = outputs.last() else { return };
    let mut back = gradient(logits);
    for index in (0..student.layers.len()).rev() {
        pass_clamp(&mut back, &student.layers[index], &replay.layers[index]);
        let bias_gradient: Array1<f32> = back.sum_axis(Axis(0));
        let weight_gradient = match index.checked_sub(1) {
            None => sparse_gradient(inputs, &back),
            Some(before) => back.t().dot(&outputs[before]),
        };
        if index > 0 {
            back = back.dot(&rounded_weights(&student.layers[index], student.layers[index - 1].output_scale));
        }
        let layer = &mut weights.layers[index];
        let (weight_moments, bias_moments) = &mut moments[index];
        let weight_gradient = weight_gradient.as_standard_layout();
        if let (Some(parameter), Some(gradient)) = (layer.weight.as_slice_mut(), weight_gradient.as_slice()) {
            adam.update(number, parameter, gradient, weight_moments);
        }
        if let (Some(parameter), Some(gradient)) = (layer.bias.as_slice_mut(), bias_gradient.as_slice()) {
            adam.update(number, parameter, gradient, bias_moments);
        }
    }
}

/// The real values that a layer's output integers stand for, `[rows x outputs]`.
fn dequantized(layer: &IntegerLayer, integers: &[i8]) -> Array2<f32> {
    let columns = usize::from(layer.meta.outputs);
    let real =
        |at: usize| (f64::from(i16::from(integers[at]) - i16::from(layer.meta.zero_point)) * layer.output_scale) as f32;
    Array2::from_shape_fn((integers.len() / columns.max(1), columns), |(row, column)| real(row * columns + column))
}

/// Zeroes the gradient where the clamp (including ReLU) limits the output.
fn pass_clamp(back: &mut Array2<f32>, layer: &IntegerLayer, integers: &[i8]) {
    for (gradient, &y) in back.iter_mut().zip(integers) {
        if y <= layer.meta.lo || y >= layer.meta.hi {
            *gradient = 0.0;
        }
    }
}

/// The real weights that a layer's integers stand for, `[outputs x inputs]`.
fn rounded_weights(layer: &IntegerLayer, input_scale: f64) -> Array2<f32> {
    let inputs = layer.inputs();
    Array2::from_shape_fn((usize::from(layer.meta.outputs), inputs), |(o, i)| {
        (f64::from(layer.weights[o * inputs + i]) * layer.sum_scales[o] / input_scale) as f32
    })
}

/// `backᵀ · inputs`, touching present inputs only, `[outputs x inputs]`.
fn sparse_gradient(inputs: &CsMat<f32>, back: &Array2<f32>) -> Array2<f32> {
    let mut columns = Array2::<f32>::zeros((inputs.cols(), back.ncols()));
    for (row, back) in inputs.outer_iterator().zip(back.outer_iter()) {
        for (input, &x) in row.iter() {
            columns.row_mut(input).scaled_add(x, &back);
        }
    }
    columns.reversed_axes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::DenseWeights;
    use crate::quantize::forward::sparse_product;
    use crate::quantize::{QuantizePlan, RangeMethod, activations, observe_ranges, quantize};
    use eyas::model::Normalization;
    use ndarray::array;
    use sprs::TriMat;

    /// Two words decide two classes; a third is noise.
    fn rows() -> CsMat<f32> {
        let mut rows = TriMat::new((4, 3));
        for (row, input) in [(0, 0), (1, 1), (2, 0), (2, 2), (3, 1), (3, 2)] {
            rows.add_triplet(row, input, 1.0);
        }
        rows.to_csr()
    }

    #[test]
    fn fine_tuning_follows_the_gradient_and_never_gets_worse() {
        let weights = MlpWeights {
            layers: vec![
                DenseWeights { weight: array![[0.2, 0.1, 0.3], [0.1, 0.25, -0.2]], bias: array![0.05, 0.05] },
                DenseWeights { weight: array![[0.1, 0.2], [0.2, 0.1]], bias: array![0.0, 0.0] },
            ],
        };
        let rows = rows();
        let coding = InputCoding::of(&rows, Normalization::None);
        let plan = QuantizePlan { ranges: RangeMethod::MinMax, bias_correction: true };
        let start = quantize(&weights, &coding, &rows, &plan).unwrap();
        let truth = [0u16, 1, 0, 1];
        let integers = coding.integers(&rows);
        let score = |student: &IntegerStudent| {
            let labels = Replay::of(student, &integers)?.labels;
            Ok(labels.iter().zip(truth).filter(|&(&label, truth)| label == truth).count() as f64)
        };
        let before = score(&start).unwrap();
        let mut cross_entropy = |logits: &Array2<f32>| {
            let mut gradient = logits.clone();
            for (mut row, truth) in gradient.outer_iter_mut().zip(truth) {
                let sum: f32 = row.iter().map(|z| z.exp()).sum();
                row.mapv_inplace(|z| z.exp() / sum);
                row[usize::from(truth)] -= 1.0;
            }
            gradient
        };
        let ranges = observe_ranges(&activations(&weights, &rows), RangeMethod::MinMax);
        let ranges: Ranges = ranges.iter().map(|&(lo, hi)| (lo * 4.0 - 1.0, hi * 4.0 + 1.0)).collect();
        let ranges = vec![(0.0, ranges[0].1), ranges[1]];
        let plan = AwarePlan { epochs: 200, adam: Adam { learning_rate: 0.02, weight_decay: 0.0 } };
        let tuned = fine_tune(&weights, start, &ranges, &rows, &plan, &mut cross_entropy, &score).unwrap();
        let after = score(&tuned).unwrap();
        assert!(before < 4.0, "the start must be wrong somewhere, or this test shows nothing");
        assert_eq!(after, 4.0);
    }

    #[test]
    fn sparse_gradient_equals_the_dense_product() {
        let rows = rows();
        let back = array![[1.0f32, 2.0], [3.0, -4.0], [0.5, 0.0], [0.0, 1.0]];
        assert_eq!(sparse_gradient(&rows, &back), back.t().dot(&rows.to_dense()));
        let layer = DenseWeights { weight: array![[0.5f32, 1.0, 2.0]], bias: array![0.0] };
        assert_eq!(sparse_product(&rows, &layer), rows.to_dense().dot(&layer.weight.t()));
    }
}
