//! Finds a compiler that can build for bare metal, and the linker that goes with it.
//!
//! Two kinds of compiler are suitable: one whose sysroot holds the target's `core` (`rustup target add`), and one that
//! brings the library's source, from which cargo builds `core` (Debian's `rustc-web` with `rust-web-src`).

use super::DeviceError;
use crate::trusted;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's compiler, which may exist in addition to the first one on `PATH`.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Linkers for Arm: that of Rust toolchains, or that of Debian's bare-metal packages.
const ARM_LINKERS: [&str; 2] = ["rust-lld", "arm-none-eabi-ld"];
/// Linkers for other bare-metal targets: that of Rust toolchains, or LLVM's.
const LINKERS: [&str; 2] = ["rust-lld", "ld.lld"];

/// A compiler for one bare-metal target.
#[derive(Clone, Debug)]
pub struct Toolchain {
    target: String,
    rustc: PathBuf,
    kind: Kind,
    linker: Option<PathBuf>,
}

/// The source of the compiler's `core` for the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is in the sysroot, ready to link.
    Installed,
    /// cargo builds it from the library's source.
    FromSource,
}

impl Toolchain {
    /// Finds a compiler for `target`: one with the target installed, or else one with the library's source.
    ///
    /// # Errors
    /// [`DeviceError::CompilerMissing`] if there is neither.
    pub fn find(target: &str) -> Result<Self, DeviceError> {
        let candidates = [PathBuf::from("rustc"), PathBuf::from(DEBIAN_RUSTC)].map(|rustc| (sysroot(&rustc), rustc));
        for (kind, place) in [(Kind::Installed, target), (Kind::FromSource, "src/rust/library")] {
            for (sysroot, rustc) in &candidates {
                if let Some(libraries) = sysroot.as_ref().map(|root| root.join("lib/rustlib"))
                    && libraries.join(place).is_dir()
                {
                    let linker = if rust_lld(&libraries).is_some() {
                        None
                    } else {
                        let sysroots = candidates.iter().filter_map(|(sysroot, _)| sysroot.as_ref());
                        let lent = || sysroots.clone().find_map(|root| rust_lld(&root.join("lib/rustlib")));
                        trusted::program(Path::new(linkers(target)[1])).or_else(lent)
                    };
                    return Ok(Self { target: target.into(), rustc: rustc.clone(), kind, linker });
                }
            }
        }
        Err(DeviceError::CompilerMissing { target: target.into() })
    }

    /// The source of the compiler's `core` for the target.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The compiler.
    #[must_use]
    pub fn rustc(&self) -> &Path {
        &self.rustc
    }

    /// Checks that images for bare metal, not only libraries, can be made: a linker is needed.
    ///
    /// # Errors
    /// [`DeviceError::LinkerMissing`] if the compiler has none and no other is installed.
    pub fn check_linker(&self) -> Result<(), DeviceError> {
        let brings_its_own = || sysroot(&self.rustc).is_some_and(|root| rust_lld(&root.join("lib/rustlib")).is_some());
        if !self.target.contains("-none-") || self.linker.is_some() || brings_its_own() {
            return Ok(());
        }
        Err(DeviceError::LinkerMissing { target: self.target.clone(), looked_for: linkers(&self.target) })
    }

    /// A `cargo build` for the target, run in `folder`, without the surrounding build's settings for the host.
    #[must_use]
    pub fn cargo_build(&self, folder: &Path, target_dir: &Path) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
        cargo.current_dir(folder).args(["build", "--target", &self.target, "--target-dir"]).arg(target_dir);
        for host_setting in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_BUILD_RUSTFLAGS"] {
            cargo.env_remove(host_setting);
        }
        cargo.env("RUSTC", &self.rustc);
        if self.kind == Kind::FromSource {
            // The source of `core` belongs to exactly this compiler, so the unstable flag is safe to use.
            cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=core");
        }
        if let Some(linker) = &self.linker {
            let variable = format!("CARGO_TARGET_{}_LINKER", self.target.to_uppercase().replace(['-', '.'], "_"));
            cargo.env(variable, linker);
        }
        cargo
    }
}

/// The folder of the compiler's libraries; `None` if there is no such compiler.
fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc).args(["--print", "sysroot"]).output().ok()?;
    let path = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(path.trim_end()))
}

/// The linker among a toolchain's `libraries`.
fn rust_lld(libraries: &Path) -> Option<PathBuf> {
    let hosts = libraries.read_dir().into_iter().flatten().flatten();
    hosts.map(|entry| entry.path().join("bin/rust-lld")).find(|lld| lld.is_file())
}

/// The linkers that serve `target`; the first comes with a toolchain, the second is found on `PATH`.
fn linkers(target: &str) -> &'static [&'static str; 2] {
    if target.starts_with("thumb") { &ARM_LINKERS } else { &LINKERS }
}
