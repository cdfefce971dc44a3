//! Proves everything about a file once, so that nothing behind it can fail.

use super::fields::Fields;
use super::metadata::{FrontEnd, LayerKind, MAX_LAYERS, MAX_WIDTH, Task};
use super::prefix::{ALIGNMENT, Prefix};
use super::reader::Reader;
use super::{CoreClass, Costs, Layer, Layout, aligned};
use crate::quant::Multiplier;
use crate::{LoadError, Student};

impl<'a> Student<'a> {
    /// Proves `self.file` and fills in everything else.
    ///
    /// Cost: linear in the length of the file; every loop is bounded by bytes that exist.
    #[inline(never)]
    pub(crate) fn read(&mut self) -> Result<(), LoadError> {
        let file = self.file;
        let remainder = (file.as_ptr().addr() % ALIGNMENT) as u8;
        if remainder != 0 {
            return Err(LoadError::Misaligned { remainder });
        }
        let (prefix, sections, tensors_offset) = Prefix::check(file)?;
        let mut reader = Reader::new(sections);
        let metadata = reader.take(prefix.metadata_bytes as usize);
        reader.padding();
        let tensors = reader.rest;
        let fits = reader.sound && tensors.len() == prefix.tensor_bytes as usize;
        if !fits || offset(file, tensors) != tensors_offset {
            return Err(LoadError::Sections);
        }
        check_padding(file, &reader)?;
        let mut reader = Reader::new(metadata);
        let (front_end, fields) = self.read_metadata(&mut reader);
        if !reader.sound {
            return Err(LoadError::Metadata);
        }
        if !reader.canonical || !reader.rest.is_empty() {
            return Err(LoadError::NotCanonical);
        }
        self.layout = prefix.layout;
        let expected = self.check_metadata(front_end, &fields)?;
        if !cfg!(feature = "every-layout") && self.layout != Layout::THIS {
            return Err(LoadError::Layout { expected: Layout::THIS, found: self.layout });
        }
        if expected != tensors.len() {
            return Err(LoadError::TensorLength { expected: expected as u32, found: tensors.len() as u32 });
        }
        // The file starts on a 16-byte boundary, and the shapes ask for whole blocks.
        self.tensors = bytemuck::try_cast_slice(tensors).unwrap_or_default();
        let mut reader = Reader::new(tensors);
        let mut layers = self.layers();
        let mut index = 0u8;
        while let Some(layer) = layers.advance() {
            let outputs = usize::from(layer.outputs);
            for bytes in [layer.weight_bytes(), outputs << 2, outputs << 2, outputs] {
                reader.take(bytes);
                reader.padding();
            }
            check_layer(file, index, layer)?;
            index = index.wrapping_add(1);
        }
        while !reader.rest.is_empty() {
            for _ in 0..self.inputs {
                if !is_finite(reader.word()) {
                    return Err(LoadError::NotFinite);
                }
            }
            reader.padding();
        }
        check_padding(file, &reader)?;
        if !self.golden_vectors().are_valid() {
            return Err(LoadError::Golden);
        }
        Ok(())
    }

    /// Checks what the metadata says, and returns the bytes of tensors that it asks for.
    #[inline(always)]
    fn check_metadata(&mut self, front_end: FrontEnd, fields: &Fields<'_>) -> Result<usize, LoadError> {
        let (mut index, mut outputs, mut expected) = (0u8, 0u16, 0usize);
        let mut costs = Costs::of_input(self.inputs.into(), 0);
        let mut layers = self.layers();
        while let Some(layer) = layers.advance() {
            outputs = layer.outputs;
            self.all_outputs = self.all_outputs.wrapping_add(outputs.into());
            check_width(index, layer.inputs)?;
            check_width(index, outputs)?;
            if layer.kind == LayerKind::SparseInput && index != 0 {
                return Err(LoadError::SparseBehindFirst { layer: index });
            }
            if layer.range.lo > layer.range.hi {
                return Err(LoadError::Clamp { layer: index });
            }
            costs = costs.and_layer(layer.kind == LayerKind::SparseInput, outputs.into());
            expected = expected.saturating_add(layer.tensor_bytes());
            index = index.wrapping_add(1);
        }
        self.first_buffer_words = costs.first_buffer_bytes(CoreClass::THIS) >> 2;
        self.arena_words = costs.arena_bytes(CoreClass::THIS) >> 2;
        if outputs == 0 {
            return Err(LoadError::LayerCount { expected: MAX_LAYERS as u8, found: 0 });
        }
        if self.task == Task::Classify && outputs < 2 {
            return Err(LoadError::Outputs { found: outputs });
        }
        let found = count_lines(fields.labels);
        if found != outputs {
            return Err(LoadError::Labels { expected: outputs, found });
        }
        for list in [fields.names, fields.units] {
            let found = count_lines(list);
            if found != 0 && found != self.inputs {
                return Err(LoadError::InputNames { expected: self.inputs, found });
            }
        }
        match front_end {
            FrontEnd::Integers => {}
            FrontEnd::Uniform { gain, offset } => {
                if !is_finite(gain.to_bits()) || !is_finite(offset.to_bits()) {
                    return Err(LoadError::NotFinite);
                }
            }
            FrontEnd::PerInput => expected = expected.saturating_add(aligned(usize::from(self.inputs) << 2) << 1),
        }
        let scale = self.scale.to_bits();
        if !is_finite(scale) || scale as i32 <= 0 {
            return Err(LoadError::NotFinite);
        }
        if !fields.confidence.is_empty() || !fields.abstain.is_empty() {
            return Err(LoadError::Reserved);
        }
        Ok(expected)
    }
}

