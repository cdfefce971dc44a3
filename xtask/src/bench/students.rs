//! Networks as students with their expected integers: the anchor workloads, and the battery of tails.

use super::npz::Npz;
use crate::root;
use anyhow::{Context, Result, ensure};
use eyas::model::{
    FrontEnd, InputSchema, LayerKind, LayerMeta, LayerTensors, Layout, Metadata, Normalization, OutputMeta, Provenance,
    Task, pack, write,
};
use eyas::quant::Multiplier;
use eyas::{AlignedBytes, CoreClass, Student};
use std::path::PathBuf;

/// A student file in one layout, inputs, and the portable kernels' integers for them.
pub struct Prepared {
    pub name: String,
    pub file: AlignedBytes,
    pub vectors: Vec<Vector>,
    /// Outputs that differ by one unit from the published ones; a larger difference is an error.
    pub golden_off_by_one: u32,
    /// The data set's check value over the bytes read.
    pub weights_crc32: u32,
    /// Mean number of present inputs, for a sparse-input student.
    pub nnz: Option<f64>,
}

/// One input and the outputs of all layers.
pub struct Vector {
    pub x: Vec<i8>,
    pub outputs: Vec<i8>,
}

/// The five anchor workloads in the order of the table.
pub const WORKLOADS: [&str; 5] = ["m1", "m2", "m3", "m4", "m4-sparse"];

const CRC32: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// The folder of the anchor networks.
pub fn anchors() -> PathBuf {
    root().join("tests/anchors")
}

/// The workload `name` from its arrays, with per-tensor scales and single rounding.
///
/// # Errors
/// Missing arrays, or an output more than one unit from the published one.
pub fn workload(name: &str, layout: Layout) -> Result<Prepared> {
    let sparse = name.ends_with("-sparse");
    let npz = Npz::read(&anchors().join(format!("{}.npz", name.trim_end_matches("-sparse"))))?;
    let x = npz.get("x")?;
    let inputs = *x.shape.get(1).context("x has no columns")?;
    let x = x.i8()?;
    let mut crc = CRC32.digest();
    crc.update(&x.iter().map(|&x| x as u8).collect::<Vec<_>>());
    let scalar = |name: String| -> Result<f32> { npz.get(&name)?.f32()?.first().copied().context("empty") };
    let integer = |name: String| -> Result<i32> { npz.get(&name)?.i32()?.first().copied().context("empty") };
    let mut metas = heapless::Vec::new();
    let mut layers = Vec::new();
    for index in 0.. {
        let Ok(weights) = npz.get(&format!("w{index}")) else { break };
        let [outputs, inputs] = weights.shape[..] else { anyhow::bail!("w{index} is not a matrix") };
        let weights = weights.i8()?;
        crc.update(&weights.iter().map(|&w| w as u8).collect::<Vec<_>>());
        let kind = if sparse && index == 0 { LayerKind::SparseInput } else { LayerKind::Dense };
        let zero = integer(format!("z_in{index}"))?;
        let fold = if kind == LayerKind::Dense { zero } else { 0 };
        let rows = weights.chunks_exact(inputs);
        let biases = npz.get(&format!("b{index}"))?.i32()?;
        let biases = rows.clone().zip(biases).map(|(row, b)| b - fold * row.iter().map(|&w| i32::from(w)).sum::<i32>());
        // The product is rounded to float32, as for the published multipliers.
        let product = scalar(format!("s_in{index}"))? * scalar(format!("s_w{index}"))?;
        let multiplier = multiplier(f64::from(product) / f64::from(scalar(format!("s_out{index}"))?));
        let meta = LayerMeta {
            kind,
            outputs: outputs as u16,
            zero_point: integer(format!("z_out{index}"))? as i8,
            lo: integer(format!("lo{index}"))? as i8,
            hi: integer(format!("hi{index}"))? as i8,
        };
        ensure!(metas.push(meta).is_ok(), "too many layers");
        let biases = biases.collect();
        let weights = match kind {
            LayerKind::Dense => weights,
            LayerKind::SparseInput => {
                (0..inputs).flat_map(|i| (0..outputs).map(move |o| o * inputs + i)).map(|at| weights[at]).collect()
            }
        };
        layers.push(LayerTensors { weights, biases, multipliers: vec![multiplier; outputs] });
    }
    let zero_point = integer("z_in0".into())? as i8;
    let nnz = x.iter().filter(|&&x| x != zero_point).count() as f64 / (x.len() / inputs) as f64;
    let file = file(inputs as u16, zero_point, metas, &layers, layout)?;
    let vectors = x.chunks_exact(inputs).map(|x| vector(&file, x)).collect::<Result<Vec<_>>>()?;
    let golden = npz.get("y_per_tensor")?.i8()?;
    let classes = golden.len() / vectors.len();
    let mut golden_off_by_one = 0;
    for (vector, golden) in vectors.iter().zip(golden.chunks_exact(classes)) {
        let ours = &vector.outputs[vector.outputs.len() - classes..];
        for (&ours, &golden) in ours.iter().zip(golden) {
            let difference = ours.abs_diff(golden);
            ensure!(difference <= 1, "{name}: output {ours}, published {golden}");
            golden_off_by_one += u32::from(difference);
        }
    }
    let weights_crc32 = crc.finalize();
    Ok(Prepared { name: name.into(), file, vectors, golden_off_by_one, weights_crc32, nnz: sparse.then_some(nnz) })
}

