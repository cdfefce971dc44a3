//! Divergence from softened answers.

use crate::method::objective::Weights;
use crate::method::{Method, Needs, Point, read};
use crate::recipe::Task;
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `kl`.
    pub struct Kl with weights: Weights {
        /// Softmax divisor of teacher and student.
        temperature: f64 = 1.0 | 2.0, Rule::above(0.0, 100.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Objective,
    kind: "kl",
    summary: "Kullback-Leibler divergence between softened answers, and cross-entropy with the labels.",
    text: include_str!("kl.md"),
    needs: Needs { task: Some(Task::Classify), ..Needs::NONE },
    keys: Kl::keys,
    example: r#"[data]
source = "cora"
[[teacher]]
kind = "gcn"
[objective]
kind = "kl"
temperature = 2.0
label_weight = 0.5
"#,
    mixes: false,
    read: read::<Kl>,
};
