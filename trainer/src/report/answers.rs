//! Sections about the shipped student's answers row by row.

use super::chart::{Bar, Dot, Line, Words, bars, dots, heatmap, lines, scatter};
use super::document::{Depth, Section, Table};
use super::metrics::Metrics;
use super::names::{grouped, signed};
use super::number::Places;
use super::shipped::{Confusion, Coverage, Reliability, Residuals, Rounding};

/// Most classes that the card lists one by one.
const LISTED: usize = 50;
/// Rows a bin of the reliability diagram needs to be read.
const ENOUGH: usize = 20;

/// All of them, as far as they were measured.
pub(super) fn sections(metrics: &Metrics) -> Vec<Section> {
    [
        metrics.confusion.as_ref().map(confusion),
        metrics.residuals.as_ref().map(|residuals| self::residuals(metrics, residuals)),
        sureness(metrics),
        metrics.rounding.as_ref().map(|rounding| self::rounding(metrics, rounding)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn confusion(confusion: &Confusion) -> Section {
    let mut section = Section::new("Classes", Depth::Card).say(format!(
        "The shipped student on the test rows; macro-F1 {:.2} %, the mean F1 of all classes that occur or are decided.",
        confusion.macro_f1
    ));
    if let Some(counts) = &confusion.counts {
        let labels: Vec<String> = confusion.classes.iter().map(|class| class.label.clone()).collect();
        let words =
            Words { title: "Rows by true and decided class; shade: share of the true class", x: "decided", y: "true" };
        section = section.chart(heatmap(words, &labels, counts));
    }
    let caption = match confusion.classes.len() {
        ..=LISTED => "By class".to_owned(),
        many => format!("By class, the first {LISTED} of {many}"),
    };
    let mut table =
        Table::new(&caption, "Class").numbers("Rows").numbers("Precision, %").numbers("Recall, %").numbers("F1, %");
    for class in confusion.classes.iter().take(LISTED) {
        let shares = [class.precision, class.recall, class.f1].map(|share| format!("{share:.1}"));
        table.row([class.label.clone(), grouped(class.support)].into_iter().chain(shares).collect());
    }
    section.table(table)
}

fn residuals(metrics: &Metrics, residuals: &Residuals) -> Section {
    let quantity = metrics.data.outputs.first().map_or("quantity", String::as_str);
    let (x, y) = (format!("true {quantity}"), format!("predicted {quantity}"));
    let title = format!("Predicted against true {quantity}, {} test rows", residuals.points.len());
    let error = format!("predicted minus true {quantity}");
    let dot = |group: &super::shipped::ResidualGroup| {
        let [low, quarter, middle, three, high] = group.quantiles;
        Dot {
            name: group.name.clone(),
            text: signed(Places::of(&[low, high]), middle),
            value: middle,
            interval: Some([low, high]),
            inner: Some([quarter, three]),
            mark: "student",
        }
    };
    let rows: Vec<Dot> = residuals.groups.iter().map(dot).collect();
    let spread = Words { title: "Residuals: median, half and nine tenths of the rows", x: &error, y: "" };
    let mut table = Table::new(&format!("Quantiles of {error}"), "Rows").numbers("Count");
    for share in ["5 %", "25 %", "50 %", "75 %", "95 %"] {
        table = table.numbers(share);
    }
    for group in &residuals.groups {
        let places = Places::of(&group.quantiles);
        let quantiles = group.quantiles.iter().map(|&value| signed(places, value));
        table.row([group.name.clone(), grouped(group.count)].into_iter().chain(quantiles).collect());
    }
    Section::new("Residuals", Depth::Card)
        .say("The shipped student on the test rows. Points on the dashed line are right; a median off zero is a bias.")
        .chart(scatter(Words { title: &title, x: &x, y: &y }, &residuals.points))
        .chart(dots(spread, &rows, Some(0.0)))
        .table(table)
}

/// Reliability and coverage of a classifier.
fn sureness(metrics: &Metrics) -> Option<Section> {
    let (reliability, coverage) = (metrics.reliability.as_ref()?, metrics.coverage.as_ref()?);
    let section = Section::new("How sure it may be", Depth::Card).say(format!(
        "Expected calibration error {:.1} %: how far the top probability, the softmax of the int8 logits in real units, \
         is from the share of right answers, over {} bins of equal width. The student file answers with a margin, not \
         with this probability.",
        reliability.ece,
        (100.0 / reliability.bin_width).round()
    ));
    let section = section.chart(diagram(reliability)).chart(curve(coverage));
    let mut table = Table::new("The rows it is surest of, equally sure ones together", "Answered rows, %")
        .numbers("Accuracy, %")
        .numbers("Top probability at least, %");
    for share in [25.0, 50.0, 75.0, 90.0, 100.0] {
        if let Some(point) = coverage.points.iter().find(|point| point.coverage >= share - 1e-9) {
            let row = [point.coverage, point.accuracy, point.confidence].map(|value| format!("{value:.1}"));
            if table.rows.last().is_none_or(|last| last.cells != row) {
                table.row(row.into());
            }
        }
    }
    Some(section.table(table))
}

fn diagram(reliability: &Reliability) -> super::chart::Chart {
    let bin = |bin: &super::shipped::Bin| Bar {
        from: bin.from,
        height: bin.accuracy,
        at: bin.confidence,
        enough: bin.count >= ENOUGH,
    };
    let all: Vec<Bar> = reliability.bins.iter().map(bin).collect();
    let title = format!("Accuracy by top probability; outlines hold fewer than {ENOUGH} rows");
    bars(Words { title: &title, x: "top probability, %", y: "accuracy, %" }, &all, reliability.bin_width)
}

fn curve(coverage: &Coverage) -> super::chart::Chart {
    let points = coverage.points.iter().map(|point| (point.coverage, point.accuracy)).collect();
    let words = Words { title: "Accuracy on the rows it is surest of", x: "answered rows, %", y: "accuracy, %" };
    lines(words, &[Line { name: "Student, int8".to_owned(), points, style: 0 }])
}

fn rounding(metrics: &Metrics, rounding: &Rounding) -> Section {
    let mut section = Section::new("From float to int8", Depth::Card);
    if let Some(changed) = rounding.changed {
        section = section.say(format!(
            "Rounding changes the label of {} of {} test rows ({:.2} %).",
            grouped(changed),
            grouped(rounding.rows),
            100.0 * changed as f64 / rounding.rows.max(1) as f64
        ));
    }
    let mut layers = Table::new("Activations on the test rows, int8 against float", "Layer")
        .numbers("Noise, % of the float size")
        .numbers("Clipped, %");
    for (at, layer) in rounding.layers.iter().enumerate() {
        layers.row(vec![format!("{}", at + 1), format!("{:.2}", layer.noise), format!("{:.3}", layer.clipped)]);
    }
    let name = |label: u16| metrics.data.outputs.get(usize::from(label)).cloned().unwrap_or_else(|| label.to_string());
    let mut rows =
        Table::new(&format!("The first {} rows with another label", rounding.first_changed.len()), "Row of the data")
            .words("True")
            .words("Float")
            .words("Int8");
    for changed in &rounding.first_changed {
        rows.row(vec![changed.row.to_string(), name(changed.truth), name(changed.float), name(changed.int8)]);
    }
    section.table(layers).table(rows)
}
