//! Stack high-water marks: the stack below is painted, then searched for the deepest change.

use core::arch::asm;

const PAINT: u32 = 0x5AFE_57AC;
/// Bytes painted below the caller; every board has at least 512 kB.
const WINDOW_BYTES: usize = 64 * 1024;

/// Runs `work` and returns its result with the bytes of stack that its callees used, without what the compiler adds to
/// this function's own frame.
///
/// Exact to a word. If the whole painted window is used, the result is `u32::MAX`: the depth is unknown.
#[inline(never)]
pub fn high_water<R>(work: impl FnOnce() -> R) -> (R, u32) {
    // The frame of this function itself lies above.
    let top = stack_pointer() & !3;
    let bottom = top - WINDOW_BYTES;
    let mut at = bottom;
    while at < top {
        // SAFETY: RAM below the stack pointer, above the statics, aligned; no frame lives there: this loop calls
        // nothing, and interrupts are off.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
    let result = work();
    let mut at = bottom;
    // SAFETY: the same words.
    while at < top && unsafe { (at as *const u32).read_volatile() } == PAINT {
        at += 4;
    }
    (result, if at == bottom { u32::MAX } else { (top - at) as u32 })
}

/// [`high_water`] of work that has no result.
pub fn bytes_of(work: impl FnOnce()) -> u32 {
    let ((), bytes) = high_water(work);
    bytes
}

/// The stack pointer in the caller's frame.
#[inline(always)]
fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: copies a register.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov {}, sp", out(reg) sp, options(nomem, nostack));
    }
    // SAFETY: copies a register.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!("mv {}, sp", out(reg) sp, options(nomem, nostack));
    }
    sp
}
