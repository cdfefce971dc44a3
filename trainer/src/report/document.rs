//! A report as sections of text, tables and charts: the one thing that page, card and terminal show.

use super::chart::Chart;
use super::findings::findings;
use super::metrics::Metrics;
use super::names::{grouped, split};
use super::verdict::verdict;
use super::{answers, facts, figures};
use serde::Serialize;

/// Where a section is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Depth {
    /// Everywhere, also on the terminal.
    Brief,
    /// On the card and the page.
    Card,
    /// On the page alone.
    Page,
}

/// A report of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// What was distilled into what.
    pub title: String,
    /// Data, runs and the student that ships.
    pub subtitle: String,
    /// What the run shows, for each split.
    pub verdicts: Vec<Verdict>,
    /// In reading order.
    pub sections: Vec<Section>,
}

/// What a split shows, in two sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The split.
    pub split: String,
    /// The sentences.
    pub text: String,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// Where it is shown.
    pub depth: Depth,
    /// Paragraphs.
    pub text: Vec<String>,
    /// Tables, after the text.
    pub tables: Vec<Table>,
    /// Charts, before the text; on the page alone.
    pub(super) charts: Vec<Chart>,
    /// Texts that keep their lines.
    pub code: Vec<Code>,
    /// Markdown from outside, such as a notice of licence; last.
    pub foreign: Option<String>,
}

/// A text that keeps its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// What it is.
    pub caption: String,
    /// Its lines.
    pub text: String,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Table {
    /// What it shows, with units.
    pub caption: String,
    /// Headings, each with whether its column holds numbers.
    pub columns: Vec<(String, bool)>,
    /// Cells row by row.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// One text a column.
    pub cells: Vec<String>,
    /// Whether it is about the student that ships.
    pub ships: bool,
}

impl Document {
    /// The report of a run.
    #[must_use]
    pub fn of(metrics: &Metrics) -> Self {
        let widths = metrics.shipped.widths.iter().map(usize::to_string).collect::<Vec<_>>().join(" → ");
        let runs = match metrics.runs.len() {
            1 => "one run".to_owned(),
            several => format!("{} runs over splits and seeds", grouped(several)),
        };
        let data = metrics.data.name.as_deref().map(|name| format!("{name}, ")).unwrap_or_default();
        let verdicts = metrics
            .splits()
            .into_iter()
            .filter_map(|name| Some(Verdict { split: capital(&split(name)), text: verdict(metrics, name)? }));
        let sections = [
            vec![findings(metrics), figures::networks(metrics), figures::differences(metrics)],
            answers::sections(metrics),
            vec![figures::tried(metrics), figures::training(metrics), facts::cost(metrics), facts::data(metrics)],
            vec![facts::intended(metrics), facts::limits(metrics), facts::recipe(metrics)],
            vec![figures::mixer(metrics), figures::runs(metrics), figures::time(metrics)],
            vec![facts::origin(metrics), facts::verify(), facts::resolved(metrics)],
        ];
        Self {
            title: format!("{}: {widths}, int8", metrics.recipe),
            subtitle: format!("{data}{runs}; shipped: {}, seed {}", metrics.shipped.split, metrics.shipped.seed),
            verdicts: verdicts.collect(),
            sections: sections.into_iter().flatten().filter(|section| !section.is_empty()).collect(),
        }
    }
}

/// The text with a capital letter first.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

impl Section {
    pub(super) fn new(title: &str, depth: Depth) -> Self {
        Self {
            title: title.to_owned(),
            depth,
            text: Vec::new(),
            tables: Vec::new(),
            charts: Vec::new(),
            code: Vec::new(),
            foreign: None,
        }
    }

    /// One more paragraph.
    pub(super) fn say(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    /// One more table, unless it has no rows.
    pub(super) fn table(mut self, table: Table) -> Self {
        if !table.rows.is_empty() {
            self.tables.push(table);
        }
        self
    }

    /// One more chart.
    pub(super) fn chart(mut self, chart: Chart) -> Self {
        self.charts.push(chart);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.tables.is_empty() && self.charts.is_empty() && self.code.is_empty()
    }
}

impl Table {
    /// A table without rows; the first column holds words.
    pub(super) fn new(caption: &str, first: &str) -> Self {
        Self { caption: caption.to_owned(), columns: vec![(first.to_owned(), false)], rows: Vec::new() }
    }

    /// One more column of words.
    pub(super) fn words(mut self, title: &str) -> Self {
        self.columns.push((title.to_owned(), false));
        self
    }

    /// One more column of numbers.
    pub(super) fn numbers(mut self, title: &str) -> Self {
        self.columns.push((title.to_owned(), true));
        self
    }

    /// One more row.
    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(Row { cells, ships: false });
    }

    /// One more row, about the student that ships or not.
    pub(super) fn row_of(&mut self, cells: Vec<String>, ships: bool) {
        self.rows.push(Row { cells, ships });
    }

    /// Names with numbers or words.
    pub(super) fn pairs(mut self, rows: Vec<(&str, String)>) -> Self {
        for (name, value) in rows {
            self.row(vec![name.to_owned(), value]);
        }
        self
    }
}
