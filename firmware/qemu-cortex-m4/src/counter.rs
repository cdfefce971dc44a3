//! Counts executed instructions with a timer of virtual time.
//!
//! Under `-icount shift=6` each instruction takes 64 ns of virtual time. The board's CMSDK timer runs at 25 MHz,
//! one tick each 40 ns, and starts with the store that restarts it: `i` instructions later `⌈64·i / 40⌉` ticks
//! have passed, so `⌊ticks · 5 / 8⌋` is `i` exactly. (SysTick is as exact but 24 bits wide, 10 million
//! instructions; this one holds 2.6 thousand million.)

use core::arch::asm;
use core::sync::atomic::{Ordering, compiler_fence};

const CONTROL: *mut u32 = 0x4000_0000 as *mut u32;
const VALUE: *mut u32 = 0x4000_0004 as *mut u32;
const RELOAD: *mut u32 = 0x4000_0008 as *mut u32;
const ENABLE: u32 = 1;

/// Restarts the count.
#[inline(always)]
pub fn restart() {
    compiler_fence(Ordering::SeqCst);
    // SAFETY: registers of CMSDK timer 0, which nothing else on this board's firmware uses.
    unsafe { VALUE.write_volatile(u32::MAX) };
    compiler_fence(Ordering::SeqCst);
}

/// Ticks since the last restart: one load between the fences.
#[inline(always)]
pub fn ticks() -> u32 {
    compiler_fence(Ordering::SeqCst);
    // SAFETY: as in `restart`; reading has no effect.
    let value = unsafe { VALUE.read_volatile() };
    compiler_fence(Ordering::SeqCst);
    !value
}

/// Instructions since the restart that `ticks` stands for.
pub fn instructions(ticks: u32) -> u64 {
    u64::from(ticks) * 5 / 8
}

/// Starts the timer and checks that it counts instructions.
///
/// Returns what an empty region reads, to be subtracted everywhere: the load that ends a region and the
/// constants around it.
///
/// # Errors
/// What a loop of 2,000 or 2,000,000 instructions read instead, the empty region subtracted.
pub fn check() -> Result<u64, u64> {
    // SAFETY: as in `restart`.
    unsafe {
        RELOAD.write_volatile(u32::MAX);
        CONTROL.write_volatile(ENABLE);
    }
    let empty = region(0);
    for loops in [1_000, 1_000_000] {
        let read = region(loops).wrapping_sub(empty);
        if read != u64::from(2 * loops) {
            return Err(read);
        }
    }
    Ok(empty)
}

/// Counts a region of exactly `2 · loops` instructions.
#[inline(never)]
fn region(loops: u32) -> u64 {
    restart();
    if loops > 0 {
        // SAFETY: two register instructions in a loop; `loops` is not 0.
        unsafe {
            asm!("2: subs {n}, {n}, #1", "bne 2b", n = inout(reg) loops => _, options(nomem, nostack));
        }
    }
    instructions(ticks())
}
