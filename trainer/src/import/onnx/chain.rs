//! Follows the one chain of operators from the input of an ONNX graph to its output.

use super::constant::Constant;
use super::head::Head;
use super::message::{DOUBLE, FLOAT, Graph, INT8, Node, UINT8};
use super::scaling::Scaling;
use super::{QUANTIZE_ALL, coding};
use crate::import::limits::{MAX_FOLDED_VALUES, MAX_OPERATORS, full};
use crate::import::{Coding, ImportError};
use std::collections::HashMap;
use std::fmt;

const DENSE_ONLY: &str = "a student holds dense layers with ReLU; compute everything else before or after it, or distil \
                          the model into a student";
const ONE_CHAIN: &str = "export a model whose operators form one chain";

/// A dense layer, as far as known.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    pub place: Place,
    pub inputs: usize,
    pub outputs: usize,
    pub weights: Weights,
    /// Real biases, one per output.
    pub biases: Vec<f64>,
    /// Real bounds of the activation after it.
    pub low: f64,
    pub high: f64,
    /// Its input and output, if they are quantized.
    pub input: Option<Coding>,
    pub output: Option<Coding>,
    /// Whether one of the two is uint8.
    pub unsigned: bool,
}

/// Weights `[outputs][inputs]`.
#[derive(Clone, Debug)]
pub(super) enum Weights {
    Real(Vec<f64>),
    /// Steps minus their zero point, and the real size of one step for each output.
    Steps(Vec<i16>, Vec<f64>),
}

/// An operator, for messages.
#[derive(Clone, Debug)]
pub(super) struct Place {
    position: usize,
    operator: String,
    name: String,
}

impl Place {
    pub fn refuse(&self, reason: String, remedy: &str) -> ImportError {
        ImportError::Operator {
            position: self.position,
            operator: self.operator.clone(),
            name: if self.name.is_empty() { String::new() } else { format!(" {}", self.name) },
            reason,
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operator, self.position)
    }
}

/// The form of the current activation.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    /// Real, not known to be quantized.
    Real,
    /// Integers of this coding.
    Steps(Coding, bool),
    /// Real, a multiple of this coding's step.
    OnSteps(Coding, bool),
}

/// The chain so far.
pub(super) struct Chain {
    constants: HashMap<String, Constant>,
    current: String,
    form: Form,
    softmax: bool,
    /// Of the inputs, before the first layer.
    scaling: Option<Scaling>,
    layers: Vec<Dense>,
    /// Number of values that constants have expanded to.
    folded: usize,
}

impl Chain {
    /// The dense layers of a graph that is one chain, and the names of its classes where it tells them.
    pub fn of(graph: &Graph) -> Result<(Vec<Dense>, Vec<String>), ImportError> {
        let mut constants = HashMap::new();
        for tensor in &graph.initializer {
            constants.insert(tensor.name.clone(), Constant::read(tensor)?);
        }
        // Old files list initializers among the inputs.
        let inputs: Vec<_> = graph.input.iter().filter(|input| !constants.contains_key(&input.name)).collect();
        let &[input] = &inputs[..] else {
            return Err(ImportError::Model {
                reason: format!("the model has {} inputs", inputs.len()),
                remedy: "export one with a single input",
            });
        };
        let head = Head::of(graph)?;
        let mut chain = Self {
            constants,
            current: input.name.clone(),
            form: Form::Real,
            softmax: false,
            scaling: None,
            layers: Vec::new(),
            folded: 0,
        };
        if graph.node.len() > MAX_OPERATORS {
            let reason = format!("the model has {} operators", graph.node.len());
            return Err(ImportError::Model { reason, remedy: DENSE_ONLY });
        }
        for (position, node) in head.nodes {
            let place = Place { position, operator: node.op_type.clone(), name: node.name.clone() };
            chain.follow(node, &place)?;
        }
        if chain.current != head.output {
            return Err(ImportError::Model {
                reason: format!("the output is `{}`, the chain ends at `{}`", head.output, chain.current),
                remedy: ONE_CHAIN,
            });
        }
        if let (true, Some(last)) = (head.is_halved, chain.layers.last_mut()) {
            last.double()?;
        }
        Ok((chain.layers, head.classes))
    }

