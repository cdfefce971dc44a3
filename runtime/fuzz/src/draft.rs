//! A student drawn from a fuzzer's bytes.

use super::oracle;
use arbitrary::{Result, Unstructured};
use eyas::model::{
    FrontEnd, GoldenVectors, InputSchema, LayerKind, LayerMeta, LayerTensors, MAX_LAYERS, Metadata, Normalization,
    OutputMeta, Provenance, Task, write,
};
use eyas::quant::Multiplier;
use eyas::{AlignedBytes, Layout, Student};

/// Widest layer that is drawn; wider ones reach nothing new and take longer.
const WIDEST: u16 = 21;

/// A student whose form is right and whose sums may overflow.
pub struct Draft {
    task: Task,
    inputs: u16,
    input_zero_point: i8,
    layers: heapless::Vec<LayerMeta, MAX_LAYERS>,
    tensors: Vec<LayerTensors>,
    normalization: Normalization,
    front_end: FrontEnd,
    per_input: Option<(Vec<f32>, Vec<f32>)>,
    labels: String,
    names: String,
    scale: f32,
    counter: u32,
    seed: u64,
    layout: Layout,
    golden: usize,
}

impl Draft {
    /// Draws everything; when the source runs out of bytes, it gives zeros.
    pub fn draw(source: &mut Unstructured<'_>) -> Result<Self> {
        let inputs = source.int_in_range(1..=WIDEST)?;
        let input_zero_point = source.arbitrary()?;
        let count = source.int_in_range(1..=MAX_LAYERS)?;
        let sparse = source.arbitrary()?;
        let (mut layers, mut tensors) = (heapless::Vec::new(), Vec::new());
        let mut width = inputs;
        for index in 0..count {
            let kind = if sparse && index == 0 { LayerKind::SparseInput } else { LayerKind::Dense };
            let outputs = source.int_in_range(1..=if index < 2 { WIDEST } else { 9 })?;
            let (a, b): (i8, i8) = source.arbitrary()?;
            let meta = LayerMeta { kind, outputs, zero_point: source.arbitrary()?, lo: a.min(b), hi: a.max(b) };
            layers.push(meta).expect("at most eight layers");
            tensors.push(draw_tensors(source, usize::from(width), usize::from(outputs))?);
            width = outputs;
        }
        let mut reals = || -> Result<Vec<f32>> { (0..inputs).map(|_| real(source)).collect() };
        let per_input = (reals()?, reals()?);
        let (front_end, per_input) = match source.int_in_range(0..=2)? {
            0 => (FrontEnd::Integers, None),
            1 => (FrontEnd::Uniform { gain: real(source)?, offset: real(source)? }, None),
            _ => (FrontEnd::PerInput, Some(per_input)),
        };
        let row_sum = source.arbitrary()?;
        let lines = |count: u16| (0..count).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let names = if source.arbitrary()? { lines(inputs) } else { String::new() };
        // A single label must not be empty: an empty field holds no line.
        let labels = if source.arbitrary()? && width > 1 { "\n".repeat(usize::from(width) - 1) } else { lines(width) };
        Ok(Self {
            task: if width > 1 && source.arbitrary()? { Task::Classify } else { Task::Regress },
            inputs,
            input_zero_point,
            layers,
            tensors,
            normalization: if row_sum { Normalization::RowSum } else { Normalization::None },
            front_end,
            per_input,
            labels,
            names,
            scale: real(source)?.abs().max(f32::MIN_POSITIVE),
            counter: source.arbitrary()?,
            seed: source.arbitrary()?,
            layout: *source.choose(&Layout::ALL)?,
            golden: source.int_in_range(0..=3)?,
        })
    }

    /// Whether a loader must accept it: no sum can leave 32 bits.
    pub fn is_sound(&self) -> bool {
        let (mut inputs, mut zero_point) = (usize::from(self.inputs), self.input_zero_point);
        self.layers.iter().zip(&self.tensors).all(|(meta, tensors)| {
            let outputs = usize::from(meta.outputs);
            let all = (0..outputs).all(|o| {
                let weights = (0..inputs).map(|i| match meta.kind {
                    LayerKind::Dense => tensors.weights[o * inputs + i],
                    LayerKind::SparseInput => tensors.weights[i * outputs + o],
                });
                oracle::fits(meta.kind, zero_point, tensors.biases[o], weights)
            });
            (inputs, zero_point) = (outputs, meta.zero_point);
            all
        })
    }

