//! `eyas distill` for a recipe on a table.

use super::Failure;
use super::distill::{Arguments, INTERRUPT, existing, failure, listen, name, seeds, show_and_verify};
use super::progress::Bars;
use crate::nn::BackendKind;
use crate::output::OutputFolder;
use crate::recipe::TabularRecipe;
use crate::run::{RESULTS, RunContext, RunOptions};
use crate::tabular::{TabularPrepared, execute as carry_out, summary};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::thread::available_parallelism;

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let backend: BackendKind = arguments.backend.parse().map_err(Failure::usage)?;
    let mut recipe = TabularRecipe::load(&arguments.recipe).map_err(Failure::usage)?;
    recipe.report.seeds = seeds(arguments, &recipe.report.seeds);
    let data = TabularPrepared::load(&recipe, &arguments.recipe, arguments.data_options.data_dir.clone());
    let data = data.map_err(Failure::refused)?;
    let folds = data.splits(&recipe).map_err(Failure::refused)?;
    let threads = arguments.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let options = RunOptions { seeds: recipe.report.seeds.clone(), backend, threads };
    let name = name(&arguments.recipe);
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&name));
    eprintln!(
        "{}: {} rows, the student sees {} of {} columns; splits {folds:?}, seeds {:?}, backend {}, {threads} threads, into {}",
        data.path.display(),
        data.x.nrows(),
        data.student,
        data.x.ncols(),
        options.seeds,
        backend.name(),
        out.display(),
    );
    for warning in &data.warnings {
        eprintln!("warning: {warning}");
    }
    if arguments.dry_run {
        return Ok(());
    }
    let folder = OutputFolder::open(&out, &RESULTS, existing(arguments)).map_err(Failure::work)?;
    listen()?;
    let bars = Bars::new();
    let checkpoints = folder.checkpoints();
    let mut hasher = Sha256::new();
    hasher.update(recipe.recipe_hash());
    for &fold in &folds {
        let split = data.split(&recipe, fold, recipe.report.seeds.first().copied().unwrap_or(0));
        hasher.update(data.data_hash(&split.map_err(Failure::refused)?));
    }
    hasher.update(backend.name());
    hasher.update(env!("CARGO_PKG_VERSION"));
    let identity: [u8; 32] = hasher.finalize().into();
    let context = RunContext { observer: &bars, interrupt: &INTERRUPT, checkpoints: Some((&checkpoints, identity)) };
    let result = carry_out(&recipe, &name, &data, &options, &context, &folder);
    bars.finish();
    let result = result.map_err(failure)?;
    folder.remove_checkpoints().map_err(Failure::work)?;
    show_and_verify(arguments, &out, &result.file, &result.test, &result.metrics, &summary(&result.metrics))
}
