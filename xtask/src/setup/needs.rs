//! The things that the project's commands need on a machine, and how each is detected and installed.

use super::{Environment, first_line};
use crate::aarch64;
use crate::device::{CORTEX_M0, CORTEX_M3, CORTEX_M4, CORTEX_M55, DeviceError, Kind, RISCV32, Toolchain};
use crate::{llvm, tools};
use std::env;
use std::process::Command;

/// Targets the checks build for besides this machine.
pub const TARGETS: [&str; 7] = [
    CORTEX_M0.target,
    CORTEX_M3.target,
    CORTEX_M4.target,
    CORTEX_M55.target,
    // For a core without a floating-point unit.
    "thumbv8m.main-none-eabi",
    RISCV32.target,
    aarch64::TARGET,
];

/// One thing the project's commands need.
pub struct Need {
    pub name: &'static str,
    /// A description of what was found; `None` if it is missing or has the wrong version.
    pub found: fn() -> Option<String>,
    pub remedy: Remedy,
}

/// How to get what is missing.
pub enum Remedy {
    /// A Debian package.
    Debian(String),
    /// The tools of this LLVM release: from Debian if it has them, otherwise from rustup.
    Llvm(u32),
    /// Debian's compiler, or the targets and the library's source of rustup.
    OtherCores,
    /// A component of the Rust toolchain.
    Component(&'static str),
    /// Packages of a Python environment under `target`.
    Environment(&'static Environment),
}

impl Remedy {
    /// Whether Debian's package lists decide how the need is met.
    pub const fn may_be_debian(&self) -> bool {
        matches!(self, Self::Debian(_) | Self::Llvm(_) | Self::OtherCores)
    }
}

/// The needs of every test, and additionally those of comparisons with other runtimes and of fuzzing.
pub fn needs(bench: bool, fuzz: bool) -> Vec<Need> {
    let debian = |name, package: &str, found| Need { name, found, remedy: Remedy::Debian(package.into()) };
    let environment = |name, environment, found| Need { name, found, remedy: Remedy::Environment(environment) };
    let llvm = |name, found| Need { name, found, remedy: Remedy::Llvm(llvm::release().unwrap_or_default()) };
    let component = |name, found| Need { name, found, remedy: Remedy::Component(name) };
    let mut needs = vec![
        debian("Cortex-M emulator", "qemu-system-arm", || version("qemu-system-arm")),
        debian("RISC-V emulator", "qemu-system-misc", || version("qemu-system-riscv32")),
        debian("bare-metal Arm linker", "binutils-arm-none-eabi", || version("arm-none-eabi-ld")),
        debian("aarch64 emulator", "qemu-user", || version(aarch64::EMULATOR)),
        debian("aarch64 C", "gcc-aarch64-linux-gnu", || version(aarch64::LINKER)),
        debian("aarch64 C library", "libc6-dev-arm64-cross", || {
            aarch64::c_library().map(|path| path.display().to_string())
        }),
        Need { name: "Rust for other cores", found: rust_for_other_cores, remedy: Remedy::OtherCores },
        llvm("disassembler", || {
            let path = llvm::disassembler().ok()?;
            Some(format!("{}, LLVM {}", path.display(), llvm::version(&path)?))
        }),
        component("rustfmt", || first_line(Command::new(env!("CARGO")).args(["fmt", "--version"]))),
        component("clippy", || first_line(Command::new(env!("CARGO")).args(["clippy", "--version"]))),
        debian("Python venv", "python3-venv", venv_module),
        environment("ONNX Runtime", &Environment::ONNX, || Environment::ONNX.found()),
        environment("test runner", &Environment::TOOLS, || tools::said("cargo-nextest")),
        environment("licences and bans", &Environment::TOOLS, || tools::said("cargo-deny")),
        environment("unused crates", &Environment::TOOLS, || tools::said("cargo-shear")),
    ];
    if bench {
        needs.push(environment("bench-venv", &Environment::BENCH, || Environment::BENCH.found()));
    }
    if fuzz {
        needs.push(debian("C++ compiler", "g++", || version("c++")));
        needs.push(environment("fuzzer", &Environment::FUZZ, || tools::said("cargo-fuzz")));
        needs.push(llvm("coverage tools", || {
            llvm::tool("llvm-profdata")?;
            Some(llvm::tool("llvm-cov")?.display().to_string())
        }));
    }
    needs
}

/// The version that a program reports.
fn version(program: &str) -> Option<String> {
    first_line(Command::new(program).arg("--version"))
}

/// The compiler that supports all other targets.
fn rust_for_other_cores() -> Option<String> {
    let toolchains = TARGETS.map(Toolchain::find).into_iter().collect::<Result<Vec<_>, DeviceError>>().ok()?;
    toolchains.iter().try_for_each(Toolchain::check_linker).ok()?;
    let last = toolchains.last()?;
    let how = if last.kind() == Kind::Installed { "targets installed" } else { "builds the library from its source" };
    Some(format!("{}, {how}", last.rustc().display()))
}

fn venv_module() -> Option<String> {
    first_line(Command::new("python3").args(["-c", "import ensurepip, sys, venv; print(sys.version.split()[0])"]))
}
