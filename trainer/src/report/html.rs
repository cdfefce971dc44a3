//! `report.html`: one file that needs no network, for a browser, a phone or paper.

use super::ReportError;
use super::columns::{explanation, grouped, points, spread, title};
use super::evidence::Evidence;
use super::metrics::{Accuracies, COLUMNS, CostMetrics, Metrics, SETTINGS, SeedMetrics, made_on};
use super::plots::{STYLES, charts, legend};
use super::template::{Form, render};
use super::verdict::{edge_agreement, verdict};
use minijinja::value::Serde;
use minijinja::{Value, context};
use std::collections::BTreeSet;

/// Renders the report of a run.
///
/// `resolved_recipe` is shown as it is. Every text from outside is escaped; the page loads nothing and runs no
/// script.
///
/// # Errors
/// [`ReportError`], for metrics that are not those of a finished run.
pub fn html(metrics: &Metrics, resolved_recipe: &str) -> Result<String, ReportError> {
    let shipped = metrics.seeds.iter().find(|seed| seed.seed == metrics.shipped_seed);
    let curves = shipped.map(|seed| &seed.curves);
    let charts = curves.map(charts).transpose()?.unwrap_or_default();
    let values = context! {
        m => Serde(metrics),
        recipe_text => resolved_recipe,
        verdicts => ["transductive", "inductive"].map(|setting| context! { setting, text => verdict(metrics, setting) }),
        edge_agreement => edge_agreement(metrics),
        made_on => made_on(metrics.made_on.as_ref()),
        widths => metrics.student_widths.iter().map(usize::to_string).collect::<Vec<_>>().join(" → "),
        columns => COLUMNS.map(title),
        accuracies => accuracies(metrics),
        by_seed => by_seed(metrics),
        differences => differences(metrics),
        evidence_key => Evidence::KEY,
        styles => Serde(STYLES),
        legend => Serde(curves.map(legend).unwrap_or_default()),
        charts => Serde(charts),
        classes => classes(metrics),
        macro_f1 => format!("{:.3}", metrics.macro_f1),
        cost => cost(&metrics.cost),
        data => data(metrics),
        stages => stages(metrics),
        epochs => epochs(metrics),
    };
    render(Form::Html, include_str!("templates/report.html"), values)
}

/// One row a column of the metrics: mean and spread in every setting.
fn accuracies(metrics: &Metrics) -> Vec<Value> {
    let (mean, sd, seeds) = (&metrics.mean, &metrics.sd, metrics.seeds.len());
    let row = |column: &&str| {
        context! {
            title => title(column),
            explanation => explanation(column),
            ships => *column == "student_int8",
            cells => [
                spread(Some(&mean.transductive), Some(&sd.transductive), column, seeds),
                spread(mean.inductive.as_ref(), sd.inductive.as_ref(), column, seeds),
                spread(mean.inductive_observed.as_ref(), sd.inductive_observed.as_ref(), column, seeds),
                spread(Some(&mean.tune), Some(&sd.tune), column, seeds),
            ],
        }
    };
    COLUMNS.iter().map(row).collect()
}

/// One table a setting: a row a seed, a cell a column.
fn by_seed(metrics: &Metrics) -> Vec<Value> {
    let cell = |row: Option<&Accuracies>, column: &str| {
        row.and_then(|row| row.column(column)).map_or("–".to_owned(), |value| format!("{value:.2}"))
    };
    let mut tables = Vec::new();
    for (setting, pick) in SETTINGS {
        if metrics.seeds.iter().all(|seed| pick(seed).is_none()) {
            continue;
        }
        let row = |seed: &SeedMetrics| {
            let accuracies = pick(seed);
            context! {
                seed => seed.seed,
                ships => seed.seed == metrics.shipped_seed,
                cells => COLUMNS.map(|column| cell(accuracies.as_ref(), column)),
            }
        };
        tables.push(context! { setting, rows => metrics.seeds.iter().map(row).collect::<Vec<_>>() });
    }
    tables
}

fn differences(metrics: &Metrics) -> Vec<Value> {
    let row = |difference: &super::metrics::Difference| {
        let evidence = Evidence::of(&difference.paired);
        context! {
            setting => difference.setting.as_str(),
            what => format!("{} − {}", title(&difference.a), title(&difference.b)),
            points => points(&difference.paired),
            words => evidence.words(),
            distinguishable => evidence.is_distinguishable(),
        }
    };
    metrics.differences.iter().map(row).collect()
}

fn classes(metrics: &Metrics) -> Vec<Value> {
    let row = |class: &super::metrics::ClassMetrics| {
        let shares = [class.precision, class.recall, class.f1].map(|share| format!("{share:.3}"));
        context! { label => class.label.as_str(), support => grouped(class.support), shares }
    };
    metrics.classes.iter().map(row).collect()
}

