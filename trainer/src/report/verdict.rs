//! The one-sentence verdict: does distillation beat its controls, and what does int8 cost.

use super::columns::{points, title};
use super::evidence::Evidence;
use super::metrics::{Difference, Metrics};
use super::statistics::mean;

/// Columns that are controls of the distilled student.
const CONTROLS: [&str; 4] = ["plain_kd", "uniform_teacher", "label_smoothing", "label_only"];

/// Edge agreement, in per cent, down to which the low-frequency term helped or was neutral in our trials.
const AGREES_FROM: f64 = 74.0;
/// Edge agreement, in per cent, at which the low-frequency term did harm in our trials.
const DISAGREES_AT: f64 = 62.0;

/// One sentence for `setting` (`transductive` or `inductive`); `None` where it was not measured.
///
/// The student is compared as it ships, in int8, with float controls, paired by seed. "Beats" means: by more than
/// the standard error of that pairing, in favour of the student.
#[must_use]
pub fn verdict(metrics: &Metrics, setting: &str) -> Option<String> {
    let here: Vec<&Difference> =
        metrics.differences.iter().filter(|difference| difference.setting == setting).collect();
    let mut controls = here.iter().copied().filter(|difference| CONTROLS.contains(&difference.b.as_str())).peekable();
    let int8 = here
        .iter()
        .find(|difference| difference.b == "student_float")
        .map(|difference| format!("; against its own float form it is {} points", points(&difference.paired)));
    if here.is_empty() {
        return None;
    }
    let int8 = int8.unwrap_or_default();
    if controls.peek().is_none() {
        return Some(format!("No control was run, so nothing shows whether distillation helped{int8}."));
    }
    let controls: Vec<&Difference> = controls.collect();
    if controls.iter().any(|control| Evidence::of(&control.paired) == Evidence::Unknown) {
        let listed = list(&controls);
        return Some(format!(
            "One seed only, so no standard error and no claim; the int8 student minus {listed} points{int8}."
        ));
    }
    let beats = |control: &&Difference| control.paired.mean > 0.0 && Evidence::of(&control.paired).is_distinguishable();
    let (beaten, others): (Vec<&Difference>, Vec<&Difference>) = controls.into_iter().partition(beats);
    Some(match (beaten.is_empty(), others.is_empty()) {
        (_, true) => format!(
            "The int8 student beats every control by more than the paired standard error: {}{int8}.",
            list(&beaten)
        ),
        (true, false) => format!(
            "The int8 student does not beat any of its controls by more than the paired standard error: {}{int8}.",
            list(&others)
        ),
        (false, false) => format!(
            "The int8 student does not beat all of its controls by more than the paired standard error; \
             not beaten: {}; beaten: {}{int8}.",
            list(&others),
            list(&beaten)
        ),
    })
}

/// Controls with their differences, separated by commas.
fn list(controls: &[&Difference]) -> String {
    let one = |control: &&Difference| {
        format!("{} {}", title(&control.b).to_lowercase().replace("kd", "KD"), points(&control.paired))
    };
    controls.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What the teacher's agreement along edges means for links that use them; mean over the seeds.
#[must_use]
pub fn edge_agreement(metrics: &Metrics) -> String {
    let shares: Vec<f64> = metrics.seeds.iter().map(|seed| seed.edge_agreement).collect();
    let share = 100.0 * mean(&shares);
    let meaning = if share >= AGREES_FROM {
        "Neighbours mostly agree: the low-frequency term, which pulls a node towards the classes of its neighbours, \
         helped or was neutral on graphs like this."
    } else if share > DISAGREES_AT {
        "That is between the graphs where the low-frequency term was seen to help and the one where it was seen to \
         hurt: compare with plain KD before trusting it."
    } else {
        "Where neighbours disagree the low-frequency term hurts, because it pulls a node towards the wrong classes: \
         give it weight 0."
    };
    format!("The teacher gives both ends of {share:.1} % of the edges the same class. {meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_student_that_wins_is_said_to_win() {
        let text = verdict(&samples::run(&[2022, 2023, 2024], 2.2), "transductive").unwrap();
        assert!(text.starts_with("The int8 student beats every control"), "{text}");
        assert!(text.contains("plain KD +2.") && text.contains("its own float form it is"), "{text}");
    }

    #[test]
    fn a_student_that_does_not_win_is_said_not_to() {
        let text = verdict(&samples::run(&[2022, 2023, 2024], -0.15), "transductive").unwrap();
        assert!(text.contains("does not beat all of its controls"), "{text}");
        assert!(text.contains("not beaten: plain KD"), "{text}");
        let text = verdict(&samples::run(&[2022, 2023, 2024], -60.0), "inductive").unwrap();
        assert!(text.contains("does not beat any"), "{text}");
    }

    #[test]
    fn one_seed_claims_nothing() {
        let text = verdict(&samples::run(&[2022], 5.0), "transductive").unwrap();
        assert!(text.starts_with("One seed only"), "{text}");
    }

    #[test]
    fn absent_controls_and_settings_are_said() {
        let mut run = samples::run(&[1, 2], 1.0);
        run.differences.retain(|difference| difference.b == "student_float" && difference.setting == "transductive");
        assert!(verdict(&run, "transductive").unwrap().starts_with("No control was run"));
        assert_eq!(verdict(&run, "inductive"), None);
    }

    #[test]
    fn disagreeing_neighbours_are_named() {
        let mut run = samples::run(&[1], 1.0);
        for (share, word) in [(0.81, "mostly agree"), (0.7, "between"), (0.5, "hurts")] {
            run.seeds[0].edge_agreement = share;
            assert!(edge_agreement(&run).contains(word), "{share}");
        }
    }
}
