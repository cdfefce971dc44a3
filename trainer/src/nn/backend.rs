//! The three tensor backends and the one place where a run-time choice becomes a type.

use std::marker::PhantomData;

use burn::backend::{Autodiff, Flex, NdArray};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorPrimitive};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::masks::{Mask, masked_forward};
use super::network::{Masks, Network, Parameter, View};
use super::operators::{Operators, elements, give, take};
use super::random::DropoutMask;
use super::towers::Tower;

pub(crate) type FlexCpu = Flex;
pub(crate) type NdarrayCpu = NdArray<f32>;
// Deprecated upstream, required here: it exists last in this release of burn.
#[allow(deprecated)]
pub(crate) type CandleCpu = burn::backend::Candle<f32>;

/// Which tensor backend trains; all three see the same random numbers and agree within rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// burn-flex, the fast default.
    #[default]
    Flex,
    /// burn-ndarray.
    Ndarray,
    /// burn-candle.
    Candle,
}

impl BackendKind {
    /// Every backend, the default first.
    pub const ALL: [BackendKind; 3] = [BackendKind::Flex, BackendKind::Ndarray, BackendKind::Candle];

    /// The name used in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            BackendKind::Flex => "flex",
            BackendKind::Ndarray => "ndarray",
            BackendKind::Candle => "candle",
        }
    }

    pub(crate) fn engine(self) -> &'static dyn Engine {
        match self {
            BackendKind::Flex => &On::<FlexCpu>(PhantomData),
            BackendKind::Ndarray => &On::<NdarrayCpu>(PhantomData),
            BackendKind::Candle => &On::<CandleCpu>(PhantomData),
        }
    }
}

impl std::fmt::Display for BackendKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for BackendKind {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Self, UnknownBackend> {
        BackendKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownBackend { found: name.to_owned() })
    }
}

/// A backend name that is none of the three.
#[derive(Debug, thiserror::Error)]
#[error("unknown backend `{found}`: expected flex, ndarray or candle; flex is the fast default")]
pub struct UnknownBackend {
    /// The name as given.
    pub found: String,
}

/// Loss of a batch of logits: writes d loss / d logits into the second argument, returns the loss.
pub(crate) type LossGradient<'a> = dyn FnMut(ArrayView2<'_, f32>, &mut Array2<f32>) -> f64 + 'a;

/// Loss of a batch from the outputs of several towers: writes one gradient a tower, returns the loss.
pub(crate) type TowerLoss<'a> = dyn FnMut(&[Array2<f32>], &mut [Array2<f32>]) -> f64 + 'a;

/// What a training loop asks of a backend. Parameters are borrowed for the call and come back
/// unchanged; their buffers travel through the tensors without a copy where the backend allows it.
pub(crate) trait Engine: Send + Sync {
    /// Logits of the view's rows in evaluation mode.
    fn logits(&self, network: &Network, view: &View, parameters: &mut [Parameter]) -> Array2<f32>;

    /// One forward and backward pass in training mode: the loss and one gradient a parameter.
    fn step(
        &self,
        network: &Network,
        view: &View,
        parameters: &mut [Parameter],
        masks: Masks,
        loss: &mut LossGradient<'_>,
    ) -> (f64, Vec<Vec<f32>>);

    /// Outputs of a tower for rows of the whole matrix, in evaluation mode.
    fn tower_logits(&self, tower: &Tower, x: ArrayView2<'_, f32>, parameters: &mut [Parameter]) -> Array2<f32>;

    /// One forward and backward pass of several towers over one batch: the loss and one gradient a parameter.
    fn tower_step(
        &self,
        towers: &[Tower],
        x: ArrayView2<'_, f32>,
        parameters: &mut [Vec<Parameter>],
        masks: Vec<Vec<Option<DropoutMask>>>,
        loss: &mut TowerLoss<'_>,
    ) -> (f64, Vec<Vec<Vec<f32>>>);

    /// Outputs behind a mask, in evaluation mode.
    fn masked_logits(
        &self,
        mask: &Mask,
        features: ArrayView2<'_, f32>,
        parameters: &mut [Parameter],
        behind: &mut [Parameter],
    ) -> Array2<f32>;

    /// One forward and backward pass of a mask; the layers behind it are constants. The loss and one gradient a parameter.
    fn masked_step(
        &self,
        mask: &Mask,
        features: ArrayView2<'_, f32>,
        parameters: &mut [Parameter],
        behind: &mut [Parameter],
        loss: &mut LossGradient<'_>,
    ) -> (f64, Vec<Vec<f32>>);
}

struct On<B>(PhantomData<B>);

/// Features as a constant of a pass.
fn constant<B: Operators>(x: ArrayView2<'_, f32>) -> Tensor<B, 2> {
    let (rows, columns) = x.dim();
    Tensor::from_primitive(TensorPrimitive::Float(give::<B>(x.iter().copied().collect(), rows, columns)))
}

fn lend<B: Operators>(parameters: &mut [Parameter]) -> Vec<Tensor<B, 2>> {
    parameters
        .iter_mut()
        .map(|parameter| {
            let values = std::mem::take(&mut parameter.values);
            let tensor = give::<B>(values, parameter.rows, parameter.columns);
            Tensor::from_primitive(TensorPrimitive::Float(tensor))
        })
        .collect()
}

fn vector<B: Operators>(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor.into_data().into_vec().unwrap_or_else(|_| unreachable!("every tensor of this module is f32"))
}

fn array(data: &burn::tensor::TensorData) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((data.shape[0], data.shape[1]), elements(data))
        .unwrap_or_else(|_| unreachable!("tensor data is contiguous"))
}

