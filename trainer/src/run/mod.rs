//! One recipe carried out: teachers, student, controls, integers, for every split and seed.
//!
//! | file | idea |
//! |---|---|
//! | `job` | one evaluation, from teachers to figures |
//! | `teachers` | what the teachers answer, whatever they are |
//! | `search` | settings of teachers that the recipe leaves to the run |
//! | `members` | the training of one teacher |
//! | `audit` | what the teachers' answers are worth, before the student learns |
//! | `cotrain`, `masks` | student and teachers trained together; masks on the teachers |
//! | `student` | the student, taught as a recipe says |
//! | `controls` | students trained beside it |
//! | `integers` | the student in int8 |
//! | `stage` | one training: checkpointed, resumable, interruptible |
//! | `cache` | what is constant about teachers, kept on disk |
//! | `estimate` | what a run takes of memory |
//! | `folder` | everything a run leaves behind |
//! | `start` | a run from a program |

mod audit;
mod cache;
pub mod controls;
mod cotrain;
mod error;
pub(crate) mod estimate;
mod folder;
mod integers;
mod job;
mod masks;
mod members;
mod search;
mod stage;
mod start;
mod student;
mod teachers;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

pub use audit::leaks;
pub use cache::{Cache, TEACHERS};
pub use error::RunError;
pub use estimate::estimate;
pub use folder::{RECIPE, RESULTS, STUDENT, Written, teachers_in_words, tool, write};
pub use job::JobResult;
pub use masks::{MaskCosts, mask_costs};
pub(crate) use stage::stage;
pub use stage::{Interrupt, Observer, RunContext, StageEvent};
pub use start::{Error, Run};

use crate::data::{Data, Evaluation, Truth};
use crate::dataset::Split;
use crate::export::{Unsealable, check_fits, costs_of};
use crate::nn::{BackendKind, MadeOn};
use crate::recipe::Recipe;
use crate::teacher::FileAnswers;
use eyas::model::{CoreClass, Costs, Task};

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

/// A recipe with all that it is carried out on.
#[derive(Clone, Copy)]
pub struct Work<'a> {
    /// The recipe.
    pub recipe: &'a Recipe,
    /// Its data.
    pub data: &'a Data,
    /// What its teachers answer that come as a file, one a teacher; see [`consult`](crate::teacher::consult).
    pub files: &'a [Option<FileAnswers>],
    /// How it is carried out.
    pub options: &'a RunOptions,
    /// Who watches, who stops it, and where it keeps what.
    pub context: &'a RunContext<'a>,
}

/// Everything measured, and the student to ship.
#[derive(Clone, Debug)]
pub struct RunResult {
    /// One entry an evaluation: split by split, seed by seed.
    pub jobs: Vec<JobResult>,
    /// Place in `jobs` of the shipped one.
    pub shipped: usize,
}

impl RunResult {
    /// The shipped job.
    #[must_use]
    pub fn shipped(&self) -> &JobResult {
        &self.jobs[self.shipped]
    }
}

/// Whether the student answers with a class or a quantity.
pub(crate) fn task(data: &Data) -> Task {
    if matches!(data.truth, Truth::Classes { .. }) { Task::Classify } else { Task::Regress }
}

/// Checks what sealing will ask of the student, before anything is trained.
///
/// # Errors
/// [`Unsealable`] with what to change.
pub fn check(recipe: &Recipe, data: &Data) -> Result<(), Unsealable> {
    let widths = [&[data.student][..], &recipe.student.hidden, &[data.truth.outputs()]].concat();
    check_fits(task(data), &widths, &data.truth.names(), folder::input_names(data))?;
    check_budget(recipe, data, &widths)
}

/// Checks that a student of these widths keeps to the budget of its recipe.
fn check_budget(recipe: &Recipe, data: &Data, widths: &[usize]) -> Result<(), Unsealable> {
    let Some(budget) = recipe.budget else { return Ok(()) };
    let labels = data.truth.names();
    let names = (&labels[..], folder::input_names(data));
    let teachers = longest_teachers_in_words(recipe);
    // What cannot be weighed is refused when it is sealed.
    let Ok((costs, golden)) = costs_of(task(data), widths, names, data.edges.is_some(), &teachers) else {
        return Ok(());
    };
    let limits = [
        ("bytes of flash", budget.flash, costs.file_bytes + golden),
        ("bytes of RAM", budget.ram, most_arena(&costs)),
        ("multiply-accumulates", budget.macs, costs.macs),
    ];
    match limits.into_iter().find(|(_, limit, found)| limit.is_some_and(|limit| *found > limit)) {
        Some((what, Some(limit), found)) => Err(Unsealable::Budget { what, limit, found }),
        _ => Ok(()),
    }
}

