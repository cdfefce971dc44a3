//! The promises of the module as a whole, on a small random graph.

mod objective_tape;
mod tap;

use ndarray::{Array2, Axis};
use rand::RngExt;
use sprs::{CsMat, TriMat};

use super::backend::BackendKind;
use super::net::{Family, Input, Net, Parameter};
use super::random::{Purpose, stream};
use super::view::View;
use super::{
    Adam, Branch, Length, Lesson, Rows, Source, Step, TrainPlan, TrainState, Trained, Training, TuneFigure, Whole,
    drawn, silent,
};
use crate::data::Truth;
use crate::distill::labels::{Distance, Labels, TargetScale};
use crate::distill::supervised::Supervised;
use crate::recipe::ChooseBy;
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
    net: Net,
    propagation: Option<CsMat<f32>>,
}

fn cases(adjacency: &CsMat<f32>) -> Vec<Case> {
    let widths = [INPUTS, 16, 8, CLASSES];
    let case = |name, family, dropout: f32, input_dropout: f32, propagation| {
        let net = Net { dropout, input_dropout, ..Net::chain(family, &widths) };
        Case { name, net, propagation }
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
            None => View::of_rows(&self.net, features, rows),
            Some(propagation) => View::of_graph(&self.net, features, propagation, rows),
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
        let input = Input::View(view);
        let masks = vec![self.net.masks(input, 5, 3)];
        let mut loss = |outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]| {
            let names = (0..CLASSES).map(|class| class.to_string()).collect();
            let truth = Truth::Classes { labels: labels.to_vec(), names };
            let (known, scale) = (vec![true; labels.len()], TargetScale { mean: 0.0, deviation: 1.0 });
            let labels = Labels { truth: &truth, known: &known, smoothing: 0.0, scale, distance: Distance::Squared };
            let batch: Vec<_> = (0..known.len()).map(|row| (row, row, 1.0)).collect();
            labels.add(&batch, &outputs[0], &mut gradients[0], 1.0, |_| true)
        };
        let mut all = [parameters.to_vec()];
        let (value, mut gradients) =
            backend.engine().step(std::slice::from_ref(&self.net), input, &mut all, masks, &mut loss);
        parameters.clone_from_slice(&all[0]);
        (value, gradients.remove(0))
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
        let mut parameters = case.net.initial(5);
        let before = parameters.clone();
        let (loss, gradients) = case.step(BackendKind::Flex, &view, &mut parameters, &wanted);
        for &backend in &BackendKind::ALL[1..] {
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
/// every gradient of the tape can be compared with central differences of it.
#[test]
fn gradients_of_the_tape_equal_finite_differences() {
    let (features, adjacency, labels) = graph();
    let rows: Vec<usize> = (0..NODES).step_by(3).collect();
    let wanted: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
    for case in cases(&adjacency) {
        let view = case.view(&features, &rows);
        let mut parameters = case.net.initial(8);
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
        let mut parameters = case.net.initial(2);
        let engine = BackendKind::Flex.engine();
        let full = engine.see(&case.net, Input::View(&case.view(&features, &all)), &mut parameters);
        let part = engine.see(&case.net, Input::View(&case.view(&features, &some)), &mut parameters);
        for (at, &row) in some.iter().enumerate() {
            let gap = relative(&part.row(at).to_vec(), &full.row(row).to_vec());
            assert!(gap < 1e-5, "{} row {row}: {gap}", case.name);
        }
    }
}

/// Runs a training twice in one go and once stopped after six epochs, saved and resumed; all three are the same.
fn resumes_to_the_bit<'l>(
    name: &str,
    training: &Training<'_>,
    lesson: &mut dyn FnMut() -> Box<dyn Lesson + 'l>,
) -> Trained {
    let run = |lesson: &mut dyn Lesson, resume| training.run(lesson, resume, &mut silent).expect("trains");
    let same = |a: &Trained, b: &Trained| {
        assert_eq!((&a.nets, a.best_epoch, &a.curve), (&b.nets, b.best_epoch, &b.curve), "{name}");
    };
    let whole = run(&mut *lesson(), None);
    same(&whole, &run(&mut *lesson(), None));
    let mut saved = Vec::new();
    let mut stop_at_five = |report: super::EpochReport<'_>| {
        if report.epoch < 5 {
            return std::ops::ControlFlow::Continue(());
        }
        saved = postcard::to_allocvec(report.state).expect("serialises");
        std::ops::ControlFlow::Break(())
    };
    training.run(&mut *lesson(), None, &mut stop_at_five).expect("trains");
    let state: TrainState = postcard::from_bytes(&saved).expect("was just written");
    same(&whole, &run(&mut *lesson(), Some(state.clone())));

    let other = Training { plan: TrainPlan { patience: Some(7), ..training.plan }, ..*training };
    let foreign = other.run(&mut *lesson(), Some(state), &mut silent);
    assert!(matches!(foreign, Err(super::TrainError::ForeignState)), "{name}");
    whole
}

