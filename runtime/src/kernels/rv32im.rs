//! RV32IM: byte loads sign-extend, so four rows in parallel cost one load, multiply and add for each MAC.
//!
//! One load of x serves the four rows of a block. Requantizing uses `MULH`: with `e ≤ −2` and `n = −2 − e`,
//! `(acc · m + 2^(30 − e)) >> (31 − e) = ((acc · m >> 32) + 2^n) >> (n + 1)`, since the low word cannot carry into
//! the result. Other exponents, which real students do not have, call the definition.

#[macro_use]
mod frame;

use super::Kernels;
use crate::model::{BLOCK, CoreClass, Layer, Layout};
use crate::quant::{Multiplier, scale_sum};
use core::arch::naked_asm;

/// Kernels of the RV32IM instruction set.
#[derive(Clone, Copy, Debug)]
pub struct Rv32im;

/// Inputs in one pass through the unrolled loop.
const PASS: usize = 8;

impl Kernels for Rv32im {
    type Activation = i8;
    const CLASS: CoreClass = CoreClass::Bytes;
    const LAYOUT: Layout = Layout::Fours;

    fn instruction_set() -> &'static str {
        "RV32IM"
    }

    fn input<'b>(x: &'b [i8], _: &'b mut [u32]) -> &'b [i8] {
        x
    }

    fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
        let inputs = usize::from(layer.inputs);
        if x.len() < inputs || y.len() < layer.padded_outputs() {
            return;
        }
        let rows = Rows {
            ends: Ends::new(layer, y),
            weights: layer.weights.as_ptr(),
            x: x.as_ptr(),
            passes_end: x.as_ptr().wrapping_add(inputs & !(PASS - 1)),
            x_end: x.as_ptr().wrapping_add(inputs),
        };
        // SAFETY: x holds `inputs` bytes and y whole blocks of four, checked above; weights and tables are what every
        // `Layer` promises.
        unsafe { dense_rows(&rows) }
    }

    fn requantize_sums(layer: &Layer<'_>, sums: &[i32], y: &mut [i8]) {
        if sums.len().min(y.len()) < layer.padded_outputs() {
            return;
        }
        // SAFETY: sums and y are whole blocks of four, checked above; the tables are what every `Layer` promises.
        unsafe { requantize_rows(&Ends::new(layer, y), sums.as_ptr()) }
    }
}

/// The parameters for finishing rows; the assembly relies on the field order.
#[repr(C)]
struct Ends {
    biases: *const i32,
    mantissas: *const i32,
    exponents: *const i8,
    y: *mut i8,
    blocks: usize,
    tail: usize,
    /// Bits that mark an exponent above −2 in the last, partial block.
    tail_mask: u32,
    above_lo: i32,
    width: i32,
    hi: i32,
}

/// One dense layer, as the assembly sees it; it relies on the field order.
#[repr(C)]
struct Rows {
    ends: Ends,
    weights: *const i8,
    x: *const i8,
    passes_end: *const i8,
    x_end: *const i8,
}

impl Ends {
    /// For a layer whose outputs fit y.
    fn new(layer: &Layer<'_>, y: &mut [i8]) -> Self {
        let tables = layer.tables();
        let outputs = usize::from(layer.outputs);
        let tail = outputs & (BLOCK - 1);
        let range = layer.range;
        Self {
            biases: tables.biases,
            mantissas: tables.mantissas,
            exponents: tables.exponents,
            y: y.as_mut_ptr(),
            blocks: outputs / BLOCK,
            tail,
            tail_mask: 0xe0e0_e0e0u32.wrapping_shr(32u32.wrapping_sub((tail as u32).wrapping_mul(8))),
            above_lo: i32::from(range.zero_point).wrapping_sub(range.lo.into()),
            width: i32::from(range.hi).wrapping_sub(range.lo.into()),
            hi: range.hi.into(),
        }
    }
}

/// The definition, for a block with an exponent above −2: scales four sums and saturates them to 16 bits.
///
/// # Safety
/// `sums` points to four sums, `mantissas` and `exponents` to four elements each.
unsafe extern "C" fn scale_by_definition(sums: *mut [i32; 4], mantissas: *const [i32; 4], exponents: *const [i8; 4]) {
    // SAFETY: the caller's promise; the mantissas start on a word.
    let (sums, mantissas, exponents) = unsafe { (&mut *sums, &*mantissas, &*exponents) };
    for ((sum, &mantissa), &exponent) in sums.iter_mut().zip(mantissas).zip(exponents) {
        let scaled = scale_sum(*sum, Multiplier { mantissa, exponent });
        *sum = scaled.clamp(i16::MIN.into(), i16::MAX.into()) as i32;
    }
}

/// One input for four rows: thirteen instructions, four MACs.
macro_rules! input {
    ($i:literal) => {
        concat!(
            "lb t0, ",
            $i,
            "(a0)\n",
            "lb t1, 4*",
            $i,
            "(a1)\n",
            "lb t2, 4*",
            $i,
            "+1(a1)\n",
            "lb t3, 4*",
            $i,
            "+2(a1)\n",
            "lb t4, 4*",
            $i,
            "+3(a1)\n",
            "mul t1, t1, t0\n",
            "mul t2, t2, t0\n",
            "mul t3, t3, t0\n",
            "mul t4, t4, t0\n",
            "add a2, a2, t1\n",
            "add a3, a3, t2\n",
            "add a4, a4, t3\n",
            "add a5, a5, t4\n",
        )
    };
}

