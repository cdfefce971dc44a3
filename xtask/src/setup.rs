//! `cargo xtask setup`: installs what this machine lacks, and nothing it has.

use crate::aarch64;
use crate::cortex_m4::{DeviceError, Kind, TARGET, Toolchain};
use crate::root;
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Targets the checks build for besides this machine.
const TARGETS: [&str; 6] = [
    "thumbv6m-none-eabi",
    TARGET,
    "thumbv8m.main-none-eabi",
    "thumbv8m.main-none-eabihf",
    "riscv32imc-unknown-none-elf",
    aarch64::TARGET,
];
/// Debian's compiler with the source of `core`, for machines that cannot download targets.
const DEBIAN_RUST: [&str; 2] = ["rustc-web", "rust-web-src"];
/// LLVM releases of Rust compilers with Debian's packages of their tools.
const DEBIAN_LLVM: [(u32, &str); 4] = [(19, "llvm-19"), (20, "llvm-20"), (21, "llvm-21"), (22, "llvm-22")];
/// What `--bench` compares with.
const BENCH_PACKAGES: [&str; 5] = ["torch", "numpy", "scipy", "onnxruntime", "ai-edge-litert"];

/// ONNX Runtime's library comes in its Python wheel; the tool looks for it in this environment.
const ONNX_PACKAGE: &str = "onnxruntime>=1.24";

/// Installs what this machine lacks for tests and measurements; does nothing where nothing is missing.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask setup\n  cargo xtask setup --bench\n  cargo xtask setup --fuzz")]
pub struct Setup {
    /// Also make a Python environment in target/bench-venv with the runtimes to compare with (several GB)
    #[arg(long)]
    bench: bool,
    /// Also install the fuzzer and the coverage tools of the compiler's LLVM release
    #[arg(long)]
    fuzz: bool,
}

/// One thing the project's commands need.
struct Need {
    name: &'static str,
    /// What is there, in words; `None` if it is missing.
    found: fn() -> Option<String>,
    remedy: Remedy,
}

