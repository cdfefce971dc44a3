//! Small archives for unit tests.

use std::path::Path;

use crate::output::npz::NpzWriter;

/// Name, shape, values.
pub(crate) type NamedArray<'a> = (&'a str, &'a [usize], &'a [f32]);

/// Writes an `.npz` of `f32` arrays.
pub(crate) fn write_npz(path: &Path, arrays: &[NamedArray<'_>]) {
    let mut archive = NpzWriter::new();
    for (name, shape, values) in arrays {
        archive.add(name, shape, values.iter().copied()).unwrap();
    }
    std::fs::write(path, archive.finish().unwrap()).unwrap();
}
