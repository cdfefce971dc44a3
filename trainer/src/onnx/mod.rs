//! ONNX models as teachers, run by ONNX Runtime or, if built in, by tract.
//!
//! A model is read into memory and looked over before a library sees it; a path inside an ONNX file is never opened.
//!
//! | file | what it holds |
//! |---|---|
//! | `teacher` | one model that answers rows |
//! | `ends` | its inputs and outputs, by name and shape |
//! | `answer` | which value holds the answers, and the classes of their columns |
//! | `values` | numbers and labels as a library gives them |
//! | `scan`, `protobuf` | what a file says of itself, read here |
//! | `trim`, `numbered` | a file with other outputs, and without classes that are texts |
//! | `library`, `runtime` | which library runs it, and how that is found |
//! | `interrupt` | a run that is stopped |
//! | `error` | what can be wrong with all of them |

mod answer;
mod ends;
mod error;
mod interrupt;
mod library;
mod numbered;
mod protobuf;
mod runtime;
pub mod scan;
mod teacher;
mod trim;
mod values;

pub use error::{AtNode, GET_LIBRARY, OnnxError, RuntimeError};
pub use interrupt::{interrupt, is_interrupted};
pub use library::{ENVIRONMENT, Library, Search, Source, WORKSPACE_VENV};
pub use runtime::{Backend, Runtime};
pub use teacher::{MAX_BATCH_ROWS, OnnxTeacher, OnnxTeacherPlan};
