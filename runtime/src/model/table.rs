//! The table of layers, read in constants.

use super::{LayerKind, MAX_LAYERS};

/// Reads the layers of a file one after the other. Only what the types guarantee is checked.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    cursor: Cursor<'a>,
    /// Number of inputs.
    pub inputs: u16,
    /// Remaining layers.
    pub left: usize,
}

/// The table's entry for one layer.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub kind: LayerKind,
    pub outputs: u16,
    pub lo: i8,
    pub hi: i8,
}

impl<'a> Table<'a> {
    /// `None` if `metadata` ends too early or holds a number that is out of range.
    pub const fn of(metadata: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor { rest: metadata };
        let (Some(0 | 1), Some(inputs), Some(_zero_point), Some(layers)) =
            (cursor.varint(), cursor.varint(), cursor.byte(), cursor.varint())
        else {
            return None;
        };
        if layers as usize > MAX_LAYERS {
            return None;
        }
        Some(Self { cursor, inputs, left: layers as usize })
    }

    /// The next layer, which exists if [`Table::left`] is not 0 and the metadata is sound.
    pub const fn advance(&mut self) -> Option<Row> {
        let Some(left) = self.left.checked_sub(1) else { return None };
        let (Some(kind), Some(outputs), Some(_zero_point), Some(lo), Some(hi)) =
            (self.cursor.varint(), self.cursor.varint(), self.cursor.byte(), self.cursor.byte(), self.cursor.byte())
        else {
            return None;
        };
        self.left = left;
        let kind = match kind {
            0 => LayerKind::Dense,
            1 => LayerKind::SparseInput,
            _ => return None,
        };
        Some(Row { kind, outputs, lo: lo as i8, hi: hi as i8 })
    }

    /// Whether each input has its own gain and offset; call it after all layers have been read.
    pub const fn is_per_input(mut self) -> Option<bool> {
        match (self.cursor.varint(), self.cursor.varint()) {
            (Some(0 | 1), Some(front_end @ 0..=2)) => Some(front_end == 2),
            _ => None,
        }
    }
}

/// Reads postcard's numbers.
#[derive(Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    const fn byte(&mut self) -> Option<u8> {
        let [byte, rest @ ..] = self.rest else { return None };
        self.rest = rest;
        Some(*byte)
    }

    /// A `u16` varint: at most three bytes.
    const fn varint(&mut self) -> Option<u16> {
        let mut value = 0u32;
        let mut shift = 0u32;
        while shift < 21 {
            let Some(byte) = self.byte() else { return None };
            value |= ((byte & 0x7f) as u32).wrapping_shl(shift);
            if byte < 0x80 {
                return if value <= u16::MAX as u32 { Some(value as u16) } else { None };
            }
            shift = shift.wrapping_add(7);
        }
        None
    }
}
