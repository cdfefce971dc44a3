//! No file can send control or invisible characters to the terminal, and no work is lost because nobody reads the
//! output.

mod tables;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tables::write_teacher;

const RESULTS: [&str; 7] =
    ["student.eyas", "recipe.toml", "metrics.json", "report.html", "card.md", "vectors.npz", "student_float.npz"];

/// Clears the screen, reverses the writing direction, hides a letter, and ends in a C1 control.
const HOSTILE: &str = "\u{1b}[2J\u{202e}\u{200b}\u{9b}";

fn eyas(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    command.current_dir(folder).args(words).stdin(Stdio::null()).env_remove("EYAS_DATA");
    command
}

/// A table with two classes and a recipe that takes a moment; columns and classes carry `mark` in their names.
fn write_recipe(folder: &Path, mark: &str) {
    let mut text = format!("a{mark},b,fold,label\n");
    for row in 0..90u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let class = if a + b > 0.0 { "high" } else { "low" };
        writeln!(text, "{a},{b},{},{class}{mark}", row % 3).unwrap();
    }
    fs::write(folder.join("table.csv"), text).unwrap();
    let name: String = mark.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    let recipe = format!(
        "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a{name}\", \"b\"]\n\
         teacher_columns = [\"a{name}\", \"b\"]\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\nhidden = [8]\nepochs = 5\n\
         batch_rows = 16\nlearning_rate = 0.01\ndropout = 0\nmembers = 1\n[student]\nhidden = [8]\nepochs = 5\n\
         batch_rows = 16\nlearning_rate = 0.01\n[report]\nseeds = [1]\n"
    );
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
}

/// Controls, C1, directions, joiners and tags, except line breaks and tabs. Written independently of the tested code.
fn steers(c: char) -> bool {
    let c = c as u32;
    matches!(c, 0..=8 | 11..=31 | 0x7f..=0x9f | 0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e)
        || matches!(c, 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xe0000..=0xe007f)
}

fn clean(what: &str, bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = text.find(steers);
    assert!(found.is_none(), "{what}: {:?}", &text[found.unwrap_or(0)..].chars().take(40).collect::<String>());
    text.to_owned()
}

/// Runs a subcommand; its output is clean, and with `arrives` it contains the hostile name in escaped form.
fn says(folder: &Path, words: &[&str], status: i32, arrives: bool) -> Output {
    let output = eyas(folder, words).output().unwrap();
    let what = format!("{words:?}");
    let said = clean(&what, &output.stdout) + &clean(&what, &output.stderr);
    assert_eq!(output.status.code(), Some(status), "{what}: {said}");
    // Escaped by the printer, or already where a message quotes it.
    let spelt = ["\\u001b[2J\\u202e\\u200b\\u009b", "\\u{1b}[2J\\u{202e}\\u{200b}\\u{9b}"];
    assert!(!arrives || spelt.iter().any(|spelt| said.contains(spelt)), "{what}: {said}");
    output
}

/// Replaces bytes with as many others.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut out = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "{}", String::from_utf8_lossy(from));
    places.into_iter().for_each(|at| out[at..at + to.len()].copy_from_slice(to));
    out
}

