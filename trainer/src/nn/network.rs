//! One description for the student and the graph teachers, and the rows a pass has to compute.
//!
//! A layer is `propagate · (activations · weight) + bias`; an MLP has no propagation, GCN and
//! GraphSAGE a constant sparse matrix, GAT attention over the same edges. A `View` holds, for a list
//! of wanted rows, exactly the rows each layer must produce: the labelled rows of a graph reach a few
//! hundred neighbours, not the whole graph, and the gradient is the same to the bit pattern of the
//! sums involved.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorPrimitive};
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};
use sprs::CsMat;

use super::attention::Attention;
use super::operators::Operators;
use super::random::{DropoutMask, Purpose, normal, stream, uniform};
use super::sparse::{Csr, SparsePair};

/// What a layer does beside its dense product.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Family {
    /// Nothing: a multi-layer perceptron.
    Mlp,
    /// A constant propagation matrix (GCN, GraphSAGE); `gain` scales the Glorot bound.
    Propagation { gain: f32 },
    /// Attention with `heads` heads in hidden layers and one in the last.
    Attention { heads: usize, dropout: f32 },
}

/// Shape and regularisation of a network.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    pub(crate) family: Family,
    /// Inputs, hidden widths, outputs.
    pub(crate) widths: Vec<usize>,
    /// Dropout of hidden activations.
    pub(crate) dropout: f32,
    /// Dropout of the non-zero inputs.
    pub(crate) input_dropout: f32,
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

/// How one layer combines rows.
#[derive(Debug)]
enum Mixing {
    None,
    /// [rows of this layer x rows of the layer before].
    Propagate(SparsePair),
    Attend(Arc<Attention>),
}

#[derive(Debug)]
struct LayerView {
    mixing: Mixing,
    /// Propagate the narrow side: before the dense product when that needs fewer MACs.
    mix_first: bool,
    /// Rows this layer produces.
    rows: usize,
}

/// The rows of every layer that a list of wanted rows depends on.
#[derive(Debug)]
pub(crate) struct View {
    input: SparsePair,
    layers: Vec<LayerView>,
}

/// Dropout masks of one training step, drawn for the rows of one view.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    hidden: Vec<Option<DropoutMask>>,
    attention: Vec<Option<DropoutMask>>,
    input: Option<SparsePair>,
}

/// Sparse products reach about a quarter of the speed of dense ones.
const SPARSE_COST: usize = 4;

impl Network {
    pub(crate) fn new(family: Family, widths: &[usize]) -> Self {
        Network { family, widths: widths.to_vec(), dropout: 0.0, input_dropout: 0.0 }
    }

    fn layers(&self) -> usize {
        self.widths.len() - 1
    }

    fn heads(&self, layer: usize) -> usize {
        match self.family {
            Family::Attention { heads, .. } if layer + 1 < self.layers() => heads,
            _ => 1,
        }
    }

    /// Parameters of one layer: weight, bias, and for attention the two vectors.
    fn parameters_per_layer(&self) -> usize {
        if matches!(self.family, Family::Attention { .. }) { 4 } else { 2 }
    }

