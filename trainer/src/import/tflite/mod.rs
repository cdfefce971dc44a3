//! int8 TFLite models of dense layers.

mod reader;
mod schema;

use super::ImportError;
use super::limits::{MAX_OPERATORS, full};
use super::source::{Coding, Rule, SourceLayer, SourceNetwork};
use reader::Table;
use schema::{
    ACTIVATION_NONE, ACTIVATION_RELU, ACTIVATION_RELU_N1_TO_1, ACTIVATION_RELU6, DEQUANTIZE, EXPAND_DIMS, FLOAT32,
    FULLY_CONNECTED, INT8, INT32, Model, QUANTIZE, RELU, RELU_N1_TO_1, RELU6, RESHAPE, SOFTMAX, SQUEEZE, Tensor, UINT8,
};

/// The bytes at offset 4 of every TFLite file.
const IDENTIFIER: &[u8; 4] = b"TFL3";
/// Remedy for operators that are not dense.
const DENSE_ONLY: &str = "a student holds dense layers with ReLU; compute everything else before or after it, or distil \
                          the model into a student";
/// Remedy for a model that is not int8 throughout.
const FULL_INTEGER: &str = "convert with full-integer quantization (representative_dataset, TFLITE_BUILTINS_INT8)";

/// Whether the bytes are marked as TFLite.
pub(super) fn is_tflite(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(IDENTIFIER)
}

/// Reads a model.
pub(super) fn read(bytes: &[u8]) -> Result<SourceNetwork, ImportError> {
    let model = Model::read(bytes)?;
    let model_fault = |reason: String, remedy| Err(ImportError::Model { reason, remedy });
    if model.graphs != 1 {
        return model_fault(format!("the model has {} graphs", model.graphs), "export one without control flow");
    }
    if model.operators.len() > MAX_OPERATORS {
        return model_fault(format!("the model has {} operators", model.operators.len()), DENSE_ONLY);
    }
    let (&[input], &[output]) = (&model.inputs[..], &model.outputs[..]) else {
        let found = format!("the model has {} inputs and {} outputs", model.inputs.len(), model.outputs.len());
        return model_fault(found, "export one with a single input and a single output");
    };
    let network = SourceNetwork { rule: Rule::Double, unsigned: false, layers: Vec::new() };
    let mut chain = Chain { model: &model, current: input, network, softmax: false, position: 0, name: String::new() };
    for (position, operator) in model.operators.iter().enumerate() {
        let (kind, name) = model.kind(operator)?;
        (chain.position, chain.name) = (position, name);
        chain.follow(kind, operator)?;
    }
    if chain.current != output {
        return model_fault(
            format!("the output is tensor {output}, the chain of operators ends at tensor {}", chain.current),
            "export a model whose operators form one chain",
        );
    }
    if chain.network.layers.is_empty() {
        return model_fault("the model has no dense layer".into(), DENSE_ONLY);
    }
    Ok(chain.network)
}

/// The operators followed so far.
struct Chain<'a> {
    model: &'a Model<'a>,
    /// The tensor that the last operator wrote.
    current: i32,
    network: SourceNetwork,
    /// Whether a softmax was found; only changes of representation may follow it.
    softmax: bool,
    position: usize,
    name: String,
}

