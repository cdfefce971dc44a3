//! Both losses of FF-G2M along edges.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::DataKind;
use crate::recipe::rule::Rule;
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `edges`.
    pub struct Edges {
        /// Weight of the low-frequency loss: a node is taught its neighbours' soft targets.
        low_weight: f64 = 1.0, Rule::reals(0.0, 100.0);
        /// Hops over which the low-frequency loss averages; 1 is FF-G2M.
        low_hops: Option<usize> = 1, Rule::whole_numbers(1, 8) => "a low_weight above 0" if |link| link.low_weight > 0.0;
        /// Weight of the high-frequency loss: differences along edges are taught.
        high_weight: f64 = 1.0, Rule::reals(0.0, 100.0);
        /// Softmax divisor of the high-frequency loss.
        high_temperature: Option<f64> = 1.5, Rule::above(0.0, 100.0)
            => "a high_weight above 0" if |link| link.high_weight > 0.0;
    }
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Link,
    kind: "edges",
    summary: "A node learns its neighbours' soft targets, and how they differ from its own.",
    text: include_str!("edges.md"),
    needs: Needs { data: Some(DataKind::Graph), ..Needs::NONE },
    keys: Edges::keys,
    example: r#"[data]
source = "cora"
[[teacher]]
kind = "gcn"
[[link]]
kind = "edges"
low_weight = 0.5
"#,
    mixes: false,
    read: read::<Edges>,
};
