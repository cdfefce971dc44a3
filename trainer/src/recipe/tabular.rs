//! The recipe of a table: columns decide who sees what. A recipe with `student_columns` is one.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::check::{self, Checked, Checker, DEEPEST, Ends};
use super::error::{RecipeError, RecipeFault};
use super::position::Positions;
use super::sections::{QuantizeMethod, QuantizeSection, RangeKind, ReportSection};
use super::series::SeriesSection;
use crate::teacher::AnswerKind;

/// Rows of a batch of an ONNX teacher unless told otherwise.
pub const ONNX_BATCH_ROWS: usize = 256;
/// Heads of an attention mask unless told otherwise, those of MST-Distill.
const HEADS: usize = 3;
/// Keys of a teacher's own training, which a teacher that comes as a file has not.
const TRAINING: [&str; 10] = [
    "hidden",
    "dropout",
    "label_smoothing",
    "mixup",
    "learning_rate",
    "epochs",
    "batch_rows",
    "members",
    "crossfit",
    "reask",
];

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
    /// Columns that the device has, as patterns: `acc`, `x[0:8, 4]`, `light_*`, `a..d`. Must be given.
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
    /// Whether it is asked again about every noised row; `sees = "student"`, `noise` and `[route] kind = "mean"` only.
    /// Default `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reask: bool,
    /// The model or the table, from the recipe's folder, then from the working folder; `onnx` and `table` only, where it
    /// must be given. Of a table: `.npz`, `.csv`, `.csv.gz`, `.parquet`, a folder of Parquet files, or what `eyas label`
    /// wrote. `batch_rows` of a model are rows of a batch, 1 to 65536; a model with a fixed batch keeps its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Inputs of the model with the columns that each takes, `onnx` only. Default: the one input takes the columns the
    /// teacher sees. Values are given as measured; a model that wants standard scores brings them along.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<TeacherInput>,
    /// Name of the model's output with the answers, `onnx` only; may be left out where there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Name of the model's embedding, an output or any value that a node computes, `onnx` only; for `embedding_weight`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<String>,
    /// Columns of the table with an embedding, `table` only; for `embedding_weight`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embedding_columns: Vec<String>,
    /// Columns of the table with the answers, one a class, `table` only. Default `["logits"]` or `["logits_*"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// What the answers are, `logits` (log-probabilities and quantities are too) or `probabilities`; `onnx` and `table`
    /// only. Default `logits`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswerKind>,
}

impl TabularTeacher {
    /// What a key needs that this teacher has not; `None` for a key that does something.
    fn idle(&self, key: &str, cotrained: bool) -> Option<&'static str> {
        use TabularTeacherKind::{Onnx, Table};
        let onnx = self.kind == Onnx;
        match key {
            "branch_hidden" if self.kind != TabularTeacherKind::Fusion => Some("kind = \"fusion\""),
            "batch_rows" if onnx => None,
            key if TRAINING.contains(&key) && !self.is_trained() => Some("kind = \"fusion\" or \"mlp\""),
            key if key != "hidden" && TRAINING.contains(&key) && cotrained => {
                Some("a training of the teacher's own, which [cotrain] replaces")
            }
            "input" | "output" | "embedding" if !onnx => Some("kind = \"onnx\""),
            "columns" | "embedding_columns" if self.kind != Table => Some("kind = \"table\""),
            "sees" if self.kind == Table => Some("a teacher that sees columns"),
            "sees" if onnx && self.input.iter().any(|input| !input.columns.is_empty()) => {
                Some("an input without `columns`")
            }
            "path" | "answers" if self.is_trained() => Some("kind = \"onnx\" or \"table\""),
            _ => None,
        }
    }

    /// Whether the teacher is trained here; else it comes as a file.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        matches!(self.kind, TabularTeacherKind::Fusion | TabularTeacherKind::Mlp)
    }
}

/// An input of a model and the columns it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherInput {
    /// Its name; may be left out where there is one only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Patterns of its columns, in order, of those that the teacher may see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// Architecture of a table's teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TabularTeacherKind {
    /// One branch for the student's columns and one for the others, joined: intermediate fusion.
    Fusion,
    /// One multi-layer perceptron over all its columns.
    Mlp,
    /// An ONNX model that was trained elsewhere.
    Onnx,
    /// A table of answers that someone already computed.
    Table,
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

/// Keys of `[[teacher]]` that only some kinds know.
const TEACHER_KEYS: [&str; 19] = [
    "sees",
    "branch_hidden",
    "hidden",
    "dropout",
    "label_smoothing",
    "mixup",
    "learning_rate",
    "epochs",
    "batch_rows",
    "members",
    "crossfit",
    "reask",
    "path",
    "input",
    "output",
    "embedding",
    "columns",
    "embedding_columns",
    "answers",
];

