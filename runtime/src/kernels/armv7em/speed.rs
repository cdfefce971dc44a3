//! All rows of a layer in few instructions: a block of four rows in parallel, four groups per pass.

use crate::model::Layer;
use core::arch::naked_asm;
use core::mem::offset_of;

/// Turns four sums in r3, r6, r5, r7 into their v, for any exponents, which lie just before r2; mantissas in r9 to r12.
///
/// With `s = e + 2 > 0`, `v = acc · 2^s · m >> 32`. From 2^16 on, `acc` makes v saturate; and if s is above 14, any
/// `acc` other than 0 is clamped, as it is with 14.
macro_rules! scale_any {
    () => {
        "ldr r4, [r2, #-4]
        mov r8, #4
        94:
        sxtb r0, r4
        lsrs r4, #8
        adds r0, #2
        ble 95f
        cmp r0, #14
        it hi
        movhi r0, #14
        ssat r3, #17, r3
        lsls r3, r0
        movs r0, #0
        95:
        negs r0, r0
        smmul r2, r3, r9
        asrs r2, r0
        mov r3, r6
        mov r6, r5
        mov r5, r7
        mov r7, r2
        mov r9, r10
        mov r10, r11
        mov r11, r12
        subs r8, #1
        bne 94b
        "
    };
}

/// Clamps two pairs of outputs in r3, r6 to any range.
macro_rules! clamp_any {
    () => {
        "ldrd r10, r11, [sp, #60]
        ssub16 r8, r3, r10
        sel r3, r3, r10
        ssub16 r8, r3, r11
        sel r3, r11, r3
        ssub16 r8, r6, r10
        sel r6, r6, r10
        ssub16 r8, r6, r11
        sel r6, r11, r6
        "
    };
}

/// Exponents up to −2: handles every row separately, without a loop. Others take the slow path.
macro_rules! scale {
    () => {
        "rsb r4, r4, #0xfefefefe
        tst r4, #0xe0e0e0e0
        bne 90f
        smmul r3, r3, r9
        asrs r3, r4
        lsrs r4, #8
        smmul r6, r6, r10
        asrs r6, r4
        lsrs r4, #8
        smmul r5, r5, r11
        asrs r5, r4
        lsrs r4, #8
        smmul r7, r7, r12
        asrs r7, r4
        91:
        "
    };
}

/// Clamps to the whole range of a byte by saturation. Other ranges take the slow path.
macro_rules! clamp {
    () => {
        "cmp r8, #255
        bne 92f
        ssat16 r3, #8, r3
        ssat16 r6, #8, r6
        93:
        "
    };
}

/// The slow paths.
macro_rules! apart {
    () => {
        concat!("92:\n", clamp_any!(), "b 93b\n", "90:\n", scale_any!(), "b 91b\n")
    };
}

/// Scales, clamps and stores four sums in r3, r6, r5, r7, of a block whose parameters lie on the stack.
///
/// Keeps r1 and lr. Repeats from label 2 until y is at its end, then falls through. The number of instructions is the
/// same for all sums.
macro_rules! epilogue {
    () => {
        concat!(
            "ldrd r8, r2, [sp, #36]\n",
            "ldm r8!, {{r9, r10, r11, r12}}\n",
            "ldr r4, [r2], #4\n",
            "strd r8, r2, [sp, #36]\n",
            scale!(),
            "ssat r3, #16, r3\n",
            "ssat r6, #16, r6\n",
            "ssat r5, #16, r5\n",
            "ssat r7, #16, r7\n",
            "ldrd r9, r8, [sp, #52]\n",
            "pkhbt r3, r3, r5, lsl #16\n",
            "pkhbt r6, r6, r7, lsl #16\n",
            "shadd16 r3, r3, r9\n",
            "shadd16 r6, r6, r9\n",
            clamp!(),
            "ldrd r8, r9, [sp, #44]\n",
            "strd r3, r6, [r8], #8\n",
            "str r8, [sp, #44]\n",
            "cmp r8, r9\n",
            "bne 2b\n",
        )
    };
}

/// One group of four inputs for four rows: fourteen instructions, sixteen MACs, 54 bytes of code.
macro_rules! group {
    () => {
        "ldm r0!, {{r6, r7}}
        ldm.w r1!, {{r8, r9, r10, r11}}
        smlad r2, r8, r6, r2
        sxtb16 r8, r8
        smlad r3, r8, r6, r3
        smlad r2, r9, r7, r2
        sxtb16 r9, r9
        smlad r3, r9, r7, r3
        smlad r4, r10, r6, r4
        sxtb16 r10, r10
        smlad r5, r10, r6, r5
        smlad r4, r11, r7, r4
        sxtb16 r11, r11
        smlad r5, r11, r7, r5
        "
    };
}

/// Groups in one pass.
const PASS: u32 = 4;

/// Plans the first of r10 groups, 1 to 128 up to the first fold: entry in r4, passes in r5. There may be none.
macro_rules! first_pass {
    () => {
        "sub r5, r10, #1
        ubfx r5, r5, #2, #5
        adds r5, #1
        and r4, r10, #3
        cmp r10, #0
        it eq
        moveq r4, #4
        "
    };
}

