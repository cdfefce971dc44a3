//! Dropout of inputs that are not zero.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `word-dropout`.
    pub struct WordDropout {
        /// Share of the non-zero inputs that are dropped.
        share: f64 = needed, Rule::below(0.0, 1.0);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Rows,
    kind: "word-dropout",
    summary: "Drops a share of the non-zero inputs in every step.",
    text: include_str!("word_dropout.md"),
    needs: Needs::NONE,
    keys: WordDropout::keys,
    example: r#"[data]
source = "cora"
[[teacher]]
kind = "gcn"
[[rows]]
kind = "word-dropout"
share = 0.3
"#,
    mixes: false,
    read: read::<WordDropout>,
};
