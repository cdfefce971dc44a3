//! Puts the student and the memory map where the compiler and the linker find them.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let home = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));

    println!("cargo::rerun-if-env-changed=EYAS_STUDENT");
    let student = match env::var_os("EYAS_STUDENT") {
        Some(path) => PathBuf::from(path),
        None => home.join("../../models/cora/student.eyas"),
    };
    println!("cargo::rerun-if-changed={}", student.display());
    place(&student, &out.join("student.eyas"));

    println!("cargo::rerun-if-changed=memory.x");
    place(&home.join("memory.x"), &out.join("memory.x"));
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg=-Tlink.x");
    println!("cargo::rustc-link-arg=--nmagic");
}

fn place(from: &Path, to: &Path) {
    if let Err(error) = fs::copy(from, to) {
        println!(
            "cargo::error={}: {error}; set EYAS_STUDENT to the absolute path of a student file to build in",
            from.display()
        );
    }
}
