//! Storage on the 16-byte boundary that a student file needs.

/// Puts a value on a 16-byte boundary.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct Aligned<T: ?Sized>(pub T);

/// Bytes read at run time, on a 16-byte boundary; the tensors of a student file start on a 64-byte cache line.
#[cfg(feature = "std")]
#[derive(Clone, Debug, Default)]
pub struct AlignedBytes {
    lines: std::vec::Vec<Line>,
    /// Where the bytes start, a multiple of 16.
    start: usize,
    len: usize,
}

/// One cache line of hosts: a wide load of weights never crosses two.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

#[cfg(feature = "std")]
impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        // The prefix says where the tensors are; in any other file this number is meaningless.
        let tensors = bytes.get(16).map_or(0, |&low| usize::from(low));
        let start = 64usize.wrapping_sub(tensors) & 48;
        let lines = bytes.len().saturating_add(start).div_ceil(64);
        let mut aligned = Self { lines: std::vec![Line([0; 64]); lines], start, len: bytes.len() };
        for (to, from) in aligned.iter_mut().zip(bytes) {
            *to = *from;
        }
        aligned
    }
}

#[cfg(feature = "std")]
impl core::ops::Deref for AlignedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let bytes: &[u8] = bytemuck::must_cast_slice(&self.lines);
        bytes.get(self.start..self.start.wrapping_add(self.len)).unwrap_or_default()
    }
}

#[cfg(feature = "std")]
impl core::ops::DerefMut for AlignedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        let bytes: &mut [u8] = bytemuck::must_cast_slice_mut(&mut self.lines);
        bytes.get_mut(self.start..self.start.wrapping_add(self.len)).unwrap_or_default()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::AlignedBytes;

    #[test]
    fn the_tensors_start_on_a_cache_line() {
        for tensors in (32u8..=255).step_by(16) {
            let mut bytes = [7u8; 300];
            bytes[16] = tensors;
            let mut aligned = AlignedBytes::from(&bytes[..]);
            assert_eq!(*aligned, bytes);
            assert_eq!(aligned.as_ptr() as usize % 16, 0);
            assert_eq!((aligned.as_ptr() as usize + usize::from(tensors)) % 64, 0);
            aligned[299] = 8;
            assert_eq!(aligned.last(), Some(&8));
        }
        assert!(AlignedBytes::from(&[][..]).is_empty());
    }
}
