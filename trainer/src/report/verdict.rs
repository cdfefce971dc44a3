//! What a run shows, in two sentences: whether distilling beats its controls, and what int8 and the teacher's absence cost.

use super::evidence::Evidence;
use super::metrics::{DataKind, Difference, Metrics};
use super::names::{in_a_sentence, points};
use super::outcome::{Role, TEST, role};
use super::statistics::mean;

/// Edge agreement, in per cent, down to which the low-frequency term helped or was neutral in our trials.
const AGREES_FROM: f64 = 74.0;
/// Edge agreement, in per cent, at which the low-frequency term did harm in our trials.
const DISAGREES_AT: f64 = 62.0;

/// How the int8 student compares with another network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Clearly, as [`Evidence::Clear`] says, and its macro-F1 does not fall by more than its own error.
    ClearlyBetter,
    /// By more than one standard error, or clearly while macro-F1 falls.
    WeaklyBetter,
    /// By no more than the standard error.
    Alike,
    /// Worse by more than one standard error.
    WeaklyWorse,
    /// Clearly worse.
    ClearlyWorse,
    /// One pair only: no error is known.
    Unknown,
}

impl Grade {
    /// Grades a difference; `metrics` says what is better, and what macro-F1 does meanwhile.
    #[must_use]
    pub fn of(metrics: &Metrics, difference: &Difference) -> Self {
        let higher = metrics.figures.get(&difference.figure).is_none_or(|figure| figure.higher_is_better);
        let better = (difference.paired.mean > 0.0) == higher;
        match (difference.evidence, better) {
            (Evidence::Unknown, _) => Self::Unknown,
            (Evidence::Within, _) => Self::Alike,
            (Evidence::Clear, true) if falls(metrics, difference).is_none() => Self::ClearlyBetter,
            (_, true) => Self::WeaklyBetter,
            (Evidence::Weak, false) => Self::WeaklyWorse,
            (Evidence::Clear, false) => Self::ClearlyWorse,
        }
    }

    /// The grade in words, before the name of the other network.
    const fn words(self) -> &'static str {
        match self {
            Self::ClearlyBetter => "is clearly better than",
            Self::WeaklyBetter => "is weakly better than",
            Self::Alike => "cannot be told from",
            Self::WeaklyWorse => "is weakly worse than",
            Self::ClearlyWorse => "is clearly worse than",
            Self::Unknown => "differs, on one run, from",
        }
    }
}

/// The difference in macro-F1 to the same network, where it is a loss beyond its own standard error.
fn falls<'a>(metrics: &'a Metrics, difference: &Difference) -> Option<&'a Difference> {
    let f1 = metrics.differences.iter().find(|other| {
        other.figure == "macro_f1"
            && difference.figure != "macro_f1"
            && (&other.split, &other.b) == (&difference.split, &difference.b)
    })?;
    (f1.paired.mean < 0.0 && f1.evidence.is_distinguishable()).then_some(f1)
}

/// Two sentences for a split; none where it was not measured on the test rows.
///
/// The student is compared as it ships, in int8, with float networks, by accuracy or, of a regression, by the mean
/// absolute error.
#[must_use]
pub fn verdict(metrics: &Metrics, split: &str) -> Option<String> {
    let figure = metrics.main_figure();
    metrics.summary(split, TEST, "student_int8", figure)?;
    let here: Vec<&Difference> = metrics
        .differences
        .iter()
        .filter(|difference| difference.split == split && difference.figure == figure)
        .collect();
    let controls: Vec<&Difference> =
        here.iter().copied().filter(|difference| role(&difference.b) == Role::Control).collect();
    let by = match figure {
        "accuracy" => "In points of accuracy",
        _ => "By mean absolute error, where less is better,",
    };
    let first = if controls.is_empty() {
        "No control was run, so nothing shows whether distilling helped".to_owned()
    } else {
        let mut grades: Vec<(Grade, Vec<&Difference>)> = Vec::new();
        for control in controls {
            let grade = Grade::of(metrics, control);
            match grades.iter_mut().find(|(known, _)| *known == grade) {
                Some((_, same)) => same.push(control),
                None => grades.push((grade, vec![control])),
            }
        }
        grades.sort_by_key(|(grade, _)| *grade);
        let said: Vec<String> =
            grades.iter().map(|(grade, same)| format!("{} {}", grade.words(), list(metrics, same))).collect();
        // Only a gain can be called less than clear.
        let falling: Vec<&Difference> = grades
            .iter()
            .filter(|(grade, _)| *grade == Grade::WeaklyBetter)
            .flat_map(|(_, same)| same)
            .filter(|control| control.evidence == Evidence::Clear)
            .filter_map(|control| falls(metrics, control))
            .collect();
        let but = if falling.is_empty() {
            String::new()
        } else {
            format!(
                "; what it gains there is not clear because its macro-F1 falls: against {}",
                list(metrics, &falling)
            )
        };
        format!("{by} the int8 student {}{but}", said.join(", "))
    };
    let others: Vec<&Difference> =
        here.iter().copied().filter(|difference| role(&difference.b) != Role::Control).collect();
    // "Against A the difference is 1 (weak), against B 2 (clear)."
    let second: Vec<String> = others
        .iter()
        .enumerate()
        .map(|(at, other)| {
            let (name, shown, words) = (in_a_sentence(&other.b), shown(metrics, other), other.evidence.words());
            if at == 0 {
                format!("Against {name} its difference is {shown} ({words})")
            } else {
                format!("against {name} {shown} ({words})")
            }
        })
        .collect();
    Some(if second.is_empty() { format!("{first}.") } else { format!("{first}. {}.", second.join(", ")) })
}

/// Networks with their differences, separated by commas.
fn list(metrics: &Metrics, differences: &[&Difference]) -> String {
    let one = |difference: &&Difference| format!("{} ({})", in_a_sentence(&difference.b), shown(metrics, difference));
    differences.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A difference with the error that claims rest on.
pub(super) fn shown(metrics: &Metrics, difference: &Difference) -> String {
    points(difference.careful(), size(metrics, difference))
}

/// The size of the figures that a difference is between: it has their decimals. A number without a unit has its own.
pub(super) fn size(metrics: &Metrics, difference: &Difference) -> f64 {
    if metrics.figures.get(&difference.figure).is_some_and(|figure| figure.unit.is_empty()) {
        return difference.careful().standard_error.unwrap_or(0.0);
    }
    let of = |network: &str| metrics.summary(&difference.split, &difference.part, network, &difference.figure)?.mean;
    of(&difference.a).unwrap_or(0.0).abs().max(of(&difference.b).unwrap_or(0.0).abs())
}

/// What the teacher's agreement along edges means for links that use them, mean over the runs; none without edges.
#[must_use]
pub fn edge_agreement(metrics: &Metrics) -> Option<String> {
    let shares: Vec<f64> = metrics.runs.iter().filter_map(|run| run.edge_agreement).collect();
    if shares.is_empty() || metrics.data.kind != DataKind::Graph {
        return None;
    }
    let share = mean(&shares);
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
    Some(format!("The teacher gives both ends of {share:.1} % of the edges the same class. {meaning}"))
}
