//! What every network that is trained here shares.

use super::rule::Rule;
use super::section::section;
use super::value::words;
use eyas::model::Normalization;

words! {
    /// What a network is fed.
    pub enum InputKind {
        /// The features as the device measures them, a bag of words for instance.
        Raw = "raw",
        /// Each row divided by the sum of its magnitudes.
        Normalized = "normalized",
    }
}

words! {
    /// What a teacher on a graph is fed.
    pub enum TeacherInput {
        /// The features as they are.
        Raw = "raw",
        /// Each row divided by the sum of its magnitudes.
        Normalized = "normalized",
        /// Each row divided by its Euclidean norm.
        UnitNorm = "unit-norm",
    }
}

words! {
    /// Which epoch of a training is kept.
    pub enum ChooseBy {
        /// The one with the best tune accuracy, the last of equals.
        Accuracy = "accuracy",
        /// The one with the least tune loss, the first of equals.
        Loss = "loss",
        /// Of those whose tune accuracy is at most one standard error below the best so far, the one with the least tune loss:
        /// a teacher of high accuracy whose answers are not nearly uniform.
        AccuracyThenLoss = "accuracy-then-loss",
    }
}

section! {
    /// Keys of a teacher that is trained here. Of two defaults the first is that of `gcn`, `sage` and `gat`, the second that of
    /// `mlp` and `fusion`.
    pub struct Training {
        /// Widths of the hidden layers: 1 to 7 of them for a graph teacher (all heads together for `gat`); those after the
        /// join for `fusion`.
        hidden: Vec<usize> = [128] | [64, 32], Rule::whole_numbers(1, 65_535);
        /// Share of hidden values dropped while training.
        dropout: f64 = 0.8 | 0.2, Rule::below(0.0, 1.0);
        /// Share of label mass spread over all classes.
        label_smoothing: f64 = 0.0 | 0.05, Rule::below(0.0, 1.0);
        /// Step size of Adam.
        learning_rate: f64 = 0.01 | 0.001, Rule::above(0.0, 1.0);
        /// Weight of the L2 penalty, coupled to the gradient.
        weight_decay: f64 = 5e-4 | 0.0, Rule::reals(0.0, 1.0);
        /// Most epochs. Left out, `steps` says how long.
        epochs: Option<usize> = 500 | none, Rule::whole_numbers(1, 100_000);
        /// About this many steps whatever the number of rows: in whole epochs, at least 20 and at most 100,000 of them.
        steps: Option<usize> = none | 5000, Rule::whole_numbers(1, 10_000_000)
            => "a table and a section that leaves `epochs` out" if |training| training.epochs.is_none();
        /// Epochs after the one that is kept so far before training stops.
        patience: Option<usize> = 50 | none, Rule::whole_numbers(1, 100_000);
        /// Which epoch is kept: that of the best tune accuracy, the last of equals; that of the least tune loss, the first of
        /// equals; or that of the least loss among those whose accuracy is at most one standard error below the best, judged as the
        /// training goes.
        choose_by: ChooseBy = "accuracy-then-loss" | "loss";
        /// Seeds trained for this teacher, whose answers are averaged.
        members: usize = 1 | 3, Rule::whole_numbers(1, 64);
        /// Parts of the labelled rows, groups kept whole: a row is answered by the members that did not learn from its part,
        /// so that its answer is as uncertain as for a new row. `members` are trained for each part. Left out, every member
        /// learns from all rows and answers for them.
        crossfit: Option<usize> = none, Rule::whole_numbers(2, 64);
        /// Divide the logits by the confidence temperature that fits the tune labels best, once, before anything is taught. A
        /// teacher that was stopped early is far too soft without it.
        fit_confidence: bool = true | false;
    }
}

impl InputKind {
    /// What the student file does to a row.
    #[must_use]
    pub const fn normalization(self) -> Normalization {
        match self {
            Self::Raw => Normalization::None,
            Self::Normalized => Normalization::RowSum,
        }
    }
}
