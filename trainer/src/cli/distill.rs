//! `eyas distill`: one recipe, one command, one folder.

use super::progress::Bars;
use super::rows::{made, read_student};
use super::verify::{Target, recipe_rows, verify};
use super::{DataOptions, Failure, OrtOptions};
use crate::bounded::size;
use crate::data::{Data, Evaluation};
use crate::dataset::locate::Search;
use crate::export::Unsealable;
use crate::memory::{self, Estimate};
use crate::nn::BackendKind;
use crate::onnx;
use crate::output::{Existing, OutputFolder, counted, tell};
use crate::recipe::{DataKind, Recipe};
use crate::report::{Document, Metrics, summary};
use crate::run::{
    Cache, Interrupt, MaskCosts, RESULTS, RunContext, RunError, RunOptions, STUDENT, TEACHERS, Work, Written, check,
    estimate, execute as carry_out, identity, leaks, mask_costs, teachers_in_words, write,
};
use crate::teacher::{FileAnswers, consult};
use clap::builder::PossibleValuesParser;
use eyas::Student;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

pub(super) static INTERRUPT: Interrupt = Interrupt::new();

/// Distil, quantize, seal and verify the student that a recipe describes.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas distill models/cora/recipe.toml\n  eyas distill models/cora/recipe.toml --seeds 1 --verify cortex-m4\n  eyas distill recipe.toml --out runs/wide --seeds 5 --data-dir ~/graphs\n  eyas distill recipe.toml --resume\n\nThe folder then holds student.eyas, report.html, card.md, metrics.json, vectors.npz,\nstudent_float.npz, the resolved recipe, and what the teachers answer, in `teachers`.\nThe same recipe and seeds give the same student.eyas, byte for byte, on any number of threads, on machines of one\nkind, which `made_on` in metrics.json names (another instruction set rounds floats differently). Ctrl-C keeps every\nfinished stage and the last epoch; --resume goes on from there to the same bytes."
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
    #[arg(long, default_value = "flex", value_parser = PossibleValuesParser::new(BackendKind::ALL.iter().map(|kind| kind.name())))]
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
    /// Folder for what is constant about the teachers; `teachers` in the output folder by default.
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
    let mut recipe = Recipe::load(&arguments.recipe).map_err(Failure::usage)?;
    recipe.report.seeds = seeds(arguments, &recipe.report.seeds)?;
    let search = recipe.search(&arguments.recipe, arguments.data_options.data_dir.clone());
    let mut data = Data::load(&recipe, &search).map_err(Failure::refused)?;
    let threads = arguments.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let options = RunOptions { seeds: recipe.report.seeds.clone(), backend, threads };
    let name = name(&arguments.recipe);
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&name));
    // A split that cannot be drawn is refused before anything is trained.
    let evaluations = data.evaluations(&recipe, &options.seeds).map_err(Failure::refused)?;
    announce(&recipe, &data, &evaluations);
    tell(format_args!(
        "teacher {}, seeds {:?}, backend {}, {threads} threads, into {}",
        teachers_in_words(&recipe),
        options.seeds,
        backend.name(),
        out.display(),
    ));
    check(&recipe, &data).map_err(|error| match error {
        // The recipe contradicts itself; the data are as they should be.
        Unsealable::Budget { .. } => Failure::usage(error),
        error => Failure::refused(error),
    })?;
    fits_memory(&estimate(&recipe, &data, &[], evaluations.len(), threads))?;
    // An ONNX model is asked before anything is trained, and may take for ever.
    listen()?;
    let bars = Bars::new();
    // A dry run writes nothing, so it asks models without keeping what they say.
    let kept = arguments.cache.clone().unwrap_or_else(|| out.join(TEACHERS));
    let folder = match arguments.dry_run {
        true => None,
        false => Some(OutputFolder::open(&out, &RESULTS, existing(arguments)).map_err(Failure::work)?),
    };
    let cache = Cache::new(folder.as_ref().map(|_| kept.as_path()), &bars);
    let files = answers_of_files(arguments, &recipe, &mut data, &search, &cache)?;
    for warning in &data.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let train = evaluations.first().map(|evaluation| &evaluation.split.train[..]).unwrap_or_default();
    for finding in leaks(&recipe, &data, train) {
        tell(format_args!("warning: {}", finding.text));
    }
    let Some(folder) = folder else { return Ok(()) };
    if arguments.resume && folder.is_finished() {
        return show_finished(arguments, &out, &Asked { recipe: &recipe, data: &data, files: &files, backend });
    }
    let checkpoints = folder.checkpoints();
    let identity = identity(&recipe, &data, &files, &options).map_err(failure)?;
    let checkpoints = Some((checkpoints.as_path(), identity));
    let context = RunContext { observer: &bars, interrupt: &INTERRUPT, checkpoints, cache: Some(&kept) };
    let work = Work { recipe: &recipe, data: &data, files: &files, options: &options, context: &context };
    let result = carry_out(&work);
    bars.finish();
    let result = result.map_err(failure)?;
    let Written { file, metrics, test } =
        write(&work, &result.shipped().recipe.copied(&out, &search), &name, &result, &folder).map_err(failure)?;
    folder.remove_checkpoints().map_err(Failure::work)?;
    show_and_verify(arguments, &out, &file, &test, &metrics)
}

