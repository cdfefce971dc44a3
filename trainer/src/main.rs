//! The `eyas` command; the library holds all of its code.

#![deny(clippy::print_stderr, clippy::print_stdout)]

fn main() -> std::process::ExitCode {
    eyas_trainer::cli::main()
}
