//! The sealed student file with its golden vectors, and the same integers for other tools.

mod costs;
mod fits;
mod float;
mod onnx;
mod seal;
mod vectors;

pub(crate) use costs::costs_of;
pub use fits::{Unsealable, check_fits};
pub use float::{FloatStudent, STUDENT_FLOAT};
pub use onnx::{ExportedOnnx, ONNX_OPSET, OnnxError, OnnxInput, to_onnx};
pub use seal::{SealError, Sealed, seal};
pub use vectors::write_vectors;
