//! `cargo xtask test`: everything that must hold before a change is accepted, for people and for CI.

use crate::aarch64;
use crate::device::{self, BOARDS, CORTEX_M0, CORTEX_M4, RISCV32, Toolchain};
use crate::package;
use crate::root;
use crate::setup::Environment;
use crate::snippets::{self, Place};
use crate::steps::{Outcome, impossible, run};
use crate::{supply, tools};
use anyhow::{Result, bail};
use eyas_tests::format;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// Targets and flags for which the runtime must build without `std`, in addition to those of the images: the assembler
/// refuses an instruction that the core lacks. RISC-V is without atomics.
const BARE_METAL: [(&str, &str, &str); 5] = [
    ("runtime on Cortex-M0+", CORTEX_M0.target, ""),
    ("runtime on Cortex-M4F", CORTEX_M4.target, ""),
    ("runtime on Cortex-M33", "thumbv8m.main-none-eabihf", "-Ctarget-cpu=cortex-m33"),
    ("runtime on Cortex-M33 without DSP", "thumbv8m.main-none-eabi", "-Ctarget-cpu=cortex-m33 -Ctarget-feature=-dsp"),
    ("runtime on RV32IMC", RISCV32.target, ""),
];

/// The check that needs its own toolchain.
const OLDEST_RUST: &str = "runtime on its oldest Rust";
const OLDEST_RUST_LEFT_OUT: &str =
    "runtime on its oldest Rust (rustup toolchain install RELEASE, the rust-version of runtime/Cargo.toml)";

/// Time limit for all checks together on two processors, in minutes; if they took longer, nobody would run them before
/// a submission.
const BUDGET_MINUTES: f64 = 60.0;

/// The images that need no board, in the order of [`BOARDS`].
const FIRMWARE: [&str; 5] = [
    "firmware on Cortex-M4",
    "firmware on Cortex-M0",
    "firmware on Cortex-M3",
    "firmware on Cortex-M55",
    "firmware on RV32IMC",
];

/// Lines shown of each failure.
const SHOWN_REASONS: usize = 10;

/// Checks everything: formatting, lints, dependencies, documentation, all tests, builds for bare metal, tests on
/// emulated aarch64, panics, integers and budgets on the emulated microcontrollers.
///
/// Continues after failures, then lists them, each with the command that repeats it.
#[derive(clap::Args)]
pub struct Test {
    /// Only the checks that take seconds: formatting, lints, the runtime's own tests
    #[arg(long)]
    quick: bool,
}

impl Test {
    /// Runs the command.
    ///
    /// # Errors
    /// The number of failed checks.
    pub fn run(&self) -> Result<()> {
        let _ = std::fs::remove_file(skipped_list());
        let mut outcomes = vec![
            run("form", cargo(&["fmt", "--all", "--check"])),
            run("form of the firmware", cargo(&["fmt", "--manifest-path", "firmware/Cargo.toml", "--check"])),
            run("form of the fuzz targets", cargo(&["fmt", "--manifest-path", "runtime/fuzz/Cargo.toml", "--check"])),
            run("lints of the runtime, no features", clippy(&["--package", "eyas", "--no-default-features"])),
            run("lints of the runtime, all features", clippy(&["--package", "eyas", "--all-features"])),
            run("runtime with overflow checks", cargo(&["test", "--package", "eyas", "--features", "std,serde"])),
        ];
        let slow = [
            "dependencies",
            "lints of the workspace",
            "documentation",
            "all tests",
            "ONNX teachers on tract",
            "package",
            "runtime on bare metal",
            "snippets of the documents",
            "firmware",
            "runtime on aarch64",
            "panics on the emulated cores",
            "integers on the emulated cores",
            "budgets on the emulated cores",
        ];
        if self.quick {
            summarize(&outcomes, &slow)
        } else {
            outcomes.extend(supply::check());
            outcomes.push(run("lints of the workspace", clippy(&["--workspace"])));
            outcomes.extend(documentation());
            outcomes.push(run("package", cargo(&["xtask", "package"])));
            outcomes.extend(oldest_rust());
            outcomes.extend(all_tests());
            outcomes.push(run("ONNX teachers on tract", tract()));
            outcomes.extend(bare_metal());
            outcomes.extend(snippets());
            outcomes.extend(on_aarch64());
            outcomes.extend(emulated_cores());
            let mut left_out = Vec::new();
            if !outcomes.iter().any(|outcome| outcome.name == OLDEST_RUST) {
                left_out.push(OLDEST_RUST_LEFT_OUT);
            }
            // The kept corpus is replayed by the runtime's tests in any case.
            left_out.push("fuzzing (cargo xtask setup --fuzz && cargo xtask fuzz)");
            summarize(&outcomes, &left_out)
        }
    }
}

