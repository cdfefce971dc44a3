//! A recipe that leaves the choice of its teacher to the run: what was tried, what was chosen, and that it can be had again.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use eyas_trainer::{Outcome, Recipe, Run};

/// Rows whose class follows from `a` and `b`; `c` tells it to the teacher outright.
fn table() -> String {
    let mut text = "a,b,c,fold,label\n".to_owned();
    for row in 0..90u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let class = u32::from(a + b > 0.0);
        writeln!(text, "{a},{b},{class},{},{class}", row % 3).unwrap();
    }
    text
}

fn go(recipe: &Path, out: &Path) -> Outcome {
    let recipe = Recipe::load(recipe).unwrap_or_else(|error| panic!("{error}"));
    Run::new(recipe).out(out).go().unwrap_or_else(|error| panic!("{error}"))
}

/// Runs a recipe and what it led to; both give the same student.
fn found_and_had_again(folder: &Path, recipe: &Path, candidates: usize) -> Outcome {
    let found = go(recipe, &folder.join("found"));
    let settled = folder.join("found/recipe.toml");
    let text = fs::read_to_string(&settled).unwrap();
    assert!(!text.contains("\"auto\""), "{text}");
    let again = go(&settled, &folder.join("again"));
    assert_eq!(*found.file, *again.file);
    for run in &found.metrics.runs {
        assert_eq!(run.tried.len(), candidates);
        assert!(run.tried.iter().any(|tried| tried.chosen));
        let best = run.tried.iter().map(|tried| tried.tune.merit()).fold(f64::NEG_INFINITY, f64::max);
        assert!(run.tried.iter().all(|tried| tried.chosen || tried.tune.merit() <= best));
        assert!(run.tried.iter().any(|tried| tried.chosen && tried.tune.merit() == best), "the best is among them");
    }
    assert_ne!(found.metrics.asked_recipe_hash, None);
    assert_eq!(again.metrics.asked_recipe_hash, None);
    let card = fs::read_to_string(folder.join("found/card.md")).unwrap();
    assert!(card.contains("## Teachers that were tried"), "{card}");
    found
}

#[test]
fn the_teacher_of_a_table_is_found_and_written_into_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("table.csv"), table()).unwrap();
    let recipe = folder.path().join("asked.toml");
    let text = "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
                teacher_columns = [\"a..c\"]\nfolds = [0]\n[[teacher]]\nkind = \"auto\"\ncandidates = 2\n\
                [student]\nhidden = [8]\nsteps = 200\n[report]\nseeds = [1, 2, 3]\n";
    fs::write(&recipe, text).unwrap();
    let found = found_and_had_again(folder.path(), &recipe, 2);
    assert!(found.metrics.mean("teacher", "accuracy") > Some(90.0));
    assert!(found.metrics.mean("self", "accuracy").is_some(), "controls follow what was found");
}

#[test]
fn the_teacher_of_a_graph_is_found_and_written_into_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("asked.toml");
    let cora = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models/cora/data/cora.npz").canonicalize().unwrap();
    let text = format!(
        "[data]\nsource = {:?}\n[[teacher]]\nkind = \"auto\"\ncandidates = 3\n[student]\nhidden = [4]\nepochs = 20\n\
         [report]\nseeds = [1]\ncontrols = false\n",
        cora.display().to_string()
    );
    fs::write(&recipe, text).unwrap();
    let found = found_and_had_again(folder.path(), &recipe, 3);
    assert!(found.metrics.mean("teacher", "accuracy") > Some(78.0));
}
