//! Builds the runtime for aarch64 Linux and runs it in QEMU's user-mode emulator.

use crate::device::{DeviceError, Kind, Toolchain};
use crate::root;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of the tests and counts.
pub const TARGET: &str = "aarch64-unknown-linux-gnu";
/// QEMU's emulator of Linux programs.
pub const EMULATOR: &str = "qemu-aarch64";
/// The C compiler that links them.
pub const LINKER: &str = "aarch64-linux-gnu-gcc";
/// Where Debian puts the C library of another architecture.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// One emulated processor.
pub struct Processor {
    /// Its name in QEMU.
    pub cpu: &'static str,
    /// The instruction set that the runtime must find on it, as named by [`eyas::kernels::instruction_set`].
    pub instruction_set: &'static str,
}

/// With the dot product of bytes and without it.
pub const PROCESSORS: [Processor; 2] = [
    Processor { cpu: "max", instruction_set: "NEON dot product" },
    Processor { cpu: "cortex-a53", instruction_set: "NEON" },
];

impl Processor {
    /// The command line of the emulator with this processor, for cargo's `runner` or to start it directly.
    pub fn emulator(&self) -> Vec<&'static str> {
        let mut words = vec![EMULATOR, "-cpu", self.cpu];
        if Path::new(LIBRARIES).is_dir() {
            words.extend(["-L", LIBRARIES]);
        }
        words
    }
}

/// The C library's loader, which every program needs to start.
pub fn c_library() -> Option<PathBuf> {
    let places = ["/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1", "/lib/ld-linux-aarch64.so.1"];
    places.into_iter().map(PathBuf::from).find(|path| path.exists())
}

/// The target folder of these builds.
pub fn target_dir() -> PathBuf {
    root().join("target/aarch64")
}

/// `cargo SUBCOMMAND` of the runtime for the target, optimised, with `std`.
///
/// # Errors
/// [`DeviceError::CompilerMissing`] if no compiler supports the target.
pub fn cargo(subcommand: &str) -> Result<Command, DeviceError> {
    let toolchain = Toolchain::find(TARGET)?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).arg(subcommand);
    for host_setting in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(host_setting);
    }
    cargo.env("RUSTC", toolchain.rustc()).env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER);
    if toolchain.kind() == Kind::FromSource {
        // The library's source belongs to exactly this compiler, so the unstable flag is safe to use.
        cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort,test");
    }
    cargo.args(["--release", "--package", "eyas", "--features", "std", "--target", TARGET, "--target-dir"]);
    cargo.arg(target_dir());
    Ok(cargo)
}
