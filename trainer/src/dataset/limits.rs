//! Caps on what a data set may declare. They bound memory before anything is allocated.

/// Largest sum of memory taken by the arrays of one archive, in bytes.
pub const MAX_ARRAY_BYTES: u64 = 2 << 30;

/// Most bytes that a byte of an archive inflates to, from [`FREE_ARRAY_BYTES`] on. Plain numbers stay far below; the
/// limit of deflate is 1032, which only a crafted file approaches.
pub const MAX_INFLATION: u64 = 128;

/// Size up to which an array may be compressed without limit, in bytes.
pub const FREE_ARRAY_BYTES: u64 = 16 << 20;

/// Longest header of one array, in bytes; numpy writes 118 for the arrays read here.
pub const MAX_HEADER_BYTES: usize = 4096;

/// Largest number of nodes (rows).
pub const MAX_NODES: u64 = 4_000_000;

/// Largest number of features per node; a student counts its inputs in 16 bit.
pub const MAX_INPUTS: u64 = 65_535;

/// Largest number of classes; a student counts its outputs in 16 bit.
pub const MAX_CLASSES: u64 = 65_535;

/// Longest line of a text table, in bytes; the widest row of numbers takes less than a tenth of it.
pub const MAX_LINE_BYTES: u64 = 16 << 20;

/// Most bytes of memory for each byte of a text table: a short number is two bytes of text, and 12 in a sparse row.
pub const MEMORY_A_TEXT_BYTE: u64 = 8;
