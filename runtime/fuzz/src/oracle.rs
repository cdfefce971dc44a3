//! A reference in wide integers, straight from `docs/spec/arithmetic.md`: the outputs of the layers and the bounds of
//! their sums.

use eyas::model::{Channel, Layer, LayerKind};
use eyas::quant::Multiplier;

/// `⌊acc · m · 2^(e − 31) + ½⌋`.
pub fn scale(acc: i128, multiplier: Multiplier) -> i128 {
    let shift = 31 - i32::from(multiplier.exponent);
    (acc * i128::from(multiplier.mantissa) + (1 << (shift - 1))) >> shift
}

/// The weights of one layer, `[outputs][inputs]`, read one by one.
pub struct Weights(Vec<i64>);

impl Weights {
    /// Reads them in any layout.
    pub fn of(layer: &Layer<'_>) -> Self {
        let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
        Self((0..outputs).flat_map(|o| (0..inputs).map(move |i| layer.weight(o, i).into())).collect())
    }

    /// The outputs of the layer.
    pub fn outputs(&self, layer: &Layer<'_>, x: &[i8]) -> Vec<i8> {
        // A dense bias has the input zero point folded in, a sparse one has not.
        let zero = if layer.kind == LayerKind::SparseInput { i64::from(layer.input_zero_point) } else { 0 };
        let rows = self.0.chunks_exact(x.len());
        let unit = |((o, Channel { bias, multiplier }), row): ((usize, Channel), &[i64])| {
            // Every partial sum must stay inside 32 bits, in this order and in the one that adds the bias last, so the
            // extremes of both are tracked. A product is at most 127 · 255: sums of 32,767 of them are far from the
            // ends of 64 bits.
            let (mut sum, mut smallest, mut largest) = (0, 0, 0);
            for (&weight, &x) in row.iter().zip(x) {
                sum += weight * (i64::from(x) - zero);
                smallest = sum.min(smallest);
                largest = sum.max(largest);
            }
            let bias = i64::from(bias);
            let inside = [smallest, largest, smallest + bias, largest + bias].map(|end| i32::try_from(end).is_ok());
            assert_eq!(inside, [true; 4], "unit {o}: a sum left 32 bits");
            let range = layer.range;
            let y = i128::from(range.zero_point) + scale(i128::from(sum + bias), multiplier);
            y.clamp(range.lo.into(), range.hi.into()) as i8
        };
        layer.channels().enumerate().zip(rows).map(unit).collect()
    }
}

/// Whether no sum of one output can leave 32 bits: the bounds of section 6, term by term.
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
