//! Re-orders the weights of a whole file for one kernel family, and back: at compile time or on the host.

use super::costs::Cursor;
use super::layout::{Digit, Place};
use super::{ALIGNMENT, Layer, LayerKind, Layout, MAX_LAYERS, PREFIX_BYTES, aligned, checksum_const};

/// Length of `file` with its weights in the order of `layout`.
///
/// What cannot be re-ordered (a signed file, bytes that are no student file) keeps its length.
#[must_use]
pub const fn packed_bytes(file: &[u8], layout: Layout) -> usize {
    match walk(file, layout, None) {
        Some(bytes) => bytes,
        None => file.len(),
    }
}

/// Writes `file` to `out` with its weights in the order of `layout`, sealed.
///
/// Lossless: packing to any layout and back to the first gives the same bytes. What cannot be re-ordered is copied.
///
/// # Shapes
/// - `out`: as long as [`packed_bytes`] says
pub const fn pack_into(file: &[u8], layout: Layout, out: &mut [u8]) {
    let mut at = 0;
    while at < file.len() && at < out.len() {
        put(out, at, get(file, at));
        at = at.wrapping_add(1);
    }
    if walk(file, layout, None).is_some()
        && let Some(total) = walk(file, layout, Some(out))
    {
        let sealed = total.wrapping_sub(4);
        let seal = checksum_const(out.split_at(sealed).0);
        put_word(out, sealed, seal);
    }
}

/// Writes `file` again with its weights in the order of `layout`. Host only.
///
/// # Errors
/// Whatever [`crate::Student::load`] says of `file`.
#[cfg(feature = "std")]
pub fn pack(file: &[u8], layout: Layout) -> Result<std::vec::Vec<u8>, crate::LoadError> {
    crate::Student::load(&crate::AlignedBytes::from(file))?;
    let mut out = file.to_vec();
    if let Some(total) = walk(file, layout, None) {
        out.resize(total, 0);
        let _ = walk(file, layout, Some(&mut out));
        // By table, where a constant would go bit by bit.
        super::reseal(&mut out);
    }
    Ok(out)
}

/// Goes through the layers, writing all but the seal to `out` if there is one; the length of the result.
const fn walk(file: &[u8], to: Layout, mut out: Option<&mut [u8]>) -> Option<usize> {
    let Some((prefix, _)) = file.split_first_chunk::<PREFIX_BYTES>() else { return None };
    let [m0, m1, m2, m3, _, _, flags, from, _, _, _, _, _, _, _, _, o0, o1, o2, o3, ..] = *prefix;
    if u32::from_le_bytes([m0, m1, m2, m3]) != u32::from_le_bytes(super::MAGIC) || flags != 0 {
        return None;
    }
    let Some(from) = Layout::from_number(from) else { return None };
    if from as u8 == to as u8 {
        // In order already.
        return None;
    }
    let tensors_at = u32::from_le_bytes([o0, o1, o2, o3]) as usize;
    let mut cursor = Cursor { bytes: file, at: PREFIX_BYTES };
    let (Some(_task), Some(inputs), Some(_zero_point), Some(layers)) =
        (cursor.varint(), cursor.varint(), cursor.byte(), cursor.varint())
    else {
        return None;
    };
    if layers > MAX_LAYERS {
        return None;
    }
    let (mut read_at, mut write_at) = (tensors_at, tensors_at);
    let mut inputs = inputs as u16;
    let mut index = 0;
    while index < layers {
        let (Some(kind), Some(outputs), Some(_), Some(_), Some(_)) =
            (cursor.varint(), cursor.varint(), cursor.byte(), cursor.byte(), cursor.byte())
        else {
            return None;
        };
        let kind = if kind == LayerKind::SparseInput as usize { LayerKind::SparseInput } else { LayerKind::Dense };
        let outputs = outputs as u16;
        let read_bytes = aligned(Layer::bytes_of_weights(kind, from, inputs as usize, outputs as usize));
        let write_bytes = aligned(Layer::bytes_of_weights(kind, to, inputs as usize, outputs as usize));
        let parameters = Layer::parameter_bytes(outputs as usize);
        if let Some(out) = &mut out {
            fill(out, write_at, write_bytes);
            let mut o = 0;
            while o < outputs as usize {
                let mut i = 0;
                while i < inputs as usize {
                    let weight = read(file, read_at, place(kind, from, inputs, outputs, o, i));
                    write(out, write_at, place(kind, to, inputs, outputs, o, i), weight);
                    i = i.wrapping_add(1);
                }
                o = o.wrapping_add(1);
            }
            copy(file, read_at.wrapping_add(read_bytes), out, write_at.wrapping_add(write_bytes), parameters);
        }
        read_at = read_at.wrapping_add(read_bytes).wrapping_add(parameters);
        write_at = write_at.wrapping_add(write_bytes).wrapping_add(parameters);
        inputs = outputs;
        index = index.wrapping_add(1);
    }
    // Gains and offsets of a per-input front end.
    if read_at.wrapping_add(4) > file.len() {
        return None;
    }
    let rest = file.len().wrapping_sub(4).wrapping_sub(read_at);
    let sealed = write_at.wrapping_add(rest);
    let total = sealed.wrapping_add(4);
    if let Some(out) = &mut out {
        copy(file, read_at, out, write_at, rest);
        put(out, 7, to as u8);
        put_word(out, 8, total as u32);
        put_word(out, 20, sealed.wrapping_sub(tensors_at) as u32);
    }
    Some(total)
}

