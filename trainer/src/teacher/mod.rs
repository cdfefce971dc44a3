//! Graph teachers: GCN, GraphSAGE and GAT, trained full-batch on the labelled nodes of one graph.
//!
//! A training step computes only the rows the labelled nodes reach, an evaluation only those the tune
//! nodes reach; logits for every node are computed once, from the best weights, at the end.

mod answers;
mod dense;
mod propagation;
pub mod rows;
mod sealed;

use cpu_time::ThreadTime;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sprs::CsMat;

pub use answers::{AnswerKind, Answers, AnswersError, LEAST_PROBABILITY};
pub use dense::DenseTeacher;
pub use propagation::{mean_with_double_self, symmetric, with_self_loops};
pub use rows::{RowTeacher, RowTeacherError};
pub use sealed::SealedTeacher;

use crate::distill::objective::{cross_entropy, log_softmax};
use crate::nn::backend::BackendKind;
use crate::nn::error::{TrainError, check_indices, check_labels, check_plan, check_rate};
use crate::nn::network::{Family, Network, View};
use crate::nn::train::{Progress, Task};
use crate::nn::{CurvePoint, Parameter, TrainPlan, TrainState, accuracy_at};

/// Architecture of a graph teacher.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeacherKind {
    /// Graph convolution with symmetric normalisation (Kipf & Welling 2017).
    Gcn,
    /// GraphSAGE with the "gcn" aggregator (Hamilton et al. 2017).
    Sage,
    /// Graph attention; hidden layers have heads that share the hidden width (Velickovic et al. 2018).
    Gat,
}

/// Heads of a hidden attention layer in the reference.
const REFERENCE_HEADS: usize = 4;

/// Shape, regularisation and length of a teacher's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TeacherPlan {
    /// Architecture.
    pub kind: TeacherKind,
    /// Widths of the hidden layers; one layer more than entries. GAT needs multiples of its heads.
    pub hidden: Vec<usize>,
    /// Dropout between layers, in [0, 1); for GAT of the non-zero inputs too.
    pub dropout: f32,
    /// Heads of a hidden attention layer; they share its width. Used by GAT only.
    pub attention_heads: usize,
    /// Dropout of attention coefficients, in [0, 1); used by GAT only.
    pub attention_dropout: f32,
    /// Optimiser, epochs, patience.
    pub training: TrainPlan,
}

impl TeacherPlan {
    /// The reference settings: `layers` dense products of width `hidden`, attention dropout 0.3.
    pub fn reference(kind: TeacherKind, layers: usize, hidden: usize, dropout: f32) -> Self {
        TeacherPlan {
            kind,
            hidden: vec![hidden; layers.saturating_sub(1)],
            dropout,
            attention_heads: REFERENCE_HEADS,
            attention_dropout: 0.3,
            training: TrainPlan::default(),
        }
    }
}

/// The nodes a teacher learns from and is selected on.
#[derive(Clone, Copy, Debug)]
pub struct Labelled<'a> {
    /// One label a node, in 0..classes. Only those of the train and tune nodes are read.
    pub labels: &'a [u16],
    /// Number of classes, 2 or more.
    pub classes: usize,
    /// Nodes whose labels are learnt.
    pub train: &'a [usize],
    /// Nodes whose labels choose the epoch.
    pub tune: &'a [usize],
}

/// A trained teacher: what distillation needs of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Teacher {
    /// Logits of every node [nodes x classes], from the best weights in evaluation mode.
    #[serde(with = "crate::nn::matrix")]
    pub logits: Array2<f32>,
    /// Accuracy on the train nodes, in [0, 1].
    pub train_accuracy: f64,
    /// Accuracy on the tune nodes, in [0, 1].
    pub tune_accuracy: f64,
    /// Epoch (from 0) the weights are from.
    pub best_epoch: usize,
    /// One point an epoch trained.
    pub curve: Vec<CurvePoint>,
    /// CPU seconds of the training thread.
    pub cpu_seconds: f64,
    plan: TeacherPlan,
    widths: Vec<usize>,
    parameters: Vec<Parameter>,
}

impl Teacher {
    /// Logits of every node of another graph with the same inputs, [nodes x classes].
    ///
    /// `features` and `adjacency` as for [`train`].
    ///
    /// # Errors
    /// Features of another width, or an adjacency of other nodes.
    pub fn logits_on(
        &self,
        features: &CsMat<f32>,
        adjacency: &CsMat<f32>,
        backend: BackendKind,
    ) -> Result<Array2<f32>, TrainError> {
        check_adjacency(features, adjacency)?;
        let (expected, found) = (self.widths[0], features.cols());
        if expected != found {
            return Err(TrainError::Shape { place: "features", unit: "inputs", expected, found });
        }
        let network = network(&self.plan, &self.widths);
        let propagation = propagation(self.plan.kind, adjacency);
        let everything = View::of_graph(&network, features, &propagation, &(0..features.rows()).collect::<Vec<_>>());
        Ok(backend.engine().logits(&network, &everything, &mut self.parameters.clone()))
    }
}

/// The network of a plan in training form.
fn network(plan: &TeacherPlan, widths: &[usize]) -> Network {
    let family = match plan.kind {
        TeacherKind::Gcn => Family::Propagation { gain: 1.0 },
        // DGL draws SAGE weights with the gain of ReLU.
        TeacherKind::Sage => Family::Propagation { gain: std::f32::consts::SQRT_2 },
        TeacherKind::Gat => Family::Attention { heads: plan.attention_heads, dropout: plan.attention_dropout },
    };
    let mut network = Network::new(family, widths);
    network.dropout = plan.dropout;
    if plan.kind == TeacherKind::Gat {
        network.input_dropout = plan.dropout;
    }
    network
}

