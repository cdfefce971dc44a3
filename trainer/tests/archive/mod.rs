//! Writes `.npz` archives for tests, valid ones and falsified ones.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Bytes of one `.npy` array with any header and any data.
pub fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

/// A one-dimensional array of 32-bit integers.
pub fn integers(values: &[i32]) -> Vec<u8> {
    array(
        "<i4",
        &format!("({},)", values.len()),
        &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(),
    )
}

/// A one-dimensional array of reals.
pub fn reals(values: &[f32]) -> Vec<u8> {
    array(
        "<f4",
        &format!("({},)", values.len()),
        &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>(),
    )
}

/// Arrays of an archive by name; tests change one before writing.
pub type Arrays = Vec<(&'static str, Vec<u8>)>;

/// A path graph of four nodes, three features, two classes, in the planetoid-like layout.
pub fn planetoid() -> Arrays {
    vec![
        ("indptr", integers(&[0, 1, 3, 5, 6])),
        ("indices", integers(&[1, 0, 2, 1, 3, 2])),
        ("feat_indptr", integers(&[0, 2, 3, 4, 5])),
        ("feat_indices", integers(&[2, 0, 1, 0, 2])),
        ("feat_values", reals(&[3.0, 1.0, 1.0, 2.0, 1.0])),
        ("labels", integers(&[0, 1, 0, 1])),
        ("shape", integers(&[4, 3, 2])),
        ("train_idx", integers(&[1, 0])),
        ("val_idx", integers(&[2])),
        ("test_idx", integers(&[3])),
    ]
}

/// The same graph in the gnn-benchmark layout, with a self-loop, a repeated edge, one-way edges and pickled names.
pub fn benchmark() -> Arrays {
    vec![
        ("adj_indptr", integers(&[0, 2, 4, 5, 5])),
        ("adj_indices", integers(&[0, 1, 2, 2, 3])),
        ("adj_data", reals(&[1.0; 5])),
        ("adj_shape", array("<i8", "(2,)", &[4i64, 4].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>())),
        ("attr_indptr", integers(&[0, 2, 3, 4, 5])),
        ("attr_indices", integers(&[2, 0, 1, 0, 2])),
        ("attr_data", reals(&[3.0, 1.0, 1.0, 2.0, 1.0])),
        ("attr_shape", integers(&[4, 3])),
        ("labels", array("|i1", "(4,)", &[0, 1, 0, 1])),
        ("node_names", array("|O", "(4,)", b"\x80\x03cos\nsystem\n")),
        ("class_names", array("|O", "(2,)", b"\x80\x03cos\nsystem\n")),
    ]
}

/// Replaces or adds one array.
pub fn with(mut arrays: Arrays, name: &'static str, bytes: Vec<u8>) -> Arrays {
    arrays.retain(|(present, _)| *present != name);
    arrays.push((name, bytes));
    arrays
}

/// Writes the archive into a folder.
pub fn write(folder: &Path, arrays: &Arrays) -> PathBuf {
    let path = folder.join("graph.npz");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in arrays {
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    path
}
