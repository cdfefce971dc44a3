//! Closed gradients against finite differences, and what the targets type promises.

use ndarray::Array2;
use rand::RngExt;
use sprs::{CsMat, TriMat};

use super::{Objective, ObjectivePlan, SoftTargets, Targets, edge_agreement};
use crate::nn::{Purpose, stream};

pub(crate) const ROWS: usize = 9;
pub(crate) const CLASSES: usize = 4;
pub(crate) const EDGES: [(usize, usize); 11] =
    [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8), (0, 8), (2, 7)];

pub(crate) fn random(seed: u64, scale: f32) -> Array2<f32> {
    let mut rng = stream(seed, Purpose::Weights, 0, 0);
    Array2::from_shape_fn((ROWS, CLASSES), |_| (rng.random::<f32>() - 0.5) * scale)
}

pub(crate) fn adjacency() -> CsMat<f32> {
    let mut cells = TriMat::new((ROWS, ROWS));
    for (a, b) in EDGES {
        cells.add_triplet(a, b, 1.0);
        cells.add_triplet(b, a, 1.0);
    }
    cells.to_csr()
}

pub(crate) const LABELS: [u16; ROWS] = [0, 1, 2, 3, 0, 1, 2, 3, 0];
pub(crate) const TRAIN: [usize; 3] = [1, 4, 6];

pub(crate) const LABELS_ONLY: ObjectivePlan = ObjectivePlan {
    label_weight: 1.0,
    label_smoothing: 0.0,
    soft_weight: 0.0,
    distill_temperature: 1.0,
    low_weight: 0.0,
    low_hops: 1,
    high_weight: 0.0,
    edge_temperature: 1.0,
};

/// Each term alone, then all together.
pub(crate) fn plans() -> Vec<(&'static str, ObjectivePlan)> {
    let none = ObjectivePlan { label_weight: 0.0, ..LABELS_ONLY };
    vec![
        ("labels", LABELS_ONLY),
        ("soft, T = 1", ObjectivePlan { soft_weight: 0.7, ..none }),
        ("soft, T = 3", ObjectivePlan { soft_weight: 0.7, distill_temperature: 3.0, ..none }),
        ("low", ObjectivePlan { low_weight: 0.8, ..none }),
        ("high", ObjectivePlan { high_weight: 0.9, edge_temperature: 1.3, ..none }),
        (
            "all",
            ObjectivePlan {
                label_weight: 0.4,
                label_smoothing: 0.2,
                soft_weight: 0.3,
                distill_temperature: 2.0,
                low_weight: 0.5,
                low_hops: 1,
                high_weight: 0.6,
                edge_temperature: 1.5,
            },
        ),
    ]
}

pub(crate) fn with_objective(plan: &ObjectivePlan, test: impl FnOnce(&Objective)) {
    let (teacher, edges) = (random(1, 8.0), adjacency());
    let soft = SoftTargets { rows: (0..ROWS).collect(), logits: teacher.clone() };
    let targets = Targets {
        labels: &LABELS,
        classes: CLASSES,
        train: &TRAIN,
        tune: &[0],
        soft: Some(&soft),
        edges: Some((&edges, &teacher)),
    };
    test(&Objective::prepare(&targets, plan, ROWS).expect("targets fit"));
}

#[test]
fn closed_gradients_equal_finite_differences() {
    for (name, plan) in plans() {
        with_objective(&plan, |objective| {
            let rows = objective.rows().len();
            // No two logits of a class are closer than 0.17: the absolute gap has a kink at zero.
            let logits =
                Array2::from_shape_fn((rows, CLASSES), |(row, class)| 0.17 * ((row * 7 + class * 13) % 37) as f32);
            let mut gradient = Array2::zeros(logits.dim());
            objective.evaluate(logits.view(), &mut gradient);
            for row in 0..rows {
                for class in 0..CLASSES {
                    let probe = |distance: f32| {
                        let mut moved = logits.clone();
                        moved[[row, class]] += distance;
                        objective.evaluate(moved.view(), &mut Array2::zeros(logits.dim()))
                    };
                    let slope = (probe(1e-2) - probe(-1e-2)) / 2e-2;
                    let closed = f64::from(gradient[[row, class]]);
                    assert!((slope - closed).abs() < 2e-4, "{name} [{row}, {class}]: {slope} against {closed}");
                }
            }
        });
    }
}

/// Two hops sum, over the closed neighbourhood, the means over closed neighbourhoods.
#[test]
fn low_frequency_over_two_hops_follows_its_definition() {
    let none = ObjectivePlan { label_weight: 0.0, ..LABELS_ONLY };
    let plan = ObjectivePlan { low_weight: 1.0, low_hops: 2, ..none };
    let teacher = crate::distill::objective::log_softmax(random(1, 8.0).view()).mapv_into(f32::exp);
    let mut closed = Array2::<f32>::eye(ROWS);
    EDGES.iter().for_each(|&(a, b)| (closed[[a, b]], closed[[b, a]]) = (1.0, 1.0));
    let degree = closed.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1));
    let sums = closed.dot(&(closed.dot(&teacher) / &degree));
    with_objective(&plan, |objective| {
        let mut gradient = Array2::zeros((ROWS, CLASSES));
        objective.evaluate(Array2::zeros((ROWS, CLASSES)).view(), &mut gradient);
        let want = (&degree / CLASSES as f32 - sums) / degree.sum();
        assert!((gradient - want).iter().all(|gap| gap.abs() < 1e-6));
    });
}

#[test]
fn labels_alone_read_the_train_rows_only() {
    with_objective(&LABELS_ONLY, |objective| assert_eq!(objective.rows(), TRAIN));
}

#[test]
fn edge_agreement_counts_each_edge_once() {
    let mut teacher = Array2::zeros((ROWS, CLASSES));
    (0..ROWS).for_each(|row| teacher[[row, usize::from(row >= 4)]] = 1.0);
    // (3, 4), (0, 8) and (2, 7) join two classes.
    assert_eq!(edge_agreement(&adjacency(), &teacher), 8.0 / 11.0);
}

#[test]
fn a_weight_without_its_targets_is_refused_with_a_remedy() {
    let targets = Targets { labels: &LABELS, classes: CLASSES, train: &TRAIN, tune: &[0], soft: None, edges: None };
    let plan = ObjectivePlan { label_weight: 0.5, soft_weight: 0.5, distill_temperature: 2.0, ..LABELS_ONLY };
    let refused = Objective::prepare(&targets, &plan, ROWS).map(|_| ());
    let message = refused.expect_err("no soft targets").to_string();
    assert_eq!(message, "soft targets is empty; give them or set soft_weight to 0");
}
