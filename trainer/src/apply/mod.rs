//! A finished student on rows: which columns are its inputs, what it answers, what the answers should have been.
//!
//! | file | idea |
//! |---|---|
//! | `input` | a file of rows as the integers that a student takes |
//! | `parts` | the rows that teach, choose or judge |
//! | `answer` | what the student says to a row, with probabilities |
//! | `labels` | classes and quantities as a file spells them, in the words of the student |

mod answer;
mod input;
mod labels;
mod parts;

pub use answer::{Told, output_names, tell};
pub use input::{Input, Rows};
pub(crate) use input::{some, sparse_integers};
pub use labels::{classes, quantities};
pub use parts::{Labelled, Part, of_recipe};