    fn follow(&mut self, node: &Node, place: &Place) -> Result<(), ImportError> {
        let known_domain = ["", "ai.onnx", "ai.onnx.ml", "com.microsoft"].contains(&node.domain.as_str());
        let written = match (&node.output[..], known_domain) {
            ([output], true) => output.clone(),
            ([output, mask], true) if mask.is_empty() || node.op_type == "Dropout" => output.clone(),
            _ => return Err(place.refuse("not part of a dense network".into(), DENSE_ONLY)),
        };
        if node.input.iter().all(|name| name.is_empty() || self.constants.contains_key(name)) {
            let constant = self.fold(node, place)?;
            self.folded = self.folded.saturating_add(constant.values.len());
            if self.folded > MAX_FOLDED_VALUES {
                return Err(place.refuse("constants expand to too many values".into(), "fold them before the export"));
            }
            self.constants.insert(written, constant);
            return Ok(());
        }
        let strange = node
            .input
            .iter()
            .find(|name| !name.is_empty() && **name != self.current && !self.constants.contains_key(*name));
        if let Some(strange) = strange {
            return Err(place.refuse(format!("reads `{strange}`, the chain is at `{}`", self.current), ONE_CHAIN));
        }
        match node.op_type.as_str() {
            "QuantizeLinear" => self.quantize(node, place)?,
            "DequantizeLinear" => self.dequantize(node, place)?,
            "Gemm" | "MatMul" => self.dense(node, place)?,
            "Scaler" | "Add" | "Sub" | "Mul" | "Div" if self.layers.is_empty() => self.scale(node, place)?,
            "Add" => self.add(node, place)?,
            "Relu" => self.clamp(place, 0.0, f64::INFINITY)?,
            "Clip" => {
                let bound = |input: usize, name: &str, default: f64| match node.input.get(input) {
                    Some(bound) if !bound.is_empty() => self.constants.get(bound).and_then(Constant::scalar),
                    _ => Some(node.float(name).map_or(default, f64::from)),
                };
                let (low, high) = (bound(1, "min", f64::NEG_INFINITY), bound(2, "max", f64::INFINITY));
                let (Some(low), Some(high)) = (low, high) else {
                    return Err(place.refuse("its bounds are not constant".into(), "export constant bounds"));
                };
                self.clamp(place, low, high)?;
            }
            "Softmax" if !self.layers.is_empty() => self.softmax = true,
            "Cast" if self.form == Form::Real && [FLOAT, DOUBLE].map(i64::from).contains(&node.int("to", 0)) => {}
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Identity" | "Dropout"
                if node.input.first() == Some(&self.current) => {}
            _ => return Err(place.refuse("not part of a dense network".into(), DENSE_ONLY)),
        }
        self.current = written;
        Ok(())
    }

    fn constant(&self, node: &Node, input: usize) -> Option<&Constant> {
        node.input.get(input).and_then(|name| self.constants.get(name))
    }

    /// Evaluates an operator over constants.
    fn fold(&self, node: &Node, place: &Place) -> Result<Constant, ImportError> {
        let first = self.constant(node, 0);
        let folded = match (node.op_type.as_str(), first) {
            ("Constant", None) => {
                let tensor = node.attribute.iter().find_map(|attribute| attribute.t.as_ref());
                return tensor.map_or_else(
                    || Ok(Constant { dims: Vec::new(), values: Vec::new(), element: 0, scales: None }),
                    Constant::read,
                );
            }
            ("Identity", Some(first)) => Some(first.clone()),
            ("Transpose", Some(first)) => first.transposed(),
            ("DequantizeLinear", Some(first)) => self
                .constant(node, 1)
                .and_then(|scales| first.dequantized(scales, self.constant(node, 2), node.int("axis", 1))),
            _ => None,
        };
        let remedy = "fold constants before the export (onnxsim, or torch.onnx.export with do_constant_folding)";
        folded.ok_or_else(|| place.refuse("works on constants in a way that is not read".into(), remedy))
    }

