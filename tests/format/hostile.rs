//! Files modelled on the flaws of real model loaders: each correctly sealed, each with the one error it must give.
//!
//! The classes are those of public advisories against TensorFlow Lite, ExecuTorch, GGUF readers, tract, safetensors
//! and MCUboot, as far as they apply to this format. Those on paths, archives and code in a model do not apply: a
//! student file contains none of them.

use crate::{SplitMix64, reseal};
use eyas::LoadError;
use eyas::model::{
    FrontEnd, InputSchema, LayerKind, LayerMeta, LayerTensors, Metadata, Normalization, OutputMeta, PREFIX_BYTES,
    Provenance, Task, write,
};
use eyas::quant::Multiplier;
use std::path::{Path, PathBuf};

/// One committed file that must be refused.
#[derive(Clone, Debug)]
pub struct HostileFile {
    /// File name in [`folder`], without its extension.
    pub name: &'static str,
    /// The advisories on which it is modelled.
    pub advisories: &'static str,
    /// The error that the loader must return.
    pub error: LoadError,
    /// The content that the file must have.
    pub bytes: Vec<u8>,
}

impl HostileFile {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        folder().join(self.name).with_extension("eyas")
    }
}

/// The folder of the committed files.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("format/hostile")
}

/// All committed files.
#[must_use]
pub fn files() -> Vec<HostileFile> {
    [divisions(), absences(), indices(), products(), lengths(), numbers(), forms()].concat()
}

/// Division by a number from the file.
fn divisions() -> Vec<HostileFile> {
    let shapes = "CVE-2021-37680, CVE-2021-29602, CVE-2021-37684, CVE-2021-37691, GHSA-j7rm-8ww4-xx2g";
    vec![
        typed("zero_inputs", shapes, width(0, 0), |p| p.metadata.inputs = 0),
        typed("zero_output_scale", "CVE-2021-37683", LoadError::NotFinite, |p| p.metadata.output.scale = 0.0),
    ]
}

/// A part that is used although it is missing.
fn absences() -> Vec<HostileFile> {
    let (one, three) = (LoadError::Multiplier { layer: 1, unit: 0 }, "CVE-2021-37682");
    let no_layers = LoadError::LayerCount { expected: 8, found: 0 };
    vec![
        typed("zero_units", "CVE-2021-37688", width(1, 0), |p| p.metadata.layers[1].outputs = 0),
        typed("no_layers", "CVE-2021-37681", no_layers, |p| p.metadata.layers.clear()),
        typed("no_tensors", "CVE-2020-15209", tensors(NEEDED, 0), |p| p.layers.clear()),
        typed("no_last_tensors", "CVE-2021-29592", tensors(NEEDED, 240), |p| drop(p.layers.pop())),
        typed("no_multipliers", three, one, |p| {
            p.layers[1].multipliers.fill(Multiplier { mantissa: 0, exponent: 0 });
        }),
        typed("no_gains", three, tensors(NEEDED + 256, NEEDED), |p| {
            p.metadata.front_end = FrontEnd::PerInput;
        }),
    ]
}

/// An index out of range.
fn indices() -> Vec<HostileFile> {
    let (any, scatter) = ("CVE-2020-15211, CVE-2020-15207", "CVE-2020-15212, CVE-2021-29603, CVE-2021-37687");
    vec![
        typed("golden_index_minus_one", any, LoadError::Golden, |p| p.metadata.golden = &GOLDEN_MINUS_ONE),
        typed("golden_index_past_the_end", scatter, LoadError::Golden, |p| p.metadata.golden = &GOLDEN_PAST_THE_END),
        typed("golden_index_twice", scatter, LoadError::Golden, |p| p.metadata.golden = &GOLDEN_TWICE),
        typed("sparse_behind_dense", "CVE-2021-29606", LoadError::SparseBehindFirst { layer: 1 }, |p| {
            p.metadata.layers[1].kind = LayerKind::SparseInput;
        }),
        typed("layers_that_do_not_meet", "CVE-2020-15211", tensors(1984 + 208, NEEDED), |p| {
            p.metadata.layers[0].outputs = 50
        }),
        edited("layer_kind_from_nowhere", any, LoadError::Metadata, |file| file[36] = 0x7f),
        edited("layout_from_nowhere", any, LoadError::UnknownFlags { found: 0xff00 }, |file| file[7] = 0xff),
        edited("tensors_inside_the_metadata", "CVE-2025-54950", LoadError::Sections, |file| {
            put(file, TENSORS_OFFSET, 32)
        }),
    ]
}

