//! Shared by Cortex-M cores without vectors: the search for the next present input, and a copy of words.

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
/// Eleven instructions for sixteen bytes. Whole words are read only if they are aligned and lie before `end`.
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
        "movs r5, r4",
        "6:",
        "subs r0, #4",
        "movs r6, r5",
        "7:",
        "subs r0, #4",
        "movs r7, r6",
        "8:", // the word r7 is the last of those that were passed
        "subs r0, #5",
        "eors r7, r2",
        "80:",
        "adds r0, #1",
        "uxtb r4, r7",
        "lsrs r7, r7, #8",
        "cmp r4, #0",
        "beq 80b",
        "9:",
        "pop {{r4, r5, r6, r7, pc}}",
    )
}

/// Copies whole blocks of four words, as many as both have.
#[inline]
pub(super) fn copy(from: &[i32], to: &mut [i32]) {
    let blocks = (from.len().min(to.len())) >> 2;
    if blocks != 0 {
        // SAFETY: both have so many blocks.
        unsafe { copy_blocks(from.as_ptr(), to.as_mut_ptr(), blocks) }
    }
}

/// # Safety
/// `from` and `to` have `blocks` times four words, at least one block.
#[unsafe(naked)]
unsafe extern "C" fn copy_blocks(from: *const i32, to: *mut i32, blocks: usize) {
    naked_asm!(
        "push {{r4, r5, r6, lr}}",
        "2:",
        "ldm r0!, {{r3, r4, r5, r6}}",
        "stm r1!, {{r3, r4, r5, r6}}",
        "subs r2, #1",
        "bne 2b",
        "pop {{r4, r5, r6, pc}}",
    )
}
