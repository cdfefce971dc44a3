//! The operators that burn lacks, for every backend and with gradients.
//!
//! - `sparse`: constant CSR times dense; backward is the product with the transpose.
//! - `activate`: bias, ReLU and dropout in one pass; backward is one pass too.
//! - `attend`: the edge softmax and weighted sum of graph attention (kernel in `attention.rs`).
//!
//! Inner loops are plain Rust over `f32` slices. On flex and ndarray, a uniquely owned tensor gives up its buffer
//! without a copy, so an operator costs only its arithmetic.

use std::borrow::Cow;
use std::sync::Arc;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData, TensorMetadata, TensorPrimitive};
use multiversion::multiversion;

use super::attention::{self, Attended, Attention};
#[cfg(feature = "backend-candle")]
use super::backend::CandleCpu;
use super::backend::FlexCpu;
#[cfg(feature = "backend-ndarray")]
use super::backend::NdarrayCpu;
use super::random::DropoutMask;
use super::sparse::{Csr, SparsePair};

/// A backend together with the operators above.
pub(crate) trait Operators: Backend {
    /// The elements of a shared tensor; borrowed if the backend allows it.
    fn read(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]>;
    /// `matrix` [r x c] · `dense` [c x w].
    fn sparse(matrix: &SparsePair, dense: FloatTensor<Self>) -> FloatTensor<Self>;
    /// `dropout(relu(input + bias))`; `bias` is [1 x w]; without a mask nothing is dropped.
    fn activate(input: FloatTensor<Self>, bias: FloatTensor<Self>, mask: Option<DropoutMask>) -> FloatTensor<Self>;
    /// Graph attention over the edges of `graph`; `from` and `to` are the attention vectors [1 x w].
    fn attend(
        graph: &Arc<Attention>,
        projected: FloatTensor<Self>,
        from: FloatTensor<Self>,
        to: FloatTensor<Self>,
        mask: Option<DropoutMask>,
    ) -> FloatTensor<Self>;
}

/// Moves a matrix into a tensor of the backend.
pub(crate) fn give<B: Backend>(values: Vec<f32>, rows: usize, columns: usize) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, [rows, columns]), &B::Device::default())
}

/// Takes the elements out of a tensor; copies only if it is shared.
pub(crate) fn take<B: Backend>(tensor: FloatTensor<B>) -> TensorData {
    Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(tensor)).into_data()
}

/// The elements of data taken from a tensor of this module.
pub(crate) fn elements(data: &TensorData) -> &[f32] {
    data.as_slice().unwrap_or_else(|_| unreachable!("every tensor of this module is f32"))
}

fn elements_mut(data: &mut TensorData) -> &mut [f32] {
    data.as_mut_slice().unwrap_or_else(|_| unreachable!("every tensor of this module is f32"))
}

fn columns<B: Backend>(tensor: &FloatTensor<B>) -> usize {
    tensor.shape()[1]
}

fn sparse<B: Operators>(matrix: &Csr, dense: FloatTensor<B>) -> FloatTensor<B> {
    let width = columns::<B>(&dense);
    give::<B>(matrix.product(&B::read(&dense), width), matrix.rows, width)
}

/// A copy, for backends whose storage cannot be borrowed.
fn copied<B: Backend>(tensor: &FloatTensor<B>) -> Cow<'static, [f32]> {
    Cow::Owned(elements(&take::<B>(tensor.clone())).to_vec())
}

