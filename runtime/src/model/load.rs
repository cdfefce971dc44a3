//! Validates everything about a file once, so that nothing afterwards can fail.

use super::fields::{Fields, read_front_end, read_network};
use super::metadata::{FrontEnd, LayerKind, MAX_LAYERS, MAX_WIDTH, Task};
use super::prefix::{FLAG_SIGNED, FORMAT_VERSION, MAGIC, Parts, checksum, length};
use super::reader::Reader;
use super::{Channel, CoreClass, Costs, Layer, Layout};
use crate::{LoadError, Student};

/// Validates everything about `file`.
///
/// Cost: linear in the length of the file; every loop is bounded by bytes that exist. The student is built in the
/// caller's place, so nothing is copied.
#[inline(never)]
pub(crate) fn load<'a>(file: &'a [u8], loaded: &mut Result<Student<'a>, LoadError>) {
    if let Err(error) = prove(file, loaded) {
        *loaded = Err(error);
    }
}

/// Fills in a fully validated student, or returns what is wrong.
#[inline(never)]
fn prove<'a>(file: &'a [u8], loaded: &mut Result<Student<'a>, LoadError>) -> Result<(), LoadError> {
    let Parts { words, sections, sealed, seal } = Parts::of(file)?;
    // size: read one by one; reading them all at once would copy them.
    let &[magic, kind, total_bytes, metadata_bytes, tensors_offset, tensor_bytes, reserved @ ..] = words;
    let (magic, kind, total_bytes) = (u32::from_le(magic), u32::from_le(kind), u32::from_le(total_bytes));
    let (metadata_bytes, tensors_offset) = (u32::from_le(metadata_bytes), u32::from_le(tensors_offset));
    let tensor_bytes = u32::from_le(tensor_bytes);
    if magic != u32::from_le_bytes(MAGIC) {
        return Err(LoadError::NotAStudent);
    }
    let (version, flags) = (kind as u16, (kind >> 16) as u16);
    if version != FORMAT_VERSION {
        return Err(LoadError::UnknownVersion { expected: FORMAT_VERSION, found: version });
    }
    if total_bytes as usize != file.len() {
        return Err(LoadError::Length { expected: total_bytes, found: length(file) });
    }
    let (stored, computed) = (u32::from_le_bytes(*seal), checksum(sealed));
    if stored != computed {
        return Err(LoadError::Checksum { expected: computed, found: stored });
    }
    if flags & FLAG_SIGNED != 0 {
        return Err(LoadError::Signed);
    }
    let layout = Layout::from_number((flags >> 8) as u8).filter(|_| flags & 0xff == 0 && reserved == [0; 2]);
    let Some(layout) = layout else { return Err(LoadError::UnknownFlags { found: flags }) };

    let mut reader = Reader::new(sections);
    let metadata = reader.padded(metadata_bytes as usize);
    let tensors = reader.rest;
    let fits = !reader.broken && tensors.len() == tensor_bytes as usize;
    if !fits || offset(file, tensors) != tensors_offset {
        return Err(LoadError::Sections);
    }

    reader.rest = metadata;
    let (task, network) = read_network(&mut reader, layout.read());
    *loaded = Ok(Student {
        file_bytes: file.len(),
        task,
        network,
        behind_layers: reader.rest,
        scale: 0.0,
        golden: &[],
        all_outputs: 0,
        first_buffer_words: 0,
        arena_words: 0,
    });
    // It is filled in.
    let Ok(student) = loaded else { return Err(LoadError::Metadata) };
    let (_, front_end) = read_front_end(&mut reader);
    let fields = Fields::read(&mut reader, |_, lines| lines);
    student.scale = fields.scale;
    student.golden = fields.golden;
    if reader.broken {
        return Err(LoadError::Metadata);
    }
    if reader.overlong || !reader.rest.is_empty() {
        return Err(LoadError::NotCanonical);
    }

    let (outputs, mut expected) = check_shapes(student)?;
    let inputs = student.network.inputs;
    if student.task == Task::Classify && outputs < 2 {
        return Err(LoadError::Outputs { found: outputs });
    }
    if fields.labels != u32::from(outputs) {
        return Err(LoadError::Labels { expected: outputs, found: fields.labels as u16 });
    }
    let is_fitting = |count| count == 0 || count == u32::from(inputs);
    let found = if is_fitting(fields.names) { fields.units } else { fields.names };
    if !is_fitting(found) {
        return Err(LoadError::InputNames { expected: inputs, found: found as u16 });
    }
    if front_end == FrontEnd::PerInput {
        expected = expected.wrapping_add(u32::from(inputs).wrapping_add(3) >> 2 << 1);
    }
    if reader.infinite || fields.scale.to_bits() as i32 <= 0 {
        return Err(LoadError::NotFinite);
    }
    if !fields.confidence.is_empty() || !fields.abstain.is_empty() {
        return Err(LoadError::Reserved);
    }
    if !cfg!(feature = "every-layout") && layout != Layout::THIS {
        return Err(LoadError::Layout { expected: Layout::THIS, found: layout });
    }
    // They start on a 16-byte boundary and consist of whole blocks; otherwise their length does not match the shapes.
    let blocks = bytemuck::try_cast_slice(tensors);
    let (Ok(blocks), true) = (blocks, tensors.len() >> 4 == expected as usize) else {
        return Err(LoadError::TensorLength {
            expected: expected.min(u32::MAX >> 4) << 4,
            found: tensors.len() as u32,
        });
    };
    student.network.tensors = blocks;

    reader.rest = tensors;
    check_tensors(file, &mut reader, student)?;
    if !student.golden_vectors().are_valid() {
        return Err(LoadError::Golden);
    }
    Ok(())
}

