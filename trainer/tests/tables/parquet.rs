//! Tables of any size in Parquet for tests and the bench of `eyas label`; the same numbers every time.

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use crate::tables::reals;

/// A folder of `files` Parquet files with `rows` rows each in row groups of `group`, columns `x0`, `x1`, ...
pub fn write_table(folder: &Path, files: usize, rows: usize, columns: usize, group: usize) {
    std::fs::create_dir_all(folder).unwrap();
    for file in 0..files {
        let mut state = 1000 + file as u64;
        let to = File::create(folder.join(format!("t{file:03}.parquet"))).unwrap();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_dictionary_enabled(false)
            .set_max_row_group_row_count(Some(group))
            .build();
        let mut writer: Option<ArrowWriter<File>> = None;
        let mut to = Some((to, properties));
        for start in (0..rows).step_by(8192) {
            let count = (rows - start).min(8192);
            let column = |name| (name, Arc::new(Float32Array::from(reals(&mut state, count))) as ArrayRef);
            let batch =
                RecordBatch::try_from_iter((0..columns).map(|column| format!("x{column}")).map(column)).unwrap();
            let writer = writer.get_or_insert_with(|| {
                let (to, properties) = to.take().unwrap();
                ArrowWriter::try_new(to, batch.schema(), Some(properties)).unwrap()
            });
            writer.write(&batch).unwrap();
        }
        writer.unwrap().close().unwrap();
    }
}