/// A product or a sum of sizes that overflows, or would on a 32-bit core.
fn products() -> Vec<HostileFile> {
    let shapes = "CVE-2021-29601, CVE-2022-23558, RUSTSEC-2026-0217";
    let sizes = "CVE-2021-29605, CVE-2022-23560, CVE-2025-30404, CVE-2025-30405, CVE-2025-54952";
    let sum = "CVE-2022-23558, RUSTSEC-2026-0217";
    vec![
        typed("widest_layers", shapes, tensors(1_073_971_216 + 98_352, NEEDED), |p| {
            p.metadata.inputs = 32_767;
            p.metadata.layers[0].outputs = 32_767;
        }),
        typed("width_that_is_negative_in_16_bits", shapes, width(1, 0x8000), |p| {
            p.metadata.layers[1].outputs = 0x8000;
        }),
        edited("sections_that_wrap", sizes, LoadError::Sections, |file| put(file, 20, 0xffff_fff0)),
        edited("metadata_that_wraps", sizes, LoadError::Sections, |file| put(file, METADATA_BYTES, 0xffff_ffff)),
        typed("largest_bias", sum, accumulator(2), |p| p.layers[0].biases[2] = i32::MAX),
        typed("smallest_bias", sum, accumulator(4), |p| p.layers[0].biases[4] = i32::MIN),
    ]
}

/// A count or a length that exceeds the available bytes.
fn lengths() -> Vec<HostileFile> {
    let (counts, reads) = ("CVE-2024-21802, CVE-2024-23605", "CVE-2025-54949, CVE-2025-54950, CVE-2025-54951");
    let (overflows, extra) = ("CVE-2025-53630, CVE-2026-27940, CVE-2026-33298", "SUIT THREAT.IMG.EXTRA");
    let bytes = sample().file().len() as u32;
    vec![
        edited("layers_without_end", counts, LoadError::Metadata, |file| file[35] = 0x7f),
        edited("layer_count_of_64_bits", counts, LoadError::Metadata, |file| file[35..45].fill(0xff)),
        edited("text_longer_than_the_file", reads, LoadError::Metadata, |file| file[58] = 0x7f),
        edited("text_of_64_bits", overflows, LoadError::Metadata, |file| {
            file[58..67].fill(0xff);
            file[67] = 1;
        }),
        typed("golden_count_past_the_end", reads, LoadError::Golden, |p| p.metadata.golden = &[1, 9, 0, 0, 0]),
        typed("golden_count_of_16_bits", overflows, LoadError::Golden, |p| p.metadata.golden = &[1, 255, 255]),
        edited("file_shorter_than_it_says", reads, LoadError::Length { expected: bytes + 16, found: bytes }, |file| {
            put(file, 8, bytes + 16);
        }),
        edited("trailing_bytes", extra, LoadError::Length { expected: bytes, found: bytes + 16 }, |file| {
            file.extend([0; 16]);
        }),
    ]
}

/// Numbers no network can have.
fn numbers() -> Vec<HostileFile> {
    let parameters = "CVE-2021-37682";
    let multiplier = |unit| LoadError::Multiplier { layer: 0, unit };
    vec![
        typed("exponent_past_the_shift", parameters, multiplier(1), |p| p.layers[0].multipliers[1].exponent = 31),
        typed("exponent_below_the_shift", parameters, multiplier(3), |p| p.layers[0].multipliers[3].exponent = -32),
        typed("negative_mantissa", parameters, multiplier(0), |p| p.layers[0].multipliers[0].mantissa = -1),
        typed("gain_that_is_no_number", "CVE-2021-37683", LoadError::NotFinite, |p| {
            p.metadata.front_end = FrontEnd::Uniform { gain: f32::NAN, offset: 0.0 };
        }),
        typed("empty_clamp", parameters, LoadError::Clamp { layer: 0 }, |p| p.metadata.layers[0].hi = -101),
        typed("weight_of_minus_128", "CVE-2022-23558", LoadError::Weight { layer: 1, unit: 2 }, |p| {
            p.layers[1].weights[14] = -128;
        }),
        typed("fewer_labels_than_outputs", "CVE-2020-15211", LoadError::Labels { expected: 3, found: 2 }, |p| {
            p.metadata.output.labels = "a\nb";
        }),
    ]
}

/// A second form of the same content, or a part that is neither sealed nor signed.
fn forms() -> Vec<HostileFile> {
    let (polyglot, unsigned) = ("safetensors audit: polyglot files", "CVE-2024-32883");
    let sound = sample().file();
    let padding = word(&sound, TENSORS_OFFSET) + FIRST_BIASES_END;
    vec![
        edited("number_longer_than_needed", polyglot, LoadError::NotCanonical, |file| {
            // 30 inputs in two bytes; the byte comes from the padding before the tensors.
            file[33] = 30 | 0x80;
            file.insert(34, 0);
            let metadata = word(file, METADATA_BYTES) + 1;
            file.remove(PREFIX_BYTES + metadata as usize);
            put(file, METADATA_BYTES, metadata);
        }),
        edited("bytes_in_the_padding", polyglot, LoadError::Padding { offset: padding }, |file| {
            file[padding as usize] = 1;
        }),
        edited("reserved_prefix", unsigned, LoadError::UnknownFlags { found: 0 }, |file| file[31] = 1),
        edited("signed_without_a_check", unsigned, LoadError::Signed, |file| file[6] = 1),
        typed("reserved_thresholds", unsigned, LoadError::Reserved, |p| p.metadata.output.abstain = &[1]),
    ]
}

