//! The order of the weights in a file: canonical, or packed for one kernel family.
//!
//! Every layout holds the same weights, one byte each, and packing is reversible. Dense layers of a packed
//! layout hold their rows in blocks of four; the last `outputs % 4` rows follow in row-major order. The inputs at a
//! row's end are padded with zeros to the layout's group.

use super::padded;
use crate::kernels::{Active, Kernels};

/// Rows of a block in every packed layout.
pub(crate) const BLOCK: usize = 4;

/// The order of the weights; one for the whole file, bits 8..16 of the prefix's flags.
///
/// Sparse-input layers are `[inputs][outputs]` everywhere; packed layouts pad each input's run of outputs with
/// zeros to a multiple of four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[repr(u8)]
pub enum Layout {
    /// Row-major `[outputs][inputs]`, no padding.
    Canonical = 0,
    /// Cortex-M4, M7, M33. Halfwords `256 · w[odd row] + w[even row]` of row pairs; a block holds, for each
    /// group of four inputs, the words (0, 2), (1, 3) of its first pair and then of its second.
    Pairs = 1,
    /// Cortex-M0+, M3. A block holds one word for each input: the halfwords of its two row pairs.
    Quads = 2,
    /// RV32IM. A block holds four bytes for each input, one for each row.
    Fours = 3,
    /// Helium, x86-64, aarch64. A block holds, for each group of sixteen inputs, sixteen bytes of each row.
    Lanes = 4,
}

/// Where a weight lies: a byte, or one signed digit of a halfword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Offset of the byte or of the halfword.
    pub at: usize,
    pub digit: Digit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digit {
    Byte,
    Low,
    High,
}

impl Layout {
    /// The layout of the kernels this build runs.
    pub const THIS: Self = <Active as Kernels>::LAYOUT;
    /// Every layout, by number.
    pub const ALL: [Self; 5] = [Self::Canonical, Self::Pairs, Self::Quads, Self::Fours, Self::Lanes];

    /// The layout with this number in the prefix.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Canonical),
            1 => Some(Self::Pairs),
            2 => Some(Self::Quads),
            3 => Some(Self::Fours),
            4 => Some(Self::Lanes),
            _ => None,
        }
    }

    /// The layout of a loaded file; with only one layout there is nothing to decide at run time.
    #[inline]
    pub(crate) const fn read(self) -> Self {
        if cfg!(feature = "every-layout") { self } else { Self::THIS }
    }

    /// A row of a dense layer is padded to a multiple of this many inputs, a power of two.
    pub(super) const fn row_group(self) -> usize {
        match self {
            Self::Canonical | Self::Quads | Self::Fours => 1,
            Self::Pairs => 4,
            Self::Lanes => 16,
        }
    }

    /// Bytes of one row of a dense layer, padding included.
    #[must_use]
    pub const fn row_bytes(self, inputs: u16) -> usize {
        padded(inputs as usize, self.row_group())
    }

    /// An input's run of a sparse-input layer is padded to a multiple of this many outputs.
    pub(super) const fn column_group(self) -> usize {
        match self {
            Self::Canonical => 1,
            _ => BLOCK,
        }
    }

    /// Bytes of one input's run of weights in a sparse-input layer, padding included.
    #[must_use]
    pub const fn column_bytes(self, outputs: u16) -> usize {
        padded(outputs as usize, self.column_group())
    }

    /// Where the weight of output `o` and input `i` of a dense layer lies.
    pub(crate) const fn place(self, inputs: u16, outputs: u16, o: usize, i: usize) -> Place {
        let row_bytes = self.row_bytes(inputs);
        let first = o & !(BLOCK - 1);
        let in_block = o & (BLOCK - 1);
        let block = first.wrapping_mul(row_bytes);
        if matches!(self, Self::Canonical) || first.wrapping_add(BLOCK) > outputs as usize {
            return Place { at: o.wrapping_mul(row_bytes).wrapping_add(i), digit: Digit::Byte };
        }
        let half = if o & 1 == 0 { Digit::Low } else { Digit::High };
        let (offset, digit) = match self {
            Self::Canonical => (0, Digit::Byte),
            Self::Pairs => ((i >> 2 << 4) | (in_block >> 1 << 3) | ((i & 1) << 2) | (i & 2), half),
            Self::Quads => ((i << 2) | (in_block & 2), half),
            Self::Fours => ((i << 2) | in_block, Digit::Byte),
            Self::Lanes => ((i >> 4 << 6) | (in_block << 4) | (i & 15), Digit::Byte),
        };
        Place { at: block.wrapping_add(offset), digit }
    }
}

impl Place {
    /// The weight at this place. Wider than a byte: a hostile halfword can hold the digit 128.
    pub(crate) fn read(self, weights: &[i8]) -> Option<i16> {
        let low = i16::from(*weights.get(self.at)?);
        if self.digit != Digit::High {
            return Some(low);
        }
        // The low digit is signed; if it is negative, the high byte is one less than its digit.
        let high = i16::from(*weights.get(self.at.wrapping_add(1))?);
        Some(high.wrapping_add(i16::from(low < 0)))
    }
}
