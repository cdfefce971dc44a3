//! Cortex-M0, M0+, M23, and M3: one word of weights is one input times four rows.
//!
//! A word holds two halfwords of two signed digits each, `256 · w1 + w0` and `256 · w3 + w2`. `SXTB` of the word is
//! w0, `SXTH` the first halfword, `ASRS #16` the second, `SXTB` of that w2: four extractions for four MACs. The
//! sums B of the even rows and S of whole halfwords give the odd rows as `(S − B) >> 8`, exact as long as that fits 24
//! bits, which any 512 int8 products do; longer rows fold every 512 inputs.
//!
//! Sums first go to the space for the outputs; a second pass requantizes them in place, from the high word of
//! `acc · m`: with `e ≤ −2` and `n = −2 − e`,
//! `(acc · m + 2^(30 − e)) >> (31 − e) = ((acc · m >> 32) + 2^n) >> (n + 1)`, since the low word cannot carry into the
//! result. Other exponents, which real students do not have, call the definition.
//!
//! Armv7-M has both steps in one instruction, multiply-accumulate and the long product; Armv6-M takes more for each.

mod described;
#[cfg(eyas_kernels = "armv7m")]
#[macro_use]
mod long;
#[cfg(eyas_kernels = "armv6m")]
#[macro_use]
mod short;

use super::thumb::{absent, copy};
use super::{Kernels, Present, portable};
use crate::model::{BLOCK, CoreClass, Layer, Layout};
use crate::quant::{Multiplier, scale_sum};
use core::arch::naked_asm;
use described::{Columns, Rows, Scaling};
#[cfg(eyas_kernels = "armv7m")]
use long::requantize_rows;
#[cfg(eyas_kernels = "armv6m")]
use short::requantize_rows;

/// Kernels of the Armv6-M instruction set, and of Armv7-M without the DSP extension.
#[derive(Clone, Copy, Debug)]
pub struct Armv6m;

/// Inputs between two folds.
const FOLD: usize = 512;
/// Inputs of one pass through the unrolled loop.
const PASS: usize = 8;
/// Bytes of code for two inputs.
const STEP_BYTES: usize = 52;
/// Outputs of one pass over the list of present inputs.
const LANES: usize = 8;

impl Kernels for Armv6m {
    type Activation = i32;
    const CLASS: CoreClass = CoreClass::Words;
    const LAYOUT: Layout = Layout::Quads;

