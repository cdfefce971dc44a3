//! aarch64: the dot product of four bytes if the machine has it, otherwise NEON.
//!
//! Nothing saturates. `SDOT` adds four signed products to 32 bits. Without it `SMULL` and `SMLAL2` put two products in
//! 16 bits: `load` has checked `|w| ≤ 127`, so a pair is at most 2·128·127 = 32,512.
//!
//! Files in the canonical layout run as they are; [`Layout::Lanes`] is faster: one instruction loads sixteen inputs of
//! four rows, and weights are one stream.
//!
//! Requantizing: with `e ≤ −1`, `SQDMULH` gives `acc · m >> 31`, which fits 32 bits and does not saturate because
//! `m > 0`; `SRSHL` by `e` adds half a unit and shifts in a wider register. This equals the definition, since the 31
//! bits below cannot carry into the result. Other exponents, which real students do not have, use the definition.

#[macro_use]
mod loops;
#[cfg(all(test, feature = "std"))]
mod tests;

use super::Kernels;
use crate::model::{BLOCK, CoreClass, Layer, Layout};
use crate::quant::{Multiplier, OutputRange, requantize};
use core::arch::aarch64::{
    int8x16_t, int32x4_t, vaddq_s32, vbicq_s32, vcombine_s8, vcombine_s16, vcreate_s8, vdupq_n_s8, vdupq_n_s32,
    vget_lane_u32, vget_low_s8, vget_low_s16, vld1q_s8, vld1q_s8_x4, vld1q_s32, vmaxq_s32, vmaxvq_s32, vminq_s32,
    vmlal_high_s8, vmovl_high_s8, vmovl_high_s16, vmovl_s8, vmovl_s16, vmovn_s16, vmovn_s32, vmull_s8, vorrq_s32,
    vpadalq_s16, vpaddq_s32, vqdmulhq_s32, vreinterpret_u32_s8, vrshlq_s32, vshrq_n_s32, vst1q_s32,
};

/// Kernels of NEON and its dot product.
#[derive(Clone, Copy, Debug)]
pub struct Aarch64;

/// Inputs in one vector of weights.
const GROUP: usize = 16;
/// Bytes of a group of four rows.
const WIDTH: usize = 64;
/// Inputs of a batch that share each load of weights.
const SHARED: usize = 4;

/// The instruction set of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Level {
    Neon = 1,
    Dot = 2,
}

impl Level {
    /// The machine's level: detected once, then one load.
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

    /// The level that the compiler flags guarantee.
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
        let sums = sums.get(..layer.padded_outputs()).unwrap_or_default();
        for (block, sums) in sums.as_chunks::<BLOCK>().0.iter().enumerate() {
            let first = block.wrapping_mul(BLOCK);
            // SAFETY: NEON belongs to every aarch64 with floating point; four words of the four that are read.
            unsafe { finish(&ends, first, [vld1q_s32(sums.as_ptr())], false, y) };
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

/// The parameters applied to finished sums, as slices.
struct Ends<'a> {
    biases: &'a [i32],
    mantissas: &'a [i32],
    exponents: &'a [i8],
    range: OutputRange,
}

impl<'a> Ends<'a> {
    /// `None` unless words are aligned, which `load` has checked.
    #[inline]
    fn new(layer: &Layer<'a>) -> Option<Self> {
        let (biases, mantissas, exponents) = layer.parameter_tables()?;
        Some(Self { biases, mantissas, exponents, range: layer.range })
    }
}

/// Finishes the sums of `B` blocks from output `first` on and writes them to `y`, all outputs of one input.
///
/// The last block may be incomplete: whatever is written past the last output is arbitrary.
#[inline]
#[target_feature(enable = "neon")]
fn finish<const B: usize>(ends: &Ends<'_>, first: usize, sums: [int32x4_t; B], add_bias: bool, y: &mut [i8]) {
    let taken = B.wrapping_mul(BLOCK);
    let window = first..first.wrapping_add(taken);
    // The tables are padded to whole blocks of four, and so is y.
    let (Some(biases), Some(mantissas), Some(exponents), Some(y)) = (
        ends.biases.get(window.clone()),
        ends.mantissas.get(window.clone()),
        ends.exponents.get(window.clone()),
        y.get_mut(window),
    ) else {
        return;
    };
    let zero_point = i32::from(ends.range.zero_point);
    let lo = vdupq_n_s32(i32::from(ends.range.lo).wrapping_sub(zero_point));
    let hi = vdupq_n_s32(i32::from(ends.range.hi).wrapping_sub(zero_point));
    let mut acc = sums;
    let mut above = vdupq_n_s32(0);
    let exponents_of_blocks = exponents_of::<B>(exponents);
    for (block, (acc, &e)) in acc.iter_mut().zip(&exponents_of_blocks).enumerate() {
        let at = block.wrapping_mul(BLOCK);
        // SAFETY: four elements from `at` on of the `4 B` that each slice holds.
        let (bias, m) =
            unsafe { (vld1q_s32(biases.as_ptr().wrapping_add(at)), vld1q_s32(mantissas.as_ptr().wrapping_add(at))) };
        if add_bias {
            *acc = vaddq_s32(*acc, bias);
        }
        // Padding has an exponent of 0, but also a mantissa of 0.
        above = vorrq_s32(above, vbicq_s32(m, vshrq_n_s32::<31>(e)));
        let scaled = vrshlq_s32(vqdmulhq_s32(*acc, m), e);
        let shifted = vaddq_s32(vminq_s32(vmaxq_s32(scaled, lo), hi), vdupq_n_s32(zero_point));
        let halves = vmovn_s32(shifted);
        let bytes = vmovn_s16(vcombine_s16(halves, halves));
        let four = vget_lane_u32::<0>(vreinterpret_u32_s8(bytes));
        // SAFETY: as for the tables.
        unsafe { y.as_mut_ptr().wrapping_add(at).cast::<u32>().write_unaligned(four) };
    }
    if vmaxvq_s32(above) != 0 {
        let mut sums = [[0i32; BLOCK]; B];
        for (sums, acc) in sums.iter_mut().zip(acc) {
            // SAFETY: an array of the vector's bytes.
            unsafe { vst1q_s32(sums.as_mut_ptr(), acc) };
        }
        by_definition(sums.as_flattened(), mantissas, exponents, ends.range, y);
    }
}

/// The exponents of up to four blocks, four per vector.
#[inline]
#[target_feature(enable = "neon")]
fn exponents_of<const B: usize>(exponents: &[i8]) -> [int32x4_t; B] {
    let all = if let Some(all) = exponents.first_chunk::<16>() {
        // SAFETY: an array of the vector's bytes.
        unsafe { vld1q_s8(all.as_ptr()) }
    } else {
        let mut room = [0u8; 8];
        for (to, &from) in room.iter_mut().zip(exponents) {
            *to = from as u8;
        }
        vcombine_s8(vcreate_s8(u64::from_le_bytes(room)), vcreate_s8(0))
    };
    let (low, high) = (vmovl_s8(vget_low_s8(all)), vmovl_high_s8(all));
    let parts =
        [vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)];
    let mut blocks = [vdupq_n_s32(0); B];
    for (to, from) in blocks.iter_mut().zip(parts) {
        *to = from;
    }
    blocks
}

