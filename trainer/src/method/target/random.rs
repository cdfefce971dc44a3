//! A teacher drawn for each row.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `random`: none.
    pub struct Random {}
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Target,
    kind: "random",
    summary: "A teacher drawn for each row and step: the control that must not win.",
    text: include_str!("random.md"),
    needs: Needs::NONE,
    keys: Random::keys,
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
kind = "random"
"#,
    mixes: true,
    read: read::<Random>,
};
