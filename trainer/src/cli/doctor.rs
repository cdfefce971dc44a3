//! `eyas doctor`: lists the optional tools that this machine has, and how to get the rest.

use super::rows::print;
use super::{DataOptions, Failure, OrtOptions};
use crate::dataset::locate::{ENVIRONMENT, KNOWN, Search as DataSearch, locate};
use crate::onnx::{Backend, GET_LIBRARY, Library, Runtime, Search};
use crate::verify::device::{BOARDS, Board, DeviceError, Locations, Toolchain};
use serde::Serialize;
use std::env;

/// Show what this machine has: ONNX Runtime, emulator, cross compiler, data sets; and one command for each missing
/// thing.
///
/// None of these is needed to distil from a local data set. Missing things do not change the exit status.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas doctor\n  eyas doctor --json\n  eyas doctor --ort-dylib /opt/onnxruntime/lib/libonnxruntime.so"
)]
pub struct Arguments {
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    ort: OrtOptions,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

/// One thing the tools can use.
#[derive(Debug, Serialize)]
struct Finding {
    /// Its name.
    name: String,
    /// Its purpose.
    serves: &'static str,
    found: bool,
    /// The version and place found, or why it cannot be used.
    what: String,
    /// The command that installs it; `None` if it is present.
    remedy: Option<String>,
}

impl Finding {
    fn new<E: std::fmt::Display>(name: &str, serves: &'static str, looked: Result<String, E>, remedy: &str) -> Self {
        let found = looked.is_ok();
        let what = looked.unwrap_or_else(|error| error.to_string());
        Self { name: name.to_owned(), serves, found, what, remedy: (!found).then(|| remedy.to_owned()) }
    }
}

#[derive(Serialize)]
struct Findings {
    version: u32,
    findings: Vec<Finding>,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let mut findings = vec![onnx_runtime(&arguments.ort), tract()];
    findings.extend(BOARDS.map(emulator));
    findings.extend([cross_compiler(), data(&arguments.data)]);
    if arguments.json {
        return print(&serde_json::to_string(&Findings { version: 1, findings }).map_err(Failure::work)?);
    }
    for finding in &findings {
        let state = if finding.found { "found  " } else { "missing" };
        print(&format!("{state}  {} ({})\n         {}", finding.name, finding.serves, finding.what))?;
        if let Some(remedy) = &finding.remedy {
            print(&format!("         {remedy}"))?;
        }
    }
    Ok(())
}

fn onnx_runtime(options: &OrtOptions) -> Finding {
    let search = Search::from_environment(options.ort_dylib.clone());
    // Loading it proves that it works; the file itself gives its version and path.
    let looked = Library::find(&search).and_then(|library| {
        Runtime::open(Backend::Onnxruntime, &search)?;
        let version = if library.version.is_empty() { "of unknown version" } else { &library.version };
        Ok(format!("{version} at {} ({})", library.path.display(), library.source))
    });
    Finding::new("ONNX Runtime", "ONNX teachers", looked, &format!("get it: {GET_LIBRARY}"))
}

fn tract() -> Finding {
    let looked = if cfg!(feature = "onnx-tract") {
        Ok("built in".to_owned())
    } else {
        Err("not built in; needed only if ONNX Runtime is not available")
    };
    let remedy = "get it: `cargo build --release --package eyas-trainer --features onnx-tract`";
    Finding::new("tract", "ONNX teachers in pure Rust", looked, remedy)
}

fn emulator(board: &'static Board) -> Finding {
    let looked = Locations::find(board, env::var_os).map(|locations| locations.qemu.display().to_string());
    let name = format!("emulated {}", board.words);
    Finding::new(&name, "eyas verify --target", looked, "get it: `cargo xtask setup` inside the repository")
}

fn cross_compiler() -> Finding {
    let target = |board: &Board| {
        let toolchain = Toolchain::find(board.target)?;
        toolchain.check_linker()?;
        Ok::<_, DeviceError>(format!("{} for {}", toolchain.rustc().display(), board.target))
    };
    let looked: Result<Vec<_>, _> = BOARDS.iter().map(|board| target(board)).collect();
    let targets = BOARDS.map(|board| board.target).join(" ");
    let remedy = format!("get it: `rustup target add {targets}`, or `cargo xtask setup` inside the repository");
    let looked = looked.map(|found| found.join(", "));
    Finding::new("bare-metal compiler", "eyas verify --target", looked, &remedy)
}

fn data(options: &DataOptions) -> Finding {
    let search = DataSearch::from_environment(options.data_dir.clone(), Vec::new());
    let folders = [("--data-dir", &search.data_dir), (ENVIRONMENT, &search.environment)];
    let folders = folders.into_iter().filter_map(|(name, folder)| {
        let folder = folder.as_ref()?;
        let state = if folder.is_dir() { "" } else { ", which is no folder" };
        Some(format!("{name} = {}{state}", folder.display()))
    });
    let folders: Vec<String> = folders.collect();
    let names: Vec<&str> = KNOWN.iter().map(|known| known.name).filter(|name| locate(name, &search).is_ok()).collect();
    let from = if folders.is_empty() { format!("no --data-dir, no {ENVIRONMENT}") } else { folders.join(", ") };
    let text = format!("{} ({from})", if names.is_empty() { "none".to_owned() } else { names.join(", ") });
    let looked = if names.is_empty() { Err(text) } else { Ok(text) };
    let remedy = format!("name the folder that holds them: `export {ENVIRONMENT}=DIR`, or --data-dir DIR");
    Finding::new("data sets known by name", "recipes", looked, &remedy)
}
