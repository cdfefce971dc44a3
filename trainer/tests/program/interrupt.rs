//! Ctrl-C ends a model that never answers; finished work is kept.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::TABLE;
use eyas_trainer::onnx::{Backend, Runtime, RuntimeError, Search};

/// Long enough for any machine to start, and still finite.
const BEGIN: Duration = Duration::from_secs(60);

fn has_runtime() -> bool {
    match Runtime::open(Backend::Onnxruntime, &Search::from_environment(None)) {
        Ok(_) => true,
        Err(error @ RuntimeError::NotFound) => {
            eyas_tests::skip(error);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    let command = command.current_dir(folder).args(arguments).stdout(Stdio::null());
    command.stderr(fs::File::create(folder.join("said")).unwrap()).spawn().unwrap()
}

/// Waits for something that takes at most [`BEGIN`].
fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let start = Instant::now();
    while !happened() {
        assert!(start.elapsed() < BEGIN, "{what} takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// CPU time of a process in ticks.
fn spent(child: &Child) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(11)?.parse().ok()).unwrap_or(0)
}

/// One Ctrl-C, and the exit status it leads to.
fn interrupt(child: &mut Child) -> Option<i32> {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut status = None;
    until("the end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap().code()
}

fn teacher() -> String {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/endless.onnx");
    format!("kind = \"onnx\"\npath = {:?}\nbatch_rows = 4\nanswers = \"logits\"", model.to_str().unwrap())
}

#[test]
fn a_part_that_never_ends_is_ended_and_the_others_stay() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows: String = (0..16).map(|row| if row < 8 { "1,2\n" } else { "1,99\n" }).collect();
    fs::write(folder.join("table.csv"), format!("a,b\n{rows}")).unwrap();
    fs::write(folder.join("label.toml"), format!("[[teacher]]\n{}\n", teacher())).unwrap();
    let mut child = start(
        folder,
        &["label", "label.toml", "--in", "table.csv", "--out", "labels", "--rows-per-part", "8", "--jobs", "1"],
    );
    until("the first part", || fs::read_to_string(folder.join("said")).is_ok_and(|said| said.contains("part 0 of 2")));
    // By now the second part is in its endless loop.
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(child.try_wait().unwrap(), None);
    assert_eq!(interrupt(&mut child), Some(130), "{}", fs::read_to_string(folder.join("said")).unwrap());
    let status = crate::eyas(folder, &["label", "label.toml", "--out", "labels", "--status"]);
    assert_eq!(String::from_utf8_lossy(&status.stdout).trim(), "1", "the part that was done is kept");
}

#[test]
fn a_teacher_that_never_answers_is_ended() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::write_table(folder);
    let table = fs::read_to_string(folder.join("table.csv")).unwrap();
    fs::write(folder.join("table.csv"), table + "99,99,99,0,high\n").unwrap();
    let recipe = TABLE.replace("kind = \"mlp\"\nhidden = [8]\nepochs = 3\nmembers = 1", &teacher());
    fs::write(folder.join("r.toml"), recipe.replace("\"a..c\"", "\"a\", \"b\"")).unwrap();
    for arguments in [&["distill", "r.toml", "--out", "out"][..], &["distill", "r.toml", "--dry-run"]] {
        let mut child = start(folder, arguments);
        // Nothing else of this command takes two seconds.
        until("the model", || spent(&child) > 200);
        assert_eq!(interrupt(&mut child), Some(130), "{}", fs::read_to_string(folder.join("said")).unwrap());
        let said = fs::read_to_string(folder.join("said")).unwrap();
        assert!(said.contains("interrupted while the model answered"), "{said}");
    }
}
