//! Stack high-water marks: the stack below is painted, then searched for the deepest change.

use cortex_m::register::msp;

const PAINT: u32 = 0x5AFE_57AC;
/// How far below the caller is painted; the board has 4 MiB.
const WINDOW_BYTES: u32 = 64 * 1024;

/// Runs `work` and returns with its result the bytes of stack it used, its own frame included.
///
/// Exact to a word. A use as large as the painted window is reported as `u32::MAX`: unknown, more than that.
pub fn high_water<R>(work: impl FnOnce() -> R) -> (R, u32) {
    let top = msp::read();
    let bottom = top - WINDOW_BYTES;
    paint(bottom, top);
    let result = outlined(work);
    (result, used(bottom, top))
}

/// Keeps the frame of `work` below the painted line.
#[inline(never)]
fn outlined<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(always)]
fn paint(bottom: u32, top: u32) {
    let mut at = bottom;
    while at < top {
        // SAFETY: RAM below the stack pointer, above the statics, aligned; no frame lives there: this loop is
        // inlined and calls nothing, and interrupts are off.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
}

#[inline(always)]
fn used(bottom: u32, top: u32) -> u32 {
    let mut at = bottom;
    // SAFETY: as in `paint`.
    while at < top && unsafe { (at as *const u32).read_volatile() } == PAINT {
        at += 4;
    }
    if at == bottom { u32::MAX } else { top - at }
}
