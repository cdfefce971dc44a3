//! The student loop: full batch, from sparse inputs and targets to plain weights.

use cpu_time::ThreadTime;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use sprs::CsMat;

use super::objective::{Objective, ObjectivePlan, Targets};
use crate::nn::error::{TrainError, check_plan, check_rate};
use crate::nn::view::View;
use crate::nn::{
    BackendKind, CurvePoint, Family, Lesson, MlpWeights, Net, Progress, Source, Step, TrainPlan, TrainState, Training,
    TuneFigure, Whole, accuracy, drawn,
};

/// Shape, regularisation, objective and length of a student's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitPlan {
    /// Widths of the hidden layers; empty for one dense layer.
    pub hidden: Vec<usize>,
    /// Dropout of hidden activations, in [0, 1). Wide students take 0.4 to 0.6, narrow ones 0.1 to 0.3.
    pub dropout: f32,
    /// Dropout of the non-zero inputs, in [0, 1): for bags of words each word of a row by itself.
    pub word_dropout: f32,
    /// Loss.
    pub objective: ObjectivePlan,
    /// Optimiser, epochs, patience, seed.
    pub training: TrainPlan,
}

/// A trained student.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Weights of the best tune epoch.
    pub weights: MlpWeights,
    /// Tune accuracy of these weights, in [0, 1].
    pub tune_accuracy: f64,
    /// Epoch (from 0) the weights are from.
    pub best_epoch: usize,
    /// One point an epoch trained.
    pub curve: Vec<CurvePoint>,
    /// CPU seconds of the training thread.
    pub cpu_seconds: f64,
}

/// Trains a student on `input` [rows x inputs].
///
/// Only the rows that carry a target are computed: with labels alone these are the train rows. A
/// saved state continues an earlier run of the same plan, seed and backend to the same bits.
///
/// # Errors
/// Targets or settings that do not fit, no tune rows, a state of another run, a diverged loss.
pub fn fit(
    input: &CsMat<f32>,
    targets: &Targets<'_>,
    plan: &FitPlan,
    backend: BackendKind,
    resume: Option<TrainState>,
    progress: &mut Progress<'_>,
) -> Result<Fitted, TrainError> {
    let started = ThreadTime::now();
    check_plan(&plan.training, &plan.hidden)?;
    check_rate("student dropout", plan.dropout)?;
    check_rate("word_dropout", plan.word_dropout)?;
    let objective = Objective::prepare(targets, &plan.objective, input.rows())?;
    if targets.tune.is_empty() {
        let remedy = "give tune rows: they choose the epoch that is kept";
        return Err(TrainError::Empty { place: "tune rows", remedy });
    }
    let mut widths = vec![input.cols()];
    widths.extend(&plan.hidden);
    widths.push(targets.classes);
    let mut net = Net::chain(Family::Mlp, &widths);
    net.dropout = plan.dropout;
    net.input_dropout = plan.word_dropout;
    let train = View::of_rows(&net, input, objective.rows());
    let tune = View::of_rows(&net, input, targets.tune);
    let tune_labels: Vec<u16> = targets.tune.iter().map(|&row| targets.labels[row]).collect();
    let loss = |logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>| objective.evaluate(logits, gradient);
    let start = drawn(&[net], plan.training.seed);
    let source = Source::Whole(Whole { train: &train, tune: &tune });
    let training = Training { start: &start, source, plan: plan.training, backend };
    let trained = training.run(&mut Closed { loss, tune_labels: &tune_labels }, resume, progress)?;
    Ok(Fitted {
        weights: trained.nets[0].weights(),
        tune_accuracy: trained.best(),
        best_epoch: trained.best_epoch,
        curve: trained.curve,
        cpu_seconds: started.elapsed().as_secs_f64(),
    })
}

/// One network whose every step takes all rows: a closed loss of its logits, judged by accuracy.
pub(crate) struct Closed<'a, L> {
    /// Writes the gradient, which arrives as zeros, and returns the loss.
    pub(crate) loss: L,
    /// Labels of the tune rows.
    pub(crate) tune_labels: &'a [u16],
}

impl<L: FnMut(ArrayView2<'_, f32>, &mut Array2<f32>) -> f64> Lesson for Closed<'_, L> {
    fn loss(&mut self, _step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        (self.loss)(outputs[0].view(), &mut gradients[0])
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Accuracy(accuracy(outputs[0].view(), self.tune_labels))
    }
}
