//! Two runs, paired.

use crate::report::compare::compare_any_data;
use crate::report::{CompareError, Evidence, Metrics, compare, paired, samples};

fn without(mut metrics: Metrics, leave_out: impl Fn(&crate::report::metrics::ResultRow) -> bool) -> Metrics {
    metrics.results.retain(|row| !leave_out(row));
    metrics
}

#[test]
fn only_common_runs_are_paired() {
    let (a, b) = (samples::graph(&[3, 1, 2], 2.0), samples::graph(&[2, 3, 9], 0.0));
    let comparison = compare(&a, &b).unwrap();
    assert_eq!(comparison.runs.len(), 4, "two seeds in two settings");
    let float = comparison.contrasts.iter().find(|it| {
        (it.split.as_str(), it.network.as_str(), it.figure.as_str(), it.part.as_str())
            == ("transductive", "student_float", "accuracy", "test")
    });
    let float = float.unwrap();
    let of = |run: &Metrics, seed| {
        let row = run.results.iter().find(|row| {
            (row.split.as_str(), row.seed, row.network.as_str(), row.figure.as_str(), row.part.as_str())
                == ("transductive", seed, "student_float", "accuracy", "test")
        });
        row.unwrap().value.unwrap()
    };
    assert_eq!(float.paired, paired(&[of(&a, 2), of(&a, 3)], &[of(&b, 2), of(&b, 3)]));
    assert_eq!(float.evidence, Evidence::Weak, "an interval over two pairs is wide");
    assert!(float.sentence.contains("A is weakly better"), "{}", float.sentence);
    // Two settings with two parts each, seven networks, two figures.
    assert_eq!(comparison.contrasts.len(), 4 * 7 * 2);
    let table = comparison.table();
    assert!(table.contains("paired over 4 common runs") && table.contains("Student, int8 (ships)"), "{table}");
}

#[test]
fn tables_are_compared_and_less_error_is_better() {
    let table = compare(&samples::table(2.0), &samples::table(0.0)).unwrap();
    let first = &table.contrasts[1];
    assert_eq!((first.split.as_str(), first.network.as_str(), first.paired.pairs), ("folds", "teacher", 6));
    let regression = compare(&samples::regression(2.0), &samples::regression(0.0)).unwrap();
    let mae = regression.contrasts.iter().find(|it| it.network == "student_int8" && it.figure == "mae").unwrap();
    assert!((mae.paired.mean + 2.0).abs() < 1e-9 && mae.sentence.contains("A is clearly better"), "{}", mae.sentence);
    assert_eq!(regression.same_data, None, "nobody recorded a hash");
    assert!(regression.table().contains("did not record its data"));
}

#[test]
fn a_run_equals_itself() {
    for run in samples::all() {
        let comparison = compare(&run, &run).unwrap();
        assert!(comparison.contrasts.iter().all(|it| it.evidence == Evidence::Within && it.paired.mean == 0.0));
        assert!(comparison.contrasts[0].sentence.contains("not distinguishable"));
        let mut elsewhere = run.clone();
        elsewhere.made_on.as_mut().unwrap().instructions.clear();
        let table = compare(&run, &elsewhere).unwrap().table();
        assert!(table.contains("A was made on x86_64-linux-gnu with avx2, fma, B on x86_64-linux-gnu:"), "{table}");
    }
}

#[test]
fn a_control_missing_in_one_run_is_left_out() {
    let (a, b) = (samples::graph(&[1, 2], 1.0), samples::graph(&[1, 2], 1.0));
    let b = without(b, |row| {
        row.seed == 2 && row.network == "plain_kd" && row.part == "test" && row.split == "transductive"
    });
    let comparison = compare(&a, &b).unwrap();
    let has = |split: &str, part: &str| {
        comparison.contrasts.iter().any(|it| it.network == "plain_kd" && it.split == split && it.part == part)
    };
    assert!(!has("transductive", "test") && has("transductive", "tune") && has("inductive", "test"));
}

#[test]
fn what_cannot_be_paired_is_refused() {
    let (a, mut b) = (samples::graph(&[1, 2], 1.0), samples::graph(&[3], 1.0));
    let error = compare(&a, &b).unwrap_err();
    assert!(matches!(&error, CompareError::NothingInCommon { b, .. } if b.contains("transductive seed 3")), "{error}");
    b = samples::graph(&[1, 2], 1.0);
    b.data.hash = Some("00".repeat(32));
    let error = compare(&a, &b).unwrap_err();
    assert!(matches!(error, CompareError::DifferentData { .. }) && error.to_string().contains("0000"), "{error}");
    let comparison = compare_any_data(&a, &b).unwrap();
    assert!(comparison.same_data == Some(false) && comparison.table().contains("different data"));

    // The hash of a table holds columns and teachers, which one may want to compare; other rows are other data.
    let (a, mut b) = (samples::table(1.0), samples::table(1.0));
    b.data.hash = Some("00".repeat(32));
    let comparison = compare(&a, &b).unwrap();
    assert!(comparison.same_data.is_none() && comparison.table().contains("their columns or teacher files differ"));
    b.runs[0].rows.test += 1;
    assert!(matches!(compare(&a, &b), Err(CompareError::DifferentData { .. })));
    assert!(matches!(compare(&a, &samples::regression(1.0)), Err(CompareError::DifferentData { .. })));
}
