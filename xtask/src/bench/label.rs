//! `cargo xtask bench --label`: rows per second, memory and survival of kills of `eyas label`.

use anyhow::{Context, Result, ensure};
use std::process::Command;

/// Random moments at which the command is killed.
const KILLS: &str = "20";

/// Builds the command and its bench, and runs them in a temporary folder of about 350 MB.
///
/// # Errors
/// Something that does not build or run, or a digest that differs after a kill.
pub fn run() -> Result<()> {
    let root = crate::root();
    let build = ["build", "--release", "-p", "eyas-trainer", "--bin", "eyas", "--example", "label_bench"];
    let built = Command::new("cargo").current_dir(&root).args(build).status().context("cannot start cargo")?;
    ensure!(built.success(), "the trainer does not build");
    let folder = tempfile::tempdir()?;
    let release = root.join("target/release");
    let bench = Command::new(release.join("examples/label_bench"))
        .arg(folder.path())
        .arg(release.join("eyas"))
        .arg(KILLS)
        .status()
        .context("cannot start the bench")?;
    ensure!(bench.success(), "eyas label failed, or answered otherwise after a kill");
    Ok(())
}
