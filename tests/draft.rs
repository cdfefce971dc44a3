//! The planned content of a generated student file, before it is written.

use crate::SplitMix64;
use eyas::model::{
    FrontEnd, GoldenVectors, InputSchema, LayerKind, LayerMeta, LayerTensors, MAX_LAYERS, Metadata, Normalization,
    OutputMeta, Provenance, Task, write,
};
use eyas::quant::Multiplier;
use eyas::{AlignedBytes, Student};

/// The content of a generated student file; weights, biases and multipliers come from the seed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Seed of the stream.
    pub seed: u64,
    /// The task of the student.
    pub task: Task,
    /// Number of inputs.
    pub inputs: u16,
    /// Input integer that stands for 0.0.
    pub input_zero_point: i8,
    /// Shape, kind and ranges of the layers.
    pub layers: Vec<LayerMeta>,
    /// Exponents of the multipliers, used in turn by all channels; empty for exponents that suit the widths.
    pub exponents: Vec<i8>,
    /// The normalization of a row of features.
    pub normalization: Normalization,
    /// How features become integers; [`FrontEnd::PerInput`] draws gains and offsets.
    pub front_end: FrontEnd,
    /// Labels, one per line; empty for `0`, `1`, …
    pub labels: String,
    /// Input names, one per line.
    pub names: String,
    /// Input units, one per line.
    pub units: String,
    /// Number of golden vectors.
    pub golden: usize,
    /// Inputs that differ from the zero point in a golden vector or a row; the whole width draws every input.
    pub present: usize,
}

impl Draft {
    /// A classifier of the widths `[inputs, hidden…, outputs]` with ReLU between its layers, two golden vectors.
    ///
    /// # Panics
    /// For fewer than two widths.
    #[must_use]
    pub fn classifier(seed: u64, widths: &[u16]) -> Self {
        let (&inputs, outputs) = widths.split_first().expect("widths hold the inputs");
        let last = outputs.len().checked_sub(1).expect("widths hold the outputs");
        let layer = |(index, &outputs): (usize, &u16)| {
            let (zero_point, lo) = if index == last { (0, -128) } else { (-128, -128) };
            LayerMeta { kind: LayerKind::Dense, outputs, zero_point, lo, hi: 127 }
        };
        Self {
            seed,
            task: Task::Classify,
            inputs,
            input_zero_point: -3,
            layers: outputs.iter().enumerate().map(layer).collect(),
            exponents: Vec::new(),
            normalization: Normalization::None,
            front_end: FrontEnd::Integers,
            labels: String::new(),
            names: String::new(),
            units: String::new(),
            golden: 2,
            present: usize::from(inputs),
        }
    }

    /// The same with a sparse first layer over a bag of words: zero point −128, `present` inputs of 127.
    #[must_use]
    pub fn bag_of_words(seed: u64, widths: &[u16], present: usize) -> Self {
        let mut draft = Self::classifier(seed, widths);
        draft.layers[0].kind = LayerKind::SparseInput;
        draft.input_zero_point = -128;
        draft.present = present;
        draft
    }

    /// Writes the file, golden vectors included.
    ///
    /// # Panics
    /// If the runtime does not load the draft.
    #[must_use]
    pub fn file(&self) -> AlignedBytes {
        let mut stream = SplitMix64::new(self.seed);
        let tensors = self.tensors(&mut stream);
        let per_input = self.per_input(&mut stream);
        let without = self.written(&tensors, per_input.as_ref(), &[]);
        if self.golden == 0 {
            return without;
        }
        let student = Student::load(&without).unwrap_or_else(|error| panic!("the draft does not load: {error}"));
        let mut golden = Vec::new();
        for x in self.rows(self.golden) {
            GoldenVectors::encode_input(&x, self.input_zero_point, |byte| golden.push(byte));
            golden.extend(integers(&student, &x).into_iter().map(|value| value as u8));
        }
        self.written(&tensors, per_input.as_ref(), &golden)
    }

    /// Rows for this student from their own stream; the golden vectors are the first of them.
    ///
    /// # Shapes
    /// `[count][inputs]`
    #[must_use]
    pub fn rows(&self, count: usize) -> Vec<Vec<i8>> {
        let mut stream = SplitMix64::new(!self.seed);
        (0..count).map(|_| self.row(&mut stream)).collect()
    }

