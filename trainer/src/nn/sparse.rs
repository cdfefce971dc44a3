//! Sparse matrices of the float trainer: CSR over `u32` indices, and the product with a dense block.
//!
//! The product is the inner loop of the first layer (the words of a node) and of every propagation step (the neighbours
//! of a node). It walks the dense operand in column blocks small enough to stay in the second-level cache and sums each
//! output block in registers.

use std::sync::Arc;

use multiversion::multiversion;
use sprs::CsMat;

/// CSR matrix [rows x columns]; copies that differ only in values share the structure.
#[derive(Clone, Debug)]
pub(crate) struct Csr {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) starts: Arc<[u32]>,
    pub(crate) indices: Arc<[u32]>,
    pub(crate) values: Arc<[f32]>,
}

impl Csr {
    /// Copies a sprs matrix of either storage order.
    pub(crate) fn from_sprs(matrix: &CsMat<f32>) -> Self {
        let rows = matrix.to_csr();
        Csr {
            rows: rows.rows(),
            columns: rows.cols(),
            starts: rows.indptr().raw_storage().iter().map(|&at| at as u32).collect(),
            indices: rows.indices().iter().map(|&at| at as u32).collect(),
            values: rows.data().into(),
        }
    }

    /// Number of stored elements.
    pub(crate) fn stored(&self) -> usize {
        self.indices.len()
    }

    /// The range of stored elements of row `row`.
    pub(crate) fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.starts[row] as usize..self.starts[row + 1] as usize
    }

    /// The same structure with other values (one per stored element, in the same order).
    pub(crate) fn with_values(&self, values: Arc<[f32]>) -> Self {
        debug_assert_eq!(values.len(), self.stored());
        Csr { values, ..self.clone() }
    }

    /// The listed rows in the listed order.
    pub(crate) fn select_rows(&self, rows: &[usize]) -> Self {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        starts.push(0);
        for &row in rows {
            indices.extend_from_slice(&self.indices[self.row(row)]);
            values.extend_from_slice(&self.values[self.row(row)]);
            starts.push(indices.len() as u32);
        }
        Csr {
            rows: rows.len(),
            columns: self.columns,
            starts: starts.into(),
            indices: indices.into(),
            values: values.into(),
        }
    }

    /// The non-empty columns, ascending, which a product with this matrix reads.
    pub(crate) fn used_columns(&self) -> Vec<usize> {
        let mut used = vec![false; self.columns];
        for &column in self.indices.iter() {
            used[column as usize] = true;
        }
        (0..self.columns).filter(|&column| used[column]).collect()
    }

    /// Renumbers the columns so that `kept[k]` becomes `k`; every stored column must be in `kept`.
    pub(crate) fn renumber_columns(&self, kept: &[usize]) -> Self {
        let mut place = vec![0u32; self.columns];
        for (new, &old) in kept.iter().enumerate() {
            place[old] = new as u32;
        }
        Csr {
            columns: kept.len(),
            indices: self.indices.iter().map(|&column| place[column as usize]).collect(),
            ..self.clone()
        }
    }

    /// The transpose, and for each of its stored elements the position of its origin.
    pub(crate) fn transposed(&self) -> (Self, Arc<[u32]>) {
        let mut starts = vec![0u32; self.columns + 1];
        for &column in self.indices.iter() {
            starts[column as usize + 1] += 1;
        }
        for column in 0..self.columns {
            starts[column + 1] += starts[column];
        }
        let mut next = starts.clone();
        let mut indices = vec![0u32; self.stored()];
        let mut order = vec![0u32; self.stored()];
        for row in 0..self.rows {
            for at in self.row(row) {
                let slot = &mut next[self.indices[at] as usize];
                indices[*slot as usize] = row as u32;
                order[*slot as usize] = at as u32;
                *slot += 1;
            }
        }
        let values = order.iter().map(|&at| self.values[at as usize]).collect();
        let transposed =
            Csr { rows: self.columns, columns: self.rows, starts: starts.into(), indices: indices.into(), values };
        (transposed, order.into())
    }

    /// Sparse times dense: `self` [rows x columns] · `dense` [columns x width], row-major.
    pub(crate) fn product(&self, dense: &[f32], width: usize) -> Vec<f32> {
        debug_assert_eq!(dense.len(), self.columns * width);
        let mut out = vec![0.0; self.rows * width];
        product(self, dense, width, &mut out);
        out
    }
}

/// Widest column block; eight AVX registers of partial sums.
const WIDE: usize = 64;
/// Column block for operands whose wide block would not fit a second-level cache.
const NARROW: usize = 32;
/// Rows of a dense operand up to which a wide block (4 * 64 bytes a row) fits 384 kB of cache.
const WIDE_ROWS: usize = 1536;
/// Copying a row pays off only if it is read at least this often.
const READS_WORTH_PACKING: usize = 4;

