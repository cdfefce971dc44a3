//! Cortex-M52, M55, M85: sixteen int8 products per instruction, four rows at a time.
//!
//! A block holds sixteen bytes of each of its four rows in turn, so one pointer runs through it; one load of x
//! serves the four. The loop is tail-predicated: lanes past the last input load as zero, and nothing past x is read.
//! Requantizing stays in vectors: with `e ≤ −2`, `VMULH` gives the high word of `acc · m` rounded down, and `VRSHL` by
//! `e + 1` adds half a unit and shifts. This equals the definition, since the low word cannot carry into the result.
//! Other exponents, which real students do not have, call the definition.

use super::Kernels;
use crate::model::{BLOCK, CoreClass, Layer, Layout};
use crate::quant::{Multiplier, scale_sum};
use core::arch::naked_asm;
use core::mem::offset_of;

/// Kernels of the M-profile vector extension.
#[derive(Clone, Copy, Debug)]
pub struct Helium;

impl Kernels for Helium {
    type Activation = i8;
    const CLASS: CoreClass = CoreClass::Bytes;
    const LAYOUT: Layout = Layout::Lanes;

    fn instruction_set() -> &'static str {
        "Helium"
    }

    fn input<'b>(x: &'b [i8], _: &'b mut [u32]) -> &'b [i8] {
        x
    }

    fn dense(layer: &Layer<'_>, x: &[i8], y: &mut [i8]) {
        let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
        let fits = inputs != 0 && x.len() >= inputs && y.len() >= layer.padded_outputs();
        if !fits {
            return;
        }
        let tables = layer.tables();
        let tail = outputs & (BLOCK - 1);
        let rows = Rows {
            weights: layer.weights.as_ptr(),
            biases: tables.biases,
            mantissas: tables.mantissas,
            exponents: tables.exponents,
            y: y.as_mut_ptr(),
            blocks: outputs / BLOCK,
            x: x.as_ptr(),
            inputs,
            tail,
            tail_mask: 0xe0e0_e0e0u32.wrapping_shr(32u32.wrapping_sub((tail as u32).wrapping_mul(8))),
        };
        // SAFETY: the weights hold `outputs` rows of whole groups of sixteen, the other tensors and y whole
        // blocks of four, x `inputs` bytes, and words start on words. All checked above.
        unsafe { dense_rows(&rows, layer) }
    }
}

/// One dense layer, as the assembly sees it; it relies on the field order.
#[repr(C)]
struct Rows {
    weights: *const i8,
    exponents: *const i8,
    y: *mut i8,
    biases: *const i32,
    mantissas: *const i32,
    blocks: usize,
    x: *const i8,
    inputs: usize,
    tail: usize,
    /// Bits that mark an exponent above −2 in the last, partial block.
    tail_mask: u32,
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

/// All rows of a dense layer.
///
/// Registers: r0 x, r1 weights, r2 r4 r6 r8 sums, r5 exponents, r7 y, r9 biases, r10 mantissas, r11 blocks,
/// r12 zero point; q4 lo, q5 hi.
/// Stack, from `sp`: 16 bytes of scratch, 16 x, 20 inputs, 24 tail, 28 tail mask.
///
/// # Safety
/// `rows` describes tensors of `layer` of at least the sizes that [`Helium::dense`] checks.
#[unsafe(naked)]
unsafe extern "C" fn dense_rows(rows: *const Rows, layer: *const Layer<'_>) {
    naked_asm!(
        this_core!(),
        // Assembly outside functions does not inherit the target's extensions.
        ".cpu cortex-m55",
        "push {{r4, r5, r6, r7, r8, r9, r10, r11, r12, lr}}",
        "vpush {{d8, d9, d10, d11}}",
        "ldrsb r12, [r1, #{zero_point}]",
        "ldrsb r6, [r1, #{lo}]",
        "ldrsb r7, [r1, #{hi}]",
        "add r1, r0, #24",
        "ldm r1, {{r2, r3, r4, r5}}",
        "push {{r2, r3, r4, r5}}",
        "sub sp, #16",
        "vdup.32 q4, r6",
        "vdup.32 q5, r7",
        "ldm r0, {{r1, r5, r7, r9, r10, r11}}",
        "b 5f",
        "2:", // next block
        "ldrd r0, r3, [sp, #16]",
        "movs r2, #0",
        "movs r4, #0",
        "movs r6, #0",
        "mov r8, #0",
        "dlstp.8 lr, r3",
        "3:",
        "vldrb.u8 q0, [r0], #16",
        "vldrb.u8 q1, [r1], #16",
        "vmladava.s8 r2, q0, q1",
        "vldrb.u8 q1, [r1], #16",
        "vmladava.s8 r4, q0, q1",
        "vldrb.u8 q1, [r1], #16",
        "vmladava.s8 r6, q0, q1",
        "vldrb.u8 q1, [r1], #16",
        "vmladava.s8 r8, q0, q1",
        "letp lr, 3b",
        "vmov q1[2], q1[0], r2, r6",
        "vmov q1[3], q1[1], r4, r8",
        "mov r2, #0xe0e0e0e0",
        "4:", // four sums in q1; r2 marks exponents above −2
        "vldrw.u32 q2, [r9], #16",
        "ldr r3, [r5]",
        "vadd.i32 q1, q1, q2",
        "rsb r3, r3, #0xfefefefe",
        "tst r3, r2",
        "bne 8f",
        "movs r3, #1",
        "vldrw.u32 q2, [r10], #16",
        "vmulh.s32 q1, q1, q2",
        "vldrb.s32 q2, [r5], #4",
        "vadd.i32 q2, q2, r3",
        "vrshl.s32 q1, q1, q2",
        "40:",
        "vadd.i32 q1, q1, r12",
        "vmax.s32 q1, q1, q4",
        "vmin.s32 q1, q1, q5",
        "vstrb.32 q1, [r7], #4",
        "5:",
        "subs r11, #1",
        "bpl 2b",
        // At most three rows on their own.
        "ldr r11, [sp, #24]",
        "cmp r11, #0",
        "beq 9f",
        "movs r2, #0",
        "str r2, [sp, #24]",
        "mov r6, sp",
        "6:",
        "ldrd r0, r3, [sp, #16]",
        "movs r2, #0",
        "dlstp.8 lr, r3",
        "7:",
        "vldrb.u8 q0, [r0], #16",
        "vldrb.u8 q1, [r1], #16",
        "vmladava.s8 r2, q0, q1",
        "letp lr, 7b",
        "str r2, [r6], #4",
        "subs r11, #1",
        "bne 6b",
        "vldrw.u32 q1, [sp]",
        "ldr r2, [sp, #28]",
        "b 4b",
        "8:", // by the definition
        "vstrw.32 q1, [sp]",
        "mov r4, r12",
        "mov r6, r1",
        "mov r0, sp",
        "mov r1, r10",
        "mov r2, r5",
        "bl {scale}",
        "mov r12, r4",
        "mov r1, r6",
        "add r10, #16",
        "adds r5, #4",
        "vldrw.u32 q1, [sp]",
        "b 40b",
        "9:",
        "add sp, #32",
        "vpop {{d8, d9, d10, d11}}",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, r12, pc}}",
        scale = sym scale_by_definition,
        zero_point = const offset_of!(Layer<'static>, range.zero_point),
        lo = const offset_of!(Layer<'static>, range.lo),
        hi = const offset_of!(Layer<'static>, range.hi),
    )
}
