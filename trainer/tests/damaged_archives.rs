//! Runs the commands on hundreds of damaged archives: each is refused, or the answer equals that of the intact archive.

mod tables;

use npyz::WriterBuilder;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};
use tables::{next, reals, write_teacher};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

const ROWS: usize = 40;
const COLUMNS: usize = 5;

/// An archive with the rows `x` and an unused member.
fn archive(method: CompressionMethod) -> Vec<u8> {
    let mut state = 3;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, count) in [("x", ROWS * COLUMNS), ("unread", ROWS)] {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
        let shape = [ROWS as u64, (count / ROWS) as u64];
        let mut bytes = Vec::new();
        let mut array = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd().unwrap();
        array.extend(reals(&mut state, count)).unwrap();
        array.finish().unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Flipped bits over the whole file, truncation, extra bytes after the end and in the middle.
fn damages(whole: &[u8], flips: usize) -> Vec<Vec<u8>> {
    let mut state = 11;
    let mut all = Vec::new();
    for flip in 0..flips {
        let mut bytes = whole.to_vec();
        // Evenly, so that headers, data, directory and end are all hit.
        let byte = whole.len() * flip / flips;
        bytes[byte] ^= 1 << (next(&mut state) % 8);
        all.push(bytes);
    }
    for at in (0..10).map(|tenth| whole.len() * tenth / 10) {
        all.push(whole[..at].to_vec());
        all.push([&whole[..at], b"\0\0\0", &whole[at..]].concat());
        all.push([whole, &whole[at..(at + 50).min(whole.len())]].concat());
    }
    all
}

fn eyas(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eyas")).current_dir(folder).args(words).output().unwrap()
}

/// Runs the command on every damaged archive; returns how many were refused, and how many gave the intact answer.
fn attack(folder: &Path, whole: &[u8], flips: usize, ask: &dyn Fn(usize) -> Output) -> (usize, usize) {
    fs::write(folder.join("rows.npz"), whole).unwrap();
    let expected = ask(0);
    assert!(expected.status.success(), "{}", String::from_utf8_lossy(&expected.stderr));
    let (mut refused, mut equal) = (0, 0);
    for (number, bytes) in damages(whole, flips).iter().enumerate() {
        fs::write(folder.join("rows.npz"), bytes).unwrap();
        let output = ask(number + 1);
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            assert_eq!(output.stdout, expected.stdout, "damage {number}: another answer");
            equal += 1;
        } else {
            assert_eq!(output.status.code(), Some(3), "damage {number}: {said}");
            assert!(said.contains("rows.npz") && said.contains("expected"), "damage {number}: {said}");
            refused += 1;
        }
    }
    assert!(refused > 8 * equal, "{refused} refused, {equal} equal");
    (refused, equal)
}

#[test]
fn label_and_run_refuse_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_teacher(folder, &[COLUMNS, 8, 3]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let label = |number: usize| {
            let out = format!("{method:?}{number}");
            let output = eyas(folder, &["label", "recipe.toml", "--in", "rows.npz", "--out", &out, "--json"]);
            // The key of the plan covers the archive's bytes; the digest covers the answers.
            let Ok(finished) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { return output };
            Output { stdout: finished["digest"].to_string().into_bytes(), ..output }
        };
        let (refused, equal) = attack(folder, &archive(method), 150, &label);
        println!("label, {method:?}: {refused} refused, {equal} answered as before");
    }

    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/room-occupancy");
    let student = models.join("student.eyas");
    let whole = fs::read(models.join("vectors.npz")).unwrap();
    let run = |_| eyas(folder, &["run", student.to_str().unwrap(), "--input", "rows.npz", "--json"]);
    let (refused, equal) = attack(folder, &whole, 270, &run);
    println!("run: {refused} refused, {equal} answered as before");
}
