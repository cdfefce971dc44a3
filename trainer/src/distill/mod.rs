//! Distillation of a float student: what it is trained towards and the loop that trains it.
//!
//! | file | idea |
//! |---|---|
//! | `objective` | labels and soft targets as one row-wise loss |
//! | `edges` | the edge link: low and high frequency, and the teacher's edge agreement |
//! | `confidence` | the softmax divisor that makes a teacher's confidence mean frequency |
//! | `fit` | the student loop |

mod confidence;
mod edges;
mod fit;
pub(crate) mod objective;

pub use confidence::confidence_temperature;
pub use edges::edge_agreement;
pub(crate) use fit::Closed;
pub use fit::{FitPlan, Fitted, fit};
pub use objective::{Objective, ObjectivePlan, SoftTargets, Targets};

#[cfg(test)]
pub(crate) mod tests;