/// The groups of a block: the first, partial pass from its entry point; then r12 whole passes from label 40.
macro_rules! passes {
    () => {
        concat!(
            "ldrd r8, r12, [sp, #24]\n",
            "tbb [pc, r8]\n",
            "3:\n",
            ".byte (40f-3b)/2, (43f-3b)/2, (42f-3b)/2, (41f-3b)/2, (48f-3b)/2, 0\n",
            concat!("40:\n", group!(), "41:\n", group!(), "42:\n", group!(), "43:\n", group!()),
            "subs r12, #1\n",
            "bne 40b\n",
            "48:\n",
        )
    };
}

/// All rows of a layer, `groups` of four inputs each.
///
/// Registers: r0 x, r1 weights, r2 r4 sums S, r3 r5 sums B, r6 r7 x, r8 to r11 weights, r12 passes, lr biases.
/// Stack, from `sp`: 0 the two 32-bit sums, 8 end of x, 12 exponents of the partial block, 16 x, 20 outputs of the
/// partial block, 24 entry: groups of the first, partial pass, 0 for a whole one, 4 for none at all, 28 passes,
/// 32 groups, 36 mantissas, 40 exponents, 44 y, 48 its end, 52 1 + 2 · zero point in both halfwords, 56 hi − lo,
/// 60 lo and hi, two halfwords each, 68 saved registers.
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
        ".p2align 2",
        "push {{r4, r5, r6, r7, r8, r9, r10, r11, lr}}",
        "ldrd lr, r4, [sp, #36]", // biases, parameters
        "ldrh r12, [r0, #{outputs}]",
        "add r5, r12, #3",
        "lsrs r5, #2",
        "add r4, r4, r5, lsl #4", // mantissas
        "add r5, r4, r5, lsl #4", // exponents
        "mov r6, r3",             // y
        "bic r7, r12, #3",
        "add r7, r6, r7, lsl #1", // its end after whole blocks
        "and r3, r12, #3",        // outputs of the partial block
        "ldrsb r8, [r0, #{zero_point}]",
        "ldrsb r10, [r0, #{lo}]",
        "ldrsb r11, [r0, #{hi}]",
        "add r8, r8, r8",
        "add r8, #1",
        "sub r9, r11, r10",
        "pkhbt r8, r8, r8, lsl #16",
        "pkhbt r10, r10, r10, lsl #16",
        "pkhbt r11, r11, r11, lsl #16",
        "push {{r4, r5, r6, r7, r8, r9, r10, r11}}",
        "ldr r10, [sp, #76]", // groups
        first_pass!(),
        "push {{r2, r3, r4, r5, r10}}",
        "add r8, r2, r10, lsl #3", // end of x
        "sub sp, #16",
        "str r8, [sp, #8]",
        "cmp r6, r7",
        "beq 6f",
        "2:", // next block
        "ldm lr!, {{r3, r4, r5, r6}}",
        "strd r4, r6, [sp]",
        "mov r2, r3",
        "mov r4, r5",
        "ldr r0, [sp, #16]",
        passes!(),
        "ldm sp, {{r6, r7, r8}}",
        "subs r2, r2, r3",
        "subs r4, r4, r5",
        "add r6, r6, r2, asr #8",
        "add r7, r7, r4, asr #8",
        "cmp r0, r8",
        "beq 5f",
        // Another 512 inputs done: keep the 32-bit sums and restart S at B.
        "strd r6, r7, [sp]",
        "mov r2, r3",
        "mov r4, r5",
        "mov r12, #128 / {pass}",
        "b 40b",
        "5:",
        epilogue!(),
        "6:", // at most three rows of plain bytes
        "ldr r12, [sp, #20]",
        "cmp r12, #0",
        "beq 9f",
        "ldrd r5, r6, [sp, #40]", // exponents, y
        "ldr r4, [r5]",
        "mov r3, #0xfefefefe", // exponents for the rows that are not there
        "lsl r5, r12, #3",
        "lsls r3, r5",
        "orrs r4, r3",
        "str r4, [sp, #12]",
        "add r5, sp, #12",
        "add r7, r6, #8", // this block is the last
        "strd r5, r6, [sp, #40]",
        "movs r4, #0",
        "str r4, [sp, #20]",
        "str r7, [sp, #48]",
        "mov r11, sp",
        "7:",
        "ldr r3, [lr], #4",
        "ldr r0, [sp, #16]",
        "ldr r2, [sp, #32]",
        "cbz r2, 71f",
        "70:",
        "ldr r8, [r1], #4",
        "ldm r0!, {{r6, r7}}",
        "sxtb16 r9, r8",
        "sxtb16 r8, r8, ror #8",
        "smlad r3, r9, r6, r3",
        "smlad r3, r8, r7, r3",
        "subs r2, #1",
        "bne 70b",
        "71:",
        "str r3, [r11], #4",
        "subs r12, #1",
        "bne 7b",
        "ldrd r3, r6, [sp]",
        "ldrd r5, r7, [sp, #8]",
        "b 5b",
        "9:",
        "add sp, #68",
        "pop {{r4, r5, r6, r7, r8, r9, r10, r11, pc}}",
        apart!(),
        outputs = const offset_of!(Layer<'static>, outputs),
        zero_point = const offset_of!(Layer<'static>, range.zero_point),
        lo = const offset_of!(Layer<'static>, range.lo),
        hi = const offset_of!(Layer<'static>, range.hi),
        pass = const PASS,
    )
}
