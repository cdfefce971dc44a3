//! `eyas pack`: puts the weights of a student file into the order of one kernel family.

use super::Failure;
use super::rows::{print, read_student};
use crate::output::write_atomic;
use eyas::model::pack;
use eyas::{Layout, Student};
use serde::Serialize;
use std::path::PathBuf;

/// Put the weights of a student file into the order that a core's kernels read.
///
/// Lossless and reversible: packing for `canonical` restores the original bytes. Every host command reads every order;
/// a firmware that uses `include_student!` packs at compile time and needs no packed file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas pack student.eyas --for cortex-m4\n  eyas pack student.eyas --for host\n  eyas pack student.cortex-m4.eyas --for canonical --out student.eyas"
)]
pub struct Arguments {
    /// The student file, in any weight layout.
    file: PathBuf,
    /// The core whose kernels will read the file.
    #[arg(long = "for", value_enum, value_name = "CORE")]
    core: Core,
    /// Path of the packed file; default: next to the file, with the core in its name.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
}

/// Cores, by the order of weights that their kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Core {
    /// Cortex-M4, M7 and M33.
    #[value(aliases = ["cortex-m7", "cortex-m33"])]
    CortexM4,
    /// Cortex-M0+ and M3.
    #[value(aliases = ["cortex-m0plus", "cortex-m3"])]
    CortexM0,
    /// Cortex-M55 and M85 with Helium.
    #[value(alias = "cortex-m85")]
    CortexM55,
    /// RV32IM, such as the ESP32-C3.
    Riscv32,
    /// This machine.
    Host,
    /// Row by row, as written by the trainer.
    #[value(alias = "portable")]
    Canonical,
}

impl Core {
    const fn layout(self) -> Layout {
        match self {
            Self::CortexM4 => Layout::Pairs,
            Self::CortexM0 => Layout::Quads,
            Self::CortexM55 => Layout::Lanes,
            Self::Riscv32 => Layout::Fours,
            Self::Host => Layout::THIS,
            Self::Canonical => Layout::Canonical,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::CortexM4 => "cortex-m4",
            Self::CortexM0 => "cortex-m0",
            Self::CortexM55 => "cortex-m55",
            Self::Riscv32 => "riscv32",
            Self::Host => "host",
            Self::Canonical => "canonical",
        }
    }
}

/// The JSON of `eyas pack`.
#[derive(Serialize)]
struct Report {
    out: String,
    from: Layout,
    to: Layout,
    bytes_before: usize,
    bytes_after: usize,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let refused = |error: eyas::LoadError| Failure::refused(format!("{}: {error}", arguments.file.display()));
    let file = read_student(&arguments.file)?;
    let from = Student::load(&file).map_err(refused)?.layout();
    let packed = pack(&file, arguments.core.layout()).map_err(refused)?;
    if *pack(&packed, from).map_err(refused)? != *file {
        return Err(Failure::work("packing back does not give the same bytes; nothing was written"));
    }
    let out = arguments.out.clone();
    let out = out.unwrap_or_else(|| arguments.file.with_extension(format!("{}.eyas", arguments.core.name())));
    write_atomic(&out, &packed).map_err(Failure::work)?;
    let report = Report {
        out: out.display().to_string(),
        from,
        to: arguments.core.layout(),
        bytes_before: file.len(),
        bytes_after: packed.len(),
    };
    if arguments.json {
        return print(&serde_json::to_string(&report).map_err(Failure::work)?);
    }
    let Report { out, from, to, bytes_before, bytes_after } = report;
    print(&format!("{out}: {from:?} to {to:?}, {bytes_before} to {bytes_after} bytes"))
}
