//! `metrics.json`: everything a run measured, for scripts. The schema is documented in `docs/spec/metrics.md`.

pub use super::cost::{Budget, CostMetrics};
use super::evidence::Evidence;
use super::outcome::{Curve, Finding, MixerShare, Outcome, Role, Rows, Tried};
use super::shipped::{Confusion, Coverage, Reliability, Residuals, Rounding, Shipped};
use super::statistics::Paired;
use super::summarise;
use crate::nn::MadeOn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the schema; raised when a field changes its meaning or goes.
pub const SCHEMA: &str = "eyas-metrics-2";

/// What the data are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataKind {
    /// Nodes with features and edges.
    Graph,
    /// Rows with columns.
    Table,
}

/// What the student answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataTask {
    /// One of several labels.
    Classify,
    /// One quantity.
    Regress,
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Name of the data set; absent in tables of versions that did not record it.
    pub name: Option<String>,
    /// Graph or table.
    pub kind: DataKind,
    /// What is answered.
    pub task: DataTask,
    /// Rows of the table, or nodes of the graph.
    pub rows: usize,
    /// Undirected edges, of a graph.
    pub edges: Option<usize>,
    /// Inputs of the student.
    pub inputs: usize,
    /// Columns that teachers or student see, of a table.
    pub columns: Option<usize>,
    /// Names of the classes, or of the quantity; absent in graphs of versions that did not record them.
    pub outputs: Vec<String>,
    /// SHA-256 of the data without the labels of the shipped split's test rows; absent where it was not recorded.
    pub hash: Option<String>,
    /// What the loader noticed.
    pub warnings: Vec<String>,
    /// Origin, licence and citation as the data came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// A teacher of the recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeacherMetrics {
    /// In words.
    pub title: String,
    /// The file or folder as the recipe names it, of a teacher that came as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// SHA-256 over all that decides its answers, of a teacher that came as a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Which student ships.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippedStudent {
    /// Its split.
    pub split: String,
    /// Its seed: best on the tune rows in int8, the lowest seed of a tie.
    pub seed: u64,
    /// SHA-256 of the student file.
    pub student_hash: String,
    /// Its widths, inputs first.
    pub widths: Vec<usize>,
}

/// A control as a change of the recipe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Name of the network.
    pub name: String,
    /// What it is, in one sentence.
    pub title: String,
    /// The keys of the recipe that are other, as TOML.
    pub difference: String,
}

/// What a figure means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// As people write it.
    pub title: String,
    /// `per cent`, the name of the quantity whose unit it has, or empty for a plain number.
    pub unit: String,
    /// Whether more is better.
    pub higher_is_better: bool,
}

/// One figure of one network on one part of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResultRow {
    /// Split of the run.
    pub split: String,
    /// Seed of the run.
    pub seed: u64,
    /// `test`, `observed`, `tune` or `train`.
    pub part: String,
    /// Network.
    pub network: String,
    /// Its role.
    pub role: Role,
    /// Name of the figure, a key of `figures`.
    pub figure: String,
    /// The value; none where the figure is not defined.
    pub value: Option<f64>,
}

/// One figure of one network over all runs of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Split; `folds` for all folds together.
    pub split: String,
    /// As [`ResultRow::part`].
    pub part: String,
    /// Network.
    pub network: String,
    /// Its role.
    pub role: Role,
    /// Name of the figure.
    pub figure: String,
    /// Mean over the runs; none where a run has no such figure.
    pub mean: Option<f64>,
    /// Population standard deviation over the means of the folds where there are several, else over the runs.
    pub sd: Option<f64>,
    /// Runs.
    pub count: usize,
}

/// The int8 student minus another network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Split; `folds` for all folds together.
    pub split: String,
    /// As [`ResultRow::part`].
    pub part: String,
    /// Name of the figure.
    pub figure: String,
    /// Network that is subtracted from.
    pub a: String,
    /// Network that is subtracted.
    pub b: String,
    /// `a − b`, paired by split and seed.
    #[serde(flatten)]
    pub paired: Paired,
    /// The same over the means of the folds, the more careful error: seeds of one fold share their rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<Paired>,
    /// Ends of the 95 % confidence interval by Student's t, over the folds where there are several.
    pub interval_95: Option<[f64; 2]>,
    /// What the difference allows one to say, by the error over the folds where there are several.
    pub evidence: Evidence,
}

