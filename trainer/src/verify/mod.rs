//! Verifies that a student file computes the same integers here and on a chip.

pub mod device;
mod host;

pub use host::{Comparison, Difference, HostError, compare_kernels, expected_outputs};

use device::{Board, DeviceError, DeviceRun, Locations};
use eyas::Student;
use std::path::Path;

/// Why a student could not be verified on an emulated core.
#[derive(Debug, thiserror::Error)]
pub enum OnDeviceError {
    /// The image was not built, did not run or failed.
    #[error("{}: {source}", board.name)]
    Device {
        /// Where.
        board: &'static Board,
        /// The fault.
        source: DeviceError,
    },
    /// The rows are not the student's.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Runs the image with `file` inside on an emulated board and compares its integers with the specification.
///
/// Golden vectors, which the image compares itself, count as compared integers, not as rows.
///
/// # Errors
/// Something missing on this machine, a failed run (including a failed self-test), or a row of the wrong length.
/// Integers that differ are not an error; the [`Comparison`] counts them.
pub fn compare_on_device(
    file: &Path,
    student: &Student<'_>,
    rows: &[Vec<i8>],
    locations: &Locations,
) -> Result<(Comparison, DeviceRun), OnDeviceError> {
    let widths: Vec<usize> = student.layers().map(|layer| usize::from(layer.outputs)).collect();
    let expected = expected_outputs(student, rows)?;
    let run = device::run(file, rows, widths.iter().sum(), locations)
        .map_err(|source| OnDeviceError::Device { board: locations.board, source })?;
    let mut comparison = Comparison { values: run.golden_values, ..Comparison::default() };
    for (expected, got) in expected.iter().zip(&run.outputs) {
        comparison.add(&widths, expected, got);
    }
    Ok((comparison, run))
}
