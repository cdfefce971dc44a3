//! Small archives for unit tests.

use npyz::WriterBuilder;
use std::io::Write;
use std::path::Path;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Name, shape, values.
pub(crate) type NamedArray<'a> = (&'a str, &'a [u64], &'a [f32]);

/// Writes an `.npz` of `f32` arrays.
pub(crate) fn write_npz(path: &Path, arrays: &[NamedArray<'_>]) {
    let mut archive = ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, shape, values) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        let mut bytes = Vec::new();
        let mut array = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes).begin_nd().unwrap();
        array.extend(values.iter().copied()).unwrap();
        array.finish().unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
}