/// How to get what is missing.
enum Remedy {
    /// A Debian package.
    Debian(&'static str),
    /// Debian's compiler or the targets of rustup.
    OtherCores,
    /// A component of the Rust toolchain.
    Component(&'static str),
    /// `cargo install --locked`.
    CargoInstall(&'static str),
    /// ONNX Runtime in a Python environment of its own.
    OnnxEnvironment,
    /// The Python environment of `--bench`.
    BenchEnvironment,
}

impl Setup {
    /// Runs the command.
    ///
    /// # Errors
    /// What is still missing at the end; the commands to type are printed.
    pub fn run(&self) -> Result<()> {
        let needs = needs(self.bench, self.fuzz);
        let before: Vec<_> = needs.iter().map(|need| (need.found)()).collect();
        let missing = || needs.iter().zip(&before).filter(|(_, found)| found.is_none()).map(|(need, _)| &need.remedy);
        let mut by_hand = Vec::new();

        let mut packages = BTreeSet::new();
        let mut targets = false;
        for remedy in missing() {
            match remedy {
                Remedy::Debian(package) => drop(packages.insert(*package)),
                Remedy::OtherCores if debian_has(DEBIAN_RUST[0]) => packages.extend(DEBIAN_RUST),
                Remedy::OtherCores => targets = true,
                _ => {}
            }
        }
        if !packages.is_empty() && !install_debian(&packages) {
            by_hand.push(format!("sudo apt-get install {}", words(&packages)));
            targets |= packages.contains(DEBIAN_RUST[0]);
        }
        if targets && !runs(Command::new("rustup").args(["target", "add"]).args(TARGETS)) {
            by_hand.push(format!("rustup target add {}", TARGETS.join(" ")));
        }
        for remedy in missing() {
            match remedy {
                Remedy::Component(name) if !runs(Command::new("rustup").args(["component", "add", name])) => {
                    by_hand.push(format!("rustup component add {name}"));
                }
                Remedy::CargoInstall(name)
                    if !runs(Command::new(env!("CARGO")).args(["install", "--locked", name])) =>
                {
                    by_hand.push(format!("cargo install --locked {name}"));
                }
                Remedy::OnnxEnvironment if !make_environment(&onnx_environment(), &[ONNX_PACKAGE]) => {
                    by_hand.push(environment_by_hand(&onnx_environment(), &[ONNX_PACKAGE]));
                }
                Remedy::BenchEnvironment if !make_environment(&bench_environment(), &BENCH_PACKAGES) => {
                    by_hand.push(environment_by_hand(&bench_environment(), &BENCH_PACKAGES));
                }
                _ => {}
            }
        }
        report(&needs, &before, &by_hand)
    }
}

fn needs(bench: bool, fuzz: bool) -> Vec<Need> {
    let mut needs = vec![
        Need {
            name: "Cortex-M emulator",
            found: || program("qemu-system-arm"),
            remedy: Remedy::Debian("qemu-system-arm"),
        },
        Need {
            name: "RISC-V emulator",
            found: || program("qemu-system-riscv32"),
            remedy: Remedy::Debian("qemu-system-misc"),
        },
        Need {
            name: "bare-metal Arm C",
            found: || program("arm-none-eabi-gcc"),
            remedy: Remedy::Debian("gcc-arm-none-eabi"),
        },
        Need { name: "aarch64 emulator", found: || program(aarch64::EMULATOR), remedy: Remedy::Debian("qemu-user") },
        Need { name: "aarch64 C", found: || program(aarch64::LINKER), remedy: Remedy::Debian("gcc-aarch64-linux-gnu") },
        Need {
            name: "aarch64 C library",
            found: || aarch64::c_library().map(|path| path.display().to_string()),
            remedy: Remedy::Debian("libc6-dev-arm64-cross"),
        },
        Need { name: "Rust for other cores", found: rust_for_other_cores, remedy: Remedy::OtherCores },
        Need {
            name: "disassembler",
            found: || crate::fuzz::disassembler().map(|path| path.display().to_string()),
            remedy: llvm_remedy(),
        },
        Need { name: "rustfmt", found: || cargo_tool("fmt"), remedy: Remedy::Component("rustfmt") },
        Need { name: "clippy", found: || cargo_tool("clippy"), remedy: Remedy::Component("clippy") },
        Need { name: "test runner", found: || cargo_tool("nextest"), remedy: Remedy::CargoInstall("cargo-nextest") },
        Need { name: "Python venv", found: venv_module, remedy: Remedy::Debian("python3-venv") },
        Need { name: "ONNX Runtime", found: onnx_runtime, remedy: Remedy::OnnxEnvironment },
    ];
    if bench {
        needs.push(Need { name: "bench-venv", found: bench_packages, remedy: Remedy::BenchEnvironment });
    }
    if fuzz {
        let cpp = || program("c++");
        needs.push(Need { name: "C++ compiler", found: cpp, remedy: Remedy::Debian("g++") });
        needs.push(Need { name: "fuzzer", found: || cargo_tool("fuzz"), remedy: Remedy::CargoInstall("cargo-fuzz") });
        needs.push(Need { name: "coverage tools", found: coverage_tools, remedy: llvm_remedy() });
    }
    needs
}

fn coverage_tools() -> Option<String> {
    crate::fuzz::llvm_tool("llvm-profdata")?;
    Some(crate::fuzz::llvm_tool("llvm-cov")?.display().to_string())
}

/// Debian's tools where they are of the compiler's release, else those of rustup.
fn llvm_remedy() -> Remedy {
    let known = DEBIAN_LLVM.iter().find(|(release, _)| Some(*release) == crate::fuzz::llvm_release());
    known.map_or(Remedy::Component("llvm-tools"), |(_, package)| Remedy::Debian(package))
}

/// Prints what was there, what was installed and what is still missing.
fn report(needs: &[Need], before: &[Option<String>], by_hand: &[String]) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(["need", "state", "what"]);
    let mut missing = Vec::new();
    for (need, before) in needs.iter().zip(before) {
        let now = before.clone().or_else(need.found);
        let state = match (before, &now) {
            (Some(_), _) => "found",
            (None, Some(_)) => "installed",
            (None, None) => "MISSING",
        };
        if now.is_none() {
            missing.push(need.name);
        }
        table.add_row([need.name, state, &now.unwrap_or_default()]);
    }
    println!("{table}");
    if missing.is_empty() {
        return Ok(());
    }
    if by_hand.is_empty() {
        bail!("installed, but still not found: {}", missing.join(", "));
    }
    bail!("missing: {}; to be typed by hand:\n  {}", missing.join(", "), by_hand.join("\n  "))
}

/// The path of a program on `PATH`.
fn program(name: &str) -> Option<String> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())?;
    Some(found.display().to_string())
}

