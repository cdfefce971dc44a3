//! One description for every network that is trained here, and its initial parameters.
//!
//! A layer is `propagate · (activations · weight) + bias`. A multi-layer perceptron has no propagation, and its first
//! layers may be split into branches, one for each group of columns (a sensor, a modality), and joined before the
//! trunk: intermediate fusion. GCN and GraphSAGE propagate by a constant sparse matrix, GAT by attention over the same
//! edges. A masked network is a frozen network with a trained mask on its inputs.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::backend::BackendKind;
use super::masks::Mask;
use super::random::{DropoutMask, Purpose, normal, stream, uniform};
use super::sparse::SparsePair;
use super::view::{Mixing, View};

/// Rows that a masked network computes at once outside training; the attention of a row needs memory quadratic in its
/// features.
const MASKED_ROWS: usize = 256;

/// Operations of the layers besides their dense products.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Family {
    /// Nothing: a multi-layer perceptron.
    Mlp,
    /// A constant propagation matrix (GCN, GraphSAGE).
    Propagation {
        /// Scales the Glorot bound of the initial weights.
        gain: f32,
    },
    /// Graph attention.
    Attention {
        /// Heads of a hidden layer; the last layer has one.
        heads: usize,
        /// Dropout of attention coefficients, in [0, 1).
        dropout: f32,
    },
    /// A trained mask on the inputs, which are features before a ReLU; the layers after it stay unchanged.
    Masked(Mask),
    /// Nothing; the activations of the last hidden layer are handed out after the outputs, as the last layer reads them, and
    /// a loss can send a gradient back.
    Tapped,
}

/// The first layers over one group of columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// Columns of the matrix that the branch reads.
    pub columns: Range<usize>,
    /// Widths of its layers, each with ReLU; empty to pass the columns on unchanged.
    pub hidden: Vec<usize>,
}

/// Shape and regularisation of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Net {
    /// The operations of its layers besides their dense products.
    pub family: Family,
    /// Groups of columns, joined in this order.
    pub branches: Vec<Branch>,
    /// Widths of the layers after the join, each with ReLU.
    pub hidden: Vec<usize>,
    /// Logits, or regressed quantities.
    pub outputs: usize,
    /// Dropout of every hidden activation, in [0, 1).
    pub dropout: f32,
    /// Dropout of the non-zero inputs of a sparse matrix, in [0, 1).
    pub input_dropout: f32,
}

/// One trained matrix or row vector, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) values: Vec<f32>,
}

impl Parameter {
    pub(crate) fn array(&self) -> ArrayView2<'_, f32> {
        ArrayView2::from_shape((self.rows, self.columns), &self.values)
            .unwrap_or_else(|_| unreachable!("a parameter holds rows x columns values"))
    }
}

/// The input of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input<'a> {
    /// Rows of a dense matrix, all columns.
    Dense(ArrayView2<'a, f32>),
    /// Sparse rows, with their neighbours if the network propagates.
    View(&'a View),
}

/// Dropout masks of one training step.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    pub(super) hidden: Vec<Option<DropoutMask>>,
    pub(super) attention: Vec<Option<DropoutMask>>,
    pub(super) input: Option<SparsePair>,
}

impl Net {
    /// A sequential network: `widths` from the inputs to the outputs.
    ///
    /// # Panics
    /// With fewer than two widths.
    #[must_use]
    pub fn chain(family: Family, widths: &[usize]) -> Self {
        let [inputs, hidden @ .., outputs] = widths else { panic!("inputs and outputs are two widths") };
        Self { family, ..Self::mlp(0..*inputs, hidden, *outputs, 0.0) }
    }

    /// A multi-layer perceptron over `columns`.
    #[must_use]
    pub fn mlp(columns: Range<usize>, hidden: &[usize], outputs: usize, dropout: f32) -> Self {
        let branches = vec![Branch { columns, hidden: Vec::new() }];
        Self { family: Family::Mlp, branches, hidden: hidden.to_vec(), outputs, dropout, input_dropout: 0.0 }
    }

    /// Layers of the trunk, the last one included.
    pub(super) fn layers(&self) -> usize {
        self.hidden.len() + 1
    }

    /// Widths of the trunk, from the join to the outputs.
    pub(crate) fn widths(&self) -> Vec<usize> {
        let joined = |branch: &Branch| branch.hidden.last().copied().unwrap_or(branch.columns.len());
        let mut widths = vec![self.branches.iter().map(joined).sum()];
        widths.extend(&self.hidden);
        widths.push(self.outputs);
        widths
    }

    pub(super) fn heads(&self, layer: usize) -> usize {
        match self.family {
            Family::Attention { heads, .. } if layer + 1 < self.layers() => heads,
            _ => 1,
        }
    }

    /// Parameters of one layer: weight, bias, and for attention the two vectors.
    pub(super) fn parameters_per_layer(&self) -> usize {
        if matches!(self.family, Family::Attention { .. }) { 4 } else { 2 }
    }

    /// Number of leading parameters that training changes: all of them, or the mask's.
    pub(super) fn trained_parameters(&self, all: usize) -> usize {
        if let Family::Masked(_) = self.family { all - 2 * self.layers() } else { all }
    }

    /// Shapes of the dense layers in the order of use: branch by branch, then the trunk; the last one has no ReLU.
    pub(crate) fn shapes(&self) -> Vec<(usize, usize)> {
        let branches = self.branches.iter().flat_map(|branch| {
            let inputs = [branch.columns.len()].into_iter().chain(branch.hidden.iter().copied());
            inputs.zip(branch.hidden.iter().copied())
        });
        let trunk = self.widths();
        branches.chain(trunk.iter().copied().zip(trunk[1..].iter().copied())).collect()
    }

