//! Made-up runs for the tests of the reports: a graph, a table in folds, and a regression.

use super::metrics::{About, Control, CostMetrics, Data, DataKind, DataTask, Metrics, ShippedStudent, TeacherMetrics};
use super::outcome::{Curve, MixerShare, NetworkOutcome, OBSERVED, Outcome, Rows, TEST, TRAIN, TUNE, role};
use super::score::Score;
use super::shipped::{Answers, Shipped, Steps, Truth};
use crate::nn::MadeOn;
use crate::quantize::Replay;
use ndarray::Array2;
use std::collections::BTreeMap;

/// Noise that does not cancel out, by run.
const NOISE: [f64; 5] = [0.1, -0.2, 0.05, 0.0, 0.15];

/// Mean figure of each network against plain KD; the student gets the gain of the sample.
const LEVELS: [(&str, f64); 7] = [
    ("teacher", 2.0),
    ("student_int8", -0.1),
    ("student_float", 0.0),
    ("plain_kd", 0.0),
    ("uniform_teacher", -21.0),
    ("label_smoothing", -20.0),
    ("label_only", -22.0),
];

fn curve(rate: f32) -> Curve {
    let falling = |epoch: u8| (-f32::from(epoch) * rate).exp();
    Curve {
        loss: (0..120).map(|epoch| 1.9 * falling(epoch) + 0.1).collect(),
        tune: (0..120).map(|epoch| 80.0 - 66.0 * falling(epoch)).collect(),
        tune_figure: "accuracy".into(),
        kept: Some(110),
    }
}

/// Networks of a classifier, each scored on the given parts around the given level.
fn classifiers(run: usize, gain: f64, parts: &[(&str, f64)]) -> BTreeMap<String, NetworkOutcome> {
    let mut networks = BTreeMap::new();
    for (place, (name, level)) in LEVELS.into_iter().enumerate() {
        let gain = if name.starts_with("student") { gain } else { 0.0 };
        let own = NOISE[(run + 2 * place) % NOISE.len()];
        let mut network = NetworkOutcome::new(role(name));
        for (part, base) in parts {
            let accuracy = base + level + gain + own;
            network = network.scored(part, Score::Classes { accuracy, macro_f1: Some(accuracy - 2.0) });
        }
        if name != "student_int8" {
            network.epochs = Some(120);
            network.cpu_seconds = Some(1.5);
            network.curve = Some(curve(0.03 + 0.01 * place as f32));
        }
        networks.insert(name.to_owned(), network);
    }
    networks
}

fn about(recipe: &str, data: Data, split: &str, seed: u64) -> About {
    let widths = vec![data.inputs, 16, data.outputs.len()];
    About {
        tool: "eyas 0.1.0".into(),
        recipe: recipe.into(),
        recipe_text: "[data]\nsource = \"it\" # <b>\n".into(),
        recipe_hash: "ab".repeat(32),
        asked_recipe_hash: None,
        backend: "flex".into(),
        threads: 1,
        data,
        teachers: vec![TeacherMetrics { title: "gcn 2x128".into(), path: None, sha256: None }],
        controls: vec![Control {
            name: "plain_kd".into(),
            title: "the same network on soft targets alone".into(),
            difference: "[target]\nlabel_weight = 0 # </code>\n".into(),
        }],
        shipped: ShippedStudent { split: split.into(), seed, student_hash: "ef".repeat(32), widths },
        cost: CostMetrics {
            file_bytes: 25_000,
            weight_bytes: 23_040,
            parameters: 23_063,
            macs: 23_040,
            arena_bytes: 80,
            arena_bytes_cortex_m4: 96,
            arena_bytes_cortex_m0: 128,
        },
        budget: None,
    }
}

