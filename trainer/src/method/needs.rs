//! What a method cannot do without.

use crate::recipe::{DataKind, Task};

/// Conditions of a method, checked when a recipe is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The only kind of data it has a meaning for.
    pub data: Option<DataKind>,
    /// The only task it has a meaning for.
    pub task: Option<Task>,
    /// A teacher with an embedding.
    pub embedding: bool,
    /// A hidden layer of the student.
    pub hidden: bool,
    /// A weight of the labels.
    pub labels: bool,
}

impl Needs {
    /// No conditions.
    pub const NONE: Self = Self { data: None, task: None, embedding: false, hidden: false, labels: false };

    /// Each condition in words, where it is one: data, task, embedding, hidden layer, labels.
    #[must_use]
    pub fn conditions(&self) -> [Option<String>; 5] {
        [
            self.data.map(|kind| format!("data of kind = \"{}\"", kind.word())),
            self.task.map(|task| format!("task = \"{}\"", task.word())),
            self.embedding.then(|| "an `embedding` of a teacher".to_owned()),
            self.hidden.then(|| "a hidden layer of the student".to_owned()),
            self.labels.then(|| "a label_weight above 0".to_owned()),
        ]
    }
}
