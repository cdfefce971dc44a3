//! The specification of the kernels, in plain Rust, to be read aloud.

use crate::model::{Channel, Layer};
use crate::quant::requantize;

/// Multiplies one input vector by a weight matrix and requantizes the sums.
///
/// `y[o] = requantize(bias'[o] + Σ_i w[o][i] · x[i])`, the input zero point folded into `bias'`.
///
/// # Shapes
/// - `x`: `[inputs]`
/// - `layer.weights`: `[outputs][inputs]`, row-major
/// - `y`: `[outputs]`
///
/// # Exactness
/// `load` proves that no partial sum leaves 32 bits, so the order of the terms does not matter.
pub fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
    // A width of 0 cannot pass `load`; `max` tells the compiler.
    let rows = layer.weights.chunks_exact(usize::from(layer.inputs).max(1));
    for ((row, Channel { bias, multiplier }), y) in rows.zip(layer.channels()).zip(y) {
        let mut acc = bias;
        for (&w, &x) in row.iter().zip(x) {
            acc = acc.wrapping_add(i32::from(w).wrapping_mul(i32::from(x)));
        }
        *y = requantize(acc, multiplier, layer.range);
    }
}

/// The same layer for inputs that are mostly absent: cost grows with the present ones only.
///
/// `y[o] = requantize(bias[o] + Σ_{x[i] ≠ zero} w[i][o] · (x[i] − zero))`.
///
/// # Shapes
/// - `x`: `[inputs]`
/// - `layer.weights`: `[inputs][outputs]`, so that one present input reads one run of weights
/// - `sums`: at least `[outputs]`, overwritten
/// - `y`: `[outputs]`
///
/// # Exactness
/// Equal to [`dense`] on the same weights, for every input.
pub fn sparse_input(layer: &Layer<'_>, x: &[i8], sums: &mut [i32], y: &mut [i8]) {
    for (sum, channel) in sums.iter_mut().zip(layer.channels()) {
        *sum = channel.bias;
    }
    let columns = layer.weights.chunks_exact(usize::from(layer.outputs).max(1));
    for (column, &x) in columns.zip(x) {
        if x != layer.input_zero_point {
            let distance = i32::from(x).wrapping_sub(i32::from(layer.input_zero_point));
            for (sum, &w) in sums.iter_mut().zip(column) {
                *sum = sum.wrapping_add(i32::from(w).wrapping_mul(distance));
            }
        }
    }
    for ((&sum, channel), y) in sums.iter().zip(layer.channels()).zip(y) {
        *y = requantize(sum, channel.multiplier, layer.range);
    }
}