fn made(about: About, outcomes: &[Outcome], judged: Shipped) -> Metrics {
    let machine = MadeOn {
        architecture: "x86_64".into(),
        system: "linux-gnu".into(),
        instructions: vec!["avx2".into(), "fma".into()],
    };
    Metrics { made_on: Some(machine), ..Metrics::of(about, outcomes, judged) }
}

/// What a student answers for 60 rows: mostly right, surer of some than of others.
fn judged(truth: Truth<'_>, outputs: usize) -> Shipped {
    let rows: Vec<usize> = (100..160).collect();
    let wanted: Vec<u16> = match truth {
        Truth::Classes(labels, _) => labels.to_vec(),
        Truth::Quantity(_) => vec![0; rows.len()],
    };
    let output = |row: usize, at: usize| match truth {
        Truth::Classes(..) if usize::from(wanted[row]) == at => {
            (row % 7 * 4) as i8 - if row.is_multiple_of(11) { 9 } else { 0 }
        }
        Truth::Classes(..) => (row % 3) as i8,
        Truth::Quantity(values) => (values[row] as i8).saturating_add((row % 5) as i8 - 2),
    };
    let last: Vec<i8> = (0..rows.len())
        .flat_map(|row| (0..outputs).map(move |at| (row, at)))
        .map(|(row, at)| output(row, at))
        .collect();
    let float = Array2::from_shape_fn((rows.len(), outputs), |(row, at)| {
        0.25 * f32::from(last[row * outputs + at]) + 0.1 * ((row + at) % 3) as f32
    });
    let best = |row: &[i8]| (0..row.len()).rev().max_by_key(|&at| row[at]).unwrap_or(0) as u16;
    let labels = last.chunks(outputs).map(best).collect();
    let integers = Replay { layers: vec![last], labels };
    let steps = [Steps { scale: 0.25, zero_point: 0, ends: [-128, 127] }];
    Shipped::of(&Answers { truth, rows: &rows, integers: &integers, steps: &steps, float: &[float], groups: None })
}

fn labels(classes: u16) -> Vec<u16> {
    (0..60).map(|row| row * row % classes).collect()
}

/// A run on a graph over `seeds` whose student is about `gain` points above plain KD.
pub(crate) fn graph(seeds: &[u64], gain: f64) -> Metrics {
    let names: Vec<String> = vec!["Theory".into(), "Neural Networks <deep>".into()];
    let outcome = |(run, &seed): (usize, &u64), split: &str| {
        let parts: &[(&str, f64)] =
            if split == "inductive" { &[(TEST, 74.0), (OBSERVED, 79.0)] } else { &[(TEST, 80.0), (TUNE, 80.5)] };
        Outcome {
            split: split.into(),
            seed,
            rows: Rows { train: 140, labelled: 140, tune: 500, test: 1000, unseen: 0 },
            networks: classifiers(run, gain, parts),
            mixer: Vec::new(),
            edge_agreement: Some(81.0),
            tried: Vec::new(),
            findings: Vec::new(),
            cpu_seconds: BTreeMap::from([("student".into(), 3.25), ("teacher".into(), 1.5)]),
        }
    };
    let both = |at: (usize, &u64)| [outcome(at, "transductive"), outcome(at, "inductive")];
    let outcomes: Vec<Outcome> = seeds.iter().enumerate().flat_map(both).collect();
    let data = Data {
        name: Some("cora".into()),
        kind: DataKind::Graph,
        task: DataTask::Classify,
        rows: 2708,
        edges: Some(5278),
        inputs: 1433,
        columns: None,
        outputs: names.clone(),
        hash: Some("cd".repeat(32)),
        warnings: vec!["class 6 is <rare>".into()],
        notice: Some("**CC BY 4.0**, McCallum et al. 2000".into()),
    };
    let seed = seeds.first().copied().unwrap_or_default();
    made(about("cora", data, "transductive", seed), &outcomes, judged(Truth::Classes(&labels(2), &names), 2))
}

