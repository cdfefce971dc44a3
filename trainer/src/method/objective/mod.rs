//! The loss of a row.

pub mod kl;
pub mod mse;
mod weights;

pub use weights::Weights;
