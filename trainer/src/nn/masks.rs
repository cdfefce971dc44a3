//! Masks on the features of a frozen network: a number in (0, 1) for each feature of a hidden layer, from the features
//! themselves.
//!
//! The features are those of a hidden layer before its ReLU, `f' = m(f) * f`, and the layers behind it stay as they are.
//! Nothing in front of the mask changes either, so its features are computed once for all rows.
//!
//! | form | `m(f)` |
//! |---|---|
//! | bottleneck | `sigmoid(W2 relu(W1 f + b1) + b2)` |
//! | attention | every feature a token of its own vector, self-attention over the tokens, one linear unit, sigmoid |

use std::ops::ControlFlow;

use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, softmax};
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::backend::BackendKind;
use super::batches::{BatchPlan, Lesson, Pass, Step, Trainee, train_batches};
use super::error::TrainError;
use super::network::Parameter;
use super::operators::Operators;
use super::random::{Purpose, stream, uniform};
use super::towers::TrainedTower;

/// Bias of a bottleneck's last layer at the start: its gates begin mostly open, `sigmoid(2) = 0.88`.
const OPEN: f32 = 2.0;
/// Rows that are computed at once outside of training.
const ROWS_AT_ONCE: usize = 256;

/// How a mask is computed from the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaskForm {
    /// Two layers with this many units between them.
    Bottleneck {
        /// Units, 1 or more.
        units: usize,
    },
    /// The MaskNet of MST-Distill (Li et al. 2025): its parameters grow with the third power of the features.
    Attention {
        /// Heads, 1 or more; twice as many features at least.
        heads: usize,
    },
}

/// A mask over the features of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask {
    /// How it is computed.
    pub form: MaskForm,
    /// Features, 1 or more.
    pub features: usize,
}

impl Mask {
    /// Width of a token of the attention.
    fn token(&self) -> usize {
        match self.form {
            MaskForm::Attention { heads } => self.features / (2 * heads) * heads,
            MaskForm::Bottleneck { .. } => 0,
        }
    }

    /// Shapes of the weights, each with a bias of its columns.
    fn shapes(&self) -> Vec<(usize, usize)> {
        let (features, token) = (self.features, self.token());
        match self.form {
            MaskForm::Bottleneck { units } => vec![(features, units), (units, features)],
            MaskForm::Attention { .. } => {
                vec![(features, token * features), (token, 3 * token), (token, token), (token, 1)]
            }
        }
    }

    /// Number of weights and biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.shapes().iter().map(|(rows, columns)| (rows + 1) * columns).sum()
    }

    /// Multiply-accumulates of one row.
    #[must_use]
    pub fn macs(&self) -> usize {
        let products: usize = self.shapes().iter().map(|(rows, columns)| rows * columns).sum();
        match self.form {
            MaskForm::Bottleneck { .. } => products,
            // Every layer but the first runs once a token; scores and their mixture are token by token.
            MaskForm::Attention { .. } => {
                let (features, token) = (self.features, self.token());
                let first = features * token * features;
                first + (products - first) * features + 2 * features * features * token
            }
        }
    }

    /// As PyTorch's `Linear`: uniform within 1/sqrt(inputs), bias too.
    fn initial(&self, seed: u64) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (layer, (rows, columns)) in self.shapes().into_iter().enumerate() {
            let mut rng = stream(seed, Purpose::Weights, 0, layer);
            let bound = 1.0 / (rows.max(1) as f32).sqrt();
            parameters.push(Parameter { rows, columns, values: uniform(rows * columns, bound, &mut rng) });
            let mut bias = uniform(columns, bound, &mut rng);
            if matches!(self.form, MaskForm::Bottleneck { .. }) && layer == 1 {
                bias.iter_mut().for_each(|bias| *bias += OPEN);
            }
            parameters.push(Parameter { rows: 1, columns, values: bias });
        }
        parameters
    }

    /// `[rows x features]`, each in (0, 1).
    fn forward<B: Operators>(&self, parameters: &[Tensor<B, 2>], features: Tensor<B, 2>) -> Tensor<B, 2> {
        let [rows, width] = features.dims();
        let dense = |x: Tensor<B, 2>, at: usize| x.matmul(parameters[2 * at].clone()) + parameters[2 * at + 1].clone();
        match self.form {
            MaskForm::Bottleneck { .. } => sigmoid(dense(relu(dense(features, 0)), 1)),
            MaskForm::Attention { heads } => {
                let (token, depth) = (self.token(), self.token() / heads);
                let tokens = dense(features, 0).reshape([rows * width, token]);
                let parts = dense(tokens, 1);
                let part = |at: usize| {
                    let part = parts.clone().slice([0..rows * width, at * token..(at + 1) * token]);
                    part.reshape([rows, width, heads, depth]).swap_dims(1, 2)
                };
                let scores = part(0).matmul(part(1).swap_dims(2, 3)) / (depth as f32).sqrt();
                let mixed = softmax(scores, 3).matmul(part(2)).swap_dims(1, 2).reshape([rows * width, token]);
                sigmoid(dense(dense(mixed, 2), 3).reshape([rows, width]))
            }
        }
    }
}