/// Returns the output and, in `mask.bytes`, 1 where the gradient passes and 0 elsewhere.
fn activate<B: Operators>(
    input: FloatTensor<B>,
    bias: FloatTensor<B>,
    mask: &mut Option<DropoutMask>,
) -> FloatTensor<B> {
    let mut input = take::<B>(input);
    let bias = &*B::read(&bias);
    match mask {
        Some(mask) => activate_masked(elements_mut(&mut input), bias, &mut mask.bytes, mask.threshold, mask.scale),
        None => activate_plain(elements_mut(&mut input), bias),
    }
    B::float_from_data(input, &B::Device::default())
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn activate_masked(values: &mut [f32], bias: &[f32], bytes: &mut [u8], threshold: u8, scale: f32) {
    let width = bias.len();
    for (row, bytes) in values.chunks_exact_mut(width).zip(bytes.chunks_exact_mut(width)) {
        for ((value, byte), &bias) in row.iter_mut().zip(bytes).zip(bias) {
            let sum = *value + bias;
            let pass = (*byte >= threshold) & (sum > 0.0);
            *value = if pass { sum * scale } else { 0.0 };
            *byte = u8::from(pass);
        }
    }
}

#[multiversion(targets("x86_64+avx2+fma"))]
fn activate_plain(values: &mut [f32], bias: &[f32]) {
    for row in values.chunks_exact_mut(bias.len()) {
        for (value, &bias) in row.iter_mut().zip(bias) {
            *value = (*value + bias).max(0.0);
        }
    }
}

/// Multiplies the gradient by the saved mask in place and sums it over the rows.
#[multiversion(targets("x86_64+avx2+fma"))]
fn activate_backward(gradient: &mut [f32], pass: &[u8], scale: f32, bias_gradient: &mut [f32]) {
    let width = bias_gradient.len();
    for (row, pass) in gradient.chunks_exact_mut(width).zip(pass.chunks_exact(width)) {
        for ((value, &pass), sum) in row.iter_mut().zip(pass).zip(bias_gradient.iter_mut()) {
            *value = if pass != 0 { *value * scale } else { 0.0 };
            *sum += *value;
        }
    }
}

fn attend<B: Operators>(
    graph: &Arc<Attention>,
    projected: FloatTensor<B>,
    from: FloatTensor<B>,
    to: FloatTensor<B>,
    mask: Option<DropoutMask>,
) -> (FloatTensor<B>, Attended) {
    let width = columns::<B>(&projected);
    let (out, attended) = attention::forward(graph, &B::read(&projected), &B::read(&from), &B::read(&to), mask);
    (give::<B>(out, graph.edges.rows, width), attended)
}

fn read_flex(tensor: &FloatTensor<FlexCpu>) -> Cow<'_, [f32]> {
    tensor.as_slice().map_or_else(|| copied::<FlexCpu>(tensor), Cow::Borrowed)
}

/// Implements the operators on a backend without gradients.
macro_rules! plain_operators {
    ($backend:ty, $read:expr) => {
        impl Operators for $backend {
            fn read(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]> {
                $read(tensor)
            }

            fn sparse(matrix: &SparsePair, dense: FloatTensor<Self>) -> FloatTensor<Self> {
                sparse::<Self>(&matrix.forward, dense)
            }

            fn activate(
                input: FloatTensor<Self>,
                bias: FloatTensor<Self>,
                mut mask: Option<DropoutMask>,
            ) -> FloatTensor<Self> {
                activate::<Self>(input, bias, &mut mask)
            }

            fn attend(
                graph: &Arc<Attention>,
                projected: FloatTensor<Self>,
                from: FloatTensor<Self>,
                to: FloatTensor<Self>,
                mask: Option<DropoutMask>,
            ) -> FloatTensor<Self> {
                attend::<Self>(graph, projected, from, to, mask).0
            }
        }
    };
}

plain_operators!(FlexCpu, read_flex);
#[cfg(feature = "backend-ndarray")]
plain_operators!(NdarrayCpu, copied::<NdarrayCpu>);
#[cfg(feature = "backend-candle")]
plain_operators!(CandleCpu, copied::<CandleCpu>);

#[derive(Debug)]
struct SparseProduct;

impl<B: Operators> Backward<B, 1> for SparseProduct {
    type State = Csr;

    fn backward(self, ops: Ops<Csr, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let transposed = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |gradient| sparse::<B>(&transposed, gradient));
    }
}