    /// Initial parameters of the dense layers, a function of the seed alone. Those of an MLP start as in PyTorch's
    /// `Linear` (uniform within 1/sqrt(inputs), including the bias), graph layers as Glorot with zero bias.
    pub(crate) fn initial(&self, seed: u64) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (layer, (inputs, outputs)) in self.shapes().into_iter().enumerate() {
            let mut rng = stream(seed, Purpose::Weights, 0, layer);
            let len = inputs * outputs;
            let sum = (inputs + outputs) as f32;
            let row = |values| Parameter { rows: 1, columns: outputs, values };
            let (weight, bias) = match self.family {
                Family::Mlp | Family::Masked(_) | Family::Tapped => {
                    let bound = 1.0 / (inputs.max(1) as f32).sqrt();
                    (uniform(len, bound, &mut rng), uniform(outputs, bound, &mut rng))
                }
                Family::Propagation { gain } => (uniform(len, gain * (6.0 / sum).sqrt(), &mut rng), vec![0.0; outputs]),
                // Glorot normal with the gain of ReLU.
                Family::Attention { .. } => (normal(len, (4.0 / sum).sqrt(), &mut rng), vec![0.0; outputs]),
            };
            parameters.push(Parameter { rows: inputs, columns: outputs, values: weight });
            parameters.push(row(bias));
            if matches!(self.family, Family::Attention { .. }) {
                let heads = self.heads(layer);
                let depth = outputs / heads;
                let deviation = (4.0 / (depth * (heads + 1)) as f32).sqrt();
                parameters.push(row(normal(outputs, deviation, &mut rng)));
                parameters.push(row(normal(outputs, deviation, &mut rng)));
            }
        }
        parameters
    }

    /// The dropout masks of step `step` for its input.
    pub(crate) fn masks(&self, input: Input<'_>, seed: u64, step: usize) -> Masks {
        let shapes = self.shapes();
        let mut masks = Masks::default();
        for (layer, &(_, outputs)) in shapes.iter().enumerate() {
            let rows = match input {
                Input::Dense(x) => x.nrows(),
                Input::View(view) => view.layers[layer].rows,
            };
            let hidden = (layer + 1 < shapes.len() && self.dropout > 0.0).then(|| {
                let mut rng = stream(seed, Purpose::HiddenDropout, step, layer);
                DropoutMask::draw(rows * outputs, self.dropout, &mut rng)
            });
            masks.hidden.push(hidden);
        }
        let Input::View(view) = input else { return masks };
        for (layer, rows) in view.layers.iter().enumerate() {
            masks.attention.push(match (&rows.mixing, self.family) {
                (Mixing::Attend(graph), Family::Attention { dropout, .. }) if dropout > 0.0 => {
                    let mut rng = stream(seed, Purpose::AttentionDropout, step, layer);
                    Some(DropoutMask::draw(graph.edges.stored() * graph.heads, dropout, &mut rng))
                }
                _ => None,
            });
        }
        if self.input_dropout > 0.0 {
            let values = &view.input.forward.values;
            let mut rng = stream(seed, Purpose::InputDropout, step, 0);
            let mask = DropoutMask::draw(values.len(), self.input_dropout, &mut rng);
            let dropped = values.iter().enumerate().map(|(at, value)| value * mask.factor(at)).collect();
            masks.input = Some(view.input.with_values(dropped));
        }
        masks
    }
}

/// A network with its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainedNet {
    /// Its shape.
    pub net: Net,
    pub(crate) parameters: Vec<Parameter>,
}

/// Networks that are trained together, with their initial weights, a function of the seed alone.
#[must_use]
pub fn drawn(nets: &[Net], seed: u64) -> Vec<TrainedNet> {
    let start = |(at, net): (usize, &Net)| TrainedNet { net: net.clone(), parameters: net.initial(seed_of(seed, at)) };
    nets.iter().enumerate().map(start).collect()
}

/// Distance between the seeds of networks that step together: larger than any seed that another training of a run takes.
const NET_STRIDE: u64 = 1 << 60;

/// Seed of the network `at` of those that step together; the first has the training's own.
pub(super) fn seed_of(seed: u64, at: usize) -> u64 {
    seed.wrapping_add(NET_STRIDE.wrapping_mul(at as u64))
}

impl TrainedNet {
    /// Outputs `[rows x outputs]` for rows of the whole matrix.
    #[must_use]
    pub fn logits(&self, rows: ArrayView2<'_, f32>, backend: BackendKind) -> Array2<f32> {
        outputs(&self.net, &mut self.parameters.clone(), rows, backend)
    }

    /// The weights of a perceptron without branches, as a student.
    #[must_use]
    pub fn weights(&self) -> super::MlpWeights {
        super::MlpWeights::from_parameters(&self.parameters)
    }
}

/// Outputs of a network for rows of a dense matrix, in evaluation mode.
pub(super) fn outputs(
    net: &Net,
    parameters: &mut [Parameter],
    rows: ArrayView2<'_, f32>,
    backend: BackendKind,
) -> Array2<f32> {
    let engine = backend.engine();
    if !matches!(net.family, Family::Masked(_)) {
        return engine.see(net, Input::Dense(rows), parameters);
    }
    let mut all = Array2::zeros((rows.nrows(), net.outputs));
    for (piece, mut to) in
        rows.axis_chunks_iter(Axis(0), MASKED_ROWS).zip(all.axis_chunks_iter_mut(Axis(0), MASKED_ROWS))
    {
        to.assign(&engine.see(net, Input::Dense(piece), parameters));
    }
    all
}
