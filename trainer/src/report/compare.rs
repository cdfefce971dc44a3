//! Two runs next to each other, paired over the splits and seeds they share.

use super::evidence::Evidence;
use super::metrics::{Metrics, ResultRow};
use super::names::{order, part, points, split, title};
use super::number::Places;
use super::outcome::{Rows, TEST};
use super::statistics::{Paired, mean, paired};
use super::summarise::group;
use super::terminal::{align, bare};
use crate::nn::MadeOn;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The runs share no split and seed.
    #[error("no split and seed in common: {a} and {b}; give one run the other's seeds with --seed and --seeds")]
    NothingInCommon {
        /// Splits and seeds of the first run.
        a: String,
        /// Splits and seeds of the second run.
        b: String,
    },
    /// The runs used different data, so their seeds pair nothing.
    #[error(
        "the runs used different data: {a_name} ({a}) and {b_name} ({b}); equal seeds mean nothing there. \
         Compare runs on the same data and split, or say that different data are meant"
    )]
    DifferentData {
        /// Name of the first run's data.
        a_name: String,
        /// What tells the first run's data.
        a: String,
        /// Name of the second run's data.
        b_name: String,
        /// What tells the second run's data.
        b: String,
    },
}

/// One figure of one network, paired over the common runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// Split; `folds` for all folds together.
    pub split: String,
    /// `test`, `observed`, `tune` or `train`.
    pub part: String,
    /// Network.
    pub network: String,
    /// Figure.
    pub figure: String,
    /// Mean of the first run over the common runs.
    pub a: f64,
    /// Mean of the second run over the common runs.
    pub b: f64,
    /// First minus second run.
    #[serde(flatten)]
    pub paired: Paired,
    /// What the difference allows one to say.
    pub evidence: Evidence,
    /// The same as a sentence.
    pub sentence: String,
}

/// Two runs next to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Recipe of the first run.
    pub a: String,
    /// Recipe of the second run.
    pub b: String,
    /// Whether both runs used the same data without test labels; none where one of them recorded too little to tell.
    pub same_data: Option<bool>,
    /// The kinds of machine the runs were made on, where they recorded it.
    pub made_on: [Option<MadeOn>; 2],
    /// Splits and seeds that both runs have; only these are compared.
    pub runs: Vec<(String, u64)>,
    /// Every figure that both runs measured in all common runs of a split.
    pub contrasts: Vec<Contrast>,
}

/// A run by split and seed.
type Key = (String, u64);

/// What a document's splits are called in a comparison with another one.
///
/// Versions before named the only split of a table `fold 0`, however it was drawn.
fn renamed(metrics: &Metrics, other: &Metrics) -> impl Fn(&str) -> String {
    let only = |metrics: &Metrics| {
        let names: BTreeSet<&str> = metrics.runs.iter().map(|run| run.split.as_str()).collect();
        names.first().filter(|_| names.len() == 1).map(|name| (*name).to_owned())
    };
    let instead = only(other).filter(|_| only(metrics).is_some_and(|name| name == "fold 0"));
    move |split| instead.clone().unwrap_or_else(|| split.to_owned())
}

/// The runs of one document with their rows, named as in the other one.
fn keys(metrics: &Metrics, other: &Metrics) -> BTreeMap<Key, Rows> {
    let name = renamed(metrics, other);
    metrics.runs.iter().map(|run| ((name(&run.split), run.seed), run.rows)).collect()
}

/// Whether two runs used the same data; none where that cannot be told.
fn same_data(a: &Metrics, b: &Metrics, common: &[(Rows, Rows)]) -> Option<bool> {
    let shape = |metrics: &Metrics| {
        let data = &metrics.data;
        (data.kind, data.task, data.rows, data.edges, data.outputs.clone())
    };
    // Versions before did not record how many nodes an inductive run took out.
    let differ = |(a, b): &(Rows, Rows)| {
        (a.train, a.tune) != (b.train, b.tune) || (a.test != b.test && a.test > 0 && b.test > 0)
    };
    match (&a.data.hash, &b.data.hash) {
        (Some(a), Some(b)) if a == b => Some(true),
        _ if shape(a) != shape(b) || common.iter().any(differ) => Some(false),
        // The hash of a table holds the columns and what teachers said as files, which is what one may want to compare.
        (Some(_), Some(_)) if a.data.kind == super::metrics::DataKind::Graph => Some(false),
        _ => None,
    }
}

/// Compares two runs on the same data, first minus second.
///
/// # Errors
/// [`CompareError`]; data that no one can tell apart pass, and [`Comparison::same_data`] is none.
pub fn compare(a: &Metrics, b: &Metrics) -> Result<Comparison, CompareError> {
    let (left, right) = (keys(a, b), keys(b, a));
    let common: Vec<(Rows, Rows)> =
        left.iter().filter_map(|(key, rows)| right.get(key).map(|other| (*rows, *other))).collect();
    if same_data(a, b, &common) == Some(false) {
        let name = |metrics: &Metrics| metrics.data.name.clone().unwrap_or_else(|| metrics.recipe.clone());
        let told = |metrics: &Metrics| {
            let data = &metrics.data;
            data.hash
                .clone()
                .unwrap_or_else(|| format!("{} rows, {} inputs, {}", data.rows, data.inputs, data.outputs.join("/")))
        };
        return Err(CompareError::DifferentData { a_name: name(a), a: told(a), b_name: name(b), b: told(b) });
    }
    compare_any_data(a, b)
}