/// Bytes of arena on the core that takes the most.
pub(crate) fn most_arena(costs: &Costs) -> usize {
    [CoreClass::Bytes, CoreClass::Halfwords, CoreClass::Words]
        .map(|core| costs.arena_bytes(core))
        .into_iter()
        .max()
        .unwrap_or(0)
}

/// The teachers in words, all settings of one that is to be found: what a student file has room for.
pub(crate) fn longest_teachers_in_words(recipe: &Recipe) -> String {
    teachers_in_words(&search::with_all_candidates(recipe))
}

/// Trainings of the teachers of a recipe, in one job.
fn teacher_stages(recipe: &Recipe) -> usize {
    if recipe.cotrain.is_some() {
        return 1 + masks::count(recipe);
    }
    let trained = recipe.teacher.iter().filter_map(|teacher| teacher.training());
    trained.map(|training| training.members * training.crossfit.unwrap_or(1)).sum()
}

/// Trainings of one job.
fn stages(recipe: &Recipe) -> usize {
    if search::searches(recipe) {
        // As if every setting were chosen; a bar that ends early disappoints nobody.
        return search::stages(recipe) + stages(&search::with_all_candidates(recipe));
    }
    teacher_stages(recipe) + 1 + if recipe.report.controls { controls::stages(recipe) } else { 0 }
}

/// Carries out a recipe.
///
/// Jobs (split times seed) are independent and run side by side; each draws from random streams of its own seed, so the result
/// does not depend on `threads`. The shipped student is of the first split, its seed the one with the best int8 figure on the
/// tune rows, the lowest seed of a tie; test labels are read for scores only, after everything is trained.
///
/// # Errors
/// [`RunError`]; finished stages are checkpointed in the context's folder.
pub fn execute(work: &Work<'_>) -> Result<RunResult, RunError> {
    let Work { recipe, data, options, context, .. } = *work;
    check(recipe, data)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
    let pool = pool.map_err(|error| RunError::Threads { threads: options.threads, reason: error.to_string() })?;
    let evaluations = data.evaluations(recipe, &options.seeds)?;
    context.observer.planned(evaluations.len() * stages(recipe));
    let jobs: Vec<JobResult> = pool.install(|| {
        evaluations
            .par_iter()
            .with_max_len(1)
            .map(|evaluation| job::carry_out(work, evaluation))
            .collect::<Result<_, _>>()
    })?;
    let first = jobs.first().map(|job| job.evaluation.name.clone()).unwrap_or_default();
    let shipped = (0..jobs.len())
        .filter(|&at| jobs[at].evaluation.name == first)
        .reduce(|best, next| if jobs[next].tune_merit() > jobs[best].tune_merit() { next } else { best })
        .ok_or(RunError::Interrupted)?;
    Ok(RunResult { jobs, shipped })
}

/// SHA-256 of what every teacher of a job depends on beside its own settings: the kind of machine too, so that no run mixes
/// the sums of two.
fn data_key(
    data: &Data,
    split: &Split,
    files: &[Option<FileAnswers>],
    labelled: &[usize],
    backend: BackendKind,
) -> [u8; 32] {
    let mut key = Sha256::new().chain_update(b"eyas teachers 4").chain_update(tool());
    key.update(backend.name());
    key.update(MadeOn::here().to_string());
    key.update(data.hash(split, files));
    labelled.iter().for_each(|&row| key.update((row as u64).to_le_bytes()));
    key.finalize().into()
}

/// What must be equal for a run to be continued.
///
/// # Errors
/// A split that cannot be drawn.
pub fn identity(
    recipe: &Recipe,
    data: &Data,
    files: &[Option<FileAnswers>],
    options: &RunOptions,
) -> Result<[u8; 32], RunError> {
    let mut hash = Sha256::new();
    hash.update(recipe.recipe_hash());
    let seed = &options.seeds[..options.seeds.len().min(1)];
    for Evaluation { split, .. } in data.evaluations(recipe, seed)? {
        hash.update(data.hash(&split, files));
    }
    hash.update(options.backend.name());
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(MadeOn::here().to_string());
    Ok(hash.finalize().into())
}