const fn place(kind: LayerKind, layout: Layout, inputs: u16, outputs: u16, o: usize, i: usize) -> Place {
    match kind {
        LayerKind::Dense => layout.place(inputs, outputs, o, i),
        LayerKind::SparseInput => {
            Place { at: i.wrapping_mul(layout.column_bytes(outputs)).wrapping_add(o), digit: Digit::Byte }
        }
    }
}

/// The weight at `place` behind `start`, as [`Place::read`].
const fn read(file: &[u8], start: usize, place: Place) -> i8 {
    let at = start.wrapping_add(place.at);
    let low = get(file, at) as i8;
    match place.digit {
        Digit::Byte | Digit::Low => low,
        // The low digit is signed; where it is negative the high byte is one less than its digit.
        Digit::High => (get(file, at.wrapping_add(1)) as i8).wrapping_add((low < 0) as i8),
    }
}

/// Adds `weight` at `place` behind `start`; every place is written once, on zeros.
const fn write(out: &mut [u8], start: usize, place: Place, weight: i8) {
    let at = start.wrapping_add(place.at);
    let factor = match place.digit {
        Digit::Byte => {
            put(out, at, weight as u8);
            return;
        }
        Digit::Low => 1,
        Digit::High => 256,
    };
    let next = at.wrapping_add(1);
    let word = i16::from_le_bytes([get(out, at), get(out, next)]);
    let [low, high] = word.wrapping_add((weight as i16).wrapping_mul(factor)).to_le_bytes();
    put(out, at, low);
    put(out, next, high);
}

const fn copy(from: &[u8], from_at: usize, out: &mut [u8], at: usize, bytes: usize) {
    let mut offset = 0;
    while offset < bytes {
        put(out, at.wrapping_add(offset), get(from, from_at.wrapping_add(offset)));
        offset = offset.wrapping_add(1);
    }
}

const fn fill(out: &mut [u8], at: usize, bytes: usize) {
    let mut offset = 0;
    while offset < bytes {
        put(out, at.wrapping_add(offset), 0);
        offset = offset.wrapping_add(1);
    }
}

const fn put_word(out: &mut [u8], at: usize, word: u32) {
    let bytes = word.to_le_bytes();
    copy(&bytes, 0, out, at, bytes.len());
}

#[allow(clippy::indexing_slicing, reason = "get is not const; the bound is checked in the same line")]
const fn get(bytes: &[u8], at: usize) -> u8 {
    if at < bytes.len() { bytes[at] } else { 0 }
}

#[allow(clippy::indexing_slicing, reason = "get_mut is not const; the bound is checked in the line above")]
const fn put(out: &mut [u8], at: usize, byte: u8) {
    if at < out.len() {
        out[at] = byte;
    }
}

const _: () = assert!(ALIGNMENT == 16, "tables of parameters start where the weights' padding ends");
