//! `cargo xtask fuzz`: the fuzz targets of the runtime, and the share of the loader that their kept corpus reaches.

use crate::root;
use crate::{llvm, tools};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The targets in `runtime/fuzz`, each with its longest input.
const TARGETS: [(&str, u32); 3] = [("raw", 2048), ("resealed", 2048), ("structured", 512)];
/// Files that count as the loader.
const LOADER: [&str; 8] =
    ["fields.rs", "golden.rs", "layer.rs", "layout.rs", "load.rs", "metadata.rs", "prefix.rs", "reader.rs"];
/// Regions of the loader that the corpus must reach, in per cent.
const REQUIRED: f64 = 95.0;

/// Fuzzes the runtime: any bytes, bytes with a correct seal, random students.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask fuzz\n  cargo xtask fuzz --target structured --runs 10000000\n  \
                  cargo xtask fuzz --sanitizer address --runs 50000\n  \
                  cargo xtask fuzz --minimise     keep what the runs found\n  cargo xtask fuzz --coverage")]
pub struct Fuzz {
    /// Runs of each target
    #[arg(long, default_value_t = 200_000)]
    runs: u64,
    /// Only this target: raw, resealed or structured
    #[arg(long, value_name = "NAME", value_parser = ["raw", "resealed", "structured"])]
    target: Option<String>,
    /// Watch every memory access, six times slower (address), or not (none); the host kernels contain `unsafe`
    #[arg(long, value_name = "NAME", value_parser = ["address", "none"], default_value = "none")]
    sanitizer: String,
    /// Add the findings of earlier runs to the kept corpus, as the smallest inputs that reach as much
    #[arg(long)]
    minimise: bool,
    /// Replay the kept corpus instead and print the share of the loader's regions it reaches
    #[arg(long, conflicts_with_all = ["target", "minimise"])]
    coverage: bool,
}

impl Fuzz {
    /// Runs the command.
    ///
    /// # Errors
    /// Something that does not build, an input that breaks a promise, or a coverage below the required one.
    pub fn run(&self) -> Result<()> {
        if self.coverage {
            return coverage();
        }
        for (target, longest) in TARGETS {
            if self.target.as_deref().is_none_or(|only| only == target) {
                self.fuzz(target, longest)?;
            }
        }
        Ok(())
    }

    fn fuzz(&self, target: &str, longest: u32) -> Result<()> {
        let kept = root().join("runtime/fuzz/corpus").join(target);
        let found = root().join("target/fuzz-corpus").join(target);
        std::fs::create_dir_all(&found)?;
        let mut cargo = tools::command("cargo-fuzz")?;
        // Separate folders, since the flags of the two differ for every crate.
        let target_dir = if self.sanitizer == "none" { "target/fuzz" } else { "target/fuzz-address" };
        cargo.args(["run", "--fuzz-dir", "runtime/fuzz", "--target-dir", target_dir]);
        cargo.args(["--sanitizer", &self.sanitizer]);
        // Random students have no constants to guess, and without tracing comparisons they run twice as fast.
        cargo.args((target == "structured").then_some("--no-trace-compares"));
        cargo.arg(target).env("RUSTC_BOOTSTRAP", "1");
        if self.minimise {
            cargo.args([&kept, &found]).args(["--", "-merge=1"]);
        } else {
            cargo.args([&found, &kept]);
            if target != "structured" {
                cargo.args(["tests/format/v1", "tests/format/hostile"]);
            }
            cargo.args(["--", &format!("-runs={}", self.runs), "-print_final_stats=1"]);
        }
        cargo.arg(format!("-max_len={longest}"));
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "{target}: an input breaks a promise, or the fuzzer does not build");
        Ok(())
    }
}

/// Replays the corpus with every region counted.
fn coverage() -> Result<()> {
    let folder = root().join("target/coverage");
    let profiles = folder.join("profiles");
    let _ = std::fs::remove_dir_all(&profiles);
    let test = |extra: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["test", "--package", "eyas", "--features", "std", "--test", "fuzz_corpus", "--target-dir"]);
        cargo.arg(&folder).args(extra).current_dir(root()).env("RUSTFLAGS", "-Cinstrument-coverage");
        cargo.env("LLVM_PROFILE_FILE", profiles.join("%p.profraw"));
        cargo
    };
    let build = test(&["--no-run", "--message-format=json"]).output()?;
    ensure!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let program = String::from_utf8_lossy(&build.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "fuzz_corpus")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo names no test program")?;
    ensure!(test(&[]).status()?.success(), "the corpus does not pass");
    let merged = folder.join("corpus.profdata");
    let raw = std::fs::read_dir(&profiles)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let status = tool("llvm-profdata")?.args(["merge", "-sparse", "-o"]).arg(&merged).args(raw).status()?;
    ensure!(status.success(), "llvm-profdata cannot read the profiles");
    let mut cov = tool("llvm-cov")?;
    cov.args(["export", "-summary-only", "-instr-profile"]).arg(&merged).arg(program);
    let output = cov.args(LOADER.map(|file| root().join("runtime/src/model").join(file))).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let (mut all, mut reached) = (0, 0);
    let files = report["data"][0]["files"].as_array().context("no files in the report")?;
    ensure!(files.len() == LOADER.len(), "{} of {} files of the loader are in the report", files.len(), LOADER.len());
    for file in files {
        let regions = &file["summary"]["regions"];
        let count = |key: &str| regions[key].as_u64().context("no count of regions");
        let (in_file, covered) = (count("count")?, count("covered")?);
        let name = Path::new(file["filename"].as_str().unwrap_or_default()).file_name().unwrap_or_default();
        println!("{:>12}  {covered:>4} of {in_file:>4} regions", name.display());
        (all, reached) = (all + in_file, reached + covered);
    }
    let share = 100.0 * reached as f64 / all as f64;
    println!("      loader  {reached:>4} of {all:>4} regions, {share:.2} %, {REQUIRED} % required");
    if share.is_nan() || share < REQUIRED {
        bail!("the corpus reaches {share:.2} % of the loader's regions, {REQUIRED} % required");
    }
    Ok(())
}

/// A tool of the LLVM release that the compiler uses: profiles of other releases cannot be read.
fn tool(name: &str) -> Result<Command> {
    llvm::tool(name).map(Command::new).with_context(|| {
        let release = llvm::release().unwrap_or_default();
        format!("no {name} of the compiler's LLVM {release}; cargo xtask setup --fuzz installs it")
    })
}
