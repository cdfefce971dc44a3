//! The float networks and their training loop; the only module that knows burn.
//!
//! | file | idea |
//! |---|---|
//! | `backend` | flex, ndarray or candle, chosen at run time |
//! | `sparse` | CSR matrices and the product with a dense block |
//! | `operators` | sparse product, fused activation, attention as burn operators with gradients |
//! | `attention` | the kernel of graph attention |
//! | `net` | MLP, fusion, GCN, GraphSAGE, GAT, masked networks as one description |
//! | `view` | the rows that every layer of a pass must compute |
//! | `forward` | the forward pass of every network |
//! | `optimizer` | Adam in place |
//! | `length` | epochs, or steps whatever the number of rows |
//! | `curve` | a figure an epoch, and which epoch is kept |
//! | `train` | the one loop, early stopping, the resumable state |
//! | `masks` | masks on the features of a frozen network |
//! | `random` | addressed random streams |
//! | `matrix` | dense matrices in checkpoints |
//! | `mlp` | plain arrays of a trained student |
//! | `predict` | classes from logits |
//! | `made_on` | the kind of machine, which determines the bits of a training |
//!
//! Nothing here draws from a global generator and no tensor type leaves this module.

mod attention;
pub(crate) mod backend;
mod curve;
pub(crate) mod error;
mod forward;
mod length;
mod made_on;
mod masks;
pub(crate) mod matrix;
mod mlp;
pub(crate) mod net;
mod operators;
mod optimizer;
mod predict;
mod random;
mod sparse;
mod train;
pub(crate) mod view;

#[cfg(test)]
mod tests;

pub use backend::{BackendKind, UnknownBackend};
pub use curve::{CurvePoint, TuneFigure};
pub use error::TrainError;
pub use length::Length;
pub(crate) use length::MOST_EPOCHS;
pub use made_on::MadeOn;
pub use masks::{Cut, Mask, MaskForm};
pub use mlp::{DenseWeights, MlpWeights};
pub use net::{Branch, Family, Net, Parameter, TrainedNet, drawn};
pub use optimizer::{Adam, Moments};
pub use predict::{accuracy, predictions};
pub(crate) use random::shuffle;
pub use random::{Purpose, stream};
pub use sparse::normalize_rows;
pub use train::{
    EpochReport, Lesson, Progress, Rows, Source, Step, TrainPlan, TrainState, Trained, Training, Whole, silent,
};
