//! The numbers of the integer student: scales, rounded weights, folded biases, multipliers.

use super::{InputCoding, QuantizeError, Ranges, multiplier};
use crate::nn::{DenseWeights, MlpWeights};
use eyas::model::{
    FrontEnd, InputSchema, LayerKind, LayerMeta, LayerTensors, MAX_LAYERS, MAX_WIDTH, Metadata, OutputMeta, Provenance,
    Task, write,
};
use sha2::{Digest, Sha256};

/// Largest magnitude of an int8 weight; −128 is not used.
const WEIGHT_LIMIT: f64 = 127.0;
/// Largest magnitude of a stored bias; it leaves room for every sum of int8 products.
const BIAS_LIMIT: f64 = (1i64 << 30) as f64;

/// Ratio of the largest to the smallest weight scale of a layer.
const FAINTEST: f64 = 65_536.0;
/// Largest and smallest ratio of a weight scale to the output step; a multiplier holds 2^-32 to 2^30.
const RATIOS: (f64, f64) = ((1u64 << 29) as f64, 1.0 / (1u64 << 32) as f64);

/// A student in integers, before it is sealed.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegerStudent {
    /// The coding of features as input integers.
    pub coding: InputCoding,
    /// First to last.
    pub layers: Vec<IntegerLayer>,
}

/// One layer in integers, with the real scales they stand for.
#[derive(Clone, Debug, PartialEq)]
pub struct IntegerLayer {
    /// Kind, width, zero point and clamp.
    pub meta: LayerMeta,
    /// Weights `[outputs][inputs]`, for every kind; [`IntegerStudent::file`] puts them into file order.
    pub weights: Vec<i8>,
    /// Plain biases `[outputs]`, in units of `weight_scales`; the zero point is folded in by [`IntegerStudent::file`].
    pub biases: Vec<i64>,
    /// Real size of one weight step of each output, times the size of one input step.
    pub sum_scales: Vec<f64>,
    /// Real size of one output step.
    pub output_scale: f64,
    /// Integer that stands for 0.0 at the input.
    pub input_zero_point: i8,
}

/// The origin of a student, as stored in its file.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Labels in output order.
    pub labels: &'a [String],
    /// Input names; empty if unnamed.
    pub input_names: &'a [String],
    /// The rest, as the file carries it.
    pub provenance: Provenance<'a>,
    /// Whether the outputs are logits or quantities.
    pub task: Task,
    /// Golden vectors; empty before they are recorded.
    pub golden: &'a [u8],
}

/// Rounds a float student to integers over the given ranges.
///
/// Weights are symmetric per output channel, `s_w = max|w| / 127`, raised if the bias would exceed 2^30. A row of zeros
/// takes the layer's largest scale, and no scale is smaller than that divided by 65,536. The real step of each input is
/// folded into the weights of the first layer. If the outputs of a layer are very small or very large compared with its
/// weights, scales are raised until their ratio is a valid multiplier.
///
/// # Errors
/// A width, depth, weight or ratio that no student file can hold.
pub fn fold(weights: &MlpWeights, coding: &InputCoding, ranges: &Ranges) -> Result<IntegerStudent, QuantizeError> {
    let found = weights.layers.len();
    if found == 0 || found > MAX_LAYERS {
        return Err(QuantizeError::Layers { expected: MAX_LAYERS, found });
    }
    let mut layers = Vec::with_capacity(found);
    let mut input_zero_point = coding.zero_point;
    let mut input_scale = None;
    for (index, (layer, &range)) in weights.layers.iter().zip(ranges).enumerate() {
        let step = |i: usize| input_scale.unwrap_or_else(|| coding.step(i));
        let kind = if index == 0 && coding.sparse { LayerKind::SparseInput } else { LayerKind::Dense };
        let last = index + 1 == found;
        let folded = fold_layer(index, layer, &step, kind, range, last, input_zero_point)?;
        input_zero_point = folded.meta.zero_point;
        input_scale = Some(folded.output_scale);
        layers.push(folded);
    }
    Ok(IntegerStudent { coding: coding.clone(), layers })
}

