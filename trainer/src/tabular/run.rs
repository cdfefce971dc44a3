//! All folds and seeds of a recipe, and everything the run folder holds.

use std::path::Path;

use eyas::model::{Provenance, Task};
use eyas::{AlignedBytes, Student};
use ndarray::Axis;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::job::{self, JobResult};
use super::metrics::{SCHEMA, TabularMetrics, TabularRunMetrics, TeacherFile, WayMetrics, differences, summaries};
use super::prepare::{TabularPrepared, Truth};
use super::report;
use super::score::Score;
use crate::dataset::Split;
use crate::export::{STUDENT_FLOAT, SealError, Sealed, Unsealable, check_fits, seal, write_vectors};
use crate::nn::MadeOn;
use crate::output::{OutputError, OutputFolder, hexadecimal};
use crate::quantize::{About, Replay, dense_rows};
use crate::recipe::old::{Seen, TabularRecipe, TabularTeacherKind};
use crate::report::metrics::CostMetrics;
use crate::run::{RECIPE, RunContext, RunError, RunOptions, STUDENT, float_student, tool};

/// Test rows in `vectors.npz`.
const VECTOR_ROWS: usize = 200;
/// Longest list of input names that a student file carries, in bytes: names are for people, flash is for weights.
const NAME_BYTES: usize = 1024;

/// What was written.
#[derive(Clone, Debug)]
pub struct TabularRun {
    /// The student file.
    pub file: AlignedBytes,
    /// Everything measured.
    pub metrics: TabularMetrics,
    /// Test rows of the shipped fold as integers.
    pub test: Vec<Vec<i8>>,
}

/// The teachers of a recipe in words, such as `fusion 2x(256-128)-64-32, mean of 3`.
fn teachers_in_words(recipe: &TabularRecipe) -> String {
    let widths = |widths: &[usize]| widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
    let one = |teacher: &crate::recipe::old::TabularTeacher| {
        if let (false, Some(path)) = (teacher.is_trained(), &teacher.path) {
            let name = Path::new(path).file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            return format!("{} {name}", if teacher.kind == TabularTeacherKind::Onnx { "onnx" } else { "table" });
        }
        let shape = match (teacher.kind, &teacher.branch_hidden) {
            (TabularTeacherKind::Fusion, Some(branch)) => format!("fusion 2x({})-", widths(branch)),
            _ => "mlp ".to_owned(),
        };
        let sees = match teacher.sees {
            Seen::All => "",
            Seen::Others => " on the other columns",
            Seen::Student => " on the student's columns",
        };
        let mean = match teacher.members {
            _ if recipe.cotrain.is_some() => ", co-trained".to_owned(),
            1 => String::new(),
            members => format!(", mean of {members}"),
        };
        let parts = teacher.crossfit.map_or_else(String::new, |parts| format!(", cross-fitted in {parts} parts"));
        format!("{shape}{}{sees}{mean}{parts}", widths(&teacher.hidden))
    };
    recipe.teacher.iter().map(one).collect::<Vec<_>>().join(" + ")
}

/// Names of the inputs as the file carries them.
fn input_names(data: &TabularPrepared) -> &[String] {
    let names = &data.names[..data.student];
    if names.iter().map(|name| name.len() + 1).sum::<usize>() <= NAME_BYTES { names } else { &[] }
}

fn task(data: &TabularPrepared) -> Task {
    if matches!(data.truth, Truth::Classes { .. }) { Task::Classify } else { Task::Regress }
}

/// Checks what sealing will ask of the student, before anything is trained.
///
/// # Errors
/// [`Unsealable`] with what to change.
pub fn check(recipe: &TabularRecipe, data: &TabularPrepared) -> Result<(), Unsealable> {
    let widths = [&[data.student][..], &recipe.student.hidden, &[data.truth.outputs()]].concat();
    check_fits(task(data), &widths, &data.truth.names(), input_names(data))
}

/// Carries out a recipe on a table and writes the run folder, the student file last.
///
/// The shipped student is of the first fold, its seed the one with the best int8 figure on the tune rows.
///
/// # Errors
/// [`RunError`]; finished stages are checkpointed in the context's folder.
pub fn execute(
    recipe: &TabularRecipe,
    name: &str,
    data: &TabularPrepared,
    options: &RunOptions,
    context: &RunContext<'_>,
    folder: &OutputFolder,
) -> Result<TabularRun, RunError> {
    check(recipe, data)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| RunError::Threads { threads: options.threads, reason: error.to_string() })?;
    let folds = data.splits(recipe)?;
    let jobs: Vec<(u64, u64)> =
        folds.iter().flat_map(|&fold| options.seeds.iter().map(move |&seed| (fold, seed))).collect();
    context.observer.planned(jobs.len() * job::stages(recipe));
    let results: Vec<JobResult> = pool.install(|| {
        jobs.par_iter()
            .with_max_len(1)
            .map(|&at| job::carry_out(recipe, data, at, options.backend, context))
            .collect::<Result<_, _>>()
    })?;
    let shipped = results
        .iter()
        .filter(|result| result.fold == folds[0])
        .reduce(|best, next| if next.tune.merit() > best.tune.merit() { next } else { best })
        .ok_or(RunError::Interrupted)?;
    write(recipe, name, data, options, &results, shipped, folder)
}

