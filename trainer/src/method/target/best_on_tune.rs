//! The best teacher alone.

use crate::method::{Method, Needs, Point, read};
use crate::recipe::section::{Section, section};

section! {
    /// Keys of `best-on-tune`: none.
    pub struct BestOnTune {}
}

/// The method.
pub static METHOD: Method = Method {
    point: Point::Target,
    kind: "best-on-tune",
    summary: "The teacher with the best tune score answers for every row.",
    text: include_str!("best_on_tune.md"),
    needs: Needs::NONE,
    keys: BestOnTune::keys,
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
kind = "best-on-tune"
"#,
    mixes: true,
    read: read::<BestOnTune>,
};
