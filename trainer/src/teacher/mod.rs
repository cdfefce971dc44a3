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

use crate::distill::Closed;
use crate::distill::objective::{cross_entropy, log_softmax};
use crate::nn::error::{TrainError, check_indices, check_labels, check_plan, check_rate};
use crate::nn::net::Input;
use crate::nn::view::View;
use crate::nn::{
    BackendKind, CurvePoint, Family, Net, Progress, Source, TrainPlan, TrainState, TrainedNet, Training, Whole,
    accuracy_at, drawn,
};

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
    /// Optimiser, epochs, patience, seed.
    pub training: TrainPlan,
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
    kind: TeacherKind,
    trained: TrainedNet,
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
        let TrainedNet { net, parameters } = &self.trained;
        let (expected, found) = (net.widths()[0], features.cols());
        if expected != found {
            return Err(TrainError::Shape { place: "features", unit: "inputs", expected, found });
        }
        let propagation = propagation(self.kind, adjacency);
        let everything = View::of_graph(net, features, &propagation, &(0..features.rows()).collect::<Vec<_>>());
        Ok(backend.engine().see(net, Input::View(&everything), &mut parameters.clone()))
    }
}

/// The network of a plan in training form.
fn network(plan: &TeacherPlan, widths: &[usize]) -> Net {
    let family = match plan.kind {
        TeacherKind::Gcn => Family::Propagation { gain: 1.0 },
        // DGL draws SAGE weights with the gain of ReLU.
        TeacherKind::Sage => Family::Propagation { gain: std::f32::consts::SQRT_2 },
        TeacherKind::Gat => Family::Attention { heads: plan.attention_heads, dropout: plan.attention_dropout },
    };
    let mut net = Net::chain(family, widths);
    net.dropout = plan.dropout;
    if plan.kind == TeacherKind::Gat {
        net.input_dropout = plan.dropout;
    }
    net
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
pub fn train(
    features: &CsMat<f32>,
    adjacency: &CsMat<f32>,
    data: Labelled<'_>,
    plan: &TeacherPlan,
    backend: BackendKind,
    resume: Option<TrainState>,
    progress: &mut Progress<'_>,
) -> Result<Teacher, TrainError> {
    let started = ThreadTime::now();
    check(features, adjacency, data, plan)?;
    let mut widths = vec![features.cols()];
    widths.extend(&plan.hidden);
    widths.push(data.classes);
    let net = network(plan, &widths);
    let propagation = propagation(plan.kind, adjacency);
    let view = |rows: &[usize]| View::of_graph(&net, features, &propagation, rows);
    let labels_of = |rows: &[usize]| rows.iter().map(|&row| data.labels[row]).collect::<Vec<_>>();
    let (train, tune) = (view(data.train), view(data.tune));
    let (train_labels, tune_labels) = (labels_of(data.train), labels_of(data.tune));
    let loss = |logits: ndarray::ArrayView2<'_, f32>, gradient: &mut Array2<f32>| {
        let rows = train_labels.iter().copied().enumerate();
        cross_entropy(logits, rows, train_labels.len(), 1.0, gradient)
    };
    let start = drawn(std::slice::from_ref(&net), plan.training.seed);
    let source = Source::Whole(Whole { train: &train, tune: &tune });
    let training = Training { start: &start, source, plan: plan.training, backend };
    let mut trained = training.run(&mut Closed { loss, tune_labels: &tune_labels }, resume, progress)?;
    let tune_accuracy = trained.best();
    let mut best = trained.nets.remove(0);
    let everything = view(&(0..features.rows()).collect::<Vec<_>>());
    let logits = backend.engine().see(&net, Input::View(&everything), &mut best.parameters);
    Ok(Teacher {
        train_accuracy: accuracy_at(&logits, data.labels, data.train),
        tune_accuracy,
        best_epoch: trained.best_epoch,
        logits,
        curve: trained.curve,
        cpu_seconds: started.elapsed().as_secs_f64(),
        kind: plan.kind,
        trained: best,
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
