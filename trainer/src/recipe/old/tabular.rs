//! The recipe of a table: columns decide who sees what. A recipe with `student_columns` is one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::base;
use super::check::{self, Checker};
use super::error::RecipeError;
use super::position::Positions;
use super::sections::{QuantizeSection, RangeKind, ReportSection};
use super::series::SeriesSection;
use super::tabular_teacher::{TabularTeacher, TabularTeacherKind};
use crate::bounded;
use crate::dataset::locate::Search;

/// Rows of a batch unless told otherwise.
pub const BATCH_ROWS: usize = 256;
/// Heads of an attention mask unless told otherwise, those of MST-Distill.
pub(super) const HEADS: usize = 3;

/// A whole run on a table, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularRecipe {
    /// Folders that the paths of the recipe start from, relative to its own, in the order they are searched. The copy in
    /// a run folder has them; the hash of a recipe does not cover them. Default: its own folder.
    #[serde(default, skip_serializing)]
    pub base: Vec<String>,
    /// Which table, who sees which columns, which rows teach, choose and judge.
    pub data: TabularData,
    /// Teachers, at least one.
    pub teacher: Vec<TabularTeacher>,
    /// Training of teachers and student together before the student's own; left out for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cotrain: Option<CotrainSection>,
    /// Masks on the co-trained teachers' features; left out for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masks: Option<MasksSection>,
    /// How several teachers become one target.
    #[serde(default)]
    pub route: RouteSection,
    /// The network that ships.
    #[serde(default)]
    pub student: TabularStudent,
    /// What the student is taught.
    #[serde(default)]
    pub target: TabularTarget,
    /// The way to int8.
    #[serde(default)]
    pub quantize: QuantizeSection,
    /// What is measured.
    #[serde(default)]
    pub report: ReportSection,
}

/// `[data]` of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularData {
    /// Name of a known data set, or a path to an `.npz`, `.csv`, `.csv.gz` or `.parquet` file, or to a folder of Parquet
    /// files. Must be given.
    pub source: String,
    /// What is learnt. Default `classify`.
    #[serde(default)]
    pub task: TabularTask,
    /// Column with the label (`classify`) or the quantity (`regress`). Must be given.
    pub label: String,
    /// Columns that the device has, as patterns: `acc`, `x[0:8, 4]`, `light_*`, `a..d`. Must be given. Patterns leave out
    /// the label, the fold, the group and the id, and so do those of teachers; naming one of these is refused.
    pub student_columns: Vec<String>,
    /// Columns that the teacher sees. Must be given; they may hold the student's.
    pub teacher_columns: Vec<String>,
    /// Column that names each row once; answers that come as a table are matched by it. Default: `id` where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Names of the classes in the order of their numbers. Default: the labels as the file spells them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class_names: Vec<String>,
    /// Where the split comes from. Default `folds`.
    #[serde(default)]
    pub split: TabularSplit,
    /// Column with the fold of each row, `folds` only. Default `fold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<String>,
    /// Folds that judge in turn; the next one chooses, the others teach. `folds` only. Default: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<u64>,
    /// Column whose equal values stay in one part (a person, a recording); a split that parts them is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Share of the rows that choose, above 0 to below 1; not with `folds`. Default 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune_share: Option<f64>,
    /// Share of the rows that judge, above 0 to below 1; not with `folds`. Default 0.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_share: Option<f64>,
    /// Share of the train rows whose labels are known, above 0 to 1, drawn class by class. Teachers and the label-only
    /// student see these alone; the distilled student sees the teachers' answers on all train rows. Default 1.
    #[serde(default = "one")]
    pub label_share: f64,
    /// Readings in time that become windows; left out for a table whose rows are complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesSection>,
}

/// What is learnt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TabularTask {
    /// A class.
    #[default]
    Classify,
    /// A quantity.
    Regress,
}

/// Source of the split of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TabularSplit {
    /// A column with fold numbers.
    #[default]
    Folds,
    /// Drawn from each seed of the run; groups stay whole.
    Random,
    /// In the order of the file: first train, then tune, then test. For what is measured in time.
    Ordered,
}

