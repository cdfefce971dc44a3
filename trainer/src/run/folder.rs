//! Everything a run leaves behind: student file, vectors, metrics, report, card, resolved recipe.

use super::search::searches;
use super::{JobResult, RunError, RunResult, Work, task};
use crate::data::{Data, Truth};
use crate::export::{FloatStudent, STUDENT_FLOAT, SealError, Sealed, seal, write_vectors};
use crate::nn::MlpWeights;
use crate::output::{OutputError, OutputFolder, hexadecimal};
use crate::quantize::{About, InputCoding, Replay, activations};
use crate::recipe::{BudgetSection, Recipe, Seen, TeacherSection};
use crate::report::metrics::{self, CostMetrics, DataTask, Metrics, ShippedStudent, TeacherMetrics};
use crate::report::shipped::{self, Answers, Shipped, Steps};
use crate::report::{Document, card, html};
use crate::teacher::candidates;
use eyas::model::Provenance;
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
/// Longest list of column names that a student file carries, in bytes: names are for people, flash is for weights.
const NAME_BYTES: usize = 1024;

/// What was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// The student file.
    pub file: AlignedBytes,
    /// Everything measured.
    pub metrics: Metrics,
    /// The first test rows of the shipped split as integers.
    pub test: Vec<Vec<i8>>,
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
) -> Result<Vec<u8>, OutputError> {
    let archive = FloatStudent::new(weights, coding, student).archive();
    archive.map_err(|error| OutputError::io("build", Path::new(STUDENT_FLOAT), error))
}

/// Names of the inputs as the file carries them.
pub(super) fn input_names(data: &Data) -> &[String] {
    let names = data.input_names();
    let short = names.iter().map(|name| name.len() + 1).sum::<usize>() <= NAME_BYTES;
    // The features of a graph are named by whoever wants them in the file.
    if short || data.edges.is_some() { names } else { &[] }
}

/// The teachers of a recipe in words, such as `gcn 3x512` or `fusion 2x(256-128)-64-32, mean of 3`.
#[must_use]
pub fn teachers_in_words(recipe: &Recipe) -> String {
    recipe.teacher.iter().map(|teacher| in_words(recipe, teacher)).collect::<Vec<_>>().join(" + ")
}

pub(super) fn in_words(recipe: &Recipe, teacher: &TeacherSection) -> String {
    let kind = teacher.kind().word();
    if let TeacherSection::Auto(auto) = teacher {
        return format!("auto, of {} settings", candidates(auto, recipe.context()).len());
    }
    let Some(training) = teacher.training() else {
        let path = teacher.path().and_then(|path| Path::new(path).file_name());
        return path.map_or_else(|| kind.to_owned(), |name| format!("{kind} {}", name.to_string_lossy()));
    };
    let widths = |widths: &[usize]| widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
    let hidden = &training.hidden;
    let shape = match teacher {
        TeacherSection::Fusion(fusion) => format!("2x({})-{}", widths(&fusion.branch_hidden), widths(hidden)),
        teacher if teacher.needs_edges() && hidden.windows(2).all(|pair| pair[0] == pair[1]) => {
            format!("{}x{}", hidden.len() + 1, hidden.first().copied().unwrap_or(0))
        }
        _ => widths(hidden),
    };
    let sees = match teacher.sees() {
        Seen::All => "",
        Seen::Others => " on the other columns",
        Seen::Student => " on the student's columns",
    };
    let mean = match training.members {
        _ if recipe.cotrain.is_some() => ", co-trained".to_owned(),
        1 => String::new(),
        members => format!(", mean of {members}"),
    };
    let parts = training.crossfit.map_or_else(String::new, |parts| format!(", cross-fitted in {parts} parts"));
    format!("{kind} {shape}{sees}{mean}{parts}")
}

