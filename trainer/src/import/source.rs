//! A quantized model as read: dense layers in the source's own numbers.

use super::ImportError;
use super::narrow::narrow;
use crate::quantize::{InputCoding, IntegerLayer, IntegerStudent, QuantizeError};
use eyas::model::{LayerKind, LayerMeta, MAX_LAYERS, MAX_WIDTH, Normalization};

/// The source's rule for turning a sum into an int8 activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// TFLite: `RDByPOT(SRDHM(acc · 2^max(e, 0), m), max(−e, 0))`, rounded twice.
    Double,
    /// ONNX QuantizeLinear: `y / s` to the nearest integer, exact halves to the even one.
    HalfEven,
}

/// Scale and zero point of an activation, in int8.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coding {
    /// Real size of one step.
    pub scale: f64,
    /// Integer that stands for 0.0; for uint8, minus 128.
    pub zero_point: i8,
}

/// One dense layer of the source.
#[derive(Clone, Debug)]
pub struct SourceLayer {
    /// Operator and position, for people.
    pub place: String,
    /// Number of inputs.
    pub inputs: usize,
    /// Weights minus their zero point `[outputs][inputs]`, −255 to 255.
    pub weights: Vec<i16>,
    /// Biases `[outputs]` in steps of `sum_scales`; whole numbers in TFLite.
    pub biases: Vec<f64>,
    /// Real size of one step of each output's sum.
    pub sum_scales: Vec<f64>,
    /// The layer's input.
    pub input: Coding,
    /// The layer's output.
    pub output: Coding,
    /// Smallest and largest output.
    pub clamp: (i8, i8),
}

/// A quantized model of dense layers.
#[derive(Clone, Debug)]
pub struct SourceNetwork {
    /// The source's rounding.
    pub rule: Rule,
    /// Whether the source reads or writes uint8 activations; the integers here are those minus 128.
    pub unsigned: bool,
    /// First to last.
    pub layers: Vec<SourceLayer>,
}

/// A student made of a source's numbers.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The student.
    pub student: IntegerStudent,
    /// Rows of each layer whose weights had to be brought into −127 to 127.
    pub rescaled_rows: Vec<usize>,
}

impl SourceLayer {
    /// Number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.sum_scales.len()
    }

    /// Narrows the clamp to real values, with the source's rounding.
    pub fn clamp_to(&mut self, low: f64, high: f64) {
        let coded = |real: f64| {
            let steps = (real / self.output.scale).round_ties_even() + f64::from(self.output.zero_point);
            steps.clamp(-128.0, 127.0) as i8
        };
        let (low, high) = (coded(low), coded(high));
        self.clamp = (self.clamp.0.max(low), self.clamp.1.min(high).max(low));
    }
}

impl SourceNetwork {
    /// The student with the source's weights and scales; `sparse` makes its first layer skip absent inputs.
    ///
    /// # Errors
    /// More layers or wider ones than a student file holds, or a ratio of scales that no multiplier can represent.
    pub fn convert(&self, sparse: bool) -> Result<Converted, ImportError> {
        let found = self.layers.len();
        if found > MAX_LAYERS {
            return Err(QuantizeError::Layers { expected: MAX_LAYERS, found }.into());
        }
        let Some(first) = self.layers.first() else {
            return Err(ImportError::Model {
                reason: "the model has no dense layer".into(),
                remedy: "import one that has",
            });
        };
        let coding = InputCoding {
            zero_point: first.input.zero_point,
            gains: vec![(1.0 / first.input.scale) as f32; first.inputs],
            sparse,
            normalization: Normalization::None,
            unit: 1.0,
            standard: None,
        };
        let mut converted =
            Converted { student: IntegerStudent { coding, layers: Vec::new() }, rescaled_rows: Vec::new() };
        for (index, layer) in self.layers.iter().enumerate() {
            for found in [layer.inputs, layer.outputs()] {
                if found == 0 || found > usize::from(MAX_WIDTH) {
                    return Err(QuantizeError::Width { layer: index, expected: usize::from(MAX_WIDTH), found }.into());
                }
            }
            let (integer, rescaled) = convert_layer(layer, sparse && index == 0);
            converted.student.layers.push(integer);
            converted.rescaled_rows.push(rescaled);
        }
        Ok(converted)
    }
}

fn convert_layer(layer: &SourceLayer, sparse: bool) -> (IntegerLayer, usize) {
    let mut integer = IntegerLayer {
        meta: LayerMeta {
            kind: if sparse { LayerKind::SparseInput } else { LayerKind::Dense },
            outputs: layer.outputs() as u16,
            zero_point: layer.output.zero_point,
            lo: layer.clamp.0,
            hi: layer.clamp.1,
        },
        weights: Vec::with_capacity(layer.weights.len()),
        biases: Vec::with_capacity(layer.outputs()),
        sum_scales: Vec::with_capacity(layer.outputs()),
        output_scale: layer.output.scale,
        input_zero_point: layer.input.zero_point,
    };
    let mut rescaled = 0;
    let rows = layer.weights.chunks_exact(layer.inputs);
    for ((row, &bias), &scale) in rows.zip(&layer.biases).zip(&layer.sum_scales) {
        let narrowed = narrow(row, layer.input.zero_point);
        rescaled += usize::from(narrowed.changed);
        integer.weights.extend(narrowed.weights);
        // Saturates at values that the loader will refuse.
        integer.biases.push(((bias + narrowed.offset) / narrowed.factor).round() as i64);
        integer.sum_scales.push(scale * narrowed.factor);
    }
    (integer, rescaled)
}
