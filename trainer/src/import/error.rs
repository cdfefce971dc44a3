//! Why a model cannot be imported: the place, what was found there, and the remedy.

use crate::export::SealError;
use crate::quantize::{QuantizeError, ScaleError};

/// A model that cannot become a student file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Neither of the formats.
    #[error(
        "expected a .tflite file (`TFL3` at byte 4) or an ONNX model with a graph, found neither; name the model file"
    )]
    NotAModel,
    /// Bytes that violate the format.
    #[error("damaged {format} file, {place}: expected {expected}; export the model again")]
    Damaged {
        /// `TFLite` or `ONNX`.
        format: &'static str,
        /// Where it stands.
        place: String,
        /// The expected content.
        expected: String,
    },
    /// An operator that no student can hold, or not at this place.
    #[error("operator {position} (`{operator}`{name}): {reason}; {remedy}")]
    Operator {
        /// Position in the order of execution, from 0.
        position: usize,
        /// Its name in the format.
        operator: String,
        /// Its own name if it has one, preceded by a space.
        name: String,
        /// The obstacle.
        reason: String,
        /// The remedy.
        remedy: String,
    },
    /// The model as a whole.
    #[error("{reason}; {remedy}")]
    Model {
        /// The obstacle.
        reason: String,
        /// The remedy.
        remedy: &'static str,
    },
    /// Weights in another file. It is not opened, whatever its path.
    #[error(
        "tensor `{tensor}` keeps its data in another file, which is never opened; save the model as one file \
         (onnx.save with save_as_external_data=False)"
    )]
    ExternalData {
        /// Name of the tensor.
        tensor: String,
    },
    /// A float model needs rows to choose ranges from.
    #[error("a float model needs rows to choose its int8 ranges from; give --calibrate FILE (.csv, or .npz with `x`)")]
    NoRows,
    /// Rows of another width.
    #[error("the rows hold {found} features, the model takes {expected}; give the columns it was trained on")]
    RowWidth {
        /// Inputs of the model.
        expected: usize,
        /// Features of a row.
        found: usize,
    },
    /// A ratio of scales that no multiplier can represent.
    #[error("layer {layer}, unit {unit}: {source}")]
    Scale {
        /// Layer, from 0.
        layer: usize,
        /// Output of the layer, from 0.
        unit: usize,
        /// The fault of the ratio.
        source: ScaleError,
    },
    /// Integers that differ by more than one from the source's own.
    #[error(
        "layer {layer}: {larger} of {values} integers are more than 1 from the source's; its weights do not fit −127 to \
         127, so quantize them symmetrically in that range (TFLite converters do; ORT: weight_type=QInt8)"
    )]
    Difference {
        /// Layer, from 0.
        layer: usize,
        /// Integers that differ by more than one.
        larger: u64,
        /// Integers compared.
        values: u64,
    },
    /// The numbers do not fit a student file.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// The student could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}
