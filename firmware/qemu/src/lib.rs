//! What the images share: from reset to `image_main`, the emulator's console and files, a counter of instructions, and
//! the depth of the stack; for Arm and RISC-V under QEMU.
//!
//! The source knows a core by `cfg(core = "…")`, which `build.rs` reads off the target.
#![no_std]

pub mod bundle;
pub mod counter;
pub mod host_file;
pub mod semihosting;
pub mod stack;
mod start;