#[test]
fn no_subcommand_lets_a_name_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_recipe(folder, HOSTILE);

    // From the data through the student to everything that shows it.
    says(folder, &["distill", "recipe.toml", "--dry-run"], 0, false);
    says(folder, &["distill", "recipe.toml", "--out", &format!("run{HOSTILE}")], 0, true);
    fs::rename(folder.join(format!("run{HOSTILE}")), folder.join("run")).unwrap();
    for name in ["metrics.json", "report.html", "card.md"] {
        let text = clean(name, &fs::read(folder.join("run").join(name)).unwrap());
        assert!(name == "report.html" || text.contains("low\\u001b[2J") || text.contains("low\\u001b\\[2J"), "{text}");
    }
    says(folder, &["inspect", "run/student.eyas"], 0, true);
    let shown = says(folder, &["inspect", "run/student.eyas", "--json"], 0, true);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(shown["labels"][1], format!("low{HOSTILE}"), "JSON reads back the same");
    assert_eq!(shown["input_names"][0], format!("a{HOSTILE}"));
    says(folder, &["run", "run/student.eyas", "--input", "table.csv"], 0, true);
    let ids = format!("id,a{HOSTILE},b\n\"one{HOSTILE}\n2\thigh\tmargin 9\",0.5,0.5\n");
    fs::write(folder.join("rows.csv"), ids).unwrap();
    let rows = says(folder, &["run", "run/student.eyas", "--input", "rows.csv"], 0, true);
    assert_eq!(String::from_utf8(rows.stdout).unwrap().lines().count(), 2, "a row is a line below the heading");
    says(folder, &["run", "run/student.eyas", "--input", "rows.csv", "--json"], 0, false);
    says(folder, &["verify", "run/student.eyas", "--data", "rows.csv"], 0, false);
    fs::write(folder.join("other.csv"), "id,c,d\n1,2,3\n").unwrap();
    says(folder, &["run", "run/student.eyas", "--input", "other.csv"], 3, true);
    says(folder, &["compare", &format!("no{HOSTILE}"), "run"], 3, true);
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/cora/metrics.json")).unwrap();
    let mut metrics: serde_json::Value = serde_json::from_str(&text).unwrap();
    for key in ["recipe", "tool", "backend"] {
        metrics[key] = format!("x{HOSTILE}").into();
    }
    metrics["teachers"][0]["title"] = format!("x{HOSTILE}").into();
    fs::create_dir(folder.join("other")).unwrap();
    fs::write(folder.join("other/metrics.json"), metrics.to_string()).unwrap();
    says(folder, &["compare", "other", "other"], 0, true);
    says(folder, &["compare", "other", "other", "--json"], 0, true);

    // Names of files, where the command succeeds and where it fails.
    let student = format!("s{HOSTILE}.eyas");
    fs::copy(folder.join("run/student.eyas"), folder.join(&student)).unwrap();
    let (packed, model) = (format!("p{HOSTILE}.eyas"), format!("m{HOSTILE}.onnx"));
    says(folder, &["pack", &student, "--for", "cortex-m4", "--out", &packed], 0, true);
    says(folder, &["pack", &student, "--for", "cortex-m0", "--out", &packed, "--json"], 0, true);
    says(folder, &["export", &student, "--onnx", &model, "--rows", "8"], 0, true);
    says(folder, &["export", &student, "--onnx", &model, "--rows", "8", "--integers", "--json"], 0, true);
    says(folder, &["import", &model, "--out", &packed, "--report", "page.html", "--rows", "8"], 0, true);
    clean("page.html", &fs::read(folder.join("page.html")).unwrap());
    says(folder, &["import", &model, "--out", &packed, "--rows", "8", "--json"], 0, true);
    for command in ["inspect", "verify", "pack", "export", "run"] {
        let more: &[&str] = match command {
            "pack" => &["--for", "cortex-m4"],
            "export" => &["--onnx", "x"],
            "run" => &["--input", "x"],
            _ => &[],
        };
        says(folder, &[&[command, packed.replace('p', "none").as_str()], more].concat(), 3, true);
    }
    says(folder, &["distill", &format!("r{HOSTILE}.toml")], 2, true);
    says(folder, &["import", &format!("none{HOSTILE}.onnx")], 3, true);
    says(folder, &["doctor", "--data-dir", &format!("d{HOSTILE}")], 0, true);
    says(folder, &["doctor", "--data-dir", &format!("d{HOSTILE}"), "--json"], 0, true);
    says(folder, &["inspect", &student, &student], 2, false);
    says(folder, &[&format!("--{HOSTILE}")], 2, false);

    // Names inside a model: an operator that nobody knows, and a tensor.
    let onnx = fs::read(folder.join(&model)).unwrap();
    let operator = replaced(&onnx, b"DequantizeLinear", format!("De{HOSTILE}ar").as_bytes());
    fs::write(folder.join("operator.onnx"), operator).unwrap();
    says(folder, &["import", "operator.onnx"], 3, true);
    fs::write(folder.join("model.toml"), "[[teacher]]\nkind = \"onnx\"\npath = \"operator.onnx\"\n").unwrap();
    let asked = eyas(folder, &["label", "model.toml", "--in", "rows.csv", "--out", "asked"]).output().unwrap();
    clean("a model that no library takes", &[asked.stdout, asked.stderr].concat());

    // Names of columns and arrays.
    write_teacher(folder, &[2, 4, 2]);
    fs::rename(folder.join("recipe.toml"), folder.join("label.toml")).unwrap();
    let labels = format!("labels{HOSTILE}");
    says(folder, &["label", "label.toml", "--in", "rows.csv", "--out", &labels], 0, true);
    for words in [&["--status"][..], &["--finish"], &["--finish", "--json"]] {
        says(folder, &[&["label", "label.toml", "--out", &labels], words].concat(), 0, words == ["--finish"]);
    }
    fs::write(folder.join("twice.csv"), format!("a{HOSTILE},a{HOSTILE}\n1,2\n")).unwrap();
    fs::write(folder.join("cell.csv"), format!("a,b\n1,x{HOSTILE}\n")).unwrap();
    for name in ["twice.csv", "cell.csv"] {
        let out = format!("{name}.labels");
        says(folder, &["label", "label.toml", "--in", name, "--out", &out], 3, true);
    }
    let mut archive = zip::ZipWriter::new(fs::File::create(folder.join("names.npz")).unwrap());
    archive.start_file(format!("x{HOSTILE}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
    archive.finish().unwrap();
    says(folder, &["run", "run/student.eyas", "--input", "names.npz"], 3, true);
}

#[test]
fn a_training_does_not_die_of_output_that_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_recipe(folder, "");
    let whole = |out: &str| RESULTS.iter().all(|name| folder.join(out).join(name).is_file());
    let distill = |out: &str, more: &[&str]| eyas(folder, &[&["distill", "recipe.toml", "--out", out], more].concat());

    assert!(distill("plain", &[]).output().unwrap().status.success() && whole("plain"));
    let student = fs::read(folder.join("plain/student.eyas")).unwrap();
    for (out, more) in [("left", &[][..]), ("left-json", &["--json"][..])] {
        // Both readers exit before the first output.
        let mut child = distill(out, more).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{out}");
        assert!(whole(out), "{out}");
        assert_eq!(fs::read(folder.join(out).join("student.eyas")).unwrap(), student);
    }
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return eyas_tests::skip("this system has no /dev/full");
    };
    let output = distill("full", &[]).stderr(full.try_clone().unwrap()).stdout(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(whole("full") && String::from_utf8(output.stdout).unwrap().contains("0 differ"));
    // If requested figures cannot be written, this is a failure, reported after all the work.
    let output = distill("full-json", &["--json"]).stdout(full.try_clone().unwrap()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(whole("full-json") && said.contains("0 differ") && said.contains("standard output"), "{said}");
    // If even that cannot be written, the exit status reports it.
    let status = distill("deaf", &[]).stdout(full.try_clone().unwrap()).stderr(full).status().unwrap();
    assert!(status.code() == Some(1) && whole("deaf"));
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure_and_a_verdict_stays() {
    let folder = tempfile::tempdir().unwrap();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/beijing-air");
    let (student, rows) = (models.join("student.eyas"), models.join("vectors.npz"));
    let (student, rows) = (student.to_str().unwrap(), rows.to_str().unwrap());
    for words in [
        &["run", student, "--input", rows][..],
        &["inspect", student],
        &["verify", student, "--data", rows],
        &["doctor"],
        &["--help"],
        &["--version"],
    ] {
        let mut child = eyas(folder.path(), words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && !said.contains("panicked") && !said.contains("error"), "{words:?}: {said}");
    }
    let mut child = eyas(folder.path(), &["inspect", "none"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

/// All output goes through the printer: no other source file of the crate writes to a standard stream.
#[test]
fn nothing_but_the_printer_writes_to_the_terminal() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 100);
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        let opens = ["stdout()", "io::stderr()", "/dev/tty"].iter().any(|word| text.contains(word));
        // A destination may be the stream itself, for bytes of a file.
        let may = ["output/terminal.rs", "output/destination.rs"].iter().any(|end| path.ends_with(end));
        assert!(!opens || may, "{}: words for the terminal go through `output::terminal`", path.display());
    }
}