    /// The file in the drawn layout, with its own golden vectors if it is sound.
    pub fn file(&self) -> AlignedBytes {
        let bare = self.written(&[]);
        let Ok(student) = Student::load(&bare) else { return bare };
        let mut golden = Vec::new();
        let mut arena = vec![0; student.arena_words()];
        for vector in 0..self.golden {
            let value = |i: u16| match vector {
                0 => self.input_zero_point,
                1 if !i.is_multiple_of(16) => self.input_zero_point,
                _ => (i as u8).wrapping_mul(101) as i8,
            };
            let x: Vec<i8> = (0..self.inputs).map(value).collect();
            GoldenVectors::encode_input(&x, self.input_zero_point, |byte| golden.push(byte));
            let record = |_: usize, y: eyas::Outputs<'_>| golden.extend(y.iter().map(|y| y as u8));
            student.infer_portable(&x, &mut arena, record).expect("right lengths");
        }
        let file = self.written(&golden);
        let packed = eyas::model::pack(&file, self.layout).expect("golden vectors do not make it unsound");
        AlignedBytes::from(packed.as_slice())
    }

    fn written(&self, golden: &[u8]) -> AlignedBytes {
        let metadata = Metadata {
            task: self.task,
            inputs: self.inputs,
            input_zero_point: self.input_zero_point,
            layers: self.layers.clone(),
            normalization: self.normalization,
            front_end: self.front_end,
            schema: InputSchema { names: &self.names, units: &self.names, hash: self.seed },
            output: OutputMeta { labels: &self.labels, scale: self.scale, confidence: &[], abstain: &[] },
            provenance: Provenance { teacher: "", data_hash: &[], recipe_hash: &[], seed: self.seed, tool: "fuzz" },
            counter: self.counter,
            golden,
        };
        let per_input = self.per_input.as_ref().map(|(gains, offsets)| (gains.as_slice(), offsets.as_slice()));
        let bytes = write(&metadata, &self.tensors, per_input).expect("the metadata encodes");
        AlignedBytes::from(bytes.as_slice())
    }
}

/// Tensors whose weights repeat a drawn pattern, so that short fuzzer inputs fill whole layers.
fn draw_tensors(source: &mut Unstructured<'_>, inputs: usize, outputs: usize) -> Result<LayerTensors> {
    let mut pattern = [0i8; 5];
    for weight in &mut pattern {
        *weight = source.arbitrary::<i8>()?.max(-127);
    }
    let weights = pattern.iter().copied().cycle().take(inputs * outputs).collect();
    let (mut biases, mut multipliers) = (Vec::new(), Vec::new());
    let (base, spread, shared): (i32, u8, bool) = source.arbitrary()?;
    let typical = Multiplier { mantissa: 0x5555_5555, exponent: -10 };
    for o in 0..outputs {
        // Close to an end of 32 bits, or small.
        biases.push(if shared { base.wrapping_add(o as i32 * i32::from(spread)) } else { base >> (12 + o % 16) });
        multipliers.push(if o < 3 {
            Multiplier {
                mantissa: source.int_in_range(Multiplier::MIN_MANTISSA..=i32::MAX)?,
                exponent: source.int_in_range(Multiplier::MIN_EXPONENT..=Multiplier::MAX_EXPONENT)?,
            }
        } else {
            typical
        });
    }
    Ok(LayerTensors { weights, biases, multipliers })
}

/// A finite number.
fn real(source: &mut Unstructured<'_>) -> Result<f32> {
    let value: f32 = source.arbitrary()?;
    Ok(if value.is_finite() { value } else { 1.0 })
}

/// Overwrites up to eight bytes and reseals the file; returns whether there was anything to overwrite.
pub fn damage(file: &mut AlignedBytes, source: &mut Unstructured<'_>) -> Result<bool> {
    let mut damaged = false;
    for _ in 0..8 {
        if source.is_empty() {
            break;
        }
        let at = source.int_in_range(0..=file.len() - 1)?;
        file[at] = source.arbitrary()?;
        damaged = true;
    }
    super::reseal(file);
    Ok(damaged)
}
