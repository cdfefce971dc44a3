//! The student of a job in int8, and how good it is.

use ndarray::Axis;

use super::job::Job;
use super::lesson::Unit;
use super::prepare::{TabularPrepared, Truth};
use crate::nn::MlpWeights;
use crate::quantize::{InputCoding, IntegerStudent, Replay, Standard, dense_rows, quantize};
use crate::report::Score;
use crate::run::RunError;

/// Figures of the int8 student on some rows.
pub(super) type Int8<'a> = Box<dyn Fn(&[usize]) -> Result<Score, RunError> + 'a>;

/// The student without weights on inputs that never changed while it learnt.
///
/// Nothing has taught these weights, so what such an input shows later must not count.
pub(super) fn without_constant(mut weights: MlpWeights, standard: &Standard) -> MlpWeights {
    if let Some(first) = weights.layers.first_mut() {
        for (mut column, constant) in first.weight.columns_mut().into_iter().zip(standard.constant()) {
            if constant {
                column.fill(0.0);
            }
        }
    }
    weights
}

/// The student with the answers of a regression in the unit of its quantity.
pub(super) fn in_unit(weights: &MlpWeights, unit: Unit) -> MlpWeights {
    let mut weights = weights.clone();
    if let Some(last) = weights.layers.last_mut() {
        last.weight *= unit.deviation;
        last.bias.mapv_inplace(|bias| unit.value(bias));
    }
    weights
}

/// Rounds the student, which answers in standard scores.
///
/// Its integers are those of a quantity whose deviation is 1 to 2, and one step of them is worth a power of two as much: a
/// unit as small or as large as single precision allows costs no bit of a weight.
pub(super) fn integers<'a>(
    job: &Job<'a>,
    weights: &MlpWeights,
    standard: &Standard,
) -> Result<(IntegerStudent, Int8<'a>), RunError> {
    let failed = |source| RunError::Quantize { seed: job.seed, source };
    let student = job.data.student;
    let standard =
        Standard { means: standard.means[..student].to_vec(), deviations: standard.deviations[..student].to_vec() };
    let train = job.x.select(Axis(0), &job.split.train);
    let headroom = job.recipe.quantize.input_headroom.unwrap_or(1.0);
    let coding = InputCoding::of_scores(standard, train.slice(ndarray::s![.., ..student]), headroom);
    let raw = move |data: &TabularPrepared, rows: &[usize]| {
        dense_rows(data.x.select(Axis(0), rows).slice(ndarray::s![.., ..data.student]))
    };
    let plan = crate::run::quantize_plan(&job.recipe.quantize);
    let (power, unit) = job.unit.by_power_of_two();
    let weights = in_unit(weights, unit);
    let integer = quantize(&weights, &coding, &raw(job.data, &job.split.tune), &plan).map_err(failed)?;
    let integer = integer.with_outputs_times(f64::from(power));
    let (data, seed, for_score) = (job.data, job.seed, integer.clone());
    let int8: Int8<'a> = Box::new(move |rows: &[usize]| {
        let x = for_score.coding.integers(&raw(data, rows));
        let replay = Replay::of(&for_score, &x).map_err(|source| RunError::Quantize { seed, source })?;
        Ok(match &data.truth {
            Truth::Classes { .. } => Score::of_labels(&replay.labels, &data.truth, rows),
            Truth::Quantity { .. } => {
                let last = for_score.layers.last();
                let (scale, zero) = last.map_or((0.0, 0), |layer| (layer.output_scale, layer.meta.zero_point));
                let values = replay.layers.last().into_iter().flatten();
                let values: Vec<f64> = values.map(|&y| scale * f64::from(i32::from(y) - i32::from(zero))).collect();
                Score::of_values(&values, &data.truth, rows)
            }
        })
    });
    Ok((integer, int8))
}
