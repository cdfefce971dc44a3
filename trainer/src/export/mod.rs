//! The sealed student file with its golden vectors, and the same integers for other tools.

mod seal;
mod vectors;

pub use seal::{SealError, Sealed, seal};
pub use vectors::write_vectors;
