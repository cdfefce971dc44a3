//! Writes tables and teachers of any size for tests and the bench of `eyas label`; the same numbers every time.

use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use npyz::WriterBuilder;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// SplitMix64: the next number of a stream.
pub fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Reals in [-1, 1).
pub fn reals(state: &mut u64, count: usize) -> Vec<f32> {
    (0..count).map(|_| (next(state) >> 40) as f32 / (1 << 23) as f32 - 1.0).collect()
}

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

/// Dense layers of these widths, and a recipe beside them that names the teacher.
pub fn write_teacher(folder: &Path, widths: &[usize]) {
    let mut state = 7;
    let mut archive = ZipWriter::new(File::create(folder.join("teacher.npz")).unwrap());
    for (layer, pair) in widths.windows(2).enumerate() {
        for (name, shape) in [("w", &[pair[1] as u64, pair[0] as u64][..]), ("b", &[pair[1] as u64])] {
            archive.start_file(format!("{name}{layer}.npy"), SimpleFileOptions::default()).unwrap();
            let mut bytes = Vec::new();
            let mut array =
                npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes).begin_nd().unwrap();
            let scale = (2.0 / pair[0] as f32).sqrt();
            array.extend(reals(&mut state, shape.iter().product::<u64>() as usize).iter().map(|v| v * scale)).unwrap();
            array.finish().unwrap();
            archive.write_all(&bytes).unwrap();
        }
    }
    archive.finish().unwrap();
    std::fs::write(folder.join("recipe.toml"), "[[teacher]]\nkind = \"mlp\"\npath = \"teacher.npz\"\n").unwrap();
}
