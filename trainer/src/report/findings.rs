//! What stands in the way of a better student: evidence from the figures of a run, and the key worth trying.

use super::document::{Depth, Section, capital};
use super::evidence::Evidence;
use super::metrics::{DataKind, Metrics};
use super::names::{in_a_sentence, points, split};
use super::number::figure;
use super::outcome::{Curve, Finding, TEST};
use super::statistics::{Paired, mean, paired};
use super::summarise::group;

/// Points of accuracy that rounding may cost before it is named.
const ROUNDING: f64 = 0.3;

/// Share of the other's figure by which one run has to be worse.
const ONE_RUN: f64 = 0.05;
/// How far a teacher is ahead of its student, of the student's own figure, before the gap is named.
const WIDE: f64 = 0.06;
/// Share of that gap that distilling closes in a student that can follow.
const FOLLOWS: f64 = 0.25;

/// Two networks on the test rows of a split.
struct Pair {
    /// Mean of each.
    means: [f64; 2],
    /// The first minus the second, turned so that more is better.
    gain: Paired,
}

impl Pair {
    /// Whether the first is clearly worse than the second; of one run, whose error is not known, worse by a twentieth.
    fn loses(&self) -> bool {
        let far = self.gain.pairs == 1 && -self.gain.mean > ONE_RUN * self.means[1].abs();
        self.gain.mean < 0.0 && (far || Evidence::of(&self.gain) == Evidence::Clear)
    }
}

/// Everything that was found; empty where nothing stands in the way.
pub(super) fn findings(metrics: &Metrics) -> Section {
    let of_split = |name: &&str| of_split(metrics, name);
    let found: Vec<String> = of_runs(metrics)
        .into_iter()
        .chain(metrics.splits().iter().flat_map(of_split))
        .chain(unfinished(metrics))
        .collect();
    let section = Section::new("What stands in the way", Depth::Brief);
    found.into_iter().fold(section, Section::say)
}

/// What most runs found before their students learnt, in the words of the first.
fn of_runs(metrics: &Metrics) -> Vec<String> {
    let mut found: Vec<(&Finding, usize)> = Vec::new();
    for finding in metrics.runs.iter().flat_map(|run| &run.findings) {
        let same = |known: &Finding| (&known.kind, &known.column) == (&finding.kind, &finding.column);
        match found.iter_mut().find(|(known, _)| same(known)) {
            Some((_, count)) => *count += 1,
            None => found.push((finding, 1)),
        }
    }
    let most = |(_, count): &(&Finding, usize)| 2 * count > metrics.runs.len();
    found.into_iter().filter(most).map(|(finding, _)| finding.text.clone()).collect()
}

