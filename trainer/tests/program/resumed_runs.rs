//! Restarted runs: a finished folder, damaged or swapped checkpoints; and recipes whose faults are reported before
//! anything is trained.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{GRAPH, TABLE, said, write_graph, write_table};
use eyas_trainer::nn::BackendKind;
use eyas_trainer::run::{Interrupt, Observer, RunContext, RunOptions, Work, execute};
use eyas_trainer::{Recipe, Run};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    write_graph(folder.path());
    fs::write(folder.path().join("table.toml"), TABLE).unwrap();
    fs::write(folder.path().join("graph.toml"), GRAPH).unwrap();
    folder
}

#[test]
fn a_finished_run_is_shown_again_and_left_as_it_is() {
    let folder = folder();
    for kind in ["table", "graph"] {
        let recipe = format!("{kind}.toml");
        let distil = |more: &[&str], status| {
            said(
                folder.path(),
                &[&["distill", &recipe, "--out", kind, "--seed", "9223372036854775807"], more].concat(),
                status,
            )
        };
        distil(&[], 0);
        let student = folder.path().join(kind).join("student.eyas");
        let (bytes, time) = (fs::read(&student).unwrap(), fs::metadata(&student).unwrap().modified().unwrap());
        let text = distil(&["--resume"], 0);
        assert!(text.contains("this run is finished") && text.contains("student.eyas"), "{text}");
        assert!(text.contains("int8") && text.contains(" 0 differ"), "the results are shown: {text}");
        let text = distil(&["--resume", "--json"], 0);
        assert!(text.contains("\"schema\""), "{text}");
        assert_eq!((fs::read(&student).unwrap(), fs::metadata(&student).unwrap().modified().unwrap()), (bytes, time));
        // The copy of the recipe, with the largest possible seed, is a valid recipe.
        said(folder.path(), &["distill", &format!("{kind}/recipe.toml"), "--dry-run"], 0);
        // Another run is recognised as such.
        let text = said(folder.path(), &["distill", &recipe, "--out", kind, "--seed", "2", "--resume"], 1);
        assert!(text.contains("a finished one of others") && text.contains("--force"), "{text}");
    }
}

#[test]
fn seeds_that_no_recipe_can_hold_are_refused() {
    let folder = folder();
    for seed in ["9223372036854775808", "18446744073709551615"] {
        let text = said(folder.path(), &["distill", "table.toml", "--out", "x", "--seed", seed], 2);
        assert!(text.contains("9223372036854775807"), "{text}");
    }
    fs::write(folder.path().join("last.toml"), TABLE.replace("seeds = [1]", "seeds = [9223372036854775807]")).unwrap();
    said(folder.path(), &["distill", "last.toml", "--dry-run"], 0);
    let text = said(folder.path(), &["distill", "last.toml", "--dry-run", "--seeds", "2"], 2);
    assert!(text.contains("expected seeds up to 9223372036854775807, found 9223372036854775808"), "{text}");
    assert!(!folder.path().join("x").exists());
}

#[test]
fn a_number_beyond_toml_blames_its_own_key() {
    let folder = folder();
    let graph = |from: &str, to: &str| (GRAPH.replace(from, to), to.to_owned());
    for (text, line) in [
        graph("split = \"random\"", "split = \"random\"\nsplit_seed = 9223372036854775808"),
        graph("hidden = [8]", "hidden = 18446744073709551616"),
        graph("epochs = 5\n[student]", "epochs = 99999999999999999999\n[student]"),
        graph("seeds = [1]", "seeds = [1, 9223372036854775808]"),
        graph("[student]", "dropout = 170141183460469231731687303715884105728\n[student]"),
    ] {
        let (key, number) =
            line.lines().find_map(|line| line.split_once(" = ").filter(|(_, value)| value.len() > 15)).unwrap();
        let number = number.trim_matches(['[', ']']).rsplit(' ').next().unwrap();
        fs::write(folder.path().join("r.toml"), &text).unwrap();
        let text = said(folder.path(), &["distill", "r.toml", "--dry-run"], 2);
        assert!(text.contains(key) && text.contains(number), "{key}: {text}");
        assert!(text.contains("to 9223372036854775807"), "{key}: {text}");
    }
    fs::write(folder.path().join("r.toml"), GRAPH.replace("[student]", "dropout = 1e308\n[student]")).unwrap();
    let text = said(folder.path(), &["distill", "r.toml", "--dry-run"], 2);
    assert!(text.contains("found 1e308") && !text.contains("00000"), "{text}");
}

