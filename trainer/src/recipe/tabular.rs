//! The recipe of a table: columns decide who sees what. A recipe with `student_columns` is one.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::check::{self, Checked, Checker, DEEPEST, Ends};
use super::error::{RecipeError, RecipeFault};
use super::position::Positions;
use super::sections::{QuantizeMethod, QuantizeSection, RangeKind, ReportSection};
use super::series::SeriesSection;

/// A whole run on a table, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularRecipe {
    /// Which table, who sees which columns, which rows teach, choose and judge.
    pub data: TabularData,
    /// Teachers, at least one.
    pub teacher: Vec<TabularTeacher>,
    /// Training of teachers and student together before the student's own; left out for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cotrain: Option<CotrainSection>,
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
    /// Name of a known data set, or a path to an `.npz`, `.csv` or `.csv.gz` file. Must be given.
    pub source: String,
    /// What is learnt. Default `classify`.
    #[serde(default)]
    pub task: TabularTask,
    /// Column with the label (`classify`) or the quantity (`regress`). Must be given.
    pub label: String,
    /// Columns that the device has, as patterns: `acc`, `x[0:8, 4]`, `light_*`, `a..d`. Must be given.
    pub student_columns: Vec<String>,
    /// Columns that the teacher sees. Must be given; they may hold the student's.
    pub teacher_columns: Vec<String>,
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

/// `[[teacher]]` of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TabularTeacher {
    /// Architecture. Must be given.
    pub kind: TabularTeacherKind,
    /// Which columns: `all` of the teacher's, the `others` that the student has not, or the `student`'s. Default `all`.
    #[serde(default)]
    pub sees: Seen,
    /// Widths of the layers before the join, the same for each branch, `fusion` only. Default `[256, 128]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch_hidden: Option<Vec<usize>>,
    /// Widths of the hidden layers (behind the join). Default `[64, 32]`.
    #[serde(default = "teacher_hidden")]
    pub hidden: Vec<usize>,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.2.
    #[serde(default = "teacher_dropout")]
    pub dropout: f64,
    /// Share of label mass spread over all classes, from 0 to below 1; `classify` only. Default 0.05.
    #[serde(default = "label_smoothing")]
    pub label_smoothing: f64,
    /// Whether rows are mixed in pairs while training (mixup with Beta(0.4, 0.4)). Default `true`.
    #[serde(default = "yes")]
    pub mixup: bool,
    /// Step size of Adam, above 0 to 1. Default 0.001.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Passes over the labelled rows, 1 to 100000. Default 40.
    #[serde(default = "teacher_epochs")]
    pub epochs: usize,
    /// Rows of a step, from 1. Default 256.
    #[serde(default = "batch_rows")]
    pub batch_rows: usize,
    /// Seeds trained for this teacher, whose log-probabilities are averaged, 1 to 64. Default 3.
    #[serde(default = "members")]
    pub members: usize,
    /// Parts of the labelled rows, groups kept whole, 2 to 64: a row is answered by the members that did not learn from
    /// its part, so that its answer is as uncertain as for a new row. `members` are trained for each part. Default: no
    /// parts, every member learns from all rows and answers for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossfit: Option<usize>,
}

/// Architecture of a table's teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TabularTeacherKind {
    /// One branch for the student's columns and one for the others, joined: intermediate fusion.
    Fusion,
    /// One multi-layer perceptron over all its columns.
    Mlp,
}

/// Columns of a teacher.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// All of `teacher_columns`.
    #[default]
    All,
    /// Those of `teacher_columns` that are no student columns.
    Others,
    /// The student's columns: a bigger network, or several, behind the same sensors.
    Student,
}