    /// Scale and zero point of a quantize or dequantize operator, and whether its integers are uint8.
    fn coding(&self, node: &Node, place: &Place) -> Result<(Coding, bool), ImportError> {
        let scale = self.constant(node, 1).and_then(Constant::scalar);
        let (zero_point, element) = match node.input.get(2).filter(|name| !name.is_empty()) {
            None => (Some(0.0), UINT8),
            Some(name) => {
                let constant = self.constants.get(name);
                (constant.and_then(Constant::scalar), constant.map_or(0, |constant| constant.element))
            }
        };
        let unsigned = element == UINT8;
        let coding = match (scale, zero_point) {
            (Some(scale), Some(zero_point)) if unsigned || element == INT8 => coding(scale, zero_point, unsigned),
            _ => None,
        };
        let coding = coding.ok_or_else(|| {
            let reason = "an activation without one constant positive scale and int8 or uint8 zero point";
            place.refuse(reason.into(), QUANTIZE_ALL)
        })?;
        Ok((coding, unsigned))
    }

    fn quantize(&mut self, node: &Node, place: &Place) -> Result<(), ImportError> {
        let (coding, unsigned) = self.coding(node, place)?;
        if self.scaling.is_some() {
            return Err(place.refuse("quantizes inputs after they are scaled".into(), QUANTIZE_ALL));
        }
        match (self.form, self.layers.last_mut()) {
            (Form::Real, Some(layer)) if !self.softmax => {
                layer.output = Some(coding);
                layer.unsigned |= unsigned;
            }
            (Form::OnSteps(before, _), _) if before != coding && !self.softmax => {
                let remedy = "quantize it once: give both operators the same scale and zero point";
                return Err(place.refuse("changes the scale of an activation".into(), remedy));
            }
            _ => {}
        }
        self.form = Form::Steps(coding, unsigned);
        Ok(())
    }

    fn dequantize(&mut self, node: &Node, place: &Place) -> Result<(), ImportError> {
        let (coding, unsigned) = self.coding(node, place)?;
        if let Form::Steps(before, _) = self.form
            && before != coding
        {
            let remedy = "give both operators the same scale and zero point";
            return Err(place.refuse("reads another scale than was written".into(), remedy));
        }
        self.form = Form::OnSteps(coding, unsigned);
        Ok(())
    }

    fn clamp(&mut self, place: &Place, low: f64, high: f64) -> Result<(), ImportError> {
        match self.layers.last_mut() {
            Some(layer) if !self.softmax && low <= high => {
                let (before_low, before_high) = (layer.low, layer.high);
                layer.low = before_low.clamp(low, high);
                layer.high = before_high.clamp(low, high);
                Ok(())
            }
            _ => Err(place.refuse("no dense layer precedes it".into(), DENSE_ONLY)),
        }
    }

    /// Gains and shifts of the inputs.
    fn scale(&mut self, node: &Node, place: &Place) -> Result<(), ImportError> {
        let commutes = ["Add", "Mul"].contains(&node.op_type.as_str());
        if self.form != Form::Real || !commutes && node.input.first() != Some(&self.current) {
            return Err(place.refuse("does not scale the inputs as they are".into(), DENSE_ONLY));
        }
        let constant = self.constant(node, 1).or_else(|| self.constant(node, 0)).map(Constant::reals);
        self.scaling.get_or_insert_default().follow(node, constant, place)
    }

    /// A constant addition after a dense layer: its bias.
    fn add(&mut self, node: &Node, place: &Place) -> Result<(), ImportError> {
        let reals = self.constant(node, 0).or_else(|| self.constant(node, 1)).map(Constant::reals);
        let open = self.form == Form::Real && !self.softmax;
        match (self.layers.last_mut(), reals) {
            (Some(layer), Some(bias)) if open && layer.low == f64::NEG_INFINITY && layer.high == f64::INFINITY => {
                layer.add_bias(&bias, 1.0, place)
            }
            _ => Err(place.refuse("is not the bias of a dense layer".into(), DENSE_ONLY)),
        }
    }

