//! `eyas verify`: checks that host and chip compute the same integers.

use super::rows::{load_student, made, print, read_student};
use super::{DataOptions, Failure};
use crate::apply::{Input, sparse_integers};
use crate::data::Data;
use crate::output::{counted, tell};
use crate::recipe::Recipe;
use crate::run::RECIPE;
use crate::verify::device::{self, BOARDS, Board};
use crate::verify::{Comparison, OnDeviceError, compare_kernels, compare_on_device};
use clap::ValueEnum;
use clap::builder::PossibleValue;
use eyas::Student;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Compare every integer of every layer with the specification, here or on an emulated chip.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas verify models/cora/student.eyas\n  eyas verify models/cora/student.eyas --target cortex-m4\n  eyas verify models/cora/student.eyas --target riscv32\n  eyas verify student.eyas --data rows.csv --json\n\nThe golden vectors in the file are always compared. Rows come from --data, or else from the test nodes of\nrecipe.toml in the file's folder if that recipe made it. `cargo xtask setup` installs the emulators."
)]
pub struct Arguments {
    /// The student file.
    file: PathBuf,
    /// Rows to compare on: a .csv, an .npz with `x`, or a graph archive.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The target on which the student runs.
    #[arg(long, value_enum, default_value_t = Target::Host)]
    target: Target,
    /// Maximum number of rows; an emulated chip needs about a minute for 10,000.
    #[arg(long, value_name = "N", default_value_t = 200)]
    rows: usize,
    /// Print one JSON object instead of a sentence.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_options: DataOptions,
}

/// The target on which a student is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The kernels of this machine.
    Host,
    /// The bare-metal image of an emulated board.
    Device(&'static Board),
}

impl ValueEnum for Target {
    fn value_variants<'a>() -> &'a [Self] {
        static TARGETS: [Target; 1 + BOARDS.len()] = {
            let mut targets = [Target::Host; 1 + BOARDS.len()];
            let mut board = 0;
            while board < BOARDS.len() {
                targets[1 + board] = Target::Device(BOARDS[board]);
                board += 1;
            }
            targets
        };
        &TARGETS
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Host => PossibleValue::new("host").help("The kernels of this machine"),
            Self::Device(board) => {
                PossibleValue::new(board.name).help(format!("A bare-metal image on an emulated {}", board.words))
            }
        })
    }
}

impl Target {
    /// Checks that this machine has everything for verifying there, so that no work starts that could not finish.
    pub(super) fn check(self) -> Result<(), Failure> {
        match self {
            Self::Host => Ok(()),
            Self::Device(board) => {
                device::check(board).map_err(|source| Failure::work(OnDeviceError::Device { board, source }))
            }
        }
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    arena_bytes: Option<u64>,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student = load_student(&file, &arguments.file)?;
    let mut rows = match &arguments.data {
        Some(data) => {
            let mut input = Input::open(data, &student, None, false).map_err(Failure::refused)?;
            input.read(&student, &[]).map_err(Failure::refused)?.integers
        }
        None => recipe_rows(&student, &arguments.file, &arguments.data_options)?,
    };
    rows.truncate(arguments.rows);
    let verified = verify(&arguments.file, &student, &rows, arguments.target)?;
    let said =
        if arguments.json { serde_json::to_string(&verified).map_err(Failure::work)? } else { verified.sentence() };
    let printed = print(&said);
    verified.verdict().and(printed)
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
            arena_bytes: None,
        }),
        Target::Device(board) => on_device(path, student, rows, board),
    }
}

impl Verified {
    /// The outcome as a sentence.
    pub(super) fn sentence(&self) -> String {
        let Comparison { rows, values, mismatches, .. } = self.comparison;
        let cost = self.instructions_per_inference.map(|n| format!(", {n:.0} instructions an inference"));
        let cost = cost.unwrap_or_default();
        let (values, rows) = (counted(values, "integer", "integers"), counted(rows, "row", "rows"));
        let differ = counted(mismatches, "differs", "differ");
        format!("{}: {values} over {rows} and the golden vectors, {differ}{cost}", self.target)
    }

    /// A mismatch is a failure.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match self.comparison.first_difference {
            None if self.comparison.mismatches == 0 => Ok(()),
            None => {
                Err(Failure::work(counted(self.comparison.mismatches, "integer is missing", "integers are missing")))
            }
            Some(first) => Err(Failure::work(format!(
                "row {}, layer {}, unit {}: expected {}, got {}",
                first.row, first.layer, first.unit, first.expected, first.got
            ))),
        }
    }
}

/// Runs the board's image and compares its integers with the specification.
fn on_device(path: &Path, student: &Student<'_>, rows: &[Vec<i8>], board: &'static Board) -> Result<Verified, Failure> {
    let locations =
        device::locations(board).map_err(|source| Failure::work(OnDeviceError::Device { board, source }))?;
    let (comparison, run) = compare_on_device(path, student, rows, &locations).map_err(Failure::work)?;
    Ok(Verified {
        target: board.name,
        comparison,
        instructions_per_inference: Some(run.instructions_per_inference),
        instructions_per_layer: Some(run.instructions_per_layer),
        stack_bytes: Some(run.stack_bytes),
        arena_bytes: Some(run.arena_bytes),
    })
}

/// The test rows of the recipe that made the file, if the recipe is in the same folder; otherwise no rows, with a note.
pub(super) fn recipe_rows(student: &Student<'_>, file: &Path, options: &DataOptions) -> Result<Vec<Vec<i8>>, Failure> {
    let recipe_path = file.with_file_name(RECIPE);
    if !recipe_path.is_file() {
        tell(format_args!("note: no {} and no --data, only the golden vectors are compared", recipe_path.display()));
        return Ok(Vec::new());
    }
    let recipe = Recipe::load(&recipe_path).map_err(Failure::usage)?;
    if !made(&recipe, student, file) {
        tell(format_args!(
            "note: {} did not make this file, only the golden vectors are compared",
            recipe_path.display()
        ));
        return Ok(Vec::new());
    }
    let data = Data::load(&recipe, &recipe.search(&recipe_path, options.data_dir.clone())).map_err(Failure::refused)?;
    let seed = student.metadata().provenance.seed;
    // The shipped student is of the first split.
    let evaluations = data.evaluations(&recipe, &[seed]).map_err(Failure::refused)?;
    let test = evaluations.first().map(|evaluation| evaluation.split.test.clone()).unwrap_or_default();
    let rows = sparse_integers(student, &data.path, data.x.student_rows(&test, data.student));
    rows.map_err(Failure::refused)
}
