//! The student of a job in int8: rounded after training, or trained on with rounding.

use ndarray::Array2;

use super::RunError;
use super::job::Job;
use super::teachers::Teachers;
use crate::data::{Form, Matrix};
use crate::distill::labels::TargetScale;
use crate::method::link::embedding;
use crate::nn::{Lesson, MlpWeights, Step};
use crate::quantize::{
    AwarePlan, Feedback, InputCoding, IntegerStudent, QuantizeError, QuantizePlan, RangeMethod, Replay, Standard,
    activations, fine_tune, observe_ranges, quantize,
};
use crate::recipe::{QuantizeMethod, QuantizeSection, RangeKind, Recipe};

impl Job<'_> {
    /// The student with the answers of a regression in the unit of its quantity.
    pub(super) fn in_unit(&self, weights: &MlpWeights) -> MlpWeights {
        self.counted_in(weights, self.scale)
    }

    /// The same network, the standard scores of a regression as a quantity of this mean and deviation.
    fn counted_in(&self, weights: &MlpWeights, scale: TargetScale) -> MlpWeights {
        let mut weights = weights.clone();
        if let (false, Some(last)) = (self.classifies(), weights.layers.last_mut()) {
            last.weight *= scale.deviation;
            last.bias.mapv_inplace(|bias| bias * scale.deviation + scale.mean);
        }
        weights
    }

    /// How features become input integers, from the rows that may be learnt from.
    fn coding(&self) -> InputCoding {
        let student = self.data.student;
        match (&self.form, &self.data.x) {
            (Form::Scores(standard), x) => {
                let (means, deviations) = (&standard.means[..student], &standard.deviations[..student]);
                let standard = Standard { means: means.to_vec(), deviations: deviations.to_vec() };
                let headroom = self.recipe.quantize.input_headroom.unwrap_or(1.0);
                let scores = match self.form.apply(&x.select(&self.split.train)) {
                    Matrix::Dense(scores) => scores,
                    Matrix::Sparse(scores) => scores.to_dense(),
                };
                InputCoding::of_scores(standard, scores.slice(ndarray::s![.., ..student]), headroom)
            }
            (&Form::Normalized(normalization, _), Matrix::Sparse(x)) => InputCoding::of(x, normalization),
            (&Form::Normalized(normalization, _), Matrix::Dense(_)) => {
                InputCoding::of(&self.data.x.clone().into_sparse(), normalization)
            }
        }
    }

    /// Rounds the student, which answers in standard scores, and trains it on where the recipe says so.
    ///
    /// The integers of a regression are those of a quantity whose deviation is 1 to 2, and one step of them is worth a power
    /// of two as much: a unit as small or as large as single precision allows costs no bit of a weight.
    pub(super) fn integers(&self, weights: &MlpWeights, teachers: &Teachers) -> Result<IntegerStudent, RunError> {
        let failed = |source| RunError::Quantize { seed: self.seed(), source };
        let section = &self.recipe.quantize;
        let coding = self.coding();
        let tune = self.data.x.student_rows(&self.split.tune, self.data.student);
        let (power, scale) = self.scale.by_power_of_two();
        let weights = self.counted_in(weights, scale);
        let plan = quantize_plan(section);
        let mut student = quantize(&weights, &coding, &tune, &plan).map_err(failed)?;
        if let Some(aware) = aware(section) {
            let recipe = with_stored_answers(self.recipe);
            let teaching = self.teaching(&recipe, teachers).map_err(|source| self.train_error("quantize", source))?;
            let rows = teaching.rows();
            let mut lesson = self.lesson(&recipe, &teaching, teachers);
            let mut number = 0;
            let mut gradient = |outputs: &Array2<f32>| {
                let outputs = [outputs.mapv(|y| scale.score(y))];
                let mut gradient = [Array2::zeros(outputs[0].dim())];
                lesson.loss(&Step { epoch: number, number, seed: self.seed(), rows }, &outputs, &mut gradient);
                number += 1;
                let [gradient] = gradient;
                // Of a score to a quantity; of classes the deviation is 1.
                gradient / scale.deviation
            };
            let tune_integers = coding.integers(&tune);
            let score = |student: &IntegerStudent| self.merit(student, &tune_integers, power);
            let ranges = observe_ranges(&activations(&weights, &coding.seen(&tune)), plan.ranges);
            let used = self.data.x.student_rows(rows, self.data.student);
            let feedback = Feedback { gradient: &mut gradient, score: &score };
            student = fine_tune(&weights, student, &ranges, &used, &aware, feedback).map_err(failed)?;
        }
        Ok(student.with_outputs_times(f64::from(power)))
    }

    /// How good a student is on the tune rows; a step of its outputs is worth `power` times as much.
    fn merit(&self, student: &IntegerStudent, tune: &[Vec<i8>], power: f32) -> Result<f64, QuantizeError> {
        let (truth, rows) = (&self.data.truth, &self.split.tune);
        let replay = Replay::of(student, tune)?;
        Ok(if self.classifies() {
            truth.score_labels(&replay.labels, rows).merit()
        } else {
            let student = student.clone().with_outputs_times(f64::from(power));
            truth.score_values(&student.quantities(&replay), rows).merit()
        })
    }
}

/// The recipe for a student that sees its rows as they were measured and has its own outputs alone.
fn with_stored_answers(recipe: &Recipe) -> Recipe {
    let mut recipe = super::controls::stored(recipe);
    recipe.link.retain(|link| !link.is(&embedding::METHOD));
    recipe
}

/// How ranges are chosen and biases corrected.
pub(crate) fn quantize_plan(section: &QuantizeSection) -> QuantizePlan {
    let ranges = match section.ranges {
        RangeKind::Minmax => RangeMethod::MinMax,
        RangeKind::Percentile => RangeMethod::Percentile(section.percentile.unwrap_or(100.0)),
        RangeKind::Mse => RangeMethod::Mse,
    };
    QuantizePlan { ranges, bias_correction: section.bias_correction }
}

/// The training with rounding, where the recipe asks for it.
fn aware(section: &QuantizeSection) -> Option<AwarePlan> {
    (section.method == QuantizeMethod::Qat).then(|| AwarePlan {
        epochs: section.qat_epochs.unwrap_or(0),
        adam: crate::nn::Adam { learning_rate: section.qat_learning_rate.unwrap_or(0.0) as f32, weight_decay: 0.0 },
    })
}
