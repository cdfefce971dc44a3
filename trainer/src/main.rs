//! The `eyas` command; all of it is in the library.

#![deny(clippy::print_stderr, clippy::print_stdout)]

fn main() -> std::process::ExitCode {
    eyas_trainer::cli::main()
}
