//! Mini-batch training on the rows of a matrix: order, passes, the best pass. What is trained and what it learns are the
//! caller's.

use std::ops::ControlFlow;

use cpu_time::ThreadTime;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::error::TrainError;
use super::network::Parameter;
use super::optimizer::{Adam, Moments};
use super::random::{Purpose, shuffle, stream};

/// Length and optimiser of a mini-batch training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchPlan {
    /// Optimiser.
    pub adam: Adam,
    /// Passes over the rows, 1 or more.
    pub epochs: usize,
    /// Rows of a step, 1 or more; the last step of a pass takes what is left.
    pub batch_rows: usize,
    /// Seed of weights, order and dropout.
    pub seed: u64,
}

/// Where a training is.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Pass, from 0.
    pub epoch: usize,
    /// Step of the whole training, from 0.
    pub number: usize,
    /// Seed of the training.
    pub seed: u64,
    /// Rows of the batch by their number in the matrix.
    pub rows: &'a [usize],
}

impl Step<'_> {
    /// The stream of random numbers of this step for augmenting its rows.
    pub fn stream(&self) -> ChaCha8Rng {
        stream(self.seed, Purpose::Augment, self.number, 0)
    }
}

/// A pass just done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// Its number, from 0.
    pub epoch: usize,
    /// Passes of the training.
    pub epochs: usize,
    /// Loss, mean over the pass.
    pub loss: f64,
    /// What the lesson says of the tune rows; lower is better.
    pub score: f64,
}

/// What networks learn.
pub trait Lesson {
    /// Changes the batch before it is seen, `[batch rows x columns]`.
    fn augment(&mut self, _step: &Step<'_>, _x: &mut Array2<f32>) {}
    /// The loss of a batch from the networks' outputs; writes its gradients, which arrive as zeros.
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64;
    /// How good the networks are after a pass, from their outputs on the tune rows; lower is better.
    fn score(&mut self, outputs: &[Array2<f32>]) -> f64;
}

/// What is trained: some networks with a list of parameters each.
pub(super) trait Trainee {
    /// Loss of a batch and one gradient a parameter.
    fn step(&mut self, step: &Step<'_>, parameters: &mut [Vec<Parameter>]) -> (f64, Vec<Vec<Vec<f32>>>);
    /// How good the parameters are on the tune rows; lower is better.
    fn score(&mut self, parameters: &mut [Vec<Parameter>]) -> f64;
}

/// The best pass of a training.
pub(super) struct Best {
    pub(super) parameters: Vec<Vec<Parameter>>,
    pub(super) epoch: usize,
    pub(super) score: f64,
    /// Loss (mean over the pass) and score of each pass.
    pub(super) curve: Vec<(f64, f64)>,
    /// CPU seconds of this thread.
    pub(super) cpu_seconds: f64,
}

/// Trains on the rows `train`, scored on `tune` after each pass, until `each` breaks off or the plan ends.
pub(super) fn train_batches(
    trainee: &mut dyn Trainee,
    mut parameters: Vec<Vec<Parameter>>,
    (train, tune): (&[usize], &[usize]),
    plan: &BatchPlan,
    each: &mut dyn FnMut(Pass) -> ControlFlow<()>,
) -> Result<Best, TrainError> {
    let started = ThreadTime::now();
    for (place, rows) in [("train rows", train), ("tune rows", tune)] {
        if rows.is_empty() {
            return Err(TrainError::Empty { place, remedy: "give rows to this part of the split" });
        }
    }
    let moments = |of: &Vec<Parameter>| of.iter().map(|p| Moments::zeros(p.values.len())).collect();
    let mut moments: Vec<Vec<Moments>> = parameters.iter().map(moments).collect();
    let mut best =
        Best { parameters: parameters.clone(), epoch: 0, score: f64::INFINITY, curve: Vec::new(), cpu_seconds: 0.0 };
    let (seed, epochs) = (plan.seed, plan.epochs);
    let mut order = train.to_vec();
    let mut number = 0;
    for epoch in 0..epochs {
        // From the stream of the pass, so that an order depends on nothing drawn before.
        shuffle(&mut order, &mut stream(seed, Purpose::Order, epoch, 0));
        let mut sum = 0.0;
        for rows in order.chunks(plan.batch_rows.max(1)) {
            let (value, gradients) = trainee.step(&Step { epoch, number, seed, rows }, &mut parameters);
            if !value.is_finite() {
                return Err(TrainError::Diverged { epoch, learning_rate: plan.adam.learning_rate });
            }
            number += 1;
            let adam_step = u32::try_from(number).unwrap_or(u32::MAX);
            let all = parameters.iter_mut().flatten().zip(gradients.iter().flatten());
            for ((parameter, gradient), moments) in all.zip(moments.iter_mut().flatten()) {
                plan.adam.update(adam_step, &mut parameter.values, gradient, moments);
            }
            sum += value * rows.len() as f64;
        }
        let (loss, score) = (sum / train.len() as f64, trainee.score(&mut parameters));
        best.curve.push((loss, score));
        if score < best.score || epoch == 0 {
            (best.epoch, best.score) = (epoch, score);
            best.parameters.clone_from(&parameters);
        }
        if each(Pass { epoch, epochs, loss, score }).is_break() {
            break;
        }
    }
    best.cpu_seconds = started.elapsed().as_secs_f64();
    Ok(best)
}