#[inline(always)]
fn check_width(layer: u8, found: u16) -> Result<(), LoadError> {
    if found == 0 || found > MAX_WIDTH {
        return Err(LoadError::Width { layer, expected: MAX_WIDTH, found });
    }
    Ok(())
}

/// Proves weights, multipliers and sums of one layer.
#[inline(always)]
fn check_layer(file: &[u8], index: u8, layer: &Layer<'_>) -> Result<(), LoadError> {
    let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
    let (zero_point, rows, columns) = match layer.kind {
        LayerKind::Dense => (0, outputs, layer.layout.read().row_bytes(layer.inputs)),
        LayerKind::SparseInput => (i32::from(layer.input_zero_point), layer.column_bytes(), inputs),
    };
    let (up, down) = (127i32.wrapping_sub(zero_point), 128i32.wrapping_add(zero_point));
    let (biases, mantissas, exponents) = layer.parameter_tables().unwrap_or_default();
    for o in 0..rows {
        let unit = o as u16;
        // Sums of the positive and of the negated negative weights.
        let (mut positive, mut negative) = (0i32, 0i32);
        for i in 0..columns {
            let weight = i32::from(layer.weight(o, i));
            if (o >= outputs || i >= inputs) && weight != 0 {
                return Err(LoadError::Padding { offset: offset(file, layer.weights) });
            }
            if weight.unsigned_abs() > 127 {
                return Err(LoadError::Weight { layer: index, unit });
            }
            let sum = if weight > 0 { &mut positive } else { &mut negative };
            *sum = sum.wrapping_add(weight.wrapping_abs());
        }
        if o >= outputs {
            continue;
        }
        let (Some(&bias), Some(&mantissa), Some(&exponent)) = (biases.get(o), mantissas.get(o), exponents.get(o))
        else {
            break;
        };
        if !(Multiplier { mantissa: i32::from_le(mantissa), exponent }).is_valid() {
            return Err(LoadError::Multiplier { layer: index, unit });
        }
        // At most 255 · 127 · 32767 < 2^31. Every term's interval holds 0, so this bounds every partial sum in every order.
        let above = positive.wrapping_mul(up).wrapping_add(negative.wrapping_mul(down));
        let below = positive.wrapping_mul(down).wrapping_add(negative.wrapping_mul(up));
        let bias = i32::from_le(bias);
        if bias.checked_add(above).is_none() || bias.checked_sub(below).is_none() {
            return Err(LoadError::Accumulator { layer: index, unit });
        }
    }
    Ok(())
}

/// Padding must be zero, so that a file has one form only.
#[inline(always)]
fn check_padding(file: &[u8], reader: &Reader<'_>) -> Result<(), LoadError> {
    match reader.stray {
        None => Ok(()),
        Some(byte) => Err(LoadError::Padding { offset: offset(file, core::slice::from_ref(byte)) }),
    }
}

/// Lines of a list field, at most as many as a width can count.
#[inline(never)]
fn count_lines(list: &[u8]) -> u16 {
    let mut lines = u16::from(!list.is_empty());
    for &byte in list {
        lines = lines.saturating_add(u16::from(byte == b'\n'));
    }
    lines
}

/// Whether the bits of a single are those of a finite number.
const fn is_finite(bits: u32) -> bool {
    bits & 0x7f80_0000 != 0x7f80_0000
}

/// Where a part of the file starts in it.
fn offset<T>(file: &[u8], part: &[T]) -> u32 {
    part.as_ptr().addr().wrapping_sub(file.as_ptr().addr()) as u32
}
