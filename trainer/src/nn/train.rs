//! The full-batch training loop: Adam, early stopping, moving average, and a state that can be saved.
//!
//! Early stopping is the reference's: a tune accuracy that equals the best counts as progress, so the
//! last of equal epochs is kept; `patience` epochs without progress end the run. There is one
//! evaluation an epoch, over the tune rows only.

use std::ops::ControlFlow;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::backend::{BackendKind, LossGradient};
use super::error::TrainError;
use super::network::{Network, Parameter, View};
use super::optimizer::{Adam, Moments, average};

/// Length and optimiser of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// Optimiser.
    pub adam: Adam,
    /// Epochs at most, 1 or more.
    pub max_epochs: usize,
    /// Epochs without progress that end the run, 1 or more.
    pub patience: usize,
    /// Decay of an exponential moving average of the weights, in [0, 1). The average is what is
    /// evaluated and kept; its decay is ramped up as `min(decay, (1 + epoch) / (10 + epoch))`.
    pub average: Option<f32>,
}

impl Default for TrainPlan {
    /// The reference: lr 0.01, weight decay 5e-4, at most 500 epochs, patience 50, no average.
    fn default() -> Self {
        TrainPlan {
            adam: Adam { learning_rate: 0.01, weight_decay: 5e-4 },
            max_epochs: 500,
            patience: 50,
            average: None,
        }
    }
}

/// One point of a training curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Training loss before the epoch's step.
    pub loss: f64,
    /// Tune accuracy after the epoch's step, in [0, 1].
    pub tune_accuracy: f64,
}

/// Everything a run needs to go on: saved and loaded, it continues to the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// One point an epoch done; its length is the epoch number, which also addresses the random streams.
    pub curve: Vec<CurvePoint>,
    /// Epoch (from 0) of the best tune accuracy so far.
    pub best_epoch: usize,
    parameters: Vec<Parameter>,
    moments: Vec<Moments>,
    averaged: Option<Vec<Parameter>>,
    best: Vec<Parameter>,
    fingerprint: Fingerprint,
}

/// What must be equal for a state to be continued.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fingerprint {
    seed: u64,
    widths: Vec<usize>,
    dropout: f32,
    input_dropout: f32,
    plan: TrainPlan,
    backend: BackendKind,
}

impl TrainState {
    /// Epochs done.
    pub fn epochs(&self) -> usize {
        self.curve.len()
    }

    /// Best tune accuracy so far, in [0, 1]; 0 before the first epoch.
    pub fn best_tune_accuracy(&self) -> f64 {
        self.curve.get(self.best_epoch).map_or(0.0, |point| point.tune_accuracy)
    }

    pub(crate) fn best(&self) -> &[Parameter] {
        &self.best
    }
}

/// What a progress callback sees after each epoch.
#[derive(Debug)]
pub struct EpochReport<'a> {
    /// Epoch just done, from 0.
    pub epoch: usize,
    /// Epochs at most.
    pub max_epochs: usize,
    /// Its loss and tune accuracy.
    pub point: CurvePoint,
    /// The whole state, ready to be serialised as a checkpoint.
    pub state: &'a TrainState,
}

/// Called after each epoch; `Break` ends the run with the best weights so far.
pub type Progress<'a> = dyn FnMut(EpochReport<'_>) -> ControlFlow<()> + 'a;

/// A progress callback that never stops and shows nothing.
pub fn silent(_: EpochReport<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// A network with the rows it trains and is scored on.
pub(crate) struct Task<'a> {
    pub(crate) network: &'a Network,
    pub(crate) train: &'a View,
    pub(crate) tune: &'a View,
    /// Labels of the tune view's rows.
    pub(crate) tune_labels: &'a [u16],
    pub(crate) seed: u64,
    pub(crate) backend: BackendKind,
}

