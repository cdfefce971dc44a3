//! Golden vectors: recorded inputs with the integers of every layer.
//!
//! Each vector is one coding byte, the input, then the outputs of every layer, first to last:
//!
//! | coding | input |
//! |---|---|
//! | 0 | one `i8` for each input |
//! | 1 | `u16` count, then for each input that differs from the input zero point its `u16` index, ascending, and its `i8` |
//!
//! Coding 1 is used exactly where it is shorter.

use super::reader::Reader;

const DENSE: u8 = 0;
const SPARSE: u8 = 1;
/// Bytes of one sparse entry.
const ENTRY: usize = 3;

/// One recorded input and the integers of every layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoldenVector<'a> {
    /// The input.
    pub input: GoldenInput<'a>,
    /// The outputs of all layers, one after the other.
    pub outputs: &'a [i8],
}

/// A recorded input in its coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoldenInput<'a> {
    /// Every input.
    Dense(&'a [i8]),
    /// Index (two bytes, little-endian) and value of each input that differs from the zero point.
    Sparse(&'a [[u8; ENTRY]]),
}

impl GoldenInput<'_> {
    /// Writes the input into `x`, whose length is the student's number of inputs.
    pub fn expand(&self, x: &mut [i8], zero_point: i8) {
        let (values, entries): (&[i8], &[[u8; ENTRY]]) = match *self {
            Self::Dense(values) => (values, &[]),
            Self::Sparse(entries) => (&[], entries),
        };
        for (index, to) in x.iter_mut().enumerate() {
            *to = values.get(index).copied().unwrap_or(zero_point);
        }
        for &[low, high, value] in entries {
            if let Some(to) = x.get_mut(usize::from(u16::from_le_bytes([low, high]))) {
                *to = value as i8;
            }
        }
    }

    /// Appends the coded form of `x`, the shorter of the two codings.
    ///
    /// `push` receives the bytes in order; the trainer collects them, the loader never calls this.
    pub fn encode(x: &[i8], zero_point: i8, mut push: impl FnMut(u8)) {
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

const fn sparse_is_shorter(count: usize, inputs: usize) -> bool {
    // Neither is above 65535.
    count.wrapping_mul(ENTRY).wrapping_add(2) < inputs
}

/// The golden vectors of a file, in order.
#[derive(Clone, Debug)]
pub struct GoldenVectors<'a> {
    reader: Reader<'a>,
    inputs: usize,
    outputs: usize,
    zero_point: i8,
}

impl<'a> GoldenVectors<'a> {
    /// Of a student with this many inputs, and outputs of all layers together.
    pub(crate) const fn new(bytes: &'a [u8], inputs: usize, outputs: usize, zero_point: i8) -> Self {
        Self { reader: Reader::new(bytes), inputs, outputs, zero_point }
    }

    /// Whether every byte belongs to a vector in its one valid coding.
    pub(crate) fn are_valid(&mut self) -> bool {
        while self.next().is_some() {}
        !self.reader.broken
    }

    /// The next input, and whether it is in its one valid coding.
    fn input(&mut self) -> (GoldenInput<'a>, bool) {
        match self.reader.byte() {
            DENSE => {
                let values: &[i8] = bytemuck::must_cast_slice(self.reader.take(self.inputs));
                let present = values.iter().filter(|&&value| value != self.zero_point).count();
                (GoldenInput::Dense(values), !sparse_is_shorter(present, self.inputs))
            }
            coding => {
                let [low, high] = [self.reader.byte(), self.reader.byte()];
                let count = usize::from(u16::from_le_bytes([low, high]));
                let entries = self.reader.take(count.wrapping_mul(ENTRY)).as_chunks().0;
                let mut next = 0usize;
                let ascending = entries.iter().all(|&[low, high, value]| {
                    let index = usize::from(u16::from_le_bytes([low, high]));
                    let fits = index >= next && index < self.inputs && value as i8 != self.zero_point;
                    next = index.saturating_add(1);
                    fits
                });
                let valid = coding == SPARSE && ascending && sparse_is_shorter(count, self.inputs);
                (GoldenInput::Sparse(entries), valid)
            }
        }
    }
}

impl<'a> Iterator for GoldenVectors<'a> {
    type Item = GoldenVector<'a>;

    /// `None` at the end or at the first malformed vector.
    #[inline(never)]
    fn next(&mut self) -> Option<GoldenVector<'a>> {
        if self.reader.rest.is_empty() {
            return None;
        }
        let (input, valid) = self.input();
        let outputs = bytemuck::must_cast_slice(self.reader.take(self.outputs));
        self.reader.broken |= !valid;
        (!self.reader.broken).then_some(GoldenVector { input, outputs })
    }
}
