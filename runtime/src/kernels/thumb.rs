//! What Cortex-M cores without vectors share: the search for the next present input.

use core::arch::naked_asm;

/// How many inputs at the front of `x` are equal to `zero_point`.
#[inline]
pub(super) fn absent(x: &[i8], zero_point: i8) -> usize {
    let ends = x.as_ptr_range();
    let word = u32::from(zero_point as u8).wrapping_mul(0x0101_0101);
    // SAFETY: both ends of one slice.
    let found = unsafe { differing(ends.start, ends.end, word) };
    found.addr().wrapping_sub(ends.start.addr())
}

/// The first byte of `at..end` that differs from those of `word`, which are equal; `end` if there is none.
///
/// Eleven instructions for sixteen bytes. Whole words are read where they start on words and lie in front of `end`.
///
/// Registers: r0 place, r1 end, r2 word, r3 last place of four words, r4 to r7 words.
///
/// # Safety
/// `at..end` is readable.
#[unsafe(naked)]
unsafe extern "C" fn differing(at: *const i8, end: *const i8, word: u32) -> *const i8 {
    naked_asm!(
        "push {{r4, r5, r6, r7, lr}}",
        "movs r3, r1",
        "subs r3, #16",
        "b 3f",
        "2:", // one byte
        "cmp r0, r1",
        "beq 9f",
        "ldrb r4, [r0]",
        "uxtb r5, r2",
        "cmp r4, r5",
        "bne 9f",
        "adds r0, #1",
        "3:",
        "lsls r4, r0, #30",
        "bne 2b",
        "4:", // sixteen bytes
        "cmp r0, r3",
        "bhi 2b",
        "ldm r0!, {{r4, r5, r6, r7}}",
        "cmp r4, r2",
        "bne 5f",
        "cmp r5, r2",
        "bne 6f",
        "cmp r6, r2",
        "bne 7f",
        "cmp r7, r2",
        "beq 4b",
        "b 8f",
        "5:",
        "subs r0, #4",
        "6:",
        "subs r0, #4",
        "7:",
        "subs r0, #4",
        "8:",
        "subs r0, #4",
        "b 2b", // one of its bytes
        "9:",
        "pop {{r4, r5, r6, r7, pc}}",
    )
}
