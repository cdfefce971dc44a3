//! `[quantize]`, from the float student to the int8 one, and `[report]`, what is measured.

use super::rule::Rule;
use super::section::section;
use super::value::words;

words! {
    /// How ranges of activations are chosen.
    pub enum RangeKind {
        /// Smallest and largest value observed.
        Minmax = "minmax",
        /// Cut off the tails.
        Percentile = "percentile",
        /// Least mean squared error of rounding.
        Mse = "mse",
    }
}

words! {
    /// Way to int8.
    pub enum QuantizeMethod {
        /// After training.
        Ptq = "ptq",
        /// Training goes on with rounding in the forward pass.
        Qat = "qat",
    }
}

section! {
    /// `[quantize]`: from the float student to the int8 one.
    pub struct QuantizeSection {
        /// How ranges of activations are chosen.
        ranges: RangeKind = "minmax";
        /// Share of the values kept inside the range, in per cent.
        percentile: Option<f64> = 99.9, Rule::reals(50.0, 100.0)
            => "ranges = \"percentile\"" if |quantize| quantize.ranges == RangeKind::Percentile;
        /// Quantize after training, or train on with rounding.
        method: QuantizeMethod = "ptq";
        /// Epochs of training with rounding.
        qat_epochs: Option<usize> = 30, Rule::whole_numbers(1, 100_000)
            => "method = \"qat\"" if |quantize| quantize.method == QuantizeMethod::Qat;
        /// Step size of Adam while training with rounding.
        qat_learning_rate: Option<f64> = 0.001, Rule::above(0.0, 1.0)
            => "method = \"qat\"" if |quantize| quantize.method == QuantizeMethod::Qat;
        /// Correct biases for the mean error of rounded weights.
        bias_correction: bool = true;
        /// How far the range of an input goes, in largest standard scores of a table's train rows. What lies further out is cut
        /// off on the device; test rows may, where rooms, days or people are new. Without it the range is 1 such score.
        input_headroom: Option<f64> = none, Rule::reals(1.0, 10.0);
    }
}

section! {
    /// `[report]`: what is measured.
    pub struct ReportSection {
        /// Seeds; every number of the report is a mean over them.
        seeds: Vec<u64> = [2022, 2023, 2024, 2025, 2026], Rule::ANY.items_of(1, 1000, "1 to 1000 seeds").each_once("seed");
        /// Train the controls too: labels only, label smoothing, the uniform teacher, plain distillation, the self teacher, and
        /// Graph-MLP on a graph.
        controls: bool = true;
    }
}