fn of_split(metrics: &Metrics, name: &str) -> Vec<String> {
    let place = capital(&split(name));
    let graph = metrics.data.kind == DataKind::Graph;
    let between = |a: &str, b: &str| pair(metrics, name, a, b);
    let mut found = Vec::new();
    if let Some(pair) = between("teacher", "label_only").filter(Pair::loses) {
        let [teacher, labels] = pair.means.map(figure);
        let other = match metrics.data.kind {
            DataKind::Graph => "another kind or `input` of the teacher, more `epochs`",
            DataKind::Table => "another kind of teacher, more `steps`",
        };
        found.push(format!(
            "{place}: the teacher ({teacher}) is worse than the student on labels only ({labels}), so its answers mislead. \
             Try {other}, or label_weight in [objective]."
        ));
    }
    let gain = between("student_float", "label_only");
    if let Some(pair) = gain.as_ref().filter(|pair| adds_nothing(pair, labels_are_all_known(metrics, name))) {
        let [student, labels] = pair.means.map(figure);
        let why = match labels_are_all_known(metrics, name) {
            true => "every train row has its label, so distilling is unlikely to help",
            false => "no gain from distilling",
        };
        found.push(format!(
            "{place}: {why}: the student on labels only reaches {labels}, the distilled one {student}. Try label_weight in \
             [objective], or ship the student trained on labels only."
        ));
    }
    // A teacher with other sensors may well know what the student cannot.
    let same_columns = metrics.data.columns.is_some_and(|columns| columns == metrics.data.inputs);
    if let (Some(gap), Some(gain)) = (between("teacher", "student_float").filter(is_wide), &gain)
        && same_columns
        && gain.gain.mean < FOLLOWS * gap.gain.mean
    {
        let [teacher, student] = gap.means.map(figure);
        found.push(format!(
            "{place}: the student ({student}) cannot follow its teacher ({teacher}), and labels only reach {}. Try a wider \
             `hidden` in [student], or inputs that make the classes easier to tell: no loss can teach what the network \
             cannot hold.",
            figure(gain.means[1])
        ));
    }
    if let Some(pair) = between("student_float", "self").filter(Pair::loses) {
        let [student, own] = pair.means.map(figure);
        found.push(format!(
            "{place}: what only the teacher sees does not help: teachers on the student's own columns lead to {own}, these \
             to {student}. Try sees = \"student\" in [[teacher]]."
        ));
    }
    if let Some(pair) = between("student_int8", "persistence").filter(Pair::loses) {
        let [student, present] = pair.means.map(figure);
        found.push(format!(
            "{place}: the student ({student}) is worse than repeating the present value ({present}), which costs \
             nothing. Try a label_weight of 1 or more in [objective]."
        ));
    }
    let classes = metrics.main_figure() == "accuracy";
    let costs = |pair: &Pair| classes && pair.loses() && pair.gain.mean < -ROUNDING;
    if let Some(pair) = between("student_int8", "student_float").filter(costs) {
        found.push(format!(
            "{place}: rounding to int8 costs {} points of accuracy. Try {}, or method = \"qat\" in [quantize].",
            points(&pair.gain, pair.means[0]).trim_start_matches(['−', '-']),
            if graph { "input = \"normalized\" in [student], word dropout" } else { "input_headroom in [quantize]" }
        ));
    }
    found
}

/// Whether distilling adds nothing to labels; where all of them are known, it has to show clearly that it does.
fn adds_nothing(pair: &Pair, all_known: bool) -> bool {
    let Paired { mean, pairs, .. } = pair.gain;
    pairs > 1 && (mean <= 0.0 || (all_known && Evidence::of(&pair.gain) != Evidence::Clear))
}

/// Whether every train row of a table has its label.
fn labels_are_all_known(metrics: &Metrics, name: &str) -> bool {
    let mut runs = metrics.runs.iter().filter(|run| group(&run.split) == name);
    metrics.data.kind == DataKind::Table && runs.all(|run| run.rows.labelled == run.rows.train)
}

/// Whether a teacher is clearly and far better than its student.
fn is_wide(pair: &Pair) -> bool {
    pair.gain.pairs > 1 && Evidence::of(&pair.gain) == Evidence::Clear && pair.gain.mean > WIDE * pair.means[1].abs()
}

/// Both networks over the runs of a split that measured both.
fn pair(metrics: &Metrics, name: &str, a: &str, b: &str) -> Option<Pair> {
    let main = metrics.main_figure();
    let of = |network: &str| -> Vec<((&str, u64), f64)> {
        let here = metrics.results.iter().filter(|row| {
            group(&row.split) == name && row.part == TEST && row.figure == main && row.network == network
        });
        here.filter_map(|row| Some(((row.split.as_str(), row.seed), row.value?))).collect()
    };
    let other = of(b);
    let both = of(a).into_iter().filter_map(|(run, value)| {
        other.iter().find(|(known, _)| *known == run).map(|&(_, counterpart)| (value, counterpart))
    });
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    if a.is_empty() {
        return None;
    }
    let higher = metrics.figures.get(main).is_none_or(|figure| figure.higher_is_better);
    let gain = if higher { paired(&a, &b) } else { paired(&b, &a) };
    Some(Pair { means: [mean(&a), mean(&b)], gain })
}

