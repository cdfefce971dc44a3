//! What the answers of an ONNX model mean: scores or probabilities, and of which classes.

use std::fmt;

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use super::answers::{AnswerKind, look_like_probabilities};
use crate::dataset::quoted;
use crate::onnx::OnnxTeacher;

/// What the answers of a classifier mean. The recipe says it, or else the answers themselves show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// As the recipe says it; else probabilities where they look like them, and otherwise open.
    pub kind: Option<AnswerKind>,
    /// Names of the classes in the order of the model; empty where it does not tell them.
    pub classes: Vec<String>,
    /// Name of the value with the answers.
    value: String,
    has_labels_alone: bool,
    is_said: bool,
    /// Whether one column stands for two classes.
    is_halved: bool,
}

/// A model and data with other classes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected answers for the classes of the data, {}, found {}; name the classes alike (`class_names`), or train the \
     model on the labels of this data", list(.expected), list(.found)
)]
pub struct ClassesError {
    /// Classes of the data.
    pub expected: Vec<String>,
    /// Classes of the model.
    pub found: Vec<String>,
}

impl Meaning {
    /// What `answers` of a model mean, `[rows][columns]` as it gave them, where the recipe says `said` of them.
    #[must_use]
    pub fn of(model: &OnnxTeacher, said: Option<AnswerKind>, answers: ArrayView2<'_, f32>) -> Self {
        let seen = look_like_probabilities(answers).then_some(AnswerKind::Probabilities);
        let is_halved = answers.ncols() == 1;
        let columns = if is_halved { 2 } else { answers.ncols() };
        let classes = if model.classes().len() == columns { model.classes().to_vec() } else { Vec::new() };
        Self {
            kind: said.or(seen),
            classes,
            value: model.answer_name().to_owned(),
            has_labels_alone: model.has_labels_alone(),
            is_said: said.is_some(),
            is_halved,
        }
    }

    /// Whether the recipe has not said it.
    #[must_use]
    pub const fn is_news(&self) -> bool {
        !self.is_said || self.has_labels_alone
    }

    /// A column for each class: of one column `1 - p` and `p`, or 0 and the score.
    #[must_use]
    pub fn columns(&self, answers: Array2<f32>) -> Array2<f32> {
        if !self.is_halved {
            return answers;
        }
        let first = match self.kind {
            Some(AnswerKind::Probabilities) => answers.mapv(|p| (1.0 - p).max(0.0)),
            _ => Array2::zeros(answers.dim()),
        };
        concatenate![Axis(1), first, answers]
    }

    /// The column of each class of the data; in their order where the model tells no classes.
    ///
    /// Classes are matched by name, or where the model numbers them from 0, by number.
    ///
    /// # Errors
    /// [`ClassesError`] where both do not have the same classes.
    pub fn order(&self, names: &[String]) -> Result<Vec<usize>, ClassesError> {
        if self.classes.is_empty() {
            return Ok((0..names.len()).collect());
        }
        let place = |name: &String| self.classes.iter().position(|class| class == name);
        let by_name: Option<Vec<usize>> = names.iter().map(place).collect();
        let by_number = || (0..names.len()).map(|number| place(&number.to_string())).collect();
        let order = by_name.or_else(by_number).filter(|_| names.len() == self.classes.len());
        order.ok_or_else(|| ClassesError { expected: names.to_vec(), found: self.classes.clone() })
    }
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = quoted(&self.value);
        if self.has_labels_alone {
            return write!(f, "{value} holds labels alone, each of which is taken as a probability of 1");
        }
        match self.kind {
            Some(AnswerKind::Probabilities) if self.is_halved => write!(f, "{value} lies between 0 and 1 in every row"),
            Some(AnswerKind::Probabilities) => write!(f, "{value} adds up to 1 in every row"),
            _ => write!(f, "{value} holds no probabilities"),
        }?;
        match self.kind {
            Some(AnswerKind::Probabilities) => f.write_str(" and is taken as probabilities")?,
            _ => f.write_str(" and is taken as logits")?,
        }
        f.write_str("; `answers` in the recipe would say otherwise")
    }
}

fn list(names: &[String]) -> String {
    quoted(&names.join(", "))
}
