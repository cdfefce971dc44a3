//! What may be said, and what not.

use crate::report::metrics::Metrics;
use crate::report::{Evidence, Grade, edge_agreement, samples, verdict};

fn with_f1(mut metrics: Metrics, b: &str, mean: f64) -> Metrics {
    for difference in
        metrics.differences.iter_mut().filter(|difference| difference.figure == "macro_f1" && difference.b == b)
    {
        difference.paired.mean = mean;
        difference.evidence = Evidence::of(&difference.paired);
    }
    metrics
}

#[test]
fn a_gain_over_every_control_is_clear() {
    let text = verdict(&samples::graph(&[2022, 2023, 2024], 2.0), "transductive").unwrap();
    assert!(text.starts_with("In points of accuracy the int8 student is clearly better than plain KD (+2.0"), "{text}");
    assert!(
        !text.contains("weakly") && text.contains("its difference is −") && text.contains("Against the teacher"),
        "{text}"
    );
    assert_eq!(text.matches(". ").count(), 1, "two sentences: {text}");
}

#[test]
fn a_gain_in_accuracy_while_macro_f1_falls_is_not_clear() {
    let run = samples::graph(&[2022, 2023, 2024], 2.0);
    let grade = |run: &Metrics| {
        let difference = run
            .differences
            .iter()
            .find(|difference| difference.figure == "accuracy" && difference.b == "plain_kd")
            .unwrap();
        Grade::of(run, difference)
    };
    assert_eq!(grade(&run), Grade::ClearlyBetter);
    let falling = with_f1(run.clone(), "plain_kd", -3.0);
    assert_eq!(grade(&falling), Grade::WeaklyBetter);
    let text = verdict(&falling, "transductive").unwrap();
    assert!(
        text.contains("weakly better than plain KD")
            && text.contains("not clear because its macro-F1 falls: against plain KD (−3.00"),
        "{text}"
    );
    // A fall within its own error forbids nothing.
    assert_eq!(grade(&with_f1(run, "plain_kd", -0.001)), Grade::ClearlyBetter);
}

#[test]
fn gains_losses_and_draws_are_told_apart() {
    let text = verdict(&samples::graph(&[2022, 2023, 2024], 0.0), "transductive").unwrap();
    assert!(
        text.contains("cannot be told from plain KD") && text.contains("clearly better than the uniform teacher"),
        "{text}"
    );
    let text = verdict(&samples::graph(&[2022, 2023, 2024], -60.0), "inductive").unwrap();
    assert!(text.contains("the int8 student is clearly worse than plain KD") && !text.contains("better"), "{text}");
    assert!(!text.contains("macro-F1"), "a loss needs no excuse: {text}");
    let text = verdict(&samples::table(2.0), "folds").unwrap();
    assert!(text.contains("clearly better than plain KD") && text.contains("against teacher 4"), "{text}");
}

#[test]
fn less_error_is_better() {
    let text = verdict(&samples::regression(2.0), "ordered").unwrap();
    assert!(text.contains("the int8 student is clearly better than plain KD (−2.0"), "{text}");
    assert!(text.contains("less is better") && text.contains("against the present value"), "{text}");
    let text = verdict(&samples::regression(-2.0), "ordered").unwrap();
    assert!(text.contains("the int8 student is clearly worse than plain KD (+1.9"), "{text}");
}

#[test]
fn one_run_claims_nothing() {
    let text = verdict(&samples::graph(&[2022], 5.0), "transductive").unwrap();
    assert!(text.contains("the int8 student differs, on one run, from plain KD"), "{text}");
    assert!(!text.contains("better") && text.contains("unknown, one run"), "{text}");
}

#[test]
fn absent_controls_and_splits_are_said() {
    let mut run = samples::graph(&[1, 2], 1.0);
    run.differences.retain(|difference| difference.b == "student_float" && difference.split == "transductive");
    assert!(verdict(&run, "transductive").unwrap().starts_with("No control was run"));
    assert_eq!(verdict(&run, "random"), None);
}

#[test]
fn disagreeing_neighbours_are_named() {
    let mut run = samples::graph(&[1], 1.0);
    for (share, word) in [(81.0, "mostly agree"), (70.0, "between"), (50.0, "hurts")] {
        run.runs.iter_mut().for_each(|run| run.edge_agreement = Some(share));
        assert!(edge_agreement(&run).unwrap().contains(word), "{share}");
    }
    assert_eq!(edge_agreement(&samples::table(1.0)), None);
}
