//! What a run may learn from, as one number.

use ndarray::Array2;
use sha2::{Digest, Sha256};
use sprs::CsMat;

use super::{Data, Matrix, Truth};
use crate::dataset::Split;
use crate::teacher::FileAnswers;

impl Data {
    /// SHA-256 of what a run on `split` may learn from. What the test rows are labelled with is left out, so a student that
    /// carries the hash proves nothing about them; the name of the file is left out too.
    ///
    /// `files` are the answers of teachers that come as a file, one a teacher.
    #[must_use]
    pub fn hash(&self, split: &Split, files: &[Option<FileAnswers>]) -> [u8; 32] {
        match (&self.x, &self.edges) {
            (Matrix::Sparse(x), Some(edges)) => self.graph_hash((x, edges), split, files),
            (Matrix::Sparse(x), None) => self.table_hash(&x.to_dense(), split, files),
            (Matrix::Dense(x), _) => self.table_hash(x, split, files),
        }
    }

    /// All integers as little-endian `u64`: the text `eyas-data-1`; nodes, inputs, classes; for features and then adjacency
    /// each row as its count, its columns and (features only) its values as IEEE-754 bits; one value a node: label + 1, or 0
    /// where the label is left out or missing; the names of classes and inputs, each list after its count and each name
    /// after its length; the node ids of train, tune and test, each list after its count.
    fn graph_hash(
        &self,
        (x, edges): (&CsMat<f32>, &CsMat<f32>),
        split: &Split,
        files: &[Option<FileAnswers>],
    ) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"eyas-data-1");
        let mut number = |value: usize| hash.update((value as u64).to_le_bytes());
        [x.rows(), x.cols(), self.truth.outputs()].into_iter().for_each(&mut number);
        for row in x.outer_iterator() {
            number(row.nnz());
            for (column, value) in row.iter() {
                number(column);
                number(value.to_bits() as usize);
            }
        }
        for row in edges.outer_iterator() {
            number(row.nnz());
            row.indices().iter().copied().for_each(&mut number);
        }
        let mut shown = self.known.clone();
        split.test.iter().for_each(|&node| shown[node] = false);
        for (node, shown) in shown.into_iter().enumerate() {
            number(match self.truth.labels() {
                Some(labels) if shown => usize::from(labels[node]) + 1,
                _ => 0,
            });
        }
        for part in [&split.train, &split.tune, &split.test] {
            number(part.len());
            part.iter().copied().for_each(&mut number);
        }
        for names in [&self.truth.names(), &self.names] {
            hash.update((names.len() as u64).to_le_bytes());
            for name in names {
                hash.update((name.len() as u64).to_le_bytes());
                hash.update(name.as_bytes());
            }
        }
        files.iter().flatten().for_each(|file| file.hash(&mut hash));
        hash.finalize().into()
    }

    fn table_hash(&self, x: &Array2<f32>, split: &Split, files: &[Option<FileAnswers>]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"eyas-table-1");
        let (rows, columns) = x.dim();
        [rows, columns, self.student].iter().for_each(|&count| hash.update((count as u64).to_le_bytes()));
        x.iter().for_each(|value| hash.update(value.to_le_bytes()));
        for part in [&split.train, &split.tune] {
            hash.update((part.len() as u64).to_le_bytes());
            for &row in part {
                hash.update((row as u64).to_le_bytes());
                hash.update([u8::from(self.known[row])]);
                match &self.truth {
                    Truth::Classes { labels, .. } => hash.update(labels[row].to_le_bytes()),
                    Truth::Quantity { values, .. } => hash.update(values[row].to_le_bytes()),
                }
            }
        }
        files.iter().flatten().for_each(|file| file.hash(&mut hash));
        for name in self.names.iter().chain(&self.truth.names()) {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
        }
        hash.finalize().into()
    }
}