/// `[cotrain]`: teachers and student step together, each taught by labels and by every other one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CotrainSection {
    /// Passes, 1 to 100000. Default 20.
    #[serde(default = "cotrain_epochs")]
    pub epochs: usize,
    /// Softmax divisor, above 0 to 100. Default 4.
    #[serde(default = "four")]
    pub temperature: f64,
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
    #[serde(default = "teacher_hidden")]
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
        let text = std::fs::read_to_string(path).map_err(|error| RecipeError::read(path, &error))?;
        Self::parse(&text, path)
    }

    /// Checks the text of a recipe; `file` is its name for messages.
    ///
    /// # Errors
    /// As [`TabularRecipe::load`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, RecipeError> {
        let positions = Positions::of(text);
        let mut recipe: Self = toml::from_str(text).map_err(|error| check::from_toml(&error, &positions, file))?;
        let checker = Checker { positions: &positions, file };
        checker.tabular(&recipe)?;
        recipe.fill();
        Ok(recipe)
    }

    /// The recipe as TOML with every default written out; it loads back to the same recipe.
    #[must_use]
    pub fn resolved(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of the resolved text.
    #[must_use]
    pub fn recipe_hash(&self) -> [u8; 32] {
        Sha256::digest(self.resolved().as_bytes()).into()
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
        if self.route.kind == RouteKind::Router {
            self.route.balance.get_or_insert(1.0);
        }
        if self.quantize.ranges == RangeKind::Percentile {
            self.quantize.percentile.get_or_insert(99.9);
        }
    }
}

