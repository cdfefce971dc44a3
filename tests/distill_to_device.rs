//! The main job: one command distils, quantizes, seals, reports and verifies, and always produces the same bytes.

use eyas_tests::command::{eyas, failure, stdout};
use eyas_trainer::report::Metrics;
use eyas_trainer::report::metrics::ResultRow;
use eyas_trainer::verify::device::{self, CORTEX_M0};
use npyz::WriterBuilder;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

const RECIPE: &str = "models/cora/recipe.toml";

fn distill(recipe: &str, out: &Path, more: &[&str]) -> String {
    let out = out.to_str().expect("a text path");
    stdout(&[&["distill", recipe, "--out", out], more].concat())
}

fn metrics(folder: &Path) -> Metrics {
    Metrics::read(folder).expect("metrics of a finished run")
}

/// Accuracy of a network on the test nodes in each run of a split, by seed.
fn accuracies(metrics: &Metrics, split: &str, network: &str) -> Vec<(u64, f64)> {
    let of = |row: &&ResultRow| {
        (row.split.as_str(), row.network.as_str(), row.part.as_str(), row.figure.as_str())
            == (split, network, "test", "accuracy")
    };
    metrics.results.iter().filter(of).map(|row| (row.seed, row.value.expect("a number"))).collect()
}

/// A copy of the shipped recipe with a small teacher and its controls off: seconds instead of minutes.
fn quick_recipe(folder: &Path) -> String {
    let text = fs::read_to_string(eyas_tests::command::root().join(RECIPE)).expect("the shipped recipe");
    let text = text.replace("hidden = [512, 512]", "hidden = [64]");
    assert!(text.contains("hidden = [64]"), "the shipped recipe changed; this test must follow");
    let path = folder.join("quick.toml");
    fs::write(&path, text + "\n[report]\ncontrols = false\n").expect("written");
    path.to_str().expect("a text path").to_owned()
}

