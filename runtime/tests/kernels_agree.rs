//! One battery for all kernels: each equals the portable kernel, which equals wide arithmetic.

mod support;

use eyas::model::{LayerKind, LayerTensors, pack};
use eyas::quant::Multiplier;
use eyas::{AlignedBytes, InferError, Layout, LoadError, Student};
use support::{Parts, draw, int};

/// The outputs of the layers, in 128-bit integers, straight from the formula in `docs/spec/arithmetic.md`.
fn oracle(parts: &Parts, x: &[i8]) -> Vec<Vec<i8>> {
    let mut x: Vec<i128> = x.iter().map(|&x| x.into()).collect();
    let mut zero = i128::from(parts.metadata.input_zero_point);
    let mut all = Vec::new();
    for (meta, tensors) in parts.metadata.layers.iter().zip(&parts.layers) {
        let outputs = usize::from(meta.outputs);
        let y: Vec<i128> = (0..outputs)
            .map(|o| {
                let weight = |i: usize| match meta.kind {
                    LayerKind::Dense => i128::from(tensors.weights[o * x.len() + i]),
                    LayerKind::SparseInput => i128::from(tensors.weights[i * outputs + o]),
                };
                let start = if meta.kind == LayerKind::SparseInput { zero } else { 0 };
                let acc = x.iter().enumerate().map(|(i, x)| weight(i) * (x - start)).sum::<i128>()
                    + i128::from(tensors.biases[o]);
                let m = tensors.multipliers[o];
                let shift = 31 - i32::from(m.exponent);
                let scaled = (acc * i128::from(m.mantissa) + (1 << (shift - 1))) >> shift;
                (i128::from(meta.zero_point) + scaled).clamp(meta.lo.into(), meta.hi.into())
            })
            .collect();
        all.push(y.iter().map(|&y| y as i8).collect());
        zero = meta.zero_point.into();
        x = y;
    }
    all
}

fn check(parts: &Parts, x: &[i8]) {
    let expected = oracle(parts, x);
    for layout in Layout::ALL {
        let file = AlignedBytes::from(pack(&parts.file(), layout).unwrap().as_slice());
        check_file(&file, x, &expected);
    }
}

fn check_file(file: &[u8], x: &[i8], expected: &[Vec<i8>]) {
    let student = Student::load(file).unwrap();
    let mut arena = vec![0xdead_beef; student.arena_words()];
    for portable in [false, true] {
        let mut got = Vec::new();
        let observe = |_: usize, y: eyas::Outputs<'_>| got.push(y.iter().collect::<Vec<_>>());
        let answer = if portable {
            student.infer_portable(x, &mut arena, observe)
        } else {
            student.infer_observed(x, &mut arena, observe)
        };
        let logits = answer.unwrap().logits().to_vec();
        assert_eq!(got, expected);
        assert_eq!(Some(&logits), expected.last());
    }
}

#[test]
fn every_tail_of_inputs_and_outputs() {
    let state = &mut 1;
    for inputs in 1..=65 {
        for outputs in 1..=17 {
            for sparse in [false, true] {
                let parts = Parts::random(&[inputs, outputs], sparse, state);
                let x = parts.input(state);
                check(&parts, &x);
            }
        }
    }
}

#[test]
fn deep_students() {
    let state = &mut 2;
    for widths in [&[33, 32, 16, 2][..], &[128, 64, 64, 10], &[1, 1, 1, 1, 1, 1, 1, 1, 2], &[300, 7, 90, 3, 5]] {
        for sparse in [false, true] {
            let parts = Parts::random(widths, sparse, state);
            for _ in 0..8 {
                check(&parts, &parts.input(state));
            }
        }
    }
}

