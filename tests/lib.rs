//! Students made from a fixed stream of numbers, and the `eyas` command, for end-to-end tests and the project's own commands.

pub mod command;
mod draft;
pub mod format;
pub mod shapes;
mod skip;
mod splitmix;

pub use draft::Draft;
pub use skip::skip;
pub use splitmix::SplitMix64;
