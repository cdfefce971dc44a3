//! The one training loop: whole batch or mini-batches, one network or several together, and a state that can be saved.
//!
//! The caller's [`Lesson`] defines what is learnt and how an epoch is evaluated. After every epoch there is one
//! evaluation, over the tune rows only.

use std::ops::ControlFlow;

use cpu_time::ThreadTime;
use ndarray::{Array2, ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sprs::CsMat;

use super::backend::BackendKind;
use super::curve::{CurvePoint, TuneFigure, highest};
use super::error::TrainError;
use super::length::Length;
use super::net::{Input, Net, Parameter, TrainedNet, outputs, seed_of};
use super::optimizer::{Adam, Moments};
use super::random::{DropoutMask, Purpose, shuffle, stream};
use super::view::View;

/// Length and optimiser of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainPlan {
    /// Optimiser.
    pub adam: Adam,
    /// How long at most.
    pub length: Length,
    /// Epochs without progress that end the training, 1 or more; `None` for all epochs.
    pub patience: Option<usize>,
    /// Rows of a step, 1 or more; the last step of an epoch takes the rest. `None` if every step takes all rows.
    pub batch_rows: Option<usize>,
    /// Seed of weights, order and dropout.
    pub seed: u64,
}

/// The position in a training.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Step of the whole training, from 0.
    pub number: usize,
    /// Seed of the training.
    pub seed: u64,
    /// Rows of the step by their number in the data, one an output row.
    pub rows: &'a [usize],
}

impl Step<'_> {
    /// The stream of random numbers of this step for augmenting its rows.
    pub fn stream(&self) -> ChaCha8Rng {
        stream(self.seed, Purpose::Augment, self.number, 0)
    }

    /// The stream of random numbers of this step for choosing who answers for its rows.
    pub fn choice_stream(&self) -> ChaCha8Rng {
        stream(self.seed, Purpose::Augment, self.number, 1)
    }

    /// Drops a share of the non-zero inputs of a batch and scales the others up.
    pub(crate) fn drop_words(&self, x: &mut Array2<f32>, share: f32) {
        let mut rng = stream(self.seed, Purpose::InputDropout, self.number, 0);
        let mask = DropoutMask::draw(x.len(), share, &mut rng);
        x.iter_mut().enumerate().for_each(|(at, value)| *value *= mask.factor(at));
    }
}

/// What the networks learn: loss and evaluation.
pub trait Lesson {
    /// Whether [`Lesson::augment`] changes its rows, which then have to come as mini-batches.
    fn augments(&self) -> bool {
        false
    }
    /// Changes a mini-batch before it is seen, `[batch rows x columns]`.
    fn augment(&mut self, _step: &Step<'_>, _x: &mut Array2<f32>) {}
    /// The loss of a step from the networks' outputs; writes its gradients into arrays that start as zeros.
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64;
    /// The quality of the networks after an epoch, from their outputs on the tune rows.
    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure;
    /// The state that the lesson itself has learnt, for resuming; empty if it learns nothing.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    /// Restores the result of [`Lesson::save`]; `false` if it belongs to another lesson.
    fn restore(&mut self, saved: &[u8]) -> bool {
        saved.is_empty()
    }
}

/// The input of the networks of a training.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Mini-batches of the rows `train` of a matrix, judged on the rows `tune`.
    Rows {
        /// The matrix.
        x: Rows<'a>,
        /// Rows that teach.
        train: &'a [usize],
        /// Tune rows, which choose the epoch.
        tune: &'a [usize],
    },
    /// All rows in every step.
    Whole(Whole<'a>),
}

/// A matrix `[rows x columns]` that mini-batches are taken from.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Every value stored.
    Dense(ArrayView2<'a, f32>),
    /// In CSR.
    Sparse(&'a CsMat<f32>),
}

impl Rows<'_> {
    /// Some rows, every value stored.
    fn select(&self, rows: &[usize]) -> Array2<f32> {
        let matrix = match self {
            Self::Dense(x) => return x.select(Axis(0), rows),
            Self::Sparse(matrix) => matrix,
        };
        let mut chosen = Array2::zeros((rows.len(), matrix.cols()));
        for (mut to, &row) in chosen.rows_mut().into_iter().zip(rows) {
            if let Some(row) = matrix.outer_view(row) {
                row.iter().for_each(|(column, &value)| to[column] = value);
            }
        }
        chosen
    }
}

/// The views of a training whose steps take all rows.
#[derive(Clone, Copy, Debug)]
pub struct Whole<'a> {
    /// Rows of the view `train`, by their number in the data.
    pub(crate) rows: &'a [usize],
    pub(crate) train: &'a View,
    pub(crate) tune: &'a View,
}