impl Checker<'_> {
    fn tabular(&self, recipe: &TabularRecipe) -> Checked {
        let data = &recipe.data;
        for (key, columns) in
            [("data.student_columns", &data.student_columns), ("data.teacher_columns", &data.teacher_columns)]
        {
            if columns.is_empty() {
                return Err(self.range(key, "at least one pattern", "none"));
            }
        }
        self.series(data)?;
        self.real("data.label_share", data.label_share, 0.0, 1.0, Ends::Above)?;
        let folds = data.split == TabularSplit::Folds;
        for (key, given) in [("data.fold", data.fold.is_some()), ("data.folds", !data.folds.is_empty())] {
            if given && !folds {
                return Err(self.idle(key, "split = \"folds\""));
            }
        }
        for (key, share) in [("data.tune_share", data.tune_share), ("data.test_share", data.test_share)] {
            match share {
                Some(_) if folds => return Err(self.idle(key, "split = \"random\" or \"ordered\"")),
                Some(share) => self.real(key, share, 0.0, 0.9, Ends::Above)?,
                None => {}
            }
        }
        if data.tune_share.unwrap_or(0.2) + data.test_share.unwrap_or(0.2) >= 1.0 {
            return Err(self.combination("data.test_share", "no row is left to teach", "lower one of the two shares"));
        }
        if recipe.teacher.is_empty() {
            let message = "expected at least one teacher, found none";
            return Err(self.refuse(RecipeFault::MissingKey, "teacher", message, "add a table [[teacher]]"));
        }
        let regress = data.task == TabularTask::Regress;
        for (index, teacher) in recipe.teacher.iter().enumerate() {
            let key = |name: &str| format!("teacher[{index}].{name}");
            let widths = teacher.hidden.iter().chain(teacher.branch_hidden.iter().flatten());
            for &width in widths {
                self.count(&key("hidden"), width, 1..=65_535)?;
            }
            let fusion = teacher.kind == TabularTeacherKind::Fusion;
            if teacher.branch_hidden.is_some() && !fusion {
                return Err(self.idle(&key("branch_hidden"), "kind = \"fusion\""));
            }
            if fusion && teacher.sees != Seen::All {
                let reason = "a fusion joins the student's columns with the others";
                return Err(self.combination(&key("sees"), reason, "use kind = \"mlp\", or remove the key"));
            }
            self.real(&key("dropout"), teacher.dropout, 0.0, 1.0, Ends::Below)?;
            self.real(&key("label_smoothing"), teacher.label_smoothing, 0.0, 1.0, Ends::Below)?;
            self.real(&key("learning_rate"), teacher.learning_rate, 0.0, 1.0, Ends::Above)?;
            self.count(&key("epochs"), teacher.epochs, 1..=100_000)?;
            self.count(&key("batch_rows"), teacher.batch_rows, 1..=1 << 20)?;
            self.count(&key("members"), teacher.members, 1..=64)?;
            if let Some(parts) = teacher.crossfit {
                self.count(&key("crossfit"), parts, 2..=64)?;
                if recipe.cotrain.is_some() {
                    let reason = "networks trained together have all learnt from every row";
                    return Err(self.combination(&key("crossfit"), reason, "remove the key, or [cotrain]"));
                }
            }
        }
        if let Some(cotrain) = recipe.cotrain {
            if regress {
                let reason = "networks are trained together through their class probabilities";
                return Err(self.combination("cotrain", reason, "remove the table, or classify"));
            }
            self.count("cotrain.epochs", cotrain.epochs, 1..=100_000)?;
            self.real("cotrain.temperature", cotrain.temperature, 0.0, 100.0, Ends::Above)?;
        }
        match recipe.route.balance {
            Some(_) if recipe.route.kind != RouteKind::Router => {
                return Err(self.idle("route.balance", "kind = \"router\""));
            }
            Some(balance) => self.real("route.balance", balance, 0.0, 100.0, Ends::Both)?,
            None => {}
        }
        if regress && recipe.route.kind == RouteKind::Router {
            let reason = "the router learns which teacher names the right class";
            return Err(self.combination("route.kind", reason, "use mean or best-on-tune"));
        }
        let student = &recipe.student;
        if student.hidden.len() > DEEPEST {
            let found = format!("{} widths", student.hidden.len());
            return Err(self.range("student.hidden", &format!("at most {DEEPEST} hidden layers"), &found));
        }
        for (index, &width) in student.hidden.iter().enumerate() {
            self.count(&format!("student.hidden[{index}]"), width, 1..=usize::from(eyas::model::MAX_WIDTH))?;
        }
        self.real("student.dropout", student.dropout, 0.0, 1.0, Ends::Below)?;
        self.real("student.noise", student.noise, 0.0, 10.0, Ends::Both)?;
        self.real("student.learning_rate", student.learning_rate, 0.0, 1.0, Ends::Above)?;
        self.count("student.epochs", student.epochs, 1..=100_000)?;
        self.count("student.batch_rows", student.batch_rows, 1..=1 << 20)?;
        let target = &recipe.target;
        self.real("target.distill_temperature", target.distill_temperature, 0.0, 100.0, Ends::Above)?;
        self.real("target.soft_weight", target.soft_weight, 0.0, 100.0, Ends::Above)?;
        self.real("target.label_weight", target.label_weight, 0.0, 100.0, Ends::Both)?;
        if let Some(margin) = target.margin {
            if !regress || target.label_weight == 0.0 {
                return Err(self.idle("target.margin", "task = \"regress\" and a label_weight"));
            }
            self.real("target.margin", margin, 0.0, 100.0, Ends::Both)?;
        }
        self.quantize(&recipe.quantize)?;
        if recipe.quantize.method == QuantizeMethod::Qat {
            let reason = "students of tables are rounded after training";
            return Err(self.combination("quantize.method", reason, "remove the key"));
        }
        self.report(&recipe.report)
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
fn yes() -> bool {
    true
}
fn teacher_hidden() -> Vec<usize> {
    vec![64, 32]
}
fn teacher_dropout() -> f64 {
    0.2
}
fn label_smoothing() -> f64 {
    0.05
}
fn learning_rate() -> f64 {
    0.001
}
fn teacher_epochs() -> usize {
    40
}
fn student_epochs() -> usize {
    100
}
fn cotrain_epochs() -> usize {
    20
}
fn batch_rows() -> usize {
    256
}
fn members() -> usize {
    3
}

impl Default for TabularStudent {
    fn default() -> Self {
        Self {
            hidden: teacher_hidden(),
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
        }
    }
}
