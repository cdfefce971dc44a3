//! What the assembly is told in memory.

use crate::kernels::Present;

/// The rows of a layer as the assembly sees them; field order is known to it.
#[repr(C)]
pub(super) struct Rows {
    pub x: *const i32,
    pub first_end: *const i32,
    pub odd: usize,
    pub entry: usize,
    pub x_end: *const i32,
    pub biases: *const i32,
    pub y: *mut i32,
    pub blocks: usize,
    pub weights: *const i8,
    pub tail: usize,
}

/// Sums to be scaled as the assembly sees them; field order is known to it.
#[repr(C)]
pub(super) struct Scaling {
    pub y: *mut i32,
    pub exponents: *const i8,
    pub mantissas: *const i32,
    pub end: *mut i32,
    pub above_lo: i32,
    pub width: i32,
    pub hi: i32,
}

/// A list of present inputs as the assembly sees it; field order is known to it.
#[repr(C)]
pub(super) struct Columns {
    pub weights: *const i8,
    pub run: usize,
    pub present: *const Present,
    pub present_end: *const Present,
}