/// Everything that a training needs to continue: saved and loaded, it continues to the same bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// One point per finished epoch; its length is the number of the next epoch.
    pub curve: Vec<CurvePoint>,
    /// Epoch, from 0, of `best`.
    pub best_epoch: usize,
    /// Steps done, which address the random streams.
    steps: usize,
    /// The train rows in the order of the last epoch.
    order: Vec<usize>,
    parameters: Vec<Vec<Parameter>>,
    moments: Vec<Vec<Moments>>,
    best: Vec<Vec<Parameter>>,
    lesson: Vec<u8>,
    fingerprint: Fingerprint,
}

/// The values that must be equal for a state to be resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fingerprint {
    nets: Vec<Net>,
    plan: TrainPlan,
    backend: BackendKind,
    train_rows: usize,
}

/// The report to a progress callback after each epoch.
#[derive(Debug)]
pub struct EpochReport<'a> {
    /// Epoch just done, from 0.
    pub epoch: usize,
    /// Epochs at most.
    pub max_epochs: usize,
    /// Its loss and tune figure.
    pub point: CurvePoint,
    /// The whole state, ready to be serialised as a checkpoint.
    pub state: &'a TrainState,
}

/// Called after each epoch; `Break` ends the training with the best weights so far.
pub type Progress<'a> = dyn FnMut(EpochReport<'_>) -> ControlFlow<()> + 'a;

/// A progress callback that never stops and shows nothing.
pub fn silent(_: EpochReport<'_>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Trained networks and their training curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// In the order given, with the weights of the best epoch.
    pub nets: Vec<TrainedNet>,
    /// Epoch, from 0, of the weights.
    pub best_epoch: usize,
    /// One point per epoch.
    pub curve: Vec<CurvePoint>,
    /// CPU seconds of the training thread.
    pub cpu_seconds: f64,
}

impl Trained {
    /// The tune figure of the best epoch.
    #[must_use]
    pub fn best(&self) -> f64 {
        self.curve.get(self.best_epoch).map_or(f64::NAN, |point| point.tune.value())
    }
}

/// A training: networks with their initial weights, their input, and the length.
#[derive(Clone, Copy, Debug)]
pub struct Training<'a> {
    /// Networks that are trained together, each with its own weights.
    pub start: &'a [TrainedNet],
    /// Their input.
    pub source: Source<'a>,
    /// Length and optimiser.
    pub plan: TrainPlan,
    /// Backend.
    pub backend: BackendKind,
}

