//! `eyas distill`: one recipe, one command, one folder.

use super::progress::Bars;
use super::rows::read_student;
use super::verify::{Target, recipe_rows, verify};
use super::{DataOptions, Failure, OrtOptions};
use crate::bounded::{self, size};
use crate::memory::{self, Estimate};
use crate::nn::{BackendKind, MadeOn};
use crate::output::{Existing, OutputFolder, tell};
use crate::recipe::{Prepared, Recipe, TabularRecipe};
use crate::report::{Document, Metrics, summary};
use crate::run::{
    Interrupt, RESULTS, RunContext, RunError, RunOptions, STUDENT, Written, check, estimate, execute as carry_out,
    teacher_in_words, write,
};
use eyas::Student;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

pub(super) static INTERRUPT: Interrupt = Interrupt::new();

/// Distil, quantize, seal and verify the student that a recipe describes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas distill models/cora/recipe.toml\n  eyas distill models/cora/recipe.toml --seeds 1 --verify cortex-m4\n  eyas distill recipe.toml --out runs/wide --seeds 5 --data-dir ~/graphs\n  eyas distill recipe.toml --resume\n\nThe folder then holds student.eyas, report.html, card.md, metrics.json, vectors.npz,\nstudent_float.npz and the resolved recipe; of a table also what its teachers say, in `teachers`.\nThe same recipe and seeds give the same student.eyas, byte for byte, on any number of threads, on machines of one\nkind, which `made_on` in metrics.json names (another instruction set rounds floats differently). Ctrl-C keeps every\nfinished stage and the last epoch; --resume goes on from there to the same bytes."
)]
pub struct Arguments {
    /// The recipe.
    pub(super) recipe: PathBuf,
    /// Output folder; `runs/` and the recipe's name by default.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// One seed instead of the recipe's.
    #[arg(long, value_name = "N", conflicts_with = "seeds", value_parser = clap::value_parser!(u64).range(..=LARGEST_SEED))]
    pub(super) seed: Option<u64>,
    /// Only the first K seeds of the recipe, or more counted up from its last.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) seeds: Option<u64>,
    /// Backend of the float training.
    #[arg(long, default_value = "flex", value_parser = ["flex", "ndarray", "candle"])]
    pub(super) backend: String,
    /// Trainings side by side; the number of cores by default. Does not change the result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) threads: Option<u16>,
    /// Where the finished student is verified.
    #[arg(long, value_enum, default_value_t = Target::Host)]
    pub(super) verify: Target,
    /// Go on from the checkpoints of an interrupted run in the folder; a finished one is shown again.
    #[arg(long, conflicts_with = "force")]
    pub(super) resume: bool,
    /// Replace the results of another run in the folder; they stay until the new ones are complete.
    #[arg(long)]
    pub(super) force: bool,
    /// Check recipe and data, say what would be done, and stop.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print metrics.json to standard output at the end.
    #[arg(long)]
    pub(super) json: bool,
    /// Folder for what is constant about the teachers of a table; `teachers` in the output folder by default.
    ///
    /// A run with the same data and the same teachers finds them there, trained, and has the same result.
    #[arg(long, value_name = "DIR")]
    pub(super) cache: Option<PathBuf>,
    #[command(flatten)]
    pub(super) data_options: DataOptions,
    #[command(flatten)]
    pub(super) ort: OrtOptions,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let backend: BackendKind = arguments.backend.parse().map_err(Failure::usage)?;
    arguments.verify.check()?;
    // A file that cannot be read is told by the loader.
    if bounded::text(&arguments.recipe, bounded::Kind::Recipe).is_ok_and(|text| TabularRecipe::describes(&text)) {
        return super::distill_table::execute(arguments);
    }
    let mut recipe = Recipe::load(&arguments.recipe).map_err(Failure::usage)?;
    recipe.report.seeds = seeds(arguments, &recipe.report.seeds)?;
    let search = recipe.search(&arguments.recipe, arguments.data_options.data_dir.clone());
    let prepared = recipe.prepare(&search).map_err(Failure::refused)?;
    let threads = arguments.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let options = RunOptions { seeds: recipe.report.seeds.clone(), backend, threads };
    let name = name(&arguments.recipe);
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&name));
    announce(&recipe, &prepared, &options, &out);
    check(&recipe, &prepared).map_err(Failure::refused)?;
    fits_memory(&estimate(&recipe, &prepared, options.seeds.len(), threads))?;
    if arguments.dry_run {
        return Ok(());
    }

    let folder = OutputFolder::open(&out, &RESULTS, existing(arguments)).map_err(Failure::work)?;
    if arguments.resume && folder.is_finished() {
        let metrics = Metrics::read(&out).map_err(Failure::refused)?;
        let run = Run { recipe: recipe.recipe_hash(), data: prepared.graph.data_hash(&prepared.split), backend };
        return run.show_finished(arguments, &out, &metrics.backend, &metrics, &summary(&Document::of(&metrics)));
    }
    listen()?;
    let bars = Bars::new();
    let checkpoints = folder.checkpoints();
    let identity = identity(&recipe, &prepared, backend);
    let context =
        RunContext { observer: &bars, interrupt: &INTERRUPT, checkpoints: Some((&checkpoints, identity)), cache: None };
    let result = carry_out(&recipe, &prepared, &options, &context);
    bars.finish();
    let result = result.map_err(failure)?;
    let recipe = recipe.copied(&out, &search);
    let Written { file, metrics } = write(&recipe, &name, &prepared, &options, &result, &folder).map_err(failure)?;
    folder.remove_checkpoints().map_err(Failure::work)?;

    let integers = result.shipped.student.coding.integers(&prepared.graph.features);
    let rows: Vec<Vec<i8>> =
        prepared.split.test.iter().take(VERIFIED_ROWS).map(|&node| integers[node].clone()).collect();
    show_and_verify(arguments, &out, &file, &rows, &metrics, &summary(&Document::of(&metrics)))
}

