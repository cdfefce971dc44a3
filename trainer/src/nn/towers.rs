//! Dense networks trained side by side in mini-batches: every tower reads its own columns of one matrix.
//!
//! A tower is a multi-layer perceptron whose first layers may be split into branches, one a group of columns (a sensor,
//! a modality), joined before the trunk: intermediate fusion. Several towers step together when one loss couples them,
//! as in co-training; the loss sees all their logits and answers with closed gradients.

use std::ops::{ControlFlow, Range};

use cpu_time::ThreadTime;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::backend::BackendKind;
use super::error::TrainError;
use super::network::Parameter;
use super::optimizer::{Adam, Moments};
use super::random::{DropoutMask, Purpose, shuffle, stream, uniform};

/// The first layers over one group of columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Columns of the matrix that the branch reads.
    pub columns: Range<usize>,
    /// Widths of its layers, each with ReLU; empty to hand the columns on as they are.
    pub hidden: Vec<usize>,
}

/// Shape and regularisation of a dense network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tower {
    /// Groups of columns, joined in this order.
    pub branches: Vec<Branch>,
    /// Widths of the layers behind the join, each with ReLU.
    pub hidden: Vec<usize>,
    /// Logits, or regressed quantities.
    pub outputs: usize,
    /// Dropout of every hidden activation, in [0, 1).
    pub dropout: f32,
}

impl Tower {
    /// A multi-layer perceptron over `columns`.
    pub fn mlp(columns: Range<usize>, hidden: &[usize], outputs: usize, dropout: f32) -> Self {
        let branches = vec![Branch { columns, hidden: Vec::new() }];
        Tower { branches, hidden: hidden.to_vec(), outputs, dropout }
    }

    /// Shapes of the dense layers in the order of use: branch by branch, then the trunk; the last one has no ReLU.
    pub(crate) fn shapes(&self) -> Vec<(usize, usize)> {
        let mut shapes = Vec::new();
        let mut joined = 0;
        for branch in &self.branches {
            let mut width = branch.columns.len();
            for &next in &branch.hidden {
                shapes.push((width, next));
                width = next;
            }
            joined += width;
        }
        for &next in self.hidden.iter().chain([&self.outputs]) {
            shapes.push((joined, next));
            joined = next;
        }
        shapes
    }

    /// Initial parameters as PyTorch's `Linear`: uniform within 1/sqrt(inputs), bias too.
    fn initial(&self, seed: u64) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (layer, (inputs, outputs)) in self.shapes().into_iter().enumerate() {
            let mut rng = stream(seed, Purpose::Weights, 0, layer);
            let bound = 1.0 / (inputs.max(1) as f32).sqrt();
            let values = uniform(inputs * outputs, bound, &mut rng);
            parameters.push(Parameter { rows: inputs, columns: outputs, values });
            parameters.push(Parameter { rows: 1, columns: outputs, values: uniform(outputs, bound, &mut rng) });
        }
        parameters
    }

    /// One mask a hidden layer for `rows` rows; none without dropout.
    fn masks(&self, rows: usize, seed: u64, step: usize) -> Vec<Option<DropoutMask>> {
        let shapes = self.shapes();
        let hidden = shapes.len() - 1;
        let mask = |(layer, &(_, outputs)): (usize, &(usize, usize))| {
            (self.dropout > 0.0 && layer < hidden).then(|| {
                let mut rng = stream(seed, Purpose::HiddenDropout, step, layer);
                DropoutMask::draw(rows * outputs, self.dropout, &mut rng)
            })
        };
        shapes.iter().enumerate().map(mask).collect()
    }
}

/// Towers with the weights they start from, a function of the seed alone.
#[must_use]
pub fn drawn(towers: &[Tower], seed: u64) -> Vec<TrainedTower> {
    let start = |(at, tower): (usize, &Tower)| TrainedTower {
        tower: tower.clone(),
        parameters: tower.initial(seed.wrapping_add(at as u64)),
    };
    towers.iter().enumerate().map(start).collect()
}

/// A tower with its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedTower {
    /// Its shape.
    pub tower: Tower,
    pub(crate) parameters: Vec<Parameter>,
}

