//! The three tensor backends, and the only place where a run-time choice becomes a type.

use std::marker::PhantomData;

use burn::backend::{Autodiff, Flex};
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorPrimitive};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::forward::forward;
use super::net::{Input, Masks, Net, Parameter};
use super::operators::{Operators, elements, give, take};

pub(crate) type FlexCpu = Flex;
#[cfg(feature = "backend-ndarray")]
pub(crate) type NdarrayCpu = burn::backend::NdArray<f32>;
// Deprecated upstream but required here; this is the last release of burn that has it.
#[cfg(feature = "backend-candle")]
#[allow(deprecated)]
pub(crate) type CandleCpu = burn::backend::Candle<f32>;

/// The tensor backend that trains; all three use the same random numbers and agree within rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendKind {
    /// burn-flex, the fast default.
    #[default]
    Flex,
    /// burn-ndarray, with the feature `backend-ndarray`.
    #[cfg(feature = "backend-ndarray")]
    Ndarray,
    /// burn-candle, with the feature `backend-candle`.
    #[cfg(feature = "backend-candle")]
    Candle,
}

impl BackendKind {
    /// Every backend that was built in, the default first.
    pub const ALL: &[BackendKind] = &[
        BackendKind::Flex,
        #[cfg(feature = "backend-ndarray")]
        BackendKind::Ndarray,
        #[cfg(feature = "backend-candle")]
        BackendKind::Candle,
    ];

    /// The name used in recipes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            BackendKind::Flex => "flex",
            #[cfg(feature = "backend-ndarray")]
            BackendKind::Ndarray => "ndarray",
            #[cfg(feature = "backend-candle")]
            BackendKind::Candle => "candle",
        }
    }

    pub(crate) fn engine(self) -> &'static dyn Engine {
        match self {
            BackendKind::Flex => &On::<FlexCpu>(PhantomData),
            #[cfg(feature = "backend-ndarray")]
            BackendKind::Ndarray => &On::<NdarrayCpu>(PhantomData),
            #[cfg(feature = "backend-candle")]
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
            .iter()
            .copied()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownBackend { found: name.to_owned() })
    }
}

/// Names of the backends that were built in.
fn names() -> String {
    BackendKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ")
}

/// A backend name that is none of them.
#[derive(Debug, thiserror::Error)]
#[error("unknown backend `{found}`: expected {}; flex is the fast default", names())]
pub struct UnknownBackend {
    /// The name as given.
    pub found: String,
}

/// Loss of a step from the outputs of its networks: writes one gradient per network and returns the loss.
pub(crate) type StepLoss<'a> = dyn FnMut(&[Array2<f32>], &mut [Array2<f32>]) -> f64 + 'a;

/// The operations of a backend for the training loop. Parameters are borrowed for the call and returned unchanged;
/// their buffers move through the tensors without a copy if the backend allows it.
pub(crate) trait Engine: Send + Sync {
    /// Outputs for the rows of `input` in evaluation mode.
    fn see(&self, net: &Net, input: Input<'_>, parameters: &mut [Parameter]) -> Array2<f32>;

    /// One forward and backward pass of several networks over one input, in training mode: the loss and one gradient
    /// per trained parameter.
    fn step(
        &self,
        nets: &[Net],
        input: Input<'_>,
        parameters: &mut [Vec<Parameter>],
        masks: Vec<Masks>,
        loss: &mut StepLoss<'_>,
    ) -> (f64, Vec<Vec<Vec<f32>>>);
}

struct On<B>(PhantomData<B>);

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
    fn see(&self, net: &Net, input: Input<'_>, parameters: &mut [Parameter]) -> Array2<f32> {
        let tensors = lend::<B>(parameters);
        let outputs = forward(net, &tensors, input, Masks::default()).into_data();
        restore(parameters, tensors);
        array(&outputs).to_owned()
    }

    fn step(
        &self,
        nets: &[Net],
        input: Input<'_>,
        parameters: &mut [Vec<Parameter>],
        masks: Vec<Masks>,
        loss: &mut StepLoss<'_>,
    ) -> (f64, Vec<Vec<Vec<f32>>>) {
        let trained: Vec<usize> =
            nets.iter().zip(&*parameters).map(|(net, of)| net.trained_parameters(of.len())).collect();
        let tensors: Vec<Vec<_>> = parameters
            .iter_mut()
            .zip(&trained)
            .map(|(of, &trained)| {
                let lent = lend::<Autodiff<B>>(of).into_iter().enumerate();
                lent.map(|(at, tensor)| if at < trained { tensor.require_grad() } else { tensor }).collect()
            })
            .collect();
        let outputs: Vec<Tensor<Autodiff<B>, 2>> = nets
            .iter()
            .zip(&tensors)
            .zip(masks)
            .map(|((net, tensors), masks)| forward(net, tensors, input, masks))
            .collect();
        let seen: Vec<Array2<f32>> = outputs
            .iter()
            .map(|output| array(&take::<B>(output.clone().inner().into_primitive().tensor())).to_owned())
            .collect();
        let mut slopes: Vec<Array2<f32>> = seen.iter().map(|output| Array2::zeros(output.dim())).collect();
        let value = loss(&seen, &mut slopes);
        // d(sum(outputs * G))/d outputs = G: the closed gradient enters the tape as a constant.
        let surrogate = outputs
            .into_iter()
            .zip(slopes)
            .map(|(output, gradient)| {
                let (rows, columns) = gradient.dim();
                let constant = give::<Autodiff<B>>(gradient.into_raw_vec_and_offset().0, rows, columns);
                (output * Tensor::from_primitive(TensorPrimitive::Float(constant))).sum()
            })
            .reduce(|sum, next| sum + next);
        let mut tape = surrogate.unwrap_or_else(|| unreachable!("there is at least one network")).backward();
        let each = parameters.iter().zip(&tensors).zip(&trained);
        let by_parameter = each
            .map(|((of, tensors), &trained)| gradients::<B>(&of[..trained], &tensors[..trained], &mut tape))
            .collect();
        drop(tape);
        parameters.iter_mut().zip(tensors).for_each(|(of, tensors)| restore_inner::<B>(of, tensors));
        (value, by_parameter)
    }
}

/// The gradients of lent parameters; zeros if the tape has none.
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

/// Returns parameters that were lent to a tape; drop the tape first, or each parameter is copied.
fn restore_inner<B: Operators>(parameters: &mut [Parameter], tensors: Vec<Tensor<Autodiff<B>, 2>>) {
    restore::<B>(parameters, tensors.into_iter().map(Tensor::inner).collect());
}

/// Returns lent parameters.
fn restore<B: Operators>(parameters: &mut [Parameter], tensors: Vec<Tensor<B, 2>>) {
    for (parameter, tensor) in parameters.iter_mut().zip(tensors) {
        parameter.values = vector(tensor);
    }
}
