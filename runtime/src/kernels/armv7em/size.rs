//! Layers in a third of the code, for the size setting: processes a pair of rows at a time, requantizes every row
//! separately, and keeps no list of present inputs.

use crate::model::Layer;
use core::arch::naked_asm;
use core::mem::offset_of;

/// All rows of a layer, `groups` of four inputs each.
///
/// Three instructions for two MACs. The number of instructions is the same for all inputs.
///
/// Registers: r0 x, r1 weights, r2 sum S, r3 sum B or the row's, r4 the next row's, r5 groups left, r6 r7 x, r8 lr
/// weights, r9 mantissas, r10 exponents, r11 row, r12 weights of the block.
/// Stack, from `sp`: 0 layer, 4 weights, 8 x, 12 y, 16 saved registers, 52 biases, 56 parameters, 60 groups.
///
/// # Safety
/// `weights` and `parameters` are the layer's; x holds the groups, `y` and `biases` whole blocks of four outputs. All
/// start on words.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn dense_rows(
    layer: *const Layer<'_>,
    weights: *const i8,
    x: *const i16,
    y: *mut i16,
    biases: *const i32,
    parameters: *const u32,
    groups: usize,
) {
    naked_asm!(
        this_core!(),
        "push {{r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldr r4, [sp, #56]",
        "ldrh r5, [r0, #{outputs}]",
        "adds r5, #3",
        "bic r5, r5, #3",
        "add r9, r4, r5, lsl #2",
        "add r10, r9, r5, lsl #2",
        "mov r11, #0",
        "2:", // next row
        "ldr r0, [sp]",
        "ldrh r5, [r0, #{outputs}]",
        "cmp r11, r5",
        "beq 9f",
        "ldr r6, [sp, #52]",
        "add r6, r6, r11, lsl #2",
        "bic r5, r5, #3", // rows in whole blocks
        "cmp r11, r5",
        "ldr r5, [sp, #60]",
        "ldr r0, [sp, #8]",
        "bhs 5f",
        "tst r11, #1",
        "itt ne", // the pair's other row
        "movne r3, r4",
        "bne 8f",
        "ldrd r3, r4, [r6]",
        "cbz r5, 8f",
        "mov r12, r1",
        "30:",
        "mov r2, r3",
        "3:", // four inputs of a pair
        "ldm r0!, {{r6, r7}}",
        "ldrd r8, lr, [r1], #16",
        "smlad r2, r8, r6, r2",
        "sxtb16 r8, r8",
        "smlad r3, r8, r6, r3",
        "smlad r2, lr, r7, r2",
        "sxtb16 lr, lr",
        "smlad r3, lr, r7, r3",
        "subs r5, #1",
        "lsls r6, r5, #25",
        "bne 3b",
        // Another 512 inputs done: keep the 32-bit sum and restart S at B.
        "subs r2, r2, r3",
        "add r4, r4, r2, asr #8",
        "cmp r5, #0",
        "bne 30b",
        "tst r11, #2",
        "ite eq",
        "addeq r1, r12, #8", // the block's second pair
        "subne r1, #8",      // past the block
        "b 8f",
        "5:", // one row of plain bytes
        "ldr r3, [r6]",
        "cbz r5, 8f",
        "6:",
        "ldm r0!, {{r6, r7}}",
        "ldr r8, [r1], #4",
        "sxtb16 lr, r8",
        "smlad r3, lr, r6, r3",
        "sxtb16 lr, r8, ror #8",
        "smlad r3, lr, r7, r3",
        "subs r5, #1",
        "bne 6b",
        "8:", // the sum in r3
        "ldr r6, [r9, r11, lsl #2]",
        "ldrsb r7, [r10, r11]",
        "adds r7, #2",
        // Exponents above −2: a sum of 2^16 or more is clamped; and if the shift is above 15, so is any sum other than
        // 0, as with 15.
        "itttt gt",
        "usatgt r7, #4, r7",
        "ssatgt r3, #17, r3",
        "lslgt r3, r7",
        "movgt r7, #0",
        "negs r7, r7",
        "smmul r3, r3, r6",
        "asrs r3, r7",
        "adds r3, #1",
        "ldr r0, [sp]",
        "ldrsb r6, [r0, #{zero_point}]",
        "add r3, r6, r3, asr #1",
        "ldrsb r6, [r0, #{lo}]",
        "cmp r3, r6",
        "it lt",
        "movlt r3, r6",
        "ldrsb r6, [r0, #{hi}]",
        "cmp r3, r6",
        "it gt",
        "movgt r3, r6",
        "rbit r6, r11", // places 0, 2, 1, 3
        "lsrs r6, #30",
        "bic r7, r11, #3",
        "add r6, r7",
        "ldr r7, [sp, #12]",
        "strh r3, [r7, r6, lsl #1]",
        "add r11, #1",
        "b 2b",
        "9:",
        "add sp, #16",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
        outputs = const offset_of!(Layer<'static>, outputs),
        zero_point = const offset_of!(Layer<'static>, range.zero_point),
        lo = const offset_of!(Layer<'static>, range.lo),
        hi = const offset_of!(Layer<'static>, range.hi),
    )
}

/// The sums of a sparse-input layer, in whole blocks of four.
///
/// Registers: r0 outputs, r1 r2 x, r3 sums, r4 run, r5 biases or a weight, r6 weights, r7 distance, r12 zero point,
/// lr sum.
///
/// # Safety
/// `x..x_end` is an input of the layer, whose runs of weights are whole blocks of four; `sums` has room for one, `biases`
/// and `weights` are the layer's.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn sum_columns(
    layer: *const Layer<'_>,
    x: *const i8,
    x_end: *const i8,
    sums: *mut i32,
    weights: *const i8,
    biases: *const i32,
) {
    naked_asm!(
        this_core!(),
        "push {{r4, r5, r6, r7, lr}}",
        "ldrh r4, [r0, #{outputs}]",
        "ldrd r6, r5, [sp, #20]",
        "ldrsb r12, [r0, #{zero_point}]",
        "adds r4, #3",
        "bic r4, r4, #3",
        "lsls r0, r4, #2",
        "2:",
        "subs r0, #4",
        "ldr r7, [r5, r0]",
        "str r7, [r3, r0]",
        "bne 2b",
        "3:", // next input
        "cmp r1, r2",
        "beq 9f",
        "ldrsb r7, [r1], #1",
        "subs r7, r7, r12",
        "beq 5f",
        "mov r0, r4",
        "4:",
        "subs r0, #1",
        "ldrsb r5, [r6, r0]",
        "ldr lr, [r3, r0, lsl #2]",
        "mla lr, r5, r7, lr",
        "str lr, [r3, r0, lsl #2]",
        "bne 4b",
        "5:",
        "add r6, r4",
        "b 3b",
        "9:",
        "pop {{r4, r5, r6, r7, pc}}",
        outputs = const offset_of!(Layer<'static>, outputs),
        zero_point = const offset_of!(Layer<'static>, input_zero_point),
    )
}