impl Training<'_> {
    /// Trains to the end, from the start or from a saved state, unless `progress` stops it.
    ///
    /// # Errors
    /// No rows, a state of another training, or a loss that is not finite.
    pub fn run(
        &self,
        lesson: &mut dyn Lesson,
        resume: Option<TrainState>,
        progress: &mut Progress<'_>,
    ) -> Result<Trained, TrainError> {
        let started = ThreadTime::now();
        keep_freed_memory();
        let tune = self.tune()?;
        let nets: Vec<Net> = self.start.iter().map(|start| start.net.clone()).collect();
        let mut state = self.state(lesson, resume)?;
        let plan = &self.plan;
        let rows = match self.source {
            Source::Rows { train, .. } => train.len(),
            Source::Whole(whole) => whole.rows.len(),
        };
        let max_epochs = plan.length.epochs(rows, plan.batch_rows);
        let last = |best: usize| plan.patience.map_or(max_epochs, |patience| max_epochs.min(best + 1 + patience));
        let mut highest = highest(&state.curve);
        while state.curve.len() < last(state.best_epoch) {
            let epoch = state.curve.len();
            let loss = self.epoch(&nets, epoch, &mut state, lesson)?;
            let seen: Vec<_> = nets
                .iter()
                .zip(&mut state.parameters)
                .map(|(net, parameters)| match &tune {
                    Tune::Rows(rows) => outputs(net, parameters, rows.view(), self.backend),
                    Tune::View(view) => self.backend.engine().see(net, Input::View(view), parameters),
                })
                .collect();
            let point = CurvePoint { loss, tune: lesson.judge(&seen) };
            let best = state.curve.get(state.best_epoch).map(|best| best.tune);
            let is_progress = point.tune.is_progress(best, highest);
            highest = highest.max(point.tune.value());
            if is_progress {
                state.best_epoch = epoch;
                for (kept, now) in state.best.iter_mut().flatten().zip(state.parameters.iter().flatten()) {
                    kept.values.copy_from_slice(&now.values);
                }
            }
            state.curve.push(point);
            state.lesson = lesson.save();
            if progress(EpochReport { epoch, max_epochs, point, state: &state }).is_break() {
                break;
            }
        }
        let TrainState { curve, best_epoch, best, .. } = state;
        let with = |(net, parameters)| TrainedNet { net, parameters };
        let nets = nets.into_iter().zip(best).map(with).collect();
        Ok(Trained { nets, best_epoch, curve, cpu_seconds: started.elapsed().as_secs_f64() })
    }

    /// Runs the steps of an epoch and returns its mean loss.
    fn epoch(
        &self,
        nets: &[Net],
        epoch: usize,
        state: &mut TrainState,
        lesson: &mut dyn Lesson,
    ) -> Result<f64, TrainError> {
        let x = match self.source {
            Source::Whole(whole) => {
                return self.step(nets, Input::View(whole.train), self.at(epoch, state, whole.rows), state, lesson);
            }
            Source::Rows { x, .. } => x,
        };
        let mut order = std::mem::take(&mut state.order);
        shuffle(&mut order, &mut stream(self.plan.seed, Purpose::Order, epoch, 0));
        let mut sum = 0.0;
        for rows in order.chunks(self.plan.batch_rows.unwrap_or(order.len()).max(1)) {
            let mut batch = x.select(rows);
            let step = self.at(epoch, state, rows);
            lesson.augment(&step, &mut batch);
            let value = self.step(nets, Input::Dense(batch.view()), step, state, lesson)?;
            sum += value * rows.len() as f64;
        }
        let loss = sum / order.len() as f64;
        state.order = order;
        Ok(loss)
    }

    fn at<'r>(&self, epoch: usize, state: &TrainState, rows: &'r [usize]) -> Step<'r> {
        Step { epoch, number: state.steps, seed: self.plan.seed, rows }
    }

    /// One step of Adam; returns the loss before it.
    fn step(
        &self,
        nets: &[Net],
        input: Input<'_>,
        step: Step<'_>,
        state: &mut TrainState,
        lesson: &mut dyn Lesson,
    ) -> Result<f64, TrainError> {
        let seed = self.plan.seed;
        let masks = nets.iter().enumerate().map(|(at, net)| net.masks(input, seed_of(seed, at), step.number)).collect();
        let mut loss = |outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]| lesson.loss(&step, outputs, gradients);
        let (value, gradients) = self.backend.engine().step(nets, input, &mut state.parameters, masks, &mut loss);
        let adam = &self.plan.adam;
        if !value.is_finite() {
            return Err(TrainError::Diverged { epoch: step.epoch, learning_rate: adam.learning_rate });
        }
        state.steps += 1;
        let number = u32::try_from(state.steps).unwrap_or(u32::MAX);
        for ((parameters, gradients), moments) in state.parameters.iter_mut().zip(&gradients).zip(&mut state.moments) {
            for ((parameter, gradient), moments) in parameters.iter_mut().zip(gradients).zip(moments) {
                adam.update(number, &mut parameter.values, gradient, moments);
            }
        }
        Ok(value)
    }

    /// Prepares the tune rows once.
    fn tune(&self) -> Result<Tune<'_>, TrainError> {
        match self.source {
            Source::Whole(whole) => Ok(Tune::View(whole.tune)),
            Source::Rows { x, train, tune } => {
                for (place, rows) in [("train rows", train), ("tune rows", tune)] {
                    if rows.is_empty() {
                        return Err(TrainError::Empty { place, remedy: "give rows to this part of the split" });
                    }
                }
                Ok(Tune::Rows(x.select(tune)))
            }
        }
    }

    fn state(&self, lesson: &mut dyn Lesson, resume: Option<TrainState>) -> Result<TrainState, TrainError> {
        let order = match self.source {
            Source::Rows { train, .. } => train.to_vec(),
            Source::Whole(_) => Vec::new(),
        };
        let fingerprint = Fingerprint {
            nets: self.start.iter().map(|start| start.net.clone()).collect(),
            plan: self.plan,
            backend: self.backend,
            train_rows: order.len(),
        };
        if let Some(state) = resume {
            let same = state.fingerprint == fingerprint && state.order.len() == order.len();
            return if same && lesson.restore(&state.lesson) { Ok(state) } else { Err(TrainError::ForeignState) };
        }
        let parameters: Vec<Vec<Parameter>> = self.start.iter().map(|start| start.parameters.clone()).collect();
        let moments = |start: &TrainedNet| {
            let trained = start.net.trained_parameters(start.parameters.len());
            start.parameters[..trained].iter().map(|parameter| Moments::zeros(parameter.values.len())).collect()
        };
        Ok(TrainState {
            curve: Vec::new(),
            best_epoch: 0,
            steps: 0,
            order,
            moments: self.start.iter().map(moments).collect(),
            best: parameters.clone(),
            parameters,
            lesson: Vec::new(),
            fingerprint,
        })
    }
}

/// The rows on which an epoch is evaluated.
enum Tune<'a> {
    Rows(Array2<f32>),
    View(&'a View),
}

/// Freeing one large block teaches the GNU allocator to serve blocks of this size from the heap and
/// to keep them when freed; without this, every epoch returns its activations to the system and causes a page fault for
/// each page of the next. Other allocators are unaffected.
fn keep_freed_memory() {
    const LARGEST_THRESHOLD: usize = 31 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGEST_THRESHOLD)));
}
