//! `eyas label`: rows in, logits out, in parts that any scheduler can run.

use super::rows::print;
use super::{Failure, OrtOptions};
use crate::label::{Finished, Label, LabelError, LabelRecipe, Parts, Status, finish, ranges, status};
use crate::output::{counted, tell};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

static STOP: AtomicBool = AtomicBool::new(false);

/// Write a teacher's logits for every row of a table, in numbered parts that any scheduler can run.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas label recipe.toml --in readings.parquet --out labels\n  eyas label recipe.toml --in table/ --out labels --plan\n  eyas label recipe.toml --in table/ --out labels --part $SLURM_ARRAY_TASK_ID/1000\n  eyas label recipe.toml --out labels --status\n  eyas label recipe.toml --out labels --finish\n\nWithout --part every missing part runs here and the folder is finished. A part may be run twice, anywhere, and\nkilled at any moment: it is published once. Exit status 0: done, or done before; 1: try again; 2 and 3: the\ncommand, the table or the teacher is wrong, trying again cannot help. docs/LABEL.md has recipes for schedulers."
)]
pub struct Arguments {
    /// The recipe; it must have exactly one [[teacher]].
    recipe: PathBuf,
    /// The table: Parquet (a file or a folder), .csv, .csv.gz, or .npz with `x`.
    #[arg(long = "in", value_name = "TABLE", required_unless_present_any = ["status", "finish"])]
    table: Option<PathBuf>,
    /// Folder of the plan and the labelled parts.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Parts to run here, of the N parts of the plan: 17/1000, 0-9/1000, or 3,17,40-44/1000.
    #[arg(long, value_name = "i/N")]
    part: Option<Parts>,
    /// Number of parts to run in parallel; default: the number of cores. Does not change the output.
    #[arg(long, value_name = "J", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Make the plan, print the number of parts, and stop.
    #[arg(long, conflicts_with_all = ["part", "status", "finish"])]
    plan: bool,
    /// Print the missing parts, such as 3,17,40-44, and stop.
    #[arg(long, conflicts_with_all = ["part", "finish"])]
    status: bool,
    /// Check every part, write _SUCCESS.json with the digest of all rows, and stop.
    #[arg(long, conflicts_with = "part")]
    finish: bool,
    /// Write one column per logit instead of one list column.
    #[arg(long)]
    wide: bool,
    /// Target number of rows per part in a new plan; default: 1048576. Row groups stay whole.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    rows_per_part: Option<u64>,
    /// Print one JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    ort: OrtOptions,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let json = |value: serde_json::Result<String>| print(&value.map_err(Failure::work)?);
    if arguments.status {
        let status = status(&arguments.out).map_err(failure)?;
        return if arguments.json { json(serde_json::to_string(&status)) } else { tell_status(&status) };
    }
    let finished = if arguments.finish { Some(finish(&arguments.out).map_err(failure)?) } else { run(arguments)? };
    match finished {
        Some(finished) if arguments.json => json(serde_json::to_string(&finished)),
        Some(Finished { parts, rows, outputs, digest, .. }) => print(&format!(
            "{}: {}, {} each, {}, digest {digest}",
            arguments.out.display(),
            counted(rows, "row", "rows"),
            counted(outputs, "logit", "logits"),
            counted(parts, "part", "parts")
        )),
        None if arguments.json => json(serde_json::to_string(&status(&arguments.out).map_err(failure)?)),
        None => Ok(()),
    }
}

/// Plans and runs parts; also finishes if this command runs all of them.
fn run(arguments: &Arguments) -> Result<Option<Finished>, Failure> {
    let recipe = LabelRecipe::load(&arguments.recipe).map_err(failure)?;
    let recipe = recipe.with_library(arguments.ort.ort_dylib.clone());
    let open = |columns: &[String]| recipe.open_teacher(columns);
    let Some(table) = &arguments.table else { return Err(Failure::usage("--in: expected a table, found none")) };
    let columns = recipe.columns();
    let label = Label::open(&arguments.out, table, &columns, arguments.wide, arguments.rows_per_part, &open);
    let label = label.map_err(failure)?;
    if let Some(meaning) = recipe.meaning() {
        tell(format_args!("note: {meaning}"));
        if !meaning.classes.is_empty() {
            tell(format_args!("note: the logits are those of {}, in this order", meaning.classes.join(", ")));
        }
    }
    let of = label.plan().parts.len();
    if arguments.plan {
        if !arguments.json {
            let (parts, rows) = (counted(of, "part", "parts"), counted(label.plan().rows(), "row", "rows"));
            print(&format!("{}: {parts}, {rows}", arguments.out.display()))?;
        }
        return Ok(None);
    }
    let parts = match &arguments.part {
        None => (0..of).collect(),
        Some(parts) if parts.of == of => parts.indices.clone(),
        Some(parts) => {
            let path = arguments.out.join(crate::label::PLAN);
            return Err(failure(LabelError::PartCount { path, planned: of, found: parts.of }));
        }
    };
    // A second interrupt ends the program; --finish later removes the unfinished file.
    ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        crate::onnx::interrupt();
    })
    .ok();
    let jobs = arguments.jobs.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from);
    let done = |commit: &crate::label::Commit| {
        if !arguments.json {
            tell(format_args!("part {} of {of}: {}", commit.part, counted(commit.rows, "row", "rows")));
        }
    };
    label.run(&parts, jobs, &STOP, &done).map_err(failure)?;
    let (floored, least) = (recipe.floored(), crate::teacher::LEAST_PROBABILITY);
    if floored > 0 {
        tell(format_args!(
            "warning: {} below {least:e} and taken as that",
            counted(floored, "probability was", "probabilities were")
        ));
    }
    if arguments.part.is_none() {
        return label.finish().map(Some).map_err(failure);
    }
    if !arguments.json {
        print(&format!("parts {} of {of} are done", ranges(&parts)))?;
    }
    Ok(None)
}

/// Prints only the missing parts, so that a script can pass them on, and nothing if none is missing.
fn tell_status(status: &Status) -> Result<(), Failure> {
    let Status { parts, done, missing, rows, finished } = status;
    let end = if *finished { ", finished" } else { "" };
    tell(format_args!(
        "{done} of {} done, {} in all{end}",
        counted(*parts, "part is", "parts are"),
        counted(*rows, "row", "rows")
    ));
    if missing.is_empty() { Ok(()) } else { print(missing) }
}

fn failure(error: LabelError) -> Failure {
    match error {
        LabelError::Interrupted => Failure::interrupted(error),
        error if error.is_usage() => Failure::usage(error),
        error if error.may_pass() => Failure::work(error),
        error => Failure::refused(error),
    }
}
