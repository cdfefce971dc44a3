//! aarch64: the dot product of four bytes where the machine has it, else NEON.
//!
//! Nothing saturates. `SDOT` adds four signed products to 32 bits. Without it `SMULL` and `SMLAL2` put two products in
//! 16 bits: `load` has proven `|w| ≤ 127`, so a pair is at most 2·128·127 = 32,512.
//!
//! Files in the canonical layout run as they are; [`Layout::Lanes`] is faster: one instruction loads sixteen inputs of
//! four rows, and weights are one stream.
//!
//! Requantizing: with `e ≤ −2` the high word of `acc · m` goes through `SRSHL` by `e + 1`, which adds half a unit and
//! shifts in a wider register; that is the definition, since the low word cannot carry into the result. Other
//! exponents, which real students do not have, take the definition.

use super::Kernels;
use crate::model::{BLOCK, CoreClass, Layer, Layout};
use crate::quant::{Multiplier, OutputRange, requantize};
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vaddq_s32, vbslq_s32, vcltq_s32, vcombine_s16, vcombine_s32, vcreate_s8, vdupq_n_s8,
    vdupq_n_s32, vget_high_s32, vget_lane_u32, vget_low_s8, vget_low_s16, vget_low_s32, vld1q_s8, vld1q_s8_x4,
    vld1q_s32, vmaxq_s32, vmaxvq_s32, vminq_s32, vmlal_high_s8, vmovl_s8, vmovl_s16, vmovn_s16, vmovn_s32, vmull_s8,
    vmull_s32, vpadalq_s16, vpaddq_s32, vreinterpret_u32_s8, vrshlq_s32, vshrn_n_s64, vst1q_s32,
};

/// Kernels of NEON and its dot product.
#[derive(Clone, Copy, Debug)]
pub struct Aarch64;

/// Inputs of a vector of weights.
const GROUP: usize = 16;
/// Bytes of a group of four rows.
const WIDTH: usize = 64;
/// Inputs of a batch that share each load of weights.
const SHARED: usize = 4;

/// What the machine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Level {
    Neon = 1,
    Dot = 2,
}

impl Level {
    /// The machine's level: asked once, then one load.
    #[cfg(feature = "std")]
    #[inline]
    fn find() -> Self {
        use core::sync::atomic::{AtomicU8, Ordering};
        static FOUND: AtomicU8 = AtomicU8::new(0);
        #[cold]
        fn ask() -> Level {
            let dot = std::arch::is_aarch64_feature_detected!("dotprod");
            let level = if dot { Level::Dot } else { Level::Neon };
            FOUND.store(level as u8, Ordering::Relaxed);
            level
        }
        match FOUND.load(Ordering::Relaxed) {
            2 => Self::Dot,
            1 => Self::Neon,
            _ => ask(),
        }
    }

    /// What the compiler was told.
    #[cfg(not(feature = "std"))]
    #[inline]
    const fn find() -> Self {
        if cfg!(target_feature = "dotprod") { Self::Dot } else { Self::Neon }
    }
}

impl Kernels for Aarch64 {
    type Activation = i8;
    const CLASS: CoreClass = CoreClass::Bytes;
    const LAYOUT: Layout = Layout::Lanes;

    fn reads(layout: Layout) -> bool {
        matches!(layout, Layout::Lanes | Layout::Canonical)
    }

    fn instruction_set() -> &'static str {
        match Level::find() {
            Level::Neon => "NEON",
            Level::Dot => "NEON dot product",
        }
    }

    fn input<'b>(x: &'b [i8], _: &'b mut [u32]) -> &'b [i8] {
        x
    }

    fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
        dense_rows(Level::find(), layer, x, x.len(), y, y.len(), 1);
    }

    fn dense_batch(layer: &Layer<'_>, x: &[i8], x_step: usize, y: &mut [i8], y_step: usize, rows: usize) {
        dense_rows(Level::find(), layer, x, x_step, y, y_step, rows);
    }

    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [i8]) {
        let Some(ends) = Ends::new(layer) else { return };
        let outputs = usize::from(layer.outputs);
        let sums = sums.get(..layer.padded_outputs()).unwrap_or_default();
        for (block, sums) in sums.as_chunks::<BLOCK>().0.iter().enumerate() {
            let first = block.wrapping_mul(BLOCK);
            // SAFETY: NEON belongs to every aarch64 with floating point; four words of the four that are read.
            unsafe { finish(&ends, first, outputs.wrapping_sub(first), vld1q_s32(sums.as_ptr()), false, y) };
        }
    }
}

