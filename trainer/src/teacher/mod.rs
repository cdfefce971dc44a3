//! Teachers: graph networks, dense networks, and what comes as a file.
//!
//! | file | idea |
//! |---|---|
//! | `graph` | GCN, GraphSAGE and GAT over one graph |
//! | `propagation` | the constant matrices by which they mix neighbours |
//! | `rows` | teachers that answer row by row |
//! | `dense`, `sealed` | dense layers in an archive, and sealed students, that answer row by row |
//! | `portfolio` | the settings that a teacher of kind `auto` is chosen from |
//! | `answers` | whether answers are logits or probabilities |
//! | `meaning` | what the answers of an ONNX model mean, and the order of its classes |
//! | `file` | every teacher of a recipe that comes as a file, asked once |

mod answers;
mod dense;
mod file;
pub(crate) mod graph;
mod meaning;
mod portfolio;
mod propagation;
pub mod rows;
mod sealed;

pub use answers::{AnswerKind, Answers, AnswersError, LEAST_PROBABILITY};
pub use dense::DenseTeacher;
pub use file::{FileAnswers, FileTeacherError, consult};
pub use meaning::{ClassesError, Meaning};
pub use portfolio::{PORTFOLIO, candidates};
pub use propagation::{mean_with_double_self, symmetric, with_self_loops};
pub use rows::{RowTeacher, RowTeacherError};
pub use sealed::SealedTeacher;
