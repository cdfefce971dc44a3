//! `eyas verify`: the same integers on the host and on a chip.

use super::rows::{print, quantize_rows, read_student};
use super::{DataOptions, Failure};
use crate::bounded;
use crate::dataset::Table;
use crate::quantize::dense_rows;
use crate::recipe::{PrepareError, Recipe, TabularRecipe};
use crate::run::RECIPE;
use crate::tabular::TabularPrepared;
use crate::verify::{Comparison, compare_kernels, cortex_m4, expected_outputs};
use eyas::Student;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Compare every integer of every layer with the specification's, here or on an emulated chip.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas verify models/cora/student.eyas\n  eyas verify models/cora/student.eyas --target cortex-m4\n  eyas verify student.eyas --data rows.csv --json\n\nThe golden vectors in the file are always compared. Rows come from --data, else from the test nodes of the\nrecipe.toml beside the file if that recipe made it. `cargo xtask setup` installs the emulator."
)]
pub struct Arguments {
    /// The student file.
    file: PathBuf,
    /// Rows to compare on: a .csv, an .npz with `x`, or a graph archive.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Where the student runs.
    #[arg(long, value_enum, default_value_t = Target::Host)]
    target: Target,
    /// Rows at most; an emulated chip needs about a minute for 10,000.
    #[arg(long, value_name = "N", default_value_t = 200)]
    rows: usize,
    /// One JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_options: DataOptions,
}

/// Where a student is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// The kernels of this machine.
    Host,
    /// The bare-metal firmware on an emulated Cortex-M4.
    CortexM4,
}

/// The JSON of `eyas verify`.
#[derive(Serialize)]
pub(super) struct Verified {
    target: &'static str,
    #[serde(flatten)]
    comparison: Comparison,
    instructions_per_inference: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions_per_layer: Option<Vec<f64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stack_bytes: Option<u64>,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student =
        Student::load(&file).map_err(|error| Failure::refused(format!("{}: {error}", arguments.file.display())))?;
    let mut rows = match &arguments.data {
        Some(data) => quantize_rows(&student, &Table::load(data).map_err(Failure::refused)?, data)?,
        None => recipe_rows(&student, &arguments.file, &arguments.data_options)?,
    };
    rows.truncate(arguments.rows);
    let verified = verify(&arguments.file, &student, &rows, arguments.target)?;
    if arguments.json {
        print(&serde_json::to_string(&verified).map_err(Failure::work)?)?;
    } else {
        print(&verified.sentence())?;
    }
    verified.verdict()
}

/// Verifies a loaded student on `rows`.
pub(super) fn verify(
    path: &Path,
    student: &Student<'_>,
    rows: &[Vec<i8>],
    target: Target,
) -> Result<Verified, Failure> {
    let host = compare_kernels(student, rows).map_err(Failure::work)?;
    match target {
        Target::Host => Ok(Verified {
            target: "host",
            comparison: host,
            instructions_per_inference: None,
            instructions_per_layer: None,
            stack_bytes: None,
        }),
        Target::CortexM4 => on_cortex_m4(path, student, rows),
    }
}

impl Verified {
    /// The outcome in a sentence.
    pub(super) fn sentence(&self) -> String {
        let Comparison { rows, values, mismatches, .. } = self.comparison;
        let cost = self.instructions_per_inference.map(|n| format!(", {n:.0} instructions an inference"));
        let cost = cost.unwrap_or_default();
        format!("{}: {values} integers over {rows} rows and the golden vectors, {mismatches} differ{cost}", self.target)
    }

    /// A mismatch is a failure.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.comparison.first_difference {
            None if self.comparison.mismatches == 0 => Ok(()),
            None => Err(Failure::work(format!("{} integers are missing", self.comparison.mismatches))),
            Some(first) => Err(Failure::work(format!(
                "row {}, layer {}, unit {}: expected {}, got {}",
                first.row, first.layer, first.unit, first.expected, first.got
            ))),
        }
    }
}