/// Like [`compare`], for callers who know that the data differ and want the figures anyway.
///
/// # Errors
/// [`CompareError::NothingInCommon`].
pub(super) fn compare_any_data(a: &Metrics, b: &Metrics) -> Result<Comparison, CompareError> {
    let (left, right) = (keys(a, b), keys(b, a));
    let runs: Vec<Key> = left.keys().filter(|key| right.contains_key(*key)).cloned().collect();
    if runs.is_empty() {
        let said = |keys: BTreeMap<Key, Rows>| {
            keys.into_keys().map(|(split, seed)| format!("{split} seed {seed}")).collect::<Vec<_>>().join(", ")
        };
        return Err(CompareError::NothingInCommon { a: said(left), b: said(right) });
    }
    let common: Vec<(Rows, Rows)> = runs.iter().filter_map(|key| Some((*left.get(key)?, *right.get(key)?))).collect();
    let (first, second) = (values(a, b), values(b, a));
    let mut lines: Vec<&Line> = first.keys().collect();
    let known = a.splits();
    let figures = |figure: &str| (figure != a.main_figure(), figure == "r2");
    lines.sort_by_cached_key(|Line { split, part, network, figure }| {
        (
            known.iter().position(|name| name == split),
            part != TEST,
            part.clone(),
            order(network),
            figures(figure),
            figure.clone(),
        )
    });
    let mut contrasts = Vec::new();
    for line in lines {
        let Some(theirs) = second.get(line) else { continue };
        let ours = &first[line];
        let of_split = runs.iter().filter(|(name, _)| group(name) == line.split);
        let pairs: Option<(Vec<f64>, Vec<f64>)> =
            of_split.map(|key| Some((ours.get(key).copied()?, theirs.get(key).copied()?))).collect();
        if let Some((left, right)) = pairs.filter(|(left, _)| !left.is_empty()) {
            contrasts.push(Contrast::new(line, a, (&left, &right)));
        }
    }
    let made_on = [a.made_on.clone(), b.made_on.clone()];
    Ok(Comparison {
        a: a.recipe.clone(),
        b: b.recipe.clone(),
        same_data: same_data(a, b, &common),
        made_on,
        runs,
        contrasts,
    })
}

/// What a contrast is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    split: String,
    part: String,
    network: String,
    figure: String,
}

/// Every value of a document, by what it is about and by run.
fn values(metrics: &Metrics, other: &Metrics) -> BTreeMap<Line, BTreeMap<Key, f64>> {
    let mut all: BTreeMap<Line, BTreeMap<Key, f64>> = BTreeMap::new();
    let name = renamed(metrics, other);
    for ResultRow { split, seed, part, network, figure, value, .. } in &metrics.results {
        let Some(value) = *value else { continue };
        let name = name(split);
        let line = Line {
            split: group(&name).to_owned(),
            part: part.clone(),
            network: network.clone(),
            figure: figure.clone(),
        };
        all.entry(line).or_default().insert((name, *seed), value);
    }
    all
}

impl Contrast {
    fn new(line: &Line, metrics: &Metrics, (left, right): (&[f64], &[f64])) -> Self {
        let paired = paired(left, right);
        let evidence = Evidence::of(&paired);
        let (a, b) = (mean(left), mean(right));
        let about = metrics.figures.get(&line.figure);
        let figure = about.map_or(&line.figure, |figure| &figure.title);
        let what = format!("{}, {}, {}, {figure}", title(&line.network), split(&line.split), part(&line.part));
        let shown = points(&paired, a.abs().max(b.abs()));
        let sentence = match evidence {
            Evidence::Unknown => format!("{what}: A − B is {shown} on one run, nothing can be said."),
            Evidence::Within => format!("{what}: not distinguishable, A − B is {shown}."),
            Evidence::Weak | Evidence::Clear => {
                let higher = about.is_none_or(|figure| figure.higher_is_better);
                let better = if (paired.mean > 0.0) == higher { "A" } else { "B" };
                let degree = if evidence == Evidence::Clear { "clearly" } else { "weakly" };
                format!("{what}: {better} is {degree} better, A − B is {shown}.")
            }
        };
        let Line { split, part, network, figure } = line.clone();
        Self { split, part, network, figure, a, b, paired, evidence, sentence }
    }
}

impl Comparison {
    /// The contrasts as a table for a terminal, without colour.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = bare();
        table.set_header(["split", "part", "network", "figure", "A", "B", "A − B", ""]);
        for contrast in &self.contrasts {
            let places = Places::of(&[contrast.a, contrast.b]);
            table.add_row([
                split(&contrast.split),
                part(&contrast.part).to_owned(),
                title(&contrast.network),
                contrast.figure.replace('_', " "),
                places.show(contrast.a),
                places.show(contrast.b),
                points(&contrast.paired, contrast.a.abs().max(contrast.b.abs())),
                contrast.evidence.words().to_owned(),
            ]);
        }
        align(&mut table, &[4, 5, 6]);
        let mut warning = String::new();
        match self.same_data {
            Some(true) => {}
            Some(false) => warning += "\nThe runs used different data; the pairing by seed is formal.",
            None => {
                warning += "\nThe runs have rows and outputs in the same number, but their columns or teacher files differ, or one \
                            did not record its data.";
            }
        }
        if let [Some(a), Some(b)] = &self.made_on
            && a != b
        {
            warning += &format!("\nA was made on {a}, B on {b}: there one recipe gives other students.");
        }
        format!(
            "A = {}, B = {}; means and standard errors paired over {} common runs (split and seed){warning}\n{}\n{}",
            self.a,
            self.b,
            self.runs.len(),
            table.trim_fmt(),
            Evidence::KEY
        )
    }
}
