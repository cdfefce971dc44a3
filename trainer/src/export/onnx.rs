//! The integer student as an ONNX QDQ model, for ONNX Runtime.
//!
//! ONNX rounds exact halves to the even integer and computes in floats, so a layer may differ by one unit. The export
//! counts these differences; every layer gets the student's own integers.

use crate::import::onnx::message::{
    ATTRIBUTE_INT, Attribute, Dimension, FLOAT, Graph, INT8, INT32, INT64, Model, Node, Opset, Shape, Tensor,
    TensorType, Type, ValueInfo,
};
use crate::import::reference::{compare, evaluate};
use crate::import::{Coding, ImportError, LayerCount, Rule, SourceLayer, drawn_rows};
use eyas::Student;
use eyas::model::{FrontEnd, Layer, LayerKind, Normalization};
use prost::Message;

/// The operator set of the models: the first whose DequantizeLinear has a scale for each output.
pub const ONNX_OPSET: i64 = 13;
/// The file version that goes with it.
const IR_VERSION: i64 = 7;

/// The input of an exported model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnnxInput {
    /// Real features, `features` `[N, inputs]`; the student's front end becomes part of the model.
    Features,
    /// The student's input integers, `x` `[N, inputs]`, int8.
    Integers,
}

/// A model, and the differences between its integers and the student's.
#[derive(Clone, Debug)]
pub struct ExportedOnnx {
    /// The file.
    pub bytes: Vec<u8>,
    /// The student compared with ONNX's rounding; each layer gets the student's own integers.
    pub layers: Vec<LayerCount>,
}

