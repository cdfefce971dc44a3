//! One recipe carried out: teachers, controls, student, integers, for every seed and setting.
//!
//! | file | idea |
//! |---|---|
//! | `plan` | the recipe's tables as plans of the training core |
//! | `stage` | one training: checkpointed, resumable, interruptible |
//! | `job` | one seed in one setting, from teacher to integers |
//! | `estimate` | what it takes of memory |
//! | `controls` | the controls as changes of the recipe |
//! | `folder` | everything a run leaves behind |

mod controls;
pub(crate) mod estimate;
mod folder;
mod job;
mod plan;
mod stage;

pub use estimate::estimate;
pub(crate) use folder::float_student;
pub use folder::{RECIPE, RESULTS, STUDENT, Written, tool, write};
pub use job::{JobResult, Setting};
pub(crate) use plan::quantize as quantize_plan;
pub use plan::teacher_in_words;
pub(crate) use stage::stage;
pub use stage::{Interrupt, Observer, RunContext, StageEvent};

use crate::export::check_fits;
use crate::nn::{BackendKind, TrainError};
use crate::quantize::QuantizeError;
use crate::recipe::{Prepared, Recipe};
use crate::report::Outcome;
use eyas::model::Task;
use rayon::prelude::*;

/// Why a run ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A training could not be started or diverged.
    #[error("seed {seed}, {stage}: {source}")]
    Train {
        /// Seed of the job.
        seed: u64,
        /// Stage of the job.
        stage: String,
        /// What is wrong.
        source: TrainError,
    },
    /// The float student fits no student file.
    #[error("seed {seed}: {source}")]
    Quantize {
        /// Seed of the job.
        seed: u64,
        /// What is wrong.
        source: QuantizeError,
    },
    /// The user stopped the run; finished stages are checkpointed.
    #[error("interrupted; finished stages are kept, go on with --resume")]
    Interrupted,
    /// The data has no labels.
    #[error("{0} has no labels, and a graph teacher learns from them; add a `label` column")]
    NoLabels(String),
    /// A checkpoint could not be read or written.
    #[error("checkpoint {stage}: {source}")]
    Checkpoint {
        /// Stage of the job.
        stage: String,
        /// What is wrong.
        source: crate::output::OutputError,
    },
    /// No student of these data can be sealed.
    #[error(transparent)]
    Unsealable(#[from] crate::export::Unsealable),
    /// The sealed file is not accepted by the runtime.
    #[error(transparent)]
    Seal(#[from] crate::export::SealError),
    /// Something of the run folder could not be written.
    #[error(transparent)]
    Output(#[from] crate::output::OutputError),
    /// A report could not be rendered.
    #[error(transparent)]
    Report(#[from] crate::report::ReportError),
    /// A teacher that comes as a file was not asked before the run.
    #[error("teacher {number}: expected its answers, found none; call `TabularPrepared::consult` before the run")]
    NotConsulted {
        /// Teacher, counted from 1.
        number: usize,
    },
    /// The nodes to take out cannot be chosen.
    #[error(transparent)]
    Data(#[from] crate::dataset::DataError),
    /// The thread pool could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The system's reason.
        reason: String,
    },
}

/// How a recipe is carried out; nothing here changes a byte of the student file except seeds and backend.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Seeds in ascending order.
    pub seeds: Vec<u64>,
    /// Backend of the float training.
    pub backend: BackendKind,
    /// Jobs that run side by side.
    pub threads: usize,
}

/// Everything measured, and the student to ship.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// One entry a seed and setting, in the order of the seeds.
    pub outcomes: Vec<Outcome>,
    /// The transductive job of the shipped seed.
    pub shipped: JobResult,
}

/// Checks what sealing will ask of the student, before anything is trained.
///
/// # Errors
/// [`Unsealable`](crate::export::Unsealable) with what to change.
pub fn check(recipe: &Recipe, prepared: &Prepared) -> Result<(), crate::export::Unsealable> {
    let graph = &prepared.graph;
    let widths = [&[graph.inputs()][..], &recipe.student.hidden, &[graph.classes]].concat();
    check_fits(Task::Classify, &widths, &graph.class_names, &graph.input_names)
}

/// Carries out a recipe.
///
/// Jobs (seed times setting) are independent and run side by side; each draws from random streams of its own
/// seed, so the result does not depend on `threads`. The shipped seed is the one with the best int8 accuracy on
/// the tune nodes, the lowest seed of a tie; test labels are read for scores only, after everything is trained.
///
/// # Errors
/// [`RunError`]; finished stages are checkpointed in the context's folder.
pub fn execute(
    recipe: &Recipe,
    prepared: &Prepared,
    options: &RunOptions,
    context: &RunContext<'_>,
) -> Result<RunResult, RunError> {
    check(recipe, prepared)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| RunError::Threads { threads: options.threads, reason: error.to_string() })?;
    let settings: &[Setting] = if prepared.inductive_share > 0.0 {
        &[Setting::Transductive, Setting::Inductive]
    } else {
        &[Setting::Transductive]
    };
    let jobs: Vec<(u64, Setting)> =
        options.seeds.iter().flat_map(|&seed| settings.iter().map(move |&setting| (seed, setting))).collect();
    context.observer.planned(jobs.len() * job::stages(recipe));
    let results: Vec<JobResult> = pool.install(|| {
        jobs.par_iter()
            .with_max_len(1)
            .map(|&(seed, setting)| job::carry_out(recipe, prepared, seed, setting, options.backend, context))
            .collect::<Result<_, _>>()
    })?;
    let outcomes = results.iter().map(|result| result.outcome.clone()).collect();
    let shipped = results
        .into_iter()
        .filter(|result| result.setting == Setting::Transductive)
        .reduce(|best, next| if next.tune_merit() > best.tune_merit() { next } else { best })
        .ok_or(RunError::Interrupted)?;
    Ok(RunResult { outcomes, shipped })
}