/// The matrix that a kind of teacher mixes neighbours with.
fn propagation(kind: TeacherKind, adjacency: &CsMat<f32>) -> CsMat<f32> {
    match kind {
        TeacherKind::Gcn => symmetric(adjacency),
        TeacherKind::Sage => mean_with_double_self(adjacency),
        TeacherKind::Gat => with_self_loops(adjacency),
    }
}

/// Trains a teacher on a graph.
///
/// `features` is [nodes x inputs] as the teacher is to see them, `adjacency` [nodes x nodes] with 1
/// at both directions of every edge and no self-loops. A saved state continues an earlier run.
///
/// # Errors
/// Shapes, node ids, labels or settings that do not fit, a state of another run, a diverged loss.
#[allow(clippy::too_many_arguments)] // The plain arrays of one graph, then how to train on them.
pub fn train(
    features: &CsMat<f32>,
    adjacency: &CsMat<f32>,
    data: Labelled<'_>,
    plan: &TeacherPlan,
    seed: u64,
    backend: BackendKind,
    resume: Option<TrainState>,
    progress: &mut Progress<'_>,
) -> Result<Teacher, TrainError> {
    let started = ThreadTime::now();
    check(features, adjacency, data, plan)?;
    let mut widths = vec![features.cols()];
    widths.extend(&plan.hidden);
    widths.push(data.classes);
    let network = network(plan, &widths);
    let propagation = propagation(plan.kind, adjacency);
    let view = |rows: &[usize]| View::of_graph(&network, features, &propagation, rows);
    let labels_of = |rows: &[usize]| rows.iter().map(|&row| data.labels[row]).collect::<Vec<_>>();
    let (train, tune) = (view(data.train), view(data.tune));
    let (train_labels, tune_labels) = (labels_of(data.train), labels_of(data.tune));
    let task = Task { network: &network, train: &train, tune: &tune, tune_labels: &tune_labels, seed, backend };
    let mut loss = |logits: ndarray::ArrayView2<'_, f32>, gradient: &mut Array2<f32>| {
        let rows = train_labels.iter().copied().enumerate();
        cross_entropy(logits, rows, train_labels.len(), 1.0, gradient)
    };
    let state = task.run(&plan.training, resume, &mut loss, progress)?;
    let everything = view(&(0..features.rows()).collect::<Vec<_>>());
    let logits = backend.engine().logits(&network, &everything, &mut state.best().to_vec());
    Ok(Teacher {
        train_accuracy: accuracy_at(&logits, data.labels, data.train),
        tune_accuracy: state.best_tune_accuracy(),
        best_epoch: state.best_epoch,
        logits,
        curve: state.curve.clone(),
        cpu_seconds: started.elapsed().as_secs_f64(),
        plan: plan.clone(),
        widths,
        parameters: state.best().to_vec(),
    })
}

/// The mean of several teachers' softmax, as log-probabilities [nodes x classes]: soft targets that
/// serve wherever logits do (a softmax of them gives the mean back).
///
/// # Errors
/// No teacher, or teachers of different shapes.
pub fn mean_log_probabilities(teachers: &[&Array2<f32>]) -> Result<Array2<f32>, TrainError> {
    let Some(first) = teachers.first() else {
        return Err(TrainError::Empty { place: "teachers", remedy: "train at least one" });
    };
    let mut mean = Array2::<f32>::zeros(first.dim());
    for logits in teachers {
        if logits.dim() != first.dim() {
            let (expected, found) = (first.len(), logits.len());
            return Err(TrainError::Shape { place: "teacher logits", unit: "elements", expected, found });
        }
        mean += &log_softmax(logits.view()).mapv_into(f32::exp);
    }
    let count = teachers.len() as f32;
    // A probability below the smallest normal number would become -inf, and 0 * -inf not a number.
    Ok(mean.mapv_into(|sum| (sum / count).max(f32::MIN_POSITIVE).ln()))
}

fn check(
    features: &CsMat<f32>,
    adjacency: &CsMat<f32>,
    data: Labelled<'_>,
    plan: &TeacherPlan,
) -> Result<(), TrainError> {
    let nodes = features.rows();
    check_adjacency(features, adjacency)?;
    check_labels(data.labels, nodes, data.classes)?;
    for (place, list) in [("train nodes", data.train), ("tune nodes", data.tune)] {
        if list.is_empty() {
            return Err(TrainError::Empty { place, remedy: "choose a split that labels some nodes" });
        }
        check_indices(place, list, nodes)?;
    }
    check_rate("teacher dropout", plan.dropout)?;
    check_rate("attention_dropout", plan.attention_dropout)?;
    let heads = plan.attention_heads;
    if plan.kind == TeacherKind::Gat && (heads == 0 || plan.hidden.iter().any(|width| width % heads != 0)) {
        let found = format!("{:?}", plan.hidden);
        return Err(TrainError::Setting { name: "hidden", expected: "multiples of 4 for GAT", found });
    }
    check_plan(&plan.training, &plan.hidden)
}

fn check_adjacency(features: &CsMat<f32>, adjacency: &CsMat<f32>) -> Result<(), TrainError> {
    let expected = features.rows();
    match [adjacency.rows(), adjacency.cols()].into_iter().find(|&found| found != expected) {
        None => Ok(()),
        Some(found) => Err(TrainError::Shape { place: "adjacency", unit: "nodes", expected, found }),
    }
}
