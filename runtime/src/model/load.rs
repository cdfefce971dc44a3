//! Proves everything about a file once, so that nothing behind it can fail.

use super::Layout;
use super::aligned;
use super::decode::decode;
use super::golden::GoldenVectors;
use super::layer::{Layer, Layers};
use super::metadata::{FrontEnd, LayerKind, MAX_LAYERS, MAX_WIDTH, Metadata, Task, lines};
use super::prefix::{ALIGNMENT, PREFIX_BYTES, Prefix};
use crate::LoadError;

/// Checks `file`, fills `metadata` and returns the layout and the tensors.
///
/// Cost: linear in the length of the file; every loop is bounded by bytes that exist.
#[inline(never)]
pub(crate) fn load<'a>(file: &'a [u8], metadata: &mut Metadata<'a>) -> Result<(Layout, &'a [u8]), LoadError> {
    let remainder = (file.as_ptr() as usize % ALIGNMENT) as u8;
    if remainder != 0 {
        return Err(LoadError::Misaligned { remainder });
    }
    let prefix = Prefix::check(file)?;
    let metadata_end = PREFIX_BYTES.saturating_add(prefix.metadata_bytes as usize);
    let tensors_end = prefix.tensors_offset().saturating_add(prefix.tensor_bytes as usize);
    let (Some(encoded), Some(gap), Some(tensors)) = (
        file.get(PREFIX_BYTES..metadata_end),
        file.get(metadata_end..prefix.tensors_offset()),
        file.get(prefix.tensors_offset()..tensors_end),
    ) else {
        return Err(LoadError::Sections);
    };
    check_padding(file, gap)?;
    decode(encoded, metadata)?;
    check_metadata(metadata)?;
    let layout = prefix.layout;
    if !cfg!(feature = "every-layout") && layout != Layout::THIS {
        return Err(LoadError::Layout { expected: Layout::THIS, found: layout });
    }
    check_tensors(file, metadata, layout, tensors)?;
    if !GoldenVectors::new(metadata).are_valid() {
        return Err(LoadError::Golden);
    }
    Ok((layout, tensors))
}

fn check_metadata(metadata: &Metadata<'_>) -> Result<(), LoadError> {
    if metadata.layers.is_empty() {
        return Err(LoadError::LayerCount { expected: MAX_LAYERS as u8, found: 0 });
    }
    check_width(0, metadata.inputs)?;
    for (index, layer) in (0u8..).zip(&metadata.layers) {
        check_width(index, layer.outputs)?;
        if layer.kind == LayerKind::SparseInput && index != 0 {
            return Err(LoadError::SparseBehindFirst { layer: index });
        }
        if layer.lo > layer.hi {
            return Err(LoadError::Clamp { layer: index });
        }
    }
    let outputs = metadata.outputs();
    if metadata.task == Task::Classify && outputs < 2 {
        return Err(LoadError::Outputs { found: outputs });
    }
    let labels = count(metadata.output.labels);
    if labels != usize::from(outputs) {
        return Err(LoadError::Labels { expected: outputs, found: labels as u16 });
    }
    for list in [metadata.schema.names, metadata.schema.units] {
        let found = count(list);
        if !list.is_empty() && found != usize::from(metadata.inputs) {
            return Err(LoadError::InputNames { expected: metadata.inputs, found: found as u16 });
        }
    }
    if let FrontEnd::Uniform { gain, offset } = metadata.front_end
        && !(gain.is_finite() && offset.is_finite())
    {
        return Err(LoadError::NotFinite);
    }
    let scale = metadata.output.scale;
    if !(scale.is_finite() && scale > 0.0) {
        return Err(LoadError::NotFinite);
    }
    if !metadata.output.confidence.is_empty() || !metadata.output.abstain.is_empty() {
        return Err(LoadError::Reserved);
    }
    Ok(())
}

fn check_width(layer: u8, found: u16) -> Result<(), LoadError> {
    if found == 0 || found > MAX_WIDTH {
        return Err(LoadError::Width { layer, expected: MAX_WIDTH, found });
    }
    Ok(())
}

/// Lines of a list field, counted without overflow past what a width can be.
fn count(list: &str) -> usize {
    lines(list).take(usize::from(u16::MAX)).count()
}

