//! Everything a run leaves behind: student file, vectors, metrics, report, card, resolved recipe.

use super::controls::controls;
use super::job::rows_of;
use super::{RunError, RunOptions, RunResult, plan};
use crate::export::{FloatStudent, STUDENT_FLOAT, Sealed, seal, write_vectors};
use crate::nn::MlpWeights;
use crate::output::{OutputFolder, hexadecimal};
use crate::quantize::{About, InputCoding, Replay, activations};
use crate::recipe::{Prepared, Recipe};
use crate::report::metrics::{self, CostMetrics, Data, DataKind, DataTask, Metrics, ShippedStudent, TeacherMetrics};
use crate::report::shipped::{Answers, Shipped, Steps, Truth};
use crate::report::{Document, card, html};
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
    let seen = student.coding.seen(&rows_of(&graph.features, test));
    let judged = Shipped::of(&Answers {
        truth: Truth::Classes(&truth, &graph.class_names),
        rows: test,
        integers: &replay,
        steps: &Steps::of(student),
        float: &activations(&result.shipped.weights, &seen),
        groups: None,
    });
    let costs = loaded.costs();
    let mut widths = vec![costs.inputs];
    widths.extend(loaded.layers().map(|layer| usize::from(layer.outputs)));
    let about = metrics::About {
        tool: tool.clone(),
        recipe: name.into(),
        recipe_text: resolved.clone(),
        recipe_hash: hexadecimal(&recipe_hash),
        backend: options.backend.name().into(),
        threads: options.threads,
        data: Data {
            name: Some(graph.name.clone()),
            kind: DataKind::Graph,
            task: DataTask::Classify,
            rows: graph.nodes(),
            edges: Some(graph.edges()),
            inputs: graph.inputs(),
            columns: None,
            outputs: graph.class_names.clone(),
            hash: Some(hexadecimal(&data_hash)),
            warnings: prepared.warnings.iter().map(ToString::to_string).collect(),
            notice: prepared.notice.clone(),
        },
        teachers: vec![TeacherMetrics { title: teacher.clone(), path: None, sha256: None }],
        controls: controls(),
        shipped: ShippedStudent {
            split: result.shipped.setting.name().into(),
            seed: result.shipped.seed,
            student_hash: hexadecimal(&Sha256::digest(&*file)),
            widths,
        },
        cost: CostMetrics::of(&costs),
    };
    let metrics = Metrics::of(about, &result.outcomes, judged);

    let shown = &test[..test.len().min(VECTOR_ROWS)];
    let vectors = write_vectors(&rows(shown), &Replay::of_file(&loaded, &rows(shown)));
    let vectors = vectors.map_err(|error| crate::output::OutputError::io("build", Path::new("vectors.npz"), error))?;
    let document = Document::of(&metrics);
    let digest = Sha256::digest(&*file).into();
    folder.write(STUDENT_FLOAT, &float_student(&result.shipped.weights, &student.coding, digest)?)?;
    folder.write("vectors.npz", &vectors)?;
    folder.write("metrics.json", metrics.json().as_bytes())?;
    folder.write("report.html", html(&document)?.as_bytes())?;
    folder.write("card.md", card(&document)?.as_bytes())?;
    // The very recipe of this run, with its author's comments, is not written over; a copy of another run is.
    let there = folder.path().join(RECIPE);
    let copied = std::fs::read_to_string(&there).is_ok_and(|text| text == resolved);
    let there = Recipe::load(&there);
    if copied || !there.is_ok_and(|there| there.base.is_empty() && there.recipe_hash() == recipe_hash) {
        folder.write(RECIPE, recipe.text().as_bytes())?;
    }
    folder.write(STUDENT, &file)?;
    Ok(Written { file, metrics })
}