/// `[cotrain]`: teachers and student step together, each taught by labels and by every other one. It takes the place of the
/// teachers' own training, whose keys mean nothing beside it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CotrainSection {
    /// Passes, 1 to 100000. Default 20.
    #[serde(default = "cotrain_epochs")]
    pub epochs: usize,
    /// Softmax divisor, above 0 to 100. Default 4.
    #[serde(default = "four")]
    pub temperature: f64,
    /// Whether the student's own training goes on from here, as MST-Distill does; else it starts anew. Default `true`.
    #[serde(default = "yes")]
    pub keep_student: bool,
}

/// `[masks]`: each of the last two hidden layers of a co-trained teacher gets a mask on its features before the ReLU, trained
/// so that the masked teacher says what the co-trained student says; every masked teacher is one way of the route.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasksSection {
    /// How a mask is computed. Default `bottleneck`.
    #[serde(default)]
    pub kind: MaskKind,
    /// Units between the two layers, from 1; `bottleneck` only. Default: a quarter of the features, at least 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<usize>,
    /// Heads, from 1, at most half of the features; `attention` only. Default 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heads: Option<usize>,
    /// Passes over the train rows, 1 to 100000. Default 3.
    #[serde(default = "mask_epochs")]
    pub epochs: usize,
    /// Step size of Adam, above 0 to 1. Default 0.001.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
}

/// Form of a mask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaskKind {
    /// Two layers, small.
    #[default]
    Bottleneck,
    /// Self-attention over the features, as MST-Distill ships it; its cost is printed before it runs.
    Attention,
}

/// `[route]`: how several teachers become one target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSection {
    /// Which teacher answers for a row. Default `mean`.
    #[serde(default)]
    pub kind: RouteKind,
    /// Weight that keeps the router's load even, 0 to 100; `router` only. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<f64>,
}

/// Choice of a teacher.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteKind {
    /// The mean of all log-probabilities.
    #[default]
    Mean,
    /// The teacher with the best tune score, for every row.
    BestOnTune,
    /// A linear gate on the student's logits, trained towards the teachers that are right.
    Router,
    /// A teacher drawn for each row and step: the control that must not win.
    Random,
}

/// `[student]` of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularStudent {
    /// Widths of the hidden layers, at most 7, each 1 to 32767. Default `[64, 32]`.
    #[serde(default = "hidden")]
    pub hidden: Vec<usize>,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.
    #[serde(default)]
    pub dropout: f64,
    /// Deviation of the noise added to standard scores while training, 0 to 10. Default 0.
    #[serde(default)]
    pub noise: f64,
    /// Step size of Adam, above 0 to 1. Default 0.001.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Passes over the rows, 1 to 100000. Default 100.
    #[serde(default = "student_epochs")]
    pub epochs: usize,
    /// Rows of a step, from 1. Default 256.
    #[serde(default = "batch_rows")]
    pub batch_rows: usize,
}

/// `[target]` of a table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularTarget {
    /// Softmax divisor of teacher and student, above 0 to 100; `classify` only. Default 2.
    #[serde(default = "two")]
    pub distill_temperature: f64,
    /// Weight of the teachers' answers, 0 to 100. Default 1.
    #[serde(default = "one")]
    pub soft_weight: f64,
    /// Course of `soft_weight`. Default `constant`.
    #[serde(default)]
    pub softening: Softening,
    /// Weight of the labels, 0 to 100. Default 0.
    #[serde(default)]
    pub label_weight: f64,
    /// A label counts only where the student's squared error, in variances of the label, exceeds the teachers' less this
    /// margin, 0 to 100; `regress` with a `label_weight` only (Chen et al. 2017, equation 4). Default: it always counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Weight of the teachers' embeddings, above 0 to 100: while training, outputs beside the student's own learn their
    /// standard scores from its last hidden layer, mean squared error. Left out for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_weight: Option<f64>,
}

/// Course of the weight of the teachers' answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Softening {
    /// The same in every pass.
    #[default]
    Constant,
    /// Halved after the first pass and after every 30 passes from then on, as MST-Distill does.
    Halving,
}

impl TabularRecipe {
    /// Whether the text of a recipe describes a table.
    #[must_use]
    pub fn describes(text: &str) -> bool {
        text.parse::<toml::Table>()
            .is_ok_and(|recipe| recipe.get("data").is_some_and(|data| data.get("student_columns").is_some()))
    }

