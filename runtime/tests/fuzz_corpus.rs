//! The kept fuzz corpus, the committed files and the shipped student, replayed without a fuzzer.
//!
//! `cargo xtask fuzz --coverage` counts the loader's regions that this test reaches.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::{Path, PathBuf};

/// Every file in `folder` of the repository, sorted by name.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
}

fn replay(target: fn(&[u8]), folders: &[&str]) {
    let files: Vec<_> = folders.iter().flat_map(|folder| files(folder)).collect();
    for file in &files {
        target(&fs::read(file).unwrap());
    }
    println!("{} inputs replayed", files.len());
}

#[test]
fn raw() {
    replay(fuzz::raw, &["runtime/fuzz/corpus/raw", "tests/format/v1", "tests/format/hostile"]);
    fuzz::raw(include_bytes!("../../models/cora/student.eyas"));
}

#[test]
fn resealed() {
    replay(fuzz::resealed, &["runtime/fuzz/corpus/resealed", "tests/format/v1", "tests/format/hostile"]);
}

#[test]
fn structured() {
    replay(fuzz::structured, &["runtime/fuzz/corpus/structured"]);
}
