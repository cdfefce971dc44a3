//! Shared by all images, for Arm and RISC-V under QEMU: start-up from reset to `image_main`, the emulator's console and
//! files, an instruction counter, and the depth of the stack.
//!
//! The source tells cores apart by `cfg(core = "…")`, which `build.rs` derives from the target.
#![no_std]

pub mod bundle;
pub mod counter;
pub mod host_file;
pub mod semihosting;
pub mod stack;
mod start;
