//! Outputs of commands: a regular file is replaced, a stream is written to, and nothing else is ever touched.
#![cfg(unix)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/room-occupancy/student.eyas")
}

/// Every command that writes to a path given by the user: its arguments, with `OUT` for the path.
fn commands(folder: &Path) -> Vec<Vec<String>> {
    let student = shipped().to_str().unwrap().to_owned();
    let model = folder.join("model.onnx").to_str().unwrap().to_owned();
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let made = Command::new(env!("CARGO_BIN_EXE_eyas"))
        .args(["export", &student, "--onnx", &model, "--rows", "1", "--integers"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    vec![
        words(&["export", &student, "--rows", "1", "--onnx", "OUT"]),
        words(&["pack", &student, "--for", "canonical", "--out", "OUT"]),
        words(&["import", &model, "--rows", "1", "--out", "OUT"]),
        words(&["import", &model, "--rows", "1", "--out", "other.eyas", "--report", "OUT"]),
    ]
}

fn run(folder: &Path, words: &[String], out: &str) -> Output {
    let words = words.iter().map(|word| if word == "OUT" { out } else { word });
    Command::new(env!("CARGO_BIN_EXE_eyas")).current_dir(folder).args(words).stdin(Stdio::null()).output().unwrap()
}

fn made(tool: &str, path: &Path, words: &[&str]) -> bool {
    Command::new(tool).arg(path).args(words).output().is_ok_and(|made| made.status.success())
}

#[test]
fn outputs_replace_regular_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let kind = |name: &str| fs::symlink_metadata(at(name)).unwrap().file_type();
    fs::create_dir(at("folder")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    symlink("folder/file", at("link")).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    assert!(made("mkfifo", &at("pipe"), &[]));
    let devices = made("mknod", &at("null"), &["c", "1", "3"])
        && made("mknod", &at("block"), &["b", "7", "250"])
        && fs::OpenOptions::new().write(true).open(at("null")).is_ok();
    if !devices {
        eyas_tests::skip("this user or this folder may not have devices");
    }
    for words in commands(folder.path()) {
        let plain = run(folder.path(), &words, "plain");
        assert!(plain.status.success(), "{words:?}: {}", String::from_utf8_lossy(&plain.stderr));
        let bytes = fs::read(at("plain")).unwrap();

        fs::write(at("folder/file"), b"old").unwrap();
        assert!(run(folder.path(), &words, "link").status.success(), "{words:?}");
        assert!(kind("link").is_symlink() && fs::read(at("folder/file")).unwrap() == bytes, "{words:?}");

        let path = at("pipe");
        let reader = std::thread::spawn(move || {
            let mut read = Vec::new();
            fs::File::open(path).unwrap().read_to_end(&mut read).unwrap();
            read
        });
        assert!(run(folder.path(), &words, "pipe").status.success(), "{words:?}");
        assert!(reader.join().unwrap() == bytes && kind("pipe").is_fifo(), "{words:?}");

        for name in ["folder", "dangling", "loop", "socket", "block"] {
            if name == "block" && !devices {
                continue;
            }
            let before = kind(name);
            let output = run(folder.path(), &words, name);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{words:?} {name}: {said}");
            assert!(said.contains(name) && said.contains("choose another name"), "{said}");
            assert_eq!(kind(name), before, "{words:?} {name}");
        }
        assert!(!at("nowhere").exists());
        if devices {
            assert!(run(folder.path(), &words, "null").status.success(), "{words:?}");
            assert!(kind("null").is_char_device(), "{words:?}");
        }

        // Only the bytes of the file; messages go elsewhere.
        let output = run(folder.path(), &words, "/dev/stdout");
        assert!(output.status.success() && output.stdout == bytes, "{words:?}");
        assert!(!output.stderr.is_empty() || words.iter().any(|word| word == "--json"), "{words:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".eyas-partial")), "{left:?}");
}

#[test]
fn results_of_a_run_folder_follow_the_same_rule() {
    use eyas_trainer::output::{Existing, OutputError, OutputFolder};
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    fs::create_dir(&out).unwrap();
    let _socket = UnixListener::bind(out.join("metrics.json")).unwrap();
    fs::write(folder.path().join("elsewhere"), b"old").unwrap();
    symlink("../elsewhere", out.join("card.md")).unwrap();
    let opened = OutputFolder::open(&out, &["student.eyas"], Existing::Refuse).unwrap();
    assert!(matches!(opened.write("metrics.json", b"new"), Err(OutputError::NotAFile { .. })));
    opened.write("card.md", b"new").unwrap();
    assert_eq!(fs::read(folder.path().join("elsewhere")).unwrap(), b"new");
    assert!(fs::symlink_metadata(out.join("card.md")).unwrap().is_symlink());
    drop(opened);
    // A pipe in place of the lock would make the run wait forever.
    fs::remove_file(out.join(".eyas-lock")).unwrap();
    assert!(made("mkfifo", &out.join(".eyas-lock"), &[]));
    assert!(matches!(OutputFolder::open(&out, &["student.eyas"], Existing::Refuse), Err(OutputError::NotAFile { .. })));
}
