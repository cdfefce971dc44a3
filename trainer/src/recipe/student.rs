//! `[student]`, and what may come before its own training: `[cotrain]` and `[masks]`.

use super::rule::Rule;
use super::section::section;
use super::training::{ChooseBy, InputKind};
use super::value::words;

/// Most hidden layers of a student.
const DEEPEST: usize = eyas::model::MAX_LAYERS - 1;

section! {
    /// `[student]`: the network that ships.
    pub struct StudentSection {
        /// Widths of the hidden layers; `[]` is a single dense layer.
        hidden: Vec<usize> = [16] | [64, 32],
            Rule::whole_numbers(1, eyas::model::MAX_WIDTH as u64).items_of(0, DEEPEST, "at most 7 hidden layers");
        /// What the network is fed: the features as the device measures them, or each row divided by the sum of its
        /// magnitudes, which the student file then does too. Narrow students are best `raw`.
        input: InputKind = "raw";
        /// Share of hidden values dropped while training. Small students suffer from more.
        dropout: f64 = 0.3 | 0.0, Rule::below(0.0, 1.0) => "at least one hidden layer" if |student| !student.hidden.is_empty();
        /// Step size of Adam.
        learning_rate: f64 = 0.01 | 0.001, Rule::above(0.0, 1.0);
        /// Weight of the L2 penalty, coupled to the gradient.
        weight_decay: f64 = 5e-4 | 0.0, Rule::reals(0.0, 1.0);
        /// Most epochs. Left out, `steps` says how long.
        epochs: Option<usize> = 500 | none, Rule::whole_numbers(1, 100_000);
        /// About this many steps whatever the number of rows: in whole epochs, at least 20 and at most 100,000 of them.
        steps: Option<usize> = none | 5000, Rule::whole_numbers(1, 10_000_000)
            => "a table and a section that leaves `epochs` out" if |student| student.epochs.is_none();
        /// Epochs after the one that is kept so far before training stops.
        patience: Option<usize> = 50 | none, Rule::whole_numbers(1, 100_000);
        /// Which epoch is kept: that of the best tune accuracy, the last of equals; that of the least tune loss, the first of
        /// equals; or that of the least loss among those whose accuracy is at most one standard error below the best, judged as the
        /// training goes.
        choose_by: ChooseBy = "accuracy" | "loss";
        /// Rows of a step. Left out, every step takes all rows.
        batch_rows: Option<usize> = none | 64, Rule::whole_numbers(1, 1 << 20);
    }
}

section! {
    /// `[cotrain]`: teachers and student step together, each taught by labels and by every other one. It takes the place of the
    /// teachers' own training, whose keys then mean nothing.
    #[derive(Copy)]
    pub struct CotrainSection {
        /// Epochs.
        epochs: usize = 20, Rule::whole_numbers(1, 100_000);
        /// Softmax divisor.
        temperature: f64 = 4.0, Rule::above(0.0, 100.0);
        /// Whether the student's own training goes on from here, as MST-Distill does; else it starts anew.
        keep_student: bool = true;
    }
}

words! {
    /// How a mask is computed.
    pub enum MaskKind {
        /// Two layers, small.
        Bottleneck = "bottleneck",
        /// Self-attention over the features, as MST-Distill ships it; its cost is printed before it runs.
        Attention = "attention",
    }
}

section! {
    /// `[masks]`: each of the last two hidden layers of a co-trained teacher gets a mask on its features before the ReLU, trained
    /// so that the masked teacher says what the co-trained student says; every masked teacher is one answer to mix.
    #[derive(Copy)]
    pub struct MasksSection {
        /// How a mask is computed.
        kind: MaskKind = "bottleneck";
        /// Units between the two layers. Default: a quarter of the features, at least 4.
        units: Option<usize> = none, Rule::whole_numbers(1, 65_535)
            => "kind = \"bottleneck\"" if |masks| masks.kind == MaskKind::Bottleneck;
        /// Heads, at most half of the features.
        heads: Option<usize> = 3, Rule::from(1) => "kind = \"attention\"" if |masks| masks.kind == MaskKind::Attention;
        /// Epochs over the train rows.
        epochs: usize = 3, Rule::whole_numbers(1, 100_000);
        /// Step size of Adam.
        learning_rate: f64 = 0.001, Rule::above(0.0, 1.0);
    }
}
