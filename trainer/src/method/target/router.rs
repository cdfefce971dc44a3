//! A gate that chooses a teacher for each row.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::Task;
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `router`.
    pub struct Router {
        /// Weight that keeps the router's load even.
        balance: f64 = 1.0, Rule::reals(0.0, 100.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Target,
    kind: "router",
    summary: "A linear gate on the student's logits chooses one teacher for each row.",
    text: include_str!("router.md"),
    needs: Needs { task: Some(Task::Classify), ..Needs::NONE },
    keys: Router::keys,
    example: r#"[data]
source = "table.csv"
label = "y"
student_columns = ["a"]
teacher_columns = ["a", "b"]
[[teacher]]
kind = "mlp"
[[teacher]]
kind = "fusion"
[[target]]
kind = "router"
balance = 0.5
"#,
    mixes: true,
    read: read::<Router>,
};
