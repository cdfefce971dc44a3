//! The fixed prefix and the seal.

use super::Layout;
use crc::Crc;

/// First four bytes of every student file.
pub const MAGIC: [u8; 4] = *b"EYAS";
/// The format version this runtime writes and reads.
pub const FORMAT_VERSION: u16 = 1;
/// Length of the prefix; the metadata follows it.
pub const PREFIX_BYTES: usize = 32;
/// Boundary on which the file and every tensor in it start.
pub const ALIGNMENT: usize = 16;
/// Length of the CRC-32C at the end.
pub const CRC_BYTES: usize = 4;
/// Flag bit of a signed file.
pub(super) const FLAG_SIGNED: u16 = 1;

/// CRC-32C (Castagnoli): finds every error of up to three bits in files below 256 MiB.
#[cfg(target_pointer_width = "64")]
pub const CRC: Crc<u32, crc::Table<16>> = Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
/// CRC-32C (Castagnoli), without a table: small cores have cycles to spare at load, not flash.
#[cfg(not(target_pointer_width = "64"))]
pub const CRC: Crc<u32, crc::NoTable> = Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISCSI);

/// CRC-32C of `bytes`.
#[must_use]
#[inline(never)]
pub fn checksum(bytes: &[u8]) -> u32 {
    #[cfg(target_pointer_width = "64")]
    {
        static TABLED: Crc<u32, crc::Table<16>> = CRC;
        TABLED.checksum(bytes)
    }
    #[cfg(not(target_pointer_width = "64"))]
    checksum_const(bytes)
}

/// [`checksum`] bit by bit, for constants and for small cores: they have cycles to spare at load, not flash.
#[inline(always)]
pub(crate) const fn checksum_const(bytes: &[u8]) -> u32 {
    let mut rest = bytes;
    let mut crc = u32::MAX;
    while let [byte, behind @ ..] = rest {
        crc ^= *byte as u32;
        let mut bit = 0u32;
        while bit < 8 {
            let carry = crc & 1 == 1;
            crc >>= 1;
            if carry {
                crc ^= 0x82f6_3b78;
            }
            bit = bit.wrapping_add(1);
        }
        rest = behind;
    }
    !crc
}

/// The fixed prefix: where the other sections lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Length of the whole file in bytes.
    pub total_bytes: u32,
    /// Length of the metadata in bytes; it starts behind the prefix.
    pub metadata_bytes: u32,
    /// Length of the tensors in bytes, a multiple of [`ALIGNMENT`].
    pub tensor_bytes: u32,
    /// Order of the weights.
    pub layout: Layout,
}

impl Prefix {
    /// The prefix of an unsigned file with these sections, as bytes.
    ///
    /// | offset | bytes | holds |
    /// |---|---|---|
    /// | 0 | 4 | `EYAS` |
    /// | 4 | 2 | format version |
    /// | 6 | 2 | flags: bit 0 signed, bits 8..16 [`Layout`] |
    /// | 8 | 4 | length of the file |
    /// | 12 | 4 | length of the metadata |
    /// | 16 | 4 | offset of the tensors |
    /// | 20 | 4 | length of the tensors |
    /// | 24 | 8 | zero |
    #[must_use]
    pub fn to_bytes(self) -> [u8; PREFIX_BYTES] {
        let mut bytes = [0; PREFIX_BYTES];
        let fields: [&[u8]; 7] = [
            &MAGIC,
            &FORMAT_VERSION.to_le_bytes(),
            &[0, self.layout as u8],
            &self.total_bytes.to_le_bytes(),
            &self.metadata_bytes.to_le_bytes(),
            &(self.tensors_offset() as u32).to_le_bytes(),
            &self.tensor_bytes.to_le_bytes(),
        ];
        for (to, from) in bytes.iter_mut().zip(fields.iter().flat_map(|field| field.iter())) {
            *to = *from;
        }
        bytes
    }

    /// Offset of the first tensor from the start of the file.
    #[must_use]
    pub const fn tensors_offset(self) -> usize {
        super::aligned(PREFIX_BYTES.saturating_add(self.metadata_bytes as usize))
    }
}

/// A file that is long enough, in parts.
pub(super) struct Parts<'a> {
    /// The prefix.
    pub words: &'a [u32; PREFIX_BYTES / 4],
    /// What lies between prefix and seal.
    pub sections: &'a [u8],
    /// Everything in front of the seal.
    pub sealed: &'a [u8],
    pub seal: &'a [u8; CRC_BYTES],
}

impl<'a> Parts<'a> {
    /// `None` for fewer bytes than the smallest file, or one that does not start on a word.
    #[inline(always)]
    pub fn of(file: &'a [u8]) -> Option<Self> {
        // First, so that there is one comparison for all.
        if file.len() < PREFIX_BYTES + CRC_BYTES {
            return None;
        }
        let (sealed, seal) = file.split_last_chunk()?;
        let (prefix, sections) = sealed.split_at_checked(PREFIX_BYTES)?;
        Some(Self { words: bytemuck::try_from_bytes(prefix).ok()?, sections, sealed, seal })
    }
}
