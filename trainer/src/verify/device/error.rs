//! Errors of the device check.

use std::io;
use std::path::PathBuf;

/// Why the device check did not run or failed.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The firmware folder is no longer where it was when this program was built.
    #[error("no firmware at {}: start the program that `cargo eyas` builds, or set EYAS_FIRMWARE to the repository's `firmware` folder", path.display())]
    FirmwareFolderMissing {
        /// Where it was searched for.
        path: PathBuf,
    },
    /// The emulator cannot be started.
    #[error("cannot start the emulator {}: {reason}; `cargo xtask setup` installs it, EYAS_QEMU names another", path.display())]
    EmulatorMissing {
        /// The program to start.
        path: PathBuf,
        /// The system's error.
        reason: String,
    },
    /// No compiler here can build for the target.
    #[error("no Rust compiler here builds for {target}; `cargo xtask setup` installs one")]
    CompilerMissing {
        /// The target.
        target: String,
    },
    /// The compiler has no linker for bare metal, and no other is installed.
    #[error("no linker for {target}: no {}; `cargo xtask setup` installs one", looked_for.join(", no "))]
    LinkerMissing {
        /// The target.
        target: String,
        /// The suitable programs.
        looked_for: &'static [&'static str],
    },
    /// The student file cannot be read, or its path cannot be made absolute.
    #[error("cannot read {}: {source}", path.display())]
    Student {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The firmware does not build.
    #[error("the firmware does not build:\n{tail}")]
    Build {
        /// The end of the compiler's output.
        tail: String,
    },
    /// The firmware ended with an error.
    #[error("the firmware failed ({status}): {message}")]
    Firmware {
        /// The emulator's exit status.
        status: String,
        /// The firmware's output.
        message: String,
    },
    /// The emulator did not end in time and was stopped.
    #[error("the emulator did not end within {seconds} s and was stopped")]
    Timeout {
        /// The limit.
        seconds: u64,
    },
    /// The summary line is missing or wrong.
    #[error("the firmware's summary is not as expected: {what}: expected {expected}, found {found}")]
    Summary {
        /// The part that is wrong.
        what: &'static str,
        /// The expected value.
        expected: String,
        /// The value found.
        found: String,
    },
    /// A row's length differs from the first row's.
    #[error("a row has {found} inputs, the first has {expected}")]
    RowLength {
        /// Length of the first row.
        expected: usize,
        /// Length of the row.
        found: usize,
    },
    /// A file of the run cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}