/// Trainings that still got better when their epochs ended, in most of the runs.
fn unfinished(metrics: &Metrics) -> Vec<String> {
    let of = |name: &&str| {
        let curves: Vec<&Curve> =
            metrics.runs.iter().filter_map(|run| run.trainings.get(*name)?.curve.as_ref()).collect();
        let ended = curves.iter().filter(|curve| curve.ends_at_its_best()).count();
        2 * ended > curves.len()
    };
    let say = |name: &str| {
        format!(
            "On the tune rows {} was best in the last epoch of most runs: give it more {}.",
            if name == "student_float" { "the student".to_owned() } else { in_a_sentence(name) },
            if metrics.data.kind == DataKind::Graph { "`epochs`" } else { "`steps` or `epochs`" }
        )
    };
    ["teacher", "student_float"].into_iter().filter(of).map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    fn said(metrics: &Metrics) -> String {
        findings(metrics).text.join("\n")
    }

    /// Adds to every test figure of a network.
    fn moved(mut metrics: Metrics, network: &str, by: f64) -> Metrics {
        let rows = metrics.results.iter_mut().filter(|row| row.network == network && row.part == TEST);
        rows.for_each(|row| row.value = row.value.map(|value| value + by));
        metrics
    }

    #[test]
    fn good_runs_are_left_alone() {
        for metrics in samples::all() {
            assert_eq!(said(&metrics), "", "{}", metrics.recipe);
        }
    }

    #[test]
    fn shipped_students_raise_no_alarm() {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        for name in ["cora", "har-watch", "room-occupancy", "spoken-digit", "beijing-air"] {
            let metrics = Metrics::read(&models.join(name)).unwrap();
            assert_eq!(said(&metrics), "", "{name}");
        }
    }

    #[test]
    fn each_fault_is_called_by_its_name() {
        let graph = || samples::graph(&[2022, 2023, 2024], 2.0);
        let teacher = said(&moved(graph(), "teacher", -40.0));
        assert!(
            teacher.contains("Transductive: the teacher (") && teacher.contains("worse than the student on labels")
        );
        assert!(said(&moved(graph(), "label_only", 40.0)).contains("no gain from distilling"));
        let rounded = said(&moved(graph(), "student_int8", -2.6));
        assert!(rounded.contains("rounding to int8 costs 2.") && rounded.contains("qat"), "{rounded}");
        let once = said(&moved(samples::graph(&[2022], 2.0), "teacher", -40.0));
        assert!(once.contains("worse than the student on labels"), "{once}");
        let late = said(&moved(samples::regression(2.0), "student_int8", 40.0));
        assert!(late.contains("worse than repeating the present value"), "{late}");
        let mut table = samples::table(2.0);
        table.data.columns = Some(table.data.inputs);
        let starved = said(&moved(moved(table, "teacher", 25.0), "label_only", 21.5));
        assert!(starved.contains("cannot follow its teacher"), "{starved}");
        let mut known = samples::table(2.0);
        known.runs.iter_mut().for_each(|run| run.rows.labelled = run.rows.train);
        let plenty = said(&moved(known, "label_only", 30.0));
        assert!(plenty.contains("every train row has its label, so distilling is unlikely to help"), "{plenty}");
        let mut blind = graph();
        let finding = Finding::new("teacher-at-chance", "The teacher knows nothing.".to_owned());
        blind.runs[0].findings.push(finding.clone());
        assert_eq!(said(&blind), "", "one run of several");
        blind.runs.iter_mut().skip(1).for_each(|run| run.findings.push(finding.clone()));
        assert_eq!(said(&blind), "The teacher knows nothing.");
        let with = |figure: &str, tune: [f32; 3], kept: Option<usize>| {
            let mut short = graph();
            for run in &mut short.runs {
                let Some(curve) = run.trainings.get_mut("teacher").and_then(|training| training.curve.as_mut()) else {
                    panic!("no curve")
                };
                (curve.tune_figure, curve.tune, curve.kept) = (figure.into(), tune.to_vec(), kept);
            }
            said(&short)
        };
        let unfinished = "On the tune rows the teacher was best in the last epoch of most runs";
        assert!(with("loss", [3.0, 2.0, 1.0], Some(2)).contains(unfinished));
        assert!(with("loss", [3.0, 2.0, 1.0], None).contains(unfinished), "files of versions before");
        assert!(with("accuracy", [70.0, 71.0, 72.0], Some(2)).contains(unfinished));
        // Within a standard error of the best accuracy, kept for its loss.
        assert!(with("accuracy", [70.0, 72.0, 71.5], Some(2)).contains(unfinished));
        for (tune, kept) in [([70.0, 72.0, 71.5], Some(1)), ([70.0, 72.0, 72.0], Some(2)), ([70.0, 71.0, 72.0], None)] {
            assert_eq!(with("accuracy", tune, kept), "");
        }
    }
}
