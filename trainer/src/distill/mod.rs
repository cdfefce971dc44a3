//! What networks learn: labels, each other, and their teachers' answers.
//!
//! | file | idea |
//! |---|---|
//! | `labels` | loss and figures against labels; the scale of a quantity |
//! | `supervised` | the lesson of networks that learn from labels |
//! | `mutual` | the lesson of networks that are trained together |
//! | `imitate` | the lesson of masked teachers |
//! | `distilling` | the student's lesson |
//! | `mixer` | several answers, one target |
//! | `ask_again` | teachers that are asked about noised rows |
//! | `objective` | labels and soft targets of all rows as one merged loss |
//! | `contrast` | the neighbour contrast of Graph-MLP |
//! | `edges` | the edge link: low and high frequency, and the teacher's edge agreement |
//! | `confidence` | the softmax divisor that makes a teacher's confidence mean frequency |

pub(crate) mod ask_again;
mod confidence;
pub(crate) mod contrast;
pub(crate) mod distilling;
mod edges;
pub(crate) mod imitate;
pub(crate) mod labels;
pub(crate) mod mixer;
pub(crate) mod mutual;
pub(crate) mod objective;
pub(crate) mod supervised;

pub use confidence::confidence_temperature;
pub use edges::edge_agreement;
pub use objective::{Objective, ObjectivePlan, SoftTargets, Targets};

#[cfg(test)]
pub(crate) mod tests;