/// Outputs behind the mask: the masked features, ReLU, and the layers that follow.
pub(crate) fn masked_forward<B: Operators>(
    mask: &Mask,
    parameters: &[Tensor<B, 2>],
    behind: &[Tensor<B, 2>],
    features: Tensor<B, 2>,
) -> Tensor<B, 2> {
    let mut x = mask.forward(parameters, features.clone()) * features;
    for layer in behind.chunks_exact(2) {
        x = relu(x).matmul(layer[0].clone()) + layer[1].clone();
    }
    x
}

/// A frozen network cut at the features of one of its last hidden layers.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Features before the ReLU, for all rows `[rows x features]`.
    pub features: Array2<f32>,
    behind: Vec<Parameter>,
}

impl Cut {
    /// Cuts `tower` at hidden layer `layer` behind the join, from 0, and computes its features for the rows of `x`.
    ///
    /// # Panics
    /// When there is no such layer.
    #[must_use]
    pub fn new(tower: &TrainedTower, layer: usize, x: ArrayView2<'_, f32>, backend: BackendKind) -> Self {
        let mut front = tower.clone();
        let behind = front.tower.hidden.len() - layer;
        front.tower.outputs = front.tower.hidden[layer];
        front.tower.hidden.truncate(layer);
        let behind = front.parameters.split_off(front.parameters.len() - 2 * behind);
        Self { features: front.logits(x, backend), behind }
    }
}

/// A trained mask and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedMask {
    /// The mask.
    pub mask: Mask,
    parameters: Vec<Parameter>,
    /// Pass, from 0, that the weights are from.
    pub best_epoch: usize,
    /// Its score.
    pub best_score: f64,
    /// CPU seconds of the training thread.
    pub cpu_seconds: f64,
}

impl TrainedMask {
    /// Outputs `[rows x outputs]` of the masked network for all rows of the cut.
    #[must_use]
    pub fn logits(&self, cut: &Cut, backend: BackendKind) -> Array2<f32> {
        let mut parameters = self.parameters.clone();
        outputs(&self.mask, &mut parameters, cut, cut.features.view(), backend)
    }
}

fn outputs(
    mask: &Mask,
    parameters: &mut [Parameter],
    cut: &Cut,
    features: ArrayView2<'_, f32>,
    backend: BackendKind,
) -> Array2<f32> {
    let mut behind = cut.behind.clone();
    let width = behind.last().map_or(0, |bias| bias.columns);
    let mut all = Array2::zeros((features.nrows(), width));
    // In pieces: the attention of a row takes the square of its features.
    for (piece, mut to) in
        features.axis_chunks_iter(Axis(0), ROWS_AT_ONCE).zip(all.axis_chunks_iter_mut(Axis(0), ROWS_AT_ONCE))
    {
        to.assign(&backend.engine().masked_logits(mask, piece, parameters, &mut behind));
    }
    all
}

/// Trains a mask on the rows `parts.0` of a cut, scored on `parts.1` after each pass; the network stays as it is.
///
/// The lesson sees one output.
///
/// # Errors
/// No rows, or a diverged loss.
pub fn train_mask(
    mask: Mask,
    cut: &Cut,
    parts: (&[usize], &[usize]),
    plan: &BatchPlan,
    backend: BackendKind,
    lesson: &mut dyn Lesson,
    each: &mut dyn FnMut(Pass) -> ControlFlow<()>,
) -> Result<TrainedMask, TrainError> {
    let tune = cut.features.select(Axis(0), parts.1);
    let parameters = vec![mask.initial(plan.seed)];
    let mut masked = Masked { mask, cut, behind: cut.behind.clone(), tune, backend, lesson };
    let best = train_batches(&mut masked, parameters, parts, plan, each)?;
    let parameters = best.parameters.into_iter().next().unwrap_or_default();
    Ok(TrainedMask { mask, parameters, best_epoch: best.epoch, best_score: best.score, cpu_seconds: best.cpu_seconds })
}

/// A mask that learns a lesson in front of a frozen network.
struct Masked<'a> {
    mask: Mask,
    cut: &'a Cut,
    behind: Vec<Parameter>,
    /// Features of the tune rows.
    tune: Array2<f32>,
    backend: BackendKind,
    lesson: &'a mut dyn Lesson,
}

