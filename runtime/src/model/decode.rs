//! Decodes the metadata: the postcard encoding of [`Metadata`], read by hand.
//!
//! The generic decoder of postcard would be most of the firmware's code. This one reads the same bytes, and refuses
//! every number that is longer than it must be, so that each value has one encoding. The writer is postcard's own;
//! a test compares the two.

use super::metadata::{FrontEnd, LayerKind, LayerMeta, MAX_LAYERS, Metadata, Normalization, Task};
use crate::LoadError;

/// Reads all of `bytes` into `metadata`, field by field, so that no second copy is on the stack.
#[inline(never)]
pub(super) fn decode<'a>(bytes: &'a [u8], metadata: &mut Metadata<'a>) -> Result<(), LoadError> {
    let mut reader = Reader { rest: bytes, canonical: true };
    reader.metadata(metadata).ok_or(LoadError::Metadata)?;
    if !reader.canonical || !reader.rest.is_empty() {
        return Err(LoadError::NotCanonical);
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a [u8],
    /// No number so far was longer than it must be.
    canonical: bool,
}

impl<'a> Reader<'a> {
    #[inline(always)]
    fn metadata(&mut self, metadata: &mut Metadata<'a>) -> Option<()> {
        metadata.task = match self.number()? {
            0 => Task::Classify,
            1 => Task::Regress,
            _ => return None,
        };
        metadata.inputs = self.width()?;
        metadata.input_zero_point = self.byte()? as i8;
        let count = self.number()?;
        if count > MAX_LAYERS as u64 {
            return None;
        }
        for _ in 0..count {
            let kind = match self.number()? {
                0 => LayerKind::Dense,
                1 => LayerKind::SparseInput,
                _ => return None,
            };
            let outputs = self.width()?;
            let (zero_point, lo, hi) = (self.byte()? as i8, self.byte()? as i8, self.byte()? as i8);
            metadata.layers.push(LayerMeta { kind, outputs, zero_point, lo, hi }).ok()?;
        }
        metadata.normalization = match self.number()? {
            0 => Normalization::None,
            1 => Normalization::RowSum,
            _ => return None,
        };
        metadata.front_end = match self.number()? {
            0 => FrontEnd::Integers,
            1 => FrontEnd::Uniform { gain: self.real()?, offset: self.real()? },
            2 => FrontEnd::PerInput,
            _ => return None,
        };
        for text in [&mut metadata.schema.names, &mut metadata.schema.units] {
            *text = self.text()?;
        }
        metadata.schema.hash = self.hash()?;
        metadata.output.labels = self.text()?;
        metadata.output.scale = self.real()?;
        metadata.output.confidence = self.bytes()?;
        metadata.output.abstain = self.bytes()?;
        metadata.provenance.teacher = self.text()?;
        metadata.provenance.data_hash = self.bytes()?;
        metadata.provenance.recipe_hash = self.bytes()?;
        metadata.provenance.seed = self.number()?;
        metadata.provenance.tool = self.text()?;
        metadata.counter = u32::try_from(self.number()?).ok()?;
        metadata.golden = self.bytes()?;
        Some(())
    }

    fn width(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    #[inline(never)]
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// A varint: seven bits a byte, lowest first, the top bit set on all but the last.
    #[inline(never)]
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte holds one bit.
            if shift == 63 && byte > 1 {
                return None;
            }
            value |= bits.wrapping_shl(shift);
            if byte & 0x80 == 0 {
                self.canonical &= byte != 0 || shift == 0;
                return Some(value);
            }
        }
        None
    }

    #[inline(never)]
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    #[inline(never)]
    fn text(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.bytes()?).ok()
    }

    fn real(&mut self) -> Option<f32> {
        let (&bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(f32::from_le_bytes(bytes))
    }

    fn hash(&mut self) -> Option<u64> {
        let (&bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(bytes))
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::super::metadata::{InputSchema, OutputMeta, Provenance};
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Metadata<'_>, LoadError> {
        let mut metadata = Metadata::default();
        super::decode(bytes, &mut metadata).map(|()| metadata)
    }

    /// Any bytes: what postcard decodes and encodes back to the same bytes is what this decoder accepts.
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
        assert_eq!(decode(&encoded), Ok(sample));
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
            assert_eq!(std::format!("{:?}", found.as_ref().ok()), std::format!("{:?}", expected.as_ref()));
            accepted += u32::from(found.is_ok());
        }
        assert!(accepted > 10_000);
    }
}