#[test]
fn a_name_that_no_student_file_holds_is_refused_before_any_work() {
    let folder = folder();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let table = fs::read_to_string(folder.path().join("table.csv")).unwrap();
    write("class.csv", &table.replace(",high", ",\"hi\ngh\""));
    write("input.csv", &table.replacen("a,b,c", "\"a\nb\",b,c", 1));
    write("class.toml", &TABLE.replace("table.csv", "class.csv"));
    write("names.toml", &TABLE.replace("label = ", "class_names = [\"high\", \"lo\\nw\"]\nlabel = "));
    write(
        "input.toml",
        &TABLE
            .replace("table.csv", "input.csv")
            .replace("[\"a\", \"b\"]", "[\"a*\"]")
            .replace("\"a..c\"", "\"a*\", \"b\", \"c\""),
    );
    let nodes = fs::read_to_string(folder.path().join("nodes.csv")).unwrap();
    write("named.csv", &nodes.replace("id,x,y", "id,\"x\nz\",y"));
    write("named.toml", &GRAPH.replace("nodes.csv", "named.csv"));
    for (recipe, name) in [("class", "hi\\ngh"), ("names", "lo\\nw"), ("input", "a\\nb"), ("named", "x\\nz")] {
        for more in [&["--dry-run"][..], &["--out", "out"]] {
            let recipe = format!("{recipe}.toml");
            let text = said(folder.path(), &[&["distill", &recipe], more].concat(), 3);
            assert!(text.contains(name) && text.contains("on one line of the student file"), "{recipe}: {text}");
        }
    }
    assert!(!folder.path().join("out").exists(), "nothing was begun");
}

#[derive(Default)]
struct Notes(std::sync::Mutex<Vec<String>>);

impl Observer for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

/// Runs the graph's recipe over checkpoints in `folder`; returns the student's weights and the messages.
fn run(folder: &Path, checkpoints: &Path) -> (String, Vec<String>) {
    let recipe = Recipe::load(&folder.join("graph.toml")).unwrap();
    let data = Run::new(recipe.clone()).data().unwrap();
    let options = RunOptions { seeds: vec![1], backend: BackendKind::Flex, threads: 1 };
    let (notes, interrupt) = (Notes::default(), Interrupt::new());
    let context =
        RunContext { observer: &notes, interrupt: &interrupt, checkpoints: Some((checkpoints, [3; 32])), cache: None };
    let work = Work { recipe: &recipe, data: &data, files: &[], options: &options, context: &context };
    let result = execute(&work).unwrap();
    let told = notes.0.into_inner().unwrap().into_iter().filter(|note| note.contains("checkpoint")).collect();
    (format!("{:?}", result.shipped().weights), told)
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let mut stages: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|stage| stage.unwrap().path().join("last.checkpoint")).collect();
    stages.sort();
    stages
}

#[test]
fn a_damaged_or_swapped_checkpoint_costs_its_own_stage() {
    let folder = folder();
    let kept = folder.path().join("checkpoints");
    let (first, _) = run(folder.path(), &kept);
    let stages = checkpoints(&kept);
    assert!(stages.len() >= 4, "teacher and student, with and without the unseen nodes: {stages:?}");
    let whole: Vec<Vec<u8>> = stages.iter().map(|stage| fs::read(stage).unwrap()).collect();
    let times =
        || stages.iter().map(|stage| fs::metadata(stage).unwrap().modified().unwrap()).collect::<Vec<SystemTime>>();
    let restore = || stages.iter().zip(&whole).for_each(|(stage, bytes)| fs::write(stage, bytes).unwrap());
    // Damaged one at a time; the others are used unchanged.
    for (at, stage) in stages.iter().enumerate() {
        fs::write(stage, &whole[at][..whole[at].len() / 2]).unwrap();
        // Long ago, so that a rewritten file is detected for any resolution of the file system's clock.
        let before = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        stages.iter().for_each(|stage| File::options().append(true).open(stage).unwrap().set_modified(before).unwrap());
        let (again, told) = run(folder.path(), &kept);
        assert_eq!(again, first);
        assert!(told.len() == 1 && told[0].contains("is damaged") && told[0].contains("computed again"), "{told:?}");
        let changed: Vec<usize> =
            times().iter().enumerate().filter(|(_, time)| **time != before).map(|(at, _)| at).collect();
        assert_eq!(changed, [at], "that stage alone was done again");
        restore();
    }
    // Every pair of them swapped.
    for (a, b) in (0..stages.len()).flat_map(|a| (0..a).map(move |b| (a, b))) {
        fs::write(&stages[a], &whole[b]).unwrap();
        fs::write(&stages[b], &whole[a]).unwrap();
        let (again, told) = run(folder.path(), &kept);
        assert_eq!(again, first, "{a} and {b}");
        assert!(told.len() == 2 && told.iter().all(|note| note.contains("of another stage")), "{told:?}");
        restore();
    }
}