impl TrainedTower {
    /// Outputs `[rows x outputs]` for rows of the whole matrix.
    pub fn logits(&self, rows: ArrayView2<'_, f32>, backend: BackendKind) -> Array2<f32> {
        backend.engine().tower_logits(&self.tower, rows, &mut self.parameters.clone())
    }

    /// The weights of a tower without branches, as a student.
    pub fn weights(&self) -> super::MlpWeights {
        super::MlpWeights::from_parameters(&self.parameters)
    }
}

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
    pub fn stream(&self) -> rand_chacha::ChaCha8Rng {
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

/// What towers learn.
pub trait Lesson {
    /// Changes the batch before it is seen, `[batch rows x columns]`.
    fn augment(&mut self, _step: &Step<'_>, _x: &mut Array2<f32>) {}
    /// The loss of a batch from the towers' outputs; writes its gradients, which arrive as zeros.
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64;
    /// How good the towers are after a pass, from their outputs on the tune rows; lower is better.
    fn score(&mut self, outputs: &[Array2<f32>]) -> f64;
}

/// Several trained towers and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedTowers {
    /// In the order given, with the weights of the best pass.
    pub towers: Vec<TrainedTower>,
    /// Pass, from 0, that the weights are from.
    pub best_epoch: usize,
    /// Its score.
    pub best_score: f64,
    /// Loss (mean over the pass) and score of each pass.
    pub curve: Vec<(f64, f64)>,
    /// CPU seconds of the training thread.
    pub cpu_seconds: f64,
}

/// Trains towers together on the rows `train` of `x` `[rows x columns]`, scored on `tune` after each pass, until `each`
/// breaks off or the plan ends.
///
/// # Errors
/// No rows, a column that is not there, or a diverged loss.
pub fn train_towers(
    start: &[TrainedTower],
    x: ArrayView2<'_, f32>,
    (train, tune): (&[usize], &[usize]),
    plan: &BatchPlan,
    backend: BackendKind,
    lesson: &mut dyn Lesson,
    each: &mut dyn FnMut(Pass) -> ControlFlow<()>,
) -> Result<TrainedTowers, TrainError> {
    let seed = plan.seed;
    let started = ThreadTime::now();
    for (place, rows) in [("train rows", train), ("tune rows", tune)] {
        if rows.is_empty() {
            return Err(TrainError::Empty { place, remedy: "give rows to this part of the split" });
        }
    }
    let engine = backend.engine();
    let towers: Vec<Tower> = start.iter().map(|start| start.tower.clone()).collect();
    let mut parameters: Vec<Vec<Parameter>> = start.iter().map(|start| start.parameters.clone()).collect();
    let mut moments: Vec<Vec<Moments>> =
        parameters.iter().map(|of| of.iter().map(|p| Moments::zeros(p.values.len())).collect()).collect();
    let mut best = parameters.clone();
    let (mut best_epoch, mut best_score, mut curve) = (0, f64::INFINITY, Vec::new());
    let tune_rows = x.select(Axis(0), tune);
    let mut order = train.to_vec();
    let mut number = 0;
    for epoch in 0..plan.epochs {
        // From the stream of the pass, so that an order depends on nothing drawn before.
        shuffle(&mut order, &mut stream(seed, Purpose::Order, epoch, 0));
        let mut sum = 0.0;
        for rows in order.chunks(plan.batch_rows.max(1)) {
            let step = Step { epoch, number, seed, rows };
            let mut batch = x.select(Axis(0), rows);
            lesson.augment(&step, &mut batch);
            let masks = towers
                .iter()
                .enumerate()
                .map(|(at, tower)| tower.masks(rows.len(), seed.wrapping_add(at as u64), number))
                .collect();
            let mut loss =
                |outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]| lesson.loss(&step, outputs, gradients);
            let (value, gradients) = engine.tower_step(&towers, batch.view(), &mut parameters, masks, &mut loss);
            if !value.is_finite() {
                return Err(TrainError::Diverged { epoch, learning_rate: plan.adam.learning_rate });
            }
            number += 1;
            let adam_step = u32::try_from(number).unwrap_or(u32::MAX);
            for ((parameters, gradients), moments) in parameters.iter_mut().zip(&gradients).zip(&mut moments) {
                for ((parameter, gradient), moments) in parameters.iter_mut().zip(gradients).zip(moments) {
                    plan.adam.update(adam_step, &mut parameter.values, gradient, moments);
                }
            }
            sum += value * rows.len() as f64;
        }
        let outputs: Vec<_> = towers
            .iter()
            .zip(&mut parameters)
            .map(|(tower, parameters)| engine.tower_logits(tower, tune_rows.view(), parameters))
            .collect();
        let (loss, score) = (sum / train.len() as f64, lesson.score(&outputs));
        curve.push((loss, score));
        if score < best_score || epoch == 0 {
            (best_epoch, best_score) = (epoch, score);
            best.clone_from(&parameters);
        }
        if each(Pass { epoch, epochs: plan.epochs, loss, score }).is_break() {
            break;
        }
    }
    let towers = towers.into_iter().zip(best).map(|(tower, parameters)| TrainedTower { tower, parameters });
    let towers = towers.collect();
    Ok(TrainedTowers { towers, best_epoch, best_score, curve, cpu_seconds: started.elapsed().as_secs_f64() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squared error towards the sum of the columns.
    struct Sum<'a>(ArrayView2<'a, f32>);

    impl Lesson for Sum<'_> {
        fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
            let mut loss = 0.0;
            for (output, gradient) in outputs.iter().zip(gradients) {
                for (at, &row) in step.rows.iter().enumerate() {
                    let error = output[[at, 0]] - self.0.row(row).sum();
                    gradient[[at, 0]] = 2.0 * error / step.rows.len() as f32;
                    loss += f64::from(error * error) / step.rows.len() as f64;
                }
            }
            loss
        }

        fn score(&mut self, outputs: &[Array2<f32>]) -> f64 {
            let truth = self.0.sum_axis(Axis(1));
            outputs
                .iter()
                .map(|y| y.column(0).iter().zip(&truth).map(|(y, t)| f64::from((y - t).powi(2))).sum::<f64>())
                .sum()
        }
    }

    #[test]
    fn every_backend_trains_branches_and_a_plain_tower_alike() {
        let x = Array2::from_shape_fn((64, 4), |(row, column)| ((row * 7 + column * 3) % 11) as f32 / 11.0 - 0.5);
        let rows: Vec<usize> = (0..64).collect();
        let fused = Tower {
            branches: vec![Branch { columns: 0..2, hidden: vec![8] }, Branch { columns: 2..4, hidden: vec![8] }],
            hidden: vec![8],
            outputs: 1,
            dropout: 0.0,
        };
        let towers = [fused, Tower::mlp(0..4, &[16], 1, 0.0)];
        let adam = Adam { learning_rate: 0.01, weight_decay: 0.0 };
        let plan = BatchPlan { adam, epochs: 60, batch_rows: 16, seed: 3 };
        let scores = BackendKind::ALL.map(|backend| {
            let (start, mut passes) = (drawn(&towers, 3), 0);
            let mut each = |pass: Pass| {
                assert_eq!((pass.epoch, pass.epochs), (passes, 60));
                passes += 1;
                ControlFlow::Continue(())
            };
            let lesson = &mut Sum(x.view());
            let trained = train_towers(&start, x.view(), (&rows, &rows), &plan, backend, lesson, &mut each).unwrap();
            assert_eq!(passes, 60);
            // What is trained can be trained on: it starts from where it is, not from the seed.
            let more = BatchPlan { epochs: 1, adam: Adam { learning_rate: 1e-6, ..adam }, ..plan };
            let mut stop = |_| ControlFlow::Break(());
            let on =
                train_towers(&trained.towers, x.view(), (&rows, &rows), &more, backend, lesson, &mut stop).unwrap();
            assert!(
                (on.best_score / trained.best_score - 1.0).abs() < 0.01,
                "{} {}",
                on.best_score,
                trained.best_score
            );
            trained.best_score
        });
        assert!(scores.iter().all(|&score| score < 0.5), "{scores:?}");
        assert!(scores.iter().all(|&score| (score / scores[0] - 1.0).abs() < 0.05), "{scores:?}");
    }
}