/// cargo in the root of the repository.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root()).args(arguments);
    command
}

fn clippy(selection: &[&str]) -> Command {
    // In the release profile, so that code the tests need anyway is compiled only once.
    let mut command = cargo(&["clippy", "--release", "--all-targets"]);
    command.args(selection).args(["--", "-D", "warnings"]);
    command
}

/// The documentation of every crate; the runtime's on a host, without features, and as docs.rs builds it, with a nightly
/// compiler.
fn documentation() -> [Outcome; 4] {
    let doc = |features, flags| {
        let mut command = cargo(&["doc", "--package", "eyas", "--no-deps", features]);
        command.env("RUSTDOCFLAGS", flags);
        command
    };
    let mut docs_rs = doc("--all-features", "-D warnings --cfg docsrs");
    docs_rs.args(["--target-dir", "target/docs-rs"]).env("RUSTC_BOOTSTRAP", "1");
    // In the release profile, whose dependencies the lints have compiled already.
    let mut others = cargo(&["doc", "--workspace", "--exclude", "eyas", "--no-deps", "--release"]);
    others.env("RUSTDOCFLAGS", "-D warnings");
    [
        run("documentation of the other crates", others),
        run("documentation", doc("--all-features", "-D warnings")),
        run("documentation, no features", doc("--no-default-features", "-D warnings")),
        run("documentation as on docs.rs", docs_rs),
    ]
}

/// The runtime on the oldest Rust that it promises, if rustup has it. In any case, the lint `incompatible_msrv` checks
/// library functions, and `cargo xtask package` checks the dependencies.
fn oldest_rust() -> Option<Outcome> {
    let release = package::oldest_rust().ok()?;
    let rustc = || Command::new("rustup").args(["run", &release, "rustc", "--version"]).output();
    rustc().is_ok_and(|output| output.status.success()).then(|| {
        let mut check = Command::new("rustup");
        check.current_dir(root()).args(["run", &release, "cargo", "check", "--package", "eyas"]);
        check.args(["--no-default-features", "--target-dir", "target/oldest-rust"]);
        run(OLDEST_RUST, check)
    })
}

/// The tests of the workspace: optimised, since some train real networks.
fn all_tests() -> Vec<Outcome> {
    let name = "all tests";
    let tests = match tools::command("cargo-nextest") {
        Err(error) => impossible(name, &error.to_string()),
        Ok(mut nextest) => {
            nextest.args(["run", "--workspace", "--release", "--no-fail-fast"]).env("EYAS_SKIPPED", skipped_list());
            if std::env::var_os("EYAS_PYTHON").is_none() {
                nextest.env("EYAS_PYTHON", Environment::ONNX.bin("python"));
            }
            run(name, nextest)
        }
    };
    vec![tests, run("examples in the documentation", cargo(&["test", "--workspace", "--release", "--doc"]))]
}

/// The file in which tests record that they did not run, and why.
fn skipped_list() -> PathBuf {
    root().join("target/skipped")
}

/// The ONNX teachers on the pure-Rust backend, in its own package.
fn tract() -> Command {
    let target_dir = root().join("target/tract");
    let mut command = cargo(&["test", "--manifest-path", "trainer/tests/tract/Cargo.toml", "--target-dir"]);
    command.arg(target_dir);
    command
}

fn bare_metal() -> Vec<Outcome> {
    let target_dir = root().join("firmware/target");
    let mut outcomes = Vec::new();
    for (name, target, flags) in BARE_METAL {
        outcomes.push(match Toolchain::find(target) {
            Err(error) => impossible(name, &error.to_string()),
            Ok(toolchain) => {
                let mut build = toolchain.cargo_build(&root(), &target_dir);
                build.args(["--release", "--package", "eyas"]);
                if !flags.is_empty() {
                    build.env("RUSTFLAGS", flags);
                }
                run(name, build)
            }
        });
    }
    for (name, board) in FIRMWARE.into_iter().zip(BOARDS) {
        let build = device::locations(board).and_then(|locations| {
            let toolchain = Toolchain::find(board.target)?;
            toolchain.check_linker()?;
            Ok(toolchain.cargo_build(&locations.firmware.join(board.folder()), &target_dir))
        });
        outcomes.push(match build {
            Err(error) => impossible(name, &error.to_string()),
            Ok(mut build) => {
                build.arg("--release").env("EYAS_STUDENT", format::folder().join("dense.eyas"));
                run(name, build)
            }
        });
    }
    outcomes
}