impl Trainee for Masked<'_> {
    fn step(&mut self, step: &Step<'_>, parameters: &mut [Vec<Parameter>]) -> (f64, Vec<Vec<Vec<f32>>>) {
        let batch = self.cut.features.select(Axis(0), step.rows);
        let mut loss = |seen: ArrayView2<'_, f32>, gradient: &mut Array2<f32>| {
            self.lesson.loss(step, &[seen.to_owned()], std::slice::from_mut(gradient))
        };
        let (mask, behind) = (&self.mask, &mut self.behind);
        let engine = self.backend.engine();
        let (value, gradients) = engine.masked_step(mask, batch.view(), &mut parameters[0], behind, &mut loss);
        (value, vec![gradients])
    }

    fn score(&mut self, parameters: &mut [Vec<Parameter>]) -> f64 {
        let seen = outputs(&self.mask, &mut parameters[0], self.cut, self.tune.view(), self.backend);
        self.lesson.score(&[seen])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Adam, Tower, drawn};

    /// The sizes of the reference's MaskNet as measured on it.
    #[test]
    fn attention_costs_what_the_reference_costs() {
        let parameters = |features| Mask { form: MaskForm::Attention { heads: 3 }, features }.parameters();
        assert_eq!([32, 64, 596].map(parameters), [16_816, 128_551, 106_030_486]);
        let bottleneck = Mask { form: MaskForm::Bottleneck { units: 16 }, features: 64 };
        assert_eq!((bottleneck.parameters(), bottleneck.macs()), (64 * 16 + 16 + 16 * 64 + 64, 2 * 64 * 16));
    }

    /// Squared error towards given outputs.
    struct Towards<'a>(&'a Array2<f32>, &'a [usize]);

    impl Lesson for Towards<'_> {
        fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
            let error = &outputs[0] - &self.0.select(Axis(0), step.rows);
            gradients[0].assign(&(&error * (2.0 / step.rows.len() as f32)));
            error.iter().map(|error| f64::from(error * error)).sum::<f64>() / step.rows.len() as f64
        }

        fn score(&mut self, outputs: &[Array2<f32>]) -> f64 {
            (&outputs[0] - &self.0.select(Axis(0), self.1)).iter().map(|error| f64::from(error * error)).sum()
        }
    }

    #[test]
    fn masks_of_both_forms_learn_on_every_backend_and_the_network_stays() {
        let x = Array2::from_shape_fn((80, 6), |(row, column)| ((row * 7 + column * 3) % 13) as f32 / 6.5 - 1.0);
        let rows: Vec<usize> = (0..80).collect();
        let tower = drawn(&[Tower::mlp(0..6, &[16, 8], 2, 0.0)], 3).remove(0);
        for layer in [0, 1] {
            let cut = Cut::new(&tower, layer, x.view(), BackendKind::Flex);
            assert_eq!(cut.features.dim(), (80, [16, 8][layer]));
            // What fainter features would say: a mask reaches it by closing most of the way.
            let mut fainter = cut.clone();
            fainter.features *= 0.3;
            let plain = |cut: &Cut| {
                let mut h = cut.features.clone();
                for layer in cut.behind.chunks_exact(2) {
                    h = h.mapv(|h| h.max(0.0)).dot(&layer[0].array()) + layer[1].array();
                }
                h
            };
            let whole = plain(&cut);
            let most = (&whole - &tower.logits(x.view(), BackendKind::Flex)).iter().fold(0f32, |m, d| m.max(d.abs()));
            assert!(most < 1e-5, "a cut network is the network: {most}");
            let wanted = plain(&fainter);
            let start = (&whole - &wanted).iter().map(|error| f64::from(error * error)).sum::<f64>();
            for form in [MaskForm::Bottleneck { units: 8 }, MaskForm::Attention { heads: 2 }] {
                let mask = Mask { form, features: cut.features.ncols() };
                let adam = Adam { learning_rate: 0.02, weight_decay: 0.0 };
                let plan = BatchPlan { adam, epochs: 40, batch_rows: 20, seed: 1 };
                let scores = BackendKind::ALL.map(|backend| {
                    let mut lesson = Towards(&wanted, &rows);
                    let mut each = |_| ControlFlow::Continue(());
                    let trained = train_mask(mask, &cut, (&rows, &rows), &plan, backend, &mut lesson, &mut each);
                    let trained = trained.unwrap();
                    let logits = trained.logits(&cut, backend);
                    assert!((lesson.score(&[logits]) - trained.best_score).abs() < 1e-3 * (1.0 + trained.best_score));
                    trained.best_score
                });
                assert!(scores.iter().all(|&score| score < 0.1 * start), "{form:?}: {scores:?}, at first {start}");
                assert!(scores.iter().all(|&score| (score / scores[0] - 1.0).abs() < 0.1), "{form:?}: {scores:?}");
            }
        }
    }
}
