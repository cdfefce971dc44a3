//! What a run leaves on disk: a folder that belongs to one run at a time, files that are whole or absent, and checkpoints.

mod atomic;
mod checkpoint;
mod digest;
mod error;
mod folder;

pub use atomic::write_atomic;
pub(crate) use atomic::{TEMPORARY, sync_folder};
pub use checkpoint::{Checkpoints, Restored};
pub(crate) use digest::hexadecimal;
pub use error::OutputError;
pub use folder::{Existing, OutputFolder};