    fn row(&self, stream: &mut SplitMix64) -> Vec<i8> {
        let width = usize::from(self.inputs);
        if self.present >= width {
            return (0..width).map(|_| stream.within(-128, 127) as i8).collect();
        }
        let mut x = vec![self.input_zero_point; width];
        let mut left = self.present;
        while left > 0 {
            let input = &mut x[stream.within(0, width as i64 - 1) as usize];
            if *input == self.input_zero_point {
                *input = if self.input_zero_point == 127 { -128 } else { 127 };
                left -= 1;
            }
        }
        x
    }

    fn tensors(&self, stream: &mut SplitMix64) -> Vec<LayerTensors> {
        let mut exponents = self.exponents.iter().cycle();
        let (mut inputs, mut zero_point) = (usize::from(self.inputs), self.input_zero_point);
        let mut layers = Vec::new();
        for layer in &self.layers {
            let outputs = usize::from(layer.outputs);
            let weights: Vec<i8> = (0..inputs * outputs).map(|_| stream.within(-127, 127) as i8).collect();
            let mut biases: Vec<i32> = (0..outputs).map(|_| stream.within(-2048, 2048) as i32).collect();
            if layer.kind == LayerKind::Dense {
                for (bias, row) in biases.iter_mut().zip(weights.chunks_exact(inputs)) {
                    *bias -= i32::from(zero_point) * row.iter().map(|&weight| i32::from(weight)).sum::<i32>();
                }
            }
            let multipliers = (0..outputs).map(|_| Multiplier {
                mantissa: stream.within(1 << 30, (1 << 31) - 1) as i32,
                exponent: exponents.next().copied().unwrap_or(suiting(inputs)),
            });
            let multipliers = multipliers.collect();
            layers.push(LayerTensors { weights, biases, multipliers });
            (inputs, zero_point) = (outputs, layer.zero_point);
        }
        layers
    }

    fn per_input(&self, stream: &mut SplitMix64) -> Option<(Vec<f32>, Vec<f32>)> {
        (self.front_end == FrontEnd::PerInput).then(|| {
            // Quarters are exact in binary: the file cannot depend on how a float is rounded.
            let mut draw = |low, high| (0..self.inputs).map(|_| stream.within(low, high) as f32 / 4.0).collect();
            (draw(1, 200), draw(-512, 508))
        })
    }

    fn written(
        &self,
        tensors: &[LayerTensors],
        per_input: Option<&(Vec<f32>, Vec<f32>)>,
        golden: &[u8],
    ) -> AlignedBytes {
        let outputs = self.layers.last().map_or(0, |layer| layer.outputs);
        let numbers: Vec<String> = (0..outputs).map(|output| output.to_string()).collect();
        let numbers = numbers.join("\n");
        let metadata = Metadata {
            task: self.task,
            inputs: self.inputs,
            input_zero_point: self.input_zero_point,
            layers: heapless::Vec::<_, MAX_LAYERS>::from_slice(&self.layers).expect("at most eight layers"),
            normalization: self.normalization,
            front_end: self.front_end,
            // No trainer made this file: the hash shows the order of its bytes instead.
            schema: InputSchema { names: &self.names, units: &self.units, hash: 0x0807_0605_0403_0201 },
            output: OutputMeta {
                labels: if self.labels.is_empty() { &numbers } else { &self.labels },
                scale: 0.125,
                confidence: &[],
                abstain: &[],
            },
            provenance: Provenance {
                teacher: "none: drawn from SplitMix64",
                data_hash: &[],
                recipe_hash: &[],
                seed: self.seed,
                tool: "eyas-tests",
            },
            counter: 1,
            golden,
        };
        let per_input = per_input.map(|(gains, offsets)| (gains.as_slice(), offsets.as_slice()));
        let bytes = write(&metadata, tensors, per_input).expect("the metadata encodes");
        AlignedBytes::from(bytes.as_slice())
    }
}

/// Every integer of every layer for `x`, by the portable kernels.
///
/// # Panics
/// For a row whose width is not the student's.
pub(crate) fn integers(student: &Student<'_>, x: &[i8]) -> Vec<i8> {
    let mut arena = vec![0; student.arena_words()];
    let mut all = Vec::new();
    student.infer_portable(x, &mut arena, |_, outputs| all.extend(outputs.iter())).expect("the row fits");
    all
}

/// The exponent that spreads sums of `inputs` random products over the output range.
///
/// Weight times input deviates by about 2^12.4, a sum by √inputs times that; 2^-7 of it fits int8.
const fn suiting(inputs: usize) -> i8 {
    -7 - inputs.ilog2().div_ceil(2) as i8
}
