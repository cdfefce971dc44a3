//! The document `metrics.json` of a run on a table; docs/spec/metrics.md describes every field.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::score::Score;
use crate::nn::MadeOn;
use crate::report::metrics::CostMetrics;
use crate::report::{CompareError, Paired, mean, paired, read_document, standard_deviation};

/// Name and version of the document.
pub(super) const SCHEMA: &str = "eyas-table-metrics-1";

/// Values by network and figure.
pub type Figures = BTreeMap<String, BTreeMap<String, Option<f64>>>;

/// Everything measured in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TabularMetrics {
    /// Name and version of this document.
    pub schema: String,
    /// The trainer and its version.
    pub tool: String,
    /// Name of the recipe.
    pub recipe: String,
    /// SHA-256 of the resolved recipe.
    pub recipe_hash: String,
    /// Backend of the float training.
    pub backend: String,
    /// Trainings side by side.
    pub threads: usize,
    /// The kind of machine it ran on; absent in files of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_on: Option<MadeOn>,
    /// The teachers in words.
    pub teacher: String,
    /// Teachers that came as a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub teacher_files: Vec<TeacherFile>,
    /// Widths of the student from inputs to outputs.
    pub student_widths: Vec<usize>,
    /// Rows of the table.
    pub rows: usize,
    /// Columns of teacher and student together, and of the student alone.
    pub columns: [usize; 2],
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// What looks odd about the data.
    pub warnings: Vec<String>,
    /// Fold and seed of the shipped student.
    pub shipped: [u64; 2],
    /// SHA-256 of the student file.
    pub student_hash: String,
    /// Means over folds and seeds, by network and figure; none where a run has no such figure.
    pub mean: Figures,
    /// Population standard deviations over the means of the folds.
    pub sd: Figures,
    /// Paired differences over folds and seeds, of figures that every run has.
    pub differences: Vec<TabularDifference>,
    /// One entry a fold and seed.
    pub runs: Vec<TabularRunMetrics>,
    /// What the student costs.
    pub cost: CostMetrics,
}

impl TabularMetrics {
    /// Reads the metrics of a run folder.
    ///
    /// # Errors
    /// As [`read_metrics`](crate::report::read_metrics).
    pub fn read(folder: &Path) -> Result<Self, CompareError> {
        read_document(folder, SCHEMA)
    }
}

/// A teacher that came as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeacherFile {
    /// Teacher, counted from 1.
    pub teacher: usize,
    /// The file or folder as the recipe names it.
    pub path: String,
    /// SHA-256 over all that decides its answers, hexadecimal.
    pub sha256: String,
}

/// One fold and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TabularRunMetrics {
    /// Fold that judged.
    pub fold: u64,
    /// Seed.
    pub seed: u64,
    /// Rows that taught, of these with a label, that chose, that judged.
    pub rows: [usize; 4],
    /// Share of the train rows whose labels were used.
    pub label_share: f64,
    /// Figures on the test rows, by network: `teacher`, `label_only`, `student_int8` and so on.
    #[serde(flatten)]
    pub networks: BTreeMap<String, Score>,
    /// Figures of the int8 student on the tune rows: what recipes may be chosen by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune: Option<Score>,
    /// The same before rounding: what rounding costs, told without the test rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune_float: Option<Score>,
    /// Share of the train rows that each way of the route answered for; the ways are the teachers, or their masks.
    pub teacher_load: Vec<f64>,
    /// Of each teacher's answers for the labelled train rows: far above its figures on the test rows, it is surer of rows
    /// it has learnt from than of new ones, and `crossfit` helps.
    pub teacher_train: Vec<Score>,
    /// The ways of the route, where they are not the teachers themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways: Vec<WayMetrics>,
    /// CPU seconds by stage.
    pub cpu_seconds: BTreeMap<String, f64>,
}

/// A way of a route, such as a masked teacher.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WayMetrics {
    /// In words.
    pub name: String,
    /// Share of the train rows that it answered for.
    pub share: f64,
    /// Its figures on the test rows.
    pub score: Score,
}

/// Mean of `a - b` with its standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TabularDifference {
    /// Network that is compared.
    pub a: String,
    /// Network it is compared with.
    pub b: String,
    /// Figure.
    pub figure: String,
    /// The difference, paired by fold and seed.
    #[serde(flatten)]
    pub difference: Paired,
    /// The same over the means of the folds, the more careful error: seeds of one fold share their rows.
    pub folds: Paired,
    /// Ends of the 95 % confidence interval over the folds, by Student's t; absent for one fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_95: Option<[f64; 2]>,
}

/// The values of one figure of one network, run by run; none where a run has no such figure.
fn values(runs: &[TabularRunMetrics], network: &str, figure: &str) -> Option<Vec<f64>> {
    let of = |run: &TabularRunMetrics| {
        let score = run.networks.get(network)?;
        score.figures().into_iter().find(|&(name, _)| name == figure)?.1
    };
    runs.iter().map(of).collect()
}

/// Means of the folds, in the order of their numbers.
fn by_fold(runs: &[TabularRunMetrics], network: &str, figure: &str) -> Option<Vec<f64>> {
    let mut folds: Vec<u64> = runs.iter().map(|run| run.fold).collect();
    folds.sort_unstable();
    folds.dedup();
    let of = |fold: u64| {
        let runs: Vec<_> = runs.iter().filter(|run| run.fold == fold).cloned().collect();
        values(&runs, network, figure).map(|values| mean(&values))
    };
    folds.into_iter().map(of).collect()
}

/// Means and deviations by network and figure.
pub(super) fn summaries(runs: &[TabularRunMetrics]) -> [Figures; 2] {
    let mut all = [BTreeMap::new(), BTreeMap::new()];
    let Some(first) = runs.first() else { return all };
    for (network, score) in &first.networks {
        for (figure, _) in score.figures() {
            let over = values(runs, network, figure);
            let spread = by_fold(runs, network, figure);
            let spread = spread.filter(|spread| spread.len() > 1);
            let spread = spread.as_ref().or(over.as_ref()).map(|values| standard_deviation(values));
            for (all, value) in all.iter_mut().zip([over.as_deref().map(mean), spread]) {
                all.entry(network.clone()).or_default().insert(figure.to_owned(), value);
            }
        }
    }
    all
}

/// The comparisons a reader asks for.
pub(super) fn differences(runs: &[TabularRunMetrics]) -> Vec<TabularDifference> {
    let Some(first) = runs.first() else { return Vec::new() };
    let against = [
        "student_float",
        "persistence",
        "label_only",
        "label_smoothing",
        "uniform_teacher",
        "plain_kd",
        "random_router",
    ];
    let mut all = Vec::new();
    for b in against.into_iter().filter(|b| first.networks.contains_key(*b)) {
        for (figure, _) in first.networks[b].figures() {
            let a = "student_int8";
            let pairs = |of: fn(&[TabularRunMetrics], &str, &str) -> Option<Vec<f64>>| {
                Some(paired(&of(runs, a, figure)?, &of(runs, b, figure)?))
            };
            let (Some(difference), Some(folds)) = (pairs(values), pairs(by_fold)) else { continue };
            let interval_95 = folds.interval_95();
            let (a, b, figure) = (a.into(), b.into(), figure.into());
            all.push(TabularDifference { a, b, figure, difference, folds, interval_95 });
        }
    }
    all
}
