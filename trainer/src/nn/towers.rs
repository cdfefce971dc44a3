//! Dense networks trained side by side in mini-batches: every tower reads its own columns of one matrix.
//!
//! A tower is a multi-layer perceptron whose first layers may be split into branches, one a group of columns (a sensor,
//! a modality), joined before the trunk: intermediate fusion. Several towers step together when one loss couples them,
//! as in co-training; the loss sees all their logits and answers with closed gradients.

use std::ops::{ControlFlow, Range};

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::backend::BackendKind;
use super::batches::{BatchPlan, Lesson, Pass, Step, Trainee, train_batches};
use super::error::TrainError;
use super::network::Parameter;
use super::random::{DropoutMask, Purpose, stream, uniform};

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

/// Trains towers together on the rows `parts.0` of `x` `[rows x columns]`, scored on `parts.1` after each pass, until
/// `each` breaks off or the plan ends.
///
/// # Errors
/// No rows, a column that is not there, or a diverged loss.
pub fn train_towers(
    start: &[TrainedTower],
    x: ArrayView2<'_, f32>,
    parts: (&[usize], &[usize]),
    plan: &BatchPlan,
    backend: BackendKind,
    lesson: &mut dyn Lesson,
    each: &mut dyn FnMut(Pass) -> ControlFlow<()>,
) -> Result<TrainedTowers, TrainError> {
    let towers: Vec<Tower> = start.iter().map(|start| start.tower.clone()).collect();
    let parameters = start.iter().map(|start| start.parameters.clone()).collect();
    let tune = x.select(Axis(0), parts.1);
    let mut class = Class { towers: &towers, x, tune, backend, lesson };
    let best = train_batches(&mut class, parameters, parts, plan, each)?;
    let with = |(tower, parameters)| TrainedTower { tower, parameters };
    Ok(TrainedTowers {
        towers: towers.into_iter().zip(best.parameters).map(with).collect(),
        best_epoch: best.epoch,
        best_score: best.score,
        curve: best.curve,
        cpu_seconds: best.cpu_seconds,
    })
}

/// Towers that learn a lesson together.
struct Class<'a> {
    towers: &'a [Tower],
    x: ArrayView2<'a, f32>,
    /// The tune rows of `x`.
    tune: Array2<f32>,
    backend: BackendKind,
    lesson: &'a mut dyn Lesson,
}

impl Trainee for Class<'_> {
    fn step(&mut self, step: &Step<'_>, parameters: &mut [Vec<Parameter>]) -> (f64, Vec<Vec<Vec<f32>>>) {
        let mut batch = self.x.select(Axis(0), step.rows);
        self.lesson.augment(step, &mut batch);
        let masks = self
            .towers
            .iter()
            .enumerate()
            .map(|(at, tower)| tower.masks(step.rows.len(), step.seed.wrapping_add(at as u64), step.number))
            .collect();
        let mut loss =
            |outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]| self.lesson.loss(step, outputs, gradients);
        self.backend.engine().tower_step(self.towers, batch.view(), parameters, masks, &mut loss)
    }

    fn score(&mut self, parameters: &mut [Vec<Parameter>]) -> f64 {
        let engine = self.backend.engine();
        let outputs: Vec<_> = self
            .towers
            .iter()
            .zip(parameters)
            .map(|(tower, parameters)| engine.tower_logits(tower, self.tune.view(), parameters))
            .collect();
        self.lesson.score(&outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Adam;

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