    fn instruction_set() -> &'static str {
        if cfg!(eyas_kernels = "armv7m") { "Armv7-M" } else { "Armv6-M" }
    }

    fn input<'b>(x: &'b [i8], buffer: &'b mut [u32]) -> &'b [i32] {
        let wide: &mut [i32] = bytemuck::must_cast_slice_mut(buffer);
        if wide.len() >= x.len() && !x.is_empty() {
            // SAFETY: reads all of x and writes as many words, at least one.
            unsafe { widen(x.as_ptr(), wide.as_mut_ptr(), x.len()) }
        }
        wide
    }

    fn dense(layer: &Layer<'_>, x: &[i32], y: &mut [i32]) {
        let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
        let fits = inputs != 0 && x.len() >= inputs && y.len() >= layer.padded_outputs();
        if !fits {
            return;
        }
        let tables = layer.tables();
        let first = (inputs.wrapping_sub(1) & (FOLD - 1)).wrapping_add(1);
        // An odd input goes first, on its own; the loop is entered at the point where the even rest fills its passes.
        let missing = PASS.wrapping_sub(first & (PASS - 2)) & (PASS - 1);
        let rows = Rows {
            weights: layer.weights.as_ptr(),
            biases: tables.biases,
            x: x.as_ptr(),
            first_end: x.as_ptr().wrapping_add(first),
            odd: first & 1,
            entry: (missing >> 1).wrapping_mul(STEP_BYTES),
            x_end: x.as_ptr().wrapping_add(inputs),
            y: y.as_mut_ptr(),
            blocks: outputs / BLOCK,
            tail: outputs & (BLOCK - 1),
        };
        // SAFETY: the weights hold `outputs` rows of `inputs`, biases and y whole blocks of four, x `inputs`
        // words; weights and biases start on words. All checked above.
        unsafe { sum_rows(&rows) };
        requantize_in_place(layer, y);
    }

    fn absent(x: &[i8], zero_point: i8) -> usize {
        absent(x, zero_point)
    }

    fn copy(from: &[i32], to: &mut [i32]) {
        copy(from, to);
    }

    #[inline(never)]
    fn add_present(layer: &Layer<'_>, present: &[Present], sums: &mut [i32]) {
        let run = layer.column_bytes();
        let Some(first) = present.first().filter(|_| sums.len() >= run) else { return };
        // 16-bit lanes hold 257 weights of one byte.
        let mut same = present.len() <= 257;
        for present in present {
            if present.input >= layer.inputs {
                return;
            }
            same &= present.distance == first.distance;
        }
        if !same || run & (LANES - 1) != 0 {
            portable::add_present(layer, present, sums);
            return;
        }
        let distance = i32::from(first.distance);
        let offset = (present.len() as i32).wrapping_mul(128);
        let mut columns = Columns {
            weights: layer.weights.as_ptr(),
            run,
            present: present.as_ptr(),
            present_end: present.as_ptr_range().end,
        };
        for sums in sums.as_chunks_mut::<LANES>().0.iter_mut().take(run / LANES) {
            let mut lanes = [0u32; 4];
            // SAFETY: every listed input is below `inputs`, so its run of `run` weights lies in the weights; this
            // is the turn of eight of them. The list is not empty.
            unsafe { add_lanes(&columns, &mut lanes) };
            columns.weights = columns.weights.wrapping_add(LANES);
            let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
            let [even, odd, later_even, later_odd] = lanes;
            for (sum, lane) in [
                (s0, even & 0xffff),
                (s1, odd & 0xffff),
                (s2, even >> 16),
                (s3, odd >> 16),
                (s4, later_even & 0xffff),
                (s5, later_odd & 0xffff),
                (s6, later_even >> 16),
                (s7, later_odd >> 16),
            ] {
                *sum = sum.wrapping_add((lane as i32).wrapping_sub(offset).wrapping_mul(distance));
            }
        }
    }

    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [i32]) {
        copy(sums, y);
        requantize_in_place(layer, y);
    }
}

/// Widens bytes to words, two in six instructions.
///
/// # Safety
/// `from` has `count` bytes, `to` room for as many words, at least one.
#[unsafe(naked)]
unsafe extern "C" fn widen(from: *const i8, to: *mut i32, count: usize) {
    naked_asm!(
        this_core!(),
        "push {{r4, r5, r6, lr}}",
        "movs r5, #0",
        "movs r6, #1",
        "lsrs r2, r2, #1",
        "bcc 2f",
        "ldrsb r3, [r0, r5]",
        "stm r1!, {{r3}}",
        "adds r0, #1",
        "cmp r2, #0",
        "beq 9f",
        "2:",
        "ldrsb r3, [r0, r5]",
        "ldrsb r4, [r0, r6]",
        "stm r1!, {{r3, r4}}",
        "adds r0, #2",
        "subs r2, #1",
        "bne 2b",
        "9:",
        "pop {{r4, r5, r6, pc}}",
    )
}

/// Turns the sums in `y` into outputs.
fn requantize_in_place(layer: &Layer<'_>, y: &mut [i32]) {
    let outputs = usize::from(layer.outputs);
    let fits = outputs != 0 && y.len() >= outputs;
    if !fits {
        return;
    }
    let tables = layer.tables();
    let range = layer.range;
    let scaling = Scaling {
        y: y.as_mut_ptr(),
        exponents: tables.exponents,
        mantissas: tables.mantissas,
        end: y.as_mut_ptr().wrapping_add(outputs),
        above_lo: i32::from(range.zero_point).wrapping_sub(range.lo.into()),
        width: i32::from(range.hi).wrapping_sub(range.lo.into()),
        hi: range.hi.into(),
    };
    // SAFETY: y, mantissas and exponents hold `outputs` elements, at least one; the mantissas start on a word.
    unsafe { requantize_rows(&scaling) }
}

