//! FlatBuffers, read in place: every offset is checked before it is followed; nothing is copied or trusted.

use crate::import::ImportError;

/// Longest list of tensors or dimensions; many operators may point to one list.
const MAX_WORDS: usize = 64;

/// A table and its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Start of its list of field offsets, and that list's length in bytes.
    fields: (usize, usize),
}

/// The elements of a vector, each of `N` bytes.
pub(super) type Elements<'a, const N: usize> = &'a [[u8; N]];

impl<'a> Table<'a> {
    /// The table that byte 0 points to.
    pub fn root(bytes: &'a [u8]) -> Result<Self, ImportError> {
        Self::new(bytes, follow(bytes, 0)?)
    }

    fn new(bytes: &'a [u8], at: usize) -> Result<Self, ImportError> {
        let back = i32::from_le_bytes(take(bytes, at)?);
        let fields = i64::try_from(at).ok().map(|at| at - i64::from(back)).and_then(|at| usize::try_from(at).ok());
        let fields = fields.ok_or_else(|| damaged(at))?;
        let length = usize::from(u16::from_le_bytes(take(bytes, fields)?));
        Ok(Self { bytes, at, fields: (fields, length) })
    }

    /// The position of field `slot`; `None` if it has its default.
    fn field(&self, slot: usize) -> Result<Option<usize>, ImportError> {
        let entry = 4 + 2 * slot;
        if entry + 2 > self.fields.1 {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(take(self.bytes, self.fields.0.saturating_add(entry))?));
        Ok((offset != 0).then(|| self.at.saturating_add(offset)))
    }

    /// The bytes of a scalar field.
    pub fn scalar<const N: usize>(&self, slot: usize, default: [u8; N]) -> Result<[u8; N], ImportError> {
        self.field(slot)?.map_or(Ok(default), |at| take(self.bytes, at))
    }

    /// A byte field; 0 by default.
    pub fn byte(&self, slot: usize) -> Result<u8, ImportError> {
        self.scalar(slot, [0]).map(|[byte]| byte)
    }

    /// A 32-bit field; 0 by default.
    pub fn word(&self, slot: usize) -> Result<i32, ImportError> {
        self.scalar(slot, [0; 4]).map(i32::from_le_bytes)
    }

    /// A table field.
    pub fn table(&self, slot: usize) -> Result<Option<Self>, ImportError> {
        self.field(slot)?.map(|at| Self::new(self.bytes, follow(self.bytes, at)?)).transpose()
    }

    /// A vector of scalars of `N` bytes; empty by default.
    pub fn vector<const N: usize>(&self, slot: usize) -> Result<Elements<'a, N>, ImportError> {
        self.elements(slot).map(|(_, elements)| elements)
    }

    /// A vector of at most [`MAX_WORDS`] 32-bit integers.
    pub fn words(&self, slot: usize) -> Result<Vec<i32>, ImportError> {
        if self.vector::<4>(slot)?.len() > MAX_WORDS {
            return Err(damaged(self.at));
        }
        Ok(self.vector::<4>(slot)?.iter().map(|&word| i32::from_le_bytes(word)).collect())
    }

    /// A vector of tables.
    pub fn tables(&self, slot: usize) -> Result<Vec<Self>, ImportError> {
        let (start, offsets) = self.elements::<4>(slot)?;
        (0..offsets.len()).map(|index| Self::new(self.bytes, follow(self.bytes, start + 4 * index)?)).collect()
    }

    /// A text field; empty by default, and if it is not UTF-8.
    pub fn text(&self, slot: usize) -> Result<&'a str, ImportError> {
        let bytes = self.vector::<1>(slot)?.as_flattened();
        Ok(std::str::from_utf8(bytes).unwrap_or_default())
    }

    fn elements<const N: usize>(&self, slot: usize) -> Result<(usize, Elements<'a, N>), ImportError> {
        let Some(at) = self.field(slot)? else { return Ok((0, &[])) };
        let at = follow(self.bytes, at)?;
        let count = u32::from_le_bytes(take(self.bytes, at)?) as usize;
        let start = at.saturating_add(4);
        let end = start.saturating_add(count.saturating_mul(N));
        let bytes = self.bytes.get(start..end).ok_or_else(|| damaged(at))?;
        Ok((start, bytes.as_chunks::<N>().0))
    }
}

/// The position that the offset at `at` points to.
fn follow(bytes: &[u8], at: usize) -> Result<usize, ImportError> {
    let offset = u32::from_le_bytes(take(bytes, at)?) as usize;
    let target = at.saturating_add(offset);
    if target < bytes.len() { Ok(target) } else { Err(damaged(at)) }
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], ImportError> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(|| damaged(at))
}

fn damaged(at: usize) -> ImportError {
    ImportError::Damaged {
        format: "TFLite",
        place: format!("byte {at}"),
        expected: "an offset or a list inside the file".into(),
    }
}