#[test]
fn one_command_gives_a_student_a_report_and_its_proof() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("cora");
    distill(RECIPE, &out, &["--seeds", "2"]);
    for file in ["student.eyas", "report.html", "card.md", "metrics.json", "recipe.toml", "vectors.npz"] {
        assert!(fs::metadata(out.join(file)).is_ok_and(|file| file.len() > 0), "{file}");
    }
    assert!(!out.join("checkpoints").exists(), "a finished run leaves no checkpoints");

    let metrics = metrics(&out);
    assert_eq!(metrics.runs.len(), 4, "two seeds, transductive and inductive");
    for setting in ["transductive", "inductive"] {
        for column in [
            "teacher",
            "label_only",
            "student_float",
            "student_int8",
            "plain_kd",
            "graph_mlp",
            "uniform_teacher",
            "label_smoothing",
        ] {
            let summary = metrics.summary(setting, "test", column, "accuracy").expect(column);
            let mean = summary.mean.expect(column);
            let by_hand = accuracies(&metrics, setting, column).iter().map(|(_, value)| value).sum::<f64>() / 2.0;
            assert!((mean - by_hand).abs() < 1e-9 && (0.0..=100.0).contains(&mean), "{setting} {column}: {mean}");
            assert!(summary.sd.is_some() && summary.count == 2);
            assert!(
                metrics.summary(setting, "test", column, "macro_f1").is_some_and(|f1| f1.mean.is_some()),
                "{column}"
            );
        }
    }
    // Far from chance and from the labels alone; the exact figures are in docs/RESULTS.md.
    let int8 = metrics.mean("student_int8", "accuracy").expect("a number");
    let labels = metrics.mean("label_only", "accuracy").expect("a number");
    assert!(int8 > 79.0 && int8 > labels + 15.0, "int8 {int8}, labels only {labels}");
    // The edges alone teach a lot, without any teacher.
    let edges = metrics.mean("graph_mlp", "accuracy").expect("a number");
    assert!(edges > labels + 5.0, "Graph-MLP {edges}, labels only {labels}");

    let student = out.join("student.eyas");
    let student = student.to_str().expect("text");
    let inspected: Value = serde_json::from_str(&stdout(&["inspect", student, "--json"])).expect("JSON");
    assert!(inspected["weight_bytes"].as_u64().expect("a number") <= 24_576);
    assert_eq!((inspected["inputs"].as_u64(), inspected["outputs"].as_u64()), (Some(1433), Some(7)));
    assert_eq!(inspected["layers"].as_array().map(Vec::len), Some(2));
    assert_eq!(inspected["labels"].as_array().map(Vec::len), Some(7));

    // The student alone repeats the accuracy that the report states, row by row.
    let rows = stdout(&["run", student, "--input", "models/cora/data/cora.npz", "--json"]);
    let decided: Vec<u64> = rows
        .lines()
        .enumerate()
        .map(|(number, line)| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!(row["row"].as_u64(), Some(number as u64));
            let sure: Vec<f64> = (0..7).filter_map(|class| row[format!("p_class {class}")].as_f64()).collect();
            assert!(sure.len() == 7 && (sure.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{line}");
            row["label"].as_u64().expect("a label")
        })
        .collect();
    assert_eq!(decided.len(), 2708);
    let cora = eyas_trainer::dataset::Graph::load(&eyas_tests::command::root().join("models/cora/data/cora.npz"));
    let cora = cora.expect("the shipped data");
    let (labels, split) = (cora.labels.expect("labels"), cora.published.expect("a split"));
    let right = split.test.iter().filter(|&&node| decided[node] == u64::from(labels[node])).count();
    let stated = accuracies(&metrics, "transductive", "student_int8");
    let (_, stated) = *stated.iter().find(|(seed, _)| *seed == metrics.shipped.seed).expect("the shipped seed");
    assert!((right as f64 / split.test.len() as f64 * 100.0 - stated).abs() < 1e-9);

    let verified: Value = serde_json::from_str(&stdout(&["verify", student, "--json"])).expect("JSON");
    assert_eq!((verified["rows"].as_u64(), verified["mismatches"].as_u64()), (Some(200), Some(0)));

    // Another run cannot write into the folder.
    let text = out.to_str().expect("text");
    let (status, said) = failure(&["distill", RECIPE, "--out", text]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("--force"), "{said}");
}

#[test]
fn threads_change_no_byte_and_seeds_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = quick_recipe(folder.path());
    let student = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let _ = distill(&recipe, &out, more);
        fs::read(out.join("student.eyas")).expect("a student")
    };
    let one = student("one", &["--seeds", "2", "--threads", "1"]);
    assert_eq!(one, student("two", &["--seeds", "2", "--threads", "2"]));
    assert_eq!(one, student("again", &["--seeds", "2", "--threads", "2"]));
    assert_ne!(student("a", &["--seed", "7"]), student("b", &["--seed", "8"]));
}

#[test]
fn a_run_ends_with_the_proof_on_the_chip_that_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = quick_recipe(folder.path());
    if let Err(error) = device::check(&CORTEX_M0) {
        return eyas_tests::skip(error);
    }
    let said = distill(&recipe, &folder.path().join("out"), &["--seed", "7", "--verify", CORTEX_M0.name]);
    let verdict = said.lines().find(|line| line.starts_with(CORTEX_M0.name)).expect("a verdict");
    assert!(verdict.contains(" 200 rows ") && verdict.contains(" 0 differ, "), "{said}");
}