impl<B: Operators> Engine for On<B> {
    fn logits(&self, network: &Network, view: &View, parameters: &mut [Parameter]) -> Array2<f32> {
        let tensors = lend::<B>(parameters);
        let logits = network.forward(&tensors, view, None).into_data();
        restore(parameters, tensors);
        array(&logits).to_owned()
    }

    fn step(
        &self,
        network: &Network,
        view: &View,
        parameters: &mut [Parameter],
        masks: Masks,
        loss: &mut LossGradient<'_>,
    ) -> (f64, Vec<Vec<f32>>) {
        let tensors: Vec<_> = lend::<Autodiff<B>>(parameters).into_iter().map(Tensor::require_grad).collect();
        let logits = network.forward(&tensors, view, Some(masks));
        let data = take::<B>(logits.clone().inner().into_primitive().tensor());
        let mut gradient = Array2::zeros((data.shape[0], data.shape[1]));
        let value = loss(array(&data), &mut gradient);
        let (rows, columns) = gradient.dim();
        // d(sum(logits * G))/d logits = G: the closed gradient enters the tape as a constant.
        let constant = give::<Autodiff<B>>(gradient.into_raw_vec_and_offset().0, rows, columns);
        let constant = Tensor::from_primitive(TensorPrimitive::Float(constant));
        let mut tape = (logits * constant).sum().backward();
        let by_parameter = gradients::<B>(parameters, &tensors, &mut tape);
        drop(tape);
        restore_inner::<B>(parameters, tensors);
        (value, by_parameter)
    }

    fn tower_logits(&self, tower: &Tower, x: ArrayView2<'_, f32>, parameters: &mut [Parameter]) -> Array2<f32> {
        let tensors = lend::<B>(parameters);
        let outputs = tower_forward(tower, &tensors, x, &mut []).into_data();
        restore(parameters, tensors);
        array(&outputs).to_owned()
    }

    fn tower_step(
        &self,
        towers: &[Tower],
        x: ArrayView2<'_, f32>,
        parameters: &mut [Vec<Parameter>],
        mut masks: Vec<Vec<Option<DropoutMask>>>,
        loss: &mut TowerLoss<'_>,
    ) -> (f64, Vec<Vec<Vec<f32>>>) {
        let tensors: Vec<Vec<_>> = parameters
            .iter_mut()
            .map(|of| lend::<Autodiff<B>>(of).into_iter().map(Tensor::require_grad).collect())
            .collect();
        let outputs: Vec<Tensor<Autodiff<B>, 2>> = towers
            .iter()
            .zip(&tensors)
            .zip(&mut masks)
            .map(|((tower, tensors), masks)| tower_forward(tower, tensors, x, masks))
            .collect();
        let seen: Vec<Array2<f32>> = outputs
            .iter()
            .map(|output| array(&take::<B>(output.clone().inner().into_primitive().tensor())).to_owned())
            .collect();
        let mut slopes: Vec<Array2<f32>> = seen.iter().map(|output| Array2::zeros(output.dim())).collect();
        let value = loss(&seen, &mut slopes);
        let surrogate = outputs
            .into_iter()
            .zip(slopes)
            .map(|(output, gradient)| {
                let (rows, columns) = gradient.dim();
                let constant = give::<Autodiff<B>>(gradient.into_raw_vec_and_offset().0, rows, columns);
                (output * Tensor::from_primitive(TensorPrimitive::Float(constant))).sum()
            })
            .reduce(|sum, next| sum + next);
        let mut tape = surrogate.unwrap_or_else(|| unreachable!("there is at least one tower")).backward();
        let by_parameter =
            parameters.iter().zip(&tensors).map(|(of, tensors)| gradients::<B>(of, tensors, &mut tape)).collect();
        drop(tape);
        parameters.iter_mut().zip(tensors).for_each(|(of, tensors)| restore_inner::<B>(of, tensors));
        (value, by_parameter)
    }

