//! The float networks and their training loop; the only module that knows burn.
//!
//! | file | idea |
//! |---|---|
//! | `backend` | flex, ndarray or candle, chosen at run time |
//! | `sparse` | CSR matrices and the product with a dense block |
//! | `operators` | sparse product, fused activation, attention as burn operators with gradients |
//! | `attention` | the kernel of graph attention |
//! | `network` | MLP, GCN, GraphSAGE, GAT as one description, and the rows a pass needs |
//! | `optimizer` | Adam in place |
//! | `train` | the loop, early stopping, the resumable state |
//! | `batches` | the loop over mini-batches of rows |
//! | `towers` | dense networks with branches, trained together in mini-batches |
//! | `masks` | masks on the features of a frozen tower |
//! | `random` | addressed random streams |
//! | `matrix` | dense matrices in checkpoints |
//! | `mlp` | plain arrays of a trained student |
//! | `made_on` | the kind of machine that decides the bits of a training |
//!
//! Nothing here draws from a global generator and no tensor type leaves this module.

mod attention;
pub(crate) mod backend;
mod batches;
pub(crate) mod error;
mod made_on;
mod masks;
pub(crate) mod matrix;
mod mlp;
pub(crate) mod network;
mod operators;
mod optimizer;
mod random;
mod sparse;
mod towers;
pub(crate) mod train;

#[cfg(test)]
mod tests;

pub use backend::{BackendKind, UnknownBackend};
pub use batches::{BatchPlan, Lesson, Pass, Step};
pub use error::TrainError;
pub use made_on::MadeOn;
pub use masks::{Cut, Mask, MaskForm, TrainedMask, train_mask};
pub use mlp::{DenseWeights, MlpWeights};
pub use network::Parameter;
pub use optimizer::{Adam, Moments};
pub(crate) use random::shuffle;
pub use random::{Purpose, stream};
pub use sparse::normalize_rows;
pub use towers::{Branch, Tower, TrainedTower, TrainedTowers, drawn, train_towers};
pub use train::{CurvePoint, EpochReport, Progress, TrainPlan, TrainState, accuracy, accuracy_at, predictions, silent};
