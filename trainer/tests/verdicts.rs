//! What a run says about its teacher, on the shipped watch data with answers that are wrong in a known way.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use eyas_trainer::data::Data;
use eyas_trainer::{Outcome, Recipe, Run};

fn watch() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/har-watch/data/har-watch.npz");
    format!("{:?}", path.canonicalize().unwrap().display().to_string())
}

fn recipe(folder: &Path, student: &str, report: &str) -> Recipe {
    let text = format!(
        "[data]\nsource = {}\nlabel = \"y\"\nstudent_columns = [\"m1_watch_acc\"]\nteacher_columns = [\"m1_watch_acc\"]\n\
         fold = \"fold\"\ngroup = \"subject\"\nfolds = [0]\n[[teacher]]\nkind = \"table\"\npath = \"answers.csv\"\n\
         answers = \"logits\"\n[student]\n{student}\n[report]\n{report}\n",
        watch()
    );
    Recipe::parse(&text, &folder.join("recipe.toml")).unwrap_or_else(|error| panic!("{error}"))
}

/// A run on the answers that `sure` gives: the class that each row's teacher is sure of, and how sure.
fn run(recipe: Recipe, folder: &Path, sure: impl Fn(usize, &[u16], usize) -> (usize, f32)) -> Outcome {
    let out = folder.join("out");
    // The data are found without their answers.
    let run = Run::new(recipe).out(&out).replace(true);
    let data: Data = run.data().unwrap_or_else(|error| panic!("{error}"));
    let (labels, classes) = (data.truth.labels().unwrap(), data.truth.outputs());
    let names: Vec<String> = (0..classes).map(|class| format!("logits_{class}")).collect();
    let mut text = names.join(",") + "\n";
    for row in 0..labels.len() {
        let (class, margin) = sure(row, labels, classes);
        let cells = (0..classes).map(|at| if at == class { margin.to_string() } else { "0".to_owned() });
        writeln!(text, "{}", cells.collect::<Vec<_>>().join(",")).unwrap();
    }
    fs::write(folder.join("answers.csv"), text).unwrap();
    run.go().unwrap_or_else(|error| panic!("{error}"))
}

fn kinds(sure: impl Fn(usize, &[u16], usize) -> (usize, f32)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path(), "hidden = [4]\nsteps = 100", "seeds = [1]\ncontrols = false");
    let outcome = run(recipe, folder.path(), sure);
    let card = fs::read_to_string(folder.path().join("out/card.md")).unwrap();
    let found = &outcome.metrics.runs[0].findings;
    for finding in found {
        let words = finding.text.split(':').next().unwrap_or_default();
        assert!(card.contains(words), "{words}: {card}");
    }
    found.iter().map(|finding| finding.kind.clone()).collect()
}

#[test]
fn a_teacher_is_called_by_what_is_wrong_with_it() {
    assert_eq!(kinds(|row, labels, _| (usize::from(labels[row]), 5.0)), [""; 0], "a good one");
    let shuffled = |row: usize, labels: &[u16], _: usize| (usize::from(labels[row * 7919 % labels.len()]), 5.0);
    assert_eq!(kinds(shuffled), ["teacher-at-chance"]);
    let tenth = |row: usize, labels: &[u16], classes: usize| {
        ((usize::from(labels[row]) + usize::from(!row.is_multiple_of(10))) % classes, 5.0)
    };
    assert_eq!(kinds(tenth), ["teacher-contradicts"]);
    assert_eq!(kinds(|row, labels, _| (usize::from(labels[row]), 0.05)), ["teacher-nearly-uniform"]);
    assert!(kinds(|_, _, _| (0, 0.0)).contains(&"teacher-nearly-uniform".to_owned()));
}

#[test]
fn a_student_that_cannot_follow_its_teacher_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path(), "hidden = [1]\nsteps = 300", "seeds = [1, 2, 3]");
    run(recipe, folder.path(), |row, labels, _| (usize::from(labels[row]), 5.0));
    let card = fs::read_to_string(folder.path().join("out/card.md")).unwrap();
    assert!(card.contains("cannot follow its teacher"), "{card}");
}

#[test]
fn a_column_that_tells_the_answer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "a,b,code,y\n".to_owned();
    for row in 0..200u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let class = u32::from(a + b > 0.0);
        writeln!(text, "{a},{b},{},{class}", 10 + 7 * class).unwrap();
    }
    fs::write(folder.path().join("t.csv"), text).unwrap();
    let kinds = |columns: &str| {
        let text = format!(
            "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [{columns}]\nteacher_columns = [{columns}]\n\
             split = \"random\"\n[[teacher]]\nkind = \"mlp\"\nsteps = 500\nmembers = 1\n[student]\nhidden = [4]\n\
             steps = 500\n[report]\nseeds = [1]\ncontrols = false\n"
        );
        let recipe = Recipe::parse(&text, &folder.path().join("recipe.toml")).unwrap();
        let outcome = Run::new(recipe).out(folder.path().join("out")).replace(true).go().unwrap();
        outcome.metrics.runs[0].findings.iter().map(|finding| finding.kind.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("\"a\", \"b\", \"code\""), ["leak"]);
    assert_eq!(kinds("\"a\", \"b\""), [""; 0]);
}
