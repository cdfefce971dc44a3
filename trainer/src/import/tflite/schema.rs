//! The tables of the TFLite schema that a dense network uses, by their field numbers.

use super::reader::Table;
use crate::import::ImportError;

/// Element types of tensors.
pub(super) const FLOAT32: u8 = 0;
pub(super) const INT32: u8 = 2;
pub(super) const UINT8: u8 = 3;
pub(super) const INT8: u8 = 9;

/// Built-in operators that are read.
pub(super) const DEQUANTIZE: i32 = 6;
pub(super) const FULLY_CONNECTED: i32 = 9;
pub(super) const RELU: i32 = 19;
pub(super) const RELU_N1_TO_1: i32 = 20;
pub(super) const RELU6: i32 = 21;
pub(super) const RESHAPE: i32 = 22;
pub(super) const SOFTMAX: i32 = 25;
const CUSTOM: i32 = 32;
pub(super) const SQUEEZE: i32 = 43;
pub(super) const EXPAND_DIMS: i32 = 70;
pub(super) const QUANTIZE: i32 = 114;

/// Names of the most common operators, for messages.
const NAMES: [(i32, &str); 30] = [
    (0, "ADD"),
    (1, "AVERAGE_POOL_2D"),
    (2, "CONCATENATION"),
    (3, "CONV_2D"),
    (4, "DEPTHWISE_CONV_2D"),
    (DEQUANTIZE, "DEQUANTIZE"),
    (FULLY_CONNECTED, "FULLY_CONNECTED"),
    (14, "LOGISTIC"),
    (16, "LSTM"),
    (17, "MAX_POOL_2D"),
    (18, "MUL"),
    (RELU, "RELU"),
    (RELU_N1_TO_1, "RELU_N1_TO_1"),
    (RELU6, "RELU6"),
    (RESHAPE, "RESHAPE"),
    (SOFTMAX, "SOFTMAX"),
    (28, "TANH"),
    (34, "PAD"),
    (39, "TRANSPOSE"),
    (40, "MEAN"),
    (41, "SUB"),
    (SQUEEZE, "SQUEEZE"),
    (44, "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    (45, "STRIDED_SLICE"),
    (53, "CAST"),
    (56, "ARG_MAX"),
    (EXPAND_DIMS, "EXPAND_DIMS"),
    (98, "LEAKY_RELU"),
    (QUANTIZE, "QUANTIZE"),
    (117, "HARD_SWISH"),
];

/// Fused activations of a dense operator.
pub(super) const ACTIVATION_NONE: u8 = 0;
pub(super) const ACTIVATION_RELU: u8 = 1;
pub(super) const ACTIVATION_RELU_N1_TO_1: u8 = 2;
pub(super) const ACTIVATION_RELU6: u8 = 3;

/// A model with one graph, its lists read and checked.
pub(super) struct Model<'a> {
    pub codes: Vec<Table<'a>>,
    pub buffers: Vec<Table<'a>>,
    pub tensors: Vec<Table<'a>>,
    pub operators: Vec<Table<'a>>,
    pub inputs: Vec<i32>,
    pub outputs: Vec<i32>,
    pub graphs: usize,
}

impl<'a> Model<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Self, ImportError> {
        let root = Table::root(bytes)?;
        let graphs = root.tables(2)?;
        let first = graphs.first().ok_or_else(|| damaged("the model".into(), "a graph"))?;
        Ok(Self {
            codes: root.tables(1)?,
            buffers: root.tables(4)?,
            tensors: first.tables(0)?,
            inputs: first.words(1)?,
            outputs: first.words(2)?,
            operators: first.tables(3)?,
            graphs: graphs.len(),
        })
    }

    /// Number and name of an operator's kind.
    pub fn kind(&self, operator: &Table<'a>) -> Result<(i32, String), ImportError> {
        let index = operator.word(0)? as usize;
        let code = self.codes.get(index).ok_or_else(|| damaged(format!("operator code {index}"), "one of the list"))?;
        // Files from before 2020 store the number in a byte.
        let number = i32::from(code.byte(0)?).max(code.word(3)?);
        let known = NAMES.iter().find(|(known, _)| *known == number).map(|(_, name)| (*name).to_owned());
        let name = match number {
            CUSTOM => code.text(1)?.to_owned(),
            _ => known.unwrap_or_else(|| format!("builtin {number}")),
        };
        Ok((number, name))
    }

    /// A tensor by number; `None` for the −1 of an absent one.
    pub fn tensor(&self, index: i32) -> Result<Option<Tensor<'a>>, ImportError> {
        if index == -1 {
            return Ok(None);
        }
        let table = usize::try_from(index).ok().and_then(|index| self.tensors.get(index));
        let table = table.ok_or_else(|| damaged(format!("tensor {index}"), "one of the graph's tensors"))?;
        let (mut scales, mut zero_points, mut axis) = (Vec::new(), Vec::new(), 0);
        if let Some(quantization) = table.table(4)? {
            scales = quantization.vector::<4>(2)?.iter().map(|&scale| f32::from_le_bytes(scale)).collect();
            zero_points = quantization.vector::<8>(3)?.iter().map(|&zero| i64::from_le_bytes(zero)).collect();
            axis = quantization.word(6)?;
        }
        let buffer = table.word(2)? as usize;
        let buffer = self.buffers.get(buffer).ok_or_else(|| damaged(format!("buffer {buffer}"), "one of the list"))?;
        if buffer.scalar::<8>(1, [0; 8])? != [0; 8] {
            return Err(ImportError::ExternalData { tensor: table.text(3)?.to_owned() });
        }
        Ok(Some(Tensor {
            shape: table.words(0)?,
            element: table.byte(1)?,
            name: table.text(3)?,
            sparse: table.table(6)?.is_some(),
            data: buffer.vector::<1>(0)?.as_flattened(),
            scales,
            zero_points,
            axis,
        }))
    }
}

/// A tensor as the file describes it.
pub(super) struct Tensor<'a> {
    pub shape: Vec<i32>,
    pub element: u8,
    pub name: &'a str,
    pub sparse: bool,
    pub data: &'a [u8],
    pub scales: Vec<f32>,
    pub zero_points: Vec<i64>,
    pub axis: i32,
}

pub(super) fn damaged(place: String, expected: &str) -> ImportError {
    ImportError::Damaged { format: "TFLite", place, expected: expected.into() }
}
