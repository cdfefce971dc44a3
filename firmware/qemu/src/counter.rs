//! Counts executed instructions with a clock of virtual time.
//!
//! Under `-icount shift=7` each instruction takes 128 ns of virtual time. Every board has a 32-bit clock that runs
//! freely and ticks more than twice in that time. A region between two readings is off by less than one tick, which is
//! less than half an instruction: the nearest number is exact. (SysTick, which all Cortex-M have, ends at 24 bits: 5
//! million instructions.)

use crate::semihosting::fail;
use core::arch::asm;
use core::sync::atomic::{Ordering, compiler_fence};

/// The counter in the I/O block of Arm's FPGA images: 25 MHz on the AN385 and AN386, 20 MHz on the AN547.
#[cfg(any(core = "cortex-m3", core = "cortex-m4", core = "cortex-m55"))]
mod clock {
    const COUNTER: *const u32 = if cfg!(core = "cortex-m55") { 0x5930_2018 } else { 0x4002_8018 } as *const u32;
    pub const TICK_PICOSECONDS: u64 = if cfg!(core = "cortex-m55") { 50_000 } else { 40_000 };

    /// It runs from reset.
    pub fn start() {}

    #[inline(always)]
    pub fn read() -> u32 {
        // SAFETY: a register of every such board; reading has no effect.
        unsafe { COUNTER.read_volatile() }
    }
}

/// Timer 0 of the nRF51 at 16 MHz.
#[cfg(core = "cortex-m0")]
mod clock {
    const TIMER: *mut u32 = 0x4000_8000 as *mut u32;
    const START: usize = 0x000 / 4;
    const CAPTURE: usize = 0x040 / 4;
    const BIT_MODE: usize = 0x508 / 4;
    const BIT_MODE_32: u32 = 3;
    const PRESCALER: usize = 0x510 / 4;
    const CAPTURED: usize = 0x540 / 4;
    pub const TICK_PICOSECONDS: u64 = 62_500;

    pub fn start() {
        // SAFETY: registers of a timer that nothing else uses.
        unsafe {
            TIMER.add(BIT_MODE).write_volatile(BIT_MODE_32);
            TIMER.add(PRESCALER).write_volatile(0);
            TIMER.add(START).write_volatile(1);
        }
    }

    #[inline(always)]
    pub fn read() -> u32 {
        // SAFETY: as in `start`; copies the count to the register that is read.
        unsafe {
            TIMER.add(CAPTURE).write_volatile(1);
            TIMER.add(CAPTURED).read_volatile()
        }
    }
}

/// The counter of retired instructions, which QEMU derives from virtual time in nanoseconds without its lowest 6 bits.
#[cfg(core = "riscv32")]
mod clock {
    use super::asm;

    pub const TICK_PICOSECONDS: u64 = 64_000;

    /// It runs from reset.
    pub fn start() {}

    #[inline(always)]
    pub fn read() -> u32 {
        let (low, high): (u32, u32);
        // SAFETY: reads a counter in two halves, again where the lower one has run over.
        unsafe {
            asm!("2: csrr {high}, minstreth", "csrr {low}, minstret", "csrr {again}, minstreth", "bne {high}, {again}, 2b",
                high = out(reg) high, low = out(reg) low, again = out(reg) _, options(nostack));
        }
        high << 26 | low >> 6
    }
}

/// Nanoseconds of virtual time for one instruction.
const INSTRUCTION_NANOSECONDS: u64 = 128;

/// The current reading of the clock. The wrapping difference of two readings is the time between them.
#[inline(always)]
pub fn now() -> u32 {
    compiler_fence(Ordering::SeqCst);
    let ticks = clock::read();
    compiler_fence(Ordering::SeqCst);
    ticks
}

/// The instructions that correspond to a difference of readings.
pub fn instructions(ticks: u32) -> u64 {
    let instruction = INSTRUCTION_NANOSECONDS * 1000;
    (u64::from(ticks) * clock::TICK_PICOSECONDS + instruction / 2) / instruction
}

/// Counts the instructions of `run`, minus the count of an empty region.
pub fn instructions_of(mut run: impl FnMut()) -> u64 {
    let empty = counted(&mut || {});
    counted(&mut run).saturating_sub(empty)
}

/// Never inlined, so that an empty region is called like any other.
#[inline(never)]
fn counted(run: &mut dyn FnMut()) -> u64 {
    let start = now();
    run();
    instructions(now().wrapping_sub(start))
}

/// Starts the clock and checks that it counts instructions.
///
/// Returns the count of an empty region, which must be subtracted everywhere: the part of the two readings between
/// them.
///
/// # Errors
/// The wrong count of a loop of 2,000 or 2,000,000 instructions, minus the empty region.
fn check() -> Result<u64, u64> {
    clock::start();
    let empty = region(0);
    for loops in [1_000, 1_000_000] {
        let read = region(loops).wrapping_sub(empty);
        if read != u64::from(2 * loops) {
            return Err(read);
        }
    }
    Ok(empty)
}

/// As [`check`]; a clock that does not count instructions ends the run.
pub fn start() -> u64 {
    check().unwrap_or_else(|found| {
        fail(format_args!("the instruction counter read {found}; run the emulator with -icount shift=7,sleep=off"))
    })
}

/// Counts a region of exactly `2 · loops` instructions.
#[inline(never)]
fn region(loops: u32) -> u64 {
    let start = now();
    if loops > 0 {
        // SAFETY: two register instructions in a loop; `loops` is not 0.
        #[cfg(target_arch = "arm")]
        unsafe {
            asm!("2: subs {n}, {n}, #1", "bne 2b", n = inout(reg) loops => _, options(nomem, nostack));
        }
        // SAFETY: as above.
        #[cfg(target_arch = "riscv32")]
        unsafe {
            asm!("2: addi {n}, {n}, -1", "bnez {n}, 2b", n = inout(reg) loops => _, options(nomem, nostack));
        }
    }
    instructions(now().wrapping_sub(start))
}