fn check_tensors(file: &[u8], metadata: &Metadata<'_>, layout: Layout, tensors: &[u8]) -> Result<(), LoadError> {
    let mut expected = 0usize;
    let mut inputs = metadata.inputs;
    for layer in &metadata.layers {
        expected = expected.saturating_add(Layer::tensor_bytes(layer.kind, layout, inputs, layer.outputs));
        inputs = layer.outputs;
    }
    let gains = aligned(usize::from(metadata.inputs).saturating_mul(4));
    if metadata.front_end == FrontEnd::PerInput {
        expected = expected.saturating_add(gains).saturating_add(gains);
    }
    if expected != tensors.len() {
        return Err(LoadError::TensorLength { expected: expected as u32, found: tensors.len() as u32 });
    }
    let mut at = 0usize;
    for (index, layer) in (0u8..).zip(Layers::new(metadata, layout, tensors)) {
        check_layer(index, &layer)?;
        check_row_padding(file, &layer)?;
        let outputs = usize::from(layer.outputs);
        for bytes in [layer.weights.len(), outputs << 2, outputs << 2, outputs] {
            let end = at.saturating_add(aligned(bytes));
            check_padding(file, tensors.get(at.saturating_add(bytes)..end).unwrap_or_default())?;
            at = end;
        }
    }
    let front_end = tensors.get(at..).unwrap_or_default();
    let used = usize::from(metadata.inputs).saturating_mul(4);
    for part in front_end.chunks_exact(gains.max(1)) {
        let (values, padding) = part.split_at_checked(used).unwrap_or_default();
        if !values.as_chunks::<4>().0.iter().all(|&value| f32::from_le_bytes(value).is_finite()) {
            return Err(LoadError::NotFinite);
        }
        check_padding(file, padding)?;
    }
    Ok(())
}

/// Proves weights, multipliers and sums of one layer.
fn check_layer(index: u8, layer: &Layer<'_>) -> Result<(), LoadError> {
    for (unit, channel) in (0u16..).zip(layer.channels()) {
        if !channel.multiplier.is_valid() {
            return Err(LoadError::Multiplier { layer: index, unit });
        }
        let (positive, negative) =
            weight_sums(layer, usize::from(unit)).ok_or(LoadError::Weight { layer: index, unit })?;
        let (hi, lo) = match layer.kind {
            LayerKind::Dense => (reach(127, positive, 128, negative), reach(128, positive, 127, negative)),
            LayerKind::SparseInput => {
                let zero = i64::from(layer.input_zero_point);
                let (up, down) = (127i64.saturating_sub(zero), 128i64.saturating_add(zero));
                (reach(up, positive, down, negative), reach(down, positive, up, negative))
            }
        };
        // Every term's interval holds 0, so this bounds every partial sum in every order.
        let bias = i64::from(channel.bias);
        let fits = bias.max(0).saturating_add(hi) <= i64::from(i32::MAX)
            && bias.min(0).saturating_sub(lo) >= i64::from(i32::MIN);
        if !fits {
            return Err(LoadError::Accumulator { layer: index, unit });
        }
    }
    Ok(())
}

fn reach(a: i64, positive: u32, b: i64, negative: u32) -> i64 {
    a.saturating_mul(i64::from(positive)).saturating_add(b.saturating_mul(i64::from(negative)))
}

/// Sums of the positive and of the negated negative weights of one output; `None` at a weight of ±128.
fn weight_sums(layer: &Layer<'_>, unit: usize) -> Option<(u32, u32)> {
    let mut sums = (0u32, 0u32);
    for i in 0..usize::from(layer.inputs) {
        let weight = i32::from(layer.weight(unit, i));
        if weight.unsigned_abs() > 127 {
            return None;
        }
        sums.0 = sums.0.wrapping_add(weight.max(0) as u32);
        sums.1 = sums.1.wrapping_add(weight.wrapping_neg().max(0) as u32);
    }
    Some(sums)
}

/// The zeros that a layout puts at the end of a row, or of an input's run of outputs.
fn check_row_padding(file: &[u8], layer: &Layer<'_>) -> Result<(), LoadError> {
    let (inputs, outputs) = (usize::from(layer.inputs), usize::from(layer.outputs));
    let (rows, columns) = match layer.kind {
        LayerKind::Dense => (0..outputs, inputs..layer.layout.row_bytes(layer.inputs)),
        LayerKind::SparseInput => (outputs..layer.column_bytes(), 0..inputs),
    };
    for o in rows {
        for i in columns.clone() {
            if layer.weight(o, i) != 0 {
                let start = (layer.weights.as_ptr() as usize).wrapping_sub(file.as_ptr() as usize);
                return Err(LoadError::Padding { offset: start as u32 });
            }
        }
    }
    Ok(())
}

/// Padding must be zero, so that a file has one form only.
fn check_padding(file: &[u8], padding: &[u8]) -> Result<(), LoadError> {
    match padding.iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(position) => {
            let start = (padding.as_ptr() as usize).wrapping_sub(file.as_ptr() as usize);
            Err(LoadError::Padding { offset: start.wrapping_add(position) as u32 })
        }
    }
}
