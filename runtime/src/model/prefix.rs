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
/// Length of the smallest file that can be checked.
pub(super) const SMALLEST_BYTES: usize = PREFIX_BYTES + CRC_BYTES;
/// Flag bit of a signed file.
pub(super) const FLAG_SIGNED: u16 = 1;

/// CRC-32C (Castagnoli): detects every error of up to three bits in files below 256 MiB.
#[cfg(target_pointer_width = "64")]
pub const CRC: Crc<u32, crc::Table<16>> = Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
/// CRC-32C (Castagnoli), without a table: small cores have cycles to spare at load, not flash.
#[cfg(not(target_pointer_width = "64"))]
pub const CRC: Crc<u32, crc::NoTable> = Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISCSI);

/// CRC-32C of `bytes`.
#[must_use]
#[inline(never)]
pub fn checksum(bytes: &[u8]) -> u32 {
    if cfg!(target_pointer_width = "64") { checksum_by_table(bytes) } else { checksum_by_bit(bytes) }
}

/// [`checksum`] with a table of 16 kB: on hosts, and in constants on every target, where the table stays out of the
/// program.
pub(super) const fn checksum_by_table(bytes: &[u8]) -> u32 {
    static TABLED: Crc<u32, crc::Table<16>> = Crc::<u32, crc::Table<16>>::new(&crc::CRC_32_ISCSI);
    TABLED.checksum(bytes)
}

/// [`checksum`] bit by bit: small cores have cycles to spare at load, not flash.
#[inline(always)]
fn checksum_by_bit(bytes: &[u8]) -> u32 {
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
    /// Length of the metadata in bytes; it starts after the prefix.
    pub metadata_bytes: u32,
    /// Length of the tensors in bytes, a multiple of [`ALIGNMENT`].
    pub tensor_bytes: u32,
    /// Order of the weights.
    pub layout: Layout,
}

impl Prefix {
    /// The prefix of an unsigned file with these sections, as bytes.
    ///
    /// | offset | bytes | contents |
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

/// The claims of a prefix of this version, not yet checked.
pub(super) struct Claims {
    flags: u16,
    pub total_bytes: u32,
    metadata_bytes: u32,
    tensors_offset: u32,
    tensor_bytes: u32,
    reserved: bool,
}

impl Claims {
    /// Reads the first [`PREFIX_BYTES`] of `start`.
    pub const fn of(start: &[u8]) -> Result<Self, LoadError> {
        let Some((prefix, _)) = start.split_first_chunk::<PREFIX_BYTES>() else {
            return Err(LoadError::Truncated { expected: PREFIX_BYTES as u32, found: start.len() as u32 });
        };
        let ([magic, kind, total_bytes, metadata_bytes, tensors_offset, tensor_bytes, reserved @ ..], _) =
            prefix.as_chunks::<4>()
        else {
            return Err(LoadError::NotAStudent);
        };
        if u32::from_le_bytes(*magic) != u32::from_le_bytes(MAGIC) {
            return Err(LoadError::NotAStudent);
        }
        let [v0, v1, f0, f1] = *kind;
        let version = u16::from_le_bytes([v0, v1]);
        if version != FORMAT_VERSION {
            return Err(LoadError::UnknownVersion { expected: FORMAT_VERSION, found: version });
        }
        Ok(Self {
            flags: u16::from_le_bytes([f0, f1]),
            total_bytes: u32::from_le_bytes(*total_bytes),
            metadata_bytes: u32::from_le_bytes(*metadata_bytes),
            tensors_offset: u32::from_le_bytes(*tensors_offset),
            tensor_bytes: u32::from_le_bytes(*tensor_bytes),
            reserved: !matches!(reserved, [[0, 0, 0, 0], [0, 0, 0, 0]]),
        })
    }

    /// The prefix, after checking that its flags are known and its sections fill the file.
    pub const fn check(&self) -> Result<Prefix, LoadError> {
        let &Self { flags, total_bytes, metadata_bytes, tensors_offset, tensor_bytes, reserved } = self;
        if flags & FLAG_SIGNED != 0 {
            return Err(LoadError::Signed);
        }
        let Some(layout) = Layout::from_number((flags >> 8) as u8) else {
            return Err(LoadError::UnknownFlags { found: flags });
        };
        if flags & 0xff != 0 || reserved {
            return Err(LoadError::UnknownFlags { found: flags });
        }
        // In 64 bits, since a prefix may claim anything.
        let metadata_end = (PREFIX_BYTES as u64).wrapping_add(metadata_bytes as u64);
        let tensors_end = (tensors_offset as u64).wrapping_add(tensor_bytes as u64);
        let is_next = tensors_offset as u64 == metadata_end.next_multiple_of(ALIGNMENT as u64);
        if !is_next || tensors_end.wrapping_add(CRC_BYTES as u64) != total_bytes as u64 {
            return Err(LoadError::Sections);
        }
        Ok(Prefix { total_bytes, metadata_bytes, tensor_bytes, layout })
    }
}

/// Length of the file that begins with `start`; see [`crate::Student::file_bytes`].
pub(crate) const fn file_bytes(start: &[u8]) -> Result<usize, LoadError> {
    let claims = match Claims::of(start) {
        Ok(claims) => claims,
        Err(error) => return Err(error),
    };
    match claims.check() {
        Ok(prefix) => Ok(prefix.total_bytes as usize),
        Err(error) => Err(error),
    }
}

/// The parts of a file that is long enough.
pub(super) struct Parts<'a> {
    /// The prefix.
    pub words: &'a [u32; PREFIX_BYTES / 4],
    /// The bytes between prefix and seal.
    pub sections: &'a [u8],
    /// All bytes before the seal.
    pub sealed: &'a [u8],
    pub seal: &'a [u8; CRC_BYTES],
}

impl<'a> Parts<'a> {
    /// # Errors
    /// Fewer bytes than the smallest file; then a misaligned start, since an empty slice has no meaningful address.
    #[inline(always)]
    pub fn of(file: &'a [u8]) -> Result<Self, LoadError> {
        let truncated = LoadError::Truncated { expected: SMALLEST_BYTES as u32, found: length(file) };
        // This comes first, so that one comparison serves all.
        if file.len() < SMALLEST_BYTES {
            return Err(truncated);
        }
        let remainder = (file.as_ptr().addr() % ALIGNMENT) as u8;
        if remainder != 0 {
            return Err(LoadError::Misaligned { remainder });
        }
        let (sealed, seal) = file.split_last_chunk().ok_or(truncated)?;
        let (prefix, sections) = sealed.split_at_checked(PREFIX_BYTES).ok_or(truncated)?;
        let words = bytemuck::try_from_bytes(prefix).map_err(|_| truncated)?;
        Ok(Self { words, sections, sealed, seal })
    }
}

/// The length of a file in the type of the errors.
pub(super) const fn length(file: &[u8]) -> u32 {
    if file.len() > u32::MAX as usize { u32::MAX } else { file.len() as u32 }
}
