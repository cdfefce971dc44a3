//! Imports models of other tools as student files: int8 TFLite, ONNX QDQ, and float ONNX with rows from which to choose
//! ranges.
//!
//! No input is trusted: every offset and length is checked, no other file is opened, and parts that no student can hold
//! are refused with operator, position and remedy. An imported student is compared with the source's own rounding,
//! layer by layer; a difference of more than one unit is an error.

mod calibrate;
mod error;
mod limits;
mod narrow;
pub(crate) mod onnx;
mod page;
pub(crate) mod reference;
mod source;
mod tflite;

pub use calibrate::Judged;
pub use error::ImportError;
pub use page::page;
pub use source::{Coding, Converted, Rule, SourceLayer, SourceNetwork};

use crate::dataset::Table;
use crate::export::{Sealed, seal};
use crate::output::counted;
use crate::quantize::{About, IntegerStudent};
use eyas::model::{Provenance, Task};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Seed of the random rows for the comparison.
const ROWS_SEED: u64 = 20_261_124;

/// Options for importing a model.
#[derive(Clone, Copy, Debug)]
pub struct ImportPlan<'a> {
    /// Name of the model, which the student file carries as its teacher.
    pub name: &'a str,
    /// Rows from which to choose the ranges of a float model, and on which to evaluate it.
    pub rows: Option<&'a Table>,
    /// Labels in output order; empty for those that the model tells, or else numbers.
    pub labels: &'a [String],
    /// Whether the first layer skips inputs at the zero point.
    pub sparse_input: bool,
    /// Number of random rows on which to compare a quantized model.
    pub compared_rows: usize,
}

/// The counts from comparing one layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerCount {
    /// Operator and position in the source.
    pub operator: String,
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs.
    pub outputs: usize,
    /// Rows of weights that had to be brought into −127 to 127.
    pub rescaled_rows: usize,
    /// Integers compared.
    pub values: u64,
    /// Integers that differ by one unit.
    pub off_by_one: u64,
    /// Integers that differ by more than one unit.
    pub larger: u64,
}

/// An imported student.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The sealed file.
    pub sealed: Sealed,
    /// `tflite`, `onnx-qdq` or `onnx-float`.
    pub format: &'static str,
    /// Comparison with the source's own rounding; empty for float models.
    pub layers: Vec<LayerCount>,
    /// Rows compared.
    pub rows: usize,
    /// The student compared with the float model; for float models only.
    pub judged: Option<Judged>,
    /// Whether the source's activations are uint8: its integers are the student's plus 128.
    pub unsigned: bool,
}

/// Imports a model from its bytes; the content decides the format.
///
/// # Errors
/// [`ImportError`] with operator, position and remedy.
pub fn import(bytes: &[u8], plan: &ImportPlan<'_>) -> Result<Imported, ImportError> {
    if tflite::is_tflite(bytes) {
        return quantized(bytes, "tflite", &tflite::read(bytes)?, plan);
    }
    match onnx::read(bytes)? {
        onnx::Model::Quantized(source) => quantized(bytes, "onnx-qdq", &source, plan),
        onnx::Model::Float(network) => {
            let rows = plan.rows.ok_or(ImportError::NoRows)?;
            let labels = if plan.labels.is_empty() { &network.classes } else { plan.labels };
            let plan = &ImportPlan { labels, ..*plan };
            let calibrated = calibrate::calibrate(&network, rows, plan)?;
            let sealed = sealed(bytes, &calibrated.student, &calibrated.integers, plan)?;
            Ok(Imported {
                sealed,
                format: "onnx-float",
                layers: Vec::new(),
                rows: calibrated.integers.len(),
                judged: Some(calibrated.judged),
                unsigned: false,
            })
        }
    }
}

impl SourceNetwork {
    /// Reads a quantized model; the content decides the format.
    ///
    /// # Errors
    /// [`ImportError`]; [`ImportError::NoRows`] for a float model.
    pub fn read(bytes: &[u8]) -> Result<Self, ImportError> {
        if tflite::is_tflite(bytes) {
            return tflite::read(bytes);
        }
        match onnx::read(bytes)? {
            onnx::Model::Quantized(source) => Ok(source),
            onnx::Model::Float(_) => Err(ImportError::NoRows),
        }
    }
}

fn quantized(
    bytes: &[u8],
    format: &'static str,
    source: &SourceNetwork,
    plan: &ImportPlan<'_>,
) -> Result<Imported, ImportError> {
    let converted = source.convert(plan.sparse_input)?;
    let inputs = converted.student.inputs();
    let rows = match plan.rows {
        Some(table) if table.features.cols() == inputs => converted.student.coding.integers(&table.features),
        Some(table) => return Err(ImportError::RowWidth { expected: inputs, found: table.features.cols() }),
        None => drawn_rows(inputs, source.layers[0].input.zero_point, plan.compared_rows),
    };
    let layers = reference::count(source, &converted, &rows)?;
    if let Some((layer, count)) = layers.iter().enumerate().find(|(_, count)| count.larger > 0) {
        return Err(ImportError::Difference { layer, larger: count.larger, values: count.values });
    }
    let sealed = sealed(bytes, &converted.student, &rows, plan)?;
    Ok(Imported { sealed, format, layers, rows: rows.len(), judged: None, unsigned: source.unsigned })
}

/// The minimum, the maximum and the zero point, then uniformly random rows.
pub(crate) fn drawn_rows(inputs: usize, zero_point: i8, rows: usize) -> Vec<Vec<i8>> {
    let mut stream = ChaCha8Rng::seed_from_u64(ROWS_SEED);
    let mut drawn = |row: usize| match row {
        0 => vec![zero_point; inputs],
        1 => vec![-128; inputs],
        2 => vec![127; inputs],
        _ => (0..inputs).map(|_| (stream.next_u32() >> 24) as u8 as i8).collect(),
    };
    (0..rows).map(&mut drawn).collect()
}

fn sealed(
    bytes: &[u8],
    student: &IntegerStudent,
    rows: &[Vec<i8>],
    plan: &ImportPlan<'_>,
) -> Result<Sealed, ImportError> {
    let outputs = student.layers.last().map_or(0, |layer| usize::from(layer.meta.outputs));
    let labels = labels(plan, outputs)?;
    let input_names = plan.rows.map(|rows| rows.input_names.clone()).unwrap_or_default();
    let (teacher, tool) = (format!("import {}", plan.name), crate::run::tool());
    let model_hash: [u8; 32] = Sha256::digest(bytes).into();
    let provenance = Provenance { teacher: &teacher, data_hash: &[], recipe_hash: &model_hash, seed: 0, tool: &tool };
    // Two or more outputs are labels; a single one is a quantity.
    let task = if labels.len() == 1 { Task::Regress } else { Task::Classify };
    let about = About { labels: &labels, input_names: &input_names, provenance, task, golden: &[] };
    Ok(seal(student, &about, rows)?)
}

/// The labels of the file: the given ones or numbers.
fn labels(plan: &ImportPlan<'_>, outputs: usize) -> Result<Vec<String>, ImportError> {
    match plan.labels.len() {
        0 => Ok((0..outputs).map(|output| output.to_string()).collect()),
        found if found == outputs => Ok(plan.labels.to_vec()),
        found => Err(ImportError::Model {
            reason: format!(
                "{} given, the model has {}",
                counted(found, "label is", "labels are"),
                counted(outputs, "output", "outputs")
            ),
            remedy: "give --labels one name for each output, separated by commas",
        }),
    }
}
