//! What rounding did to the student: noise and clipping of each layer, and the labels that changed.

use super::{Answers, Steps, Truth};
use crate::report::statistics::mean;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Rows listed whose label rounding changed.
const LISTED: usize = 20;

/// What rounding did to one layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundedLayer {
    /// Root mean square of int8 minus float activations, in per cent of that of the float ones.
    pub noise: f64,
    /// Float activations that lie beyond what the layer's integers hold, in per cent.
    pub clipped: f64,
}

/// A row whose label rounding changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Number of the row in the data.
    pub row: usize,
    /// Its true label.
    pub truth: u16,
    /// Label before rounding.
    pub float: u16,
    /// Label of the int8 student.
    pub int8: u16,
}

/// What rounding did, on the test rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rounding {
    /// First layer to last.
    pub layers: Vec<RoundedLayer>,
    /// Rows that were compared.
    pub rows: usize,
    /// Of a classifier: rows whose label changed.
    pub changed: Option<usize>,
    /// The first 20 of them.
    pub first_changed: Vec<Changed>,
}

pub(super) fn rounding(answers: &Answers<'_>) -> Rounding {
    let layer = |((integers, steps), float): ((&Vec<i8>, &Steps), &Array2<f32>)| {
        let [lo, hi] = steps.ends.map(|end| steps.real(end));
        let half = steps.scale / 2.0;
        let square = |pair: (&i8, &f32)| (steps.real(*pair.0) - f64::from(*pair.1)).powi(2);
        let noise = mean(&integers.iter().zip(float).map(square).collect::<Vec<_>>()).sqrt();
        let size = mean(&float.iter().map(|&y| f64::from(y).powi(2)).collect::<Vec<_>>()).sqrt();
        let beyond = float.iter().map(|&y| f64::from(y)).filter(|&y| y < lo - half || y > hi + half).count();
        RoundedLayer {
            noise: if size > 0.0 { 100.0 * noise / size } else { 0.0 },
            clipped: 100.0 * beyond as f64 / float.len().max(1) as f64,
        }
    };
    let layers = answers.integers.layers.iter().zip(answers.steps).zip(answers.float).map(layer).collect();
    let rows = answers.integers.labels.len();
    let Truth::Classes(truth, _) = answers.truth else {
        return Rounding { layers, rows, changed: None, first_changed: Vec::new() };
    };
    let float = answers.float.last().map(|logits| crate::nn::predictions(logits.view())).unwrap_or_default();
    let changed: Vec<Changed> = answers
        .integers
        .labels
        .iter()
        .zip(&float)
        .zip(truth.iter().zip(answers.rows))
        .filter(|((int8, float), _)| int8 != float)
        .map(|((&int8, &float), (&truth, &row))| Changed { row, truth, float, int8 })
        .collect();
    Rounding { layers, rows, changed: Some(changed.len()), first_changed: changed.into_iter().take(LISTED).collect() }
}
