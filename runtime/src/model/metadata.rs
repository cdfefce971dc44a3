//! The metadata section: one postcard struct, borrowed from the file.

use heapless::Vec;
#[cfg(feature = "std")]
use serde::{Deserialize, Serialize};

/// Most layers a student may have.
pub const MAX_LAYERS: usize = 8;
/// Widest input or layer; keeps every sparse sum of int8 products far inside 32 bits.
pub const MAX_WIDTH: u16 = 32_767;

/// The task of the student.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub enum Task {
    /// The largest logit names the label.
    Classify,
    /// Every output is a real quantity.
    Regress,
}

/// How a layer reads its input; decides the order of its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub enum LayerKind {
    /// Weights `[outputs][inputs]`, bias with the input zero point folded in.
    Dense,
    /// Weights `[inputs][outputs]`, plain bias; inputs equal to the zero point are skipped. First layer only.
    SparseInput,
}

/// One dense layer, without its tensors. Its inputs and input zero point are the previous layer's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub struct LayerMeta {
    /// How the layer reads its input.
    pub kind: LayerKind,
    /// Number of outputs, 1 to [`MAX_WIDTH`].
    pub outputs: u16,
    /// Integer that stands for 0.0 at the output.
    pub zero_point: i8,
    /// Smallest output; the zero point for ReLU.
    pub lo: i8,
    /// Largest output.
    pub hi: i8,
}

/// How real features become input integers: `clamp(⌊x · gain + offset + ½⌋)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub enum FrontEnd {
    /// The device supplies integers.
    Integers,
    /// One gain and offset for all inputs.
    Uniform {
        /// Integer steps for each unit of the feature.
        gain: f32,
        /// Integer that stands for the feature value 0.
        offset: f32,
    },
    /// A gain and an offset for each input, two `f32` arrays at the end of the tensors.
    PerInput,
}

/// The normalization of a row of real features before its gains apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub enum Normalization {
    /// Nothing.
    None,
    /// Every feature is divided by the sum of the row's magnitudes; a row of zeros stays as it is.
    RowSum,
}

/// Which inputs the student was trained on, in which order and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub struct InputSchema<'a> {
    /// Names of the inputs, one per line without a trailing newline; empty if unnamed.
    pub names: &'a str,
    /// Units of the inputs in the same form; empty if none are given.
    pub units: &'a str,
    /// First eight bytes, little-endian, of a SHA-256 over everything that gives an input its meaning: number of
    /// inputs, names, zero point, normalization and gains.
    #[cfg_attr(feature = "std", serde(with = "postcard::fixint::le"))]
    pub hash: u64,
}

/// The meaning of the outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub struct OutputMeta<'a> {
    /// Labels (or names of the quantities), one per line without a trailing newline.
    pub labels: &'a str,
    /// Real size of one integer step of every output.
    pub scale: f32,
    /// Confidence table; empty in this version.
    pub confidence: &'a [u8],
    /// Abstain thresholds with their stated coverage; empty in this version.
    pub abstain: &'a [u8],
}

/// Where the student comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub struct Provenance<'a> {
    /// The teacher in words, such as `gcn 3x512`.
    pub teacher: &'a str,
    /// SHA-256 of the data without the labels of its test rows.
    pub data_hash: &'a [u8],
    /// SHA-256 of the resolved recipe.
    pub recipe_hash: &'a [u8],
    /// Seed of the run.
    pub seed: u64,
    /// The trainer and its version.
    pub tool: &'a str,
}

/// Everything a student file says besides its tensors. Field order is the wire order.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "std", derive(Serialize, Deserialize))]
pub struct Metadata<'a> {
    /// The task of the student.
    pub task: Task,
    /// Number of inputs, 1 to [`MAX_WIDTH`].
    pub inputs: u16,
    /// Input integer that stands for 0.0.
    pub input_zero_point: i8,
    /// The layers, first to last, 1 to [`MAX_LAYERS`].
    pub layers: Vec<LayerMeta, MAX_LAYERS>,
    /// The normalization of a row of real features.
    pub normalization: Normalization,
    /// How real features become input integers.
    pub front_end: FrontEnd,
    /// Which inputs the student expects.
    #[cfg_attr(feature = "std", serde(borrow))]
    pub schema: InputSchema<'a>,
    /// The meaning of the outputs.
    #[cfg_attr(feature = "std", serde(borrow))]
    pub output: OutputMeta<'a>,
    /// Where the student comes from.
    #[cfg_attr(feature = "std", serde(borrow))]
    pub provenance: Provenance<'a>,
    /// Release counter; an update must carry a higher one.
    pub counter: u32,
    /// Golden vectors; see [`super::GoldenVectors`]. Empty when stripped.
    pub golden: &'a [u8],
}

impl<'a> Metadata<'a> {
    /// Number of outputs of the last layer.
    #[must_use]
    pub fn outputs(&self) -> u16 {
        self.layers.last().map_or(0, |layer| layer.outputs)
    }

    /// The labels in output order.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        lines(self.output.labels)
    }

    /// The input names in input order; nothing if unnamed.
    pub fn input_names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        lines(self.schema.names)
    }
}

/// The lines of a list field; an empty field has none.
fn lines(list: &str) -> impl Iterator<Item = &str> {
    let count = if list.is_empty() { 0 } else { usize::MAX };
    list.split('\n').take(count)
}