/// The end of every run: its figures, the proof that its file computes what was measured, and where everything is.
pub(super) fn show_and_verify(
    arguments: &Arguments,
    out: &Path,
    file: &[u8],
    rows: &[Vec<i8>],
    metrics: &Metrics,
    summary: &str,
) -> Result<(), Failure> {
    // Standard output is one object with --json.
    let say = |line: &str| {
        if arguments.json {
            tell(line);
            Ok(())
        } else {
            super::rows::print(line)
        }
    };
    let json = arguments.json.then(|| serde_json::to_string(metrics)).transpose().map_err(Failure::work)?;
    // The verdict does not depend on who reads it: what cannot be printed is told last.
    let printed = super::rows::print(json.as_deref().unwrap_or(summary));
    let path = out.join(STUDENT);
    tell(format_args!("verifying {}", path.display()));
    let student = Student::load(file).map_err(Failure::refused)?;
    let verified = verify(&path, &student, rows, arguments.verify)?;
    let said = say(&verified.sentence());
    verified.verdict()?;
    tell(format_args!("{} {}", path.display(), out.join("report.html").display()));
    printed.and(said)
}

/// What may be in the folder already.
pub(super) fn existing(arguments: &Arguments) -> Existing {
    match (arguments.resume, arguments.force) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    }
}

/// From here on Ctrl-C stops the run after its current epoch, and a model in the middle of its answer.
pub(super) fn listen() -> Result<(), Failure> {
    ctrlc::set_handler(|| {
        // A second Ctrl-C does not wait for the epoch to end.
        if INTERRUPT.is_raised() {
            std::process::exit(130);
        }
        INTERRUPT.raise();
        crate::onnx::interrupt();
    })
    .map_err(Failure::work)
}

/// A recipe is TOML, whose integers end here.
const LARGEST_SEED: u64 = i64::MAX as u64;
/// Test rows that the finished student is verified on.
const VERIFIED_ROWS: usize = 200;

/// The seeds of the run: one, the first K, or K counted on from the last.
pub(super) fn seeds(arguments: &Arguments, recipe: &[u64]) -> Result<Vec<u64>, Failure> {
    if let Some(seed) = arguments.seed {
        return Ok(vec![seed]);
    }
    let count = arguments.seeds.map_or(recipe.len(), |count| count as usize);
    let mut seeds: Vec<u64> = recipe.iter().copied().take(count).collect();
    while seeds.len() < count {
        let next = seeds.iter().max().map_or(0, |last| last + 1);
        if next > LARGEST_SEED {
            let remedy = "give smaller seeds in [report] of the recipe";
            return Err(Failure::usage(format!(
                "--seeds {count}: expected seeds up to {LARGEST_SEED}, found {next}; {remedy}"
            )));
        }
        seeds.push(next);
    }
    seeds.sort_unstable();
    Ok(seeds)
}

