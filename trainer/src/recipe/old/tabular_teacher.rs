//! `[[teacher]]` of a table: who teaches, and which of its keys mean something.

use serde::{Deserialize, Serialize};

use super::check::{Checked, Checker, Ends};
use super::error::RecipeFault;
use super::tabular::{RouteKind, TabularRecipe, batch_rows, hidden, learning_rate, yes};
use crate::teacher::AnswerKind;

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

/// Keys of a teacher that comes as a file.
const FILE: [&str; 7] = ["path", "input", "output", "embedding", "columns", "embedding_columns", "answers"];

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
    #[serde(default = "hidden")]
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
    /// only. Default `logits`, and answers that look like probabilities in every row are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AnswerKind>,
}

impl TabularTeacher {
    /// What a key needs that this teacher has not; `None` for a key that does something.
    pub(super) fn idle(&self, key: &str, cotrained: bool) -> Option<&'static str> {
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

impl Checker<'_> {
    pub(super) fn teachers(&self, recipe: &TabularRecipe, regress: bool) -> Checked {
        for (index, teacher) in recipe.teacher.iter().enumerate() {
            let key = |name: &str| format!("teacher[{index}].{name}");
            let widths = teacher.hidden.iter().chain(teacher.branch_hidden.iter().flatten());
            for &width in widths {
                self.count(&key("hidden"), width, 1..=65_535)?;
            }
            let some = ["sees", "branch_hidden"].iter().chain(&TRAINING).chain(&FILE);
            for (name, needs) in some.filter_map(|&name| Some((name, teacher.idle(name, recipe.cotrain.is_some())?))) {
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
        Ok(())
    }

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
        self.once(&key("columns"), "pattern", &teacher.columns)?;
        self.once(&key("embedding_columns"), "pattern", &teacher.embedding_columns)?;
        let names: Vec<&String> = teacher.input.iter().filter_map(|input| input.name.as_ref()).collect();
        self.once(&key("input"), "name", &names)?;
        for (at, input) in teacher.input.iter().enumerate() {
            self.once(&key(&format!("input[{at}].columns")), "pattern", &input.columns)?;
            if teacher.input.len() > 1 && (input.name.is_none() || input.columns.is_empty()) {
                let reason = "a model with several inputs has to be told which columns each takes";
                return Err(self.combination(&key(&format!("input[{at}]")), reason, "give `name` and `columns`"));
            }
        }
        Ok(())
    }
}

fn teacher_dropout() -> f64 {
    0.2
}
fn label_smoothing() -> f64 {
    0.05
}
fn teacher_epochs() -> usize {
    40
}
fn members() -> usize {
    3
}