/// Scales one sum; t0 holds the shifts of this row and the following rows.
macro_rules! scale {
    ($acc:literal, $k:literal) => {
        concat!(
            "lw t1, 4*",
            $k,
            "(s1)\n",
            "mulh ",
            $acc,
            ", ",
            $acc,
            ", t1\n",
            "sra ",
            $acc,
            ", ",
            $acc,
            ", t0\n",
            "srli t0, t0, 8\n",
            "addi ",
            $acc,
            ", ",
            $acc,
            ", 1\n",
            "srai ",
            $acc,
            ", ",
            $acc,
            ", 1\n",
        )
    };
}

/// Clamps one scaled sum and stores it. No branch: the number of instructions does not depend on the input.
macro_rules! clamp {
    ($acc:literal, $k:literal) => {
        concat!(
            "add ",
            $acc,
            ", ",
            $acc,
            ", s5\n",
            "srai t1, ",
            $acc,
            ", 31\n",
            "not t1, t1\n",
            "and ",
            $acc,
            ", ",
            $acc,
            ", t1\n", // not below 0
            "sub ",
            $acc,
            ", ",
            $acc,
            ", s6\n",
            "srai t1, ",
            $acc,
            ", 31\n",
            "and ",
            $acc,
            ", ",
            $acc,
            ", t1\n", // not above 0
            "add ",
            $acc,
            ", ",
            $acc,
            ", s7\n",
            "sb ",
            $acc,
            ", ",
            $k,
            "(s3)\n",
        )
    };
}

/// Requantizes a2 to a5 with the mask in a6, advances by four outputs, and falls through.
macro_rules! requantize {
    () => {
        concat!(
            "lw t0, 0(s2)\n",
            "sub t0, s10, t0\n",
            "and t1, t0, a6\n",
            "bnez t1, 8f\n",
            scale!("a2", "0"),
            scale!("a3", "1"),
            scale!("a4", "2"),
            scale!("a5", "3"),
            "7:\n",
            clamp!("a2", "0"),
            clamp!("a3", "1"),
            clamp!("a4", "2"),
            clamp!("a5", "3"),
            "addi s1, s1, 16\n",
            "addi s2, s2, 4\n",
            "addi s3, s3, 4\n",
        )
    };
}

/// All rows of a dense layer.
///
/// Registers: a0 x, a1 weights, a2 to a5 sums, a6 mask, a7 last inputs, s0 biases, s1 mantissas, s2 exponents, s3 y,
/// s4 blocks, s5 zero point − lo, s6 hi − lo, s7 hi, s8 x, s9 tail, s10 constant, s11 tail mask.
///
/// # Safety
/// `rows` describes tensors of at least the sizes that [`Rv32im::dense`] checks.
#[unsafe(naked)]
unsafe extern "C" fn dense_rows(rows: *const Rows) {
    naked_asm!(
        instruction_set!(),
        enter!(),
        "lw a1, 40(a0)",
        "lw s8, 44(a0)",
        "lw a7, 48(a0)",
        "lw t6, 52(a0)",
        "sw t6, 20(sp)",
        "beqz s4, 5f",
        "2:", // next block
        "lw a2, 0(s0)",
        "lw a3, 4(s0)",
        "lw a4, 8(s0)",
        "lw a5, 12(s0)",
        "addi s0, s0, 16",
        "mv a0, s8",
        "beq a0, a7, 4f",
        "3:",
        input!("0"),
        input!("1"),
        input!("2"),
        input!("3"),
        input!("4"),
        input!("5"),
        input!("6"),
        input!("7"),
        "addi a0, a0, 8",
        "addi a1, a1, 32",
        "bne a0, a7, 3b",
        "4:",
        "lw t6, 20(sp)",
        "beq a0, t6, 6f",
        "40:",
        input!("0"),
        "addi a0, a0, 1",
        "addi a1, a1, 4",
        "bne a0, t6, 40b",
        "6:",
        requantize!(),
        "addi s4, s4, -1",
        "bgtz s4, 2b",
        "5:", // at most three rows on their own
        "beqz s9, 9f",
        "mv t5, sp",
        "lw t6, 20(sp)",
        "50:",
        "lw a2, 0(s0)",
        "addi s0, s0, 4",
        "mv a0, s8",
        "51:",
        "lb t0, 0(a0)",
        "lb t1, 0(a1)",
        "mul t1, t1, t0",
        "add a2, a2, t1",
        "addi a0, a0, 1",
        "addi a1, a1, 1",
        "bne a0, t6, 51b",
        "sw a2, 0(t5)",
        "addi t5, t5, 4",
        "addi s9, s9, -1",
        "bnez s9, 50b",
        "mv a6, s11",
        "lw a2, 0(sp)",
        "lw a3, 4(sp)",
        "lw a4, 8(sp)",
        "lw a5, 12(sp)",
        "j 6b",
        definition!(),
        "9:",
        leave!(),
        ".option pop",
        scale = sym scale_by_definition,
    )
}

/// Requantizes finished sums.
///
/// Registers as in [`dense_rows`], a1 the sums.
///
/// # Safety
/// `ends` describes tensors and `sums` holds whole blocks, as [`Rv32im::requantize_sums`] checks.
#[unsafe(naked)]
unsafe extern "C" fn requantize_rows(ends: *const Ends, sums: *const i32) {
    naked_asm!(
        instruction_set!(),
        enter!(),
        "beqz s4, 5f",
        "2:",
        "lw a2, 0(a1)",
        "lw a3, 4(a1)",
        "lw a4, 8(a1)",
        "lw a5, 12(a1)",
        "addi a1, a1, 16",
        requantize!(),
        "addi s4, s4, -1",
        "bgtz s4, 2b",
        "5:",
        "beqz s9, 9f",
        "li s9, 0",
        "mv a6, s11",
        "j 2b",
        definition!(),
        "9:",
        leave!(),
        ".option pop",
        scale = sym scale_by_definition,
    )
}
