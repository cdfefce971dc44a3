//! The project's own commands.

mod bench;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The project's own commands, each the same for people and for CI.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Bench(command) => command.run(),
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