impl Difference {
    /// The pairs that errors and claims rest on: the folds where there are several, else the runs.
    #[must_use]
    pub fn careful(&self) -> &Paired {
        self.folds.as_ref().unwrap_or(&self.paired)
    }
}

/// CPU seconds of a stage over all runs of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Split; `folds` for all folds together.
    pub split: String,
    /// Stage.
    pub stage: String,
    /// Mean over the runs that have the stage.
    pub mean: f64,
    /// Population standard deviation over these runs.
    pub sd: f64,
}

/// How a network of a run was trained.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Epochs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epochs: Option<usize>,
    /// CPU seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// By epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curve: Option<Curve>,
}

/// One run, that is one split and seed; its figures are in [`Metrics::results`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Split.
    pub split: String,
    /// Seed.
    pub seed: u64,
    /// Rows by what they are for.
    pub rows: Rows,
    /// As [`Outcome::edge_agreement`].
    pub edge_agreement: Option<f64>,
    /// As [`Outcome::mixer`].
    pub mixer: Vec<MixerShare>,
    /// As [`Outcome::tried`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// As [`Outcome::findings`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// As [`Outcome::cpu_seconds`].
    pub cpu_seconds: BTreeMap<String, f64>,
    /// By name of the network or training.
    pub trainings: BTreeMap<String, Training>,
}

/// The whole of `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// [`SCHEMA`].
    pub schema: String,
    /// Trainer and version.
    pub tool: String,
    /// Name of the recipe file without extension.
    pub recipe: String,
    /// The resolved recipe.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe_text: Option<String>,
    /// SHA-256 of the resolved recipe, hexadecimal.
    pub recipe_hash: String,
    /// The same of the recipe as it was asked for, where it left something to the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_recipe_hash: Option<String>,
    /// Backend of the float training.
    pub backend: String,
    /// Threads the run used.
    pub threads: usize,
    /// The kind of machine it ran on; absent in files of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_on: Option<MadeOn>,
    /// The data.
    pub data: Data,
    /// The teachers, in the recipe's order.
    pub teachers: Vec<TeacherMetrics>,
    /// The controls that ran, as changes of the recipe.
    pub controls: Vec<Control>,
    /// Which student ships.
    pub shipped: ShippedStudent,
    /// What it costs.
    pub cost: CostMetrics,
    /// What it may cost, where the recipe says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// What the figures mean, by name.
    pub figures: BTreeMap<String, Figure>,
    /// Every figure measured, one a row.
    pub results: Vec<ResultRow>,
    /// Means and deviations.
    pub summary: Vec<Summary>,
    /// Paired differences on the test rows.
    pub differences: Vec<Difference>,
    /// One entry a split and seed.
    pub runs: Vec<Run>,
    /// CPU seconds of the stages.
    pub seconds: Vec<Seconds>,
    /// Of a classifier: what the shipped student takes for what, on the test rows.
    pub confusion: Option<Confusion>,
    /// Of a classifier: whether its probabilities are frequencies.
    pub reliability: Option<Reliability>,
    /// Of a classifier: how right it is where it is sure.
    pub coverage: Option<Coverage>,
    /// Of a regression: how far off it is, and where.
    pub residuals: Option<Residuals>,
    /// What rounding did to it.
    pub rounding: Option<Rounding>,
}