/// Why a student cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file has no front end.
    #[error("this student has no front end, so it takes no real features; export it with --integers")]
    NoFrontEnd,
    /// A scale outside the single-precision range.
    #[error("layer {layer}, unit {unit}: a scale of {scale:e} is outside what ONNX Runtime multiplies with")]
    Scale {
        /// Layer, from 0.
        layer: usize,
        /// Output of the layer, from 0.
        unit: usize,
        /// The scale.
        scale: f64,
    },
    /// A layer cannot be evaluated.
    #[error(transparent)]
    Evaluate(#[from] ImportError),
    /// A row was refused.
    #[error("the student refuses a row: {0}")]
    Row(#[from] eyas::InferError),
}

/// Exports `student`; the same student gives the same bytes. `rows` are drawn for the comparison.
///
/// Tensors `x`, `y0`, `y1`, … are the integers of the input and of every layer, `logits` the real outputs.
///
/// # Errors
/// [`OnnxError`] if a scale does not fit a float, or if features are requested of a student without a front end.
pub fn to_onnx(student: &Student<'_>, input: OnnxInput, rows: usize) -> Result<ExportedOnnx, OnnxError> {
    let mut builder = Builder::default();
    let inputs = i64::from(student.metadata().inputs);
    let (name, element) = match input {
        OnnxInput::Features => ("features", FLOAT),
        OnnxInput::Integers => ("x", INT8),
    };
    if input == OnnxInput::Features {
        builder.front_end(student)?;
    }
    let sources = sources(student)?;
    let mut integers = "x".to_owned();
    for (index, (layer, source)) in student.layers().zip(&sources).enumerate() {
        integers = builder.layer(index, &layer, source, &integers);
    }
    let last = sources.len().saturating_sub(1);
    let (scale, zero) = (format!("y{last}_scale"), format!("y{last}_zero_point"));
    builder.node("DequantizeLinear", &[&integers, &scale, &zero], "logits", vec![]);
    let outputs = i64::from(student.metadata().outputs());
    let bytes = builder.finish((name, element, inputs), outputs);
    Ok(ExportedOnnx { bytes, layers: count(student, &sources, rows)? })
}

/// The layers in ONNX's numbers: an input step of 1, and multipliers as scales of the weights.
fn sources(student: &Student<'_>) -> Result<Vec<SourceLayer>, OnnxError> {
    let last = student.layers().count().saturating_sub(1);
    let mut sources: Vec<SourceLayer> = Vec::new();
    for (index, layer) in student.layers().enumerate() {
        // The step of a hidden layer is arbitrary; the last one is the unit of the logits.
        let output_scale = if index == last { f64::from(student.metadata().output.scale) } else { 1.0 };
        let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
        let weights: Vec<i16> = (0..outputs * inputs).map(|at| layer.weight(at / inputs, at % inputs)).collect();
        let (mut biases, mut sum_scales) = (Vec::new(), Vec::new());
        for (unit, channel) in layer.channels().enumerate() {
            let ratio = f64::from(channel.multiplier.mantissa) * 2f64.powi(i32::from(channel.multiplier.exponent) - 31);
            let scale = (ratio * output_scale) as f32;
            if !scale.is_normal() {
                return Err(OnnxError::Scale { layer: index, unit, scale: ratio * output_scale });
            }
            sum_scales.push(f64::from(scale));
            let row = &weights[unit * inputs..][..inputs];
            let folded: i64 = match layer.kind {
                LayerKind::Dense => row.iter().map(|&weight| i64::from(weight)).sum(),
                LayerKind::SparseInput => 0,
            };
            // Fits i32 for every file that loads, since the proof of its sums covers this one.
            biases.push((i64::from(channel.bias) + i64::from(layer.input_zero_point) * folded) as f64);
        }
        sources.push(SourceLayer {
            place: format!("layer {index}"),
            inputs,
            weights,
            biases,
            sum_scales,
            input: Coding { scale: 1.0, zero_point: layer.input_zero_point },
            output: Coding { scale: output_scale, zero_point: layer.range.zero_point },
            clamp: (layer.range.lo, layer.range.hi),
        });
    }
    Ok(sources)
}

/// Compares the student with ONNX's rounding of the same numbers.
fn count(student: &Student<'_>, sources: &[SourceLayer], rows: usize) -> Result<Vec<LayerCount>, OnnxError> {
    let metadata = student.metadata();
    let mut rows = drawn_rows(usize::from(metadata.inputs), metadata.input_zero_point, rows);
    let mut found: Vec<Vec<i8>> = vec![Vec::new(); sources.len()];
    let mut arena = vec![0; student.arena_words()];
    for x in &rows {
        student.infer_portable(x, &mut arena, |layer, y| found[layer].extend(y.iter()))?;
    }
    let mut counts = Vec::new();
    for (index, (layer, found)) in sources.iter().zip(&found).enumerate() {
        let expected = evaluate(index, layer, Rule::HalfEven, &rows)?;
        counts.push(compare(layer, &expected.concat(), found));
        rows = found.chunks(layer.outputs()).map(<[i8]>::to_vec).collect();
    }
    Ok(counts)
}

/// Nodes and initializers, in order.
#[derive(Default)]
pub(super) struct Builder {
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
}

impl Builder {
    /// The model with one input `(name, element, width)` and the output `logits`.
    pub(super) fn finish(self, (name, element, inputs): (&str, i32, i64), outputs: i64) -> Vec<u8> {
        let model = Model {
            ir_version: IR_VERSION,
            producer_name: "eyas".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(Graph {
                node: self.nodes,
                name: "student".into(),
                initializer: self.initializers,
                input: vec![value(name, element, inputs)],
                output: vec![value("logits", FLOAT, outputs)],
            }),
            opset_import: vec![Opset { domain: String::new(), version: ONNX_OPSET }],
        };
        model.encode_to_vec()
    }

    /// A dense layer whose weights are `[outputs x inputs]`.
    pub(super) fn gemm(&mut self, operands: &[&str], output: &str) {
        self.node("Gemm", operands, output, vec![int("transB", 1)]);
    }

    /// `shares`: the features divided by the sum of their magnitudes; rows of zeros stay zero.
    pub(super) fn row_shares(&mut self, features: &str) {
        self.tensor("row_axis", INT64, vec![1], 1i64.to_le_bytes().to_vec());
        self.real("zero", &[0.0], vec![]);
        self.real("one", &[1.0], vec![]);
        self.node("Abs", &[features], "magnitudes", vec![]);
        self.node("ReduceSum", &["magnitudes", "row_axis"], "row_sum", vec![]);
        self.node("Equal", &["row_sum", "zero"], "row_is_zero", vec![]);
        self.node("Where", &["row_is_zero", "one", "row_sum"], "row_divisor", vec![]);
        self.node("Reciprocal", &["row_divisor"], "row_share", vec![]);
        self.node("Mul", &[features, "row_share"], "shares", vec![]);
    }

    /// `clamp(⌊x · gain + offset + ½⌋)`, exact halves up, with operators that add no other rounding.
    fn front_end(&mut self, student: &Student<'_>) -> Result<(), OnnxError> {
        let mut features = "features";
        if student.metadata().normalization == Normalization::RowSum {
            self.row_shares(features);
            features = "shares";
        }
        match student.metadata().front_end {
            FrontEnd::Integers => return Err(OnnxError::NoFrontEnd),
            FrontEnd::Uniform { gain, offset } => {
                self.real("gain", &[gain], vec![]);
                self.real("offset", &[offset], vec![]);
            }
            FrontEnd::PerInput => {
                let (gains, offsets) = student.front_end_tables();
                self.tensor("gain", FLOAT, vec![gains.len() as i64], gains.as_flattened().to_vec());
                self.tensor("offset", FLOAT, vec![offsets.len() as i64], offsets.as_flattened().to_vec());
            }
        }
        for (name, value) in [("lowest", -128.0), ("highest", 127.0), ("half", 0.5), ("step", 1.0)] {
            self.real(name, &[value], vec![]);
        }
        self.tensor("step_zero_point", INT8, vec![], vec![0]);
        self.node("Mul", &[features, "gain"], "scaled", vec![]);
        self.node("Add", &["scaled", "offset"], "shifted", vec![]);
        self.node("Clip", &["shifted", "lowest", "highest"], "steps", vec![]);
        self.node("Floor", &["steps"], "floor", vec![]);
        self.node("Sub", &["steps", "floor"], "fraction", vec![]);
        self.node("GreaterOrEqual", &["fraction", "half"], "rounds_up", vec![]);
        self.node("Cast", &["rounds_up"], "one_more", vec![int("to", i64::from(FLOAT))]);
        self.node("Add", &["floor", "one_more"], "rounded", vec![]);
        self.node("QuantizeLinear", &["rounded", "step", "step_zero_point"], "x", vec![]);
        Ok(())
    }

    /// One layer over the integers `x`; returns the name of its own integers.
    fn layer(&mut self, index: usize, layer: &Layer<'_>, source: &SourceLayer, x: &str) -> String {
        let (inputs, outputs) = (i64::from(layer.inputs), i64::from(layer.outputs));
        let name = |part: &str| format!("{part}{index}");
        let scales: Vec<f32> = source.sum_scales.iter().map(|&scale| scale as f32).collect();
        let weights = source.weights.iter().map(|&weight| weight as i8 as u8).collect();
        let biases = source.biases.iter().flat_map(|&bias| (bias as i32).to_le_bytes()).collect();
        let y = name("y");
        if index == 0 {
            self.coding("x", source.input);
        }
        self.coding(&y, source.output);
        self.tensor(&name("weights"), INT8, vec![outputs, inputs], weights);
        self.tensor(&name("weights_zero_point"), INT8, vec![outputs], vec![0; layer.outputs.into()]);
        self.tensor(&name("biases"), INT32, vec![outputs], biases);
        self.real(&name("sum_scales"), &scales, vec![outputs]);

        let of_x = [format!("{x}_scale"), format!("{x}_zero_point")];
        self.node("DequantizeLinear", &[x, &of_x[0], &of_x[1]], &name("input"), vec![]);
        let parts = [name("weights"), name("sum_scales"), name("weights_zero_point")];
        let operands = [parts[0].as_str(), parts[1].as_str(), parts[2].as_str()];
        self.node("DequantizeLinear", &operands, &name("real_weights"), vec![int("axis", 0)]);
        let operands = [&*name("biases"), &*name("sum_scales")].map(str::to_owned);
        let operands = [operands[0].as_str(), operands[1].as_str()];
        self.node("DequantizeLinear", &operands, &name("real_biases"), vec![int("axis", 0)]);
        let operands = [name("input"), name("real_weights"), name("real_biases")];
        let operands: Vec<&str> = operands.iter().map(String::as_str).collect();
        self.gemm(&operands, &name("sums"));

        let mut sums = name("sums");
        let range = layer.range;
        if (range.lo, range.hi) != (-128, 127) {
            let real = |bound: i8| ((f64::from(bound) - f64::from(range.zero_point)) * source.output.scale) as f32;
            let bounds = [name("lowest"), name("highest")];
            self.real(&bounds[0], &[real(range.lo)], vec![]);
            self.real(&bounds[1], &[real(range.hi)], vec![]);
            self.node("Clip", &[&sums, &bounds[0], &bounds[1]], &name("clamped"), vec![]);
            sums = name("clamped");
        }
        let of_y = [format!("{y}_scale"), format!("{y}_zero_point")];
        self.node("QuantizeLinear", &[&sums, &of_y[0], &of_y[1]], &y, vec![]);
        y
    }

    fn coding(&mut self, tensor: &str, coding: Coding) {
        self.real(&format!("{tensor}_scale"), &[coding.scale as f32], vec![]);
        self.tensor(&format!("{tensor}_zero_point"), INT8, vec![], vec![coding.zero_point as u8]);
    }

    pub(super) fn real(&mut self, name: &str, values: &[f32], dims: Vec<i64>) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor(name, FLOAT, dims, bytes);
    }

    fn tensor(&mut self, name: &str, data_type: i32, dims: Vec<i64>, raw_data: Vec<u8>) {
        self.initializers.push(Tensor { name: name.into(), data_type, dims, raw_data, ..Tensor::default() });
    }

    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attribute: Vec<Attribute>) {
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.into()],
            name: output.into(),
            op_type: operator.into(),
            attribute,
            domain: String::new(),
        });
    }
}

fn int(name: &str, value: i64) -> Attribute {
    Attribute { name: name.into(), i: value, kind: ATTRIBUTE_INT, ..Attribute::default() }
}

/// A tensor `[N, width]`.
fn value(name: &str, elem_type: i32, width: i64) -> ValueInfo {
    let rows = Dimension { dim_value: None, dim_param: Some("N".into()) };
    let width = Dimension { dim_value: Some(width), dim_param: None };
    let shape = Some(Shape { dim: vec![rows, width] });
    ValueInfo { name: name.into(), r#type: Some(Type { tensor_type: Some(TensorType { elem_type, shape }) }) }
}
