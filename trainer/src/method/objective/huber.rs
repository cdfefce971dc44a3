//! Huber's loss of a quantity.

use crate::method::objective::Weights;
use crate::method::{Method, Needs, Point, read};
use crate::recipe::section::{Section, section};
use crate::recipe::{Rule, Task};

section! {
    /// Keys of `huber`.
    pub struct Huber with weights: Weights {
        /// Error up to which it is squared, in standard deviations of the label.
        delta: f64 = 0.5, Rule::above(0.0, 100.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Objective,
    kind: "huber",
    summary: "Squared error to the teachers' quantity and to the label, absolute where it is large.",
    text: include_str!("huber.md"),
    needs: Needs { task: Some(Task::Regress), ..Needs::NONE },
    keys: Huber::keys,
    example: r#"[data]
source = "table.csv"
task = "regress"
label = "y"
student_columns = ["a"]
teacher_columns = ["a", "b"]
[[teacher]]
kind = "mlp"
[objective]
kind = "huber"
label_weight = 0.5
"#,
    mixes: false,
    read: read::<Huber>,
};
