//! `eyas label`: tests the promises of docs/LABEL.md with the command itself.

#[path = "tables/parquet.rs"]
mod parquet;
mod tables;

use crate::parquet::write_table;
use eyas_trainer::label::{Finished, Plan, SUCCESS, read_labels};
use ndarray::{Array2, s};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tables::{next, write_teacher};

const FILES: usize = 4;
const ROWS_PER_FILE: usize = 12_000;
const COLUMNS: usize = 6;
const GROUP: usize = 2_000;

/// Table of 48,000 rows in 24 row groups, teacher and recipe.
fn prepare() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_table(&folder.path().join("table"), FILES, ROWS_PER_FILE, COLUMNS, GROUP);
    write_teacher(folder.path(), &[COLUMNS, 16, 3]);
    folder
}

fn eyas(folder: &Path, out: &str, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    let plain = ["label", "recipe.toml", "--out", out];
    command.current_dir(folder).args(plain).args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command on the table, parts of about `rows`.
fn label(folder: &Path, out: &str, words: &[&str]) -> Output {
    eyas(folder, out, &["--in", "table", "--rows-per-part", "4000"]).args(words).output().unwrap()
}

fn success(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn refused(output: &Output, status: i32, words: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(words), "{text}");
}

fn finished(folder: &Path, out: &str) -> Finished {
    serde_json::from_slice(&std::fs::read(folder.join(out).join(SUCCESS)).unwrap()).unwrap()
}

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Logits computed here, from the same numbers as the table.
fn expected(folder: &Path) -> Array2<f32> {
    use eyas_trainer::teacher::{DenseTeacher, RowTeacher};
    DenseTeacher::load(&folder.join("teacher.npz")).unwrap().logits(features(folder).view()).unwrap()
}

/// The numbers of the table `[rows x COLUMNS]`.
fn features(folder: &Path) -> Array2<f32> {
    let table = eyas_trainer::dataset::ColumnTable::load(&folder.join("table")).unwrap();
    table.values(&table.select(&["x*".to_owned()]).unwrap()).unwrap()
}

#[test]
fn parts_in_any_order_give_the_table_once() {
    let folder = prepare();
    let folder = folder.path();
    success(&label(folder, "whole", &["--jobs", "2"]));
    let whole = finished(folder, "whole");
    assert_eq!((whole.parts, whole.rows, whole.outputs), (12, 48_000, 3));
    assert_eq!(read_labels(&folder.join("whole")).unwrap(), expected(folder));

    assert_eq!(success(&label(folder, "parts", &["--plan"])), "parts: 12 parts, 48000 rows");
    success(&label(folder, "parts", &["--part", "7/12"]));
    success(&label(folder, "parts", &["--part", "0-2,11/12", "--jobs", "1"]));
    assert_eq!(success(&eyas(folder, "parts", &["--status"]).output().unwrap()), "3-6,8-10");
    refused(&eyas(folder, "parts", &["--finish"]).output().unwrap(), 1, "3-6,8-10/12");
    assert!(read_labels(&folder.join("parts")).is_err());
    success(&label(folder, "parts", &["--part", "3-6,8-10/12"]));
    assert_eq!(success(&eyas(folder, "parts", &["--status"]).output().unwrap()), "");
    success(&eyas(folder, "parts", &["--finish"]).output().unwrap());
    assert_eq!(finished(folder, "parts"), whole);
    assert_eq!(names(&folder.join("parts")), names(&folder.join("whole")));
    // Finished work is checked, not repeated.
    success(&label(folder, "parts", &[]));
}

#[test]
fn killed_at_twenty_moments_and_started_again_the_digest_is_the_same() {
    let folder = prepare();
    let folder = folder.path();
    let started = Instant::now();
    success(&label(folder, "whole", &["--jobs", "2"]));
    let length = started.elapsed();
    let (whole, expected) = (finished(folder, "whole"), expected(folder));
    let mut state = 20;
    let mut killed = 0;
    for round in 0..20 {
        let out = format!("round{round}");
        let words = ["--in", "table", "--rows-per-part", "4000", "--jobs", "2"];
        let mut child = eyas(folder, &out, &words).spawn().unwrap();
        let moment = length.mul_f64((next(&mut state) >> 11) as f64 / (1u64 << 53) as f64);
        std::thread::sleep(moment);
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        success(&label(folder, &out, &["--jobs", "2"]));
        assert_eq!(finished(folder, &out), whole, "round {round}, killed after {moment:?}");
        assert_eq!(read_labels(&folder.join(&out)).unwrap(), expected, "round {round}");
        assert_eq!(names(&folder.join(&out)), names(&folder.join("whole")), "round {round}");
        std::fs::remove_dir_all(folder.join(&out)).unwrap();
    }
    assert!(killed > 0, "no process was killed before it ended");
}

#[test]
fn one_folder_killed_again_and_again_still_ends_whole() {
    let folder = prepare();
    let folder = folder.path();
    success(&label(folder, "whole", &[]));
    let mut state = 4;
    for _ in 0..10 {
        let mut child = eyas(folder, "out", &["--in", "table", "--rows-per-part", "4000"]).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(next(&mut state) % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    success(&label(folder, "out", &[]));
    assert_eq!(finished(folder, "out"), finished(folder, "whole"));
    assert_eq!(names(&folder.join("out")), names(&folder.join("whole")));
}

#[test]
fn two_workers_on_the_same_parts_publish_them_once() {
    let folder = prepare();
    let folder = folder.path();
    success(&label(folder, "whole", &[]));
    for _ in 0..5 {
        let start = || eyas(folder, "out", &["--in", "table", "--rows-per-part", "4000", "--part", "0-11/12"]).spawn();
        let workers: Vec<Child> = (0..3).map(|_| start().unwrap()).collect();
        for worker in workers {
            success(&worker.wait_with_output().unwrap());
        }
        success(&eyas(folder, "out", &["--finish"]).output().unwrap());
        assert_eq!(finished(folder, "out"), finished(folder, "whole"));
        assert_eq!(names(&folder.join("out")), names(&folder.join("whole")));
        std::fs::remove_dir_all(folder.join("out")).unwrap();
    }
}

#[test]
fn other_work_in_the_folder_is_refused() {
    let folder = prepare();
    let folder = folder.path();
    success(&label(folder, "out", &["--part", "0/12"]));
    refused(&label(folder, "out", &["--wide"]), 3, "--wide");
    refused(
        &eyas(folder, "out", &["--in", "table", "--rows-per-part", "2000"]).output().unwrap(),
        3,
        "--rows-per-part",
    );
    refused(&label(folder, "out", &["--part", "0/13"]), 2, "12 parts");
    refused(&label(folder, "out", &["--part", "12/12"]), 2, "--part");
    let recipe = std::fs::read_to_string(folder.join("recipe.toml")).unwrap();
    let reversed = "columns = [\"x3..x5\", \"0..2\"]\n";
    std::fs::write(folder.join("recipe.toml"), format!("{recipe}{reversed}")).unwrap();
    refused(&label(folder, "out", &[]), 3, "the columns");
    std::fs::write(folder.join("recipe.toml"), format!("{recipe}columns = [\"x3\"]\n")).unwrap();
    refused(&label(folder, "out", &[]), 3, "6 columns");
    std::fs::write(folder.join("recipe.toml"), recipe).unwrap();
    write_teacher(folder, &[COLUMNS, 8, 3]);
    refused(&label(folder, "out", &[]), 3, "the teacher");
    write_teacher(folder, &[COLUMNS, 16, 3]);
    write_table(&folder.join("table"), FILES, ROWS_PER_FILE + 1, COLUMNS, GROUP);
    refused(&label(folder, "out", &[]), 3, "the table");
    refused(&eyas(folder, "none", &["--status"]).output().unwrap(), 3, "plan");
    refused(&eyas(folder, "none", &["--in", "absent"]).output().unwrap(), 3, "absent");
}

/// Ranges leave out columns that reveal the origin of a row, and everything that `[data]` names as label, fold, group
/// or id.
#[test]
fn the_label_is_never_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_teacher(folder, &[3, 4, 2]);
    let rows: String = (0..20).map(|row| format!("{row},1,{row},2,{},3,{}\n", row % 5, row % 2)).collect();
    std::fs::write(folder.join("t.csv"), format!("id,x0,who,x1,fold,x2,y\n{rows}")).unwrap();
    let teacher = std::fs::read_to_string(folder.join("recipe.toml")).unwrap();
    let data = "[data]\nlabel = \"y\"\ngroup = \"who\"\nstudent_columns = [\"x0\"]\n";
    let columns = |columns: &str, data: &str| {
        let text = if columns.is_empty() { String::new() } else { format!("columns = [{columns}]\n") };
        std::fs::write(folder.join("recipe.toml"), format!("{teacher}{text}{data}")).unwrap();
        let _ = std::fs::remove_dir_all(folder.join("out"));
        eyas(folder, "out", &["--in", "t.csv"]).output().unwrap()
    };
    for wanted in ["", "\"id..y\"", "\"0..6\"", "\"x0..x2\"", "\"x0\", \"who..y\""] {
        success(&columns(wanted, data));
        let plan = Plan::load(&folder.join("out")).unwrap().unwrap();
        assert_eq!(plan.settings.columns, ["x0", "x1", "x2"], "{wanted}");
    }
    for (wanted, words) in [("\"x0\", \"x1\", \"y\"", "the label"), ("\"x0\", \"2\", \"x1\"", "the group")] {
        refused(&columns(wanted, data), 3, words);
    }
    // Without [data], `y` and `who` have no role, and `fold` may be named.
    refused(&columns("", ""), 3, "found 5");
    success(&columns("\"x0\", \"x1\", \"fold\"", ""));
}

#[test]
fn damage_is_found_and_healed_by_running_the_part_again() {
    let folder = prepare();
    let folder = folder.path();
    success(&label(folder, "whole", &[]));
    success(&label(folder, "out", &["--part", "0-11/12"]));
    let out = folder.join("out");
    let data =
        names(&out).into_iter().find(|name| name.starts_with("part-00003.") && name.ends_with("parquet")).unwrap();
    let mut bytes = std::fs::read(out.join(&data)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(out.join(&data), bytes).unwrap();
    refused(&eyas(folder, "out", &["--finish"]).output().unwrap(), 1, &data);
    assert_eq!(success(&eyas(folder, "out", &["--status"]).output().unwrap()), "3");
    success(&label(folder, "out", &[]));
    assert_eq!(finished(folder, "out"), finished(folder, "whole"));
    // A finished folder is checked like any other, and a damaged one is no longer finished.
    let damage = |name: &str, at: usize| {
        let mut bytes = std::fs::read(out.join(name)).unwrap();
        bytes[at] ^= 1;
        std::fs::write(out.join(name), bytes).unwrap();
    };
    damage(&data, middle);
    refused(&eyas(folder, "out", &["--finish"]).output().unwrap(), 1, &data);
    assert!(!out.join(SUCCESS).exists());
    let status: serde_json::Value =
        serde_json::from_str(&success(&eyas(folder, "out", &["--status", "--json"]).output().unwrap())).unwrap();
    assert_eq!((&status["missing"], &status["finished"]), (&"3".into(), &false.into()));
    success(&label(folder, "out", &[]));
    assert_eq!(finished(folder, "out"), finished(folder, "whole"));
    std::fs::remove_file(out.join("part-00007.commit")).unwrap();
    refused(&eyas(folder, "out", &["--finish"]).output().unwrap(), 1, "7/12");
    assert!(!out.join(SUCCESS).exists());
    success(&label(folder, "out", &[]));
    // The folder's own summary is rewritten.
    damage(SUCCESS, 40);
    success(&eyas(folder, "out", &["--finish"]).output().unwrap());
    assert_eq!(finished(folder, "out"), finished(folder, "whole"));
    // A file without a commit is not a part.
    std::fs::remove_file(out.join(SUCCESS)).unwrap();
    std::fs::remove_file(out.join("part-00005.commit")).unwrap();
    assert!(read_labels(&out).is_err());
}

#[test]
fn text_archive_and_table_give_the_same_logits() {
    use std::io::Write;
    let folder = prepare();
    let folder = folder.path();
    let features = features(folder);
    let rows = features.slice(s![..9_000, ..]);
    let mut text = String::from("id,x0,x1,x2,x3,x4,x5,label\n");
    for (number, row) in rows.outer_iter().enumerate() {
        let cells: Vec<String> = row.iter().map(f32::to_string).collect();
        text += &format!("\"row {number},\n or so\",{},1\r\n", cells.join(","));
    }
    std::fs::write(folder.join("rows.csv"), &text).unwrap();
    let file = std::fs::File::create(folder.join("rows.csv.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap();
    let mut archive = zip::ZipWriter::new(std::fs::File::create(folder.join("rows.npz")).unwrap());
    archive.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
    let mut bytes = Vec::new();
    {
        use npyz::WriterBuilder;
        let shape = [9_000, COLUMNS as u64];
        let mut array = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd().unwrap();
        array.extend(rows.iter().copied()).unwrap();
        array.finish().unwrap();
    }
    archive.write_all(&bytes).unwrap();
    archive.finish().unwrap();
    let expected = expected(folder).slice(s![..9_000, ..]).to_owned();
    for name in ["rows.csv", "rows.csv.gz", "rows.npz"] {
        let out = format!("{name}.labels");
        success(&eyas(folder, &out, &["--in", name, "--rows-per-part", "4000", "--jobs", "3"]).output().unwrap());
        let plan = Plan::load(&folder.join(&out)).unwrap().unwrap();
        assert_eq!(plan.parts.iter().map(|part| part.rows).collect::<Vec<_>>(), [4000, 4000, 1000], "{name}");
        assert_eq!(read_labels(&folder.join(&out)).unwrap(), expected, "{name}");
    }
    // Semicolons, decimal commas and a mark in front.
    let mut text_of_others = String::from("\u{feff}id;x0;x1;x2;x3;x4;x5\r\n");
    for row in rows.outer_iter() {
        let cells: Vec<String> = row.iter().map(|value| value.to_string().replace('.', ",")).collect();
        text_of_others += &format!("a, b;{}\r\n", cells.join(";"));
    }
    std::fs::write(folder.join("other.csv"), text_of_others).unwrap();
    success(&eyas(folder, "other", &["--in", "other.csv", "--rows-per-part", "4000"]).output().unwrap());
    assert_eq!(read_labels(&folder.join("other")).unwrap(), expected);
    let wide = "rows.npz.wide";
    success(&eyas(folder, wide, &["--in", "rows.npz", "--wide"]).output().unwrap());
    assert_eq!(read_labels(&folder.join(wide)).unwrap(), expected);
    assert_eq!(finished(folder, wide).digest, finished(folder, "rows.npz.labels").digest);
    std::fs::write(folder.join("twice.csv"), text.replacen("id,x0", "x1,x0", 1)).unwrap();
    refused(&eyas(folder, "twice", &["--in", "twice.csv"]).output().unwrap(), 3, "`x1` twice");
    let broken = text.replace("\r\n\"row 8000,", ",7\r\n\"row 8000,");
    std::fs::write(folder.join("broken.csv"), broken).unwrap();
    refused(&eyas(folder, "broken", &["--in", "broken.csv"]).output().unwrap(), 3, "broken.csv");
    std::fs::write(folder.join("words.csv"), text.replacen("0.", "zero", 1)).unwrap();
    refused(&eyas(folder, "words", &["--in", "words.csv"]).output().unwrap(), 3, "expected a number");
}