/// Copies the shipped data with the labels of the test nodes shifted by one class.
fn with_shuffled_test_labels(folder: &Path) {
    let source =
        fs::File::open(eyas_tests::command::root().join("models/cora/data/cora.npz")).expect("the shipped data");
    let mut archive = zip::ZipArchive::new(source).expect("an archive");
    let mut arrays = Vec::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("readable");
        arrays.push((entry.name().to_owned(), bytes));
    }
    let integers =
        |bytes: &[u8]| -> Vec<i32> { npyz::NpyFile::new(bytes).expect("an array").into_vec().expect("integers") };
    let (_, test) = arrays.iter().find(|(name, _)| name == "test_idx.npy").expect("a split");
    let test = integers(test);
    let mut changed = zip::ZipWriter::new(fs::File::create(folder.join("cora.npz")).expect("created"));
    for (name, bytes) in &arrays {
        changed.start_file(name, zip::write::SimpleFileOptions::default()).expect("room");
        if name != "labels.npy" {
            changed.write_all(bytes).expect("written");
            continue;
        }
        let mut labels = integers(bytes);
        for &node in &test {
            labels[node as usize] = (labels[node as usize] + 1) % 7;
        }
        let mut moved = Vec::new();
        let options = npyz::WriteOptions::new().default_dtype().shape(&[labels.len() as u64]);
        let mut array = options.writer(&mut moved).begin_nd().expect("begun");
        array.extend(labels).expect("written");
        array.finish().expect("finished");
        changed.write_all(&moved).expect("written");
    }
    changed.finish().expect("finished");
}

#[test]
fn labels_of_test_nodes_change_no_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = quick_recipe(folder.path());
    let shuffled = folder.path().join("shuffled");
    fs::create_dir(&shuffled).expect("created");
    with_shuffled_test_labels(&shuffled);
    let student = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let _ = distill(&recipe, &out, more);
        (fs::read(out.join("student.eyas")).expect("a student"), metrics(&out))
    };
    let (honest, told) = student("honest", &["--seed", "2022"]);
    let (blind, mistold) = student("blind", &["--seed", "2022", "--data-dir", shuffled.to_str().expect("text")]);
    assert!(honest == blind, "the labels of test nodes reached the student");
    let accuracy = |metrics: &Metrics| metrics.mean("student_int8", "accuracy").expect("a number");
    assert!(accuracy(&told) > 75.0 && accuracy(&mistold) < 25.0, "the shuffled labels were not used for scoring");
}

#[test]
fn a_killed_run_resumes_to_the_same_bytes_and_keeps_the_last_student() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = quick_recipe(folder.path());
    let whole = folder.path().join("whole");
    let _ = distill(&recipe, &whole, &["--seeds", "3"]);
    let out = folder.path().join("killed");
    let _ = distill(&recipe, &out, &["--seed", "99"]);
    let before = fs::read(out.join("student.eyas")).expect("a student");

    let mut child = eyas()
        .args(["distill", &recipe, "--out", out.to_str().expect("text"), "--seeds", "3", "--threads", "1", "--force"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("starts");
    // Two stages done, more to come.
    let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let done = lines.map_while(Result::ok).filter(|line| line.contains("] 20")).take(2).count();
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(done, 2, "the run ended before it could be killed");
    assert_eq!(fs::read(out.join("student.eyas")).expect("still there"), before, "the student before it is intact");

    let _ = distill(&recipe, &out, &["--seeds", "3", "--resume"]);
    assert_eq!(
        fs::read(out.join("student.eyas")).expect("a student"),
        fs::read(whole.join("student.eyas")).expect("a student"),
        "a resumed run gives the bytes of an uninterrupted one"
    );
}

#[test]
fn every_backend_trains_cora() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = quick_recipe(folder.path());
    let accuracy = |backend: &str| {
        let out = folder.path().join(backend);
        let _ = distill(&recipe, &out, &["--seeds", "5", "--backend", backend]);
        let metrics = metrics(&out);
        let student = metrics.summary("transductive", "test", "student_int8", "accuracy").expect("the student");
        (student.mean.expect("a number"), student.sd.expect("a number"))
    };
    let (flex, sd) = accuracy("flex");
    for backend in ["ndarray", "candle"] {
        let (mean, _) = accuracy(backend);
        assert!((mean - flex).abs() <= sd, "{backend}: {mean}, flex {flex}, one standard deviation is {sd}");
    }
}