    /// Reads and checks a recipe.
    ///
    /// # Errors
    /// [`RecipeError`] with file, line, column and key.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = bounded::text(path, bounded::Kind::Recipe).map_err(|error| RecipeError::read(path, &error))?;
        Self::parse(&text, path)
    }

    /// Checks the text of a recipe; `file` is its name for messages.
    ///
    /// # Errors
    /// As [`TabularRecipe::load`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let positions = Positions::of(text);
        let checker = Checker { positions: &positions, file };
        checker.integers()?;
        let mut recipe: Self = toml::from_str(text).map_err(|error| check::from_toml(&error, &positions, file))?;
        checker.tabular(&recipe)?;
        recipe.fill();
        Ok(recipe)
    }

    /// The recipe as TOML with every default written out; it loads back to the same recipe.
    #[must_use]
    pub fn resolved(&self) -> String {
        if self.cotrain.is_none() && self.teacher.iter().all(TabularTeacher::is_trained) {
            return toml::to_string(self).unwrap_or_default();
        }
        // Keys that mean nothing for a teacher are not written for it.
        let mut whole = toml::Table::try_from(self).unwrap_or_default();
        let sections = whole.get_mut("teacher").and_then(toml::Value::as_array_mut);
        for (section, teacher) in sections.into_iter().flatten().zip(&self.teacher) {
            if let Some(section) = section.as_table_mut() {
                section.retain(|key, _| teacher.idle(key, self.cotrain.is_some()).is_none());
            }
        }
        toml::to_string(&whole).unwrap_or_default()
    }

    /// SHA-256 of the resolved text.
    #[must_use]
    pub fn recipe_hash(&self) -> [u8; 32] {
        Sha256::digest(self.resolved().as_bytes()).into()
    }

    /// Where the files of a recipe read from `path` are looked for.
    #[must_use]
    pub fn search(&self, path: &Path, data_dir: Option<PathBuf>) -> Search {
        Search::from_environment(data_dir, base::folders(path, &self.base))
    }

    /// The same recipe as it lies in the run folder `copy`, from where its paths lead to what `search` finds.
    #[must_use]
    pub fn copied(&self, copy: &Path, search: &Search) -> Self {
        let teachers = self.teacher.iter().filter_map(|teacher| teacher.path.as_deref());
        let paths: Vec<&str> = std::iter::once(self.data.source.as_str()).chain(teachers).collect();
        Self { base: base::of_copy(copy, &paths, search), ..self.clone() }
    }

    /// The text of the recipe in a run folder: [`TabularRecipe::resolved`] and where its paths start.
    #[must_use]
    pub fn text(&self) -> String {
        base::with_base(&self.base, &self.resolved())
    }

    fn fill(&mut self) {
        if self.data.split == TabularSplit::Folds {
            self.data.fold.get_or_insert_with(|| "fold".to_owned());
        } else {
            self.data.tune_share.get_or_insert(0.2);
            self.data.test_share.get_or_insert(0.2);
        }
        for teacher in &mut self.teacher {
            if teacher.kind == TabularTeacherKind::Fusion {
                teacher.branch_hidden.get_or_insert_with(|| vec![256, 128]);
            }
        }
        if let Some(masks) = self.masks.as_mut().filter(|masks| masks.kind == MaskKind::Attention) {
            masks.heads.get_or_insert(HEADS);
        }
        if self.route.kind == RouteKind::Router {
            self.route.balance.get_or_insert(1.0);
        }
        if self.quantize.ranges == RangeKind::Percentile {
            self.quantize.percentile.get_or_insert(99.9);
        }
    }
}

fn one() -> f64 {
    1.0
}
fn two() -> f64 {
    2.0
}
fn four() -> f64 {
    4.0
}
pub(super) fn yes() -> bool {
    true
}
pub(super) fn hidden() -> Vec<usize> {
    vec![64, 32]
}
pub(super) fn learning_rate() -> f64 {
    0.001
}
fn student_epochs() -> usize {
    100
}
fn cotrain_epochs() -> usize {
    20
}
fn mask_epochs() -> usize {
    3
}
pub(super) fn batch_rows() -> usize {
    BATCH_ROWS
}

impl Default for TabularStudent {
    fn default() -> Self {
        Self {
            hidden: hidden(),
            dropout: 0.0,
            noise: 0.0,
            learning_rate: learning_rate(),
            epochs: student_epochs(),
            batch_rows: batch_rows(),
        }
    }
}

impl Default for TabularTarget {
    fn default() -> Self {
        Self {
            distill_temperature: two(),
            soft_weight: one(),
            softening: Softening::default(),
            label_weight: 0.0,
            margin: None,
            embedding_weight: None,
        }
    }
}