/// The version of a cargo subcommand.
fn cargo_tool(name: &str) -> Option<String> {
    first_line(Command::new(env!("CARGO")).args([name, "--version"]))
}

/// Which compiler serves all other targets.
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

fn bench_environment() -> PathBuf {
    root().join("target/bench-venv")
}

/// The versions in the Python environment, if all packages are there.
fn bench_packages() -> Option<String> {
    let script =
        format!("import importlib.metadata as m; print(', '.join(p + ' ' + m.version(p) for p in {BENCH_PACKAGES:?}))");
    first_line(Command::new(bench_environment().join("bin/python")).args(["-c", &script]))
}

/// Where the trainer looks for ONNX Runtime.
fn onnx_environment() -> PathBuf {
    root().join("target/onnxruntime-venv")
}

/// The version of ONNX Runtime in its Python environment.
fn onnx_runtime() -> Option<String> {
    let script = "import importlib.metadata as m; print('onnxruntime ' + m.version('onnxruntime'))";
    first_line(Command::new(onnx_environment().join("bin/python")).args(["-c", script]))
}

/// Makes a Python environment with `packages`.
fn make_environment(venv: &Path, packages: &[&str]) -> bool {
    runs(Command::new("python3").args(["-m", "venv"]).arg(venv))
        && runs(Command::new(venv.join("bin/pip")).args(["install", "--disable-pip-version-check"]).args(packages))
}

fn environment_by_hand(venv: &Path, packages: &[&str]) -> String {
    let venv = venv.display();
    format!("python3 -m venv {venv} && {venv}/bin/pip install '{}'", packages.join("' '"))
}

/// Whether this is a Debian-like system whose package lists know `package`.
fn debian_has(package: &str) -> bool {
    let known = first_line(Command::new("apt-cache").args(["madison", package]));
    known.is_some_and(|line| line.contains(package))
}

/// Installs Debian packages as root or through a `sudo` that asks for no password.
fn install_debian(packages: &BTreeSet<&str>) -> bool {
    if !Path::new("/usr/bin/apt-get").is_file() {
        return false;
    }
    let root = first_line(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !root && !runs(Command::new("sudo").args(["-n", "true"])) {
        return false;
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "apt-get" } else { "sudo" });
        if !root {
            command.args(["-n", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        command
    };
    // A stale list is no reason to stop: the packages may be in it all the same.
    runs(&mut apt(&["update", "-qq"]));
    runs(apt(&["install", "-y", "-qq", "--no-install-recommends"]).args(packages))
}

fn words(packages: &BTreeSet<&str>) -> String {
    packages.iter().copied().collect::<Vec<_>>().join(" ")
}

/// Shows and runs a command; `false` if it cannot start or fails.
fn runs(command: &mut Command) -> bool {
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy()).collect();
    eprintln!("+ {} {}", command.get_program().display(), arguments.join(" "));
    command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// The first line a command prints, if it succeeds and prints any.
fn first_line(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    (!line.is_empty()).then_some(line)
}
