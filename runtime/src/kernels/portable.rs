//! The specification of the kernels, in plain Rust, written to be read.

use super::{Kernels, Present};
use crate::model::{Channel, CoreClass, Layer, Layout};
use crate::quant::requantize;

/// Plain Rust, for hosts and cores without their own file.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

impl Kernels for Portable {
    type Activation = i8;
    const CLASS: CoreClass = CoreClass::Bytes;
    const LAYOUT: Layout = Layout::Canonical;

    fn instruction_set() -> &'static str {
        "portable"
    }

    fn input<'b>(x: &'b [i8], _: &'b mut [u32]) -> &'b [i8] {
        x
    }

    fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
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
}

/// Multiplies one input vector by a weight matrix in any layout and requantizes the sums.
///
/// `y[o] = requantize(bias'[o] + Σ_i w[o][i] · x[i])`, the input zero point folded into `bias'`.
///
/// # Shapes
/// - `x`: `[inputs]`, `y`: `[outputs]`, both in the form of `K`
///
/// # Exactness
/// `load` proves that no partial sum leaves 32 bits, so the order of the terms does not matter.
pub(crate) fn dense<K: Kernels>(layer: &Layer<'_>, x: &[K::Activation], y: &mut [K::Activation]) {
    for (o, Channel { bias, multiplier }) in layer.channels().enumerate() {
        let mut acc = bias;
        for i in 0..usize::from(layer.inputs) {
            let x: i32 = x.get(K::CLASS.place(i)).map_or(0, |&x| x.into());
            acc = acc.wrapping_add(i32::from(layer.weight(o, i)).wrapping_mul(x));
        }
        if let Some(y) = y.get_mut(K::CLASS.place(o)) {
            *y = requantize(acc, multiplier, layer.range).into();
        }
    }
}

/// How many inputs at the front of `x` are equal to `zero_point`; compares whole words, four at a time.
pub(crate) fn absent(x: &[i8], zero_point: i8) -> usize {
    let differs = |&x: &i8| x != zero_point;
    let word = u32::from_ne_bytes([zero_point as u8; 4]);
    let (front, words, _) = bytemuck::pod_align_to::<i8, u32>(x);
    if let Some(at) = front.iter().position(differs) {
        return at;
    }
    let differ = |&[a, b, c, d]: &[u32; 4]| (a ^ word) | (b ^ word) | (c ^ word) | (d ^ word) != 0;
    let fours = words.as_chunks::<4>().0;
    let whole = fours.iter().position(differ).unwrap_or(fours.len()) << 4;
    let start = front.len().wrapping_add(whole);
    let rest = x.get(start..).unwrap_or_default();
    start.wrapping_add(rest.iter().position(differs).unwrap_or(rest.len()))
}

/// Adds the weights of the present inputs, each times its distance from the zero point, to the sums.
///
/// `sums[o] += Σ_present w[i][o] · (x[i] − zero)`.
///
/// # Shapes
/// - `layer.weights`: `[inputs][outputs]`, so that one present input reads one run of weights
/// - `sums`: at least `[outputs]`
pub(crate) fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
    let run = layer.column_bytes();
    for &Present { input, distance } in present {
        let start = usize::from(input).wrapping_mul(run);
        let column = layer.weights.get(start..start.wrapping_add(run)).unwrap_or_default();
        for (sum, &w) in sums.iter_mut().zip(column) {
            *sum = sum.wrapping_add(i32::from(w).wrapping_mul(i32::from(distance)));
        }
    }
}

/// Turns finished sums into outputs: `y[o] = requantize(sums[o])`.
pub(crate) fn requantize_sums<K: Kernels + ?Sized>(layer: &Layer<'_>, sums: &[i32], y: &mut [K::Activation]) {
    for (o, (&sum, channel)) in sums.iter().zip(layer.channels()).enumerate() {
        if let Some(y) = y.get_mut(K::CLASS.place(o)) {
            *y = requantize(sum, channel.multiplier, layer.range).into();
        }
    }
}