#[derive(Debug)]
struct Activation;

impl<B: Backend> Backward<B, 2> for Activation {
    /// Where the gradient passes, the dropout scale and the width.
    type State = (Arc<Vec<u8>>, f32, usize);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (pass, scale, width) = ops.state;
        let mut gradient = take::<B>(grads.consume::<B>(&ops.node));
        let mut bias_gradient = vec![0.0; width];
        activate_backward(elements_mut(&mut gradient), &pass, scale, &mut bias_gradient);
        let [input, bias] = ops.parents;
        if let Some(node) = input {
            grads.register::<B>(node.id, B::float_from_data(gradient, &B::Device::default()));
        }
        if let Some(node) = bias {
            grads.register::<B>(node.id, give::<B>(bias_gradient, 1, width));
        }
    }
}

#[derive(Debug)]
struct AttentionSum;

impl<B: Backend> Backward<B, 3> for AttentionSum {
    type State = (Arc<Attention>, Arc<Attended>, usize);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (graph, attended, width) = ops.state;
        let gradient = take::<B>(grads.consume::<B>(&ops.node));
        let [projected, from, to] = attention::backward(&graph, &attended, elements(&gradient));
        let shapes = [(graph.edges.columns, projected), (1, from), (1, to)];
        for (parent, (rows, values)) in ops.parents.into_iter().zip(shapes) {
            if let Some(node) = parent {
                grads.register::<B>(node.id, give::<B>(values, rows, width));
            }
        }
    }
}

impl<B: Operators, C: CheckpointStrategy> Operators for Autodiff<B, C> {
    fn read(tensor: &FloatTensor<Self>) -> Cow<'_, [f32]> {
        B::read(&tensor.primitive)
    }

    fn sparse(matrix: &SparsePair, dense: FloatTensor<Self>) -> FloatTensor<Self> {
        match Backward::<B, 1>::prepare::<C>(SparseProduct, [dense.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                prepared.finish(matrix.backward.clone(), sparse::<B>(&matrix.forward, dense.primitive))
            }
            OpsKind::UnTracked(prepared) => prepared.finish(sparse::<B>(&matrix.forward, dense.primitive)),
        }
    }

    fn activate(input: FloatTensor<Self>, bias: FloatTensor<Self>, mask: Option<DropoutMask>) -> FloatTensor<Self> {
        let width = columns::<Self>(&bias);
        let nodes = [input.node.clone(), bias.node.clone()];
        match Backward::<B, 2>::prepare::<C>(Activation, nodes).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let len = input.shape().num_elements();
                // The mask is reused to record where the gradient passes.
                let mut mask =
                    Some(mask.unwrap_or_else(|| DropoutMask { bytes: vec![1; len], threshold: 0, scale: 1.0 }));
                let out = activate::<B>(input.primitive, bias.primitive, &mut mask);
                let record = mask.map(|mask| (Arc::new(mask.bytes), mask.scale, width));
                prepared.finish(record.unwrap_or_else(|| unreachable!("set above")), out)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(activate::<B>(input.primitive, bias.primitive, &mut { mask }))
            }
        }
    }

    fn attend(
        graph: &Arc<Attention>,
        projected: FloatTensor<Self>,
        from: FloatTensor<Self>,
        to: FloatTensor<Self>,
        mask: Option<DropoutMask>,
    ) -> FloatTensor<Self> {
        let width = columns::<Self>(&from);
        let nodes = [projected.node.clone(), from.node.clone(), to.node.clone()];
        let prepared = Backward::<B, 3>::prepare::<C>(AttentionSum, nodes).compute_bound().stateful();
        let (out, attended) = attend::<B>(graph, projected.primitive, from.primitive, to.primitive, mask);
        match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((graph.clone(), Arc::new(attended), width), out),
            OpsKind::UnTracked(prepared) => prepared.finish(out),
        }
    }
}