/// `rows` inputs, `x_step` apart, through one layer; outputs `y_step` apart.
fn dense_rows(level: Level, layer: &Layer<'_>, x: &[i8], x_step: usize, y: &mut [i8], y_step: usize, rows: usize) {
    let inputs = usize::from(layer.inputs);
    let Some(ends) = Ends::new(layer).filter(|_| inputs != 0 && x_step >= inputs) else { return };
    let (mut x, mut y, mut left) = (x, y, rows);
    while left >= SHARED {
        let Some((these, rest)) = x.split_at_checked(x_step.wrapping_mul(SHARED)) else { return };
        let Some((outputs, more)) = y.split_at_mut_checked(y_step.wrapping_mul(SHARED)) else { return };
        match level {
            // SAFETY: NEON belongs to every aarch64 with floating point.
            Level::Neon => unsafe { neon::all_outputs::<SHARED>(layer, &ends, these, x_step, outputs, y_step) },
            // SAFETY: the machine has the dot product.
            Level::Dot => unsafe { dot::all_outputs::<SHARED>(layer, &ends, these, x_step, outputs, y_step) },
        }
        (x, y, left) = (rest, more, left.wrapping_sub(SHARED));
    }
    while left != 0 {
        let (these, rest) = x.split_at_checked(x_step).unwrap_or((x, &[]));
        let (outputs, more) = if y.len() > y_step { y.split_at_mut(y_step) } else { (y, &mut [][..]) };
        match level {
            // SAFETY: NEON belongs to every aarch64 with floating point.
            Level::Neon => unsafe { neon::all_outputs::<1>(layer, &ends, these, x_step, outputs, y_step) },
            // SAFETY: the machine has the dot product.
            Level::Dot => unsafe { dot::all_outputs::<1>(layer, &ends, these, x_step, outputs, y_step) },
        }
        (x, y, left) = (rest, more, left.wrapping_sub(1));
    }
}

/// What follows a sum, as slices.
struct Ends<'a> {
    biases: &'a [i32],
    mantissas: &'a [i32],
    exponents: &'a [i8],
    range: OutputRange,
}

impl<'a> Ends<'a> {
    /// `None` unless words start on words, which `load` has proven.
    #[inline]
    fn new(layer: &Layer<'a>) -> Option<Self> {
        let (biases, mantissas, exponents) = layer.parameter_tables()?;
        Some(Self { biases, mantissas, exponents, range: layer.range })
    }
}

/// Finishes up to four sums from output `first` on and writes them to `y`, all outputs of one input.
#[inline]
#[target_feature(enable = "neon")]
fn finish(ends: &Ends<'_>, first: usize, left: usize, sums: int32x4_t, add_bias: bool, y: &mut [i8]) {
    // The tables are padded to whole blocks of four.
    let (Some(biases), Some(mantissas), Some(exponents), Some(y)) = (
        ends.biases.get(first..).and_then(<[i32]>::first_chunk::<BLOCK>),
        ends.mantissas.get(first..).and_then(<[i32]>::first_chunk::<BLOCK>),
        ends.exponents.get(first..).and_then(<[i8]>::first_chunk::<BLOCK>),
        y.get_mut(first..first.wrapping_add(left.min(BLOCK))),
    ) else {
        return;
    };
    // SAFETY: arrays of the vectors' bytes.
    let (biases, m) = unsafe { (vld1q_s32(biases.as_ptr()), vld1q_s32(mantissas.as_ptr())) };
    let acc = if add_bias { vaddq_s32(sums, biases) } else { sums };
    let bytes = vcreate_s8(u64::from(u32::from_le_bytes(exponents.map(|e| e as u8))));
    let e = vmovl_s16(vget_low_s16(vmovl_s8(bytes)));
    // Padding holds an exponent of 0; it counts as −2.
    // SAFETY: an array of the vector's bytes.
    let lane = unsafe { vld1q_s32([0, 1, 2, 3].as_ptr()) };
    let e = vbslq_s32(vcltq_s32(lane, vdupq_n_s32(left.min(BLOCK) as i32)), e, vdupq_n_s32(-2));
    if vmaxvq_s32(e) > -2 {
        let mut sums = [0i32; BLOCK];
        // SAFETY: an array of the vector's bytes.
        unsafe { vst1q_s32(sums.as_mut_ptr(), acc) };
        for ((&acc, (&mantissa, &exponent)), y) in sums.iter().zip(mantissas.iter().zip(exponents)).zip(y) {
            *y = requantize(acc, Multiplier { mantissa, exponent }, ends.range);
        }
        return;
    }
    let low = vshrn_n_s64::<32>(vmull_s32(vget_low_s32(acc), vget_low_s32(m)));
    let high = vshrn_n_s64::<32>(vmull_s32(vget_high_s32(acc), vget_high_s32(m)));
    let scaled = vrshlq_s32(vcombine_s32(low, high), vaddq_s32(e, vdupq_n_s32(1)));
    let zero_point = i32::from(ends.range.zero_point);
    let lo = vdupq_n_s32(i32::from(ends.range.lo).wrapping_sub(zero_point));
    let hi = vdupq_n_s32(i32::from(ends.range.hi).wrapping_sub(zero_point));
    let shifted = vaddq_s32(vminq_s32(vmaxq_s32(scaled, lo), hi), vdupq_n_s32(zero_point));
    let halves = vmovn_s32(shifted);
    let four = vget_lane_u32::<0>(vreinterpret_u32_s8(vmovn_s16(vcombine_s16(halves, halves))));
    let bytes = four.to_le_bytes().map(|byte| byte as i8);
    if let Ok(y) = <&mut [i8; BLOCK]>::try_from(&mut *y) {
        *y = bytes;
    } else {
        y.iter_mut().zip(&bytes).for_each(|(y, &byte)| *y = byte);
    }
}

