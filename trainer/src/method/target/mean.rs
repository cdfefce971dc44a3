//! The mean of all teachers.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::section::{Section, section};
use crate::recipe::value::words;

words! {
    /// What a mean averages.
    pub enum MeanOf {
        /// Probabilities.
        Probabilities = "probabilities",
        /// Log-probabilities.
        LogProbabilities = "log-probabilities",
    }
}

section! {
    /// Keys of `mean`.
    pub struct Mean {
        /// What is averaged: probabilities, whose logarithm is then taken, or log-probabilities, whose mean is softmaxed again.
        of: Option<MeanOf> = "probabilities" | "log-probabilities" for Classify;
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Target,
    kind: "mean",
    summary: "The mean of all teachers' answers.",
    text: include_str!("mean.md"),
    needs: Needs::NONE,
    keys: Mean::keys,
    example: r#"[data]
source = "cora"
[[teacher]]
kind = "gcn"
[[teacher]]
kind = "sage"
[[target]]
kind = "mean"
of = "log-probabilities"
"#,
    mixes: true,
    read: read::<Mean>,
};