/// Seals the shipped student and writes the run folder, the student file last. `name` is the recipe's, `recipe` that of the
/// shipped job as it lies in the folder.
///
/// # Errors
/// [`RunError`] when the runtime refuses the student or a file cannot be written; a student file that was there before is
/// then still whole.
pub fn write(
    work: &Work<'_>,
    recipe: &Recipe,
    name: &str,
    result: &RunResult,
    folder: &OutputFolder,
) -> Result<Written, RunError> {
    let data = work.data;
    let shipped = result.shipped();
    let JobResult { evaluation, student, weights, .. } = shipped;
    let resolved = recipe.resolved();
    let (data_hash, recipe_hash) = (data.hash(&evaluation.split, work.files), recipe.recipe_hash());
    let (teacher, tool, labels) = (teachers_in_words(recipe), tool(), data.truth.names());
    let about = About {
        labels: &labels,
        input_names: input_names(data),
        provenance: Provenance {
            teacher: &teacher,
            data_hash: &data_hash,
            recipe_hash: &recipe_hash,
            seed: evaluation.seed,
            tool: &tool,
        },
        task: task(data),
        golden: &[],
    };
    let rows = |rows: &[usize]| student.coding.integers(&data.x.student_rows(rows, data.student));
    let Sealed { file, .. } = seal(student, &about, &rows(&evaluation.split.tune))?;
    let loaded = Student::load(&file).map_err(SealError::from)?;
    let costs = loaded.costs();
    let mut widths = vec![costs.inputs];
    widths.extend(loaded.layers().map(|layer| usize::from(layer.outputs)));
    let digest: [u8; 32] = Sha256::digest(&*file).into();
    let about = metrics::About {
        tool,
        recipe: name.into(),
        recipe_text: resolved.clone(),
        recipe_hash: hexadecimal(&recipe_hash),
        asked_recipe_hash: searches(work.recipe).then(|| hexadecimal(&work.recipe.recipe_hash())),
        backend: work.options.backend.name().into(),
        threads: work.options.threads,
        data: data_metrics(data, hexadecimal(&data_hash)),
        teachers: teacher_metrics(work, recipe),
        controls: shipped.controls.clone(),
        shipped: ShippedStudent {
            split: evaluation.name.clone(),
            seed: evaluation.seed,
            student_hash: hexadecimal(&digest),
            widths,
        },
        cost: CostMetrics::of(&costs),
        budget: recipe.budget.map(|BudgetSection { flash, ram, macs }| metrics::Budget { flash, ram, macs }),
    };
    let outcomes: Vec<_> = result.jobs.iter().map(|job| job.outcome.clone()).collect();
    let metrics = Metrics::of(about, &outcomes, judged(data, shipped, &loaded));
    let document = Document::of(&metrics);

    let test = &evaluation.split.test;
    let shown = rows(&test[..test.len().min(VECTOR_ROWS)]);
    let vectors = write_vectors(&shown, &Replay::of_file(&loaded, &shown));
    let vectors = vectors.map_err(|error| OutputError::io("build", Path::new("vectors.npz"), error))?;
    folder.write(STUDENT_FLOAT, &float_student(weights, &student.coding, digest)?)?;
    folder.write("vectors.npz", &vectors)?;
    folder.write("metrics.json", metrics.json().as_bytes())?;
    folder.write("report.html", html(&document)?.as_bytes())?;
    folder.write("card.md", card(&document)?.as_bytes())?;
    // The very recipe of this run, with its author's comments, is not written over; a copy of another run is.
    let there = folder.path().join(RECIPE);
    let copied = std::fs::read_to_string(&there).is_ok_and(|text| text == resolved);
    let there = Recipe::load(&there);
    if copied || !there.is_ok_and(|there| there.base.is_empty() && there.recipe_hash() == work.recipe.recipe_hash()) {
        folder.write(RECIPE, recipe.text().as_bytes())?;
    }
    folder.write(STUDENT, &file)?;
    Ok(Written { file, metrics, test: shown })
}

/// What the shipped student's answers on its test rows show.
fn judged(data: &Data, shipped: &JobResult, loaded: &Student<'_>) -> Shipped {
    let test = &shipped.evaluation.split.test;
    let rows = data.x.student_rows(test, data.student);
    let student = &shipped.student;
    let groups: Option<Vec<String>> =
        data.groups.as_ref().map(|groups| test.iter().map(|&row| groups[row].clone()).collect());
    let truth = data.truth.select(test);
    Shipped::of(&Answers {
        truth: match &truth {
            Truth::Classes { labels, names } => shipped::Truth::Classes(labels, names),
            Truth::Quantity { values, .. } => shipped::Truth::Quantity(values),
        },
        rows: test,
        integers: &Replay::of_file(loaded, &student.coding.integers(&rows)),
        steps: &Steps::of(student),
        float: &activations(&shipped.weights, &student.coding.seen(&rows)),
        groups: groups.as_deref(),
    })
}

fn data_metrics(data: &Data, hash: String) -> metrics::Data {
    let graph = data.edges.is_some();
    metrics::Data {
        name: Some(data.name.clone()),
        kind: if graph { metrics::DataKind::Graph } else { metrics::DataKind::Table },
        task: match data.truth {
            Truth::Classes { .. } => DataTask::Classify,
            Truth::Quantity { .. } => DataTask::Regress,
        },
        rows: data.rows(),
        edges: data.edge_count(),
        inputs: data.student,
        columns: (!graph).then(|| data.x.columns()),
        outputs: data.truth.names(),
        hash: Some(hash),
        warnings: data.warnings.iter().map(ToString::to_string).collect(),
        notice: data.notice.clone(),
    }
}

fn teacher_metrics(work: &Work<'_>, recipe: &Recipe) -> Vec<TeacherMetrics> {
    let files = work.files.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let teacher = |(teacher, file): (&TeacherSection, Option<&crate::teacher::FileAnswers>)| TeacherMetrics {
        title: in_words(recipe, teacher),
        path: teacher.path().map(str::to_owned),
        sha256: file.map(|file| hexadecimal(&file.identity)),
    };
    recipe.teacher.iter().zip(files).map(teacher).collect()
}