/// Says what a run takes of memory, and refuses one that takes more than there is.
pub(super) fn fits_memory(estimate: &Estimate) -> Result<(), Failure> {
    let available = memory::available();
    let free = available.map_or_else(String::new, |bytes| format!("; {} are free", size(bytes)));
    tell(format_args!("memory: about {} at the peak: {estimate}{free}", size(estimate.total())));
    estimate.check(available).map_err(Failure::usage)
}

/// What makes a finished run the one that is asked for.
pub(super) struct Run {
    pub(super) recipe: [u8; 32],
    pub(super) data: [u8; 32],
    pub(super) backend: BackendKind,
}

impl Run {
    /// Shows a run that has ended: there is nothing to go on with, and nothing is wrong.
    pub(super) fn show_finished(
        &self,
        arguments: &Arguments,
        out: &Path,
        backend: &str,
        metrics: &Metrics,
        summary: &str,
    ) -> Result<(), Failure> {
        let path = out.join(STUDENT);
        let file = read_student(&path)?;
        let student = Student::load(&file).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
        let provenance = student.metadata().provenance;
        let same = self.recipe == provenance.recipe_hash && self.data == provenance.data_hash;
        if !same || backend != self.backend.name() {
            return Err(Failure::work(format!(
                "{}: expected a run of this recipe, its data and backend, found a finished one of others; choose another \
                 folder, or replace it with --force",
                out.display()
            )));
        }
        tell(format_args!("{}: this run is finished, nothing is left to do; these are its results", out.display()));
        let mut rows = recipe_rows(&student, &path, &arguments.data_options)?;
        rows.truncate(VERIFIED_ROWS);
        show_and_verify(arguments, out, &file, &rows, metrics, summary)
    }
}

/// The name of a run: the recipe's file name, or its folder's where the file is just `recipe.toml`.
pub(super) fn name(recipe: &Path) -> String {
    let stem = recipe.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder =
        recipe.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_string_lossy().into_owned()));
    if stem == "recipe" { folder.unwrap_or(stem) } else { stem }
}

/// What must be equal for checkpoints to be continued.
fn identity(recipe: &Recipe, prepared: &Prepared, backend: BackendKind) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(recipe.recipe_hash());
    hasher.update(prepared.graph.data_hash(&prepared.split));
    hasher.update(backend.name());
    hasher.update(env!("CARGO_PKG_VERSION"));
    hasher.update(MadeOn::here().to_string());
    hasher.finalize().into()
}

fn announce(recipe: &Recipe, prepared: &Prepared, options: &RunOptions, out: &Path) {
    let graph = &prepared.graph;
    tell(format_args!(
        "{} from {}: {} nodes, {} edges, {} inputs, {} classes; train {} / tune {} / test {}",
        graph.name,
        prepared.path.display(),
        graph.nodes(),
        graph.edges(),
        graph.inputs(),
        graph.classes,
        prepared.split.train.len(),
        prepared.split.tune.len(),
        prepared.split.test.len(),
    ));
    if prepared.inductive_share > 0.0 {
        let percent = 100.0 * prepared.inductive_share;
        tell(format_args!(
            "inductive: beside it, each seed takes {percent} % of the test nodes out before any teacher is trained"
        ));
    }
    for warning in &prepared.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let hidden: Vec<String> = recipe.student.hidden.iter().map(ToString::to_string).collect();
    let widths = [vec![graph.inputs().to_string()], hidden, vec![graph.classes.to_string()]].concat().join("-");
    tell(format_args!(
        "teacher {}, student {widths}, seeds {:?}, backend {}, {} threads, into {}",
        teacher_in_words(recipe),
        options.seeds,
        options.backend.name(),
        options.threads,
        out.display(),
    ));
}

pub(super) fn failure(error: RunError) -> Failure {
    match error {
        RunError::Interrupted => Failure::interrupted(error),
        RunError::NoLabels(_) | RunError::Seal(_) | RunError::Unsealable(_) => Failure::refused(error),
        _ => Failure::work(error),
    }
}
