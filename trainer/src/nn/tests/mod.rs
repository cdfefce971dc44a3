//! The promises of the module as a whole, on a small random graph.

mod objective_tape;

use ndarray::{Array2, ArrayView2};
use rand::RngExt;
use sprs::{CsMat, TriMat};

use super::backend::BackendKind;
use super::network::{Family, Network, Parameter, View};
use super::random::{Purpose, stream};
use super::train::{Task, TrainPlan, silent};
use crate::distill::objective::cross_entropy;
use crate::teacher::{mean_with_double_self, symmetric, with_self_loops};

const NODES: usize = 40;
const INPUTS: usize = 23;
const CLASSES: usize = 3;

/// Features, adjacency, labels: words and edges that mostly agree with the class.
fn graph() -> (CsMat<f32>, CsMat<f32>, Vec<u16>) {
    let mut rng = stream(11, Purpose::Weights, 0, 0);
    let labels: Vec<u16> = (0..NODES).map(|node| (node % CLASSES) as u16).collect();
    let mut features = TriMat::new((NODES, INPUTS));
    let mut adjacency = TriMat::new((NODES, NODES));
    for node in 0..NODES {
        for word in 0..INPUTS {
            let share = if word % CLASSES == node % CLASSES { 0.5 } else { 0.1 };
            if rng.random::<f32>() < share {
                features.add_triplet(node, word, 0.5 + rng.random::<f32>());
            }
        }
        for other in 0..node {
            let share = if other % CLASSES == node % CLASSES { 0.2 } else { 0.03 };
            if rng.random::<f32>() < share {
                adjacency.add_triplet(node, other, 1.0);
                adjacency.add_triplet(other, node, 1.0);
            }
        }
    }
    (features.to_csr(), adjacency.to_csr(), labels)
}

struct Case {
    name: &'static str,
    network: Network,
    propagation: Option<CsMat<f32>>,
}

fn cases(adjacency: &CsMat<f32>) -> Vec<Case> {
    let widths = [INPUTS, 16, 8, CLASSES];
    let case = |name, family, dropout: f32, input_dropout: f32, propagation| {
        let mut network = Network::new(family, &widths);
        (network.dropout, network.input_dropout) = (dropout, input_dropout);
        Case { name, network, propagation }
    };
    let attention = Family::Attention { heads: 4, dropout: 0.3 };
    vec![
        case("mlp", Family::Mlp, 0.4, 0.2, None),
        case("gcn", Family::Propagation { gain: 1.0 }, 0.5, 0.0, Some(symmetric(adjacency))),
        case("sage", Family::Propagation { gain: 1.4 }, 0.3, 0.0, Some(mean_with_double_self(adjacency))),
        case("gat", attention, 0.3, 0.3, Some(with_self_loops(adjacency))),
    ]
}

impl Case {
    fn view(&self, features: &CsMat<f32>, rows: &[usize]) -> View {
        match &self.propagation {
            None => View::of_rows(&self.network, features, rows),
            Some(propagation) => View::of_graph(&self.network, features, propagation, rows),
        }
    }

