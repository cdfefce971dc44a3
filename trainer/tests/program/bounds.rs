//! No file, however large or endless, and no recipe takes more memory than is available: both are refused with the
//! figure.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{GRAPH, TABLE, said, write_graph, write_table};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const STUDENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/cora/student.eyas");

/// Commands that read a file of every kind from `path`, each with the status of a refusal.
fn readers(folder: &Path, path: &str) -> Vec<(Vec<String>, i32)> {
    write_table(folder);
    let recipe = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    recipe("source.toml", &TABLE.replace("table.csv", path));
    let onnx = format!("kind = \"onnx\"\npath = {path:?}");
    recipe("teacher.toml", &TABLE.replace("kind = \"mlp\"\nhidden = [8]\nepochs = 3\nmembers = 1", &onnx));
    recipe("student.toml", &format!("[[teacher]]\nkind = \"student\"\npath = {path:?}\n"));
    recipe("mlp.toml", &format!("[[teacher]]\nkind = \"dense\"\npath = {path:?}\n"));
    let mut all: Vec<(Vec<String>, i32)> = Vec::new();
    for (line, status) in [
        (format!("inspect {path}"), 3),
        (format!("verify {path}"), 3),
        (format!("run {path} --input table.csv"), 3),
        (format!("run {STUDENT} --input {path}"), 3),
        (format!("verify {STUDENT} --data {path}"), 3),
        (format!("distill {path}"), 2),
        ("distill source.toml --dry-run".to_owned(), 3),
        (format!("label {path} --in table.csv --out l1"), 2),
        (format!("label mlp.toml --in {path} --out l2"), 3),
        ("label mlp.toml --in table.csv --out l3".to_owned(), 3),
        ("label student.toml --in table.csv --out l4".to_owned(), 3),
        (format!("import {path} --out imported.eyas"), 3),
        (format!("compare {path} {path}"), 3),
    ] {
        all.push((line.split(' ').map(str::to_owned).collect(), status));
    }
    all
}

#[test]
fn what_never_ends_is_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [Path::new("/dev/zero"), &pipe] {
        for (arguments, status) in readers(folder.path(), path.to_str().unwrap()) {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let start = Instant::now();
            let text = said(folder.path(), &arguments, status);
            assert!(start.elapsed() < Duration::from_secs(30), "{arguments:?}: {text}");
            // `compare` takes folders.
            assert!(arguments[0] == "compare" || text.contains("a pipe or a device"), "{arguments:?}: {text}");
        }
    }
}

#[test]
fn a_file_of_gigabytes_is_refused_unread_with_the_unit_the_limit_and_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    for (name, lines) in [
        ("3gb.eyas", &["inspect 3gb.eyas", "verify 3gb.eyas"][..]),
        ("3gb.onnx", &["import 3gb.onnx --out i.eyas"]),
        ("3gb.tflite", &["import 3gb.tflite --out i.eyas"]),
        ("3gb.toml", &["distill 3gb.toml", "label 3gb.toml --in t.csv --out l"]),
        ("3gb.csv", &["run STUDENT --input 3gb.csv"]),
        ("3gb.npz", &["run STUDENT --input 3gb.npz", "label mlp.toml --in t.csv --out l2"]),
    ] {
        // Sparse, so it takes no space on the disk.
        File::create(folder.path().join(name)).unwrap().set_len(3 << 30).unwrap();
        fs::write(folder.path().join("mlp.toml"), "[[teacher]]\nkind = \"dense\"\npath = \"3gb.npz\"\n").unwrap();
        fs::write(folder.path().join("t.csv"), "a,b\n1,2\n").unwrap();
        for line in lines {
            let arguments: Vec<&str> =
                line.split(' ').map(|word| if word == "STUDENT" { STUDENT } else { word }).collect();
            let start = Instant::now();
            let output = crate::eyas(folder.path(), &arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(matches!(output.status.code(), Some(2 | 3)), "{line}: {said}");
            // Text is read line by line, and a line has a limit too.
            let size = said.contains("3 GiB") || name.ends_with(".csv");
            assert!(size && said.contains("at most") && said.contains("iB") && said.contains("; "), "{line}: {said}");
            assert!(start.elapsed() < Duration::from_secs(20), "{line} read it");
        }
    }
}

