//! What the graph engine reads.

use super::{InputKind, QuantizeSection, ReportSection, from_whole};

/// A whole run on a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The recipe it was made from.
    pub whole: Box<crate::recipe::Recipe>,
    /// Which graph and which split.
    pub data: DataSection,
    /// Teachers, at least one.
    pub teacher: Vec<TeacherSection>,
    /// The network that ships.
    pub student: StudentSection,
    /// What the student is taught.
    pub target: TargetSection,
    /// Losses over pairs of nodes.
    pub link: Vec<LinkSection>,
    /// The way to int8.
    pub quantize: QuantizeSection,
    /// What is measured.
    pub report: ReportSection,
}

from_whole!(Recipe, Graph, "graph");

/// `[data]`: which graph, and which nodes may teach, choose and judge.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSection {
    /// Name of a known data set, or a path to an archive, a folder or a CSV file. Must be given.
    pub source: String,
    /// File with the edges when `source` is a CSV file with nodes.
    pub edges: Option<String>,
    /// Keep the largest connected component only. Default `false`.
    pub largest_component: bool,
    /// Where the split comes from. Default `published`.
    pub split: SplitKind,
    /// Train nodes a class of a random split, from 1. Default 20.
    pub train_per_class: Option<usize>,
    /// Tune nodes of a random split, from 1. Default 500.
    pub tune_nodes: Option<usize>,
    /// Test nodes of a random split, from 1. Default 1000.
    pub test_nodes: Option<usize>,
    /// Seed of a random split, the same for every seed of the run. Default 2022.
    pub split_seed: Option<u64>,
    /// Share of the test nodes, from 0 to below 1, that is taken out of the graph before the teacher is trained and on
    /// which the student is judged: what a device meets. Each seed of the run draws its own. 0 takes out none. Default 0.2.
    pub inductive_share: f64,
}

/// Source of the split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SplitKind {
    /// The one that came with the data.
    #[default]
    Published,
    /// Drawn from `split_seed`.
    Random,
}

/// `[[teacher]]`: one GNN. With several, or several members, the soft targets are the mean over all.
#[derive(Debug, Clone, PartialEq)]
pub struct TeacherSection {
    /// Architecture. Must be given.
    pub kind: TeacherKind,
    /// Layers, the last one included, 2 to 8. Default 2.
    pub layers: usize,
    /// Width of the hidden layers (all heads together for `gat`), 1 to 65535. Default 256.
    pub hidden: usize,
    /// Divide each node's features by their sum before the teacher sees them. Default `true`; the student always takes
    /// the features as the device measures them.
    pub normalize_rows: bool,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.5.
    pub dropout: f64,
    /// Attention heads of a hidden layer, `gat` only; must divide `hidden`. Default 4.
    pub attention_heads: Option<usize>,
    /// Share of attention weights dropped while training, `gat` only, from 0 to below 1. Default 0.3.
    pub attention_dropout: Option<f64>,
    /// Step size of Adam, above 0 to 1. Default 0.01.
    pub learning_rate: f64,
    /// Weight of the L2 penalty, coupled to the gradient, 0 to 1. Default 0.0005.
    pub weight_decay: f64,
    /// Epochs without tune accuracy at least as good as the best before training stops, from 1. Default 50.
    pub patience: usize,
    /// Most epochs, 1 to 100000. Default 500.
    pub max_epochs: usize,
    /// Seeds trained for this teacher, whose soft targets are averaged, 1 to 64. Default 1.
    pub members: usize,
}

/// Architecture of a teacher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeacherKind {
    /// Graph convolution with the symmetric normalised adjacency.
    Gcn,
    /// GraphSAGE with the `gcn` aggregator.
    Sage,
    /// Graph attention.
    Gat,
}

/// `[student]`: the network that ships.
#[derive(Debug, Clone, PartialEq)]
pub struct StudentSection {
    /// Widths of the hidden layers, at most 7, each 1 to 32767; `[]` is a single dense layer. Default `[16]`.
    pub hidden: Vec<usize>,
    /// What the network is fed. Default `raw`: best for narrow students; wide ones learn better from `normalized` rows.
    pub input: InputKind,
    /// Share of hidden values dropped while training, from 0 to below 1. Default 0.3: small students suffer from more.
    /// Always 0 without a hidden layer.
    pub dropout: f64,
    /// Share of the non-zero inputs dropped while training, from 0 to below 1. Default 0.
    pub word_dropout: f64,
    /// Step size of Adam, above 0 to 1. Default 0.01.
    pub learning_rate: f64,
    /// Weight of the L2 penalty, coupled to the gradient, 0 to 1. Default 0.0005.
    pub weight_decay: f64,
    /// Epochs without tune accuracy at least as good as the best before training stops, from 1. Default 50.
    pub patience: usize,
    /// Most epochs, 1 to 100000. Default 500.
    pub max_epochs: usize,
}

/// `[target]`: what the student is taught.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetSection {
    /// Softmax divisor of teacher and student while distilling, above 0 to 100. Default 1.
    pub distill_temperature: f64,
    /// Weight of the soft targets, 0 to 100. Default 1; 0 leaves the teacher to the links alone, as FF-G2M does.
    pub soft_weight: f64,
    /// Weight of the labels of the train nodes, 0 to 100. Default 0.
    pub label_weight: f64,
    /// Divide each teacher's logits by the confidence temperature that fits the tune labels best, once, before anything
    /// is taught. A teacher stopped early is far too soft without it. Default `true`.
    pub fit_confidence: bool,
}

/// `[[link]]`: a loss over pairs of nodes; it exists while training only. At most one of each kind.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSection {
    /// Weight of the low-frequency loss L_low of FF-G2M (a node is taught its neighbours' soft targets), 0 to 100. Default 1.
    pub low_weight: f64,
    /// Hops over which L_low averages, 1 to 8; 1 is FF-G2M. Only where `low_weight` is not 0. Default 1.
    pub low_hops: Option<usize>,
    /// Weight of the high-frequency loss L_high of FF-G2M (differences along edges are taught), 0 to 100. Default 1.
    pub high_weight: f64,
    /// Softmax divisor of L_high, above 0 to 100; only where `high_weight` is not 0. Default 1.5.
    pub high_temperature: Option<f64>,
}