    /// One training step of epoch 3 on `rows`.
    fn step(
        &self,
        backend: BackendKind,
        view: &View,
        parameters: &mut [Parameter],
        labels: &[u16],
    ) -> (f64, Vec<Vec<f32>>) {
        let masks = self.network.masks(view, 5, 3);
        let mut loss = |logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>| {
            cross_entropy(logits, labels.iter().copied().enumerate(), labels.len(), 1.0, gradient)
        };
        backend.engine().step(&self.network, view, parameters, masks, &mut loss)
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

fn relative(a: &[f32], b: &[f32]) -> f64 {
    let gap: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
    norm(&gap) / norm(a).max(norm(b)).max(1e-12)
}

#[test]
fn the_backends_agree_on_loss_and_gradient_of_a_step() {
    let (features, adjacency, labels) = graph();
    let rows: Vec<usize> = (0..NODES).step_by(2).collect();
    let wanted: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
    for case in cases(&adjacency) {
        let view = case.view(&features, &rows);
        let mut parameters = case.network.initial(5);
        let before = parameters.clone();
        let (loss, gradients) = case.step(BackendKind::Flex, &view, &mut parameters, &wanted);
        for backend in [BackendKind::Ndarray, BackendKind::Candle] {
            let (other_loss, other) = case.step(backend, &view, &mut parameters, &wanted);
            assert!((loss - other_loss).abs() <= 1e-4 * loss, "{} {backend}: {loss} {other_loss}", case.name);
            for (at, (a, b)) in gradients.iter().zip(&other).enumerate() {
                let gap = relative(a, b);
                assert!(gap < 1e-4, "{} {backend} parameter {at}: {gap}", case.name);
            }
        }
        assert_eq!(before, parameters, "{}: parameters are lent, not changed", case.name);
    }
}

/// Masks are fixed by the epoch, so the loss of a training step is a function of the parameters and
/// every gradient of the tape can be held against central differences of it.
#[test]
fn gradients_of_the_tape_equal_finite_differences() {
    let (features, adjacency, labels) = graph();
    let rows: Vec<usize> = (0..NODES).step_by(3).collect();
    let wanted: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
    for case in cases(&adjacency) {
        let view = case.view(&features, &rows);
        let mut parameters = case.network.initial(8);
        let (_, gradients) = case.step(BackendKind::Flex, &view, &mut parameters, &wanted);
        for (at, gradient) in gradients.iter().enumerate() {
            // Along the gradient itself the slope is its norm, far above the rounding of the loss.
            let length = norm(gradient);
            let probe = |distance: f64, parameters: &mut Vec<Parameter>| {
                let kept = parameters[at].values.clone();
                for (value, slope) in parameters[at].values.iter_mut().zip(gradient) {
                    *value += (distance / length * f64::from(*slope)) as f32;
                }
                let loss = case.step(BackendKind::Flex, &view, parameters, &wanted).0;
                parameters[at].values = kept;
                loss
            };
            let slope = (probe(2e-3, &mut parameters) - probe(-2e-3, &mut parameters)) / 4e-3;
            assert!((slope - length).abs() < 0.02 * length, "{} parameter {at}: {slope} against {length}", case.name);
        }
    }
}

/// A view of few rows gives the same logits as the view of the whole graph.
#[test]
fn a_view_computes_what_the_whole_graph_computes() {
    let (features, adjacency, _) = graph();
    let all: Vec<usize> = (0..NODES).collect();
    let some = [3, 17, 4, 39];
    for case in cases(&adjacency) {
        let mut parameters = case.network.initial(2);
        let engine = BackendKind::Flex.engine();
        let full = engine.logits(&case.network, &case.view(&features, &all), &mut parameters);
        let part = engine.logits(&case.network, &case.view(&features, &some), &mut parameters);
        for (at, &row) in some.iter().enumerate() {
            let gap = relative(&part.row(at).to_vec(), &full.row(row).to_vec());
            assert!(gap < 1e-5, "{} row {row}: {gap}", case.name);
        }
    }
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_to_the_bit() {
    let (features, adjacency, labels) = graph();
    let (train, tune): (Vec<usize>, Vec<usize>) = ((0..20).collect(), (20..NODES).collect());
    let plan = TrainPlan { max_epochs: 12, average: Some(0.9), ..TrainPlan::default() };
    for case in cases(&adjacency) {
        let (train_view, tune_view) = (case.view(&features, &train), case.view(&features, &tune));
        let task = Task {
            network: &case.network,
            train: &train_view,
            tune: &tune_view,
            tune_labels: &labels[20..],
            seed: 9,
            backend: BackendKind::Flex,
        };
        let mut loss = |logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>| {
            cross_entropy(logits, labels[..20].iter().copied().enumerate(), 20, 1.0, gradient)
        };
        let whole = task.run(&plan, None, &mut loss, &mut silent).expect("trains");
        let again = task.run(&plan, None, &mut loss, &mut silent).expect("trains");
        assert_eq!(whole, again, "{}: the same seed gives the same bits", case.name);

        let mut saved = Vec::new();
        let mut stop_at_five = |report: super::EpochReport<'_>| {
            if report.epoch < 5 {
                return std::ops::ControlFlow::Continue(());
            }
            saved = postcard::to_allocvec(report.state).expect("serialises");
            std::ops::ControlFlow::Break(())
        };
        task.run(&plan, None, &mut loss, &mut stop_at_five).expect("trains");
        let state = postcard::from_bytes(&saved).expect("was just written");
        let resumed = task.run(&plan, Some(state), &mut loss, &mut silent).expect("resumes");
        assert_eq!(whole, resumed, "{}", case.name);

        let other = TrainPlan { patience: 7, ..plan.clone() };
        let foreign = task.run(&other, Some(resumed), &mut loss, &mut silent);
        assert!(matches!(foreign, Err(super::TrainError::ForeignState)));
    }
}

#[test]
fn an_average_and_a_student_round_trip() {
    let (features, _, _) = graph();
    let network = Network::new(Family::Mlp, &[INPUTS, 5, CLASSES]);
    let parameters = network.initial(1);
    let weights = super::MlpWeights::from_parameters(&parameters);
    assert_eq!(weights.to_parameters(), parameters);
    assert_eq!(weights.widths(), [INPUTS, 5, CLASSES]);
    let view = View::of_rows(&network, &features, &[0, 7]);
    let direct = BackendKind::Flex.engine().logits(&network, &view, &mut parameters.clone());
    let all = weights.logits(&features, BackendKind::Flex);
    assert!(relative(&direct.row(1).to_vec(), &all.row(7).to_vec()) < 1e-6);
}
