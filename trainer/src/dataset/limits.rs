//! Caps on what a data set may declare. They bound memory before anything is allocated.

/// Largest file read, in bytes.
pub const MAX_FILE_BYTES: u64 = 2 << 30;

/// Largest sum of memory taken by the arrays of one archive, in bytes.
pub const MAX_ARRAY_BYTES: u64 = 2 << 30;

/// Longest header of one array, in bytes; numpy writes 118 for the arrays read here.
pub const MAX_HEADER_BYTES: usize = 4096;

/// Largest number of nodes (rows).
pub const MAX_NODES: u64 = 4_000_000;

/// Largest number of features a node; a student counts its inputs in 16 bit.
pub const MAX_INPUTS: u64 = 65_535;

/// Largest number of classes; a student counts its outputs in 16 bit.
pub const MAX_CLASSES: u64 = 65_535;

/// Largest text file read, in bytes.
pub const MAX_TEXT_BYTES: u64 = 256 << 20;