/// Checks the layers in the metadata. Returns the outputs of the last one and the length of the tensors.
#[inline(always)]
fn check_shapes(student: &mut Student<'_>) -> Result<(u16, u32), LoadError> {
    let mut costs = Costs::of_input(student.network.inputs.into(), 0);
    let mut all_outputs = 0usize;
    let mut layers = student.layers();
    while let Some(layer) = layers.advance() {
        let index = costs.layers as u8;
        let is_width = |width| (1..=MAX_WIDTH).contains(&width);
        let found = if is_width(layer.inputs) { layer.outputs } else { layer.inputs };
        if !is_width(found) {
            return Err(LoadError::Width { layer: index, expected: MAX_WIDTH, found });
        }
        if layer.kind == LayerKind::SparseInput && index != 0 {
            return Err(LoadError::SparseBehindFirst { layer: index });
        }
        if layer.range.lo > layer.range.hi {
            return Err(LoadError::Clamp { layer: index });
        }
        costs = costs.and_layer(layer.kind == LayerKind::SparseInput, layer.outputs.into());
        all_outputs = all_outputs.wrapping_add(layer.outputs.into());
    }
    if costs.layers == 0 {
        return Err(LoadError::LayerCount { expected: MAX_LAYERS as u8, found: 0 });
    }
    student.all_outputs = all_outputs;
    student.first_buffer_words = costs.first_buffer_bytes(CoreClass::THIS) >> 2;
    student.arena_words = costs.arena_bytes(CoreClass::THIS) >> 2;
    Ok((costs.outputs as u16, layers.blocks))
}

/// Checks every byte of the tensors, which start at `reader`: their length must match the shapes and the front end.
/// Also checks all padding, including the padding before them.
#[inline(always)]
fn check_tensors(file: &[u8], reader: &mut Reader<'_>, student: &Student<'_>) -> Result<(), LoadError> {
    let mut index = 0u8;
    let mut layers = student.layers();
    while let Some(layer) = layers.advance() {
        let outputs = usize::from(layer.outputs);
        for length in [layer.weights.len(), outputs << 2, outputs << 2, outputs] {
            reader.padded(length);
        }
        check_layer(file, index, layer)?;
        index = index.wrapping_add(1);
    }
    while !reader.rest.is_empty() {
        for _ in 0..student.network.inputs {
            reader.real();
        }
        reader.padded(0);
    }
    if reader.infinite {
        return Err(LoadError::NotFinite);
    }
    // So that a file has only one form.
    match reader.stray {
        None => Ok(()),
        Some(byte) => Err(LoadError::Padding { offset: offset(file, core::slice::from_ref(byte)) }),
    }
}

/// Validates weights, multipliers and sums of one layer.
#[inline(always)]
fn check_layer(file: &[u8], index: u8, layer: &Layer<'_>) -> Result<(), LoadError> {
    let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
    let zero_point = if layer.kind == LayerKind::SparseInput { layer.input_zero_point } else { 0 };
    let lean = i32::from(zero_point).wrapping_mul(2).wrapping_add(1);
    // Weights past the last row or column lie in padding, or past the tensor, where they read as 0.
    for o in 0..layer.column_bytes() {
        let unit = o as u16;
        let (mut sum, mut magnitude) = (0i32, 0i32);
        for i in 0..layer.layout.read().row_bytes(layer.inputs) {
            let weight = i32::from(layer.weight(o, i));
            let is_padding = o >= outputs || i >= inputs;
            if weight.unsigned_abs() > if is_padding { 0 } else { 127 } {
                return Err(if is_padding {
                    LoadError::Padding { offset: offset(file, layer.weights) }
                } else {
                    LoadError::Weight { layer: index, unit }
                });
            }
            sum = sum.wrapping_add(weight);
            magnitude = magnitude.wrapping_add(weight.wrapping_abs());
        }
        let Some(Channel { bias, multiplier }) = layer.channel(o) else { continue };
        if !multiplier.is_valid() {
            return Err(LoadError::Multiplier { layer: index, unit });
        }
        // A weight p > 0 adds up to p · (127 − zero) at the top and p · (128 + zero) at the bottom; a negative one the
        // other way round: half of 255 · |w| − lean · w and of 255 · |w| + lean · w. At most 512 · 127 · 32767 < 2^31.
        // Every term's interval contains 0, so this bounds every partial sum in every order.
        let (both, lean) = (magnitude.wrapping_mul(255), sum.wrapping_mul(lean));
        let (above, below) = (both.wrapping_sub(lean) >> 1, both.wrapping_add(lean) >> 1);
        if bias.checked_add(above).is_none() || bias.checked_sub(below).is_none() {
            return Err(LoadError::Accumulator { layer: index, unit });
        }
    }
    Ok(())
}

/// The offset at which a part of the file starts.
fn offset<T>(file: &[u8], part: &[T]) -> u32 {
    part.as_ptr().addr().wrapping_sub(file.as_ptr().addr()) as u32
}
