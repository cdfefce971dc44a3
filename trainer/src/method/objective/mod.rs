//! The loss of a row.

pub mod huber;
pub mod kl;
pub mod mae;
pub mod mse;
mod weights;

pub use weights::Weights;
