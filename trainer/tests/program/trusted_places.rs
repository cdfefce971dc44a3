//! A stranger's files around the working folder are never loaded or run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{TABLE, eyas, write_table};

/// A library that calls itself ONNX Runtime and leaves a mark when it is loaded.
fn plant_library(path: &Path, mark: &Path) {
    let source = path.with_extension("c");
    let text = format!(
        "#include <stdio.h>\nconst char version[] = \"\\0VERS_1.99.0\";\nvoid *OrtGetApiBase(void) {{ return 0; }}\n\
         __attribute__((constructor)) static void loaded(void) {{ fclose(fopen({:?}, \"w\")); }}\n",
        mark.to_str().unwrap()
    );
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&source, text).unwrap();
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(path).arg(&source).status().unwrap();
    assert!(built.success(), "the planted library does not build");
}

/// A program that leaves a mark when it is started.
fn plant_program(path: &Path, mark: &Path) {
    fs::write(path, format!("#!/bin/sh\n: > '{}'\nexit 1\n", mark.display())).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

const WHEEL: &str = "lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.99.0";

/// A folder of a stranger, and a working folder below it.
fn surroundings() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let work = root.path().join("project/deep");
    fs::create_dir_all(&work).unwrap();
    (root, work)
}

#[test]
fn a_library_around_the_working_folder_is_not_loaded() {
    let (root, work) = surroundings();
    let mark = root.path().join("loaded");
    let planted = root.path().join("target/onnxruntime-venv").join(WHEEL);
    plant_library(&planted, &mark);
    for place in ["libonnxruntime.so", "target/onnxruntime-venv/libonnxruntime.so"] {
        fs::create_dir_all(work.join("target/onnxruntime-venv")).unwrap();
        fs::copy(&planted, work.join(place)).unwrap();
    }
    write_table(&work);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/mlp.onnx");
    let teacher = format!("kind = \"onnx\"\npath = {:?}", model.to_str().unwrap());
    fs::write(work.join("r.toml"), TABLE.replace("kind = \"mlp\"\nhidden = [8]\nepochs = 3\nmembers = 1", &teacher))
        .unwrap();
    fs::write(work.join("label.toml"), format!("[[teacher]]\n{teacher}\n")).unwrap();
    for arguments in [
        &["doctor"][..],
        &["distill", "r.toml", "--dry-run"],
        &["distill", "r.toml", "--out", "out"],
        &["label", "label.toml", "--in", "table.csv", "--out", "labels"],
    ] {
        let output = eyas(&work, arguments);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(root.path().to_str().unwrap()) || !text.contains("1.99.0"), "{arguments:?}: {text}");
        assert!(!mark.exists(), "{arguments:?} loaded a stranger's library");
    }
    // The same file does run if the user names it, so the mark works.
    eyas(&work, &["doctor", "--ort-dylib", planted.to_str().unwrap()]);
    assert!(mark.exists(), "the planted library leaves no mark, so this test shows nothing");
}

#[test]
fn programs_and_packages_around_the_working_folder_are_not_run() {
    let (root, work) = surroundings();
    let mark = root.path().join("run");
    for name in ["qemu-system-arm", "python3", "arm-none-eabi-ld"] {
        plant_program(&work.join(name), &mark);
    }
    for folder in [root.path(), &work] {
        let package = folder.join("firmware/qemu-cortex-m4");
        fs::create_dir_all(package.join("src")).unwrap();
        fs::write(
            package.join("Cargo.toml"),
            "[package]\nname = \"qemu-cortex-m4\"\nversion = \"0.0.0\"\n[workspace]\n",
        )
        .unwrap();
        fs::write(package.join("src/main.rs"), "fn main() {}\n").unwrap();
        let script = format!("fn main() {{ std::fs::write({:?}, \"\").unwrap(); }}\n", mark.to_str().unwrap());
        fs::write(package.join("build.rs"), script).unwrap();
    }
    // Copied out of its repository, the program has none and asks for the firmware folder.
    let copy = root.path().join("eyas");
    fs::copy(env!("CARGO_BIN_EXE_eyas"), &copy).unwrap();
    let student = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/cora/student.eyas");
    let verify = Command::new(&copy)
        .current_dir(&work)
        .env_remove("EYAS_FIRMWARE")
        // An empty entry means the working folder.
        .env("PATH", format!(":{}", std::env::var("PATH").unwrap()))
        .args(["verify", student.to_str().unwrap(), "--target", "cortex-m4", "--rows", "1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&verify.stderr).into_owned();
    assert!(!verify.status.success() && text.contains("EYAS_FIRMWARE"), "{text}");
    let doctor = Command::new(&copy).current_dir(&work).env("PATH", ":/usr/bin:/bin").arg("doctor").output().unwrap();
    let text = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!text.contains(work.to_str().unwrap()), "{text}");
    assert!(!mark.exists(), "a stranger's program was run");
}