impl Chain<'_> {
    fn refuse<T>(&self, reason: impl Into<String>, remedy: &str) -> Result<T, ImportError> {
        Err(ImportError::Operator {
            position: self.position,
            operator: self.name.clone(),
            name: String::new(),
            reason: reason.into(),
            remedy: remedy.into(),
        })
    }

    fn follow(&mut self, kind: i32, operator: &Table<'_>) -> Result<(), ImportError> {
        let (inputs, outputs) = (operator.words(1)?, operator.words(2)?);
        let known =
            [DEQUANTIZE, EXPAND_DIMS, FULLY_CONNECTED, QUANTIZE, RELU, RELU6, RELU_N1_TO_1, RESHAPE, SOFTMAX, SQUEEZE];
        if !known.contains(&kind) {
            return self.refuse("not part of a dense network", DENSE_ONLY);
        }
        let (Some(&from), &[to]) = (inputs.first(), &outputs[..]) else {
            return self.refuse(format!("{} inputs, {} outputs", inputs.len(), outputs.len()), DENSE_ONLY);
        };
        if from != self.current {
            return self.refuse(
                format!("reads tensor {from}, the operator before it wrote tensor {}", self.current),
                "export a model whose operators form one chain",
            );
        }
        let (Some(x), Some(y)) = (self.model.tensor(from)?, self.model.tensor(to)?) else {
            return self.refuse("an activation is missing", "export the model again");
        };
        match kind {
            FULLY_CONNECTED => self.dense(operator, &inputs, &x, &y)?,
            QUANTIZE | DEQUANTIZE => self.represent(kind, &x, &y)?,
            SOFTMAX if self.network.layers.is_empty() => {
                return self.refuse("precedes the first dense layer", DENSE_ONLY);
            }
            SOFTMAX => self.softmax = true,
            RELU => self.clamp(&x, &y, 0.0, f64::INFINITY)?,
            RELU6 => self.clamp(&x, &y, 0.0, 6.0)?,
            RELU_N1_TO_1 => self.clamp(&x, &y, -1.0, 1.0)?,
            _ => {}
        }
        self.current = to;
        Ok(())
    }

    /// A quantize or dequantize operator: at either end of the chain, or only a change between uint8 and int8.
    fn represent(&mut self, kind: i32, x: &Tensor<'_>, y: &Tensor<'_>) -> Result<(), ImportError> {
        let inner = !self.network.layers.is_empty() && !self.softmax;
        if kind == DEQUANTIZE {
            self.network.unsigned |= inner && x.element == UINT8;
            return if inner || self.softmax { Ok(()) } else { self.refuse("precedes a dense layer", FULL_INTEGER) };
        }
        if x.element == FLOAT32 {
            self.network.unsigned |= y.element == UINT8;
            return if inner { self.refuse("lies between dense layers", FULL_INTEGER) } else { Ok(()) };
        }
        self.network.unsigned |= x.element == UINT8 || y.element == UINT8;
        if self.softmax || self.coding(x)? == self.coding(y)? {
            return Ok(());
        }
        self.refuse("changes the scale of an activation", "give both its tensors the same scale and zero point")
    }

    fn clamp(&mut self, x: &Tensor<'_>, y: &Tensor<'_>, low: f64, high: f64) -> Result<(), ImportError> {
        let same = self.coding(x)? == self.coding(y)?;
        match self.network.layers.last_mut() {
            Some(layer) if same && !self.softmax => {
                layer.clamp_to(low, high);
                Ok(())
            }
            Some(_) if !same => self.refuse("changes the scale of its activation", "fuse it into the dense layer"),
            _ => self.refuse("no dense layer precedes it", DENSE_ONLY),
        }
    }

    /// The int8 form of an activation's scale and zero point.
    fn coding(&self, tensor: &Tensor<'_>) -> Result<Coding, ImportError> {
        let shift = match tensor.element {
            INT8 => 0,
            UINT8 => 128,
            other => return self.refuse(format!("`{}` has element type {other}", tensor.name), FULL_INTEGER),
        };
        let (&[scale], &[zero_point]) = (&tensor.scales[..], &tensor.zero_points[..]) else {
            return self.refuse(format!("`{}` has no single scale and zero point", tensor.name), FULL_INTEGER);
        };
        let scale = f64::from(scale);
        match i8::try_from(zero_point.saturating_sub(shift)) {
            Ok(zero_point) if scale.is_finite() && scale > 0.0 => Ok(Coding { scale, zero_point }),
            _ => self.refuse(format!("`{}` has scale {scale}, zero point {zero_point}", tensor.name), FULL_INTEGER),
        }
    }

    fn dense(
        &mut self,
        operator: &Table<'_>,
        inputs: &[i32],
        x: &Tensor<'_>,
        y: &Tensor<'_>,
    ) -> Result<(), ImportError> {
        if self.softmax {
            return self.refuse("follows a softmax", DENSE_ONLY);
        }
        if let Some(reason) = full(self.network.layers.len()) {
            return self.refuse(reason, DENSE_ONLY);
        }
        let (input, output) = (self.coding(x)?, self.coding(y)?);
        self.network.unsigned |= x.element == UINT8 || y.element == UINT8;
        let weights = inputs.get(1).map_or(Ok(None), |&index| self.model.tensor(index))?;
        let Some(weights) = weights.filter(|weights| !weights.data.is_empty()) else {
            return self.refuse("its weights are not constant", DENSE_ONLY);
        };
        let (outputs, columns) = match weights.shape[..] {
            [outputs, columns] if outputs > 0 && columns > 0 => (outputs as usize, columns as usize),
            _ => return self.refuse(format!("weights of shape {:?}", weights.shape), "give them [outputs, inputs]"),
        };
        if weights.sparse || outputs.saturating_mul(columns) != weights.data.len() {
            return self.refuse(
                format!("{} bytes for weights of shape {:?}", weights.data.len(), weights.shape),
                "export int8 weights, not sparse and not packed in four bits",
            );
        }
        let shifted = self.weights(&weights)?;
        let sum_scales = self.sum_scales(&weights, input.scale, outputs)?;
        let bias = inputs.get(2).map_or(Ok(None), |&index| self.model.tensor(index))?;
        let biases = match bias {
            None => vec![0.0; outputs],
            Some(bias) if bias.element == INT32 && bias.data.len() == 4 * outputs => {
                bias.data.as_chunks().0.iter().map(|&word| f64::from(i32::from_le_bytes(word))).collect()
            }
            Some(bias) => {
                let found = format!("a bias of element type {}, {} bytes", bias.element, bias.data.len());
                return self.refuse(found, "export int32 biases, one per output");
            }
        };
        let options = operator.table(4)?;
        let (activation, format) = match &options {
            Some(options) => (options.byte(0)?, options.byte(1)?),
            None => (ACTIVATION_NONE, 0),
        };
        if format != 0 {
            return self.refuse("weights in a shuffled order", "export them in the default order");
        }
        let place = format!("{} {}", self.name, self.position);
        let mut layer = SourceLayer {
            place,
            inputs: columns,
            weights: shifted,
            biases,
            sum_scales,
            input,
            output,
            clamp: (-128, 127),
        };
        match activation {
            ACTIVATION_NONE => {}
            ACTIVATION_RELU => layer.clamp_to(0.0, f64::INFINITY),
            ACTIVATION_RELU6 => layer.clamp_to(0.0, 6.0),
            ACTIVATION_RELU_N1_TO_1 => layer.clamp_to(-1.0, 1.0),
            other => return self.refuse(format!("fused activation {other}"), DENSE_ONLY),
        }
        if let Some(before) = self.network.layers.last()
            && before.outputs() != columns
        {
            let found = format!("{columns} inputs after {} outputs", before.outputs());
            return self.refuse(found, "export the model again");
        }
        self.network.layers.push(layer);
        Ok(())
    }

    /// The weights minus their zero point.
    fn weights(&self, weights: &Tensor<'_>) -> Result<Vec<i16>, ImportError> {
        let zero_point = match weights.zero_points[..] {
            [] => 0,
            [zero_point, ref rest @ ..] if rest.iter().all(|&other| other == zero_point) => zero_point,
            _ => return self.refuse("weights with several zero points", FULL_INTEGER),
        };
        let (range, unsigned) = match weights.element {
            INT8 => (-128..=127, false),
            UINT8 => (0..=255, true),
            other => return self.refuse(format!("weights of element type {other}"), FULL_INTEGER),
        };
        if !range.contains(&zero_point) {
            return self.refuse(format!("weights with zero point {zero_point}"), FULL_INTEGER);
        }
        let value = |&byte: &u8| if unsigned { i16::from(byte) } else { i16::from(byte as i8) };
        Ok(weights.data.iter().map(|byte| value(byte) - zero_point as i16).collect())
    }

    /// Real size of one step of each output's sum, multiplied as in TFLite.
    fn sum_scales(&self, weights: &Tensor<'_>, input: f64, outputs: usize) -> Result<Vec<f64>, ImportError> {
        if !weights.scales.iter().all(|scale| scale.is_finite() && *scale > 0.0) {
            return self.refuse("a weight scale that is not positive and finite", FULL_INTEGER);
        }
        match weights.scales[..] {
            // One scale: the product is rounded to single precision.
            [scale] => Ok(vec![f64::from(input as f32 * scale); outputs]),
            _ if weights.scales.len() == outputs && weights.axis == 0 => {
                Ok(weights.scales.iter().map(|&scale| input * f64::from(scale)).collect())
            }
            _ => {
                let found = format!("{} weight scales for {outputs} outputs", weights.scales.len());
                self.refuse(found, "quantize weights by tensor or by output")
            }
        }
    }
}
