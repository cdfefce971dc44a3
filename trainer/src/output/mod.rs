//! The output of the program: a folder that belongs to one run at a time, files that are either whole or absent,
//! checkpoints, and text for the terminal.

mod atomic;
mod checkpoint;
mod count;
mod destination;
mod digest;
mod error;
mod folder;
pub(crate) mod npz;
pub(crate) mod sealed;
pub(crate) mod terminal;

pub use atomic::write_atomic;
pub(crate) use atomic::{TEMPORARY, sync_folder};
pub use checkpoint::{Checkpoints, Restored};
pub(crate) use count::counted;
pub(crate) use destination::free_or_regular;
pub(crate) use digest::hexadecimal;
pub use error::OutputError;
pub use folder::{Existing, OutputFolder};
pub(crate) use terminal::{escaped, one_line, tell};
