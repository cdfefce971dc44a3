//! A made-up run for the tests of the reports.

use super::metrics::{
    Accuracies, CostMetrics, Curve, DataMetrics, Metrics, SCHEMA, SeedMetrics, Summary, by_class, differences,
};
use crate::nn::MadeOn;
use std::collections::BTreeMap;

/// A run over `seeds` whose float student is about `gain` points above plain KD.
pub(crate) fn run(seeds: &[u64], gain: f64) -> Metrics {
    let accuracies = |index: usize, shift: f64| {
        let noise = [0.1, -0.2, 0.05, 0.0, 0.15][index % 5];
        let kd = 80.0 + shift + noise;
        Accuracies {
            teacher: 82.0 + shift - noise,
            label_only: Some(58.0 + shift + 2.0 * noise),
            label_smoothing: Some(60.0 + shift - noise),
            uniform_teacher: Some(59.0 + shift),
            plain_kd: Some(kd),
            student_float: kd + gain + noise * if index.is_multiple_of(2) { 1.0 } else { -1.5 },
            student_int8: kd + gain - 0.1 + noise,
        }
    };
    let curve = |rate: f32| Curve {
        loss: (0..120u8).map(|epoch| 1.9 * (-f32::from(epoch) * rate).exp() + 0.1).collect(),
        tune_accuracy: (0..120u8).map(|epoch| 80.0 - 66.0 * (-f32::from(epoch) * rate).exp()).collect(),
    };
    let rows: Vec<SeedMetrics> = seeds
        .iter()
        .enumerate()
        .map(|(index, &seed)| SeedMetrics {
            seed,
            transductive: accuracies(index, 0.0),
            inductive: Some(accuracies(index, -6.0)),
            inductive_observed: Some(accuracies(index, -1.0)),
            tune: accuracies(index, 0.5),
            cpu_seconds: BTreeMap::from([("student".into(), 3.25), ("teacher".into(), 1.5)]),
            epochs: BTreeMap::from([("student".into(), 120), ("teacher".into(), 90)]),
            edge_agreement: 0.81,
            curves: BTreeMap::from([
                ("label_only".into(), curve(0.08)),
                ("plain_kd".into(), curve(0.05)),
                ("student".into(), curve(0.03)),
                ("teacher".into(), curve(0.1)),
            ]),
        })
        .collect();
    let labels = ["Theory".to_owned(), "Neural Networks <deep>".to_owned()];
    let (classes, macro_f1) = by_class(&labels, &[0, 0, 0, 1, 1], &[0, 0, 1, 1, 1]);
    Metrics {
        schema: SCHEMA.into(),
        tool: "eyas 0.1.0".into(),
        recipe: "cora".into(),
        recipe_hash: "ab".repeat(32),
        backend: "flex".into(),
        threads: 1,
        made_on: Some(MadeOn {
            architecture: "x86_64".into(),
            system: "linux-gnu".into(),
            instructions: vec!["avx2".into(), "fma".into()],
        }),
        teacher: "gcn 2x128".into(),
        student_widths: vec![1433, 16, 7],
        data: DataMetrics {
            name: "cora".into(),
            nodes: 2708,
            edges: 5278,
            inputs: 1433,
            classes: 2,
            split: [140, 500, 1000],
            hash: "cd".repeat(32),
            warnings: vec!["class 6 is <rare>".into()],
        },
        shipped_seed: seeds.first().copied().unwrap_or_default(),
        student_hash: "ef".repeat(32),
        mean: Summary::mean(&rows),
        sd: Summary::sd(&rows),
        differences: differences(&rows),
        seeds: rows,
        classes,
        macro_f1,
        cost: CostMetrics {
            file_bytes: 25_000,
            weight_bytes: 23_040,
            parameters: 23_063,
            macs: 23_040,
            arena_bytes: 80,
            arena_bytes_cortex_m4: 96,
            arena_bytes_cortex_m0: 128,
        },
    }
}

/// Every field name in `value`; what is keyed by stage or training has names of the run's own.
fn fields(value: &serde_json::Value, names: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                names.insert(name.clone());
                if !matches!(name.as_str(), "cpu_seconds" | "epochs" | "curves") {
                    fields(value, names);
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| fields(value, names)),
        _ => {}
    }
}

#[test]
fn the_document_names_every_field() {
    let document = include_str!("../../../docs/spec/metrics.md");
    let mut names = std::collections::BTreeSet::new();
    fields(&serde_json::to_value(run(&[1, 2], 1.0)).unwrap(), &mut names);
    let missing: Vec<&String> = names.iter().filter(|name| !document.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/spec/metrics.md does not mention {missing:?}");
    assert!(document.contains(SCHEMA) && names.len() > 50, "{}", names.len());
}