/// Runs the firmware and compares what it computed with the specification.
fn on_cortex_m4(path: &Path, student: &Student<'_>, rows: &[Vec<i8>]) -> Result<Verified, Failure> {
    let widths: Vec<usize> = student.layers().map(|layer| usize::from(layer.outputs)).collect();
    let locations = cortex_m4::locations().map_err(Failure::work)?;
    let run = cortex_m4::run(path, rows, widths.iter().sum(), &locations).map_err(Failure::work)?;
    let expected = expected_outputs(student, rows).map_err(Failure::work)?;
    let mut comparison = Comparison { values: run.golden_values, ..Comparison::default() };
    for (expected, got) in expected.iter().zip(&run.outputs) {
        comparison.add(&widths, expected, got);
    }
    if comparison.rows != rows.len() {
        return Err(Failure::work(format!("the firmware answered {} of {} rows", comparison.rows, rows.len())));
    }
    Ok(Verified {
        target: "cortex-m4",
        comparison,
        instructions_per_inference: Some(run.instructions_per_inference),
        instructions_per_layer: Some(run.instructions_per_layer),
        stack_bytes: Some(run.stack_bytes),
    })
}

/// The test rows of the recipe that made the file, if it lies beside it; no rows, with a note, if not.
pub(super) fn recipe_rows(student: &Student<'_>, file: &Path, options: &DataOptions) -> Result<Vec<Vec<i8>>, Failure> {
    let recipe_path = file.with_file_name(RECIPE);
    if !recipe_path.is_file() {
        eprintln!("note: no {} and no --data, only the golden vectors are compared", recipe_path.display());
        return Ok(Vec::new());
    }
    if bounded::text(&recipe_path, bounded::Kind::Recipe).is_ok_and(|text| TabularRecipe::describes(&text)) {
        return table_rows(student, &recipe_path, options);
    }
    let loaded = Recipe::load_and_prepare(&recipe_path, options.data_dir.clone());
    let (recipe, prepared) = loaded.map_err(|error| match error {
        PrepareError::Data(error) => Failure::refused(error),
        error => Failure::usage(error),
    })?;
    if recipe.recipe_hash() != student.metadata().provenance.recipe_hash {
        eprintln!("note: {} did not make this file, only the golden vectors are compared", recipe_path.display());
        return Ok(Vec::new());
    }
    let table = Table {
        features: prepared.graph.features.clone(),
        input_names: prepared.graph.input_names.clone(),
        ids: Vec::new(),
        labels: Vec::new(),
    };
    let rows = quantize_rows(student, &table, &prepared.path)?;
    Ok(prepared.split.test.iter().map(|&node| rows[node].clone()).collect())
}

/// The test rows of the first split of a recipe on a table.
fn table_rows(student: &Student<'_>, recipe_path: &Path, options: &DataOptions) -> Result<Vec<Vec<i8>>, Failure> {
    let recipe = TabularRecipe::load(recipe_path).map_err(Failure::usage)?;
    if recipe.recipe_hash() != student.metadata().provenance.recipe_hash {
        eprintln!("note: {} did not make this file, only the golden vectors are compared", recipe_path.display());
        return Ok(Vec::new());
    }
    let data = TabularPrepared::load(&recipe, recipe_path, options.data_dir.clone()).map_err(Failure::refused)?;
    let fold = data.splits(&recipe).map_err(Failure::refused)?.first().copied().unwrap_or(0);
    let split = data.split(&recipe, fold, student.metadata().provenance.seed).map_err(Failure::refused)?;
    let x = data.x.select(ndarray::Axis(0), &split.test);
    let table = Table {
        features: dense_rows(x.slice(ndarray::s![.., ..data.student])),
        input_names: Vec::new(),
        ids: Vec::new(),
        labels: Vec::new(),
    };
    quantize_rows(student, &table, &data.path)
}
