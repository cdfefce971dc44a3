//! Runs an integer student over many rows, only through the runtime.

use super::{About, IntegerStudent, QuantizeError};
use eyas::model::{Normalization, Provenance, Task};
use eyas::quant::{quantize_feature, row_share};
use eyas::{AlignedBytes, Student};
use sprs::CsMat;

/// Integers of every layer for a set of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// For each layer the outputs of all rows, row-major `[rows][outputs]`.
    pub layers: Vec<Vec<i8>>,
    /// Label of each row.
    pub labels: Vec<u16>,
}

impl Replay {
    /// Runs a student that is not yet sealed.
    ///
    /// # Errors
    /// If the runtime refuses the numbers.
    pub fn of(student: &IntegerStudent, rows: &[Vec<i8>]) -> Result<Self, QuantizeError> {
        let outputs = student.layers.last().map_or(0, |layer| layer.meta.outputs);
        let labels: Vec<String> = (0..outputs).map(|output| output.to_string()).collect();
        let provenance = Provenance { teacher: "", data_hash: &[], recipe_hash: &[], seed: 0, tool: "" };
        // A single output is not a choice between labels; the integers are the same for both tasks.
        let task = if outputs == 1 { Task::Regress } else { Task::Classify };
        let about = About { labels: &labels, input_names: &[], provenance, task, golden: &[] };
        let file = AlignedBytes::from(student.file(&about)?.as_slice());
        Ok(Self::of_file(&Student::load(&file)?, rows))
    }

    /// Runs a loaded student.
    ///
    /// # Panics
    /// If a row's length is not the student's number of inputs.
    #[must_use]
    pub fn of_file(student: &Student<'_>, rows: &[Vec<i8>]) -> Self {
        let mut arena = vec![0; student.arena_words()];
        let mut layers: Vec<Vec<i8>> =
            student.layers().map(|layer| Vec::with_capacity(rows.len() * usize::from(layer.outputs))).collect();
        let mut labels = Vec::with_capacity(rows.len());
        for row in rows {
            let answer = student.infer_observed(row, &mut arena, |layer, y| layers[layer].extend(y.iter()));
            // The arena has the student's own size, and the rows were quantized for the student.
            labels.push(answer.expect("a row of the student's own length").decision().label);
        }
        Self { layers, labels }
    }
}

impl IntegerStudent {
    /// The quantities that the outputs of a replay stand for, one a row.
    #[must_use]
    pub fn quantities(&self, replay: &Replay) -> Vec<f64> {
        let last = self.layers.last();
        let (scale, zero) = last.map_or((0.0, 0), |layer| (layer.output_scale, layer.meta.zero_point));
        let outputs = replay.layers.last().into_iter().flatten();
        outputs.map(|&y| scale * f64::from(i32::from(y) - i32::from(zero))).collect()
    }
}

impl super::InputCoding {
    /// The input integers of every row, with the runtime's own rounding.
    ///
    /// # Shapes
    /// - `rows`: `[rows x inputs]`, finite values
    #[must_use]
    pub fn integers(&self, rows: &CsMat<f32>) -> Vec<Vec<i8>> {
        let (gains, offsets) = (self.feature_gains(), self.offsets());
        rows.outer_iterator()
            .map(|row| {
                // Data sets hold only finite values; their loader refuses others.
                let share = match self.normalization {
                    Normalization::None => 1.0,
                    Normalization::RowSum => row_share(row.data().iter().copied()).unwrap_or(1.0),
                };
                let mut x = vec![self.zero_point; rows.cols()];
                for (input, &value) in row.iter() {
                    let coded = quantize_feature(value * share, gains[input], offsets[input]);
                    x[input] = coded.unwrap_or(self.zero_point);
                }
                x
            })
            .collect()
    }
}