fn fold_layer(
    index: usize,
    layer: &DenseWeights,
    step: &dyn Fn(usize) -> f64,
    kind: LayerKind,
    (lo, hi): (f64, f64),
    last: bool,
    input_zero_point: i8,
) -> Result<IntegerLayer, QuantizeError> {
    let (outputs, inputs) = layer.weight.dim();
    for found in [inputs, outputs] {
        if found == 0 || found > usize::from(MAX_WIDTH) {
            return Err(QuantizeError::Width { layer: index, expected: usize::from(MAX_WIDTH), found });
        }
    }
    let finite = layer.weight.iter().chain(&layer.bias).all(|x| x.is_finite()) && lo.is_finite() && hi.is_finite();
    if !finite {
        return Err(QuantizeError::NotFinite { layer: index });
    }
    let output_scale = (hi - lo) / 255.0;
    let rows: Vec<Vec<f64>> = layer
        .weight
        .outer_iter()
        .map(|row| row.iter().enumerate().map(|(i, &w)| f64::from(w) * step(i)).collect())
        .collect();
    let scale = |row: &Vec<f64>| row.iter().fold(0f64, |largest, w| largest.max(w.abs())) / WEIGHT_LIMIT;
    let mut sum_scales: Vec<f64> = rows.iter().map(scale).collect();
    let widest = sum_scales.iter().fold(0f64, |widest, &scale| widest.max(scale));
    let fallback = if widest > 0.0 { widest } else { output_scale };
    for (scale, &bias) in sum_scales.iter_mut().zip(&layer.bias) {
        if *scale == 0.0 {
            *scale = fallback;
        }
        // Weights this far below the layer's strongest output change no int8 step; they round to 0 instead of needing a
        // ratio of scales that no multiplier can represent.
        *scale = scale.max(widest / FAINTEST);
        // The folded bias adds at most 128 · 127 for each input to the plain one.
        let room = BIAS_LIMIT - 128.0 * WEIGHT_LIMIT * inputs as f64;
        *scale = scale.max(f64::from(bias).abs() / room);
    }
    let widest = sum_scales.iter().fold(0f64, |widest, &scale| widest.max(scale));
    let output_scale = output_scale.max(widest / RATIOS.0);
    for scale in &mut sum_scales {
        *scale = scale.max(output_scale * RATIOS.1);
    }
    // ReLU's zero is at the bottom of the range; logits get the zero point that covers their range.
    let zero_point = if last { (-128.0 - lo / output_scale).round().clamp(-128.0, 127.0) as i8 } else { -128 };
    let mut weights = Vec::with_capacity(outputs * inputs);
    for (row, scale) in rows.iter().zip(&sum_scales) {
        weights.extend(row.iter().map(|w| (w / scale).round().clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as i8));
    }
    let biases = layer.bias.iter().zip(&sum_scales).map(|(&b, scale)| (f64::from(b) / scale).round() as i64).collect();
    for (unit, scale) in sum_scales.iter().enumerate() {
        multiplier(scale / output_scale).map_err(|source| QuantizeError::Scale { layer: index, unit, source })?;
    }
    let meta = LayerMeta { kind, outputs: outputs as u16, zero_point, lo: -128, hi: 127 };
    Ok(IntegerLayer { meta, weights, biases, sum_scales, output_scale, input_zero_point })
}

impl IntegerLayer {
    /// Number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.weights.len() / usize::from(self.meta.outputs).max(1)
    }

    /// The tensors in the order and form of the file.
    fn tensors(&self, index: usize) -> Result<LayerTensors, QuantizeError> {
        let (inputs, outputs) = (self.inputs(), usize::from(self.meta.outputs));
        let zero_point = i64::from(self.input_zero_point);
        let mut multipliers = Vec::with_capacity(outputs);
        for (unit, scale) in self.sum_scales.iter().enumerate() {
            let ratio = multiplier(scale / self.output_scale);
            multipliers.push(ratio.map_err(|source| QuantizeError::Scale { layer: index, unit, source })?);
        }
        let rows = self.weights.chunks_exact(inputs.max(1));
        let (weights, biases) = match self.meta.kind {
            LayerKind::SparseInput => {
                let weights =
                    (0..inputs * outputs).map(|at| self.weights[at % outputs * inputs + at / outputs]).collect();
                (weights, self.biases.iter().map(|&bias| bias as i32).collect())
            }
            LayerKind::Dense => {
                let folded = |(&bias, row): (&i64, &[i8])| {
                    (bias - zero_point * row.iter().map(|&w| i64::from(w)).sum::<i64>()) as i32
                };
                (self.weights.clone(), self.biases.iter().zip(rows).map(folded).collect())
            }
        };
        Ok(LayerTensors { weights, biases, multipliers })
    }
}

