//! Absolute error of a quantity.

use crate::method::objective::Weights;
use crate::method::{Method, Needs, Point, read};
use crate::recipe::Task;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `mae`.
    pub struct Mae with weights: Weights {}
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Objective,
    kind: "mae",
    summary: "Absolute error to the teachers' quantity and to the label.",
    text: include_str!("mae.md"),
    needs: Needs { task: Some(Task::Regress), ..Needs::NONE },
    keys: Mae::keys,
    example: r#"[data]
source = "table.csv"
task = "regress"
label = "y"
student_columns = ["a"]
teacher_columns = ["a", "b"]
[[teacher]]
kind = "mlp"
[objective]
kind = "mae"
label_weight = 0.5
"#,
    mixes: false,
    read: read::<Mae>,
};