    fn masked_logits(
        &self,
        mask: &Mask,
        features: ArrayView2<'_, f32>,
        parameters: &mut [Parameter],
        behind: &mut [Parameter],
    ) -> Array2<f32> {
        let (tensors, frozen) = (lend::<B>(parameters), lend::<B>(behind));
        let outputs = masked_forward(mask, &tensors, &frozen, constant(features)).into_data();
        restore(parameters, tensors);
        restore(behind, frozen);
        array(&outputs).to_owned()
    }

    fn masked_step(
        &self,
        mask: &Mask,
        features: ArrayView2<'_, f32>,
        parameters: &mut [Parameter],
        behind: &mut [Parameter],
        loss: &mut LossGradient<'_>,
    ) -> (f64, Vec<Vec<f32>>) {
        let tensors: Vec<_> = lend::<Autodiff<B>>(parameters).into_iter().map(Tensor::require_grad).collect();
        let frozen = lend::<Autodiff<B>>(behind);
        let outputs = masked_forward(mask, &tensors, &frozen, constant(features));
        let data = take::<B>(outputs.clone().inner().into_primitive().tensor());
        let mut gradient = Array2::zeros((data.shape[0], data.shape[1]));
        let value = loss(array(&data), &mut gradient);
        let mut tape = (outputs * constant::<Autodiff<B>>(gradient.view())).sum().backward();
        let by_parameter = gradients::<B>(parameters, &tensors, &mut tape);
        drop(tape);
        restore_inner::<B>(parameters, tensors);
        restore_inner::<B>(behind, frozen);
        (value, by_parameter)
    }
}

/// The gradients of lent parameters, zeros where the tape has none.
fn gradients<B: Operators>(
    parameters: &[Parameter],
    tensors: &[Tensor<Autodiff<B>, 2>],
    tape: &mut <Autodiff<B> as AutodiffBackend>::Gradients,
) -> Vec<Vec<f32>> {
    let of = |(tensor, parameter): (&Tensor<Autodiff<B>, 2>, &Parameter)| match tensor.grad_remove(tape) {
        Some(gradient) => vector(gradient),
        None => vec![0.0; parameter.rows * parameter.columns],
    };
    tensors.iter().zip(parameters).map(of).collect()
}

/// Gives parameters back that were lent to a tape; drop it first, or each is copied.
fn restore_inner<B: Operators>(parameters: &mut [Parameter], tensors: Vec<Tensor<Autodiff<B>, 2>>) {
    restore::<B>(parameters, tensors.into_iter().map(Tensor::inner).collect());
}

/// Gives lent parameters back.
fn restore<B: Operators>(parameters: &mut [Parameter], tensors: Vec<Tensor<B, 2>>) {
    for (parameter, tensor) in parameters.iter_mut().zip(tensors) {
        parameter.values = vector(tensor);
    }
}

/// Outputs of a tower; masks make it a training pass.
fn tower_forward<B: Operators>(
    tower: &Tower,
    parameters: &[Tensor<B, 2>],
    x: ArrayView2<'_, f32>,
    masks: &mut [Option<DropoutMask>],
) -> Tensor<B, 2> {
    let mut layers = parameters.chunks_exact(2);
    let mut masks = masks.iter_mut();
    let mut dense = |h: Tensor<B, 2>, last: bool| {
        let layer = layers.next().unwrap_or_else(|| unreachable!("a layer for every width"));
        let mask = masks.next().and_then(Option::take);
        let product = h.matmul(layer[0].clone());
        if last {
            return product + layer[1].clone();
        }
        let (product, bias) = (product.into_primitive().tensor(), layer[1].clone().into_primitive().tensor());
        Tensor::from_primitive(TensorPrimitive::Float(B::activate(product, bias, mask)))
    };
    let mut joined: Vec<Tensor<B, 2>> = Vec::with_capacity(tower.branches.len());
    for branch in &tower.branches {
        let columns = x.slice(ndarray::s![.., branch.columns.clone()]);
        let (rows, width) = columns.dim();
        let values = columns.iter().copied().collect();
        let mut h = Tensor::from_primitive(TensorPrimitive::Float(give::<B>(values, rows, width)));
        for _ in &branch.hidden {
            h = dense(h, false);
        }
        joined.push(h);
    }
    let mut h = if joined.len() == 1 { joined.remove(0) } else { Tensor::cat(joined, 1) };
    for _ in &tower.hidden {
        h = dense(h, false);
    }
    dense(h, true)
}
