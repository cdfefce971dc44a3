//! Masks on the features of a frozen network: a number in (0, 1) for each feature of a hidden layer, computed from the
//! features themselves.
//!
//! The features are those of a hidden layer before its ReLU, `f' = m(f) * f`, and the layers after it stay unchanged.
//! The layers before the mask do not change either, so its features are computed once for all rows.
//!
//! | form | `m(f)` |
//! |---|---|
//! | bottleneck | `sigmoid(W2 relu(W1 f + b1) + b2)` |
//! | attention | each feature becomes a token with its own vector, then self-attention over the tokens, one linear unit, sigmoid |

use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, softmax};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::backend::BackendKind;
use super::net::{Family, Net, Parameter, TrainedNet};
use super::operators::Operators;
use super::random::{Purpose, stream, uniform};

/// Initial bias of a bottleneck's last layer: its gates start mostly open, `sigmoid(2) = 0.88`.
const OPEN: f32 = 2.0;

/// The form of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MaskForm {
    /// Two layers with this many units between them.
    Bottleneck {
        /// Units, 1 or more.
        units: usize,
    },
    /// The MaskNet of MST-Distill (Li et al. 2025): its parameters grow with the third power of the features.
    Attention {
        /// Heads, 1 or more; at most half the number of features.
        heads: usize,
    },
}

/// A mask over the features of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask {
    /// Its form.
    pub form: MaskForm,
    /// Features, 1 or more.
    pub features: usize,
}

impl Mask {
    /// Width of a token in the attention.
    fn token(&self) -> usize {
        match self.form {
            MaskForm::Attention { heads } => self.features / (2 * heads) * heads,
            MaskForm::Bottleneck { .. } => 0,
        }
    }

    /// Shapes of the weights, each with a bias of as many columns.
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
            // Every layer except the first runs once per token; scores and mixtures are computed for each pair of
            // tokens.
            MaskForm::Attention { .. } => {
                let (features, token) = (self.features, self.token());
                let first = features * token * features;
                first + (products - first) * features + 2 * features * features * token
            }
        }
    }

    /// As in PyTorch's `Linear`: uniform within 1/sqrt(inputs), including the bias.
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
    pub(super) fn forward<B: Operators>(&self, parameters: &[Tensor<B, 2>], features: Tensor<B, 2>) -> Tensor<B, 2> {
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

/// A frozen network cut at the features of one of its last hidden layers.
#[derive(Clone, Debug)]
pub struct Cut {
    /// Features before the ReLU, for all rows `[rows x features]`.
    pub features: Array2<f32>,
    /// Widths of the hidden layers that follow, and the outputs.
    hidden: Vec<usize>,
    outputs: usize,
    behind: Vec<Parameter>,
}

impl Cut {
    /// Cuts `trained` at hidden layer `layer` after the join, from 0, and computes its features for the rows of `x`.
    ///
    /// # Panics
    /// If there is no such layer.
    #[must_use]
    pub fn new(trained: &TrainedNet, layer: usize, x: ArrayView2<'_, f32>, backend: BackendKind) -> Self {
        let mut front = trained.clone();
        let hidden = front.net.hidden.split_off(layer + 1);
        let outputs = std::mem::replace(&mut front.net.outputs, front.net.hidden[layer]);
        front.net.hidden.truncate(layer);
        let behind = front.parameters.split_off(front.parameters.len() - 2 * (hidden.len() + 1));
        Self { features: front.logits(x, backend), hidden, outputs, behind }
    }

    /// The rest of the network with a mask on its features, which are its inputs; only the mask will be trained.
    #[must_use]
    pub fn masked(&self, form: MaskForm, seed: u64) -> TrainedNet {
        let mask = Mask { form, features: self.features.ncols() };
        let net = Net { family: Family::Masked(mask), ..Net::mlp(0..mask.features, &self.hidden, self.outputs, 0.0) };
        let mut parameters = mask.initial(seed);
        parameters.extend(self.behind.iter().cloned());
        TrainedNet { net, parameters }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Adam, Length, Lesson, Rows, Source, Step, TrainPlan, Training, TuneFigure, drawn, silent};
    use ndarray::Axis;

    /// The sizes of the reference implementation's MaskNet, measured on it.
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

        fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
            let error = &outputs[0] - &self.0.select(Axis(0), self.1);
            TuneFigure::Loss(error.iter().map(|error| f64::from(error * error)).sum())
        }
    }

    #[test]
    fn masks_of_both_forms_learn_on_every_backend_and_the_network_stays() {
        let x = Array2::from_shape_fn((80, 6), |(row, column)| ((row * 7 + column * 3) % 13) as f32 / 6.5 - 1.0);
        let rows: Vec<usize> = (0..80).collect();
        let whole_net = drawn(&[Net::mlp(0..6, &[16, 8], 2, 0.0)], 3).remove(0);
        for layer in [0, 1] {
            let cut = Cut::new(&whole_net, layer, x.view(), BackendKind::Flex);
            assert_eq!(cut.features.dim(), (80, [16, 8][layer]));
            // The outputs of weaker features: a mask reaches them by closing most of the way.
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
            let most =
                (&whole - &whole_net.logits(x.view(), BackendKind::Flex)).iter().fold(0f32, |m, d| m.max(d.abs()));
            assert!(most < 1e-5, "a cut network is the network: {most}");
            let wanted = plain(&fainter);
            let start = (&whole - &wanted).iter().map(|error| f64::from(error * error)).sum::<f64>();
            for form in [MaskForm::Bottleneck { units: 8 }, MaskForm::Attention { heads: 2 }] {
                let adam = Adam { learning_rate: 0.02, weight_decay: 0.0 };
                let plan =
                    TrainPlan { adam, length: Length::Epochs(40), patience: None, batch_rows: Some(20), seed: 1 };
                let scores: Vec<f64> = BackendKind::ALL
                    .iter()
                    .map(|&backend| {
                        let mut lesson = Towards(&wanted, &rows);
                        let start = [cut.masked(form, 1)];
                        let source = Source::Rows { x: Rows::Dense(cut.features.view()), train: &rows, tune: &rows };
                        let training = Training { start: &start, source, plan, backend };
                        let trained = training.run(&mut lesson, None, &mut silent).unwrap();
                        let logits = trained.nets[0].logits(cut.features.view(), backend);
                        let (again, best) = (lesson.judge(&[logits]).value(), trained.best());
                        assert!((again - best).abs() < 1e-3 * (1.0 + best));
                        let frozen =
                            |net: &TrainedNet| net.parameters[net.parameters.len() - cut.behind.len()..].to_vec();
                        assert_eq!(frozen(&trained.nets[0]), cut.behind);
                        best
                    })
                    .collect();
                assert!(scores.iter().all(|&score| score < 0.1 * start), "{form:?}: {scores:?}, at first {start}");
                assert!(scores.iter().all(|&score| (score / scores[0] - 1.0).abs() < 0.1), "{form:?}: {scores:?}");
            }
        }
    }
}
