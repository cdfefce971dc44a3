//! Numbers and teachers of any size for tests and the bench of `eyas label`; the same ones every time.

use npyz::WriterBuilder;
use std::fs::File;
use std::io::Write;
use std::path::Path;
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

/// Dense layers of these widths, and a recipe in the same folder that names the teacher.
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
    std::fs::write(folder.join("recipe.toml"), "[[teacher]]\nkind = \"dense\"\npath = \"teacher.npz\"\n").unwrap();
}
