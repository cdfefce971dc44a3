//! ONNX models of dense layers: QDQ int8 and float.

mod chain;
mod constant;
mod head;
pub(crate) mod message;
mod scaling;

use super::ImportError;
use super::source::{Coding, Rule, SourceLayer, SourceNetwork};
use crate::nn::{DenseWeights, MlpWeights};
use chain::{Chain, Dense, Weights};
use ndarray::{Array1, Array2};
use prost::Message;

/// A model as read.
pub(super) enum Model {
    /// Every layer's input, weights and output are quantized.
    Quantized(SourceNetwork),
    /// None of them is quantized.
    Float(FloatNetwork),
}

/// A float model of dense layers.
pub(super) struct FloatNetwork {
    pub weights: MlpWeights,
    /// Smallest and largest output of each layer.
    pub clamps: Vec<(f32, f32)>,
    /// Names of the outputs; empty where the model does not tell them.
    pub classes: Vec<String>,
}

/// Remedy for a partly quantized model.
const QUANTIZE_ALL: &str = "quantize the whole model (onnxruntime.quantization.quantize_static with QuantFormat.QDQ), or \
                            import the float model with --calibrate";

/// Reads a model.
pub(super) fn read(bytes: &[u8]) -> Result<Model, ImportError> {
    let model = message::Model::decode(bytes).map_err(|_| ImportError::NotAModel)?;
    let graph = model.graph.as_ref().filter(|graph| !graph.node.is_empty()).ok_or(ImportError::NotAModel)?;
    let (layers, mut classes) = Chain::of(graph)?;
    let Some(last) = layers.len().checked_sub(1) else {
        return Err(ImportError::Model {
            reason: "the model has no dense layer (Gemm or MatMul)".into(),
            remedy: "import one that has; other operators do not fit a student",
        });
    };
    for pair in layers.windows(2) {
        if pair[0].outputs != pair[1].inputs {
            let reason = format!("{} inputs after {} outputs", pair[1].inputs, pair[0].outputs);
            return Err(pair[1].place.refuse(reason, "export the model again"));
        }
    }
    let float = |layer: &Dense| matches!(layer.weights, Weights::Real(_)) && layer.output.is_none();
    if layers.iter().all(float) && layers[0].input.is_none() {
        if classes.len() != layers[last].outputs {
            classes.clear();
        }
        return float_network(&layers, last).map(|network| Model::Float(FloatNetwork { classes, ..network }));
    }
    let unsigned = layers.iter().any(|layer| layer.unsigned);
    let layers = layers.iter().map(quantized_layer).collect::<Result<_, _>>()?;
    Ok(Model::Quantized(SourceNetwork { rule: Rule::HalfEven, unsigned, layers }))
}

fn quantized_layer(layer: &Dense) -> Result<SourceLayer, ImportError> {
    let refuse = |what: &str| Err(layer.place.refuse(format!("its {what} is not quantized"), QUANTIZE_ALL));
    let Weights::Steps(steps, scales) = &layer.weights else { return refuse("weight tensor") };
    let Some(input) = layer.input else { return refuse("input") };
    let Some(output) = layer.output else { return refuse("output") };
    let sum_scales: Vec<f64> = scales.iter().map(|scale| scale * input.scale).collect();
    let mut source = SourceLayer {
        place: layer.place.to_string(),
        inputs: layer.inputs,
        weights: steps.clone(),
        biases: layer.biases.iter().zip(&sum_scales).map(|(bias, scale)| bias / scale).collect(),
        sum_scales,
        input,
        output,
        clamp: (-128, 127),
    };
    source.clamp_to(layer.low, layer.high);
    if !source.biases.iter().all(|bias| bias.is_finite()) {
        return Err(layer.place.refuse("a bias that is not finite".into(), "train or export the model again"));
    }
    Ok(source)
}

fn float_network(layers: &[Dense], last: usize) -> Result<FloatNetwork, ImportError> {
    let mut network =
        FloatNetwork { weights: MlpWeights { layers: Vec::new() }, clamps: Vec::new(), classes: Vec::new() };
    for (index, layer) in layers.iter().enumerate() {
        let Weights::Real(reals) = &layer.weights else { continue };
        let linear = layer.low == f64::NEG_INFINITY && layer.high == f64::INFINITY;
        if layer.low != 0.0 && !(linear && index == last) {
            let reason = format!("an activation from {} to {} after it", layer.low, layer.high);
            let remedy = "a float model needs ReLU or ReLU6 after every dense layer except the last; merge layers that have \
                          nothing between them";
            return Err(layer.place.refuse(reason, remedy));
        }
        let weight = reals.iter().map(|&weight| weight as f32).collect();
        let weight =
            Array2::from_shape_vec((layer.outputs, layer.inputs), weight).map_err(|_| ImportError::NotAModel)?;
        let bias: Array1<f32> = layer.biases.iter().map(|&bias| bias as f32).collect();
        network.weights.layers.push(DenseWeights { weight, bias });
        network.clamps.push((layer.low as f32, layer.high as f32));
    }
    Ok(network)
}

/// The int8 form of a scale and a zero point.
fn coding(scale: f64, zero_point: f64, unsigned: bool) -> Option<Coding> {
    let zero_point = zero_point - if unsigned { 128.0 } else { 0.0 };
    let valid = scale.is_finite() && scale > 0.0 && (-128.0..=127.0).contains(&zero_point);
    valid.then_some(Coding { scale, zero_point: zero_point as i8 })
}
