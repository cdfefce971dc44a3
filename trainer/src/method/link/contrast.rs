//! The neighbour contrast of Graph-MLP: the graph in the loss, without a teacher's word.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::DataKind;
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

/// Most nodes that are compared in a step: their similarities take 400 MB, their links up to 2.4 GB.
const MOST_NODES: u64 = 10_000;

section! {
    /// Keys of `contrast`.
    pub struct Contrast {
        /// Weight of the loss.
        weight: f64 = 10.0, Rule::above(0.0, 1000.0);
        /// Softmax divisor of the cosines.
        temperature: f64 = 0.5, Rule::reals(0.05, 100.0);
        /// Hops over which nodes are neighbours.
        hops: usize = 2, Rule::whole_numbers(1, 8);
        /// Nodes that are drawn for each step and compared with each other; a graph of no more is taken whole.
        nodes: usize = 1000, Rule::whole_numbers(2, MOST_NODES);
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Link,
    kind: "contrast",
    summary: "Nodes learn to resemble their neighbours, and no other node, in the last hidden layer.",
    text: include_str!("contrast.md"),
    needs: Needs { data: Some(DataKind::Graph), hidden: true, ..Needs::NONE },
    keys: Contrast::keys,
    example: r#"[data]
source = "cora"
[[teacher]]
kind = "gcn"
[[link]]
kind = "contrast"
weight = 1.0
"#,
    mixes: false,
    read: read::<Contrast>,
};