fn write(
    recipe: &TabularRecipe,
    name: &str,
    data: &TabularPrepared,
    options: &RunOptions,
    results: &[JobResult],
    shipped: &JobResult,
    folder: &OutputFolder,
) -> Result<TabularRun, RunError> {
    let resolved = recipe.resolved();
    let (data_hash, recipe_hash) = (data.data_hash(&shipped.split), recipe.recipe_hash());
    let (teacher, tool) = (teachers_in_words(recipe), tool());
    let labels = data.truth.names();
    let about = About {
        labels: &labels,
        input_names: input_names(data),
        provenance: Provenance {
            teacher: &teacher,
            data_hash: &data_hash,
            recipe_hash: &recipe_hash,
            seed: shipped.seed,
            tool: &tool,
        },
        task: task(data),
        golden: &[],
    };
    let rows = |rows: &[usize]| {
        let x = data.x.select(Axis(0), rows);
        shipped.student.coding.integers(&dense_rows(x.slice(ndarray::s![.., ..data.student])))
    };
    let Split { tune, test, .. } = &shipped.split;
    let Sealed { file, .. } = seal(&shipped.student, &about, &rows(tune))?;
    let loaded = Student::load(&file).map_err(SealError::from)?;
    let costs = loaded.costs();
    let mut widths = vec![costs.inputs];
    widths.extend(loaded.layers().map(|layer| usize::from(layer.outputs)));
    let runs: Vec<TabularRunMetrics> = results.iter().map(run_metrics).collect();
    let [mean, sd] = summaries(&runs);
    let metrics = TabularMetrics {
        schema: SCHEMA.into(),
        tool: tool.clone(),
        recipe: name.into(),
        recipe_hash: hexadecimal(&recipe_hash),
        backend: options.backend.name().into(),
        threads: options.threads,
        made_on: Some(MadeOn::here()),
        teacher: teacher.clone(),
        teacher_files: teacher_files(recipe, data),
        student_widths: widths,
        rows: data.x.nrows(),
        columns: [data.x.ncols(), data.student],
        outputs: labels.clone(),
        warnings: data.warnings.clone(),
        shipped: [shipped.fold, shipped.seed],
        student_hash: hexadecimal(&Sha256::digest(&*file)),
        mean,
        sd,
        differences: differences(&runs),
        runs,
        cost: CostMetrics::of(&costs),
    };
    let shown = rows(&test[..test.len().min(VECTOR_ROWS)]);
    let vectors = write_vectors(&shown, &Replay::of_file(&loaded, &shown));
    let vectors = vectors.map_err(|error| OutputError::io("build", Path::new("vectors.npz"), error))?;
    let json = serde_json::to_string_pretty(&metrics).unwrap_or_default() + "\n";
    let json = crate::output::escaped(&json);
    let digest = Sha256::digest(&*file).into();
    folder.write(STUDENT_FLOAT, &float_student(&shipped.weights, &shipped.student.coding, digest)?)?;
    folder.write("vectors.npz", &vectors)?;
    folder.write("metrics.json", json.as_bytes())?;
    folder.write("report.html", report::html(&metrics, &resolved)?.as_bytes())?;
    folder.write("card.md", report::card(&metrics, data.notice.as_deref())?.as_bytes())?;
    // The very recipe of this run, with its author's comments, is not written over; a copy of another run is.
    let there = folder.path().join(RECIPE);
    let copied = std::fs::read_to_string(&there).is_ok_and(|text| text == resolved);
    let there = TabularRecipe::load(&there);
    if copied || !there.is_ok_and(|there| there.whole.base.is_empty() && there.recipe_hash() == recipe_hash) {
        folder.write(RECIPE, recipe.text().as_bytes())?;
    }
    folder.write(STUDENT, &file)?;
    Ok(TabularRun { file, metrics, test: shown })
}

fn teacher_files(recipe: &TabularRecipe, data: &TabularPrepared) -> Vec<TeacherFile> {
    let file = |(at, (teacher, given)): (usize, (&crate::recipe::old::TabularTeacher, &Option<super::Given>))| {
        let path = teacher.path.clone()?;
        Some(TeacherFile { teacher: at + 1, path, sha256: hexadecimal(&given.as_ref()?.identity) })
    };
    recipe.teacher.iter().zip(&data.given).enumerate().filter_map(file).collect()
}

fn way(((name, score), &share): (&(String, Score), &f64)) -> WayMetrics {
    WayMetrics { name: name.clone(), share, score: *score }
}

fn run_metrics(result: &JobResult) -> TabularRunMetrics {
    let split = &result.split;
    TabularRunMetrics {
        fold: result.fold,
        seed: result.seed,
        rows: [split.train.len(), result.labelled, split.tune.len(), split.test.len()],
        label_share: result.labelled as f64 / split.train.len().max(1) as f64,
        networks: result.test.clone(),
        tune: Some(result.tune),
        tune_float: Some(result.tune_float),
        teacher_load: result.load.clone(),
        teacher_train: result.teacher_train.clone(),
        ways: result.ways.iter().zip(&result.load).map(way).collect(),
        cpu_seconds: result.cpu_seconds.clone(),
    }
}
