//! Records golden vectors and seals the student file.

use crate::quantize::{About, IntegerStudent, QuantizeError};
use eyas::model::GoldenVectors;
use eyas::{AlignedBytes, SelftestError, Student};

/// Golden vectors take at most this many bytes, or [`GOLDEN_SHARE`] of the file if that is more.
const GOLDEN_BYTES: usize = 1024;
/// Share of the file that golden vectors may take.
const GOLDEN_SHARE: f64 = 0.05;

/// A student file that loads and passes its own self-test.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The file, aligned for loading.
    pub file: AlignedBytes,
    /// Golden vectors recorded in it.
    pub golden_vectors: usize,
}

/// Why a student could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The numbers do not fit a student file.
    #[error(transparent)]
    Quantize(#[from] QuantizeError),
    /// The runtime refuses the file.
    #[error("the runtime refuses the student file: {0}")]
    Refused(#[from] eyas::LoadError),
    /// The sealed file does not reproduce the recorded vectors.
    #[error("the sealed student does not repeat its golden vectors: {0}")]
    Selftest(#[from] SelftestError),
}

/// Seals `student`: golden vectors from `candidates`, then the file, loaded and self-tested.
///
/// Candidates are taken in order, those with a new label first, until the space is used up; rows that the student was
/// not trained on are best.
///
/// # Errors
/// [`SealError`] if the numbers do not fit a file or the runtime refuses it.
pub fn seal(student: &IntegerStudent, about: &About<'_>, candidates: &[Vec<i8>]) -> Result<Sealed, SealError> {
    let bare = AlignedBytes::from(student.file(&About { golden: &[], ..*about })?.as_slice());
    let (golden, golden_vectors) = record(&Student::load(&bare)?, candidates);
    let file = AlignedBytes::from(student.file(&About { golden: &golden, ..*about })?.as_slice());
    let sealed = Student::load(&file)?;
    if golden_vectors > 0 {
        let mut input = vec![0; student.inputs()];
        sealed.selftest(&mut input, &mut vec![0; sealed.arena_words()])?;
    }
    Ok(Sealed { file, golden_vectors })
}

/// Bytes that golden vectors take at most in a file of this size without them.
pub(super) fn golden_room(file_bytes: usize) -> usize {
    GOLDEN_BYTES.max((file_bytes as f64 * GOLDEN_SHARE) as usize)
}

/// Golden vectors in file form, and their number.
fn record(student: &Student<'_>, candidates: &[Vec<i8>]) -> (Vec<u8>, usize) {
    let room = golden_room(student.costs().file_bytes);
    let mut arena = vec![0; student.arena_words()];
    let mut seen = vec![false; usize::from(student.metadata().outputs())];
    let (mut fresh, mut repeated) = (Vec::new(), Vec::new());
    for x in candidates {
        let mut vector = Vec::new();
        GoldenVectors::encode_input(x, student.metadata().input_zero_point, |byte| vector.push(byte));
        let answer = student.infer_portable(x, &mut arena, |_, y| vector.extend(y.iter().map(|y| y as u8)));
        let Ok(answer) = answer else { continue };
        let label = usize::from(answer.decision().label);
        if std::mem::replace(&mut seen[label], true) { repeated.push(vector) } else { fresh.push(vector) }
    }
    let mut golden = Vec::new();
    let mut count = 0;
    for vector in fresh.into_iter().chain(repeated) {
        if golden.len() + vector.len() <= room {
            golden.extend(vector);
            count += 1;
        }
    }
    (golden, count)
}
