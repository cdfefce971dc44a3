//! `eyas compare`: two runs, paired over their splits and seeds.

use super::Failure;
use super::rows::print;
use crate::report::{Metrics, compare};
use std::path::PathBuf;

/// Compare two run folders, paired over the splits and seeds they share, with standard errors.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  eyas compare runs/cora runs/cora-edges\n  eyas compare runs/a runs/b --json")]
pub struct Arguments {
    /// Run folder A (with metrics.json).
    a: PathBuf,
    /// Run folder B; differences are A minus B.
    b: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let a = Metrics::read(&arguments.a).map_err(Failure::refused)?;
    let b = Metrics::read(&arguments.b).map_err(Failure::refused)?;
    let comparison = compare(&a, &b).map_err(Failure::refused)?;
    if arguments.json {
        return print(&serde_json::to_string(&comparison).map_err(Failure::work)?);
    }
    print(&comparison.table())
}