/// Asks the teachers that come as a file.
fn answers_of_files(
    arguments: &Arguments,
    recipe: &Recipe,
    data: &mut Data,
    search: &Search,
    cache: &Cache<'_>,
) -> Result<Vec<Option<FileAnswers>>, Failure> {
    let libraries = onnx::Search::from_environment(arguments.ort.ort_dylib.clone());
    consult(data, recipe, search, &libraries, cache).map_err(|error| match error {
        error if INTERRUPT.is_raised() => Failure::interrupted(error),
        error if error.is_missing_library() => Failure::work(error),
        error => Failure::refused(error),
    })
}

/// The end of every run: its figures, the proof that its file computes what was measured, and where everything is.
fn show_and_verify(
    arguments: &Arguments,
    out: &Path,
    file: &[u8],
    rows: &[Vec<i8>],
    metrics: &Metrics,
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
    let summary = summary(&Document::of(metrics));
    let printed = super::rows::print(json.as_deref().unwrap_or(&summary));
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
fn existing(arguments: &Arguments) -> Existing {
    match (arguments.resume, arguments.force) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    }
}

/// From here on Ctrl-C stops the run after its current epoch, and a model in the middle of its answer.
fn listen() -> Result<(), Failure> {
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
fn seeds(arguments: &Arguments, recipe: &[u64]) -> Result<Vec<u64>, Failure> {
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
fn fits_memory(estimate: &Estimate) -> Result<(), Failure> {
    let available = memory::available();
    let free = available.map_or_else(String::new, |bytes| format!("; {} are free", size(bytes)));
    tell(format_args!("memory: about {} at the peak: {estimate}{free}", size(estimate.total())));
    estimate.check(available).map_err(Failure::usage)
}

/// The run that is asked for.
struct Asked<'a> {
    recipe: &'a Recipe,
    data: &'a Data,
    files: &'a [Option<FileAnswers>],
    backend: BackendKind,
}

/// Shows a run that has ended: there is nothing to go on with, and nothing is wrong.
fn show_finished(arguments: &Arguments, out: &Path, asked: &Asked<'_>) -> Result<(), Failure> {
    let path = out.join(STUDENT);
    let metrics = Metrics::read(out).map_err(Failure::refused)?;
    let file = read_student(&path)?;
    let student = Student::load(&file).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))?;
    let provenance = student.metadata().provenance;
    let evaluations = asked.data.evaluations(asked.recipe, &[metrics.shipped.seed]).map_err(Failure::refused)?;
    let same_data =
        evaluations.first().is_some_and(|it| asked.data.hash(&it.split, asked.files) == *provenance.data_hash);
    let same = made(asked.recipe, &student, &path) && same_data;
    if !same || metrics.backend != asked.backend.name() {
        return Err(Failure::work(format!(
            "{}: expected a run of this recipe, its data and backend, found a finished one of others; choose another \
             folder, or replace it with --force",
            out.display()
        )));
    }
    tell(format_args!("{}: this run is finished, nothing is left to do; these are its results", out.display()));
    let mut rows = recipe_rows(&student, &path, &arguments.data_options)?;
    rows.truncate(VERIFIED_ROWS);
    show_and_verify(arguments, out, &file, &rows, &metrics)
}

/// The name of a run: the recipe's file name, or its folder's where the file is just `recipe.toml`.
fn name(recipe: &Path) -> String {
    let stem = recipe.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder =
        recipe.canonicalize().ok().and_then(|path| Some(path.parent()?.file_name()?.to_string_lossy().into_owned()));
    if stem == "recipe" { folder.unwrap_or(stem) } else { stem }
}

/// Says what the run is about.
fn announce(recipe: &Recipe, data: &Data, evaluations: &[Evaluation]) {
    let (path, rows) = (data.path.display(), data.rows());
    match (recipe.data.kind, data.edge_count()) {
        (DataKind::Graph, Some(edges)) => {
            let (nodes, edges) = (counted(rows, "node", "nodes"), counted(edges, "edge", "edges"));
            tell(format_args!("{} from {path}: {nodes}, {edges}", data.name));
        }
        _ => tell(format_args!("{} from {path}: {}", data.name, counted(rows, "row", "rows"))),
    }
    let columns = data.x.columns();
    let hidden: Vec<String> = recipe.student.hidden.iter().map(ToString::to_string).collect();
    let widths = [vec![data.student.to_string()], hidden, vec![data.truth.outputs().to_string()]].concat().join("-");
    tell(format_args!("student {widths}, which sees {} of {}", data.student, counted(columns, "column", "columns")));
    let mut names: Vec<&str> = evaluations.iter().map(|evaluation| evaluation.name.as_str()).collect();
    names.dedup();
    for name in names {
        if let Some(Evaluation { split, unseen, .. }) = evaluations.iter().find(|it| it.name == name) {
            let (train, tune, test) = (split.train.len(), split.tune.len(), split.test.len());
            let taken = match unseen.len() {
                0 => String::new(),
                unseen => format!(", {unseen} of them taken out of the data before any teacher is trained"),
            };
            tell(format_args!("{name}: train {train} / tune {tune} / test {test}{taken}"));
        }
    }
    if let Some(Evaluation { split, .. }) = evaluations.first()
        && let Some(MaskCosts { masks, parameters, macs }) = mask_costs(recipe, split.train.len())
    {
        tell(format_args!("masks: {masks}, {parameters} parameters, {macs:e} multiply-accumulates a split and seed"));
    }
}

fn failure(error: RunError) -> Failure {
    match error {
        RunError::Interrupted => Failure::interrupted(error),
        RunError::NoEdges(_) | RunError::Seal(_) | RunError::Data(_) | RunError::Unsealable(_) => {
            Failure::refused(error)
        }
        _ => Failure::work(error),
    }
}