/// The definition, for an exponent above −2, saturated to 16 bits.
///
/// # Safety
/// `mantissa` points to a mantissa.
unsafe extern "C" fn scale_by_definition(acc: i32, mantissa: *const i32, exponent: i32) -> i32 {
    // SAFETY: the caller's promise; the mantissas start on a word.
    let mantissa = unsafe { *mantissa };
    let scaled = scale_sum(acc, Multiplier { mantissa, exponent: exponent as i8 });
    scaled.clamp(i16::MIN.into(), i16::MAX.into()) as i32
}

/// Two inputs for four rows: eight MACs in 52 bytes of code.
macro_rules! step {
    () => {
        concat!("ldm r0!, {{r2, r3}}\n", "ldm r1!, {{r4, r5}}\n", input!("r2", "r4"), input!("r3", "r5"))
    };
}

/// The sums of all rows, biases included.
///
/// Registers: r0 x, r1 weights, r2 r3 x, r4 r5 weights, r6 product, r8 r10 sums B, r9 r11 sums S, r12 end of x.
/// Stack, from `sp`: 0 and 4 the two 32-bit sums, then a copy of [`Rows`] up to `blocks`; 40 `tail`.
///
/// # Safety
/// `rows` describes tensors of at least the sizes that [`Armv6m::dense`] checks.
#[unsafe(naked)]
unsafe extern "C" fn sum_rows(rows: *const Rows) {
    naked_asm!(
        this_core!(),
        ".p2align 2",
        "push {{r4, r5, r6, r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4, r5, r6, r7}}",
        "ldr r7, [r0, #36]", // tail
        "ldr r1, [r0, #32]", // weights
        "push {{r7}}",
        "sub sp, #40",
        "ldm r0!, {{r2, r3, r4, r5}}",
        "add r6, sp, #8",
        "stm r6!, {{r2, r3, r4, r5}}",
        "ldm r0!, {{r2, r3, r4, r5}}",
        "stm r6!, {{r2, r3, r4, r5}}",
        // Stack: 0 4 sums, 8 x, 12 first_end, 16 odd, 20 entry, 24 x_end, 28 biases, 32 y, 36 blocks, 40 tail.
        "b 8f",
        "2:", // next block
        "ldr r7, [sp, #28]",
        "ldm r7!, {{r2, r3, r4, r5}}",
        "str r7, [sp, #28]",
        "mov r8, r2",
        "mov r9, r2",
        "mov r10, r4",
        "mov r11, r4",
        "str r3, [sp, #0]",
        "str r5, [sp, #4]",
        "ldr r0, [sp, #8]",
        "ldr r2, [sp, #12]",
        "mov r12, r2",
        "ldr r2, [sp, #16]",
        "cmp r2, #0",
        "beq 3f",
        "ldm r0!, {{r2}}",
        "ldm r1!, {{r4}}",
        input!("r2", "r4"),
        "3:",
        "cmp r0, r12",
        "beq 5f",
        "ldr r2, [sp, #20]",
        "add pc, r2", // reads as the address of label 4
        "nop",
        "4:",
        step!(),
        step!(),
        step!(),
        step!(),
        "cmp r0, r12",
        "bne 4b",
        "5:",
        "mov r2, r9",
        "mov r4, r8",
        "subs r2, r2, r4",
        "asrs r2, r2, #8",
        "ldr r3, [sp, #0]",
        "adds r3, r3, r2",
        "mov r2, r11",
        "mov r4, r10",
        "subs r2, r2, r4",
        "asrs r2, r2, #8",
        "ldr r5, [sp, #4]",
        "adds r5, r5, r2",
        "ldr r2, [sp, #24]",
        "cmp r0, r2",
        "bne 7f",
        "mov r2, r8",
        "ldr r7, [sp, #32]",
        "stm r7!, {{r2, r3, r4, r5}}",
        "str r7, [sp, #32]",
        "8:",
        "ldr r2, [sp, #36]",
        "subs r2, #1",
        "str r2, [sp, #36]",
        "bmi 80f", // the block is too long for a conditional branch back
        "b 2b",
        "80:",
        // At most three rows of plain bytes.
        "ldr r7, [sp, #40]",
        "movs r5, #0",
        "ldr r2, [sp, #24]",
        "mov r12, r2",
        "6:",
        "subs r7, #1",
        "bmi 9f",
        "ldr r3, [sp, #28]",
        "ldm r3!, {{r2}}",
        "str r3, [sp, #28]",
        "ldr r0, [sp, #8]",
        "60:",
        "ldm r0!, {{r3}}",
        "ldrsb r4, [r1, r5]",
        "adds r1, #1",
        "muls r4, r3, r4",
        "adds r2, r2, r4",
        "cmp r0, r12",
        "bne 60b",
        "ldr r3, [sp, #32]",
        "stm r3!, {{r2}}",
        "str r3, [sp, #32]",
        "b 6b",
        "7:", // 512 inputs more: keep the 32-bit sums and start S at B again
        "str r3, [sp, #0]",
        "str r5, [sp, #4]",
        "mov r9, r8",
        "mov r11, r10",
        "ldr r2, ={fold_bytes}",
        "add r12, r2",
        "b 4b",
        ".pool",
        "9:",
        "add sp, #44",
        "pop {{r4, r5, r6, r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4, r5, r6, r7, pc}}",
        fold_bytes = const FOLD * 4,
    )
}

