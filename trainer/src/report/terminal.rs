//! The summary that `eyas distill` prints at its end.

use super::document::{Depth, Document, Table as Shown};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A rule between header and body, nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The sections that are brief and the verdicts as text for a terminal, without colour.
#[must_use]
pub fn summary(document: &Document) -> String {
    let mut parts = vec![format!("{}\n{}", document.title, document.subtitle)];
    for section in document.sections.iter().filter(|section| section.depth == Depth::Brief) {
        parts.extend(
            section.tables.iter().map(|table| format!("{}: {}\n{}", section.title, table.caption, text(table))),
        );
        parts.extend(section.text.iter().cloned());
    }
    parts.extend(document.verdicts.iter().map(|verdict| format!("{}: {}", verdict.split, verdict.text)));
    parts.join("\n\n")
}

fn text(shown: &Shown) -> String {
    let mut table = bare();
    table.set_header(shown.columns.iter().map(|(title, _)| title));
    table.add_rows(shown.rows.iter().map(|row| &row.cells));
    let numbers: Vec<usize> =
        shown.columns.iter().enumerate().filter(|(_, (_, number))| *number).map(|(at, _)| at).collect();
    align(&mut table, &numbers);
    table.trim_fmt()
}

/// An empty table in the style of all reports.
pub(super) fn bare() -> Table {
    let mut table = Table::new();
    table.load_style(STYLE);
    table
}

/// Sets the columns of numbers to the right.
pub(super) fn align(table: &mut Table, columns: &[usize]) {
    for &index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
