//! Decodes the metadata: the postcard encoding of [`Metadata`], read by hand.
//!
//! Postcard's generic decoder would make up most of the firmware's code. This one reads the same bytes and refuses
//! every number that is longer than necessary, so that each value has one encoding. The writer is postcard's own; a
//! test compares the two.

use super::metadata::{
    FrontEnd, InputSchema, LayerMeta, MAX_LAYERS, Metadata, Normalization, OutputMeta, Provenance, Task,
};
use super::reader::Reader;
use super::{Layer, Layout, Network};
use crate::Student;
use crate::quant::OutputRange;

/// The fields after the front end. Lists have the form that the caller asks for; most others stay bytes of the file,
/// since a device needs no more of them.
pub(super) struct Fields<'a, T> {
    pub names: T,
    pub units: T,
    hash: &'a [u8],
    pub labels: T,
    pub scale: f32,
    pub confidence: &'a [u8],
    pub abstain: &'a [u8],
    teacher: &'a [u8],
    data_hash: &'a [u8],
    recipe_hash: &'a [u8],
    seed: &'a [u8],
    tool: &'a [u8],
    counter: &'a [u8],
    pub golden: &'a [u8],
}

impl<'a, T> Fields<'a, T> {
    /// Reads all of them; the reader then says whether they are sound.
    #[inline(always)]
    pub fn read(reader: &mut Reader<'a>, list: impl Fn(&'a [u8], u32) -> T) -> Self {
        // In the order of the file.
        Self {
            names: list(reader.text(), reader.lines),
            units: list(reader.text(), reader.lines),
            hash: reader.take(8),
            labels: list(reader.text(), reader.lines),
            scale: f32::from_bits(reader.real()),
            confidence: reader.bytes(),
            abstain: reader.bytes(),
            teacher: reader.text(),
            data_hash: reader.bytes(),
            recipe_hash: reader.bytes(),
            seed: reader.digits(),
            tool: reader.text(),
            counter: reader.peek(|reader| reader.number(u32::MAX)),
            golden: reader.bytes(),
        }
    }
}

/// The front end, and the fields before it.
#[inline(always)]
pub(super) fn read_front_end(reader: &mut Reader<'_>) -> (Normalization, FrontEnd) {
    let normalization = if reader.number(1) == 0 { Normalization::None } else { Normalization::RowSum };
    let front_end = match reader.number(2) {
        0 => FrontEnd::Integers,
        1 => FrontEnd::Uniform { gain: f32::from_bits(reader.real()), offset: f32::from_bits(reader.real()) },
        _ => FrontEnd::PerInput,
    };
    (normalization, front_end)
}

/// The fields before the normalization: task, number of inputs, their zero point, and the table of layers.
#[inline(always)]
pub(super) fn read_network<'a>(reader: &mut Reader<'a>, layout: Layout) -> (Task, Network<'a>) {
    let task = if reader.number(1) == 0 { Task::Classify } else { Task::Regress };
    let inputs = reader.number(u16::MAX.into()) as u16;
    let zero_point = reader.byte() as i8;
    let layers = reader.number(MAX_LAYERS as u32);
    let start = reader.rest;
    for _ in 0..layers {
        reader.number(1);
        reader.number(u16::MAX.into());
        reader.take(3);
    }
    let table = start.get(..start.len().wrapping_sub(reader.rest.len()).min(start.len())).unwrap_or_default();
    (task, Network { table, tensors: &[], inputs, zero_point, layout })
}

impl<'a> Student<'a> {
    /// How real features become input integers.
    pub(crate) fn front_end(&self) -> (Normalization, FrontEnd) {
        read_front_end(&mut Reader::new(self.behind_layers))
    }

