//! Converts a float model to int8: observes ranges on rows, then evaluates on them.

use super::onnx::FloatNetwork;
use super::{ImportError, ImportPlan};
use crate::dataset::Table;
use crate::quantize::{InputCoding, IntegerStudent, RangeMethod, Replay, correct_biases, fold, observe_ranges};
use eyas::model::Normalization;
use ndarray::{Array2, ArrayView1};
use serde::Serialize;

/// A float model and its student on the rows the ranges were chosen from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Rows evaluated.
    pub rows: usize,
    /// Mean distance of the student's real outputs from the float model's.
    pub mean_difference: f64,
    /// Share of rows for which both give the same label; 1 for a single output.
    pub agreement: f64,
    /// Share of rows that the float model labels correctly, if the rows have labels.
    pub accuracy_float: Option<f64>,
    /// Share of rows that the student labels correctly, if the rows have labels.
    pub accuracy_int8: Option<f64>,
}

/// A quantized float model.
pub(super) struct Calibrated {
    pub student: IntegerStudent,
    pub integers: Vec<Vec<i8>>,
    pub judged: Judged,
}

/// Chooses the ranges of `network` on `rows` and rounds it.
pub(super) fn calibrate(
    network: &FloatNetwork,
    rows: &Table,
    plan: &ImportPlan<'_>,
) -> Result<Calibrated, ImportError> {
    let inputs = network.weights.layers[0].weight.ncols();
    let found = rows.features.cols();
    if found != inputs || rows.features.rows() == 0 {
        return Err(ImportError::RowWidth { expected: inputs, found: if found == inputs { 0 } else { found } });
    }
    // The model takes raw features.
    let mut coding = InputCoding { unit: 1.0, ..InputCoding::of(&rows.features, Normalization::None) };
    coding.sparse |= plan.sparse_input;
    let observed = activations(network, rows);
    let mut ranges = observe_ranges(&observed, RangeMethod::Mse);
    for (range, &(_, high)) in ranges.iter_mut().zip(&network.clamps) {
        range.1 = range.1.min(f64::from(high));
    }
    let mut student = fold(&network.weights, &coding, &ranges)?;
    let integers = coding.integers(&rows.features);
    correct_biases(&mut student, &network.weights, &rows.features, &integers, &observed)?;
    let replay = Replay::of(&student, &integers)?;
    let float = observed.last().map(labels_of).unwrap_or_default();
    let judged = Judged {
        mean_difference: mean_difference(&student, &replay, observed.last()),
        ..judge(&float, &replay.labels, rows, plan, observed.last().map_or(0, Array2::ncols))?
    };
    Ok(Calibrated { student, integers, judged })
}

/// The float outputs of every layer, clamped as in the model.
fn activations(network: &FloatNetwork, rows: &Table) -> Vec<Array2<f32>> {
    let mut all: Vec<Array2<f32>> = Vec::new();
    for (layer, &(low, high)) in network.weights.layers.iter().zip(&network.clamps) {
        let mut y = match all.last() {
            None => rows.features.to_dense().dot(&layer.weight.t()),
            Some(x) => x.dot(&layer.weight.t()),
        };
        y += &layer.bias;
        y.mapv_inplace(|y| y.clamp(low, high));
        all.push(y);
    }
    all
}

fn mean_difference(student: &IntegerStudent, replay: &Replay, float: Option<&Array2<f32>>) -> f64 {
    let (Some(layer), Some(integers), Some(float)) = (student.layers.last(), replay.layers.last(), float) else {
        return 0.0;
    };
    let real = |y: i8| (f64::from(y) - f64::from(layer.meta.zero_point)) * layer.output_scale;
    let distance = |(&y, &float): (&i8, &f32)| (real(y) - f64::from(float)).abs();
    integers.iter().zip(float).map(distance).sum::<f64>() / integers.len().max(1) as f64
}

fn labels_of(logits: &Array2<f32>) -> Vec<u16> {
    let largest = |row: ArrayView1<'_, f32>| {
        let better = |best: usize, (at, &y): (usize, &f32)| if y > row[best] { at } else { best };
        row.iter().enumerate().fold(0, better) as u16
    };
    logits.outer_iter().map(largest).collect()
}

fn judge(
    float: &[u16],
    int8: &[u16],
    rows: &Table,
    plan: &ImportPlan<'_>,
    outputs: usize,
) -> Result<Judged, ImportError> {
    let share = |a: &[u16], b: &[u16]| a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / a.len().max(1) as f64;
    let truth = if outputs > 1 { truth(rows, plan.labels)? } else { None };
    Ok(Judged {
        rows: float.len(),
        mean_difference: 0.0,
        agreement: share(float, int8),
        accuracy_float: truth.as_ref().map(|truth| share(truth, float)),
        accuracy_int8: truth.as_ref().map(|truth| share(truth, int8)),
    })
}

/// The rows' labels as output numbers.
fn truth(rows: &Table, names: &[String]) -> Result<Option<Vec<u16>>, ImportError> {
    if rows.labels.is_empty() {
        return Ok(None);
    }
    let number = |label: &String| {
        let named = names.iter().position(|name| name == label).map(|at| at as u16);
        named.or_else(|| label.parse().ok()).ok_or_else(|| ImportError::Model {
            reason: format!("the rows are labelled `{label}`, which names no output"),
            remedy: "give --labels the names of the outputs in order, or number the labels from 0",
        })
    };
    rows.labels.iter().map(number).collect::<Result<Vec<_>, _>>().map(Some)
}