impl Task<'_> {
    /// Runs to the end, from the start or from a saved state.
    pub(crate) fn run(
        &self,
        plan: &TrainPlan,
        resume: Option<TrainState>,
        loss: &mut LossGradient<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<TrainState, TrainError> {
        let engine = self.backend.engine();
        keep_freed_memory();
        let mut state = match resume {
            Some(state) if state.fingerprint == self.fingerprint(plan) => state,
            Some(_) => return Err(TrainError::ForeignState),
            None => self.start(plan),
        };
        while state.epochs() < plan.max_epochs && state.epochs() < state.best_epoch + 1 + plan.patience {
            let epoch = state.epochs();
            let masks = self.network.masks(self.train, self.seed, epoch);
            let (value, gradients) = engine.step(self.network, self.train, &mut state.parameters, masks, loss);
            if !value.is_finite() {
                return Err(TrainError::Diverged { epoch, learning_rate: plan.adam.learning_rate });
            }
            let step = u32::try_from(epoch + 1).unwrap_or(u32::MAX);
            for ((parameter, gradient), moments) in state.parameters.iter_mut().zip(&gradients).zip(&mut state.moments)
            {
                plan.adam.update(step, &mut parameter.values, gradient, moments);
            }
            if let (Some(averaged), Some(decay)) = (&mut state.averaged, plan.average) {
                let decay = decay.min((1 + epoch) as f32 / (10 + epoch) as f32);
                for (slow, fast) in averaged.iter_mut().zip(&state.parameters) {
                    average(decay, &fast.values, &mut slow.values);
                }
            }
            let best_before = state.best_tune_accuracy();
            let scored = state.averaged.as_mut().unwrap_or(&mut state.parameters);
            let logits = engine.logits(self.network, self.tune, scored);
            let point = CurvePoint { loss: value, tune_accuracy: accuracy(logits.view(), self.tune_labels) };
            if epoch == 0 || point.tune_accuracy >= best_before {
                state.best_epoch = epoch;
                for (kept, now) in state.best.iter_mut().zip(scored.iter()) {
                    kept.values.copy_from_slice(&now.values);
                }
            }
            state.curve.push(point);
            let report = EpochReport { epoch, max_epochs: plan.max_epochs, point, state: &state };
            if progress(report).is_break() {
                break;
            }
        }
        Ok(state)
    }

    fn start(&self, plan: &TrainPlan) -> TrainState {
        let parameters = self.network.initial(self.seed);
        TrainState {
            curve: Vec::new(),
            best_epoch: 0,
            moments: parameters.iter().map(|parameter| Moments::zeros(parameter.values.len())).collect(),
            averaged: plan.average.map(|_| parameters.clone()),
            best: parameters.clone(),
            parameters,
            fingerprint: self.fingerprint(plan),
        }
    }

    fn fingerprint(&self, plan: &TrainPlan) -> Fingerprint {
        Fingerprint {
            seed: self.seed,
            widths: self.network.widths.clone(),
            dropout: self.network.dropout,
            input_dropout: self.network.input_dropout,
            plan: plan.clone(),
            backend: self.backend,
        }
    }
}

/// Freeing one large block teaches the GNU allocator to serve blocks of this size from the heap and
/// to keep them when freed; without it every epoch gives its activations back to the system and pays
/// a page fault for each page of the next. Other allocators lose nothing.
fn keep_freed_memory() {
    const LARGEST_THRESHOLD: usize = 31 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGEST_THRESHOLD)));
}

/// The class of the highest logit of each row; ties go to the lowest index.
pub fn predictions(logits: ArrayView2<'_, f32>) -> Vec<u16> {
    let best = |row: ndarray::ArrayView1<'_, f32>| {
        let mut best = 0;
        for (class, &logit) in row.iter().enumerate() {
            if logit > row[best] {
                best = class;
            }
        }
        best as u16
    };
    logits.rows().into_iter().map(best).collect()
}

/// Share of rows whose highest logit is at the label, in [0, 1]; 0 for no rows.
pub fn accuracy(logits: ArrayView2<'_, f32>, labels: &[u16]) -> f64 {
    let right = predictions(logits).iter().zip(labels).filter(|(guess, label)| guess == label).count();
    right as f64 / labels.len().max(1) as f64
}

/// Accuracy over a list of rows of logits for all rows.
pub fn accuracy_at(logits: &Array2<f32>, labels: &[u16], rows: &[usize]) -> f64 {
    let guesses = predictions(logits.view());
    rows.iter().filter(|&&row| guesses[row] == labels[row]).count() as f64 / rows.len().max(1) as f64
}