    /// Everything the file says besides its tensors, decoded anew at each call: linear in its length.
    #[must_use]
    pub fn metadata(&self) -> Metadata<'a> {
        let mut reader = Reader::new(self.behind_layers);
        let (normalization, front_end) = read_front_end(&mut reader);
        // The loader has checked that they are UTF-8.
        let text = |bytes, _| core::str::from_utf8(bytes).unwrap_or_default();
        let fields = Fields::read(&mut reader, text);
        let number = |bytes| Reader::new(bytes).long_number();
        let layers = self.layers().map(|Layer { kind, outputs, range, .. }| {
            let OutputRange { zero_point, lo, hi } = range;
            LayerMeta { kind, outputs, zero_point, lo, hi }
        });
        Metadata {
            task: self.task,
            inputs: self.network.inputs,
            input_zero_point: self.network.zero_point,
            layers: layers.collect(),
            normalization,
            front_end,
            schema: InputSchema {
                names: fields.names,
                units: fields.units,
                hash: fields.hash.first_chunk().map_or(0, |&hash| u64::from_le_bytes(hash)),
            },
            output: OutputMeta {
                labels: fields.labels,
                scale: self.scale,
                confidence: fields.confidence,
                abstain: fields.abstain,
            },
            provenance: Provenance {
                teacher: text(fields.teacher, 0),
                data_hash: fields.data_hash,
                recipe_hash: fields.recipe_hash,
                seed: number(fields.seed),
                tool: text(fields.tool, 0),
            },
            counter: number(fields.counter) as u32,
            golden: self.golden,
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::LayerKind;
    use super::*;

    fn decode(bytes: &[u8]) -> Option<Metadata<'_>> {
        let mut reader = Reader::new(bytes);
        let (task, network) = read_network(&mut reader, Layout::THIS);
        let behind_layers = reader.rest;
        read_front_end(&mut reader);
        let fields = Fields::read(&mut reader, |_, _| ());
        let student = Student {
            file_bytes: bytes.len(),
            task,
            network,
            behind_layers,
            scale: fields.scale,
            golden: fields.golden,
            all_outputs: 0,
            first_buffer_words: 0,
            arena_words: 0,
        };
        (!reader.broken && !reader.overlong && reader.rest.is_empty()).then(|| student.metadata())
    }

    /// For any bytes: this decoder accepts exactly what postcard decodes and encodes back to the same bytes.
    #[test]
    fn accepts_what_postcard_writes_and_nothing_else() {
        let mut layers = heapless::Vec::new();
        layers.push(LayerMeta { kind: LayerKind::SparseInput, outputs: 300, zero_point: -1, lo: -128, hi: 5 }).unwrap();
        layers.push(LayerMeta { kind: LayerKind::Dense, outputs: 2, zero_point: 3, lo: -128, hi: 127 }).unwrap();
        let sample = Metadata {
            task: Task::Regress,
            inputs: 129,
            input_zero_point: -128,
            layers,
            normalization: Normalization::RowSum,
            front_end: FrontEnd::Uniform { gain: 1.5, offset: -2.0 },
            schema: InputSchema { names: "a\nb", units: "", hash: u64::MAX },
            output: OutputMeta { labels: "é", scale: 0.5, confidence: &[], abstain: &[1] },
            provenance: Provenance { teacher: "t", data_hash: &[9; 3], recipe_hash: &[], seed: u64::MAX, tool: "x" },
            counter: u32::MAX,
            golden: &[1, 2, 3],
        };
        let mut buffer = [0; 256];
        let encoded = postcard::to_slice(&sample, &mut buffer).unwrap().to_vec();
        assert_eq!(decode(&encoded), Some(sample));
        let (mut state, mut accepted) = (1u64, 0);
        for round in 0..400_000u64 {
            let mut bytes = encoded.clone();
            for _ in 0..=round % 3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len();
                match state >> 60 {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, 0x80),
                    2 => bytes.insert(at, 0),
                    _ => bytes[at] = (state >> 20) as u8,
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let expected = postcard::from_bytes::<Metadata<'_>>(&bytes).ok().filter(|metadata| {
                let mut again = [0; 512];
                postcard::to_slice(metadata, &mut again).is_ok_and(|again| again == bytes)
            });
            let found = decode(&bytes);
            // Compared as text: a damaged real may be NaN.
            assert_eq!(std::format!("{:?}", found.as_ref()), std::format!("{:?}", expected.as_ref()));
            accepted += u32::from(found.is_some());
        }
        assert!(accepted > 10_000);
    }
}
