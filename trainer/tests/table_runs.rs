//! A recipe on a table, from columns to a sealed student: labels of the test rows change no byte of it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use eyas::Student;
use eyas_trainer::nn::BackendKind;
use eyas_trainer::output::{Existing, OutputFolder};
use eyas_trainer::recipe::TabularRecipe;
use eyas_trainer::run::{Interrupt, Observer, RESULTS, RunContext, RunOptions};
use eyas_trainer::tabular::{TabularPrepared, TabularRun, execute};

struct Quiet;

impl Observer for Quiet {}

/// Rows whose class follows from `a` and `b`; `c` tells it to the teacher outright. Fold 0 judges.
fn table(turned: bool) -> String {
    let mut text = "a,b,c,fold,label\n".to_owned();
    for row in 0..150u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let class = usize::from(a + b > 0.0);
        let shown = if turned && row % 3 == 0 { 1 - class } else { class };
        writeln!(text, "{a},{b},{class},{},{}", row % 3, ["low", "high"][shown]).unwrap();
    }
    text
}

fn run(folder: &Path, data: &str, threads: usize) -> TabularRun {
    fs::write(folder.join("table.csv"), data).unwrap();
    let text = "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
                teacher_columns = [\"a..c\"]\nfolds = [0]\nlabel_share = 0.5\n[[teacher]]\nkind = \"fusion\"\n\
                branch_hidden = [8]\nhidden = [8]\nepochs = 100\nbatch_rows = 8\nlearning_rate = 0.01\ndropout = 0\nmembers = 1\n[student]\nhidden = [8]\nepochs = 60\n\
                batch_rows = 16\nlearning_rate = 0.01\n[report]\nseeds = [1, 2]\n";
    let path = folder.join("recipe.toml");
    let recipe = TabularRecipe::parse(text, &path).unwrap();
    let prepared = TabularPrepared::load(&recipe, &path, None).unwrap();
    let options = RunOptions { seeds: vec![1, 2], backend: BackendKind::Flex, threads };
    let interrupt = Interrupt::new();
    let context = RunContext { observer: &Quiet, interrupt: &interrupt, checkpoints: None, cache: None };
    let out = OutputFolder::open(&folder.join(format!("out-{threads}")), &RESULTS, Existing::Replace).unwrap();
    execute(&recipe, "table", &prepared, &options, &context, &out).unwrap()
}

#[test]
fn threads_and_labels_of_the_test_rows_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), &table(false), 1);
    let second = run(folder.path(), &table(true), 2);
    assert_eq!(*first.file, *second.file);
    let student = Student::load(&first.file).unwrap();
    assert_eq!(student.metadata().labels().collect::<Vec<_>>(), ["high", "low"]);
    let int8 = first.metrics.mean["student_int8"]["accuracy"];
    assert!(int8 > 85.0, "{:?}", first.metrics.mean);
    assert!(second.metrics.mean["student_int8"]["accuracy"] < 30.0, "the turned labels judge all the same");
    assert!(first.metrics.mean.contains_key("random_router") && first.metrics.runs[0].label_share < 0.6);
}

#[test]
fn a_regression_answers_in_the_unit_of_its_quantity() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "a,b,y\n".to_owned();
    for row in 0..300u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        writeln!(text, "{a},{b},{}", 40.0 * a + 10.0 * b).unwrap();
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    let text = "[data]\nsource = \"table.csv\"\ntask = \"regress\"\nlabel = \"y\"\nstudent_columns = [\"a\", \"b\"]\n\
                teacher_columns = [\"a\", \"b\"]\nsplit = \"ordered\"\n[[teacher]]\nkind = \"mlp\"\nhidden = [16]\n\
                mixup = false\ndropout = 0\nepochs = 60\nbatch_rows = 16\nlearning_rate = 0.01\nmembers = 1\n\
                [student]\nhidden = [16]\nbatch_rows = 16\nlearning_rate = 0.01\n[report]\nseeds = [1]\n";
    let path = folder.path().join("recipe.toml");
    let recipe = TabularRecipe::parse(text, &path).unwrap();
    let prepared = TabularPrepared::load(&recipe, &path, None).unwrap();
    let options = RunOptions { seeds: vec![1], backend: BackendKind::Flex, threads: 1 };
    let interrupt = Interrupt::new();
    let context = RunContext { observer: &Quiet, interrupt: &interrupt, checkpoints: None, cache: None };
    let out = OutputFolder::open(&folder.path().join("out"), &RESULTS, Existing::Replace).unwrap();
    let run = execute(&recipe, "regression", &prepared, &options, &context, &out).unwrap();
    let figures = &run.metrics.mean["student_int8"];
    assert!(figures["r2"] > 0.97 && figures["mae"] < 4.0, "{figures:?}");
}