/// Every Rust snippet of the documents, for a microcontroller, or for the host if its fence says so.
fn snippets() -> [Outcome; 2] {
    let on = |(name, place): (&'static str, Place)| {
        let build = || -> Result<Command> {
            let folder = snippets::write(&root(), place)?;
            Ok(match place {
                Place::BareMetal => {
                    Toolchain::find(CORTEX_M4.target)?.cargo_build(&folder, &root().join("firmware/target"))
                }
                Place::Host => {
                    let mut build = cargo(&["build"]);
                    build.current_dir(&folder).arg("--target-dir").arg(root().join("target"));
                    build
                }
            })
        };
        build().map_or_else(|error| impossible(name, &format!("{error:#}")), |build| run(name, build))
    };
    [("snippets of the documents", Place::BareMetal), ("snippets for hosts", Place::Host)].map(on)
}

/// The runtime's own tests and the battery of its kernels on emulated aarch64, with the dot product and without.
fn on_aarch64() -> Vec<Outcome> {
    let names = ["runtime on aarch64 with the dot product", "runtime on aarch64 with NEON alone"];
    let on = |(name, processor): (&'static str, &aarch64::Processor)| match aarch64::cargo("test") {
        Err(error) => impossible(name, &error.to_string()),
        Ok(mut test) => {
            test.args(["--lib", "--tests"]);
            test.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", processor.emulator().join(" "));
            // A test fails if the kernels find something else.
            test.env("EYAS_INSTRUCTION_SET", processor.instruction_set);
            run(name, test)
        }
    };
    names.into_iter().zip(&aarch64::PROCESSORS).map(on).collect()
}

/// No panic can be reached in load, self-test and inference; every integer equals the portable kernels'; nothing
/// exceeds its budget.
fn emulated_cores() -> [Outcome; 3] {
    [
        run("panics on the emulated cores", cargo(&["xtask", "bench", "--gate"])),
        run("integers on the emulated cores", cargo(&["xtask", "bench", "--battery"])),
        run("budgets on the emulated cores", cargo(&["xtask", "bench"])),
    ]
}

/// Prints one line for each check, then the failures with their commands, then the test runners' summaries.
fn summarize(outcomes: &[Outcome], left_out: &[&str]) -> Result<()> {
    println!("\n=== summary");
    for outcome in outcomes {
        let verdict = if outcome.passed { "ok    " } else { "FAILED" };
        println!("  {verdict} {:>6.1} s  {}", outcome.seconds, outcome.name);
    }
    for name in left_out {
        println!("  left out  {name}");
    }
    let skipped = std::fs::read_to_string(skipped_list()).unwrap_or_default();
    let mut by_reason = BTreeMap::<_, Vec<_>>::new();
    for (test, reason) in skipped.lines().filter_map(|line| line.split_once(": ")) {
        by_reason.entry(reason).or_default().push(test);
    }
    for (reason, tests) in by_reason {
        println!("  did not run  {}: {reason}", tests.join(", "));
    }
    let minutes = outcomes.iter().map(|outcome| outcome.seconds).sum::<f64>() / 60.0;
    let verdict = if minutes > BUDGET_MINUTES { "TOO SLOW" } else { "ok" };
    println!("  {verdict}: {minutes:.1} of {BUDGET_MINUTES} minutes");
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed).collect();
    for outcome in &failed {
        println!("\nfailed: {}; repeat it with\n  {}", outcome.name, outcome.repeat);
        let reasons = outcome.said.iter().filter(|line| is_reason(line)).take(SHOWN_REASONS);
        reasons.for_each(|line| println!("    {}", line.trim_end()));
    }
    println!();
    for outcome in outcomes {
        for line in outcome.said.iter().filter(|line| is_closing(line)) {
            println!("{}: {}", outcome.name, line.trim());
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} checks failed", failed.len(), outcomes.len());
    }
    Ok(())
}

/// Whether a line names a failure: a compiler's error, a test of nextest or of `cargo test`, a badly formed file.
fn is_reason(line: &str) -> bool {
    let line = line.trim_start();
    let failed_test = line.starts_with("FAIL [") || (line.starts_with("test ") && line.ends_with("FAILED"));
    failed_test || line.starts_with("error") || line.starts_with("Diff in ")
}

/// Whether a line is a test runner's count of what passed; `cargo test` prints one for each program.
fn is_closing(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("Summary [") || (line.starts_with("test result:") && !line.contains(" 0 passed; 0 failed"))
}