/// A real ratio as mantissa and exponent.
fn multiplier(ratio: f64) -> Multiplier {
    let mut exponent = ratio.log2().floor() as i32 + 1;
    let mut mantissa = (ratio / f64::from(exponent).exp2() * f64::from(1u32 << 31)).round();
    if mantissa >= f64::from(1u32 << 31) {
        mantissa /= 2.0;
        exponent += 1;
    }
    Multiplier { mantissa: mantissa as i32, exponent: exponent as i8 }
}

/// Every number of inputs 1 to 65 and of outputs 1 to 17, dense and sparse, with all exponents; and two wide
/// layers whose sums need folding.
pub fn battery(layout: Layout) -> Result<Vec<Prepared>> {
    let state = &mut 1;
    let mut all = Vec::new();
    for inputs in 1..=65 {
        for outputs in 1..=17 {
            all.push(random(&[inputs, outputs], inputs % 2 == 0, layout, state)?);
        }
    }
    for widths in [&[1600u16, 6, 5][..], &[511, 7], &[512, 8], &[513, 9], &[1025, 4], &[40, 33, 32, 31, 30]] {
        for sparse in [false, true] {
            all.push(random(widths, sparse, layout, state)?);
        }
    }
    Ok(all)
}

/// A random sound student.
fn random(widths: &[u16], sparse: bool, layout: Layout, state: &mut u64) -> Result<Prepared> {
    let mut metas = heapless::Vec::new();
    let mut layers = Vec::new();
    let zero_point = int(state, -128, 127) as i8;
    for (index, pair) in widths.windows(2).enumerate() {
        let (inputs, outputs) = (usize::from(pair[0]), usize::from(pair[1]));
        let kind = if sparse && index == 0 { LayerKind::SparseInput } else { LayerKind::Dense };
        let (a, b) = (int(state, -128, 127) as i8, int(state, -128, 127) as i8);
        let (lo, hi) = (a.min(b), a.max(b));
        let meta = LayerMeta { kind, outputs: pair[1], zero_point: int(state, -128, 127) as i8, lo, hi };
        ensure!(metas.push(meta).is_ok(), "too many layers");
        let typical = -(6.0 + (inputs as f64).sqrt().log2()).round() as i64;
        let odd = int(state, 0, 3) == 0;
        let extreme = int(state, 0, 7) == 0;
        layers.push(LayerTensors {
            weights: (0..inputs * outputs).map(|_| if extreme { 127 } else { int(state, -127, 127) as i8 }).collect(),
            biases: (0..outputs).map(|_| int(state, -30_000, 30_000) as i32).collect(),
            multipliers: (0..outputs)
                .map(|_| Multiplier {
                    mantissa: int(state, 1 << 30, (1 << 31) - 1) as i32,
                    exponent: if odd { int(state, -31, 30) } else { typical - int(state, 0, 1) } as i8,
                })
                .collect(),
        });
    }
    let file = file(widths[0], zero_point, metas, &layers, layout)?;
    let ends = int(state, 0, 3) == 0;
    let vectors = (0..3)
        .map(|turn| {
            let x: Vec<i8> = (0..widths[0])
                .map(|_| match (turn, ends) {
                    (0, true) => -128,
                    (1, true) => 127,
                    (_, _) if sparse && int(state, 0, 5) != 0 => zero_point,
                    (2, _) if sparse => 127,
                    _ => int(state, -128, 127) as i8,
                })
                .collect();
            vector(&file, &x)
        })
        .collect::<Result<_>>()?;
    let name = widths.iter().map(u16::to_string).collect::<Vec<_>>().join("-");
    Ok(Prepared { name, file, vectors, golden_off_by_one: 0, weights_crc32: 0, nnz: None })
}

