//! What the layers compute and how far their sums reach, in wide integers straight from `docs/spec/arithmetic.md`.

use eyas::model::{Channel, Layer, LayerKind};
use eyas::quant::Multiplier;

/// `⌊acc · m · 2^(e − 31) + ½⌋`.
pub fn scale(acc: i128, multiplier: Multiplier) -> i128 {
    let shift = 31 - i32::from(multiplier.exponent);
    (acc * i128::from(multiplier.mantissa) + (1 << (shift - 1))) >> shift
}

/// The outputs of one layer.
pub fn outputs(layer: &Layer<'_>, x: &[i8]) -> Vec<i8> {
    // A dense bias has the input zero point folded in, a sparse one has not.
    let zero = if layer.kind == LayerKind::SparseInput { layer.input_zero_point } else { 0 };
    let unit = |(o, Channel { bias, multiplier }): (usize, Channel)| {
        let products = x.iter().enumerate().map(|(i, &x)| {
            // At most 127 · 255: sums of 32,767 of them are far from the ends of 64 bits.
            i64::from(layer.weight(o, i)) * (i64::from(x) - i64::from(zero))
        });
        // Every partial sum in this order and in the one with the bias last stays inside 32 bits.
        let (mut acc, mut late) = (i64::from(bias), 0);
        for product in products {
            acc += product;
            late += product;
            assert!(i32::try_from(acc).is_ok() && i32::try_from(late).is_ok(), "unit {o}: a sum left 32 bits");
        }
        let acc = i128::from(acc);
        let range = layer.range;
        let y = i128::from(range.zero_point) + scale(acc, multiplier);
        y.clamp(range.lo.into(), range.hi.into()) as i8
    };
    layer.channels().enumerate().map(unit).collect()
}

/// Whether no sum of one output can leave 32 bits: bounds of section 6, term by term.
///
/// # Shapes
/// - `weights`: those of one output
pub fn fits(kind: LayerKind, zero_point: i8, bias: i32, weights: impl Iterator<Item = i8>) -> bool {
    let zero = if kind == LayerKind::SparseInput { i128::from(zero_point) } else { 0 };
    let (mut smallest, mut largest) = (i128::from(bias).min(0), i128::from(bias).max(0));
    for weight in weights {
        let ends = [-128, 127].map(|x: i128| i128::from(weight) * (x - zero));
        smallest += ends[0].min(ends[1]).min(0);
        largest += ends[0].max(ends[1]).max(0);
    }
    i32::try_from(smallest).is_ok() && i32::try_from(largest).is_ok()
}
