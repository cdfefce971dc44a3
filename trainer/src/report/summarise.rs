//! From the outcomes of all jobs to one table of results, its means, and the differences that are paired in it.

use super::evidence::Evidence;
use super::metrics::{Data, DataTask, Difference, Figure, ResultRow, Run, Seconds, Summary, Training};
use super::names::order;
use super::outcome::{Outcome, TEST};
use super::statistics::{Paired, mean, paired, standard_deviation};
use std::collections::{BTreeMap, BTreeSet};

/// The network that ships: every difference subtracts from it.
const SHIPS: &str = "student_int8";

/// What runs of one split are summarised as; the folds of a cross-validation are one.
pub(super) fn group(split: &str) -> &str {
    if split.starts_with("fold ") { "folds" } else { split }
}

/// Every figure measured, one a row, in the order of the jobs.
pub(super) fn results(outcomes: &[Outcome]) -> Vec<ResultRow> {
    let mut all = Vec::new();
    for outcome in outcomes {
        for (network, measured) in &outcome.networks {
            for (part, score) in &measured.on {
                all.extend(score.figures().into_iter().map(|(figure, value)| ResultRow {
                    split: outcome.split.clone(),
                    seed: outcome.seed,
                    part: part.clone(),
                    network: network.clone(),
                    role: measured.role,
                    figure: figure.to_owned(),
                    value,
                }));
            }
        }
    }
    all
}

/// What the figures of these data mean.
pub(super) fn figures(data: &Data) -> BTreeMap<String, Figure> {
    let quantity = data.outputs.first().map_or("the quantity", String::as_str);
    let named = |name: &str, title: &str, unit: &str, higher_is_better| {
        (name.to_owned(), Figure { title: title.to_owned(), unit: unit.to_owned(), higher_is_better })
    };
    match data.task {
        DataTask::Classify => BTreeMap::from([
            named("accuracy", "Accuracy", "per cent", true),
            named("macro_f1", "Macro-F1", "per cent", true),
        ]),
        DataTask::Regress => BTreeMap::from([
            named("mae", "MAE", quantity, false),
            named("rmse", "RMSE", quantity, false),
            named("r2", "R²", "", true),
        ]),
    }
}

/// One line of the summary: split, part, network and figure.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str);
/// The runs of a line: split, seed and value.
type Values<'a> = Vec<(&'a str, u64, Option<f64>)>;

/// The rows by line, in the order of their first row.
fn lines(results: &[ResultRow]) -> Vec<(Key<'_>, Values<'_>)> {
    let mut places: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    let mut all: Vec<(Key<'_>, Values<'_>)> = Vec::new();
    for row in results {
        let key = (group(&row.split), row.part.as_str(), row.network.as_str(), row.figure.as_str());
        let place = *places.entry(key).or_insert_with(|| {
            all.push((key, Vec::new()));
            all.len() - 1
        });
        all[place].1.push((row.split.as_str(), row.seed, row.value));
    }
    all
}

/// Means of the folds, in the order of their first run; none where a run has no such figure.
fn by_split(values: &Values<'_>) -> Option<Vec<f64>> {
    let mut splits: Vec<&str> = Vec::new();
    for &(split, ..) in values {
        if !splits.contains(&split) {
            splits.push(split);
        }
    }
    let of = |name: &&str| {
        let of_split = values.iter().filter(|&&(split, ..)| split == *name).map(|&(.., value)| value);
        of_split.collect::<Option<Vec<f64>>>().map(|values| mean(&values))
    };
    splits.iter().map(of).collect()
}

/// Means and deviations; a network that some run of the split lacks has none.
pub(super) fn summaries(results: &[ResultRow]) -> Vec<Summary> {
    let mut runs: BTreeMap<&str, BTreeSet<(&str, u64)>> = BTreeMap::new();
    for row in results {
        runs.entry(group(&row.split)).or_default().insert((&row.split, row.seed));
    }
    let roles: BTreeMap<&str, _> = results.iter().map(|row| (row.network.as_str(), row.role)).collect();
    let mut all = Vec::new();
    for ((split, part, network, figure), values) in lines(results) {
        let Some(&role) = roles.get(network) else { continue };
        if runs.get(split).is_none_or(|runs| runs.len() != values.len()) {
            continue;
        }
        let over: Option<Vec<f64>> = values.iter().map(|&(.., value)| value).collect();
        let folds = by_split(&values).filter(|folds| folds.len() > 1);
        all.push(Summary {
            split: split.to_owned(),
            part: part.to_owned(),
            network: network.to_owned(),
            role,
            figure: figure.to_owned(),
            mean: over.as_deref().map(mean),
            sd: folds.as_ref().or(over.as_ref()).map(|values| standard_deviation(values)),
            count: values.len(),
        });
    }
    // The first split first, and in it what is read first; figures stay in their own order.
    let splits: Vec<String> = all.iter().map(|row| row.split.clone()).collect();
    let place = |split: &str| splits.iter().position(|known| known == split);
    all.sort_by_key(|row| (place(&row.split), row.part != TEST, row.part.clone(), order(&row.network)));
    all
}

