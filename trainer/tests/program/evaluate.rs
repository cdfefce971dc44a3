//! A finished student on rows: what `eyas run` prints, and that `eyas evaluate` says of the same rows what the report says.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::{TABLE, eyas, said, write_table};
use eyas_trainer::report::Metrics;
use eyas_trainer::report::metrics::ResultRow;
use serde_json::Value;

fn shipped(file: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../models").join(file).to_str().unwrap().to_owned()
}

/// Standard output of a command that succeeds.
fn stdout(folder: &Path, arguments: &[&str]) -> String {
    let output = eyas(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a run says of its shipped student on the test rows.
fn stated(run: &Path, figure: &str) -> f64 {
    let metrics = Metrics::read(run).unwrap();
    let of = |row: &&ResultRow| {
        (row.split.as_str(), row.seed) == (metrics.shipped.split.as_str(), metrics.shipped.seed)
            && (row.part.as_str(), row.network.as_str(), row.figure.as_str()) == ("test", "student_int8", figure)
    };
    metrics.results.iter().find(of).and_then(|row| row.value).unwrap()
}

/// The two models whose data ship: a graph by its masks, a table by the split of its recipe.
#[test]
fn evaluate_says_what_the_report_of_a_shipped_student_says() {
    let folder = tempfile::tempdir().unwrap();
    let cora = [shipped("cora/student.eyas"), shipped("cora/data/cora.npz")];
    let watch = [shipped("har-watch/student.eyas"), shipped("har-watch/data/har-watch.npz")];
    let recipe = shipped("har-watch/recipe.toml");
    let by_recipe = ["--recipe", recipe.as_str(), "--group", "subject"];
    for (model, [student, data], more) in [("cora", cora, &[][..]), ("har-watch", watch, &by_recipe)] {
        let words = [&["evaluate", &student, "--input", &data, "--rows", "test", "--json"], more].concat();
        let found: Value = serde_json::from_str(&stdout(folder.path(), &words)).unwrap();
        for figure in ["accuracy", "macro_f1"] {
            let stated = stated(Path::new(&shipped(model)), figure);
            assert!((found[figure].as_f64().unwrap() - stated).abs() < 1e-9, "{model}, {figure}: {found}");
        }
        let metrics = Metrics::read(Path::new(&shipped(model))).unwrap();
        if let Some(confusion) = metrics.confusion {
            assert_eq!(found["confusion"], serde_json::to_value(confusion.counts).unwrap(), "{model}");
        }
        let groups = found["groups"].as_array().unwrap();
        let rows: u64 = groups.iter().map(|group| group["rows"].as_u64().unwrap()).sum();
        assert_eq!(rows, if more.is_empty() { 0 } else { found["rows"].as_u64().unwrap() });
        // Five people say nothing about the next; a thousand nodes do.
        assert_eq!(found["intervals_95"]["accuracy"].is_array(), more.is_empty(), "{found}");
    }
}

#[test]
fn rows_come_with_other_columns_in_another_order() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_table(folder);
    fs::write(folder.join("recipe.toml"), TABLE).unwrap();
    stdout(folder, &["distill", "recipe.toml", "--out", "out"]);
    let student = "out/student.eyas";
    let plain = stdout(folder, &["run", student, "--input", "table.csv", "--json"]);

    let text = fs::read_to_string(folder.join("table.csv")).unwrap();
    let mut moved = "note,b,activity,a,who,split\n".to_owned();
    for (row, line) in text.lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let part = ["train", "tune", "test"][row % 3];
        writeln!(moved, "good day,{},{},{},p{},{part}", cells[1], cells[4], cells[0], row % 20).unwrap();
    }
    fs::write(folder.join("moved.csv"), &moved).unwrap();
    let output = eyas(folder, &["run", student, "--input", "moved.csv", "--json"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), plain);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told.matches("does not take `note`, `activity`, `who`, `split`").count(), 1, "{told}");

    // Flat objects with the same keys, and probabilities.
    let mut keys = None;
    for (number, line) in plain.lines().enumerate() {
        let row: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        assert_eq!(row["row"], number);
        assert!(row.values().all(|value| value.is_string() || value.as_f64().is_some_and(f64::is_finite)), "{line}");
        let own: Vec<String> = row.keys().cloned().collect();
        assert_eq!(*keys.get_or_insert(own.clone()), own);
        let [high, low] = ["p_high", "p_low"].map(|key| row[key].as_f64().unwrap());
        let name = if row["label"] == 0 { "high" } else { "low" };
        assert!((high + low - 1.0).abs() < 1e-12 && row["name"] == name, "{line}");
        assert_eq!(row["probability"].as_f64().unwrap(), high.max(low));
    }
    let words = stdout(folder, &["run", student, "--input", "moved.csv"]);
    assert_eq!(words.lines().count(), 91);
    assert!(words.starts_with("row\tlabel\tprobability\tmargin\n0\t"), "{words}");

    // Labels by name, parts by the column `split`, groups by another.
    let ask = ["evaluate", student, "--input", "moved.csv", "--label", "activity"];
    let judged = |more: &[&str]| -> Value {
        serde_json::from_str(&stdout(folder, &[&ask[..], more, &["--json"]].concat())).unwrap()
    };
    let all = judged(&["--group", "who"]);
    assert_eq!((all["rows"].as_u64(), all["groups"].as_array().map(Vec::len)), (Some(90), Some(20)));
    assert_eq!(all["intervals"], "groups");
    assert_eq!(judged(&["--rows", "tune"])["rows"], 30);
    let shown = said(folder, &[&ask[..], &["--group", "who"]].concat(), 0);
    assert!(shown.contains("macro-F1, %") && shown.contains("p19"), "{shown}");

    fs::write(folder.join("other.csv"), moved.replace(",high,", ",middle,")).unwrap();
    let error = said(folder, &["evaluate", student, "--input", "other.csv", "--label", "activity"], 3);
    assert!(error.contains("among `high`, `low`") && error.contains("found `middle` in `activity`"), "{error}");
    assert!(said(folder, &["evaluate", student, "--input", "moved.csv"], 3).contains("--label"));
    let masks = said(folder, &["evaluate", student, "--input", "table.csv", "--rows", "test"], 3);
    assert!(masks.contains("--recipe"), "{masks}");
    let narrow = said(folder, &["run", student, "--input", "recipe.toml"], 3);
    assert!(narrow.contains("expected"), "{narrow}");
}

