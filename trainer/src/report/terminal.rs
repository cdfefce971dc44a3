//! The summary that `eyas distill` prints at its end.

use super::columns::{points, spread, title};
use super::evidence::Evidence;
use super::metrics::{COLUMNS, Metrics};
use super::verdict::{edge_agreement, verdict};
use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

/// A rule between header and body, nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// The accuracies, the paired differences and the verdicts as text for a terminal, without colour.
#[must_use]
pub fn summary(metrics: &Metrics) -> String {
    let mut parts = vec![accuracies(metrics)];
    if let Some(table) = differences(metrics) {
        parts.push(table);
    }
    for setting in ["transductive", "inductive"] {
        if let Some(sentence) = verdict(metrics, setting) {
            parts.push(format!("{setting}: {sentence}"));
        }
    }
    parts.push(edge_agreement(metrics));
    parts.push(format!(
        "Shipped: seed {}, {} bytes of weights, {} bytes of file, macro-F1 {:.3}.",
        metrics.shipped_seed, metrics.cost.weight_bytes, metrics.cost.file_bytes, metrics.macro_f1
    ));
    parts.join("\n\n")
}

fn accuracies(metrics: &Metrics) -> String {
    let (mean, sd, seeds) = (&metrics.mean, &metrics.sd, metrics.seeds.len());
    let mut table = bare();
    table.set_header(["test accuracy, per cent", "transductive", "inductive"]);
    for column in COLUMNS {
        let transductive = spread(Some(&mean.transductive), Some(&sd.transductive), column, seeds);
        let inductive = spread(mean.inductive.as_ref(), sd.inductive.as_ref(), column, seeds);
        table.add_row([title(column).to_owned(), transductive, inductive]);
    }
    align(&mut table, &[1, 2]);
    let over = if seeds == 1 { "one seed".to_owned() } else { format!("mean ± sd over {seeds} seeds") };
    format!("{} on {}, {over}\n{}", metrics.recipe, metrics.data.name, table.trim_fmt())
}

fn differences(metrics: &Metrics) -> Option<String> {
    if metrics.seeds.len() < 2 || metrics.differences.is_empty() {
        return None;
    }
    let mut table = bare();
    table.set_header(["setting", "difference, paired by seed", "points ± standard error", ""]);
    for difference in &metrics.differences {
        table.add_row([
            difference.setting.clone(),
            format!("{} − {}", title(&difference.a), title(&difference.b)),
            points(&difference.paired),
            Evidence::of(&difference.paired).words().to_owned(),
        ]);
    }
    align(&mut table, &[2]);
    Some(format!("{}\n{}", table.trim_fmt(), Evidence::KEY))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_summary_holds_every_column_and_difference() {
        let run = samples::run(&[2022, 2023, 2024], 1.0);
        let text = summary(&run);
        for column in COLUMNS {
            assert!(text.contains(title(column)), "{column}");
        }
        assert!(text.contains("mean ± sd over 3 seeds"));
        assert!(text.contains(&format!("{:.2} ± ", run.mean.transductive.student_int8)));
        assert!(text.contains("transductive: The int8 student") && text.contains("inductive: The int8"));
        assert!(!text.contains('\u{1b}'), "no escape codes");
    }

    #[test]
    fn one_seed_without_inductive_run() {
        let mut run = samples::run(&[2022], 1.0);
        run.mean.inductive = None;
        run.sd.inductive = None;
        run.differences.retain(|difference| difference.setting == "transductive");
        let text = summary(&run);
        assert!(text.contains("one seed") && text.contains('–') && !text.contains("standard error\n"));
    }
}
