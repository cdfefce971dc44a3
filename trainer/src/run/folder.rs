//! Everything a run leaves behind: student file, vectors, metrics, report, card, resolved recipe.

use super::{RunError, RunOptions, RunResult, plan};
use crate::export::{FloatStudent, STUDENT_FLOAT, Sealed, seal, write_vectors};
use crate::nn::{MadeOn, MlpWeights};
use crate::output::{OutputFolder, hexadecimal};
use crate::quantize::{About, InputCoding, Replay};
use crate::recipe::old::{Prepared, Recipe};
use crate::report::metrics::{self, CostMetrics, DataMetrics, Metrics, Summary};
use crate::report::{card, html};
use eyas::model::{Provenance, Task};
use eyas::{AlignedBytes, Student};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Name of the sealed student in a run folder.
pub const STUDENT: &str = "student.eyas";
/// Name of the resolved recipe in a run folder.
pub const RECIPE: &str = "recipe.toml";
/// Every name a run writes.
pub const RESULTS: [&str; 7] =
    [STUDENT, RECIPE, "metrics.json", "report.html", "card.md", "vectors.npz", STUDENT_FLOAT];
/// Test rows in `vectors.npz`.
const VECTOR_ROWS: usize = 200;

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The student file.
    pub file: AlignedBytes,
    /// Everything measured.
    pub metrics: Metrics,
}

/// Name and version of this trainer.
#[must_use]
pub fn tool() -> String {
    format!("eyas {}", env!("CARGO_PKG_VERSION"))
}

/// The float student's file.
pub(crate) fn float_student(
    weights: &MlpWeights,
    coding: &InputCoding,
    student: [u8; 32],
) -> Result<Vec<u8>, crate::output::OutputError> {
    let archive = FloatStudent::new(weights, coding, student).archive();
    archive.map_err(|error| crate::output::OutputError::io("build", Path::new(STUDENT_FLOAT), error))
}

/// Seals the shipped student and writes the run folder, the student file last.
///
/// `notice` is the licence line of the data, for the card.
///
/// # Errors
/// [`RunError`] when the runtime refuses the student or a file cannot be written; a student file that was there
/// before is then still whole.
pub fn write(
    recipe: &Recipe,
    name: &str,
    prepared: &Prepared,
    options: &RunOptions,
    result: &RunResult,
    folder: &OutputFolder,
) -> Result<Written, RunError> {
    let graph = &prepared.graph;
    let resolved = recipe.resolved();
    let (data_hash, recipe_hash) = (graph.data_hash(&prepared.split), recipe.recipe_hash());
    let (teacher, tool) = (plan::teacher_in_words(recipe), tool());
    let student = &result.shipped.student;
    let integers = student.coding.integers(&graph.features);
    let rows = |nodes: &[usize]| nodes.iter().map(|&node| integers[node].clone()).collect::<Vec<_>>();
    let about = About {
        labels: &graph.class_names,
        input_names: &graph.input_names,
        provenance: Provenance {
            teacher: &teacher,
            data_hash: &data_hash,
            recipe_hash: &recipe_hash,
            seed: result.shipped.seed,
            tool: &tool,
        },
        task: Task::Classify,
        golden: &[],
    };
    let Sealed { file, .. } = seal(student, &about, &rows(&prepared.split.tune))?;
    let loaded = Student::load(&file).map_err(crate::export::SealError::from)?;

    let test = &prepared.split.test;
    let replay = Replay::of_file(&loaded, &rows(test));
    let labels = graph.labels.as_deref().unwrap_or_default();
    let truth: Vec<u16> = test.iter().map(|&node| labels[node]).collect();
    let (classes, macro_f1) = metrics::by_class(&graph.class_names, &truth, &replay.labels);
    let costs = loaded.costs();
    let mut widths = vec![costs.inputs];
    widths.extend(loaded.layers().map(|layer| usize::from(layer.outputs)));
    let split = &prepared.split;
    let metrics = Metrics {
        schema: metrics::SCHEMA.into(),
        tool: tool.clone(),
        recipe: name.into(),
        recipe_hash: hexadecimal(&recipe_hash),
        backend: options.backend.name().into(),
        threads: options.threads,
        made_on: Some(MadeOn::here()),
        teacher: teacher.clone(),
        student_widths: widths,
        data: DataMetrics {
            name: graph.name.clone(),
            nodes: graph.nodes(),
            edges: graph.edges(),
            inputs: graph.inputs(),
            classes: graph.classes,
            split: [split.train.len(), split.tune.len(), split.test.len()],
            hash: hexadecimal(&data_hash),
            warnings: prepared.warnings.iter().map(ToString::to_string).collect(),
        },
        shipped_seed: result.shipped.seed,
        student_hash: hexadecimal(&Sha256::digest(&*file)),
        mean: Summary::mean(&result.seeds),
        sd: Summary::sd(&result.seeds),
        differences: metrics::differences(&result.seeds),
        seeds: result.seeds.clone(),
        classes,
        macro_f1,
        cost: CostMetrics::of(&costs),
    };

    let shown = &test[..test.len().min(VECTOR_ROWS)];
    let vectors = write_vectors(&rows(shown), &Replay::of_file(&loaded, &rows(shown)));
    let vectors = vectors.map_err(|error| crate::output::OutputError::io("build", Path::new("vectors.npz"), error))?;
    let json = serde_json::to_string_pretty(&metrics).unwrap_or_default() + "\n";
    let json = crate::output::escaped(&json);
    let digest = Sha256::digest(&*file).into();
    folder.write(STUDENT_FLOAT, &float_student(&result.shipped.weights, &student.coding, digest)?)?;
    folder.write("vectors.npz", &vectors)?;
    folder.write("metrics.json", json.as_bytes())?;
    folder.write("report.html", html(&metrics, &resolved)?.as_bytes())?;
    folder.write("card.md", card(&metrics, prepared.notice.as_deref())?.as_bytes())?;
    // The very recipe of this run, with its author's comments, is not written over; a copy of another run is.
    let there = folder.path().join(RECIPE);
    let copied = std::fs::read_to_string(&there).is_ok_and(|text| text == resolved);
    let there = Recipe::load(&there);
    if copied || !there.is_ok_and(|there| there.whole.base.is_empty() && there.recipe_hash() == recipe_hash) {
        folder.write(RECIPE, recipe.text().as_bytes())?;
    }
    folder.write(STUDENT, &file)?;
    Ok(Written { file, metrics })
}