    fn dense(&mut self, node: &Node, place: &Place) -> Result<(), ImportError> {
        if self.softmax {
            return Err(place.refuse("follows a softmax".into(), DENSE_ONLY));
        }
        if let Some(reason) = full(self.layers.len()) {
            return Err(place.refuse(reason, DENSE_ONLY));
        }
        let (input, unsigned) = match self.form {
            Form::Real => (None, false),
            Form::OnSteps(coding, unsigned) => (Some(coding), unsigned),
            Form::Steps(..) => return Err(place.refuse("reads integers".into(), QUANTIZE_ALL)),
        };
        let gemm = node.op_type == "Gemm";
        if node.input.first() != Some(&self.current) || (gemm && node.int("transA", 0) != 0) {
            return Err(place.refuse("its activation is not the first operand as it is".into(), DENSE_ONLY));
        }
        let Some(matrix) = self.constant(node, 1) else {
            return Err(place.refuse("its weights are not constant".into(), DENSE_ONLY));
        };
        let by_output = gemm && node.int("transB", 0) != 0;
        let matrix = if by_output { Some(matrix.clone()) } else { matrix.transposed() };
        let matrix = matrix.filter(|matrix| matrix.dims.len() == 2 && !matrix.values.is_empty());
        let Some(matrix) = matrix.filter(|matrix| matrix.dims[0] * matrix.dims[1] == matrix.values.len()) else {
            return Err(place.refuse("its weights are not a numeric matrix".into(), "export float or int8 weights"));
        };
        let factor = |name: &str| f64::from(node.float(name).unwrap_or(1.0));
        let (alpha, beta) = if gemm { (factor("alpha"), factor("beta")) } else { (1.0, 1.0) };
        if alpha == 0.0 || !alpha.is_finite() || !beta.is_finite() {
            return Err(place.refuse(format!("alpha {alpha}, beta {beta}"), "export with finite factors, alpha not 0"));
        }
        let (outputs, inputs) = (matrix.dims[0], matrix.dims[1]);
        let weights = match &matrix.scales {
            None => Weights::Real(matrix.values.iter().map(|weight| weight * alpha).collect()),
            Some(scales) if scales.values.len() > 1 && scales.axis != 0 => {
                return Err(place.refuse("weight scales along its inputs".into(), "quantize by tensor or by output"));
            }
            Some(scales) => {
                // The integers of a file fit 8 bits; minus their zero point, 9.
                let steps = matrix.values.iter().map(|&step| (step * alpha.signum()) as i16).collect();
                let scale = |output: usize| scales.values[if scales.values.len() == 1 { 0 } else { output }];
                Weights::Steps(steps, (0..outputs).map(|output| scale(output) * alpha.abs()).collect())
            }
        };
        if matrix.scales.is_some() && ![INT8, UINT8].contains(&matrix.element) {
            return Err(place.refuse("weights that are not 8 bits wide".into(), "quantize with weight_type=QInt8"));
        }
        let bias = if gemm { self.constant(node, 2).map(Constant::reals) } else { None };
        let mut layer = Dense {
            place: place.clone(),
            inputs,
            outputs,
            weights,
            biases: vec![0.0; outputs],
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            input,
            output: None,
            unsigned,
        };
        if let Some(bias) = bias {
            layer.add_bias(&bias, beta, place)?;
        }
        if let Some(scaling) = self.scaling.take() {
            scaling.fold(&mut layer, place)?;
        }
        self.layers.push(layer);
        self.form = Form::Real;
        Ok(())
    }
}

impl Dense {
    /// Makes one score those of two classes, 0 and the score.
    fn double(&mut self) -> Result<(), ImportError> {
        match &mut self.weights {
            Weights::Real(weights) if self.outputs == 1 => {
                weights.splice(..0, vec![0.0; self.inputs]);
                self.biases.insert(0, 0.0);
                self.outputs = 2;
                Ok(())
            }
            _ => Err(self.place.refuse("more or less than one real score before two probabilities".into(), DENSE_ONLY)),
        }
    }

    fn add_bias(&mut self, bias: &[f64], factor: f64, place: &Place) -> Result<(), ImportError> {
        if ![1, self.outputs].contains(&bias.len()) {
            let reason = format!("a bias of {} values for {} outputs", bias.len(), self.outputs);
            return Err(place.refuse(reason, "export the model again"));
        }
        let of_outputs = bias.iter().cycle();
        self.biases.iter_mut().zip(of_outputs).for_each(|(sum, bias)| *sum += bias * factor);
        Ok(())
    }
}
