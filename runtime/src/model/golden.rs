//! Golden vectors: recorded inputs with the integers of every layer.
//!
//! Each vector is one coding byte, the input, then the outputs of every layer, first to last:
//!
//! | coding | input |
//! |---|---|
//! | 0 | one `i8` for each input |
//! | 1 | `u16` count, then for each input that differs from the input zero point its `u16` index, ascending, and its `i8` |
//!
//! Coding 1 is used if and only if it is shorter.

use super::reader::Reader;

const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Bytes of one sparse entry.
const ENTRY: usize = 3;

/// The golden vectors of a file, in order.
#[derive(Clone, Debug)]
pub struct GoldenVectors<'a> {
    reader: Reader<'a>,
    inputs: usize,
    outputs: usize,
    zero_point: i8,
}

impl<'a> GoldenVectors<'a> {
    /// For a student with this many inputs, and this many outputs over all layers.
    pub(crate) const fn new(bytes: &'a [u8], inputs: usize, outputs: usize, zero_point: i8) -> Self {
        Self { reader: Reader::new(bytes), inputs, outputs, zero_point }
    }

    /// Whether every byte belongs to a vector in its one valid coding.
    #[inline(always)]
    pub(crate) fn are_valid(&mut self) -> bool {
        while self.advance(&mut []).is_some() {}
        !self.reader.broken
    }

    /// Writes the next input into `x` and returns the outputs of all layers, one after the other. `None` at the end or at
    /// the first vector that is not in its one valid coding.
    ///
    /// # Shapes
    /// - `x`: `[inputs]`; a shorter slice receives only what fits
    #[inline(never)]
    pub fn advance(&mut self, x: &mut [i8]) -> Option<&'a [i8]> {
        let reader = &mut self.reader;
        if reader.rest.is_empty() {
            return None;
        }
        let (mut present, mut values, mut list): (_, &[i8], &[u8]) = (0usize, &[], &[]);
        let coding = reader.byte();
        if coding == DENSE {
            values = bytemuck::must_cast_slice(reader.take(self.inputs));
        } else {
            let count = if let [low, high] = *reader.take(2) { u16::from_le_bytes([low, high]) } else { 0 };
            present = count.into();
            list = reader.take(present.wrapping_mul(ENTRY));
        }
        for (index, to) in x.iter_mut().enumerate() {
            *to = values.get(index).copied().unwrap_or(self.zero_point);
        }
        for &value in values {
            present = present.wrapping_add(usize::from(value != self.zero_point));
        }
        let mut smallest = 0usize;
        for (index, value) in entries(list) {
            if index < smallest || index >= self.inputs || value == self.zero_point {
                reader.broken = true;
            }
            smallest = index.wrapping_add(1);
            if let Some(to) = x.get_mut(index) {
                *to = value;
            }
        }
        let outputs = bytemuck::must_cast_slice(reader.take(self.outputs));
        let shorter = if sparse_is_shorter(present, self.inputs) { SPARSE } else { DENSE };
        if coding != shorter {
            reader.broken = true;
        }
        (!reader.broken).then_some(outputs)
    }

    /// Number of remaining vectors.
    #[must_use]
    pub fn count(mut self) -> usize {
        let mut vectors = 0usize;
        while self.advance(&mut []).is_some() {
            vectors = vectors.wrapping_add(1);
        }
        vectors
    }
}

impl GoldenVectors<'_> {
    /// Appends the coded form of `x`, the shorter of the two codings.
    ///
    /// `push` receives the bytes in order; the trainer collects them, the loader never calls this.
    pub fn encode_input(x: &[i8], zero_point: i8, mut push: impl FnMut(u8)) {
        let present = || x.iter().enumerate().filter(|&(_, &value)| value != zero_point);
        let count = present().count();
        if sparse_is_shorter(count, x.len()) {
            push(SPARSE);
            (count as u16).to_le_bytes().into_iter().for_each(&mut push);
            for (index, &value) in present() {
                (index as u16).to_le_bytes().into_iter().for_each(&mut push);
                push(value as u8);
            }
        } else {
            push(DENSE);
            x.iter().for_each(|&value| push(value as u8));
        }
    }
}

/// Index and value of each whole entry in `list`. Splits entry by entry, since a division by three is slow on small
/// cores.
fn entries(mut list: &[u8]) -> impl Iterator<Item = (usize, i8)> {
    core::iter::from_fn(move || {
        let (&[low, high, value], rest) = list.split_first_chunk::<ENTRY>()?;
        list = rest;
        Some((u16::from_le_bytes([low, high]).into(), value as i8))
    })
}

const fn sparse_is_shorter(count: usize, inputs: usize) -> bool {
    // Neither is above 65535.
    count.wrapping_mul(ENTRY).wrapping_add(2) < inputs
}
