//! The emulator's side: semihosting console, exit, and the instruction counter.

use core::arch::asm;

/// One semihosting call.
#[cfg(target_arch = "arm")]
fn call(operation: usize, argument: usize) {
    // SAFETY: QEMU traps the breakpoint and returns; r0 is its result.
    unsafe { asm!("bkpt #0xab", inout("r0") operation => _, in("r1") argument) }
}

/// One semihosting call.
#[cfg(target_arch = "riscv32")]
fn call(operation: usize, argument: usize) {
    // SAFETY: QEMU recognises the three uncompressed instructions and returns; a0 is the result.
    unsafe {
        asm!(
            ".option push", ".option norvc", ".p2align 4",
            "slli x0, x0, 0x1f", "ebreak", "srai x0, x0, 7",
            ".option pop",
            inout("a0") operation => _, in("a1") argument
        );
    }
}

/// Writes text that ends with a zero byte.
pub fn print(text: &core::ffi::CStr) {
    call(4, text.as_ptr() as usize);
}

/// Writes a number and a space.
pub fn print_number(mut number: u32) {
    let mut text = [0u8; 12];
    let mut at = 10;
    text[at] = b' ';
    loop {
        at -= 1;
        text[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    call(4, text.as_ptr() as usize + at);
}

/// Leaves the emulator.
pub fn exit() -> ! {
    loop {
        call(0x18, 0x2_0026);
    }
}

#[cfg(target_arch = "arm")]
const SYST_CSR: *mut u32 = 0xe000_e010 as *mut u32;

/// Starts the counter; call once. It runs freely: a restart would wait for the emulator's timer.
pub fn start_counter() {
    #[cfg(target_arch = "arm")]
    // SAFETY: the SysTick registers of every Cortex-M; full period, processor clock, no interrupt.
    unsafe {
        SYST_CSR.add(1).write_volatile(0x00ff_ffff);
        SYST_CSR.add(2).write_volatile(0);
        SYST_CSR.write_volatile(5);
    }
}

/// The counter now, in ticks that [`instructions`] turns into instructions.
#[inline(always)]
pub fn counter() -> u32 {
    #[cfg(target_arch = "arm")]
    // SAFETY: the current value register of SysTick.
    unsafe {
        SYST_CSR.add(2).read_volatile()
    }
    #[cfg(target_arch = "riscv32")]
    {
        let count: u32;
        // SAFETY: reads a counter.
        unsafe { asm!("csrr {}, minstret", out(reg) count) };
        count
    }
}

/// Ticks between two readings.
pub fn ticks(a: u32, b: u32) -> u32 {
    if cfg!(target_arch = "arm") { a.wrapping_sub(b) & 0x00ff_ffff } else { b.wrapping_sub(a) }
}

/// Instructions of one of `runs` equal runs that took `ticks` in all, to the nearest.
///
/// One instruction is 64 ns under `-icount shift=6`.
pub fn instructions(ticks: u32, runs: u32) -> u32 {
    let run = u64::from(runs) * 64_000;
    ((u64::from(ticks) * TICK_PICOSECONDS + run / 2) / run) as u32
}

/// SysTick's period: 25 MHz on mps2-an386, 32 MHz on mps3-an547.
#[cfg(target_arch = "arm")]
const TICK_PICOSECONDS: u64 = if cfg!(bench_board = "an547") { 31_250 } else { 40_000 };
/// QEMU's counter of retired instructions is its virtual time in nanoseconds.
#[cfg(target_arch = "riscv32")]
const TICK_PICOSECONDS: u64 = 1_000;

/// The stack pointer of the caller's frame.
#[inline(always)]
pub fn stack_pointer() -> usize {
    let sp: usize;
    // SAFETY: copies a register.
    #[cfg(target_arch = "arm")]
    unsafe {
        asm!("mov {}, sp", out(reg) sp, options(nomem, nostack))
    };
    // SAFETY: copies a register.
    #[cfg(target_arch = "riscv32")]
    unsafe {
        asm!("mv {}, sp", out(reg) sp, options(nomem, nostack))
    };
    sp
}