#[test]
fn a_resumed_run_equals_an_uninterrupted_one_to_the_bit() {
    let (features, adjacency, labels) = graph();
    let (train, tune): (Vec<usize>, Vec<usize>) = ((0..20).collect(), (20..NODES).collect());
    let adam = Adam { learning_rate: 0.01, weight_decay: 5e-4 };
    let plan = TrainPlan { adam, length: Length::Epochs(12), patience: Some(50), batch_rows: None, seed: 9 };
    let truth = Truth::Classes { labels, names: (0..CLASSES).map(|class| class.to_string()).collect() };
    for case in cases(&adjacency) {
        let (train_view, tune_view) = (case.view(&features, &train), case.view(&features, &tune));
        let start = drawn(std::slice::from_ref(&case.net), plan.seed);
        let source = Source::Whole(Whole { rows: &train, train: &train_view, tune: &tune_view });
        let training = Training { start: &start, source, plan, backend: BackendKind::Flex };
        let lesson = || {
            let scale = TargetScale { mean: 0.0, deviation: 1.0 };
            let labels =
                Labels { truth: &truth, known: &[true; NODES], smoothing: 0.0, scale, distance: Distance::Squared };
            Box::new(Supervised::new(labels, &tune, ChooseBy::Accuracy)) as Box<dyn Lesson + '_>
        };
        resumes_to_the_bit(case.name, &training, &mut { lesson });
    }
}

/// Squared error towards the sum of the columns; counts its steps, as a lesson that learns something itself would.
struct Sum {
    sums: Vec<f32>,
    steps: u32,
}

impl Lesson for Sum {
    fn augment(&mut self, step: &Step<'_>, x: &mut Array2<f32>) {
        *x += step.stream().random::<f32>() * 0.01;
    }

    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        self.steps += 1;
        let weight = 1.0 + 0.1 * (self.steps % 3) as f32;
        let mut loss = 0.0;
        for (output, gradient) in outputs.iter().zip(gradients) {
            for (at, &row) in step.rows.iter().enumerate() {
                let error = output[[at, 0]] - self.sums[row];
                gradient[[at, 0]] = weight * 2.0 * error / step.rows.len() as f32;
                loss += f64::from(weight * error * error) / step.rows.len() as f64;
            }
        }
        loss
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        let errors =
            |y: &Array2<f32>| y.column(0).iter().zip(&self.sums).map(|(y, t)| f64::from((y - t).powi(2))).sum::<f64>();
        TuneFigure::Loss(outputs.iter().map(errors).sum())
    }

    fn save(&self) -> Vec<u8> {
        self.steps.to_le_bytes().to_vec()
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        saved.try_into().map(|bytes| self.steps = u32::from_le_bytes(bytes)).is_ok()
    }
}

#[test]
fn every_backend_trains_branches_and_a_plain_network_alike_and_resumes() {
    let x = Array2::from_shape_fn((64, 4), |(row, column)| ((row * 7 + column * 3) % 11) as f32 / 11.0 - 0.5);
    let rows: Vec<usize> = (0..64).collect();
    let fused = Net {
        branches: vec![Branch { columns: 0..2, hidden: vec![8] }, Branch { columns: 2..4, hidden: vec![8] }],
        ..Net::mlp(0..4, &[8], 1, 0.0)
    };
    let nets = [fused, Net { dropout: 0.05, ..Net::mlp(0..4, &[16], 1, 0.0) }];
    let adam = Adam { learning_rate: 0.01, weight_decay: 0.0 };
    let plan = TrainPlan { adam, length: Length::Epochs(60), patience: None, batch_rows: Some(16), seed: 3 };
    let mut lesson = || Box::new(Sum { sums: x.sum_axis(Axis(1)).to_vec(), steps: 0 }) as Box<dyn Lesson>;
    let scores: Vec<f64> = BackendKind::ALL
        .iter()
        .map(|&backend| {
            let start = drawn(&nets, 3);
            let source = Source::Rows { x: Rows::Dense(x.view()), train: &rows, tune: &rows };
            let trained =
                resumes_to_the_bit(backend.name(), &Training { start: &start, source, plan, backend }, &mut lesson);
            assert_eq!(trained.curve.len(), 60);
            // A trained network can be trained further: it starts from its weights, not from the seed.
            let more = TrainPlan { length: Length::Epochs(1), adam: Adam { learning_rate: 1e-6, ..adam }, ..plan };
            let source = Source::Rows { x: Rows::Dense(x.view()), train: &rows, tune: &rows };
            let on = Training { start: &trained.nets, source, plan: more, backend };
            let on = on.run(&mut *lesson(), None, &mut silent).expect("trains");
            assert!((on.best() / trained.best() - 1.0).abs() < 0.01, "{} {}", on.best(), trained.best());
            trained.best()
        })
        .collect();
    assert!(scores.iter().all(|&score| score < 0.5), "{scores:?}");
    assert!(scores.iter().all(|&score| (score / scores[0] - 1.0).abs() < 0.05), "{scores:?}");
}

#[test]
fn a_student_round_trips() {
    let (features, _, _) = graph();
    let net = Net::chain(Family::Mlp, &[INPUTS, 5, CLASSES]);
    let parameters = net.initial(1);
    let weights = super::MlpWeights::from_parameters(&parameters);
    assert_eq!(weights.to_parameters(), parameters);
    assert_eq!(weights.widths(), [INPUTS, 5, CLASSES]);
    let view = View::of_rows(&net, &features, &[0, 7]);
    let direct = BackendKind::Flex.engine().see(&net, Input::View(&view), &mut parameters.clone());
    let all = weights.logits(&features, BackendKind::Flex);
    assert!(relative(&direct.row(1).to_vec(), &all.row(7).to_vec()) < 1e-6);
}
