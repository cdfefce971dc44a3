//! ONNX models as teachers, run by ONNX Runtime or, if built in, by tract.
//!
//! A model is read into memory and checked before a library sees it; a path inside an ONNX file is never opened.

mod error;
mod interrupt;
mod library;
mod runtime;
pub mod scan;
mod teacher;

pub use error::{AtNode, GET_LIBRARY, OnnxError, RuntimeError};
pub use interrupt::{interrupt, is_interrupted};
pub use library::{ENVIRONMENT, Library, Search, Source, WORKSPACE_VENV};
pub use runtime::{Backend, Runtime};
pub use teacher::{MAX_BATCH_ROWS, OnnxTeacher, OnnxTeacherPlan};