/// Runs a command in `megabytes` of address space.
fn within(folder: &Path, megabytes: u64, arguments: &[&str]) -> (Option<i32>, String) {
    let line = format!("ulimit -v {}; exec \"$0\" \"$@\"", megabytes << 10);
    let output = Command::new("sh")
        .current_dir(folder)
        .args(["-c", &line, env!("CARGO_BIN_EXE_eyas")])
        .args(arguments)
        .env_remove("EYAS_DATA")
        .output()
        .unwrap();
    (
        output.status.code(),
        [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat(),
    )
}

#[test]
fn a_megabyte_of_archive_takes_no_gigabyte() {
    let folder = tempfile::tempdir().unwrap();
    let bomb = folder.path().join("bomb.npz");
    let mut archive = ZipWriter::new(File::create(&bomb).unwrap());
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    archive.start_file("x.npy", options).unwrap();
    // 180,000 rows of 1433 reals: as much as the caps on memory allow.
    let mut header = "{'descr': '<f4', 'fortran_order': False, 'shape': (180000, 1433), }".to_owned();
    header += &" ".repeat(117 - header.len());
    header.push('\n');
    archive.write_all(b"\x93NUMPY\x01\x00").unwrap();
    archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    archive.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 1433 * 4 * 1000];
    (0..180).for_each(|_| archive.write_all(&zeros).unwrap());
    archive.finish().unwrap();
    let bytes = fs::metadata(&bomb).unwrap().len();
    assert!(bytes < 2 << 20, "{bytes}");
    for arguments in [&["run", STUDENT, "--input", "bomb.npz"][..], &["verify", STUDENT, "--data", "bomb.npz"]] {
        let (status, said) = within(folder.path(), 400, arguments);
        assert_eq!(status, Some(3), "{said}");
        assert!(said.contains("984 MiB") && said.contains("numpy.savez"), "{said}");
    }
}

#[test]
fn a_recipe_that_does_not_fit_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    write_graph(folder.path());
    for (name, recipe) in [("table", TABLE), ("graph", GRAPH)] {
        let file = format!("{name}.toml");
        let wide = recipe.replace("[student]\nhidden = [8]", "[student]\nhidden = [32767, 32767]");
        let wide = wide.replace("[student]\nhidden = [4]", "[student]\nhidden = [32767, 32767, 32767, 32767, 32767]");
        let wide = wide
            .replace("[student]\nhidden = [32767, 32767]", "[student]\nhidden = [32767, 32767, 32767, 32767, 32767]");
        fs::write(folder.path().join(&file), wide).unwrap();
        for more in [&["--dry-run"][..], &["--out", "out"]] {
            let (status, text) = within(folder.path(), 4096, &[&["distill", &file], more].concat());
            assert!(matches!(status, Some(2 | 3)), "{text}");
            assert!(text.contains("GiB") && (text.contains("narrower")), "{text}");
            assert!(!folder.path().join("out/student.eyas").exists());
        }
        // Two layers of that width could be described, but not trained here.
        let two = recipe.replace("[student]\nhidden = [8]", "[student]\nhidden = [32767, 32767]");
        let two = two.replace("[student]\nhidden = [4]", "[student]\nhidden = [32767, 32767]");
        fs::write(folder.path().join(&file), two).unwrap();
        let (status, text) = within(folder.path(), 4096, &["distill", &file, "--dry-run"]);
        assert_eq!(status, Some(2), "{text}");
        assert!(text.contains("memory that are free here") && text.contains("takes about"), "{text}");
        // The unchanged recipe fits, and reports its memory.
        fs::write(folder.path().join(&file), recipe).unwrap();
        let text = said(folder.path(), &["distill", &file, "--dry-run"], 0);
        assert!(text.contains("memory: about ") && text.contains(" MiB at the peak"), "{text}");
    }
}

#[test]
fn a_table_of_many_columns_is_read_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..60_000).map(|column| format!("c{column}")).collect();
    let mut text = format!("{},fold,label\n", names.join(","));
    for row in 0..6 {
        text += &format!("{}{},{}\n", "1,".repeat(60_000), row % 3, row % 2);
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    let recipe = TABLE.replace("[\"a\", \"b\"]", "[\"c1\", \"c2\"]").replace("[\"a..c\"]", "[\"c*\"]");
    fs::write(folder.path().join("r.toml"), recipe).unwrap();
    let start = Instant::now();
    said(folder.path(), &["distill", "r.toml", "--dry-run"], 0);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let many = format!("{}fold,label\n", "x,".repeat(70_000));
    fs::write(folder.path().join("table.csv"), many).unwrap();
    let text = said(folder.path(), &["distill", "r.toml", "--dry-run"], 3);
    assert!(text.contains("at most 65540 columns") && text.contains("70002"), "{text}");
}
