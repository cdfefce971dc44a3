//! One battery for the host kernels: it tests every instruction set of the machine, not only the chosen one.

use super::portable::Portable;
use super::{Kernels, Present};
use crate::model::{Layer, Layout, OwnedLayer};
use crate::quant::{Multiplier, OutputRange};
use std::vec;
use std::vec::Vec;

/// Runs one instruction set: layer, x, distance between two inputs, y, distance between two outputs, rows.
pub(super) type Dense = fn(&Layer<'_>, &[i8], usize, &mut [i8], usize, usize);

/// splitmix64: the next number of a stream.
pub(super) fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// An integer in `lo..=hi`.
pub(super) fn int(state: &mut u64, lo: i64, hi: i64) -> i64 {
    lo + ((draw(state) >> 33) % (hi - lo + 1) as u64) as i64
}

/// A sound layer: every kind of exponent; weights and biases are sometimes at their limits.
pub(super) fn layer(inputs: u16, outputs: u16, state: &mut u64) -> OwnedLayer {
    let extreme = int(state, 0, 3);
    let odd = int(state, 0, 3) == 0;
    let (a, b) = (int(state, -128, 127) as i8, int(state, -128, 127) as i8);
    let weight = |state: &mut u64| match extreme {
        0 => 127,
        1 => -127,
        _ => int(state, -127, 127) as i8,
    };
    let typical = -(6 + i64::from(inputs.ilog2()) / 2);
    let macs = usize::from(inputs) * usize::from(outputs);
    let mut column = |pick: &mut dyn FnMut(&mut u64) -> i32| (0..outputs).map(|_| pick(state)).collect::<Vec<_>>();
    let biases = column(&mut |state| int(state, -30_000, 30_000) as i32);
    let mantissas = column(&mut |state| int(state, 1 << 30, (1 << 31) - 1) as i32);
    let exponents = column(&mut |state| if odd { int(state, -31, 30) } else { typical - int(state, 0, 1) } as i32);
    let weights = (0..macs).map(|_| weight(state)).collect();
    let range = OutputRange { zero_point: int(state, -128, 127) as i8, lo: a.min(b), hi: a.max(b) };
    OwnedLayer::new(inputs, outputs, range, weights, &biases, &mantissas, &exponents)
}

/// Every number of inputs 1 to 65 and of outputs 1 to 17, wide layers, batches of 1 to 6 rows with gaps between them.
pub(super) fn try_dense(name: &str, dense: Dense) {
    let state = &mut 1;
    let tails = (1..=65).flat_map(|inputs| (1..=17).map(move |outputs| (inputs, outputs)));
    for (inputs, outputs) in tails.chain([(127, 33), (128, 64), (561, 128), (1433, 19), (4096, 5), (2, 300)]) {
        let owned = layer(inputs, outputs, state);
        let layer = owned.view();
        let rows = int(state, 1, 6) as usize;
        let x_step = usize::from(inputs) + int(state, 0, 9) as usize;
        let y_step = layer.padded_outputs() + int(state, 0, 9) as usize;
        let ends = int(state, 0, 3);
        let x: Vec<i8> = (0..rows * x_step)
            .map(|_| match ends {
                0 => -128,
                1 => [-128, 127][int(state, 0, 1) as usize],
                _ => int(state, -128, 127) as i8,
            })
            .collect();
        let mut y = vec![77i8; rows * y_step];
        let packed = owned.packed(Layout::Lanes);
        for layer in [layer, packed.view()] {
            y.fill(77);
            dense(&layer, &x, x_step, &mut y, y_step, rows);
            for (x, y) in x.chunks(x_step).zip(y.chunks(y_step)) {
                let mut expected = vec![0i8; outputs.into()];
                Portable::dense(&owned.view(), x, &mut expected);
                let layout = layer.layout;
                assert_eq!(&y[..outputs.into()], expected, "{name}, {layout:?}: {inputs} x {outputs}, {rows} rows");
            }
        }
    }
}

/// Sums of present inputs with equal and with different distances, including more inputs than a 16-bit sum holds.
pub(super) fn try_present(name: &str, add: fn(&Layer<'_>, &[Present], &mut [i32])) {
    let state = &mut 2;
    for round in 0..300 {
        let (inputs, outputs) = (int(state, 1, 900) as u16, int(state, 1, 200) as u16);
        let layer = layer(outputs, inputs, state);
        let layer = layer.as_columns();
        let share = [1, 5, 40][round % 3];
        let one = [255, -255, 3][round % 3] as i16;
        let agree = round % 2 == 0;
        let present: Vec<Present> = (0..inputs)
            .filter_map(|input| {
                let distance = if agree { one } else { int(state, -255, 255) as i16 };
                (share == 1 || int(state, 0, share) == 0).then_some(Present { input, distance })
            })
            .collect();
        let mut sums: Vec<i32> = (0..layer.padded_outputs()).map(|_| draw(state) as i32 >> 8).collect();
        let mut expected = sums.clone();
        add(&layer, &present, &mut sums);
        super::portable::add_present(&layer, &present, &mut expected);
        assert_eq!(sums, expected, "{name}: {} of {inputs} present, {outputs} outputs", present.len());
    }
}

/// Finished sums over the whole 32 bits and on both sides of the steps that change an output, for every exponent.
pub(super) fn try_requantize(name: &str, requantize: fn(&Layer<'_>, &[i32], &mut [i8])) {
    let state = &mut 3;
    for round in 0..4000u16 {
        let outputs = round % 40 + 1;
        let owned = layer(1, outputs, state);
        let layer = owned.view();
        let ends = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX];
        let mut sums: Vec<i32> = (0..layer.padded_outputs())
            .map(|_| match int(state, 0, 2) {
                0 => ends[int(state, 0, 5) as usize],
                _ => draw(state) as i32 >> int(state, 0, 24),
            })
            .collect();
        for (sum, channel) in sums.iter_mut().zip(layer.channels()).filter(|_| round % 2 == 0) {
            *sum = beside_a_step(channel.multiplier, state).unwrap_or(*sum);
        }
        let (mut y, mut expected) = (vec![0i8; layer.padded_outputs()], vec![0i8; layer.padded_outputs()]);
        requantize(&layer, &sums, &mut y);
        super::portable::requantize_sums::<Portable>(&layer, &sums, &mut expected);
        assert_eq!(y[..outputs.into()], expected[..outputs.into()], "{name}: {outputs} outputs");
    }
}

/// A sum at which the scaled sum steps from one integer to the next, or the one before; `None` outside 32 bits.
fn beside_a_step(Multiplier { mantissa, exponent }: Multiplier, state: &mut u64) -> Option<i32> {
    // The first sum whose scaled value is at least `step − 1/2`.
    let half = (2 * i128::from(int(state, -256, 256)) - 1) << (30 - i32::from(exponent));
    let first = half.div_euclid(mantissa.into()) + i128::from(half.rem_euclid(mantissa.into()) != 0);
    i32::try_from(first - i128::from(int(state, 0, 1))).ok()
}
