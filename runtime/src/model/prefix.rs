//! The fixed prefix and the seal.

use super::Layout;
use crate::LoadError;
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
const FLAG_SIGNED: u16 = 1;

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
    static TABLED: Crc<u32, crc::Table<16>> = CRC;
    #[cfg(not(target_pointer_width = "64"))]
    const TABLED: Crc<u32, crc::NoTable> = CRC;
    TABLED.checksum(bytes)
}

/// [`checksum`] for constants, bit by bit.
pub(crate) const fn checksum_const(bytes: &[u8]) -> u32 {
    Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISCSI).checksum(bytes)
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

    /// Reads and checks the prefix against the length and the seal of the file.
    #[inline(never)]
    pub(crate) fn check(file: &[u8]) -> Result<Self, LoadError> {
        let smallest = LoadError::Truncated { expected: (PREFIX_BYTES + CRC_BYTES) as u32, found: length(file) };
        let prefix = file.first_chunk::<PREFIX_BYTES>().ok_or(smallest)?;
        let (body, seal) = file.split_last_chunk::<CRC_BYTES>().ok_or(smallest)?;
        let [
            m0,
            m1,
            m2,
            m3,
            v0,
            v1,
            f0,
            f1,
            t0,
            t1,
            t2,
            t3,
            d0,
            d1,
            d2,
            d3,
            o0,
            o1,
            o2,
            o3,
            l0,
            l1,
            l2,
            l3,
            reserved @ ..,
        ] = *prefix;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(LoadError::NotAStudent);
        }
        let version = u16::from_le_bytes([v0, v1]);
        if version != FORMAT_VERSION {
            return Err(LoadError::UnknownVersion { expected: FORMAT_VERSION, found: version });
        }
        let total_bytes = u32::from_le_bytes([t0, t1, t2, t3]);
        if total_bytes as usize != file.len() {
            return Err(LoadError::Length { expected: total_bytes, found: length(file) });
        }
        let stored = u32::from_le_bytes(*seal);
        let computed = checksum(body);
        if stored != computed {
            return Err(LoadError::Checksum { expected: computed, found: stored });
        }
        let flags = u16::from_le_bytes([f0, f1]);
        if flags & FLAG_SIGNED != 0 {
            return Err(LoadError::Signed);
        }
        let layout = Layout::from_number(f1).filter(|_| f0 == 0 && reserved == [0; 8]);
        let layout = layout.ok_or(LoadError::UnknownFlags { found: flags })?;
        let read = Self {
            total_bytes,
            metadata_bytes: u32::from_le_bytes([d0, d1, d2, d3]),
            tensor_bytes: u32::from_le_bytes([l0, l1, l2, l3]),
            layout,
        };
        let sections_end = read.tensors_offset().checked_add(read.tensor_bytes as usize);
        if u32::from_le_bytes([o0, o1, o2, o3]) as usize != read.tensors_offset() || sections_end != Some(body.len()) {
            return Err(LoadError::Sections);
        }
        Ok(read)
    }
}

/// A length as the number errors carry.
pub(crate) fn length<T>(slice: &[T]) -> u32 {
    u32::try_from(slice.len()).unwrap_or(u32::MAX)
}
