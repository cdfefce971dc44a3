//! Compares the closed-form gradients of the objective with burn's tape over the definitions.

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData, activation};
use ndarray::Array2;

use crate::distill::ObjectivePlan;
use crate::distill::tests::{CLASSES, EDGES, LABELS, ROWS, TRAIN, plans, random, with_objective};

type Tape = Autodiff<Flex>;

fn tensor(values: &Array2<f32>) -> Tensor<Tape, 2> {
    let data = TensorData::new(values.iter().copied().collect::<Vec<_>>(), [values.nrows(), values.ncols()]);
    Tensor::from_data(data, &Default::default())
}

fn kl(target: Tensor<Tape, 2>, logits: Tensor<Tape, 2>) -> Tensor<Tape, 2> {
    let (p, q) = (activation::log_softmax(target, 1), activation::log_softmax(logits, 1));
    (p.clone().exp() * (p - q)).sum_dim(1)
}

/// The definitions of the terms, written with burn operators and differentiated by its tape.
fn traced(plan: &ObjectivePlan, logits: Tensor<Tape, 2>) -> Tensor<Tape, 1> {
    let device = Default::default();
    let teacher = tensor(&random(1, 8.0));
    let pick = |x: &Tensor<Tape, 2>, rows: &[usize]| {
        let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
        x.clone().select(0, Tensor::from_ints(rows.as_slice(), &device))
    };
    let logs = activation::log_softmax(logits.clone(), 1);
    let smoothed = Array2::from_shape_fn((TRAIN.len(), CLASSES), |(at, class)| {
        let own = if usize::from(LABELS[TRAIN[at]]) == class { 1.0 - plan.label_smoothing } else { 0.0 };
        own + plan.label_smoothing / CLASSES as f32
    });
    let labels = -(pick(&logs, &TRAIN) * tensor(&smoothed)).sum() / TRAIN.len() as f32;
    let t = plan.distill_temperature;
    let soft = kl(teacher.clone() / t, logits.clone() / t).sum() * (t * t / ROWS as f32);
    let (mut from, mut to): (Vec<usize>, Vec<usize>) = EDGES.into_iter().unzip();
    let (back, forth) = (from.clone(), to.clone());
    from.extend(forth);
    to.extend(back);
    let gap = |x: &Tensor<Tape, 2>| (pick(x, &from) - pick(x, &to)).abs() / plan.edge_temperature;
    let high = kl(gap(&teacher), gap(&logits)).sum() / from.len() as f32;
    from.extend(0..ROWS);
    to.extend(0..ROWS);
    let low = kl(pick(&teacher, &to), pick(&logits, &from)).sum() / from.len() as f32;
    labels * plan.label_weight + soft * plan.soft_weight + low * plan.low_weight + high * plan.high_weight
}

#[test]
fn closed_gradients_equal_the_tape() {
    for (name, plan) in plans() {
        with_objective(&plan, |objective| {
            let logits = random(2, 6.0);
            let leaf = tensor(&logits).require_grad();
            let loss = traced(&plan, leaf.clone());
            let want = f64::from(loss.clone().into_scalar());
            let grads = loss.backward();
            let slopes: Vec<f32> = leaf.grad(&grads).expect("leaf").into_data().to_vec().expect("f32");
            let slopes = Array2::from_shape_vec((ROWS, CLASSES), slopes).expect("same shape");
            let seen = logits.select(ndarray::Axis(0), objective.rows());
            let mut gradient = Array2::zeros(seen.dim());
            let got = objective.evaluate(seen.view(), &mut gradient);
            assert!((got - want).abs() < 1e-5 * want.abs().max(1.0), "{name}: loss {got} against {want}");
            for (at, &row) in objective.rows().iter().enumerate() {
                for class in 0..CLASSES {
                    let gap = (gradient[[at, class]] - slopes[[row, class]]).abs();
                    assert!(gap < 1e-5, "{name} [{row}, {class}]: off by {gap}");
                }
            }
        });
    }
}