/// The outputs of finished sums if an exponent is not below 0.
#[cold]
#[inline(never)]
fn by_definition(sums: &[i32], mantissas: &[i32], exponents: &[i8], range: OutputRange, y: &mut [i8]) {
    let multipliers = mantissas.iter().zip(exponents);
    for ((&acc, (&mantissa, &exponent)), y) in sums.iter().zip(multipliers).zip(y) {
        *y = requantize(acc, Multiplier { mantissa, exponent }, range);
    }
}

/// One group of a row: sixteen bytes from `start` on; 0 past the end.
#[inline]
#[target_feature(enable = "neon")]
fn sixteen(row: &[i8], start: usize) -> int8x16_t {
    let row = row.get(start..).unwrap_or_default();
    let mut room = [0i8; GROUP];
    let row = row.first_chunk::<GROUP>().unwrap_or_else(|| {
        for (to, &from) in room.iter_mut().zip(row) {
            *to = from;
        }
        &room
    });
    // SAFETY: an array of the vector's bytes.
    unsafe { vld1q_s8(row.as_ptr()) }
}

/// The inputs that go through a layer together, each as long as the layer is wide.
struct Inputs<'x, const S: usize> {
    rows: [&'x [i8]; S],
    /// The rest of each after its whole groups, then zeros.
    tails: [int8x16_t; S],
    /// Length of each.
    inputs: usize,
}

impl<'x, const S: usize> Inputs<'x, S> {
    #[inline]
    #[target_feature(enable = "neon")]
    fn new(x: &'x [i8], x_step: usize, inputs: usize) -> Option<Self> {
        let mut rows: [&[i8]; S] = [&[]; S];
        let mut tails = [vdupq_n_s8(0); S];
        for ((row, tail), x) in rows.iter_mut().zip(&mut tails).zip(x.chunks(x_step)) {
            *row = x.get(..inputs)?;
            *tail = sixteen(row, inputs & !(GROUP - 1));
        }
        rows.iter().all(|row| row.len() == inputs).then_some(Self { rows, tails, inputs })
    }

    /// One whole group of each.
    ///
    /// # Safety
    /// `start + 16 ≤ inputs`.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn group(&self, start: usize) -> [int8x16_t; S] {
        // SAFETY: each row holds `inputs` bytes.
        self.rows.map(|row| unsafe { vld1q_s8(row.as_ptr().wrapping_add(start)) })
    }
}

/// Adds sixteen products, four per lane.
#[inline]
#[target_feature(enable = "neon")]
fn add_neon(acc: int32x4_t, w: int8x16_t, x: int8x16_t) -> int32x4_t {
    vpadalq_s16(acc, vmlal_high_s8(vmull_s8(vget_low_s8(w), vget_low_s8(x)), w, x))
}

/// Adds sixteen products, four per lane.
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

// More groups together would not leave NEON's three instructions their registers.
inner_loops!(neon, "neon", add_neon, 2);
inner_loops!(dot, "neon,dotprod", add_dot, 4);