/// Adds the weights of eight outputs over the list, as bytes plus 128 in two 16-bit lanes per word.
///
/// Registers: r1 list, r2 run, r3 place, r4 r0 weights, r6 r7 masks, r8 to r11 lanes, r12 end of the list.
///
/// # Safety
/// As [`Armv6m::add_present`] checks; the list is not empty and not longer than 257.
#[unsafe(naked)]
unsafe extern "C" fn add_lanes(columns: *const Columns, lanes: *mut [u32; 4]) {
    naked_asm!(
        this_core!(),
        ".p2align 2",
        "push {{r4, r5, r6, r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r1, r4, r5, r6, r7}}",
        "ldm r0!, {{r3, r4, r5, r6}}",
        "mov lr, r3",
        "mov r2, r4",
        "mov r1, r5",
        "mov r12, r6",
        "movs r3, #0",
        "mov r8, r3",
        "mov r9, r3",
        "mov r10, r3",
        "mov r11, r3",
        "ldr r6, =0x80808080",
        "ldr r7, =0x00ff00ff",
        "2:",
        "ldrh r3, [r1]",
        "adds r1, #4",
        "muls r3, r2, r3",
        "add r3, lr",
        "ldm r3!, {{r0, r4}}",
        "eors r0, r6",
        "mov r5, r0",
        "ands r5, r7",
        "add r8, r5",
        "lsrs r0, r0, #8",
        "ands r0, r7",
        "add r9, r0",
        "eors r4, r6",
        "mov r5, r4",
        "ands r5, r7",
        "add r10, r5",
        "lsrs r4, r4, #8",
        "ands r4, r7",
        "add r11, r4",
        "cmp r1, r12",
        "bne 2b",
        "mov r2, r8",
        "mov r3, r9",
        "mov r4, r10",
        "mov r5, r11",
        "pop {{r1}}",
        "stm r1!, {{r2, r3, r4, r5}}",
        "pop {{r4, r5, r6, r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4, r5, r6, r7, pc}}",
        ".p2align 2",
        ".pool",
    )
}
