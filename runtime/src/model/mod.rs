//! The student file, read in place (`docs/spec/format.md`).
//!
//! `prefix | metadata | tensors | [signature] | CRC-32C`. Everything is checked once, in [`crate::Student::load`];
//! after that no accessor can fail. The trainer serializes the same types, so that writer and reader cannot drift
//! apart.

mod costs;
mod fields;
mod golden;
mod layer;
mod layout;
mod load;
mod metadata;
#[cfg(all(test, feature = "std"))]
mod owned_layer;
mod pack;
mod prefix;
mod reader;
mod reorder;
mod table;
#[cfg(feature = "std")]
mod write;

pub use costs::{CoreClass, Costs};
pub use golden::GoldenVectors;
pub(crate) use layer::Network;
pub use layer::{Channel, Layer, Layers};
pub(crate) use layout::BLOCK;
pub use layout::Layout;
pub(crate) use load::load;
pub use metadata::{
    FrontEnd, InputSchema, LayerKind, LayerMeta, MAX_LAYERS, MAX_WIDTH, Metadata, Normalization, OutputMeta,
    Provenance, Task,
};
#[cfg(all(test, feature = "std"))]
pub(crate) use owned_layer::OwnedLayer;
pub use pack::Packing;
#[cfg(feature = "std")]
pub use pack::pack;
pub(crate) use prefix::file_bytes;
pub use prefix::{ALIGNMENT, CRC, FORMAT_VERSION, MAGIC, PREFIX_BYTES, Prefix, checksum};
#[cfg(feature = "std")]
pub use write::{LayerTensors, write};

/// Rounds up to the next multiple of [`ALIGNMENT`]; `bytes` is far below `usize::MAX`.
#[inline]
#[must_use]
pub const fn aligned(bytes: usize) -> usize {
    padded(bytes, ALIGNMENT)
}

/// Rounds up to the next multiple of a power of two; both are far below `usize::MAX`.
#[inline]
pub(crate) const fn padded(count: usize, multiple: usize) -> usize {
    // size: no mask of the result, since compilers turn it into one that is not an immediate operand.
    if cfg!(eyas_setting = "size") {
        return count.wrapping_add(multiple.wrapping_sub(1)) & multiple.wrapping_neg();
    }
    count.wrapping_add(count.wrapping_neg() & multiple.wrapping_sub(1))
}