fn cost(cost: &CostMetrics) -> Vec<(&'static str, String)> {
    [
        ("Flash for the file, bytes", cost.file_bytes),
        ("of these weights, bytes", cost.weight_bytes),
        ("Arena on Cortex-M4, M7, M33, bytes", cost.arena_bytes_cortex_m4),
        ("Arena on Cortex-M0+, M3, bytes", cost.arena_bytes_cortex_m0),
        ("Arena with one-byte activations (portable, Helium, hosts), bytes", cost.arena_bytes),
        ("Multiply-accumulates of a dense inference", cost.macs),
        ("Parameters (weights and biases)", cost.parameters),
    ]
    .map(|(name, value)| (name, grouped(value)))
    .into()
}

fn data(metrics: &Metrics) -> Vec<(&'static str, String)> {
    let data = &metrics.data;
    [
        ("Nodes", data.nodes),
        ("Undirected edges", data.edges),
        ("Features of a node", data.inputs),
        ("Classes", data.classes),
        ("Train nodes", data.split[0]),
        ("Tune nodes", data.split[1]),
        ("Test nodes", data.split[2]),
    ]
    .map(|(name, value)| (name, grouped(value)))
    .into()
}

/// CPU seconds of each stage: mean and spread over the seeds.
fn stages(metrics: &Metrics) -> Vec<(String, String)> {
    let many = metrics.seeds.len() > 1;
    let row = |(stage, mean): (&String, &f64)| {
        let sd = metrics.sd.cpu_seconds.get(stage).copied().unwrap_or_default();
        let text = if many { format!("{mean:.2} ± {sd:.2}") } else { format!("{mean:.2}") };
        (stage.replace('_', " "), text)
    };
    metrics.mean.cpu_seconds.iter().map(row).collect()
}

/// Epochs of each training: the range over the seeds.
fn epochs(metrics: &Metrics) -> Vec<(String, String)> {
    let names: BTreeSet<&String> = metrics.seeds.iter().flat_map(|seed| seed.epochs.keys()).collect();
    let row = |name: &String| {
        let counts = || metrics.seeds.iter().filter_map(|seed| seed.epochs.get(name).copied());
        let (lo, hi) = (counts().min().unwrap_or_default(), counts().max().unwrap_or_default());
        let text = if lo == hi { lo.to_string() } else { format!("{lo} to {hi}") };
        (name.replace('_', " "), text)
    };
    names.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn everything_is_in_one_file_that_loads_nothing() {
        let run = samples::run(&[2022, 2023, 2024], 1.0);
        let page = html(&run, "[data]\nsource = \"cora\" # <b>").unwrap();
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        for forbidden in ["<script", "src=", "@import", "url(", "<link", "https://"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for column in COLUMNS {
            assert!(page.contains(title(column)), "{column}");
        }
        for text in [&run.data.hash, &run.recipe_hash, &run.student_hash, "# &lt;b&gt;", "class 6 is &lt;rare&gt;"] {
            assert!(page.contains(text), "{text}");
        }
        assert!(page.contains("x86_64-linux-gnu with avx2, fma"));
        assert!(page.contains("Neural Networks &lt;deep&gt;") && !page.contains("<deep>"));
        assert_eq!(page, html(&run, "[data]\nsource = \"cora\" # <b>").unwrap(), "the same metrics, the same bytes");
    }

    #[test]
    fn charts_have_title_and_description_and_tables_have_headers() {
        let page = html(&samples::run(&[1, 2], 1.0), "").unwrap();
        let count = |what: &str| page.matches(what).count();
        assert_eq!(count("<svg class=\"chart\""), 5, "accuracy of all, loss of four");
        assert_eq!(count("<title id="), 5);
        assert_eq!(count("<desc id="), 5);
        assert_eq!(count("<table"), count("<caption"));
        assert_eq!(count("<table"), count("<thead"));
        assert!(count("scope=\"row\"") > 20);
    }

    #[test]
    fn a_small_run_renders_too() {
        let mut run = samples::run(&[7], 1.0);
        for row in &mut run.seeds {
            row.inductive = None;
            row.inductive_observed = None;
            row.curves.clear();
            row.epochs.clear();
        }
        run.mean.inductive = None;
        run.mean.inductive_observed = None;
        run.differences.clear();
        run.data.warnings.clear();
        run.classes.clear();
        let page = html(&run, "").unwrap();
        assert!(page.contains("Inductive accuracy was not measured") && !page.contains("<svg class=\"chart\""));
    }
}