    /// Initial parameters, a function of the seed alone. Dense layers of an MLP start as PyTorch's
    /// `Linear` (uniform within 1/sqrt(inputs), bias too), graph layers as Glorot with zero bias.
    pub(crate) fn initial(&self, seed: u64) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for (layer, shape) in self.widths.windows(2).enumerate() {
            let (inputs, outputs) = (shape[0], shape[1]);
            let mut rng = stream(seed, Purpose::Weights, 0, layer);
            let len = inputs * outputs;
            let sum = (inputs + outputs) as f32;
            let row = |values| Parameter { rows: 1, columns: outputs, values };
            let (weight, bias) = match self.family {
                Family::Mlp => {
                    let bound = 1.0 / (inputs as f32).sqrt();
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

    /// The masks of `epoch` for the rows of `view`.
    pub(crate) fn masks(&self, view: &View, seed: u64, epoch: usize) -> Masks {
        let mut masks = Masks::default();
        for (layer, rows) in view.layers.iter().enumerate() {
            let hidden = (layer + 1 < self.layers() && self.dropout > 0.0).then(|| {
                let mut rng = stream(seed, Purpose::HiddenDropout, epoch, layer);
                DropoutMask::draw(rows.rows * self.widths[layer + 1], self.dropout, &mut rng)
            });
            masks.hidden.push(hidden);
            masks.attention.push(match (&rows.mixing, self.family) {
                (Mixing::Attend(graph), Family::Attention { dropout, .. }) if dropout > 0.0 => {
                    let mut rng = stream(seed, Purpose::AttentionDropout, epoch, layer);
                    Some(DropoutMask::draw(graph.edges.stored() * graph.heads, dropout, &mut rng))
                }
                _ => None,
            });
        }
        if self.input_dropout > 0.0 {
            let values = &view.input.forward.values;
            let mut rng = stream(seed, Purpose::InputDropout, epoch, 0);
            let mask = DropoutMask::draw(values.len(), self.input_dropout, &mut rng);
            let dropped = values.iter().enumerate().map(|(at, value)| value * mask.factor(at)).collect();
            masks.input = Some(view.input.with_values(dropped));
        }
        masks
    }

    /// Logits of the view's wanted rows. Masks make it a training pass.
    pub(crate) fn forward<B: Operators>(
        &self,
        parameters: &[Tensor<B, 2>],
        view: &View,
        masks: Option<Masks>,
    ) -> Tensor<B, 2> {
        let mut masks = masks.unwrap_or_default();
        masks.hidden.resize(self.layers(), None);
        masks.attention.resize(self.layers(), None);
        let mut activations: Option<Tensor<B, 2>> = None;
        for (layer, parameters) in parameters.chunks_exact(self.parameters_per_layer()).enumerate() {
            let rows = &view.layers[layer];
            let (weight, bias) = (parameters[0].clone(), parameters[1].clone());
            // The input of the first layer is already mixed when that is the cheaper order.
            let mix = |x: Tensor<B, 2>, wanted: bool| match &rows.mixing {
                Mixing::Propagate(matrix) if wanted => sparse(matrix, x),
                _ => x,
            };
            let product = match activations.take() {
                None => {
                    let product = sparse(masks.input.as_ref().unwrap_or(&view.input), weight);
                    mix(product, !rows.mix_first)
                }
                Some(before) => mix(mix(before, rows.mix_first).matmul(weight), !rows.mix_first),
            };
            let sum = match &rows.mixing {
                Mixing::Attend(graph) => {
                    let (from, to) = (primitive(parameters[2].clone()), primitive(parameters[3].clone()));
                    tensor(B::attend(graph, primitive(product), from, to, masks.attention[layer].take()))
                }
                _ => product,
            };
            activations = Some(if layer + 1 < self.layers() {
                tensor(B::activate(primitive(sum), primitive(bias), masks.hidden[layer].take()))
            } else {
                sum + bias
            });
        }
        activations.unwrap_or_else(|| unreachable!("a network has at least one layer"))
    }
}

fn primitive<B: Operators>(x: Tensor<B, 2>) -> burn::tensor::ops::FloatTensor<B> {
    x.into_primitive().tensor()
}

fn tensor<B: Operators>(x: burn::tensor::ops::FloatTensor<B>) -> Tensor<B, 2> {
    Tensor::from_primitive(TensorPrimitive::Float(x))
}

fn sparse<B: Operators>(matrix: &SparsePair, x: Tensor<B, 2>) -> Tensor<B, 2> {
    tensor(B::sparse(matrix, primitive(x)))
}

impl View {
    /// The view of an MLP: every layer computes the wanted rows.
    pub(crate) fn of_rows(network: &Network, input: &CsMat<f32>, wanted: &[usize]) -> Self {
        let layers = (0..network.layers())
            .map(|_| LayerView { mixing: Mixing::None, mix_first: false, rows: wanted.len() })
            .collect();
        View { input: SparsePair::new(Csr::from_sprs(input).select_rows(wanted)), layers }
    }

    /// The view of a graph network: from the wanted rows back to the rows of the input.
    ///
    /// `propagation` is [nodes x nodes] and holds the self-loops.
    pub(crate) fn of_graph(network: &Network, input: &CsMat<f32>, propagation: &CsMat<f32>, wanted: &[usize]) -> Self {
        let full = Csr::from_sprs(propagation);
        let mut rows = wanted.to_vec();
        let mut layers = Vec::new();
        for layer in (0..network.layers()).rev() {
            let wide = full.select_rows(&rows);
            let sources = wide.used_columns();
            let matrix = wide.renumber_columns(&sources);
            let (inputs, outputs) = (network.widths[layer], network.widths[layer + 1]);
            let stored = SPARSE_COST * matrix.stored();
            let mix_first =
                stored * inputs + rows.len() * inputs * outputs < stored * outputs + sources.len() * inputs * outputs;
            let produced = rows.len();
            let mixing = if matches!(network.family, Family::Attention { .. }) {
                let own = rows
                    .iter()
                    .map(|row| {
                        sources.binary_search(row).unwrap_or_else(|_| unreachable!("self-loops are stored")) as u32
                    })
                    .collect();
                Mixing::Attend(Arc::new(Attention { edges: matrix, own, heads: network.heads(layer) }))
            } else {
                Mixing::Propagate(SparsePair::new(matrix))
            };
            layers.push(LayerView { mixing, mix_first, rows: produced });
            rows = sources;
        }
        layers.reverse();
        let features = Csr::from_sprs(input).select_rows(&rows);
        let mut view = View { input: SparsePair::new(features), layers };
        view.mix_input(network);
        view
    }

    /// Chooses the order of the first layer: `(S X) W` when its constant product is the smaller one.
    fn mix_input(&mut self, network: &Network) {
        let first = &mut self.layers[0];
        first.mix_first = false;
        let Mixing::Propagate(matrix) = &first.mixing else { return };
        if network.input_dropout > 0.0 {
            return;
        }
        let mixed = multiply(&matrix.forward, &self.input.forward);
        if mixed.stored() <= self.input.forward.stored() + matrix.forward.stored() {
            self.input = SparsePair::new(mixed);
            first.mix_first = true;
        }
    }
}

fn multiply(left: &Csr, right: &Csr) -> Csr {
    let to_sprs = |matrix: &Csr| {
        let starts = matrix.starts.iter().map(|&at| at as usize).collect();
        let indices = matrix.indices.iter().map(|&at| at as usize).collect();
        CsMat::new((matrix.rows, matrix.columns), starts, indices, matrix.values.to_vec())
    };
    Csr::from_sprs(&(&to_sprs(left) * &to_sprs(right)))
}
