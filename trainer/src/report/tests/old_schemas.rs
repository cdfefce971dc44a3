//! Files of versions before hold the same numbers when they are read.

use crate::report::metrics::SCHEMA;
use crate::report::{Metrics, ReadError, compare, samples};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The runs that ship; their metrics may be of any version.
fn models() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let folders = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = folders.filter(|folder| folder.join("metrics.json").exists()).collect();
    all.sort();
    all
}

/// Every number in `value` with the names on the way to it.
fn numbers(path: &str, value: &Value, all: &mut Vec<(String, f64)>) {
    match value {
        Value::Number(number) => all.push((path.to_owned(), number.as_f64().unwrap())),
        Value::Object(object) => object.iter().for_each(|(name, value)| numbers(&format!("{path}/{name}"), value, all)),
        Value::Array(values) => values.iter().for_each(|value| numbers(path, value, all)),
        _ => {}
    }
}

#[test]
fn every_number_of_the_shipped_runs_is_kept() {
    let mut checked = 0;
    for folder in models() {
        let text = std::fs::read_to_string(folder.join("metrics.json")).unwrap();
        let old: Value = serde_json::from_str(&text).unwrap();
        let read = Metrics::read(&folder).unwrap();
        let (mut before, mut now) = (Vec::new(), Vec::new());
        numbers("", &old, &mut before);
        numbers("", &serde_json::to_value(&read).unwrap(), &mut now);
        now.extend(read.runs.iter().map(|run| (String::new(), run.rows.labelled as f64 / run.rows.train as f64)));
        let mut now: Vec<f64> = now.into_iter().map(|(_, number)| number).collect();
        now.sort_by(f64::total_cmp);
        let there = |number: f64| {
            // Curves are single-precision numbers.
            let room = (1e-6 * number.abs()).max(1e-9);
            let at = now.partition_point(|&known| known < number - room);
            now.get(at).is_some_and(|known| (known - number).abs() <= room)
        };
        for (path, number) in before {
            // A fold is part of the name of its split; the number of pairs of one fold said nothing.
            if path.ends_with("/fold")
                || path == "/shipped"
                || path.ends_with("/folds/seeds")
                || path == "/data/classes"
            {
                continue;
            }
            // What was a share is in per cent.
            assert!(there(number) || there(100.0 * number), "{}: {path} {number}", folder.display());
            checked += 1;
        }
        assert_eq!(read.schema, SCHEMA);
    }
    assert!(checked > 1000, "{checked}");
}

#[test]
fn old_figures_are_where_they_belong() {
    let cora: Value = serde_json::from_str(include_str!("../../../../models/cora/metrics.json")).unwrap();
    let read = Metrics::parse(&cora.to_string(), "cora".into()).unwrap();
    if cora["schema"] == "eyas-metrics-1" {
        let mean = cora["mean"]["inductive"]["student_int8"].as_f64().unwrap();
        let found = read.summary("inductive", "test", "student_int8", "accuracy").unwrap().mean.unwrap();
        assert!((found - mean).abs() < 1e-9);
        let run = read.runs.iter().find(|run| run.split == "transductive" && run.seed == 2022).unwrap();
        assert_eq!(
            run.trainings["student_float"].epochs,
            Some(cora["seeds"][0]["epochs"]["student"].as_u64().unwrap() as usize)
        );
        let curve = run.trainings["plain_kd-2"].curve.as_ref().unwrap();
        assert_eq!(
            curve.tune.len(),
            cora["seeds"][0]["curves"]["plain_kd-2"]["tune_accuracy"].as_array().unwrap().len()
        );
        assert!((read.confusion.unwrap().macro_f1 - 100.0 * cora["macro_f1"].as_f64().unwrap()).abs() < 1e-9);
    }
    let har: Value = serde_json::from_str(include_str!("../../../../models/har-watch/metrics.json")).unwrap();
    let read = Metrics::parse(&har.to_string(), "har".into()).unwrap();
    if har["schema"] == "eyas-table-metrics-1" {
        assert_eq!((read.splits(), read.runs.len()), (vec!["folds"], 9));
        for figure in ["accuracy", "macro_f1"] {
            let expected = har["mean"]["random_router"][figure].as_f64().unwrap();
            assert!((read.mean("random_router", figure).unwrap() - expected).abs() < 1e-9);
            let old = har["differences"]
                .as_array()
                .unwrap()
                .iter()
                .find(|row| row["b"] == "plain_kd" && row["figure"] == figure)
                .unwrap();
            let new = read.differences.iter().find(|row| row.b == "plain_kd" && row.figure == figure).unwrap();
            let error = new.folds.unwrap().standard_error.unwrap();
            assert!((error - old["folds"]["standard_error"].as_f64().unwrap()).abs() < 1e-9);
        }
        assert!((read.runs[0].mixer[0].share - 50.0).abs() < 1e-9);
    }
}

