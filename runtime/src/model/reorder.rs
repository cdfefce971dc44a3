//! The weights of one layer in another order, usable in constants.
//!
//! In constants, a call costs more than everything else done for a weight, and a student has hundreds of thousands of
//! weights, so the innermost loop, [`Group::rewrite`], calls nothing. It receives the places of the weights, which
//! [`Layout::place`] computes once for each row of a block.

use super::layout::{Digit, Place};
use super::{BLOCK, Layer, LayerKind, Layout, aligned};
use crate::LoadError;

/// Where the weights of a layer lie in a file, and in which order.
#[derive(Clone, Copy)]
pub(super) struct Section {
    pub at: usize,
    pub layout: Layout,
}

/// The shape of a layer's weights.
#[derive(Clone, Copy)]
pub(super) struct Weights {
    pub kind: LayerKind,
    pub inputs: u16,
    pub outputs: u16,
    /// The index of the layer, for errors.
    pub index: u8,
}

/// A run of weights is a row of a dense layer, or the outputs of one input of a sparse-input layer.
impl Weights {
    /// Bytes up to the next tensor.
    pub const fn bytes(self, layout: Layout) -> usize {
        aligned(self.unpadded_bytes(layout))
    }

    const fn unpadded_bytes(self, layout: Layout) -> usize {
        Layer::bytes_of_weights(self.kind, layout, self.inputs as usize, self.outputs as usize)
    }

    /// Number of runs, weights in each, and weights in each with its padding.
    const fn runs(self, layout: Layout) -> (usize, usize, usize) {
        let (inputs, outputs) = (self.inputs as usize, self.outputs as usize);
        match self.kind {
            LayerKind::Dense => (outputs, inputs, layout.row_bytes(self.inputs)),
            LayerKind::SparseInput => (inputs, outputs, layout.column_bytes(self.outputs)),
        }
    }

    const fn place(self, layout: Layout, run: usize, position: usize) -> Place {
        match self.kind {
            LayerKind::Dense => layout.place(self.inputs, self.outputs, run, position),
            LayerKind::SparseInput => {
                let at = run.wrapping_mul(layout.column_bytes(self.outputs)).wrapping_add(position);
                Place { at, digit: Digit::Byte }
            }
        }
    }

    /// Writes the weights in another order. Padding, which is not copied, must be zero, and digits must be weights: the
    /// same checks as in `load`, so that packing never repairs a fault.
    pub const fn rewrite(self, file: &[u8], from: Section, out: &mut [u8], into: Section) -> Result<(), LoadError> {
        fill(out, into.at, self.bytes(into.layout));
        let (runs, width, padded_width) = self.runs(from.layout);
        let mut block = [Group::EMPTY; BLOCK];
        let mut run = 0;
        while run < runs {
            // All blocks are alike; the last rows, which form no block, differ.
            let row = run & (BLOCK - 1);
            if run < BLOCK || run | (BLOCK - 1) >= runs {
                put(&mut block, row, Group::of(self, run, from.layout, into.layout));
            }
            let mut group = get(&block, row, Group::EMPTY);
            let mut read_at = from.at.wrapping_add(self.place(from.layout, run, 0).at);
            let mut write_at = into.at.wrapping_add(self.place(into.layout, run, 0).at);
            let mut position = 0usize;
            while position < width {
                group.count = width.wrapping_sub(position);
                if let Err(step) = group.rewrite(behind(file, read_at), behind_mut(out, write_at)) {
                    let unit = match self.kind {
                        LayerKind::Dense => run,
                        LayerKind::SparseInput => position.wrapping_add(step),
                    };
                    return Err(LoadError::Weight { layer: self.index, unit: unit as u16 });
                }
                read_at = read_at.wrapping_add(group.read_stride);
                write_at = write_at.wrapping_add(group.write_stride);
                position = position.wrapping_add(GROUP);
            }
            let mut position = width;
            while position < padded_width {
                let Place { at, digit } = self.place(from.layout, run, position);
                let byte = at.wrapping_add(matches!(digit, Digit::High) as usize);
                if get(file, from.at.wrapping_add(byte), 0) != 0 {
                    return Err(LoadError::Padding { offset: from.at as u32 });
                }
                position = position.wrapping_add(1);
            }
            run = run.wrapping_add(1);
        }
        let end = from.at.wrapping_add(self.bytes(from.layout));
        let mut at = from.at.wrapping_add(self.unpadded_bytes(from.layout));
        while at < end {
            if get(file, at, 0) != 0 {
                return Err(LoadError::Padding { offset: at as u32 });
            }
            at = at.wrapping_add(1);
        }
        Ok(())
    }
}