#[multiversion(targets("x86_64+avx2+fma"))]
fn product(matrix: &Csr, dense: &[f32], width: usize, out: &mut [f32]) {
    // Rows of a power-of-two width fall into few cache sets, so a block read many times is packed.
    let pack = matrix.stored() >= READS_WORTH_PACKING * matrix.columns;
    let mut packed = vec![0.0; if pack { matrix.columns * WIDE } else { 0 }];
    let mut column = 0;
    if matrix.columns <= WIDE_ROWS || !pack {
        while column + WIDE <= width {
            block::<WIDE>(matrix, dense, width, column, &mut packed, out);
            column += WIDE;
        }
    }
    while column + NARROW <= width {
        block::<NARROW>(matrix, dense, width, column, &mut packed, out);
        column += NARROW;
    }
    while column + 8 <= width {
        block::<8>(matrix, dense, width, column, &mut [], out);
        column += 8;
    }
    while column < width {
        block::<1>(matrix, dense, width, column, &mut [], out);
        column += 1;
    }
}

#[inline(always)]
fn block<const N: usize>(
    matrix: &Csr,
    dense: &[f32],
    width: usize,
    column: usize,
    packed: &mut [f32],
    out: &mut [f32],
) {
    let (source, stride, offset) = if packed.is_empty() {
        (dense, width, column)
    } else {
        for (to, from) in packed.chunks_exact_mut(N).zip(dense.chunks_exact(width)) {
            to.copy_from_slice(&from[column..column + N]);
        }
        (&*packed, N, 0)
    };
    for (row, bounds) in matrix.starts.windows(2).enumerate() {
        let stored = bounds[0] as usize..bounds[1] as usize;
        let mut acc = [0.0f32; N];
        for (&index, &value) in matrix.indices[stored.clone()].iter().zip(&matrix.values[stored]) {
            let from = index as usize * stride + offset;
            let source = &source[from..from + N];
            for lane in 0..N {
                acc[lane] += value * source[lane];
            }
        }
        out[row * width + column..][..N].copy_from_slice(&acc);
    }
}

/// A matrix and its transpose, for the forward and the backward product.
#[derive(Clone, Debug)]
pub(crate) struct SparsePair {
    pub(crate) forward: Csr,
    pub(crate) backward: Csr,
    order: Arc<[u32]>,
}

impl SparsePair {
    /// Computes the transpose once.
    pub(crate) fn new(forward: Csr) -> Self {
        let (backward, order) = forward.transposed();
        SparsePair { forward, backward, order }
    }

    /// The same structure with other values (one per stored element of the forward matrix).
    pub(crate) fn with_values(&self, values: Vec<f32>) -> Self {
        let reordered = self.order.iter().map(|&at| values[at as usize]).collect();
        SparsePair {
            forward: self.forward.with_values(values.into()),
            backward: self.backward.with_values(reordered),
            order: self.order.clone(),
        }
    }
}

/// Divides every row by the sum of its magnitudes, as is usual for the planetoid graphs; rows of zeros stay as they
/// are.
pub fn normalize_rows(matrix: &CsMat<f32>) -> CsMat<f32> {
    let mut rows = matrix.to_csr();
    for mut row in rows.outer_iterator_mut() {
        // In double precision no sum of a row overflows, and equal features have the same shares in every unit.
        let sum: f64 = row.iter().map(|(_, &value)| f64::from(value.abs())).sum();
        if sum != 0.0 {
            row.iter_mut().for_each(|(_, value)| *value = (f64::from(*value) / sum) as f32);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dense_of(matrix: &Csr) -> Vec<f32> {
        let mut dense = vec![0.0; matrix.rows * matrix.columns];
        for row in 0..matrix.rows {
            for at in matrix.row(row) {
                dense[row * matrix.columns + matrix.indices[at] as usize] += matrix.values[at];
            }
        }
        dense
    }

    fn random(rows: usize, columns: usize, cells: &[(usize, usize, i8)]) -> Csr {
        let mut triplets = sprs::TriMat::new((rows, columns));
        for &(row, column, value) in cells {
            triplets.add_triplet(row % rows, column % columns, f32::from(value));
        }
        Csr::from_sprs(&triplets.to_csr())
    }

    proptest! {
        #[test]
        fn product_equals_the_dense_product(
            rows in 1usize..9, columns in 1usize..9, width in 1usize..110,
            cells in prop::collection::vec((0usize..9, 0usize..9, -9i8..9), 0..30),
        ) {
            let matrix = random(rows, columns, &cells);
            let right: Vec<f32> = (0..columns * width).map(|at| (at % 13) as f32 - 6.0).collect();
            let full = dense_of(&matrix);
            let got = matrix.product(&right, width);
            for row in 0..rows {
                for column in 0..width {
                    let want: f32 =
                        (0..columns).map(|k| full[row * columns + k] * right[k * width + column]).sum();
                    prop_assert_eq!(got[row * width + column], want);
                }
            }
        }

        #[test]
        fn transposing_twice_is_the_identity(
            rows in 1usize..9, columns in 1usize..9,
            cells in prop::collection::vec((0usize..9, 0usize..9, -9i8..9), 0..30),
        ) {
            let matrix = random(rows, columns, &cells);
            let back = matrix.transposed().0.transposed().0;
            prop_assert_eq!(dense_of(&matrix), dense_of(&back));
        }
    }
}