#[test]
fn old_runs_are_compared_with_each_other_and_with_new_ones() {
    for folder in models() {
        let old = Metrics::read(&folder).unwrap();
        let comparison = compare(&old, &old).unwrap();
        assert!(comparison.contrasts.len() > 10 && comparison.contrasts.iter().all(|it| it.paired.mean == 0.0));
        // The same run as this version writes it: its split has a name of its own where it was drawn once.
        let mut new = Metrics::parse(&old.json(), folder.clone()).unwrap();
        new.data.hash = new.data.hash.or(Some("00".repeat(32)));
        if old.runs.iter().all(|run| run.split == "fold 0") {
            let name = |split: &mut String| "ordered".clone_into(split);
            new.runs.iter_mut().for_each(|run| name(&mut run.split));
            new.results.iter_mut().for_each(|row| name(&mut row.split));
            new.summary.iter_mut().for_each(|row| name(&mut row.split));
            name(&mut new.shipped.split);
        }
        for (a, b) in [(&old, &new), (&new, &old)] {
            assert_eq!(compare(a, b).unwrap().contrasts.len(), comparison.contrasts.len(), "{}", folder.display());
        }
    }
    let read =
        |name: &str| Metrics::read(&models().into_iter().find(|folder| folder.ends_with(name)).unwrap()).unwrap();
    let error = compare(&read("cora"), &read("har-watch")).unwrap_err().to_string();
    assert!(error.contains("different data"), "{error}");
}

#[test]
fn what_cannot_be_read_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Metrics::read(folder.path()), Err(ReadError::Read { .. })));
    let write = |text: &str| std::fs::write(folder.path().join("metrics.json"), text).unwrap();
    // Files of versions that did not record the kind of machine are read, too.
    let run = samples::graph(&[1, 2], 1.0);
    write(&Metrics { made_on: None, ..run.clone() }.json());
    let old = Metrics::read(folder.path()).unwrap();
    assert!(!compare(&old, &run).unwrap().table().contains("made on"));
    write("{\"schema\": \"eyas-metrics-9\"}");
    let error = Metrics::read(folder.path()).unwrap_err();
    assert!(matches!(&error, ReadError::Schema { found, .. } if found == "eyas-metrics-9"), "{error}");
    assert!(error.to_string().contains("distil the recipe of that folder again"), "{error}");
    write("{}");
    assert!(matches!(Metrics::read(folder.path()), Err(ReadError::Schema { .. })));
    for schema in [SCHEMA, "eyas-metrics-1", "eyas-table-metrics-1"] {
        write(&format!("{{\"schema\": \"{schema}\"}}"));
        let error = Metrics::read(folder.path()).unwrap_err();
        assert!(matches!(&error, ReadError::Malformed { expected, .. } if *expected == schema), "{error}");
    }
    for text in ["", "[1]"] {
        write(text);
        assert!(matches!(Metrics::read(folder.path()), Err(ReadError::Malformed { .. })), "{text}");
    }
}
