//! How much teachers and labels count.

use crate::recipe::Schedule;
use crate::recipe::rule::Rule;
use crate::recipe::section::section;

section! {
    /// Keys of every objective.
    pub struct Weights {
        /// Weight of the teachers' answers: a number, or `{ start = 1.0, halve_every = 30 }`, which is halved after the first
        /// epoch and then every 30; of a training whose length is `steps`, these are hundredths of it. On a graph 0 leaves the teacher to the links alone, as FF-G2M does.
        soft_weight: Schedule = 1.0, Rule::reals(0.0, 100.0);
        /// Weight of the labels.
        label_weight: f64 = 0.0, Rule::reals(0.0, 100.0);
        /// Share of label mass spread over all classes.
        label_smoothing: Option<f64> = 0.0 for Classify, Rule::below(0.0, 1.0);
    }
}