/// The int8 student minus every other network, on the test rows.
pub(super) fn differences(results: &[ResultRow]) -> Vec<Difference> {
    let lines = lines(results);
    let mut all = Vec::new();
    for ((split, part, _, figure), ours) in lines.iter().filter(|(key, _)| key.2 == SHIPS && key.1 == TEST) {
        let others = lines.iter().filter(|(key, values)| {
            (key.0, key.1, key.3) == (*split, *part, *figure) && key.2 != SHIPS && same_runs(ours, values)
        });
        for (key, theirs) in others {
            let pairs = |of: fn(&Values<'_>) -> Option<Vec<f64>>| Some(paired(&of(ours)?, &of(theirs)?));
            let every = |values: &Values<'_>| values.iter().map(|&(.., value)| value).collect();
            let (Some(paired), Some(folds)) = (pairs(every), pairs(by_split)) else { continue };
            let folds = Some(folds).filter(|folds| folds.pairs > 1 && folds.pairs < paired.pairs);
            let careful: &Paired = folds.as_ref().unwrap_or(&paired);
            let (interval_95, evidence) = (careful.interval_95(), Evidence::of(careful));
            all.push(Difference {
                split: (*split).to_owned(),
                part: (*part).to_owned(),
                figure: (*figure).to_owned(),
                a: SHIPS.to_owned(),
                b: key.2.to_owned(),
                paired,
                folds,
                interval_95,
                evidence,
            });
        }
    }
    // Splits and figures stay in their order; in each, networks as reports show them.
    let blocks: Vec<(String, String)> = all.iter().map(|row| (row.split.clone(), row.figure.clone())).collect();
    let block =
        |row: &Difference| blocks.iter().position(|(split, figure)| (split, figure) == (&row.split, &row.figure));
    all.sort_by_cached_key(|row| (block(row), order(&row.b)));
    all
}

/// Whether two lines have the same runs in the same order.
fn same_runs(a: &Values<'_>, b: &Values<'_>) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.0, a.1) == (b.0, b.1))
}

/// What `runs` holds of an outcome.
pub(super) fn run(outcome: &Outcome) -> Run {
    let trained = outcome.networks.iter().filter_map(|(name, network)| {
        let training =
            Training { epochs: network.epochs, cpu_seconds: network.cpu_seconds, curve: network.curve.clone() };
        (training != Training::default()).then(|| (name.clone(), training))
    });
    Run {
        split: outcome.split.clone(),
        seed: outcome.seed,
        rows: outcome.rows,
        edge_agreement: outcome.edge_agreement,
        tried: outcome.tried.clone(),
        findings: outcome.findings.clone(),
        mixer: outcome.mixer.clone(),
        cpu_seconds: outcome.cpu_seconds.clone(),
        trainings: trained.collect(),
    }
}

/// CPU seconds of every stage of every split.
pub(super) fn seconds(outcomes: &[Outcome]) -> Vec<Seconds> {
    let mut all: Vec<((&str, &str), Vec<f64>)> = Vec::new();
    for outcome in outcomes {
        for (stage, &seconds) in &outcome.cpu_seconds {
            let key = (group(&outcome.split), stage.as_str());
            match all.iter_mut().find(|(known, _)| *known == key) {
                Some((_, values)) => values.push(seconds),
                None => all.push((key, vec![seconds])),
            }
        }
    }
    let row = |((split, stage), values): ((&str, &str), Vec<f64>)| Seconds {
        split: split.to_owned(),
        stage: stage.to_owned(),
        mean: mean(&values),
        sd: standard_deviation(&values),
    };
    all.into_iter().map(row).collect()
}
