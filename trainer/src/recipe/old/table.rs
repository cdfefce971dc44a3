//! What the table engine reads.

use super::{
    CotrainSection, MasksSection, QuantizeSection, ReportSection, Seen, TabularTask, TeacherInput, from_whole,
};
use crate::dataset::Windowing;
use crate::recipe::SeriesSection;
use crate::teacher::AnswerKind;

/// A whole run on a table, checked and with every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularRecipe {
    /// The recipe it was made from.
    pub whole: Box<crate::recipe::Recipe>,
    /// Which table, who sees which columns, which rows teach, choose and judge.
    pub data: TabularData,
    /// Teachers, at least one.
    pub teacher: Vec<TabularTeacher>,
    /// Training of teachers and student together before the student's own; left out for none.
    pub cotrain: Option<CotrainSection>,
    /// Masks on the co-trained teachers' features; left out for none.
    pub masks: Option<MasksSection>,
    /// How several teachers become one target.
    pub route: RouteSection,
    /// The network that ships.
    pub student: TabularStudent,
    /// What the student is taught.
    pub target: TabularTarget,
    /// The way to int8.
    pub quantize: QuantizeSection,
    /// What is measured.
    pub report: ReportSection,
}

from_whole!(TabularRecipe, Table, "table");

/// `[data]` of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularData {
    /// Name of a known data set, or a path to an `.npz`, `.csv`, `.csv.gz` or `.parquet` file, or to a folder of Parquet
    /// files. Must be given.
    pub source: String,
    /// What is learnt. Default `classify`.
    pub task: TabularTask,
    /// Column with the label (`classify`) or the quantity (`regress`). Must be given.
    pub label: String,
    /// Columns that the device has, as patterns: `acc`, `x[0:8, 4]`, `light_*`, `a..d`. Must be given. Patterns leave out
    /// the label, the fold, the group and the id, and so do those of teachers; naming one of these is refused.
    pub student_columns: Vec<String>,
    /// Columns that the teacher sees. Must be given; they may hold the student's.
    pub teacher_columns: Vec<String>,
    /// Column that names each row once; answers that come as a table are matched by it. Default: `id` where there is one.
    pub id: Option<String>,
    /// Names of the classes in the order of their numbers. Default: the labels as the file spells them.
    pub class_names: Vec<String>,
    /// Where the split comes from. Default `folds`.
    pub split: TabularSplit,
    /// Column with the fold of each row, `folds` only. Default `fold`.
    pub fold: Option<String>,
    /// Folds that judge in turn; the next one chooses, the others teach. `folds` only. Default: all of them.
    pub folds: Vec<u64>,
    /// Column whose equal values stay in one part (a person, a recording); a split that parts them is told.
    pub group: Option<String>,
    /// Share of the rows that choose, above 0 to below 1; not with `folds`. Default 0.2.
    pub tune_share: Option<f64>,
    /// Share of the rows that judge, above 0 to below 1; not with `folds`. Default 0.2.
    pub test_share: Option<f64>,
    /// Share of the train rows whose labels are known, above 0 to 1, drawn class by class. Teachers and the label-only
    /// student see these alone; the distilled student sees the teachers' answers on all train rows. Default 1.
    pub label_share: f64,
    /// Readings in time that become windows; left out for a table whose rows are complete.
    pub series: Option<SeriesSection>,
}

/// Source of the split of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TabularSplit {
    /// A column with fold numbers.
    #[default]
    Folds,
    /// Drawn from each seed of the run; groups stay whole.
    Random,
    /// In the order of the file: first train, then tune, then test. For what is measured in time.
    Ordered,
}

/// `[route]`: how several teachers become one target.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RouteSection {
    /// Which teacher answers for a row. Default `mean`.
    pub kind: RouteKind,
    /// Weight that keeps the router's load even, 0 to 100; `router` only. Default 1.
    pub balance: Option<f64>,
}

/// Choice of a teacher.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq)]
pub struct TabularStudent {
    /// Widths of the hidden layers, at most 7, each 1 to 32767. Default `[64, 32]`.
    pub hidden: Vec<usize>,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.
    pub dropout: f64,
    /// Deviation of the noise added to standard scores while training, 0 to 10. Default 0.
    pub noise: f64,
    /// Step size of Adam, above 0 to 1. Default 0.001.
    pub learning_rate: f64,
    /// Passes over the rows, 1 to 100000. Default 100.
    pub epochs: usize,
    /// Rows of a step, from 1. Default 256.
    pub batch_rows: usize,
}

