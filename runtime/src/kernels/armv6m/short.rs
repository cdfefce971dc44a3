//! Armv6-M: products of 32 bits, without multiply-accumulate.

use super::{Scaling, scale_by_definition};
use core::arch::naked_asm;

/// One input for four rows in twelve instructions: x in the first register, the word in the second.
macro_rules! input {
    ($x:literal, $w:literal) => {
        concat!(
            "sxtb r6, ",
            $w,
            "\n",
            "muls r6, ",
            $x,
            ", r6\n",
            "add r8, r6\n",
            "sxth r6, ",
            $w,
            "\n",
            "muls r6, ",
            $x,
            ", r6\n",
            "add r9, r6\n",
            "asrs ",
            $w,
            ", ",
            $w,
            ", #16\n",
            "sxtb r6, ",
            $w,
            "\n",
            "muls r6, ",
            $x,
            ", r6\n",
            "add r10, r6\n",
            "muls ",
            $w,
            ", ",
            $x,
            ", ",
            $w,
            "\n",
            "add r11, ",
            $w,
            "\n",
        )
    };
}

/// Scales and clamps sums in place: 41 instructions each, independent of the sums. The high word of `acc · m` is formed
/// from halfwords.
///
/// Registers: r0 sum, r6 exponent, r7 mantissa, r8 shift, r10 zero point − lo, r11 hi − lo, r12 hi, lr end.
///
/// # Safety
/// `scaling` describes at least one sum, with as many mantissas and exponents.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn requantize_rows(scaling: *const Scaling) {
    naked_asm!(
        "push {{r4, r5, r6, r7, lr}}",
        "mov r4, r8",
        "mov r5, r10",
        "mov r6, r11",
        "push {{r3, r4, r5, r6}}",
        "ldm r0!, {{r1, r2, r3, r4}}",
        "ldm r0!, {{r5, r6, r7}}",
        "mov r10, r5",
        "mov r11, r6",
        "mov r12, r7",
        "mov lr, r4",
        "mov r0, r1",
        "mov r6, r2",
        "mov r7, r3",
        "2:",
        "ldrb r5, [r6]",
        "adds r6, #1",
        "movs r2, #254",
        "subs r2, r2, r5",
        "ldr r1, [r0]",
        "ldrh r3, [r7]",
        "ldrh r4, [r7, #2]",
        "adds r7, #4",
        "cmp r2, #31",
        "bhi 8f",
        "mov r8, r2",
        // The high word of acc · m.
        "uxth r5, r1",
        "uxth r2, r1",
        "asrs r1, r1, #16",
        "muls r5, r3, r5",
        "muls r2, r4, r2",
        "muls r3, r1, r3",
        "muls r4, r1, r4",
        "lsrs r5, r5, #16",
        "adds r2, r2, r5",
        "uxth r5, r2",
        "lsrs r2, r2, #16",
        "adds r3, r3, r5",
        "asrs r3, r3, #16",
        "adds r4, r4, r2",
        "adds r4, r4, r3",
        "mov r2, r8",
        "asrs r4, r2",
        "adds r4, #1",
        "asrs r4, r4, #1",
        "7:",
        "add r4, r10",
        "asrs r2, r4, #31",
        "bics r4, r2", // not below 0
        "mov r2, r11",
        "subs r4, r4, r2",
        "asrs r2, r4, #31",
        "ands r4, r2", // not above 0
        "add r4, r12",
        "stm r0!, {{r4}}",
        "cmp r0, lr",
        "bne 2b",
        "pop {{r3, r4, r5, r6}}",
        "mov r8, r4",
        "mov r10, r5",
        "mov r11, r6",
        "pop {{r4, r5, r6, r7, pc}}",
        "8:",
        "mov r3, r12",
        "mov r5, lr",
        "push {{r0, r3, r5, r6, r7}}",
        "mov r0, r1",
        "movs r3, #254",
        "subs r2, r3, r2",
        "sxtb r2, r2",
        "subs r7, #4",
        "mov r1, r7",
        "sub sp, #8", // keeps the stack on eight bytes: 9 + 5 + 2 words
        "bl {scale}",
        "add sp, #8",
        "mov r4, r0",
        "pop {{r0, r3, r5, r6, r7}}",
        "mov r12, r3",
        "mov lr, r5",
        "b 7b",
        scale = sym scale_by_definition,
    )
}
