//! Random sound students for the tests of this crate.
#![allow(dead_code, reason = "each test file uses its part")]

use eyas::AlignedBytes;
use eyas::model::{
    FrontEnd, GoldenVectors, InputSchema, LayerKind, LayerMeta, LayerTensors, Metadata, Normalization, OutputMeta,
    Provenance, Task, write,
};
use eyas::quant::Multiplier;

/// splitmix64: the next number of a stream.
pub fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// An integer in `lo..=hi`.
pub fn int(state: &mut u64, lo: i64, hi: i64) -> i64 {
    lo + ((draw(state) >> 33) % (hi - lo + 1) as u64) as i64
}

/// Makes the seal at the end match the bytes before it, for tests of later checks.
pub fn reseal(file: &mut [u8]) {
    if let Some((body, seal)) = file.split_last_chunk_mut::<4>() {
        *seal = eyas::model::checksum(body).to_le_bytes();
    }
}

/// A student in the form that the writer takes.
#[derive(Clone)]
pub struct Parts {
    pub metadata: Metadata<'static>,
    pub layers: Vec<LayerTensors>,
    pub per_input: Option<(Vec<f32>, Vec<f32>)>,
}

impl Parts {
    /// Random tensors of the given widths; `sparse` makes the first layer a sparse-input one.
    pub fn random(widths: &[u16], sparse: bool, state: &mut u64) -> Self {
        let mut layers = Vec::new();
        let mut metas = heapless::Vec::new();
        let input_zero_point = if sparse { -128 } else { int(state, -128, 127) as i8 };
        for (index, pair) in widths.windows(2).enumerate() {
            let (inputs, outputs) = (usize::from(pair[0]), usize::from(pair[1]));
            let kind = if sparse && index == 0 { LayerKind::SparseInput } else { LayerKind::Dense };
            let last = index + 2 == widths.len();
            let zero_point = if last { int(state, -20, 20) as i8 } else { -128 };
            metas
                .push(LayerMeta { kind, outputs: pair[1], zero_point, lo: -128, hi: if last { 127 } else { 100 } })
                .unwrap();
            // A multiplier that puts typical sums into the int8 range.
            let exponent = -(6.0 + (inputs as f64).sqrt().log2()).round() as i8;
            layers.push(LayerTensors {
                weights: (0..inputs * outputs).map(|_| int(state, -127, 127) as i8).collect(),
                biases: (0..outputs).map(|_| int(state, -3000, 3000) as i32).collect(),
                multipliers: (0..outputs)
                    .map(|_| Multiplier { mantissa: int(state, 1 << 30, (1 << 31) - 1) as i32, exponent })
                    .collect(),
            });
        }
        let outputs = usize::from(*widths.last().unwrap());
        let labels: &'static str =
            Box::leak((0..outputs).map(|o| format!("label {o}")).collect::<Vec<_>>().join("\n").into_boxed_str());
        Self {
            metadata: Metadata {
                task: if outputs > 1 { Task::Classify } else { Task::Regress },
                inputs: widths[0],
                input_zero_point,
                layers: metas,
                normalization: Normalization::None,
                front_end: FrontEnd::Uniform { gain: 255.0, offset: -128.0 },
                schema: InputSchema { names: "", units: "", hash: 7 },
                output: OutputMeta { labels, scale: 0.125, confidence: &[], abstain: &[] },
                provenance: Provenance {
                    teacher: "none",
                    data_hash: &[1; 32],
                    recipe_hash: &[2; 32],
                    seed: 5,
                    tool: "eyas tests",
                },
                counter: 1,
                golden: &[],
            },
            layers,
            per_input: None,
        }
    }

    pub fn file(&self) -> AlignedBytes {
        let per_input = self.per_input.as_ref().map(|(gains, offsets)| (gains.as_slice(), offsets.as_slice()));
        AlignedBytes::from(write(&self.metadata, &self.layers, per_input).unwrap().as_slice())
    }

    /// A random input: mostly absent for a sparse student.
    pub fn input(&self, state: &mut u64) -> Vec<i8> {
        let sparse = self.metadata.layers[0].kind == LayerKind::SparseInput;
        let absent = self.metadata.input_zero_point;
        (0..self.metadata.inputs)
            .map(|_| if sparse && int(state, 0, 9) != 0 { absent } else { int(state, -128, 127) as i8 })
            .collect()
    }

    /// Records `count` golden vectors with the outputs that the student itself computes.
    pub fn with_golden_vectors(mut self, count: usize, state: &mut u64) -> Self {
        let file = self.file();
        let student = eyas::Student::load(&file).unwrap();
        let mut arena = vec![0; student.arena_words()];
        let mut golden = Vec::new();
        for _ in 0..count {
            let x = self.input(state);
            GoldenVectors::encode_input(&x, self.metadata.input_zero_point, |byte| golden.push(byte));
            student.infer_observed(&x, &mut arena, |_, y| golden.extend(y.iter().map(|v| v as u8))).unwrap();
        }
        self.metadata.golden = Box::leak(golden.into_boxed_slice());
        self
    }
}
