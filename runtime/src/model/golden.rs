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

use super::metadata::Metadata;

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
        match *self {
            Self::Dense(values) => {
                for (to, from) in x.iter_mut().zip(values) {
                    *to = *from;
                }
            }
            Self::Sparse(entries) => {
                x.fill(zero_point);
                for &[low, high, value] in entries {
                    if let Some(to) = x.get_mut(usize::from(u16::from_le_bytes([low, high]))) {
                        *to = value as i8;
                    }
                }
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
    count.saturating_mul(ENTRY).saturating_add(2) < inputs
}

/// The golden vectors of a file, in order.
#[derive(Clone, Copy, Debug)]
pub struct GoldenVectors<'a> {
    bytes: &'a [u8],
    inputs: usize,
    outputs: usize,
    zero_point: i8,
}

impl<'a> GoldenVectors<'a> {
    pub(crate) fn new(metadata: &Metadata<'a>) -> Self {
        Self {
            bytes: metadata.golden,
            inputs: usize::from(metadata.inputs),
            outputs: metadata.layers.iter().map(|layer| usize::from(layer.outputs)).sum(),
            zero_point: metadata.input_zero_point,
        }
    }

    /// Whether every byte belongs to a vector in its one valid coding.
    pub(crate) fn are_valid(mut self) -> bool {
        while let Some(vector) = self.next() {
            let GoldenInput::Sparse(entries) = vector.input else { continue };
            let mut next = 0u32;
            for &[low, high, value] in entries {
                let index = u32::from(u16::from_le_bytes([low, high]));
                if index < next || index as usize >= self.inputs || value as i8 == self.zero_point {
                    return false;
                }
                next = index.saturating_add(1);
            }
        }
        self.bytes.is_empty()
    }

    /// Cuts one vector off the front; `None` at the end or at the first malformed one.
    fn cut(&mut self) -> Option<GoldenVector<'a>> {
        let (&coding, rest) = self.bytes.split_first()?;
        let (input, rest) = match coding {
            DENSE => {
                let (values, rest) = rest.split_at_checked(self.inputs)?;
                let values: &[i8] = bytemuck::must_cast_slice(values);
                let present = values.iter().filter(|&&value| value != self.zero_point).count();
                if sparse_is_shorter(present, self.inputs) {
                    return None;
                }
                (GoldenInput::Dense(values), rest)
            }
            SPARSE => {
                let (&count, rest) = rest.split_first_chunk::<2>()?;
                let count = usize::from(u16::from_le_bytes(count));
                if !sparse_is_shorter(count, self.inputs) {
                    return None;
                }
                let (entries, rest) = rest.split_at_checked(count.saturating_mul(ENTRY))?;
                (GoldenInput::Sparse(entries.as_chunks().0), rest)
            }
            _ => return None,
        };
        let (outputs, rest) = rest.split_at_checked(self.outputs)?;
        self.bytes = rest;
        Some(GoldenVector { input, outputs: bytemuck::must_cast_slice(outputs) })
    }
}

impl<'a> Iterator for GoldenVectors<'a> {
    type Item = GoldenVector<'a>;

    fn next(&mut self) -> Option<GoldenVector<'a>> {
        self.cut()
    }
}
