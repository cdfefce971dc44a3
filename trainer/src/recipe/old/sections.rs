//! The tables of a recipe as types. A key exists only if it changes the run; its default stands in its comment.
//!
//! Reals are `f64`, so that the resolved recipe writes `0.1` and not the nearest `f32`. Keys that belong to one choice only
//! are `Option`: giving them with another choice is refused, and loading fills them where the choice is made.

use serde::{Deserialize, Serialize};

/// `[data]`: which graph, and which nodes may teach, choose and judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Name of a known data set, or a path to an archive, a folder or a CSV file. Must be given.
    pub source: String,
    /// File with the edges when `source` is a CSV file with nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edges: Option<String>,
    /// Keep the largest connected component only. Default `false`.
    #[serde(default)]
    pub largest_component: bool,
    /// Where the split comes from. Default `published`.
    #[serde(default)]
    pub split: SplitKind,
    /// Train nodes a class of a random split, from 1. Default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_per_class: Option<usize>,
    /// Tune nodes of a random split, from 1. Default 500.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune_nodes: Option<usize>,
    /// Test nodes of a random split, from 1. Default 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_nodes: Option<usize>,
    /// Seed of a random split, the same for every seed of the run. Default 2022.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// Share of the test nodes, from 0 to below 1, that is taken out of the graph before the teacher is trained and on
    /// which the student is judged: what a device meets. Each seed of the run draws its own. 0 takes out none. Default 0.2.
    #[serde(default = "inductive_share")]
    pub inductive_share: f64,
}

/// Source of the split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitKind {
    /// The one that came with the data.
    #[default]
    Published,
    /// Drawn from `split_seed`.
    Random,
}

/// `[[teacher]]`: one GNN. With several, or several members, the soft targets are the mean over all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TeacherSection {
    /// Architecture. Must be given.
    pub kind: TeacherKind,
    /// Layers, the last one included, 2 to 8. Default 2.
    #[serde(default = "teacher_layers")]
    pub layers: usize,
    /// Width of the hidden layers (all heads together for `gat`), 1 to 65535. Default 256.
    #[serde(default = "teacher_hidden")]
    pub hidden: usize,
    /// Divide each node's features by their sum before the teacher sees them. Default `true`; the student always takes
    /// the features as the device measures them.
    #[serde(default = "yes")]
    pub normalize_rows: bool,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.5.
    #[serde(default = "teacher_dropout")]
    pub dropout: f64,
    /// Attention heads of a hidden layer, `gat` only; must divide `hidden`. Default 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_heads: Option<usize>,
    /// Share of attention weights dropped while training, `gat` only, from 0 to below 1. Default 0.3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attention_dropout: Option<f64>,
    /// Step size of Adam, above 0 to 1. Default 0.01.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Weight of the L2 penalty, coupled to the gradient, 0 to 1. Default 0.0005.
    #[serde(default = "weight_decay")]
    pub weight_decay: f64,
    /// Epochs without tune accuracy at least as good as the best before training stops, from 1. Default 50.
    #[serde(default = "patience")]
    pub patience: usize,
    /// Most epochs, 1 to 100000. Default 500.
    #[serde(default = "max_epochs")]
    pub max_epochs: usize,
    /// Seeds trained for this teacher, whose soft targets are averaged, 1 to 64. Default 1.
    #[serde(default = "members")]
    pub members: usize,
}

/// Architecture of a teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeacherKind {
    /// Graph convolution with the symmetric normalised adjacency.
    Gcn,
    /// GraphSAGE with the `gcn` aggregator.
    Sage,
    /// Graph attention.
    Gat,
}

/// `[student]`: the network that ships.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudentSection {
    /// Widths of the hidden layers, at most 7, each 1 to 32767; `[]` is a single dense layer. Default `[16]`.
    #[serde(default = "student_hidden")]
    pub hidden: Vec<usize>,
    /// What the network is fed. Default `raw`: best for narrow students; wide ones learn better from `normalized` rows.
    #[serde(default)]
    pub input: InputKind,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.3: small students suffer from more.
    /// Always 0 without a hidden layer.
    #[serde(default = "student_dropout")]
    pub dropout: f64,
    /// Share of the non-zero inputs dropped while training, from 0 to below 1. Default 0.
    #[serde(default)]
    pub word_dropout: f64,
    /// Step size of Adam, above 0 to 1. Default 0.01.
    #[serde(default = "learning_rate")]
    pub learning_rate: f64,
    /// Weight of the L2 penalty, coupled to the gradient, 0 to 1. Default 0.0005.
    #[serde(default = "weight_decay")]
    pub weight_decay: f64,
    /// Epochs without tune accuracy at least as good as the best before training stops, from 1. Default 50.
    #[serde(default = "patience")]
    pub patience: usize,
    /// Most epochs, 1 to 100000. Default 500.
    #[serde(default = "max_epochs")]
    pub max_epochs: usize,
}

/// Input of a student.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// The features as the device measures them, a bag of words for instance.
    #[default]
    Raw,
    /// Each row divided by the sum of its magnitudes; the student file does the same to what the device measures.
    Normalized,
}