/// A list of present inputs gives the same result as the scan.
#[test]
fn listed_inputs_equal_scanned_ones() {
    let state = &mut 5;
    for round in 0..100 {
        let widths = [int(state, 1, 900) as u16, int(state, 1, 40) as u16, 3];
        let parts = Parts::random(&widths, true, state);
        let file = AlignedBytes::from(pack(&parts.file(), Layout::ALL[round % 5]).unwrap().as_slice());
        let student = Student::load(&file).unwrap();
        let mut arena = vec![0; student.arena_words()];
        let present: Vec<u16> = (0..widths[0]).filter(|_| int(state, 0, 5) == 0).collect();
        let mut x = vec![parts.metadata.input_zero_point; widths[0].into()];
        present.iter().for_each(|&input| x[usize::from(input)] = 127);
        let scanned = student.infer(&x, &mut arena).unwrap().logits().to_vec();
        assert_eq!(student.infer_present(&present, 127, &mut arena).unwrap().logits(), scanned);
        let repeated: Vec<u16> = present.iter().flat_map(|&input| [input, input]).collect();
        if !present.is_empty() {
            let error = student.infer_present(&repeated, 127, &mut arena).unwrap_err();
            assert_eq!(error, InferError::Present { position: 1 });
        }
        let error = student.infer_present(&[widths[0]], 127, &mut arena).unwrap_err();
        assert_eq!(error, InferError::Present { position: 0 });
    }
}

/// A batch of any size, in an arena for one input and for many, gives the same result as its rows one by one.
#[test]
fn batches_equal_single_rows() {
    let state = &mut 6;
    for round in 0..60 {
        let widths = [int(state, 1, 300) as u16, int(state, 1, 70) as u16, int(state, 1, 40) as u16, 3];
        let parts = Parts::random(&widths[..2 + round % 3], round % 2 == 0 && round % 3 != 0, state);
        let file = AlignedBytes::from(pack(&parts.file(), Layout::ALL[round % 5]).unwrap().as_slice());
        let student = Student::load(&file).unwrap();
        let count = [0, 1, 3, 4, 15, 16, 17, 41][round % 8];
        let rows: Vec<i8> = (0..count).flat_map(|_| parts.input(state)).collect();
        let mut arena = vec![0; student.arena_words()];
        let inputs = student.costs().inputs;
        let expected: Vec<i8> = rows
            .chunks(inputs)
            .flat_map(|x| student.infer_portable(x, &mut arena, |_, _| {}).unwrap().logits().to_vec())
            .collect();
        for words in [student.arena_words(), 3 * student.arena_words() + 1, student.batch_arena_words()] {
            let mut arena = vec![0xdead_beef; words];
            let mut outputs = vec![0; expected.len()];
            student.infer_batch(&rows, &mut arena, &mut outputs).unwrap();
            assert_eq!(outputs, expected, "{widths:?}, {count} rows, {words} words");
        }
        let mut short = vec![0; student.arena_words() - 1];
        let mut outputs = vec![0; expected.len() + 1];
        if count > 0 {
            assert!(matches!(
                student.infer_batch(&rows, &mut short, &mut outputs[1..]),
                Err(InferError::ArenaLength { .. })
            ));
        }
        assert!(matches!(student.infer_batch(&rows, &mut arena, &mut outputs), Err(InferError::OutputLength { .. })));
        if inputs > 1 {
            let rows = vec![0; count * inputs + 1];
            let error = student.infer_batch(&rows, &mut arena, &mut outputs).unwrap_err();
            assert!(matches!(error, InferError::InputLength { .. }));
        }
    }
}

