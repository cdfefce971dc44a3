//! What a run on a table found, for the terminal, for the card and as one page.

use comfy_table::Table;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Value, context};

use super::metrics::{TabularDifference, TabularMetrics, WayMetrics};
use crate::report::metrics::made_on;
use crate::report::number::{Places, UNDEFINED, figure};
use crate::report::{Form, ReportError, foreign_markdown, mean, render_as};

/// Networks in the order of a table, with their words.
const NETWORKS: [(&str, &str); 12] = [
    ("teacher", "teacher"),
    ("teacher_2", "second teacher"),
    ("teacher_3", "third teacher"),
    ("persistence", "the present value"),
    ("label_only", "student on labels only"),
    ("label_smoothing", "label smoothing 0.1"),
    ("uniform_teacher", "uniform teacher"),
    ("plain_kd", "plain KD, tuned temperature"),
    ("random_router", "random router"),
    ("cotrained", "co-trained student"),
    ("student_float", "student, float"),
    ("student_int8", "student, int8"),
];

/// The rows of the table of networks: name, then each figure as `mean ± deviation`.
fn networks(metrics: &TabularMetrics) -> (Vec<String>, Vec<Vec<String>>) {
    let figures: Vec<String> =
        metrics.mean.values().next().map(|figures| figures.keys().cloned().collect()).unwrap_or_default();
    let rows = NETWORKS
        .iter()
        .filter_map(|&(key, words)| {
            let (mean, sd) = (metrics.mean.get(key)?, metrics.sd.get(key)?);
            let cell = |figure: &String| match (mean[figure], sd[figure]) {
                (Some(mean), Some(sd)) => {
                    let places = Places::of(&[mean, sd]);
                    format!("{} ± {}", places.show(mean), places.show(sd))
                }
                _ => UNDEFINED.to_owned(),
            };
            let cells = figures.iter().map(cell);
            Some(std::iter::once(words.to_owned()).chain(cells).collect())
        })
        .collect();
    (figures.into_iter().map(|figure| figure.replace('_', " ")).collect(), rows)
}

/// A difference with as many digits as the two figures have.
fn difference_in_words(metrics: &TabularMetrics, difference: &TabularDifference) -> Vec<String> {
    let figure = |network: &String| metrics.mean.get(network).and_then(|figures| figures.get(&difference.figure));
    let figures = [&difference.a, &difference.b].map(|network| figure(network).copied().flatten().unwrap_or(0.0));
    let places = Places::of(&figures);
    let error = |error: Option<f64>| error.map_or_else(|| "-".to_owned(), |error| places.show(error));
    let words =
        |key: &str| NETWORKS.iter().find(|(name, _)| *name == key).map_or(key.to_owned(), |(_, w)| (*w).to_owned());
    vec![
        words(&difference.b),
        difference.figure.replace('_', " "),
        places.signed(difference.difference.mean),
        error(difference.difference.standard_error),
        error(difference.folds.standard_error),
        difference
            .interval_95
            .map_or_else(|| "-".to_owned(), |[low, high]| format!("{} to {}", places.signed(low), places.signed(high))),
    ]
}

/// The ways of the route, means over the runs: name, share of the rows, each figure. Empty where they are the teachers.
fn ways(metrics: &TabularMetrics) -> Vec<Vec<String>> {
    let first = metrics.runs.first().map(|run| run.ways.as_slice()).unwrap_or_default();
    let row = |(at, way): (usize, &WayMetrics)| {
        let of = |figure: &dyn Fn(&WayMetrics) -> Option<f64>| {
            let values = metrics.runs.iter().filter_map(|run| run.ways.get(at)).map(figure);
            values.collect::<Option<Vec<f64>>>().map(|values| mean(&values))
        };
        let figures = (0..way.score.figures().len())
            .map(|at| of(&|way| way.score.figures()[at].1).map_or_else(|| UNDEFINED.to_owned(), figure));
        let share = format!("{:.1} %", 100.0 * of(&|way| Some(way.share)).unwrap_or_default());
        [way.name.clone(), share].into_iter().chain(figures).collect()
    };
    first.iter().enumerate().map(row).collect()
}

/// The table for the terminal.
#[must_use]
pub fn summary(metrics: &TabularMetrics) -> String {
    let (figures, rows) = networks(metrics);
    let mut table = Table::new();
    table.set_header(std::iter::once("test rows, mean ± sd over folds".to_owned()).chain(figures));
    table.add_rows(rows);
    let mut pairs = Table::new();
    pairs.set_header(["int8 student minus", "figure", "difference", "se, runs", "se, folds", "95 %, folds"]);
    pairs.add_rows(metrics.differences.iter().map(|difference| difference_in_words(metrics, difference)));
    let ways = ways(metrics);
    if ways.is_empty() {
        return format!("{table}\n{pairs}");
    }
    let mut routed = Table::new();
    let figures = networks(metrics).0;
    routed.set_header(["way of the route".to_owned(), "share".to_owned()].into_iter().chain(figures));
    routed.add_rows(ways);
    format!("{table}\n{routed}\n{pairs}")
}

fn page(form: Form, template: &str, metrics: &TabularMetrics, extra: Value) -> Result<String, ReportError> {
    let (figures, rows) = networks(metrics);
    let differences: Vec<_> =
        metrics.differences.iter().map(|difference| difference_in_words(metrics, difference)).collect();
    let widths = metrics.student_widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
    let made_on = made_on(metrics.made_on.as_ref());
    let ways = ways(metrics);
    let values = context! { m => Serde(metrics), figures, rows, differences, widths, ways, made_on, extra };
    render_as(form, SyntaxConfig::default(), template, values)
}

/// The card: what the student is, how good, at what cost.
pub(super) fn card(metrics: &TabularMetrics, notice: Option<&str>) -> Result<String, ReportError> {
    let notice = notice.map(foreign_markdown);
    page(Form::Markdown, include_str!("card.md"), metrics, context! { notice })
}

/// The page: one file, no network.
pub(super) fn html(metrics: &TabularMetrics, recipe: &str) -> Result<String, ReportError> {
    page(Form::Html, include_str!("report.html"), metrics, context! { recipe })
}
