//! What one job measured: the one thing an engine hands to the reports.

use super::score::Score;
use crate::nn::{CurvePoint, TuneFigure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rows that nothing was trained on; they are judged.
pub const TEST: &str = "test";
/// Test rows whose features and edges were seen while training, in a run that took others out.
pub const OBSERVED: &str = "observed";
/// Rows that choose epochs and the shipped student.
pub const TUNE: &str = "tune";
/// Rows that teach.
pub const TRAIN: &str = "train";

/// What one job, that is one split and one seed, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Name of the split: `transductive`, `inductive`, `random`, `ordered`, or `fold N` of a cross-validation, whose
    /// folds are summarised together.
    pub split: String,
    /// Seed of the job.
    pub seed: u64,
    /// How many rows each part has.
    pub rows: Rows,
    /// Every network that was trained or scored, by name: `teacher`, `teacher_2`, `student_int8`, `student_float`, the
    /// controls and references. A training that is no network of its own, such as `plain_kd-4` among the temperatures
    /// tried, has no scores.
    pub networks: BTreeMap<String, NetworkOutcome>,
    /// Share of the train rows that each source of soft targets answered for.
    pub mixer: Vec<MixerShare>,
    /// Edges whose ends get the same class from the teacher, in per cent; of graphs.
    pub edge_agreement: Option<f64>,
    /// Settings of teachers that were tried where the recipe left the choice to the run.
    pub tried: Vec<Tried>,
    /// What was found before the student learnt.
    pub findings: Vec<Finding>,
    /// CPU seconds of each stage, all threads of the stage added up.
    pub cpu_seconds: BTreeMap<String, f64>,
}

/// Something that stands in the way of a better student.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which, as a word for scripts.
    pub kind: String,
    /// The column that it is about, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What it is, its evidence, and what to try.
    pub text: String,
}

impl Finding {
    /// A finding.
    #[must_use]
    pub fn new(kind: &str, text: String) -> Self {
        Self { kind: kind.to_owned(), column: None, text }
    }
}

/// A setting that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// In words.
    pub title: String,
    /// Its section of a recipe, as TOML.
    pub settings: String,
    /// Its figures on the tune rows, which choose.
    pub tune: Score,
    /// Whether the student learnt from it.
    pub chosen: bool,
    /// CPU seconds of its training; 0 where an earlier run had trained it.
    pub cpu_seconds: f64,
}

/// Rows of a job by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Rows that teach, with a label or without.
    pub train: usize,
    /// Of these, rows whose label was used.
    pub labelled: usize,
    /// Rows that choose.
    pub tune: usize,
    /// Rows of the part `test`.
    pub test: usize,
    /// Of these, rows whose features no training saw either.
    pub unseen: usize,
}

/// What a network is in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers while the student learns.
    Teacher,
    /// The student that ships, before or after rounding.
    Student,
    /// The student's network taught otherwise; what the student must beat.
    Control,
    /// Anything else worth a look, such as the present value of a forecast.
    Reference,
}

/// One network of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkOutcome {
    /// What it is in the comparison.
    pub role: Role,
    /// Its figures by part, see [`TEST`], [`OBSERVED`], [`TUNE`] and [`TRAIN`].
    pub on: BTreeMap<String, Score>,
    /// Epochs of its training.
    pub epochs: Option<usize>,
    /// CPU seconds of its training.
    pub cpu_seconds: Option<f64>,
    /// Its training by epoch.
    pub curve: Option<Curve>,
}

impl NetworkOutcome {
    /// A network without figures.
    #[must_use]
    pub const fn new(role: Role) -> Self {
        Self { role, on: BTreeMap::new(), epochs: None, cpu_seconds: None, curve: None }
    }

    /// The same with figures on one more part.
    #[must_use]
    pub fn scored(mut self, part: &str, score: Score) -> Self {
        self.on.insert(part.to_owned(), score);
        self
    }
}

/// A source of soft targets, such as a teacher or one of its masks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixerShare {
    /// In words.
    pub name: String,
    /// Share of the train rows that it answered for, in per cent.
    pub share: f64,
    /// Its figures on the test rows, where it is no network of the run itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
}

/// One training by epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Training loss.
    pub loss: Vec<f32>,
    /// Figure on the tune rows.
    pub tune: Vec<f32>,
    /// What `tune` holds: `accuracy`, in per cent, or `loss`.
    pub tune_figure: String,
    /// Epoch, from 0, whose weights were kept; absent in files of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<usize>,
}

impl Curve {
    /// The curve of a training and the epoch that it kept.
    #[must_use]
    pub fn of(points: &[CurvePoint], kept: usize) -> Self {
        let accuracy = points.iter().any(|point| !matches!(point.tune, TuneFigure::Loss(_)));
        let (factor, tune_figure) = if accuracy { (100.0, "accuracy") } else { (1.0, "loss") };
        Self {
            loss: points.iter().map(|point| point.loss as f32).collect(),
            tune: points.iter().map(|point| factor * point.tune.value() as f32).collect(),
            tune_figure: tune_figure.to_owned(),
            kept: Some(kept),
        }
    }

    /// Whether the last epoch of several was kept because it was better than those before, however epochs are chosen: the
    /// training ended while it still got better. The last of equal accuracies is kept too, and says nothing.
    #[must_use]
    pub fn ends_at_its_best(&self) -> bool {
        let Some((last, before)) = self.tune.split_last() else { return false };
        let accuracy = self.tune_figure == "accuracy";
        match self.kept {
            _ if before.is_empty() => false,
            Some(kept) => kept == before.len() && !(accuracy && before.iter().any(|tune| tune == last)),
            None => !accuracy && before.iter().all(|tune| tune > last),
        }
    }
}

/// The role of a network by its name, as both engines name them.
#[must_use]
pub fn role(name: &str) -> Role {
    match name.split('-').next().unwrap_or(name) {
        "student_int8" | "student_float" => Role::Student,
        "cotrained" | "persistence" => Role::Reference,
        name if name.starts_with("teacher") => Role::Teacher,
        _ => Role::Control,
    }
}