/// The same real layer in both forms gives the same integers for every input.
#[test]
fn sparse_input_equals_dense() {
    let state = &mut 3;
    for _ in 0..200 {
        let (inputs, outputs) = (int(state, 1, 80) as u16, int(state, 2, 20) as u16);
        let sparse = Parts::random(&[inputs, outputs], true, state);
        let mut dense = sparse.clone();
        dense.metadata.layers[0].kind = LayerKind::Dense;
        let (i, o) = (usize::from(inputs), usize::from(outputs));
        let columns = &sparse.layers[0];
        let zero = i32::from(sparse.metadata.input_zero_point);
        dense.layers[0] = LayerTensors {
            weights: (0..i * o).map(|at| columns.weights[at % i * o + at / i]).collect(),
            biases: (0..o)
                .map(|o_| {
                    columns.biases[o_] - zero * (0..i).map(|i_| i32::from(columns.weights[i_ * o + o_])).sum::<i32>()
                })
                .collect(),
            multipliers: columns.multipliers.clone(),
        };
        let x = sparse.input(state);
        assert_eq!(oracle(&sparse, &x), oracle(&dense, &x));
        check(&sparse, &x);
        check(&dense, &x);
    }
}

/// The inputs that drive each sum to its minimum and maximum, for valid models with extreme biases and multipliers.
#[test]
fn extreme_inputs_of_every_channel() {
    let state = &mut 4;
    let mut accepted = 0;
    while accepted < 300 {
        let sparse = draw(state) & 1 == 0;
        let (inputs, outputs) = (int(state, 1, 300) as u16, int(state, 2, 6) as u16);
        let mut parts = Parts::random(&[inputs, outputs], sparse, state);
        for bias in &mut parts.layers[0].biases {
            *bias = (draw(state) as i32) >> int(state, 0, 20);
        }
        for multiplier in &mut parts.layers[0].multipliers {
            multiplier.exponent = int(state, -31, 30) as i8;
        }
        if Student::load(&parts.file()).is_err() {
            continue;
        }
        accepted += 1;
        for o in 0..usize::from(outputs) {
            let weight = |i: usize| match parts.metadata.layers[0].kind {
                LayerKind::Dense => parts.layers[0].weights[o * usize::from(inputs) + i],
                LayerKind::SparseInput => parts.layers[0].weights[i * usize::from(outputs) + o],
            };
            for flip in [false, true] {
                let x: Vec<i8> =
                    (0..usize::from(inputs)).map(|i| if (weight(i) > 0) != flip { 127 } else { -128 }).collect();
                check(&parts, &x);
            }
        }
    }
}

/// A bias that brings the largest or smallest sum exactly to the limit of 32 bits loads and computes; one step further
/// is refused.
#[test]
fn sums_that_touch_the_ends_of_32_bits() {
    let state = &mut 6;
    for round in 0..120 {
        let (inputs, sparse) = (int(state, 1, 700) as u16, round % 2 == 0);
        let mut parts = Parts::random(&[inputs, 3], sparse, state);
        parts.layers[0].multipliers.fill(Multiplier { mantissa: 0x7fff_ffff, exponent: -24 });
        let zero = if sparse { i64::from(parts.metadata.input_zero_point) } else { 0 };
        for o in 0..3 {
            let at = |i: usize| if sparse { i * 3 + o } else { o * usize::from(inputs) + i };
            let weights: Vec<i8> = (0..usize::from(inputs)).map(|i| parts.layers[0].weights[at(i)]).collect();
            for upper in [true, false] {
                let x: Vec<i8> = weights.iter().map(|&w| if (w > 0) == upper { 127 } else { -128 }).collect();
                let reach: i64 = weights.iter().zip(&x).map(|(&w, &x)| i64::from(w) * (i64::from(x) - zero)).sum();
                let (end, beyond) = if upper { (i32::MAX, 1) } else { (i32::MIN, -1) };
                let bias = i64::from(end) - reach;
                if i32::try_from(bias + beyond).is_err() {
                    continue;
                }
                parts.layers[0].biases = vec![0; 3];
                parts.layers[0].biases[o] = bias as i32;
                check(&parts, &x);
                parts.layers[0].biases[o] = (bias + beyond) as i32;
                let refused = Student::load(&parts.file()).unwrap_err();
                assert_eq!(refused, LoadError::Accumulator { layer: 0, unit: o as u16 });
            }
        }
    }
}
