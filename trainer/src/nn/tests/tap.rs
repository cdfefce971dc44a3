//! A tapped network: what it hands out, and the gradient that comes back through it.

use ndarray::{Array2, Axis, s};
use rand::RngExt;

use super::super::backend::BackendKind;
use super::super::net::{Family, Input, Net, Parameter};
use super::super::random::{Purpose, stream};
use super::super::view::View;
use super::{CLASSES, INPUTS, NODES, graph, norm, relative};

const HIDDEN: usize = 8;
const SEED: u64 = 5;

fn tapped() -> Net {
    Net { dropout: 0.4, ..Net::chain(Family::Tapped, &[INPUTS, 16, HIDDEN, CLASSES]) }
}

/// Half a weighted sum of squares over every column, so that outputs and hidden values both count; one training step.
fn step(backend: BackendKind, net: &Net, input: Input<'_>, parameters: &[Parameter]) -> (f64, Vec<Vec<f32>>) {
    let mut all = [parameters.to_vec()];
    let mut loss = |outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]| {
        assert_eq!(outputs[0].dim(), (NODES, CLASSES + HIDDEN), "{backend}");
        let mut rng = stream(3, Purpose::Weights, 0, 0);
        let weights = Array2::from_shape_fn(outputs[0].dim(), |_| rng.random::<f32>() + 0.5);
        gradients[0].assign(&(&weights * &outputs[0]));
        outputs[0].iter().zip(&gradients[0]).map(|(&y, &slope)| f64::from(y * slope) / 2.0).sum()
    };
    let masks = vec![net.masks(input, SEED, 3)];
    let (value, mut gradients) = backend.engine().step(std::slice::from_ref(net), input, &mut all, masks, &mut loss);
    (value, gradients.remove(0))
}

#[test]
fn gradients_through_the_tap_equal_finite_differences() {
    let (features, _, _) = graph();
    let (net, rows) = (tapped(), (0..NODES).collect::<Vec<_>>());
    let words = Net { input_dropout: 0.2, ..net.clone() };
    let (dense, view) = (features.to_dense(), View::of_rows(&words, &features, &rows));
    for &backend in BackendKind::ALL {
        for (net, input) in [(&net, Input::Dense(dense.view())), (&words, Input::View(&view))] {
            let mut parameters = net.initial(SEED);
            let (_, gradients) = step(backend, net, input, &parameters);
            for (at, gradient) in gradients.iter().enumerate() {
                let length = norm(gradient);
                let mut probe = |distance: f64| {
                    let kept = parameters[at].values.clone();
                    for (value, slope) in parameters[at].values.iter_mut().zip(gradient) {
                        *value += (distance / length * f64::from(*slope)) as f32;
                    }
                    let loss = step(backend, net, input, &parameters).0;
                    parameters[at].values = kept;
                    loss
                };
                let slope = (probe(2e-3) - probe(-2e-3)) / 4e-3;
                assert!((slope - length).abs() < 0.02 * length, "{backend} parameter {at}: {slope}, {length}");
            }
        }
    }
}

#[test]
fn a_tap_adds_the_last_hidden_layer_and_changes_no_output() {
    let (features, _, _) = graph();
    let (net, rows) = (tapped(), (0..NODES).collect::<Vec<_>>());
    let plain = Net { family: Family::Mlp, ..net.clone() };
    let mut parameters = net.initial(SEED);
    assert_eq!(parameters, plain.initial(SEED));
    let (dense, view) = (features.to_dense(), View::of_rows(&net, &features, &rows));
    for &backend in BackendKind::ALL {
        let engine = backend.engine();
        for input in [Input::Dense(dense.view()), Input::View(&view)] {
            let seen = engine.see(&net, input, &mut parameters);
            assert_eq!(seen.slice(s![.., ..CLASSES]), engine.see(&plain, input, &mut parameters), "{backend}");
            let (hidden, last) = (seen.slice(s![.., CLASSES..]), &parameters[4..]);
            let again = hidden.dot(&last[0].array()) + last[1].array().index_axis(Axis(0), 0);
            let gap = relative(
                again.as_slice().expect("rows"),
                seen.slice(s![.., ..CLASSES]).to_owned().as_slice().expect("rows"),
            );
            assert!(gap < 1e-5 && hidden.iter().all(|&h| h >= 0.0), "{backend}: {gap}");
        }
    }
}