/// `[target]`: what the student is taught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSection {
    /// Softmax divisor of teacher and student while distilling, above 0 to 100. Default 1.
    #[serde(default = "one")]
    pub distill_temperature: f64,
    /// Weight of the soft targets, 0 to 100. Default 1; 0 leaves the teacher to the links alone, as FF-G2M does.
    #[serde(default = "one")]
    pub soft_weight: f64,
    /// Weight of the labels of the train nodes, 0 to 100. Default 0.
    #[serde(default)]
    pub label_weight: f64,
    /// Divide each teacher's logits by the confidence temperature that fits the tune labels best, once, before anything
    /// is taught. A teacher stopped early is far too soft without it. Default `true`.
    #[serde(default = "yes")]
    pub fit_confidence: bool,
}

/// `[[link]]`: a loss over pairs of nodes; it exists while training only. At most one of each kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSection {
    /// Which pairs. Must be given.
    pub kind: LinkKind,
    /// Weight of the low-frequency loss L_low of FF-G2M (a node is taught its neighbours' soft targets), 0 to 100. Default 1.
    #[serde(default = "one")]
    pub low_weight: f64,
    /// Hops over which L_low averages, 1 to 8; 1 is FF-G2M. Only where `low_weight` is not 0. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_hops: Option<usize>,
    /// Weight of the high-frequency loss L_high of FF-G2M (differences along edges are taught), 0 to 100. Default 1.
    #[serde(default = "one")]
    pub high_weight: f64,
    /// Softmax divisor of L_high, above 0 to 100; only where `high_weight` is not 0. Default 1.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_temperature: Option<f64>,
}

/// Pairs a link is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkKind {
    /// The edges of the graph.
    Edges,
}

/// `[quantize]`: from the float student to the int8 one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantizeSection {
    /// How ranges of activations are chosen. Default `minmax`.
    #[serde(default)]
    pub ranges: RangeKind,
    /// Share of the values kept inside the range, in per cent, 50 to 100; `percentile` only. Default 99.9.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// Quantize after training, or train on with rounding. Default `ptq`.
    #[serde(default)]
    pub method: QuantizeMethod,
    /// Epochs of training with rounding, 1 to 100000; `qat` only. Default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qat_epochs: Option<usize>,
    /// Step size of Adam while training with rounding, above 0 to 1; `qat` only. Default 0.001.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qat_learning_rate: Option<f64>,
    /// Correct biases for the mean error of rounded weights. Default `true`.
    #[serde(default = "yes")]
    pub bias_correction: bool,
    /// How far the range of an input goes, in largest standard scores of the train rows, 1 to 10; tables only. What lies
    /// further out is cut off on the device; test rows may, where rooms, days or people are new. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_headroom: Option<f64>,
}

/// Choice of ranges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RangeKind {
    /// Smallest and largest value observed.
    #[default]
    Minmax,
    /// Cut off the tails.
    Percentile,
    /// Least mean squared error of rounding.
    Mse,
}

/// Way to int8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuantizeMethod {
    /// After training.
    #[default]
    Ptq,
    /// Training goes on with rounding in the forward pass.
    Qat,
}

/// `[report]`: what is measured beside the student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSection {
    /// Seeds, each once, 1 to 1000 of them, below 2^63; every number of the report is a mean over them. Default 2022 to 2026.
    #[serde(default = "seeds")]
    pub seeds: Vec<u64>,
    /// Train the controls too (labels only, label smoothing, uniform teacher, plain distilling). Default `true`.
    #[serde(default = "yes")]
    pub controls: bool,
}

fn inductive_share() -> f64 {
    0.2
}
fn teacher_layers() -> usize {
    2
}
fn teacher_hidden() -> usize {
    256
}
fn teacher_dropout() -> f64 {
    0.5
}
fn student_hidden() -> Vec<usize> {
    vec![16]
}
fn student_dropout() -> f64 {
    0.3
}
fn learning_rate() -> f64 {
    0.01
}
fn weight_decay() -> f64 {
    5e-4
}
fn patience() -> usize {
    50
}
fn max_epochs() -> usize {
    500
}
fn members() -> usize {
    1
}
fn one() -> f64 {
    1.0
}
fn yes() -> bool {
    true
}
fn seeds() -> Vec<u64> {
    (2022..=2026).collect()
}

/// Sections that may be left out take the defaults of their keys.
macro_rules! default_from_keys {
    ($($section:ident { $($key:ident: $value:expr),* $(,)? })*) => {$(
        impl Default for $section {
            fn default() -> Self {
                Self { $($key: $value),* }
            }
        }
    )*};
}

default_from_keys! {
    StudentSection {
        hidden: student_hidden(),
        input: InputKind::default(),
        dropout: student_dropout(),
        word_dropout: 0.0,
        learning_rate: learning_rate(),
        weight_decay: weight_decay(),
        patience: patience(),
        max_epochs: max_epochs(),
    }
    TargetSection { distill_temperature: one(), soft_weight: one(), label_weight: 0.0, fit_confidence: yes() }
    QuantizeSection {
        ranges: RangeKind::default(),
        percentile: None,
        method: QuantizeMethod::default(),
        qat_epochs: None,
        qat_learning_rate: None,
        bias_correction: yes(),
        input_headroom: None,
    }
    ReportSection { seeds: seeds(), controls: yes() }
}