impl Checker<'_> {
    /// A teacher that comes as a file.
    fn given(&self, key: &dyn Fn(&str) -> String, teacher: &TabularTeacher, regress: bool) -> Checked {
        if teacher.path.as_ref().is_none_or(|path| path.trim().is_empty()) {
            let message = "expected the file of the teacher, found none";
            return Err(self.refuse(RecipeFault::MissingKey, &key("path"), message, "add path = \"FILE\""));
        }
        self.count(&key("batch_rows"), teacher.batch_rows, 1..=crate::onnx::MAX_BATCH_ROWS)?;
        if regress && teacher.answers == Some(AnswerKind::Probabilities) {
            let reason = "a quantity has no probabilities";
            return Err(self.combination(&key("answers"), reason, "remove the key, or classify"));
        }
        for (at, input) in teacher.input.iter().enumerate() {
            if teacher.input.len() > 1 && (input.name.is_none() || input.columns.is_empty()) {
                let reason = "a model with several inputs has to be told which columns each takes";
                return Err(self.combination(&key(&format!("input[{at}]")), reason, "give `name` and `columns`"));
            }
        }
        Ok(())
    }

    fn masks(&self, recipe: &TabularRecipe) -> Checked {
        let Some(masks) = &recipe.masks else { return Ok(()) };
        if recipe.cotrain.is_none() {
            return Err(self.combination("masks", "masks imitate the co-trained student", "add a table [cotrain]"));
        }
        let attention = masks.kind == MaskKind::Attention;
        if let Some(units) = masks.units {
            if attention {
                return Err(self.idle("masks.units", "kind = \"bottleneck\""));
            }
            self.count("masks.units", units, 1..=65_535)?;
        }
        if masks.heads.is_some() && !attention {
            return Err(self.idle("masks.heads", "kind = \"attention\""));
        }
        self.count("masks.epochs", masks.epochs, 1..=100_000)?;
        self.real("masks.learning_rate", masks.learning_rate, 0.0, 1.0, Ends::Above)?;
        for (index, teacher) in recipe.teacher.iter().enumerate().filter(|(_, teacher)| teacher.is_trained()) {
            let Some(narrowest) = teacher.hidden.iter().rev().take(2).min() else {
                return Err(self.range(&format!("teacher[{index}].hidden"), "a hidden layer to mask", "none"));
            };
            if attention {
                self.count("masks.heads", masks.heads.unwrap_or(HEADS), 1..=narrowest / 2)?;
            }
        }
        Ok(())
    }

    /// Embeddings are given and used, or neither.
    fn embeddings(&self, recipe: &TabularRecipe) -> Checked {
        let named = recipe.teacher.iter().enumerate().find_map(|(index, teacher)| {
            let columns = (!teacher.embedding_columns.is_empty()).then_some("embedding_columns");
            teacher.embedding.as_ref().map(|_| "embedding").or(columns).map(|name| format!("teacher[{index}].{name}"))
        });
        match (recipe.target.embedding_weight, named) {
            (Some(_), None) => Err(self.idle("target.embedding_weight", "an `embedding` of a teacher")),
            (None, Some(key)) => Err(self.idle(&key, "target.embedding_weight")),
            (Some(_), Some(_)) if recipe.student.hidden.is_empty() => {
                Err(self.idle("target.embedding_weight", "a hidden layer of the student"))
            }
            (Some(weight), Some(_)) => self.real("target.embedding_weight", weight, 0.0, 100.0, Ends::Above),
            (None, None) => Ok(()),
        }
    }

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
            for (name, needs) in
                TEACHER_KEYS.iter().filter_map(|&name| Some((name, teacher.idle(name, recipe.cotrain.is_some())?)))
            {
                if self.positions.has(&key(name)) {
                    return Err(self.idle(&key(name), needs));
                }
            }
            if !teacher.is_trained() {
                self.given(&key, teacher, regress)?;
                continue;
            }
            let fusion = teacher.kind == TabularTeacherKind::Fusion;
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
            }
            let alone = teacher.sees == Seen::Student && recipe.student.noise > 0.0;
            if teacher.reask && !(alone && recipe.route.kind == RouteKind::Mean && teacher.crossfit.is_none()) {
                let needs = "sees = \"student\", [student] noise, [route] kind = \"mean\" and no crossfit";
                return Err(self.idle(&key("reask"), needs));
            }
        }
        if let Some(cotrain) = recipe.cotrain {
            if regress {
                let reason = "networks are trained together through their class probabilities";
                return Err(self.combination("cotrain", reason, "remove the table, or classify"));
            }
            self.count("cotrain.epochs", cotrain.epochs, 1..=100_000)?;
            self.real("cotrain.temperature", cotrain.temperature, 0.0, 100.0, Ends::Above)?;
            if recipe.teacher.iter().all(|teacher| !teacher.is_trained()) {
                return Err(self.idle("cotrain", "a teacher that is trained here"));
            }
            if recipe.target.embedding_weight.is_some() && cotrain.keep_student {
                let reason = "outputs that learn an embedding cannot be added to a student that is trained already";
                return Err(self.combination(
                    "target.embedding_weight",
                    reason,
                    "say keep_student = false in [cotrain]",
                ));
            }
        }
        self.masks(recipe)?;
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
        self.embeddings(recipe)?;
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
fn mask_epochs() -> usize {
    3
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
            embedding_weight: None,
        }
    }
}
