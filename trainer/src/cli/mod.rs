//! The command line: one file a subcommand.

mod compare;
mod distill;
mod doctor;
mod export;
mod failure;
mod import;
mod inspect;
mod label;
mod methods;
mod pack;
mod progress;
mod rows;
mod run;
mod verify;

pub use failure::Failure;

use crate::output::{tell, terminal};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Distils big teachers into tiny int8 students and checks what chips will compute.
///
/// Exit status: 0 success; 1 the work failed (a difference found, a training diverged, a disk full);
/// 2 bad usage (flags or recipe); 3 a file was refused (student file, data set, checkpoint); 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "eyas", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Distill(distill::Arguments),
    Inspect(inspect::Arguments),
    Verify(verify::Arguments),
    Run(run::Arguments),
    Compare(compare::Arguments),
    Label(label::Arguments),
    Methods(methods::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
    Pack(pack::Arguments),
    Doctor(doctor::Arguments),
}

/// Where data sets are looked for, shared by the subcommands that read them.
#[derive(Clone, Debug, clap::Args)]
pub struct DataOptions {
    /// Folder with data sets, such as `DIR/cora/cora.npz` or `DIR/graphs/cora/cora.npz`.
    ///
    /// Looked in before the folder of the environment variable EYAS_DATA, the recipe's own folder and the data
    /// that ships with the repository.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Where ONNX Runtime is, shared by the subcommands that ask ONNX teachers.
#[derive(Clone, Debug, clap::Args)]
pub struct OrtOptions {
    /// ONNX Runtime's library, such as `libonnxruntime.so`.
    ///
    /// Without it that of the environment variable ORT_DYLIB_PATH is taken, else the one beside this program, of `cargo
    /// xtask setup` in the repository that built it, of the Python in use, or of the system; `eyas doctor` says which.
    /// The working folder is never searched.
    #[arg(long, value_name = "FILE")]
    pub ort_dylib: Option<PathBuf>,
}

/// The whole program: parse, run, tell what went wrong.
#[must_use]
pub fn main() -> ExitCode {
    terminal::tell_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // A wrong argument is quoted, and it may be the name of a stranger's file.
            tell(error.to_string().trim_end());
            return ExitCode::from(2);
        }
        Err(help) => {
            // Our own words, in the style that fits the terminal; whoever closes it has read enough.
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
    };
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(format_args!("error: {failure}"));
            ExitCode::from(failure.status)
        }
    }
}

/// Runs the parsed command.
///
/// # Errors
/// [`Failure`] with the exit status that fits.
pub fn execute(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Distill(arguments) => distill::execute(&arguments),
        Command::Inspect(arguments) => inspect::execute(&arguments),
        Command::Verify(arguments) => verify::execute(&arguments),
        Command::Run(arguments) => run::execute(&arguments),
        Command::Compare(arguments) => compare::execute(&arguments),
        Command::Label(arguments) => label::execute(&arguments),
        Command::Methods(arguments) => methods::execute(&arguments),
        Command::Import(arguments) => import::execute(&arguments),
        Command::Export(arguments) => export::execute(&arguments),
        Command::Pack(arguments) => pack::execute(&arguments),
        Command::Doctor(arguments) => doctor::execute(&arguments),
    }
}
