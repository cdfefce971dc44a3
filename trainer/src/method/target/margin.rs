//! Labels that count only where they are needed.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::Task;
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `margin`.
    pub struct Margin {
        /// How much worse than the teachers the student may be without the label, in variances of the label.
        margin: f64 = needed, Rule::reals(0.0, 100.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Target,
    kind: "margin",
    summary: "A label counts only where the student is worse than the teachers.",
    text: include_str!("margin.md"),
    needs: Needs { task: Some(Task::Regress), labels: true, ..Needs::NONE },
    keys: Margin::keys,
    example: r#"[data]
source = "table.csv"
task = "regress"
label = "y"
student_columns = ["a"]
teacher_columns = ["a", "b"]
[[teacher]]
kind = "mlp"
[[target]]
kind = "margin"
margin = 0.1
[objective]
label_weight = 0.5
"#,
    mixes: false,
    read: read::<Margin>,
};
