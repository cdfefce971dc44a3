//! The forward pass of every network, as burn operators.

use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorPrimitive};
use ndarray::ArrayView2;

use super::net::{Family, Input, Masks, Net};
use super::operators::{Operators, give};
use super::sparse::SparsePair;
use super::view::{Mixing, View};

/// Outputs for the rows of `input` `[rows x outputs]`, and behind them the last hidden layer of a tapped network. Masks make
/// it a training pass.
pub(super) fn forward<B: Operators>(
    net: &Net,
    parameters: &[Tensor<B, 2>],
    input: Input<'_>,
    mut masks: Masks,
) -> Tensor<B, 2> {
    let layers = net.shapes().len();
    masks.hidden.resize(layers, None);
    masks.attention.resize(layers, None);
    match input {
        Input::Dense(x) => dense(net, parameters, x, masks),
        Input::View(view) => over_view(net, parameters, view, masks),
    }
}

/// Branches, their join and the trunk; or a mask and the layers after it.
fn dense<B: Operators>(net: &Net, parameters: &[Tensor<B, 2>], x: ArrayView2<'_, f32>, masks: Masks) -> Tensor<B, 2> {
    let (mask, parameters) = parameters.split_at(parameters.len() - 2 * net.shapes().len());
    let mut layers = parameters.chunks_exact(2).zip(masks.hidden);
    let mut tap = Tap::of(net);
    let mut layer = |h: Tensor<B, 2>, last: bool| {
        let (layer, mask) = layers.next().unwrap_or_else(|| unreachable!("a layer for every width"));
        let (product, bias) = (h.matmul(layer[0].clone()), layer[1].clone());
        if last {
            tap.outputs(product + bias)
        } else {
            tap.hidden(tensor(B::activate(primitive(product), primitive(bias), mask)))
        }
    };
    let mut joined: Vec<Tensor<B, 2>> = Vec::with_capacity(net.branches.len());
    for branch in &net.branches {
        let columns = x.slice(ndarray::s![.., branch.columns.clone()]);
        let (rows, width) = columns.dim();
        let mut h = tensor(give::<B>(columns.iter().copied().collect(), rows, width));
        for _ in &branch.hidden {
            h = layer(h, false);
        }
        joined.push(h);
    }
    let mut h = if joined.len() == 1 { joined.remove(0) } else { Tensor::cat(joined, 1) };
    if let Family::Masked(form) = net.family {
        h = relu(form.forward(mask, h.clone()) * h);
    }
    for _ in &net.hidden {
        h = layer(h, false);
    }
    layer(h, true)
}

/// Layers that may mix rows.
fn over_view<B: Operators>(net: &Net, parameters: &[Tensor<B, 2>], view: &View, mut masks: Masks) -> Tensor<B, 2> {
    let mut activations: Option<Tensor<B, 2>> = None;
    let mut tap = Tap::of(net);
    for (layer, parameters) in parameters.chunks_exact(net.parameters_per_layer()).enumerate() {
        let rows = &view.layers[layer];
        let (weight, bias) = (parameters[0].clone(), parameters[1].clone());
        // The input of the first layer is already mixed if that is the cheaper order.
        let mix = |x: Tensor<B, 2>, wanted: bool| match &rows.mixing {
            Mixing::Propagate(matrix) if wanted => sparse(matrix, x),
            _ => x,
        };
        let product = match activations.take() {
            None => mix(sparse(masks.input.as_ref().unwrap_or(&view.input), weight), !rows.mix_first),
            Some(before) => mix(mix(before, rows.mix_first).matmul(weight), !rows.mix_first),
        };
        let sum = match &rows.mixing {
            Mixing::Attend(graph) => {
                let (from, to) = (primitive(parameters[2].clone()), primitive(parameters[3].clone()));
                tensor(B::attend(graph, primitive(product), from, to, masks.attention[layer].take()))
            }
            _ => product,
        };
        activations = Some(if layer + 1 < net.layers() {
            tap.hidden(tensor(B::activate(primitive(sum), primitive(bias), masks.hidden[layer].take())))
        } else {
            tap.outputs(sum + bias)
        });
    }
    activations.unwrap_or_else(|| unreachable!("a network has at least one layer"))
}

/// Puts the activations of the last hidden layer behind the outputs of a tapped network.
struct Tap<B: Operators> {
    open: bool,
    kept: Option<Tensor<B, 2>>,
}

impl<B: Operators> Tap<B> {
    fn of(net: &Net) -> Self {
        Self { open: net.family == Family::Tapped, kept: None }
    }

    /// The activations of a hidden layer, of which the last are kept.
    fn hidden(&mut self, activations: Tensor<B, 2>) -> Tensor<B, 2> {
        self.kept = self.open.then(|| activations.clone());
        activations
    }

    /// The outputs of the last layer, and what was kept.
    fn outputs(&mut self, outputs: Tensor<B, 2>) -> Tensor<B, 2> {
        match self.kept.take() {
            Some(hidden) => Tensor::cat(vec![outputs, hidden], 1),
            None => outputs,
        }
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
