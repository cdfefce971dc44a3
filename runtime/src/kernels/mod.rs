//! Inner loops: the only place where `unsafe` may stand.
//!
//! One file for each instruction set, chosen at compile time. The contract all of them share:
//!
//! - `dense(layer, x, y)`: `y[o] = requantize(bias'[o] + Σ_i w[o][i] · x[i])`, `x` of `layer.inputs`, `y` of
//!   `layer.outputs` integers;
//! - `sparse_input(layer, x, sums, y)`: the same integers from weights in `[inputs][outputs]` order, skipping
//!   every input equal to the zero point; `sums` has at least `layer.outputs` words.
//!
//! Every file equals [`portable`] bit for bit; `tests/kernels_agree.rs` is the one battery for all.

pub mod portable;

pub use portable as active;
