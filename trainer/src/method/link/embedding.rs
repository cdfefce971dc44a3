//! Teachers' embeddings from the student's last hidden layer.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `embedding`.
    pub struct Embedding {
        /// Weight of the mean squared error.
        weight: f64 = needed, Rule::above(0.0, 100.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Link,
    kind: "embedding",
    summary: "The student's last hidden layer learns to predict the teachers' embeddings.",
    text: include_str!("embedding.md"),
    needs: Needs { embedding: true, hidden: true, ..Needs::NONE },
    keys: Embedding::keys,
    example: r#"[data]
source = "table.csv"
label = "y"
student_columns = ["a"]
teacher_columns = ["a", "b"]
[[teacher]]
kind = "onnx"
path = "model.onnx"
embedding = "features"
[[link]]
kind = "embedding"
weight = 0.5
"#,
    mixes: false,
    read: read::<Embedding>,
};