/// Sixteen bytes from `start` on; 0 past the end.
#[inline]
#[target_feature(enable = "neon")]
fn sixteen(bytes: &[i8], start: usize, end: usize) -> int8x16_t {
    let bytes = bytes.get(start..end).unwrap_or_default();
    let mut room = [0i8; GROUP];
    let bytes = bytes.first_chunk::<GROUP>().unwrap_or_else(|| {
        for (to, &from) in room.iter_mut().zip(bytes) {
            *to = from;
        }
        &room
    });
    // SAFETY: an array of the vector's bytes.
    unsafe { vld1q_s8(bytes.as_ptr()) }
}

/// Adds sixteen products, four to a lane.
#[inline]
#[target_feature(enable = "neon")]
fn add_neon(acc: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    vpadalq_s16(acc, vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(x)), w, x))
}

/// Adds sixteen products, four to a lane.
#[inline]
#[target_feature(enable = "dotprod")]
fn add_dot(mut acc: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    // The intrinsic is not stable.
    // SAFETY: registers only, and the machine has the instruction.
    unsafe {
        core::arch::asm!(
            "sdot {acc:v}.4s, {w:v}.16b, {x:v}.16b",
            acc = inout(vreg) acc,
            w = in(vreg) w,
            x = in(vreg) x,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    acc
}

/// One instruction set's inner loops; everything in them but `$add` is NEON.
macro_rules! inner_loops {
    ($name:ident, $features:literal, $add:path) => {
        mod $name {
            use super::*;

            /// All outputs of `S` inputs.
            #[target_feature(enable = $features)]
            pub fn all_outputs<const S: usize>(
                layer: &Layer<'_>,
                ends: &Ends<'_>,
                x: &[i8],
                x_step: usize,
                y: &mut [i8],
                y_step: usize,
            ) {
                let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
                let mut rows: [&[i8]; S] = [&[]; S];
                for (row, x) in rows.iter_mut().zip(x.chunks(x_step)) {
                    let Some(x) = x.get(..inputs) else { return };
                    *row = x;
                }
                let lanes = matches!(layer.layout, Layout::Lanes);
                let row_bytes = layer.layout.row_bytes(layer.inputs);
                let block_bytes = row_bytes.wrapping_mul(BLOCK);
                let mut weights = layer.weights;
                let mut first = 0usize;
                while first < outputs {
                    let left = outputs.wrapping_sub(first);
                    // One input alone: two blocks share each load of x and keep more sums in flight.
                    let two = lanes && S == 1 && left >= BLOCK << 1;
                    let taken = if two { BLOCK << 1 } else { left.min(BLOCK) };
                    let Some((w, rest)) = weights.split_at_checked(row_bytes.wrapping_mul(taken)) else { return };
                    weights = rest;
                    if two {
                        let sums = blocks::<2, S>(w, block_bytes, &rows);
                        write(ends, first, left, sums, y, y_step);
                    } else if lanes && taken == BLOCK {
                        let sums = blocks::<1, S>(w, block_bytes, &rows);
                        write(ends, first, left, sums, y, y_step);
                    } else {
                        let sums = single_rows::<S>(w, row_bytes, taken, &rows);
                        write(ends, first, left, sums, y, y_step);
                    }
                    first = first.wrapping_add(taken);
                }
            }

            /// Folds the sums of `B` blocks and finishes them.
            #[inline]
            #[target_feature(enable = $features)]
            fn write<const B: usize, const S: usize>(
                ends: &Ends<'_>,
                first: usize,
                left: usize,
                sums: [[[int32x4_t; BLOCK]; B]; S],
                y: &mut [i8],
                y_step: usize,
            ) {
                let mut rest = y;
                for sums in &sums {
                    let step = y_step.min(rest.len());
                    let (y, behind) = rest.split_at_mut(step);
                    rest = behind;
                    for (block, &[a, b, c, d]) in sums.iter().enumerate() {
                        let sums = vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d));
                        let done = block.wrapping_mul(BLOCK);
                        finish(ends, first.wrapping_add(done), left.wrapping_sub(done), sums, true, y);
                    }
                }
            }

            /// `B` blocks in [`Layout::Lanes`].
            #[inline]
            #[target_feature(enable = $features)]
            fn blocks<const B: usize, const S: usize>(
                w: &[i8],
                block_bytes: usize,
                x: &[&[i8]; S],
            ) -> [[[int32x4_t; BLOCK]; B]; S] {
                let mut sums = [[[vdupq_n_s32(0); BLOCK]; B]; S];
                let inputs = x.first().map_or(0, |x| x.len());
                let (whole, groups) = (inputs / GROUP, inputs.div_ceil(GROUP));
                let fits = w.len() >= block_bytes.wrapping_mul(B)
                    && groups.wrapping_mul(WIDTH) <= block_bytes
                    && x.iter().all(|x| x.len() >= inputs);
                if !fits {
                    return sums;
                }
                let mut at = w.as_ptr();
                let mut xs = [vdupq_n_s8(0); S];
                for group in 0..groups {
                    let start = group.wrapping_mul(GROUP);
                    for (v, x) in xs.iter_mut().zip(x) {
                        *v = if group < whole {
                            // SAFETY: `start + 16 ≤ inputs ≤ x.len()`.
                            unsafe { vld1q_s8(x.as_ptr().wrapping_add(start)) }
                        } else {
                            sixteen(x, start, inputs)
                        };
                    }
                    for b in 0..B {
                        // SAFETY: 64 bytes at `group < groups` of block `b < B` lie inside w, checked above.
                        let w = unsafe { vld1q_s8_x4(at.wrapping_add(b.wrapping_mul(block_bytes))) };
                        for (sums, &x) in sums.iter_mut().zip(&xs) {
                            if let Some([r0, r1, r2, r3]) = sums.get_mut(b) {
                                *r0 = $add(*r0, w.0, x);
                                *r1 = $add(*r1, w.1, x);
                                *r2 = $add(*r2, w.2, x);
                                *r3 = $add(*r3, w.3, x);
                            }
                        }
                    }
                    at = at.wrapping_add(WIDTH);
                }
                sums
            }

            /// Up to four rows, one behind the other, `row_bytes` apart.
            #[inline]
            #[target_feature(enable = $features)]
            fn single_rows<const S: usize>(
                w: &[i8],
                row_bytes: usize,
                count: usize,
                x: &[&[i8]; S],
            ) -> [[[int32x4_t; BLOCK]; 1]; S] {
                let mut sums = [[[vdupq_n_s32(0); BLOCK]; 1]; S];
                let inputs = x.first().map_or(0, |x| x.len());
                let mut start = 0usize;
                let mut xs = [vdupq_n_s8(0); S];
                while start < inputs {
                    for (v, x) in xs.iter_mut().zip(x) {
                        *v = sixteen(x, start, inputs);
                    }
                    for r in 0..count.min(BLOCK) {
                        let row = row_bytes.wrapping_mul(r);
                        let w = sixteen(w, row.wrapping_add(start), row.wrapping_add(inputs));
                        for (sums, &x) in sums.iter_mut().zip(&xs) {
                            for sum in sums.as_flattened_mut().get_mut(r) {
                                *sum = $add(*sum, w, x);
                            }
                        }
                    }
                    start = start.wrapping_add(GROUP);
                }
                sums
            }
        }
    };
}

inner_loops!(neon, "neon", add_neon);
inner_loops!(dot, "neon,dotprod", add_dot);

#[cfg(all(test, feature = "std"))]
mod tests {
    //! Both instruction sets against the portable kernels; run under qemu-aarch64 by `cargo xtask test`.

    use super::super::host_battery::{try_dense, try_present, try_requantize};
    use super::{Aarch64, Level, dense_rows};
    use crate::kernels::Kernels;
    use std::println;

    #[test]
    fn neon() {
        try_dense("NEON", |layer, x, x_step, y, y_step, rows| {
            dense_rows(Level::Neon, layer, x, x_step, y, y_step, rows);
        });
    }

    #[test]
    fn dot_product() {
        if Level::find() != Level::Dot {
            return println!("the dot product was not run: this machine does not have it");
        }
        try_dense("dot product", |layer, x, x_step, y, y_step, rows| {
            dense_rows(Level::Dot, layer, x, x_step, y, y_step, rows);
        });
    }

    #[test]
    fn the_chosen_level() {
        println!("chosen: {:?}", Level::find());
        try_dense("chosen", Aarch64::dense_batch);
        try_present("chosen", Aarch64::add_present);
        try_requantize("chosen", Aarch64::requantize_sums);
    }
}