/// What an engine knows of a run besides its figures.
#[derive(Clone, Debug)]
pub struct About {
    /// Trainer and version.
    pub tool: String,
    /// Name of the recipe.
    pub recipe: String,
    /// The resolved recipe.
    pub recipe_text: String,
    /// SHA-256 of the resolved recipe, hexadecimal.
    pub recipe_hash: String,
    /// The same of the recipe as it was asked for, where it left something to the run.
    pub asked_recipe_hash: Option<String>,
    /// Backend of the float training.
    pub backend: String,
    /// Threads the run used.
    pub threads: usize,
    /// The data.
    pub data: Data,
    /// The teachers.
    pub teachers: Vec<TeacherMetrics>,
    /// The controls.
    pub controls: Vec<Control>,
    /// The student that ships.
    pub shipped: ShippedStudent,
    /// What it costs.
    pub cost: CostMetrics,
    /// What it may cost, where the recipe says.
    pub budget: Option<Budget>,
}

impl Metrics {
    /// The metrics of a finished run on this machine.
    ///
    /// `judged` is what [`Shipped::of`] found about the shipped student's answers.
    #[must_use]
    pub fn of(about: About, outcomes: &[Outcome], judged: Shipped) -> Self {
        let Shipped { confusion, reliability, coverage, residuals, rounding } = judged;
        let summarised = Self::summarised(about, Some(MadeOn::here()), outcomes);
        Self { confusion, reliability, coverage, residuals, rounding, ..summarised }
    }

    /// The metrics without those of single rows of the shipped student.
    pub(super) fn summarised(about: About, made_on: Option<MadeOn>, outcomes: &[Outcome]) -> Self {
        let results = summarise::results(outcomes);
        let ran = |control: &Control| results.iter().any(|row| row.network == control.name);
        Self {
            schema: SCHEMA.into(),
            tool: about.tool,
            recipe: about.recipe,
            recipe_text: Some(about.recipe_text).filter(|text| !text.is_empty()),
            recipe_hash: about.recipe_hash,
            asked_recipe_hash: about.asked_recipe_hash,
            backend: about.backend,
            threads: about.threads,
            made_on,
            figures: summarise::figures(&about.data),
            data: about.data,
            teachers: about.teachers,
            controls: about.controls.into_iter().filter(ran).collect(),
            shipped: about.shipped,
            cost: about.cost,
            budget: about.budget,
            summary: summarise::summaries(&results),
            differences: summarise::differences(&results),
            runs: outcomes.iter().map(summarise::run).collect(),
            seconds: summarise::seconds(outcomes),
            results,
            confusion: None,
            reliability: None,
            coverage: None,
            residuals: None,
            rounding: None,
        }
    }

    /// The text of `metrics.json`.
    #[must_use]
    pub fn json(&self) -> String {
        let json = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        crate::output::escaped(&json).into_owned()
    }

    /// The teachers in words, joined by ` + `.
    #[must_use]
    pub fn teacher(&self) -> String {
        self.teachers.iter().map(|teacher| teacher.title.as_str()).collect::<Vec<_>>().join(" + ")
    }

    /// Mean and deviation of one figure of one network; none where it was not measured.
    #[must_use]
    pub fn summary(&self, split: &str, part: &str, network: &str, figure: &str) -> Option<&Summary> {
        self.summary
            .iter()
            .find(|row| row.split == split && row.part == part && row.network == network && row.figure == figure)
    }

    /// Mean on the test rows of the first split; none where the figure was not measured or is not defined.
    #[must_use]
    pub fn mean(&self, network: &str, figure: &str) -> Option<f64> {
        self.summary(&self.summary.first()?.split, super::outcome::TEST, network, figure)?.mean
    }

    /// The splits in the order of the runs, all folds as one.
    #[must_use]
    pub fn splits(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for row in &self.summary {
            if !all.contains(&row.split.as_str()) {
                all.push(&row.split);
            }
        }
        all
    }

    /// The figure that decides: accuracy, or the mean absolute error.
    #[must_use]
    pub fn main_figure(&self) -> &'static str {
        match self.data.task {
            DataTask::Classify => "accuracy",
            DataTask::Regress => "mae",
        }
    }
}

/// The kind of machine in words.
pub(crate) fn made_on(machine: Option<&MadeOn>) -> String {
    machine.map_or_else(|| "a machine that was not recorded".to_owned(), ToString::to_string)
}
