//! Tests across the modules of the reports.

mod comparisons;
mod documents;
mod old_schemas;
mod verdicts;

use super::metrics::SCHEMA;
use super::samples;
use super::summarise::group;
use super::{mean, standard_deviation};
use std::collections::BTreeSet;

/// Every field name in `value`; what is keyed by network, stage, figure or training has names of the run's own.
fn fields(value: &serde_json::Value, names: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                names.insert(name.clone());
                match (name.as_str(), value) {
                    ("cpu_seconds", _) => {}
                    ("trainings" | "figures", serde_json::Value::Object(named)) => {
                        named.values().for_each(|value| fields(value, names))
                    }
                    _ => fields(value, names),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| fields(value, names)),
        _ => {}
    }
}

#[test]
fn the_document_names_every_field() {
    let document = include_str!("../../../../docs/spec/metrics.md");
    let mut names = BTreeSet::new();
    for run in samples::all() {
        fields(&serde_json::to_value(run).unwrap(), &mut names);
    }
    let missing: Vec<&String> = names.iter().filter(|name| !document.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/spec/metrics.md does not mention {missing:?}");
    assert!(document.contains(SCHEMA) && names.len() > 80, "{}", names.len());
}

#[test]
fn metrics_read_back_as_they_were_written() {
    for run in samples::all() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("metrics.json"), run.json()).unwrap();
        let read = super::Metrics::read(folder.path()).unwrap();
        let [read, run] = [&read, &run].map(|metrics| {
            let mut value = serde_json::to_value(metrics).unwrap();
            round(&mut value);
            value
        });
        assert_eq!(read, run);
    }
}

/// Numbers with six digits: the last one of a float may be another where it is read as text.
fn round(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Number(number) => *value = format!("{:.5e}", number.as_f64().unwrap()).into(),
        serde_json::Value::Object(object) => object.values_mut().for_each(round),
        serde_json::Value::Array(values) => values.iter_mut().for_each(round),
        _ => {}
    }
}

/// The table of results is all a data frame needs: the summary follows from it.
#[test]
fn the_summary_follows_from_the_results() {
    for run in samples::all() {
        for line in &run.summary {
            let values: Vec<(&str, f64)> = run
                .results
                .iter()
                .filter(|row| group(&row.split) == line.split && row.part == line.part)
                .filter(|row| row.network == line.network && row.figure == line.figure)
                .map(|row| (row.split.as_str(), row.value.unwrap()))
                .collect();
            let all: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
            let folds: BTreeSet<&str> = values.iter().map(|(split, _)| *split).collect();
            let means: Vec<f64> = folds
                .iter()
                .map(|fold| {
                    mean(&values.iter().filter(|(split, _)| split == fold).map(|(_, value)| *value).collect::<Vec<_>>())
                })
                .collect();
            assert_eq!((line.count, line.mean), (all.len(), Some(mean(&all))));
            let over = if means.len() > 1 { &means } else { &all };
            assert!((line.sd.unwrap() - standard_deviation(over)).abs() < 1e-12, "{line:?}");
        }
    }
}

#[test]
fn differences_are_paired_and_the_careful_error_is_that_of_the_folds() {
    let run = samples::table(1.0);
    assert_eq!(run.splits(), ["folds"]);
    let others: BTreeSet<&str> = run.differences.iter().map(|difference| difference.b.as_str()).collect();
    assert_eq!(others.len(), 7, "every network but itself: {others:?}");
    for difference in &run.differences {
        let value = |network: &str, split: &str, seed| {
            let row = run.results.iter().find(|row| {
                (row.split.as_str(), row.seed, row.network.as_str(), row.figure.as_str(), row.part.as_str())
                    == (split, seed, network, difference.figure.as_str(), "test")
            });
            row.unwrap().value.unwrap()
        };
        let by_fold: Vec<f64> = ["fold 0", "fold 1", "fold 2"]
            .map(|fold| mean(&[1, 2].map(|seed| value("student_int8", fold, seed) - value(&difference.b, fold, seed))))
            .into();
        let folds = difference.folds.unwrap();
        assert!((folds.mean - mean(&by_fold)).abs() < 1e-9 && (folds.pairs, difference.paired.pairs) == (3, 6));
        let error = standard_deviation(&by_fold) / 2f64.sqrt();
        assert!((folds.standard_error.unwrap() - error).abs() < 1e-9);
        assert_eq!(difference.interval_95, folds.interval_95());
        assert_eq!(difference.evidence, super::Evidence::of(&folds));
    }
    assert!(samples::graph(&[1, 2], 1.0).differences.iter().all(|difference| difference.folds.is_none()));
}

#[test]
fn a_control_that_some_run_lacks_is_summarised_nowhere() {
    let run = samples::graph(&[1, 2], 1.0);
    let mut results = run.results.clone();
    results.retain(|row| (row.seed, row.network.as_str(), row.split.as_str()) != (2, "plain_kd", "transductive"));
    let summaries = super::summarise::summaries(&results);
    let has = |split: &str| summaries.iter().any(|row| row.network == "plain_kd" && row.split == split);
    assert!(!has("transductive") && has("inductive"));
    let differences = super::summarise::differences(&results);
    assert!(!differences.iter().any(|difference| difference.b == "plain_kd" && difference.split == "transductive"));
}
