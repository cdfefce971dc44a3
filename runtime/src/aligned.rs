//! Storage on the 16-byte boundary that a student file needs.

/// Puts a value on a 16-byte boundary.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Aligned<T: ?Sized>(pub T);

/// Bytes read at run time, on a 16-byte boundary.
#[cfg(feature = "std")]
#[derive(Clone, Debug, Default)]
pub struct AlignedBytes {
    blocks: std::vec::Vec<u128>,
    len: usize,
}

#[cfg(feature = "std")]
impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        let mut blocks = std::vec![0u128; bytes.len().div_ceil(16)];
        let room: &mut [u8] = bytemuck::must_cast_slice_mut(&mut blocks);
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self { blocks, len: bytes.len() }
    }
}

#[cfg(feature = "std")]
impl core::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let bytes: &[u8] = bytemuck::must_cast_slice(&self.blocks);
        bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(feature = "std")]
impl core::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(&mut self.blocks);
        bytes.get_mut(..self.len).unwrap_or_default()
    }
}
