//! RV32IM: byte loads sign-extend, so four rows side by side cost one load, multiply and add for each MAC.
//!
//! One load of x serves the four rows of a block. Requantizing takes `MULH`: with `e ≤ −2` and `n = −2 − e`,
//! `(acc · m + 2^(30 − e)) >> (31 − e) = ((acc · m >> 32) + 2^n) >> (n + 1)`, since the low word cannot carry into
//! the result. Other exponents, which real students do not have, take the definition.

use super::Kernels;
use crate::model::{BLOCK, Channel, CoreClass, Layer, Layout};
use crate::quant::{OutputRange, requantize};
use core::arch::asm;

/// Kernels of the RV32IM instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Rv32im;

/// Inputs of one pass through the unrolled loop.
const UNROLLED: usize = 8;

impl Kernels for Rv32im {
    type Activation = i8;
    const CLASS: CoreClass = CoreClass::Bytes;
    const LAYOUT: Layout = Layout::Fours;

    fn input<'b>(x: &'b [i8], _: &'b mut [u32]) -> &'b [i8] {
        x
    }

    fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
        let inputs = usize::from(layer.inputs);
        let Some(x) = x.get(..inputs) else { return };
        let whole = usize::from(layer.outputs) & !(BLOCK - 1);
        let (blocks, rows) = layer.weights.split_at_checked(whole.wrapping_mul(inputs)).unwrap_or_default();
        let mut channels = layer.channels();
        let (mut y, _) = y.split_at_mut_checked(usize::from(layer.outputs)).unwrap_or_default();
        let mut rest = blocks;
        while let Some((block, later)) = rest.split_at_checked(inputs.wrapping_mul(BLOCK)) {
            rest = later;
            if y.len() < BLOCK {
                break;
            }
            let acc = four_rows(block, x);
            for acc in acc {
                y = store(y, acc, &mut channels, layer.range);
            }
        }
        let mut rest = rows;
        while let Some((row, later)) = rest.split_at_checked(inputs) {
            rest = later;
            if y.is_empty() {
                break;
            }
            let mut acc = 0i32;
            for (&w, &x) in row.iter().zip(x) {
                acc = acc.wrapping_add(i32::from(w).wrapping_mul(i32::from(x)));
            }
            y = store(y, acc, &mut channels, layer.range);
        }
    }

    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [i8]) {
        for ((&sum, channel), y) in sums.iter().zip(layer.channels()).zip(y) {
            *y = scale(sum, channel, layer.range);
        }
    }
}

/// Adds the bias, requantizes and writes the first of `y`; returns the others.
#[inline(always)]
fn store<'y>(
    y: &'y mut [i8],
    acc: i32,
    channels: &mut impl Iterator<Item = Channel>,
    range: OutputRange,
) -> &'y mut [i8] {
    let (Some(channel), Some((first, rest))) = (channels.next(), y.split_first_mut()) else { return &mut [] };
    *first = scale(acc.wrapping_add(channel.bias), channel, range);
    rest
}

/// The sums of four rows, without bias.
#[inline(always)]
fn four_rows(block: &[i8], x: &[i8]) -> [i32; BLOCK] {
    let mut acc = [0; BLOCK];
    let (columns, _) = block.as_chunks::<BLOCK>();
    let (column_runs, last_columns) = columns.as_chunks::<UNROLLED>();
    let (x_runs, last_x) = x.as_chunks::<UNROLLED>();
    for (run, x) in column_runs.iter().zip(x_runs) {
        for (column, &x) in run.iter().zip(x) {
            add(&mut acc, *column, x);
        }
    }
    for (column, &x) in last_columns.iter().zip(last_x) {
        add(&mut acc, *column, x);
    }
    acc
}

#[inline(always)]
fn add(acc: &mut [i32; BLOCK], column: [i8; BLOCK], x: i8) {
    for (acc, w) in acc.iter_mut().zip(column) {
        *acc = acc.wrapping_add(i32::from(w).wrapping_mul(i32::from(x)));
    }
}

/// [`requantize`] of a finished sum.
#[inline(always)]
fn scale(acc: i32, channel: Channel, range: OutputRange) -> i8 {
    let Channel { multiplier, .. } = channel;
    let shift = (-2i32).wrapping_sub(multiplier.exponent.into());
    if shift < 0 {
        return requantize(acc, multiplier, range);
    }
    let high = (i64::from(acc).wrapping_mul(multiplier.mantissa.into()) >> 32) as i32;
    // `2^n` added behind the shift by n is 1; the sum is below 2^30 in size.
    let above_lo = (high.wrapping_shr(shift as u32).wrapping_add(1) >> 1)
        .wrapping_add(i32::from(range.zero_point).wrapping_sub(range.lo.into()));
    let width = i32::from(range.hi).wrapping_sub(range.lo.into());
    let mut y = above_lo;
    // SAFETY: register operations only. In assembly so that no compiler turns the clamp into branches: the number
    // of instructions must not depend on the input.
    unsafe {
        asm!(
            "srai {t}, {y}, 31",
            "not {t}, {t}",
            "and {y}, {y}, {t}", // not below 0
            "sub {y}, {y}, {width}",
            "srai {t}, {y}, 31",
            "and {y}, {y}, {t}", // not above 0
            y = inout(reg) y,
            t = out(reg) _,
            width = in(reg) width,
            options(pure, nomem, nostack)
        );
    }
    y.wrapping_add(range.hi.into()) as i8
}