/// A run on a table in three folds, two seeds each, with two teachers that a router chose between.
pub(crate) fn table(gain: f64) -> Metrics {
    let names: Vec<String> = ["seated", "walking", "turning"].map(str::to_owned).into();
    let outcome = |run: usize| {
        let mut networks = classifiers(run, gain + 0.3 * (run / 2) as f64, &[(TEST, 72.0), (TUNE, 76.0)]);
        let second = networks["teacher"].clone();
        networks
            .insert("teacher_4".into(), second.scored(TRAIN, Score::Classes { accuracy: 99.0, macro_f1: Some(98.0) }));
        let source = |name: &str, share| MixerShare { name: name.into(), share, score: None };
        Outcome {
            split: format!("fold {}", run / 2),
            seed: 1 + run as u64 % 2,
            rows: Rows { train: 5571, labelled: 5000, tune: 2115, test: 60, unseen: 60 },
            networks,
            mixer: vec![source("teacher", 60.0), source("teacher_4", 40.0)],
            edge_agreement: None,
            tried: Vec::new(),
            findings: Vec::new(),
            cpu_seconds: BTreeMap::from([("student".into(), 3.25)]),
        }
    };
    let data = Data {
        name: Some("har-watch".into()),
        kind: DataKind::Table,
        task: DataTask::Classify,
        rows: 9679,
        edges: None,
        inputs: 48,
        columns: Some(192),
        outputs: names.clone(),
        hash: Some("12".repeat(32)),
        warnings: Vec::new(),
        notice: None,
    };
    let outcomes: Vec<Outcome> = (0..6).map(outcome).collect();
    let mut about = about("har", data, "fold 0", 1);
    let file =
        TeacherMetrics { title: "onnx m.onnx".into(), path: Some("m.onnx".into()), sha256: Some("34".repeat(32)) };
    about.teachers.push(file);
    made(about, &outcomes, judged(Truth::Classes(&labels(3), &names), 3))
}

/// A regression over three seeds whose student errs by `gain` less than plain KD.
pub(crate) fn regression(gain: f64) -> Metrics {
    let outcome = |run: usize| {
        let noise = NOISE[run];
        let network = |name: &str, mae: f64| {
            let score = Score::Quantity { mae, rmse: 1.5 * mae, r2: Some(0.8 - mae / 100.0) };
            (name.to_owned(), NetworkOutcome::new(role(name)).scored(TEST, score).scored(TUNE, score))
        };
        Outcome {
            split: "ordered".into(),
            seed: 1 + run as u64,
            rows: Rows { train: 800, labelled: 800, tune: 200, test: 60, unseen: 60 },
            networks: BTreeMap::from([
                network("teacher", 18.0),
                network("student_int8", 20.7 - gain + noise / 5.0),
                network("student_float", 20.6 - gain + noise / 4.0),
                network("plain_kd", 20.7 - noise / 5.0),
                network("persistence", 21.3),
            ]),
            mixer: Vec::new(),
            edge_agreement: None,
            tried: Vec::new(),
            findings: Vec::new(),
            cpu_seconds: BTreeMap::new(),
        }
    };
    let data = Data {
        name: Some("beijing".into()),
        kind: DataKind::Table,
        task: DataTask::Regress,
        rows: 1060,
        edges: None,
        inputs: 24,
        columns: Some(48),
        outputs: vec!["PM2.5 <µg>".into()],
        hash: None,
        warnings: Vec::new(),
        notice: None,
    };
    let truth: Vec<f32> = (0..60u8).map(|row| f32::from(row % 40)).collect();
    let outcomes: Vec<Outcome> = (0..3).map(outcome).collect();
    made(about("beijing", data, "ordered", 1), &outcomes, judged(Truth::Quantity(&truth), 1))
}

/// All of them.
pub(crate) fn all() -> [Metrics; 3] {
    [graph(&[2022, 2023, 2024], 1.0), table(1.0), regression(1.0)]
}