/// Number of weights after which the places repeat in every layout, one stride further on.
const GROUP: usize = 16;

/// How weights of one row in each block are read and written, sixteen at a time.
#[derive(Clone, Copy)]
struct Group {
    /// Offsets from the first weight of the group, read and written.
    steps: [(usize, usize); GROUP],
    read_digit: Digit,
    write_digit: Digit,
    read_stride: usize,
    write_stride: usize,
    /// Remaining weights of the run.
    count: usize,
}

impl Group {
    const EMPTY: Self = Self {
        steps: [(0, 0); GROUP],
        read_digit: Digit::Byte,
        write_digit: Digit::Byte,
        read_stride: 0,
        write_stride: 0,
        count: 0,
    };

    const fn of(weights: Weights, run: usize, from: Layout, into: Layout) -> Self {
        let (read, write) = (weights.place(from, run, 0), weights.place(into, run, 0));
        let mut group = Self { read_digit: read.digit, write_digit: write.digit, ..Self::EMPTY };
        let mut step = 0usize;
        while step <= GROUP {
            let read_at = weights.place(from, run, step).at.wrapping_sub(read.at);
            let write_at = weights.place(into, run, step).at.wrapping_sub(write.at);
            if step < GROUP {
                put(&mut group.steps, step, (read_at, write_at));
            } else {
                (group.read_stride, group.write_stride) = (read_at, write_at);
            }
            step = step.wrapping_add(1);
        }
        group
    }

    /// Reads from the start of `from` and writes to the start of `into`; returns the step that met an invalid weight.
    #[allow(clippy::indexing_slicing, reason = "get is not const, and a call each; the bounds are checked above")]
    const fn rewrite(&self, from: &[u8], into: &mut [u8]) -> Result<(), usize> {
        let (readable, writable) = (from.len(), into.len());
        let (reads_high, writes_byte) =
            (matches!(self.read_digit, Digit::High), matches!(self.write_digit, Digit::Byte));
        let writes_low = matches!(self.write_digit, Digit::Low);
        let count = if self.count < GROUP { self.count } else { GROUP };
        let mut steps = self.steps.split_at(count).0;
        while let [(read_at, write_at), rest @ ..] = steps {
            // Halfwords lie on even offsets.
            let (low, high) = (*write_at, *write_at | 1);
            if *read_at | 1 >= readable || high >= writable {
                break;
            }
            let mut weight = from[*read_at] as i8 as i16;
            if reads_high {
                // The low digit is signed; if it is negative, the high byte is one less than its digit.
                let below = weight < 0;
                weight = from[*read_at | 1] as i8 as i16;
                if below {
                    weight = weight.wrapping_add(1);
                }
            }
            if weight < -127 || weight > 127 {
                return Err(count.wrapping_sub(steps.len()));
            }
            if writes_byte {
                into[low] = weight as u8;
            } else if writes_low {
                into[low] = weight as u8;
                into[high] = if weight < 0 { 0xff } else { 0 };
            } else {
                // The row with the low digits was written before.
                into[high] = if into[low] < 0x80 { weight as u8 } else { weight.wrapping_sub(1) as u8 };
            }
            steps = rest;
        }
        Ok(())
    }
}

/// Sets up to `bytes` bytes to zero, as many as exist.
const fn fill(out: &mut [u8], at: usize, bytes: usize) {
    if let Some((mut rest, _)) = behind_mut(out, at).split_at_mut_checked(bytes) {
        while let [byte, behind @ ..] = rest {
            *byte = 0;
            rest = behind;
        }
    }
}

const fn behind(bytes: &[u8], at: usize) -> &[u8] {
    match bytes.split_at_checked(at) {
        Some((_, behind)) => behind,
        None => &[],
    }
}

const fn behind_mut(bytes: &mut [u8], at: usize) -> &mut [u8] {
    match bytes.split_at_mut_checked(at) {
        Some((_, behind)) => behind,
        None => &mut [],
    }
}

#[allow(clippy::indexing_slicing, reason = "get is not const; the bound is checked in the same line")]
const fn get<T: Copy>(slice: &[T], at: usize, otherwise: T) -> T {
    if at < slice.len() { slice[at] } else { otherwise }
}

#[allow(clippy::indexing_slicing, reason = "get_mut is not const; the bound is checked in the line above")]
const fn put<T: Copy>(slice: &mut [T], at: usize, value: T) {
    if at < slice.len() {
        slice[at] = value;
    }
}
