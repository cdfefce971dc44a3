//! Armv7-M and Armv8-M Mainline without the DSP extension: multiply-accumulate, and products of 64 bits.

use super::{Scaling, scale_by_definition};
use core::arch::naked_asm;

/// One input for four rows in eight instructions: x in the first register, the word in the second.
///
/// Takes as many bytes of code as on Armv6-M, so that the loop has the same entry points.
macro_rules! input {
    ($x:literal, $w:literal) => {
        concat!(
            "sxtb r6, ",
            $w,
            "\n",
            "mla r8, ",
            $x,
            ", r6, r8\n",
            "sxth r6, ",
            $w,
            "\n",
            "mla r9, ",
            $x,
            ", r6, r9\n",
            "asrs ",
            $w,
            ", ",
            $w,
            ", #16\n",
            "sxtb r6, ",
            $w,
            "\n",
            "mla r10, ",
            $x,
            ", r6, r10\n",
            "mla r11, ",
            $x,
            ", ",
            $w,
            ", r11\n",
        )
    };
}

/// Scales and clamps sums in place: 18 instructions each, independent of the sums.
///
/// Registers: r0 sum, r1 exponent, r2 mantissa, r3 end, r4 zero point − lo, r5 hi − lo, r6 hi.
///
/// # Safety
/// `scaling` describes at least one sum, with as many mantissas and exponents.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn requantize_rows(scaling: *const Scaling) {
    naked_asm!(
        this_core!(),
        "push {{r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldm r0, {{r0, r1, r2, r3, r4, r5, r6}}",
        "2:",
        "ldrb r8, [r1], #1",
        "rsb r8, r8, #254",
        "ldr r9, [r0]",
        "ldr r7, [r2], #4",
        "cmp r8, #31",
        "bhi 8f",
        "smull r10, r9, r9, r7",
        "asr r9, r9, r8",
        "adds r9, r9, #1",
        "asr r9, r9, #1",
        "7:",
        "add r9, r9, r4",
        "bic r9, r9, r9, asr #31", // not below 0
        "subs r9, r9, r5",
        "and r9, r9, r9, asr #31", // not above 0
        "add r9, r9, r6",
        "str r9, [r0], #4",
        "cmp r0, r3",
        "bne 2b",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
        "8:",
        "push {{r0, r1, r2, r3, r12}}", // keeps the stack on eight bytes: 9 + 5 words
        "mov r0, r9",
        "sub r1, r2, #4",
        "rsb r2, r8, #254",
        "sxtb r2, r2",
        "bl {scale}",
        "mov r9, r0",
        "pop {{r0, r1, r2, r3, r12}}",
        "b 7b",
        scale = sym scale_by_definition,
    )
}
