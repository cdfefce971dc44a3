//! Computes the source's own integers, layer by layer, to count how a student's differ from them.
//!
//! This is the arithmetic of other runtimes, not ours; no student is computed here.

use super::source::{Converted, Rule, SourceLayer, SourceNetwork};
use super::{ImportError, LayerCount};
use crate::quantize::{InputCoding, IntegerStudent, Replay, multiplier};
use eyas::model::{LayerKind, Normalization};
use eyas::quant::Multiplier;

/// Counts the differences of every layer; each layer gets the source's own input.
///
/// # Shapes
/// - `rows`: `[rows][inputs]`, the first layer's integers
///
/// # Errors
/// If the runtime refuses a layer, or no multiplier can represent a ratio of scales.
pub(super) fn count(
    source: &SourceNetwork,
    converted: &Converted,
    rows: &[Vec<i8>],
) -> Result<Vec<LayerCount>, ImportError> {
    let mut rows = rows.to_vec();
    let mut counts = Vec::new();
    let parts = source.layers.iter().zip(&converted.student.layers).zip(&converted.rescaled_rows);
    for (index, ((layer, ours), &rescaled_rows)) in parts.enumerate() {
        let expected = evaluate(index, layer, source.rule, &rows)?;
        let alone = IntegerStudent {
            coding: InputCoding {
                zero_point: ours.input_zero_point,
                gains: vec![1.0; layer.inputs],
                sparse: ours.meta.kind == LayerKind::SparseInput,
                normalization: Normalization::None,
                unit: 1.0,
                standard: None,
            },
            layers: vec![ours.clone()],
        };
        let found = &Replay::of(&alone, &rows)?.layers[0];
        counts.push(LayerCount { rescaled_rows, ..compare(layer, &expected.concat(), found) });
        rows = expected;
    }
    Ok(counts)
}

impl SourceNetwork {
    /// The integers that the source's own rounding gives for `rows`, through all layers.
    ///
    /// # Shapes
    /// - `rows`: `[rows][inputs]`; result: `[rows][outputs]`
    ///
    /// # Errors
    /// A ratio of scales that no multiplier can represent.
    pub fn outputs(&self, rows: &[Vec<i8>]) -> Result<Vec<Vec<i8>>, ImportError> {
        let layers = self.layers.iter().enumerate();
        layers.into_iter().try_fold(rows.to_vec(), |rows, (index, layer)| evaluate(index, layer, self.rule, &rows))
    }
}

/// Counts the differences between two sets of integers of one layer.
pub(crate) fn compare(layer: &SourceLayer, expected: &[i8], found: &[i8]) -> LayerCount {
    let apart = |far: &dyn Fn(u8) -> bool| {
        expected.iter().zip(found).filter(|&(&expected, &found)| far(expected.abs_diff(found))).count() as u64
    };
    LayerCount {
        operator: layer.place.clone(),
        inputs: layer.inputs,
        outputs: layer.outputs(),
        rescaled_rows: 0,
        values: found.len() as u64,
        off_by_one: apart(&|distance| distance == 1),
        larger: apart(&|distance| distance > 1),
    }
}

/// The integers the source gives for `rows`.
///
/// # Errors
/// If no multiplier can represent a ratio of scales.
pub(crate) fn evaluate(
    index: usize,
    layer: &SourceLayer,
    rule: Rule,
    rows: &[Vec<i8>],
) -> Result<Vec<Vec<i8>>, ImportError> {
    let mut channels = Vec::with_capacity(layer.outputs());
    let weights = layer.weights.chunks_exact(layer.inputs);
    for (unit, ((row, &scale), &bias)) in weights.zip(&layer.sum_scales).zip(&layer.biases).enumerate() {
        let ratio = scale / layer.output.scale;
        let multiplier = multiplier(ratio).map_err(|source| ImportError::Scale { layer: index, unit, source })?;
        channels.push((row, bias, ratio, multiplier));
    }
    let zero = i64::from(layer.input.zero_point);
    let output = |x: &[i8]| {
        let unit = |&(row, bias, ratio, multiplier): &(&[i16], f64, f64, Multiplier)| {
            let acc: i64 = row.iter().zip(x).map(|(&w, &x)| i64::from(w) * (i64::from(x) - zero)).sum();
            let scaled = match rule {
                Rule::Double => round_twice(acc + bias as i64, multiplier),
                Rule::HalfEven => ((acc as f64 + bias) * ratio).round_ties_even() as i64,
            };
            let y = scaled.saturating_add(i64::from(layer.output.zero_point));
            y.clamp(i64::from(layer.clamp.0), i64::from(layer.clamp.1)) as i8
        };
        channels.iter().map(unit).collect()
    };
    Ok(rows.iter().map(|x| output(x)).collect())
}

/// TFLite's requantization: a rounding doubling high multiply, then a rounding shift, halves away from zero.
fn round_twice(acc: i64, multiplier: Multiplier) -> i64 {
    let exponent = i32::from(multiplier.exponent);
    let limit = i64::from(i32::MAX);
    let shifted = acc.saturating_mul(1 << exponent.max(0)).clamp(-limit - 1, limit);
    let high = (shifted * i64::from(multiplier.mantissa) + (1 << 30)) >> 31;
    let shift = (-exponent).max(0);
    let mask = (1i64 << shift) - 1;
    (high >> shift) + i64::from((high & mask) > (mask >> 1) + i64::from(high < 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest cases in which two roundings differ from one: a quarter becomes 1, minus a quarter 0.
    #[test]
    fn rounds_a_rounded_value() {
        let quarter = Multiplier { mantissa: 1 << 30, exponent: -1 };
        assert_eq!([1, -1, 2, -2, -3].map(|acc| round_twice(acc, quarter)), [1, 0, 1, -1, -1]);
        let two = Multiplier { mantissa: 1 << 30, exponent: 2 };
        assert_eq!([7, -7].map(|acc| round_twice(acc, two)), [14, -14]);
    }
}
