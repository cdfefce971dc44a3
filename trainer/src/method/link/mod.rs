//! Losses between rows, or on hidden layers; they exist while training only.

pub mod contrast;
pub mod edges;
pub mod embedding;
