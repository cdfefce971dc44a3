//! The command line: one file for each subcommand.

mod compare;
mod distill;
mod doctor;
mod evaluate;
mod export;
mod failure;
mod import;
mod inspect;
mod label;
mod methods;
mod new;
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

/// Distils big teachers into tiny int8 students and checks that chips compute the same integers.
///
/// Exit status: 0 success; 1 the work failed (a difference was found, training diverged, the disk is full);
/// 2 bad usage (flags or recipe); 3 a file was refused (student file, data set, checkpoint); 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "eyas", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(new::Arguments),
    Distill(distill::Arguments),
    Inspect(inspect::Arguments),
    Verify(verify::Arguments),
    Run(run::Arguments),
    Evaluate(evaluate::Arguments),
    Compare(compare::Arguments),
    Label(label::Arguments),
    Methods(methods::Arguments),
    Import(import::Arguments),
    Export(export::Arguments),
    Pack(pack::Arguments),
    Doctor(doctor::Arguments),
}

/// Options for finding data sets, shared by the subcommands that read them.
#[derive(Clone, Debug, clap::Args)]
pub struct DataOptions {
    /// Folder with data sets, such as `DIR/cora/cora.npz` or `DIR/graphs/cora/cora.npz`.
    ///
    /// Searched before the folder in the environment variable EYAS_DATA, the recipe's own folder and the data that
    /// ships with the repository.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// Options for finding ONNX Runtime, shared by the subcommands that use ONNX teachers.
#[derive(Clone, Debug, clap::Args)]
pub struct OrtOptions {
    /// ONNX Runtime's library, such as `libonnxruntime.so`.
    ///
    /// If it is not given, Eyas takes the library from the environment variable ORT_DYLIB_PATH, the folder of this
    /// program, `cargo xtask setup` in the repository that built it, the Python in use, or the system, in this order;
    /// `eyas doctor` says which. The working folder is never searched.
    #[arg(long, value_name = "FILE")]
    pub ort_dylib: Option<PathBuf>,
}

/// The whole program: parses, runs, and reports errors.
#[must_use]
pub fn main() -> ExitCode {
    terminal::tell_panics();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // Messages quote wrong arguments, which may be the names of a stranger's files.
            tell(error.to_string().trim_end());
            return ExitCode::from(2);
        }
        Err(help) => {
            // Our own text, styled for the terminal; a closed terminal is not an error.
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
/// [`Failure`] with the appropriate exit status.
pub fn execute(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::New(arguments) => new::execute(&arguments),
        Command::Distill(arguments) => distill::execute(&arguments),
        Command::Inspect(arguments) => inspect::execute(&arguments),
        Command::Verify(arguments) => verify::execute(&arguments),
        Command::Run(arguments) => run::execute(&arguments),
        Command::Evaluate(arguments) => evaluate::execute(&arguments),
        Command::Compare(arguments) => compare::execute(&arguments),
        Command::Label(arguments) => label::execute(&arguments),
        Command::Methods(arguments) => methods::execute(&arguments),
        Command::Import(arguments) => import::execute(&arguments),
        Command::Export(arguments) => export::execute(&arguments),
        Command::Pack(arguments) => pack::execute(&arguments),
        Command::Doctor(arguments) => doctor::execute(&arguments),
    }
}