#[test]
fn readings_become_the_windows_of_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut text = "t,place,q,wind\n".to_owned();
    for moment in 0..200u32 {
        for (number, place) in ["north", "south"].iter().enumerate() {
            let q = f64::from(moment * 7 % 23) + 3.0 * number as f64;
            writeln!(text, "{moment},{place},{q},{}", (moment * 5 % 11)).unwrap();
        }
    }
    fs::write(folder.join("readings.csv"), text).unwrap();
    let recipe = "[data]\nsource = \"readings.csv\"\ntask = \"regress\"\nlabel = \"q\"\nstudent_columns = [\"q\", \"wind\"]\n\
        teacher_columns = [\"q\", \"wind\", \"sites.q\"]\nsplit = \"ordered\"\n[data.series]\ntime = \"t\"\nsite = \"place\"\n\
        history = 3\nahead = 2\n[[teacher]]\nkind = \"mlp\"\nhidden = [8]\nepochs = 3\nmembers = 1\n[student]\nhidden = [8]\n\
        epochs = 3\n[report]\nseeds = [1]\ncontrols = false\n";
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    stdout(folder, &["distill", "recipe.toml", "--out", "out"]);
    let ask = |command: &'static str| [command, "out/student.eyas", "--input", "readings.csv"];
    // The recipe beside the student finds its data elsewhere; the data are those that were given.
    let own = ["--recipe", "out/recipe.toml", "--json"];
    let judged: Value =
        serde_json::from_str(&stdout(folder, &[&ask("evaluate")[..], &own, &["--rows", "test"]].concat())).unwrap();
    for figure in ["mae", "rmse", "r2"] {
        let stated = stated(&folder.join("out"), figure);
        assert!((judged[figure].as_f64().unwrap() - stated).abs() < 1e-5 * stated.abs().max(1.0), "{figure}: {judged}");
    }
    assert_eq!(judged["intervals"], Value::Null, "neighbouring windows share readings");
    let everything: Value = serde_json::from_str(&stdout(folder, &[&ask("evaluate")[..], &own].concat())).unwrap();
    assert_eq!(everything["rows"], 2 * 196);
    // The forecast that nobody can judge yet is what a device is for.
    let rows = stdout(folder, &[&ask("run")[..], &own].concat());
    let last: Value = serde_json::from_str(rows.lines().last().unwrap()).unwrap();
    assert_eq!((rows.lines().count(), last["id"].as_str()), (2 * 198, Some("south 199")));
    assert!(last["value"].is_number(), "{last}");
    let hint = said(folder, &ask("run"), 3);
    assert!(hint.contains("a column `q[0]`") && hint.contains("give --recipe"), "{hint}");
}

#[test]
fn rows_that_were_left_out_shift_no_group_and_no_label() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut text = "a,b,fold,half,y\n".to_owned();
    for row in 0..120u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let a = if row == 3 { String::new() } else { a.to_string() };
        let (half, class) = (if row < 60 { "first" } else { "second" }, ["low", "high"][row as usize / 2 % 2]);
        writeln!(text, "{a},{b},{},{half},{class}", row % 3).unwrap();
    }
    fs::write(folder.join("gap.csv"), text).unwrap();
    let recipe = "[data]\nsource = \"gap.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\", \"b\"]\n\
        teacher_columns = [\"a\", \"b\"]\nmissing = \"drop\"\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\nhidden = [4]\nepochs = 3\n\
        members = 1\n[student]\nhidden = [4]\nepochs = 3\n[report]\nseeds = [1]\ncontrols = false\n";
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    stdout(folder, &["distill", "recipe.toml", "--out", "out"]);
    let ask = ["evaluate", "out/student.eyas", "--input", "gap.csv", "--recipe", "recipe.toml", "--rows", "test"];
    let judged = |more: &[&str]| -> Value {
        serde_json::from_str(&stdout(folder, &[&ask[..], more, &["--group", "half", "--json"]].concat())).unwrap()
    };
    let own = judged(&[]);
    let rows: Vec<u64> =
        own["groups"].as_array().unwrap().iter().map(|group| group["rows"].as_u64().unwrap()).collect();
    assert_eq!(rows, [19, 20], "{own}");
    assert_eq!(judged(&["--label", "y"])["accuracy"], own["accuracy"]);
    // Other seeds judge the same rows; another split may not.
    let told = |name: &str, recipe: String| {
        fs::write(folder.join(name), recipe).unwrap();
        let output = eyas(folder, &[&ask[..4], &["--recipe", name, "--rows", "test"]].concat());
        String::from_utf8(output.stderr).unwrap().contains("is not known to be that of this file")
    };
    assert!(!told("seeds.toml", recipe.replace("seeds = [1]", "seeds = [1, 2]")));
    assert!(told("fold.toml", recipe.replace("folds = [0]", "folds = [1]")));
}
