//! Networks shared by all measurements, so that their figures can be compared.

use crate::Draft;

/// One measured network.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Short name, with the widths.
    pub name: &'static str,
    /// The draft it is made from.
    pub draft: Draft,
}

/// Four sizes from a sensor to a document, and the sparse bag of words of a citation graph.
#[must_use]
pub fn measured() -> Vec<Shape> {
    let shape = |name, draft| Shape { name, draft };
    let few = |draft| Draft { golden: 1, ..draft };
    vec![
        shape("33-32-16-2", few(Draft::classifier(101, &[33, 32, 16, 2]))),
        shape("128-64-64-10", few(Draft::classifier(102, &[128, 64, 64, 10]))),
        shape("561-128-64-6", few(Draft::classifier(103, &[561, 128, 64, 6]))),
        shape("1433-128-7 sparse, 18 present", few(Draft::bag_of_words(104, &[1433, 128, 7], 18))),
        shape("1433-16-7 sparse, 18 present", few(Draft::bag_of_words(105, &[1433, 16, 7], 18))),
    ]
}
