//! A sealed student as a teacher: the integers of the chip, on rows as the chip meets them.
//!
//! Its logits are the last layer's integers in real units, so a large student can teach a smaller one, and a table can be
//! labelled with exactly what a device in the field would say.

use eyas::{AlignedBytes, LoadError, Student};
use ndarray::{Array2, ArrayView2};
use sha2::{Digest, Sha256};

use super::rows::{RowTeacher, RowTeacherError, check_rows};

/// A student file that answers rows.
#[derive(Debug)]
pub struct SealedTeacher {
    file: AlignedBytes,
    inputs: usize,
    outputs: usize,
    arena_words: usize,
    identity: [u8; 32],
}

impl SealedTeacher {
    /// Proves the bytes of a student file.
    ///
    /// # Errors
    /// As [`Student::load`].
    pub fn new(bytes: &[u8]) -> Result<Self, LoadError> {
        let file = AlignedBytes::from(bytes);
        let student = Student::load(&file)?;
        let (inputs, outputs) = (usize::from(student.metadata().inputs), student.layers().last());
        let outputs = outputs.map_or(0, |layer| usize::from(layer.outputs));
        let arena_words = student.arena_words();
        let identity = Sha256::new().chain_update(b"eyas sealed teacher 1").chain_update(bytes).finalize().into();
        Ok(Self { file, inputs, outputs, arena_words, identity })
    }
}

impl RowTeacher for SealedTeacher {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError> {
        check_rows(rows, self.inputs)?;
        let student = Student::load(&self.file).map_err(RowTeacherError::failed)?;
        let mut arena = vec![0; self.arena_words];
        let (mut features, mut x) = (vec![0f32; self.inputs], vec![0i8; self.inputs]);
        let mut logits = Array2::zeros((rows.nrows(), self.outputs));
        for (row, mut out) in rows.outer_iter().zip(logits.outer_iter_mut()) {
            features.iter_mut().zip(row).for_each(|(feature, &value)| *feature = value);
            student.quantize(&features, &mut x).map_err(RowTeacherError::failed)?;
            let answer = student.infer(&x, &mut arena).map_err(RowTeacherError::failed)?;
            for (at, out) in out.iter_mut().enumerate() {
                *out = answer.quantity(at).map_or(0.0, |quantity| quantity.real());
            }
        }
        Ok(logits)
    }

    fn identity(&self) -> [u8; 32] {
        self.identity
    }
}
