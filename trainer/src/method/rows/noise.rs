//! Noise on the student's columns.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `noise`.
    pub struct Noise {
        /// Standard deviation of the noise, in standard scores.
        deviation: f64 = needed, Rule::above(0.0, 10.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Rows,
    kind: "noise",
    summary: "Adds normal noise to the student's standard scores, drawn anew in every step.",
    text: include_str!("noise.md"),
    needs: Needs::NONE,
    keys: Noise::keys,
    example: r#"[data]
source = "table.csv"
label = "y"
student_columns = ["a"]
teacher_columns = ["a", "b"]
[[teacher]]
kind = "mlp"
[[rows]]
kind = "noise"
deviation = 0.3
"#,
    mixes: false,
    read: read::<Noise>,
};