pub(super) fn file(
    inputs: u16,
    input_zero_point: i8,
    layers: heapless::Vec<LayerMeta, { eyas::model::MAX_LAYERS }>,
    tensors: &[LayerTensors],
    layout: Layout,
) -> Result<AlignedBytes> {
    let outputs = layers.last().map_or(0, |layer| layer.outputs);
    let labels = (0..outputs).map(|o| o.to_string()).collect::<Vec<_>>().join("\n");
    let metadata = Metadata {
        task: if outputs > 1 { Task::Classify } else { Task::Regress },
        inputs,
        input_zero_point,
        layers,
        normalization: Normalization::None,
        front_end: FrontEnd::Integers,
        schema: InputSchema { names: "", units: "", hash: 0 },
        output: OutputMeta { labels: &labels, scale: 1.0, confidence: &[], abstain: &[] },
        provenance: Provenance {
            teacher: "none",
            data_hash: &[],
            recipe_hash: &[],
            seed: 0,
            tool: "cargo xtask bench",
        },
        counter: 0,
        golden: &[],
    };
    let canonical = write(&metadata, tensors, None).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(AlignedBytes::from(pack(&canonical, layout)?.as_slice()))
}

/// The outputs of the portable kernels.
pub(super) fn vector(file: &AlignedBytes, x: &[i8]) -> Result<Vector> {
    let student = Student::load(file)?;
    let mut arena = vec![0; student.arena_words()];
    let mut outputs = Vec::new();
    student.infer_portable(x, &mut arena, |_, y| outputs.extend(y.iter()))?;
    Ok(Vector { x: x.to_vec(), outputs })
}

impl Prepared {
    /// Bytes of arena on a core of `class`.
    pub fn arena_bytes(&self, class: CoreClass) -> Result<usize> {
        Ok(Student::load(&self.file)?.costs().arena_bytes(class))
    }
}

/// splitmix64: the next number of a stream.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// An integer in `lo..=hi`.
fn int(state: &mut u64, lo: i64, hi: i64) -> i64 {
    lo + ((draw(state) >> 33) % (hi - lo + 1) as u64) as i64
}

#[cfg(test)]
mod tests {
    use super::{Npz, anchors, draw, int};

    /// Names, seeds, widths, and the check values over `x` and all weights in order.
    const NETWORKS: [(&str, u64, &[usize], u32); 4] = [
        ("m1", 20_261_101, &[33, 32, 16, 2], 0xaca3_b497),
        ("m2", 20_261_102, &[128, 64, 64, 10], 0xfeb3_8470),
        ("m3", 20_261_103, &[561, 128, 64, 6], 0x055e_810f),
        ("m4", 20_261_104, &[1433, 128, 7], 0xfbec_5728),
    ];

    fn unit(state: &mut u64) -> f32 {
        (draw(state) >> 40) as f32 / 16_777_216.0
    }

    fn bytes(values: &[i8]) -> Vec<u8> {
        values.iter().map(|&value| value as u8).collect()
    }

    /// Anyone can draw the networks again to verify that they hold no third-party content.
    #[test]
    fn the_anchor_networks_are_drawn_as_their_page_says() {
        for (name, seed, widths, check) in NETWORKS {
            let npz = Npz::read(&anchors().join(format!("{name}.npz"))).unwrap();
            let state = &mut seed.clone();
            let mut crc = super::CRC32.digest();
            let mut weights_in_order = Vec::new();
            for (layer, pair) in widths.windows(2).enumerate() {
                let weights: Vec<i8> = (0..pair[0] * pair[1]).map(|_| int(state, -127, 127) as i8).collect();
                let biases: Vec<i32> = (0..pair[1]).map(|_| int(state, -1000, 1000) as i32).collect();
                let ratios: Vec<f32> = (0..pair[1]).map(|_| 0.5 + unit(state)).collect();
                assert_eq!(npz.get(&format!("w{layer}")).unwrap().i8().unwrap(), weights, "{name} w{layer}");
                assert_eq!(npz.get(&format!("b{layer}")).unwrap().i32().unwrap(), biases, "{name} b{layer}");
                let scale = npz.get(&format!("s_w{layer}")).unwrap().f32().unwrap()[0];
                let fan_in = pair[0] as f64;
                let terms = if name == "m4" && layer == 0 { 18.0 } else { fan_in / if layer == 0 { 1.0 } else { 2.0 } };
                assert_eq!(scale, (1.0 / (73.6 * terms.sqrt())) as f32, "{name} s_w{layer}");
                let scales: Vec<f32> = ratios.iter().map(|ratio| scale * ratio).collect();
                assert_eq!(npz.get(&format!("s_wc{layer}")).unwrap().f32().unwrap(), scales, "{name} s_wc{layer}");
                weights_in_order.extend(bytes(&weights));
            }
            let bag = name == "m4";
            let x: Vec<i8> = (0..16 * widths[0])
                .map(|_| match bag {
                    true if unit(state) < 0.013 => 127,
                    true => -128,
                    false => int(state, -127, 127) as i8,
                })
                .collect();
            assert_eq!(npz.get("x").unwrap().i8().unwrap(), x, "{name} x");
            crc.update(&bytes(&x));
            crc.update(&weights_in_order);
            assert_eq!(crc.finalize(), check, "{name}");
        }
    }
}
