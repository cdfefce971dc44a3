//! From a float student to integers: ranges, scales, folded biases, and fine-tuning that rounds like the chip.
//!
//! Nothing here computes an integer answer. [`fold::IntegerStudent`] only chooses the numbers of the file;
//! [`replay::Replay`] runs them through the runtime crate, for observing, fine-tuning and scoring alike.

mod aware;
mod coding;
mod correct;
mod fold;
mod forward;
mod observe;
mod replay;
mod scale;

pub use aware::{AwarePlan, fine_tune};
pub use coding::{InputCoding, LARGEST_SCORE, Standard, dense_rows, normalized, unit};
pub(crate) use coding::{is_constant, spread};
pub use correct::correct_biases;
pub use fold::{About, IntegerLayer, IntegerStudent, fold};
pub use forward::activations;
pub use observe::{RangeMethod, Ranges, observe_ranges};
pub use replay::Replay;
pub use scale::{ScaleError, multiplier};

use crate::nn::MlpWeights;
use sprs::CsMat;

/// Settings for quantizing a float student.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizePlan {
    /// The method that chooses activation ranges from observed values.
    pub ranges: RangeMethod,
    /// Whether each bias absorbs the mean error of its rounded weights and inputs.
    pub bias_correction: bool,
}

/// Why a float student cannot become integers.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// A ratio of scales is outside the range of multipliers.
    #[error("layer {layer}, unit {unit}: {source}")]
    Scale {
        /// Layer, from 0.
        layer: usize,
        /// Output of the layer, from 0.
        unit: usize,
        /// The fault of the ratio.
        source: ScaleError,
    },
    /// A weight, bias or observed activation is not finite.
    #[error("layer {layer} holds a value that is not finite; the training diverged, lower its learning rate")]
    NotFinite {
        /// Layer, from 0.
        layer: usize,
    },
    /// A width that the student file cannot hold.
    #[error("layer {layer} is {found} wide, the runtime reads 1 to {expected}; choose a smaller student")]
    Width {
        /// Layer, from 0.
        layer: usize,
        /// Widest layer of the runtime.
        expected: usize,
        /// Width of the student.
        found: usize,
    },
    /// More layers than the student file can hold.
    #[error("{found} layers, the runtime reads 1 to {expected}; choose a shallower student")]
    Layers {
        /// Most layers of the runtime.
        expected: usize,
        /// Layers of the student.
        found: usize,
    },
    /// The runtime refused the file.
    #[error("the runtime refuses the student file: {0}")]
    Refused(#[from] eyas::LoadError),
    /// The metadata could not be encoded.
    #[error("the metadata of the student file cannot be encoded: {0}")]
    Encode(#[from] postcard::Error),
}

/// Quantizes a float student after training: observes ranges on `rows`, folds, corrects biases.
///
/// # Shapes
/// - `rows`: `[observed rows x inputs]`, raw features; the tune split
///
/// # Errors
/// [`QuantizeError`] if the student has numbers or shapes that no student file can hold.
pub fn quantize(
    weights: &MlpWeights,
    coding: &InputCoding,
    rows: &CsMat<f32>,
    plan: &QuantizePlan,
) -> Result<IntegerStudent, QuantizeError> {
    let seen = coding.seen(rows);
    let observed = activations(weights, &seen);
    let ranges = observe_ranges(&observed, plan.ranges);
    let mut student = fold(weights, coding, &ranges)?;
    if plan.bias_correction {
        correct_biases(&mut student, weights, &seen, &coding.integers(rows), &observed)?;
    }
    Ok(student)
}