/// Offset of the metadata length in the prefix.
const METADATA_BYTES: usize = 12;
/// Offset of the tensor offset in the prefix.
const TENSORS_OFFSET: usize = 16;
/// From the first tensor to the padding after the first layer's biases: 160 bytes of weights, 5 biases.
const FIRST_BIASES_END: u32 = 160 + 20;
/// Bytes of the sample's tensors: 240 of the first layer, 64 of the second.
const NEEDED: u32 = 304;
/// The vector in the `golden_*` files: one coded input, then the integers of both layers.
const GOLDEN_MINUS_ONE: [u8; 14] = [1, 1, 0, 255, 255, 127, 0, 0, 0, 0, 0, 0, 0, 0];
const GOLDEN_PAST_THE_END: [u8; 14] = [1, 1, 0, 30, 0, 127, 0, 0, 0, 0, 0, 0, 0, 0];
const GOLDEN_TWICE: [u8; 17] = [1, 2, 0, 3, 0, 127, 3, 0, 127, 0, 0, 0, 0, 0, 0, 0, 0];

const fn width(layer: u8, found: u16) -> LoadError {
    LoadError::Width { layer, expected: 32_767, found }
}

const fn tensors(expected: u32, found: u32) -> LoadError {
    LoadError::TensorLength { expected, found }
}

const fn accumulator(unit: u16) -> LoadError {
    LoadError::Accumulator { layer: 0, unit }
}

/// A sound student in the form that the writer takes: 30 inputs, a sparse-input layer of 5, a dense layer of 3.
struct Parts {
    metadata: Metadata<'static>,
    layers: Vec<LayerTensors>,
}

fn sample() -> Parts {
    let mut stream = SplitMix64::new(11);
    let mut layer = |inputs: usize, outputs: usize| LayerTensors {
        weights: (0..inputs * outputs).map(|_| stream.within(-127, 127) as i8).collect(),
        biases: (0..outputs).map(|_| stream.within(-2048, 2048) as i32).collect(),
        multipliers: vec![Multiplier { mantissa: 0x6000_0000, exponent: -9 }; outputs],
    };
    let layers = vec![layer(30, 5), layer(5, 3)];
    let metas = [
        LayerMeta { kind: LayerKind::SparseInput, outputs: 5, zero_point: -100, lo: -100, hi: 127 },
        LayerMeta { kind: LayerKind::Dense, outputs: 3, zero_point: 0, lo: -128, hi: 127 },
    ];
    let metadata = Metadata {
        task: Task::Classify,
        inputs: 30,
        input_zero_point: -128,
        layers: metas.into_iter().collect(),
        normalization: Normalization::None,
        front_end: FrontEnd::Integers,
        schema: InputSchema { names: "", units: "", hash: 0 },
        output: OutputMeta { labels: "a\nb\nc", scale: 0.125, confidence: &[], abstain: &[] },
        provenance: Provenance { teacher: "", data_hash: &[], recipe_hash: &[], seed: 0, tool: "" },
        counter: 0,
        golden: &[],
    };
    Parts { metadata, layers }
}

impl Parts {
    fn file(&self) -> Vec<u8> {
        write(&self.metadata, &self.layers, None).expect("the metadata encodes")
    }
}

/// A file with wrong content in a correct form.
fn typed(
    name: &'static str,
    advisories: &'static str,
    error: LoadError,
    change: impl FnOnce(&mut Parts),
) -> HostileFile {
    let mut parts = sample();
    change(&mut parts);
    HostileFile { name, advisories, error, bytes: parts.file() }
}

/// A file with changed bytes, resealed.
fn edited(
    name: &'static str,
    advisories: &'static str,
    error: LoadError,
    change: impl FnOnce(&mut Vec<u8>),
) -> HostileFile {
    let mut bytes = sample().file();
    change(&mut bytes);
    reseal(&mut bytes);
    HostileFile { name, advisories, error, bytes }
}

fn word(file: &[u8], at: usize) -> u32 {
    file[at..].first_chunk().map_or(0, |&bytes| u32::from_le_bytes(bytes))
}

fn put(file: &mut [u8], at: usize, word: u32) {
    file[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas::{AlignedBytes, Student};

    #[test]
    fn the_sample_is_sound() {
        assert!(Student::load(&AlignedBytes::from(sample().file().as_slice())).is_ok());
    }
}
