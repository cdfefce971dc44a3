//! The project's own commands.

mod aarch64;
mod bench;
mod changelog;
// The device check of the trainer, by its source: a dependency on the trainer would make `cargo xtask setup`
// compile a neural-network framework first.
#[path = "../../trainer/src/verify/device/mod.rs"]
#[allow(dead_code, reason = "the trainer uses all of it")]
mod device;
mod output {
    //! The output of that module.

    /// Writes a message to standard error.
    pub(crate) fn tell(text: impl std::fmt::Display) {
        eprintln!("{text}");
    }
}
mod fuzz;
mod golden;
mod llvm;
mod package;
mod parity;
mod setup;
mod size;
mod snippets;
mod steps;
mod supply;
mod test;
mod tools;
// Used by the device check.
#[path = "../../trainer/src/trusted.rs"]
mod trusted;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The project's own commands, each the same for people and for CI.
#[derive(Parser)]
#[command(
    bin_name = "cargo xtask",
    after_help = "Examples:\n  cargo xtask setup           say what this machine lacks, then install it\n  \
                  cargo xtask test            everything CI checks\n  \
                  cargo xtask test --quick    the checks that take seconds\n  \
                  cargo xtask bench           instructions on an emulated Cortex-M4\n  \
                  cargo xtask size --json     flash, RAM and stack of the runtime\n  \
                  cargo xtask golden          are the committed student files unchanged?\n  \
                  cargo xtask parity --against HEAD~1   does another revision make the same students?\n  \
                  cargo xtask package         the runtime as a registry would get it\n  \
                  cargo xtask fuzz            any bytes, resealed bytes and drawn students, 200,000 runs each"
)]
enum Command {
    Setup(setup::Setup),
    Test(test::Test),
    Bench(bench::Bench),
    Size(size::Size),
    Golden(golden::Golden),
    Parity(parity::Parity),
    Fuzz(fuzz::Fuzz),
    Package(package::Package),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Setup(command) => command.run(),
        Command::Test(command) => command.run(),
        Command::Bench(command) => command.run(),
        Command::Size(command) => command.run(),
        Command::Golden(command) => command.run(),
        Command::Parity(command) => command.run(),
        Command::Fuzz(command) => command.run(),
        Command::Package(command) => command.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}
