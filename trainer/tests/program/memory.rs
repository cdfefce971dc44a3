//! Compares the memory estimate with real runs: never below the peak, and at most four times as much.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use eyas_trainer::run::estimate;
use eyas_trainer::{Recipe, Run};

/// Largest ratio of estimate to peak: a run this short writes no checkpoint, and parallel trainings do not always peak
/// together.
const FACTOR: f64 = 4.0;

/// Peak of the resident memory of a run, in bytes.
fn peak(recipe: &Path, out: &Path, threads: usize) -> u64 {
    let mut child = Command::new(env!("CARGO_BIN_EXE_eyas"))
        .args(["distill", recipe.to_str().unwrap(), "--out", out.to_str().unwrap(), "--threads", &threads.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak = now.unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success());
    peak << 10
}

/// What the recipe at `path` is estimated to take, in bytes.
fn estimated(path: &Path, threads: usize) -> u64 {
    let recipe = Recipe::load(path).unwrap();
    let data = Run::new(recipe.clone()).data().unwrap();
    let evaluations = data.evaluations(&recipe, &recipe.report.seeds).unwrap().len();
    estimate(&recipe, &data, &[], evaluations, threads).total()
}

fn compare(name: &str, estimated: u64, measured: u64) {
    let factor = estimated as f64 / measured as f64;
    println!("{name}: estimated {} MiB, measured {} MiB, factor {factor:.2}", estimated >> 20, measured >> 20);
    assert!((1.0..=FACTOR).contains(&factor), "{name}: {estimated} estimated, {measured} measured");
}

/// A shipped recipe with a few epochs: the first one already shows the memory.
fn short(model: &str, folder: &Path, changes: &[(&str, &str)]) -> std::path::PathBuf {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(model);
    let mut text = fs::read_to_string(model.join("recipe.toml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "the shipped recipe changed; this test must follow: no {from:?} in {text}");
        text = text.replace(from, to);
    }
    let base = model.canonicalize().unwrap();
    let path = folder.join("short.toml");
    fs::write(&path, format!("base = [{:?}]\n{text}", base.to_str().unwrap())).unwrap();
    path
}

#[test]
fn the_shipped_graph_recipe_takes_what_is_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let epochs = [
        ("[[teacher]]", "[[teacher]]\nepochs = 2"),
        ("[student]", "[student]\nepochs = 2"),
        ("[objective]", "[report]\nseeds = [1]\ncontrols = false\n[objective]"),
    ];
    let path = short("cora", folder.path(), &epochs);
    for threads in [1, 2] {
        compare("cora", estimated(&path, threads), peak(&path, &folder.path().join(threads.to_string()), threads));
    }
    // A case where weights take nearly all of it.
    let text = fs::read_to_string(&path).unwrap();
    let wide = text.lines().map(|line| if line.starts_with("hidden = [") { "hidden = [4096, 1024]" } else { line });
    fs::write(&path, wide.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    compare("cora, wide", estimated(&path, 1), peak(&path, &folder.path().join("wide"), 1));
}

#[test]
fn the_shipped_table_recipe_takes_what_is_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let path = short("har-watch", folder.path(), &[]);
    let text = fs::read_to_string(&path).unwrap();
    let epochs = |line: &str| match line.split_once(" = ").map_or(line, |(key, _)| key) {
        "epochs" => "epochs = 1".to_owned(),
        "members" => "members = 1".to_owned(),
        "folds" => "folds = [0]".to_owned(),
        "seeds" => "seeds = [1]".to_owned(),
        _ => line.to_owned(),
    };
    fs::write(&path, text.lines().map(epochs).collect::<Vec<_>>().join("\n") + "\n").unwrap();
    compare("har-watch", estimated(&path, 1), peak(&path, &folder.path().join("out"), 1));
}