/// `[target]` of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TabularTarget {
    /// Softmax divisor of teacher and student, above 0 to 100; `classify` only. Default 2.
    pub distill_temperature: f64,
    /// Weight of the teachers' answers, 0 to 100. Default 1.
    pub soft_weight: f64,
    /// Course of `soft_weight`. Default `constant`.
    pub softening: Softening,
    /// Weight of the labels, 0 to 100. Default 0.
    pub label_weight: f64,
    /// A label counts only where the student's squared error, in variances of the label, exceeds the teachers' less this
    /// margin, 0 to 100; `regress` with a `label_weight` only (Chen et al. 2017, equation 4). Default: it always counts.
    pub margin: Option<f64>,
    /// Weight of the teachers' embeddings, above 0 to 100: while training, outputs beside the student's own learn their
    /// standard scores from its last hidden layer, mean squared error. Left out for none.
    pub embedding_weight: Option<f64>,
}

/// Course of the weight of the teachers' answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Softening {
    /// The same in every pass.
    #[default]
    Constant,
    /// Halved after the first pass and after every 30 passes from then on, as MST-Distill does.
    Halving,
}

/// `[[teacher]]` of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularTeacher {
    /// Architecture. Must be given.
    pub kind: TabularTeacherKind,
    /// Which columns: `all` of the teacher's, the `others` that the student has not, or the `student`'s. Default `all`.
    pub sees: Seen,
    /// Widths of the layers before the join, the same for each branch, `fusion` only. Default `[256, 128]`.
    pub branch_hidden: Option<Vec<usize>>,
    /// Widths of the hidden layers (behind the join). Default `[64, 32]`.
    pub hidden: Vec<usize>,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.2.
    pub dropout: f64,
    /// Share of label mass spread over all classes, from 0 to below 1; `classify` only. Default 0.05.
    pub label_smoothing: f64,
    /// Whether rows are mixed in pairs while training (mixup with Beta(0.4, 0.4)). Default `true`.
    pub mixup: bool,
    /// Step size of Adam, above 0 to 1. Default 0.001.
    pub learning_rate: f64,
    /// Passes over the labelled rows, 1 to 100000. Default 40.
    pub epochs: usize,
    /// Rows of a step, from 1. Default 256.
    pub batch_rows: usize,
    /// Seeds trained for this teacher, whose log-probabilities are averaged, 1 to 64. Default 3.
    pub members: usize,
    /// Parts of the labelled rows, groups kept whole, 2 to 64: a row is answered by the members that did not learn from
    /// its part, so that its answer is as uncertain as for a new row. `members` are trained for each part. Default: no
    /// parts, every member learns from all rows and answers for them.
    pub crossfit: Option<usize>,
    /// Whether it is asked again about every noised row; `sees = "student"`, `noise` and `[route] kind = "mean"` only.
    /// Default `false`.
    pub reask: bool,
    /// The model or the table, from the recipe's folder, then from the working folder; `onnx` and `table` only, where it
    /// must be given. Of a table: `.npz`, `.csv`, `.csv.gz`, `.parquet`, a folder of Parquet files, or what `eyas label`
    /// wrote. `batch_rows` of a model are rows of a batch, 1 to 65536; a model with a fixed batch keeps its own.
    pub path: Option<String>,
    /// Inputs of the model with the columns that each takes, `onnx` only. Default: the one input takes the columns the
    /// teacher sees. Values are given as measured; a model that wants standard scores brings them along.
    pub input: Vec<TeacherInput>,
    /// Name of the model's output with the answers, `onnx` only; may be left out where there is one only.
    pub output: Option<String>,
    /// Name of the model's embedding, an output or any value that a node computes, `onnx` only; for `embedding_weight`.
    pub embedding: Option<String>,
    /// Columns of the table with an embedding, `table` only; for `embedding_weight`.
    pub embedding_columns: Vec<String>,
    /// Columns of the table with the answers, one a class, `table` only. Default `["logits"]` or `["logits_*"]`.
    pub columns: Vec<String>,
    /// What the answers are, `logits` (log-probabilities and quantities are too) or `probabilities`; `onnx` and `table`
    /// only. Default `logits`, and answers that look like probabilities in every row are refused.
    pub answers: Option<AnswerKind>,
}

/// Architecture of a table's teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl TabularData {
    /// How the series become rows, where `[data.series]` asks for it.
    #[must_use]
    pub fn windowing(&self) -> Option<Windowing<'_>> {
        self.series.as_ref().map(|series| Windowing {
            time: &series.time,
            site: series.site.as_deref(),
            label: &self.label,
            history: series.history,
            ahead: series.ahead,
            every: series.every,
        })
    }
}

impl TabularTeacher {
    /// Whether the teacher is trained here; else it comes as a file.
    #[must_use]
    pub fn is_trained(&self) -> bool {
        matches!(self.kind, TabularTeacherKind::Fusion | TabularTeacherKind::Mlp)
    }
}
