//! `eyas distill` for a recipe on a table.

use super::Failure;
use super::distill::{Arguments, INTERRUPT, Run, existing, failure, fits_memory, listen, name, show_and_verify};
use super::progress::Bars;
use crate::nn::{BackendKind, MadeOn};
use crate::output::{OutputFolder, tell};
use crate::recipe::old::TabularRecipe;
use crate::run::{RESULTS, RunContext, RunOptions};
use crate::tabular::{
    Cache, MaskCosts, TEACHERS, TabularMetrics, TabularPrepared, check, estimate, execute as carry_out, mask_costs,
    summary,
};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::thread::available_parallelism;

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments, recipe: &TabularRecipe, backend: BackendKind) -> Result<(), Failure> {
    let data = TabularPrepared::load(recipe, &arguments.recipe, arguments.data_options.data_dir.clone());
    let mut data = data.map_err(Failure::refused)?;
    let folds = data.splits(recipe).map_err(Failure::refused)?;
    let threads = arguments.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let options = RunOptions { seeds: recipe.report.seeds.clone(), backend, threads };
    let name = name(&arguments.recipe);
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("runs").join(&name));
    tell(format_args!(
        "{}: {} rows, the student sees {} of {} columns; splits {folds:?}, seeds {:?}, backend {}, {threads} threads, into {}",
        data.path.display(),
        data.x.nrows(),
        data.student,
        data.x.ncols(),
        options.seeds,
        backend.name(),
        out.display(),
    ));
    // A fold or seed that cannot be split is refused before anything is trained.
    let mut rows = Vec::new();
    for (&fold, &seed) in folds.iter().flat_map(|fold| options.seeds.iter().map(move |seed| (fold, seed))) {
        rows.push(data.split(recipe, fold, seed).map_err(Failure::refused)?.train.len());
    }
    if let Some(costs) = rows.first().and_then(|&rows| mask_costs(recipe, rows)) {
        let MaskCosts { masks, parameters, macs } = costs;
        tell(format_args!("masks: {masks}, {parameters} parameters, {macs:e} multiply-accumulates a fold and seed"));
    }
    check(recipe, &data).map_err(Failure::refused)?;
    fits_memory(&estimate(recipe, &data, folds.len(), options.seeds.len(), threads))?;
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
    let consulted = data.consult(recipe, &arguments.recipe, arguments.ort.ort_dylib.clone(), &cache);
    consulted.map_err(|error| match error {
        error if INTERRUPT.is_raised() => Failure::interrupted(error),
        error if error.is_missing_library() => Failure::work(error),
        error => Failure::refused(error),
    })?;
    for warning in &data.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let Some(folder) = folder else { return Ok(()) };
    if arguments.resume && folder.is_finished() {
        let metrics = TabularMetrics::read(&out).map_err(Failure::refused)?;
        let [fold, seed] = metrics.shipped;
        let split = data.split(recipe, fold, seed).map_err(Failure::refused)?;
        let run = Run { recipe: recipe.recipe_hash(), data: data.data_hash(&split), backend };
        return run.show_finished(arguments, &out, &metrics.backend, &metrics, &summary(&metrics));
    }
    let checkpoints = folder.checkpoints();
    let mut hasher = Sha256::new();
    hasher.update(recipe.recipe_hash());
    for &fold in &folds {
        let split = data.split(recipe, fold, recipe.report.seeds.first().copied().unwrap_or(0));
        hasher.update(data.data_hash(&split.map_err(Failure::refused)?));
    }
    hasher.update(backend.name());
    hasher.update(env!("CARGO_PKG_VERSION"));
    hasher.update(MadeOn::here().to_string());
    let identity: [u8; 32] = hasher.finalize().into();
    let checkpoints = Some((checkpoints.as_path(), identity));
    let context = RunContext { observer: &bars, interrupt: &INTERRUPT, checkpoints, cache: Some(&kept) };
    let recipe = recipe.copied(&out, &recipe.search(&arguments.recipe, arguments.data_options.data_dir.clone()));
    let result = carry_out(&recipe, &name, &data, &options, &context, &folder);
    bars.finish();
    let result = result.map_err(failure)?;
    folder.remove_checkpoints().map_err(Failure::work)?;
    show_and_verify(arguments, &out, &result.file, &result.test, &result.metrics, &summary(&result.metrics))
}