impl IntegerStudent {
    /// Number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.coding.gains.len()
    }

    /// The same integers, with every output scaled by `factor`.
    #[must_use]
    pub fn with_outputs_times(mut self, factor: f64) -> Self {
        if let Some(last) = self.layers.last_mut() {
            last.output_scale *= factor;
            last.sum_scales.iter_mut().for_each(|scale| *scale *= factor);
        }
        self
    }

    /// Writes the student file. The only check is that the caller loads it.
    ///
    /// # Errors
    /// A ratio of scales that no multiplier can represent, or metadata that cannot be encoded.
    pub fn file(&self, about: &About<'_>) -> Result<Vec<u8>, QuantizeError> {
        let tensors =
            self.layers.iter().enumerate().map(|(i, layer)| layer.tensors(i)).collect::<Result<Vec<_>, _>>()?;
        let labels = about.labels.join("\n");
        let names = about.input_names.join("\n");
        let front_end = self.coding.front_end();
        let metas = self.layers.iter().map(|layer| layer.meta).collect();
        let (gains, offsets) = (self.coding.feature_gains(), self.coding.offsets());
        let per_input = (front_end == FrontEnd::PerInput).then_some((gains.as_slice(), offsets.as_slice()));
        let metadata = Metadata {
            task: about.task,
            inputs: self.inputs() as u16,
            input_zero_point: self.coding.zero_point,
            layers: metas,
            normalization: self.coding.normalization,
            front_end,
            schema: InputSchema { names: &names, units: "", hash: self.schema_hash(&names) },
            output: OutputMeta {
                labels: &labels,
                scale: self.layers.last().map_or(1.0, |layer| layer.output_scale) as f32,
                confidence: &[],
                abstain: &[],
            },
            provenance: about.provenance,
            counter: 0,
            golden: about.golden,
        };
        Ok(write(&metadata, &tensors, per_input)?)
    }

    /// First eight bytes of the SHA-256 over everything that gives an input its meaning.
    fn schema_hash(&self, names: &str) -> u64 {
        let mut hasher = Sha256::new();
        hasher.update((self.inputs() as u64).to_le_bytes());
        hasher.update(names);
        hasher.update([self.coding.zero_point as u8, self.coding.normalization as u8]);
        self.coding.gains.iter().for_each(|gain| hasher.update(gain.to_le_bytes()));
        if self.coding.standard.is_some() {
            let (gains, offsets) = (self.coding.feature_gains(), self.coding.offsets());
            gains.iter().chain(&offsets).for_each(|value| hasher.update(value.to_le_bytes()));
        }
        let digest: [u8; 32] = hasher.finalize().into();
        u64::from_le_bytes([digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas::model::Normalization;
    use ndarray::array;

    fn coding() -> InputCoding {
        InputCoding {
            zero_point: -128,
            gains: vec![255.0; 2],
            sparse: true,
            normalization: Normalization::None,
            unit: 1.0,
            standard: None,
        }
    }

    #[test]
    fn a_unit_that_has_died_becomes_zeros() {
        let weights = MlpWeights {
            layers: vec![
                DenseWeights { weight: array![[0.5, -1.0], [1e-11, 2e-12], [0.0, 0.0]], bias: array![0.1, 1e-12, 0.0] },
                DenseWeights { weight: array![[1.0, 1.0, 1.0], [-1.0, 2.0, 0.5]], bias: array![0.0, 0.5] },
            ],
        };
        let student = fold(&weights, &coding(), &vec![(0.0, 2.0), (-2.0, 2.0)]).unwrap();
        assert_eq!(student.layers[0].weights, [64, -127, 0, 0, 0, 0]);
        assert_eq!(student.layers[0].biases[1..], [0, 0]);
    }

    #[test]
    fn ranges_of_almost_nothing_and_of_almost_everything_are_folded() {
        let layer = || DenseWeights { weight: array![[0.5, -1.0], [1.0, 0.25]], bias: array![0.0, 0.0] };
        let weights = MlpWeights { layers: vec![layer(), layer()] };
        for hidden in [1e-30, 1e-7, 1.0, 1e30] {
            for (lo, hi) in [(-1e-30, 1e-30), (-1.0, 1.0), (-1e30, 1e30)] {
                let student = fold(&weights, &coding(), &vec![(0.0, hidden), (lo, hi)]).unwrap();
                assert_eq!(student.layers.len(), 2, "{hidden:e} {hi:e}");
            }
        }
    }

    #[test]
    fn what_no_file_can_hold_is_refused_by_place() {
        let layer = |value: f32| DenseWeights { weight: array![[value, 1.0], [1.0, 1.0]], bias: array![0.0, 0.0] };
        let diverged = MlpWeights { layers: vec![layer(f32::NAN)] };
        assert!(matches!(fold(&diverged, &coding(), &vec![(-1.0, 1.0)]), Err(QuantizeError::NotFinite { layer: 0 })));
        let deep = MlpWeights { layers: vec![layer(1.0); MAX_LAYERS + 1] };
        let ranges = vec![(-1.0, 1.0); MAX_LAYERS + 1];
        assert!(matches!(fold(&deep, &coding(), &ranges), Err(QuantizeError::Layers { .. })));
    }
}
