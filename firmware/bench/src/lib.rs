//! Start, console, counter and painted stack of the bench images, for Arm and RISC-V under QEMU.
#![no_std]

pub mod bundle;
pub mod host;
mod start;

/// Where QEMU's loader puts the bundle of students.
#[cfg(target_arch = "arm")]
pub const BUNDLE: usize = if cfg!(bench_board = "an547") { 0x6000_0000 } else { 0x2100_0000 };
/// Where QEMU's loader puts the bundle of students.
#[cfg(target_arch = "riscv32")]
pub const BUNDLE: usize = 0x8100_0000;

/// Counts the instructions of `run`, less what an empty region counts.
///
/// Five runs in a row: on Arm a tick is 40 ns (or 31.25) and an instruction 64, so the reading is off by up to
/// two ticks, which a fifth of them is too small to show.
pub fn instructions(mut run: impl FnMut()) -> u32 {
    let empty = five(&mut || {});
    host::instructions(five(&mut run).wrapping_sub(empty), 5)
}

/// Counts one run that is too long for five: the counter is 24 bits wide on Arm, some ten million instructions.
pub fn instructions_once(mut run: impl FnMut()) -> u32 {
    let empty = one(&mut || {});
    host::instructions(one(&mut run).wrapping_sub(empty), 1)
}

/// Ticks of one run.
#[inline(never)]
fn one(run: &mut dyn FnMut()) -> u32 {
    let a = host::counter();
    run();
    let b = host::counter();
    host::ticks(a, b)
}

/// Ticks of five runs. One copy, so that an empty region is called as any other is and the rest is five equal parts.
#[inline(never)]
fn five(run: &mut dyn FnMut()) -> u32 {
    let a = host::counter();
    run();
    run();
    run();
    run();
    run();
    let b = host::counter();
    host::ticks(a, b)
}

/// Bytes of stack that `run` touches below its caller, at most [`PAINTED`].
#[inline(never)]
pub fn stack(run: impl FnOnce()) -> u32 {
    const PAINT: u32 = 0xc0de_d00d;
    let top = host::stack_pointer() & !3;
    let bottom = top - PAINTED;
    let mut at = bottom;
    // The frame of this function itself lies above `top`.
    while at < top {
        // SAFETY: free stack below the stack pointer; no interrupt is enabled.
        unsafe { core::ptr::write_volatile(at as *mut u32, PAINT) };
        at += 4;
    }
    run();
    let mut at = bottom;
    // SAFETY: the same words.
    while at < top && unsafe { core::ptr::read_volatile(at as *const u32) } == PAINT {
        at += 4;
    }
    (top - at) as u32
}

/// Bytes below the stack pointer that [`stack`] watches.
pub const PAINTED: usize = 8192;
