//! A matrix of counts, each row shaded by its shares.

use super::svg::{Anchor, Drawing, shortened};
use super::{Chart, WIDTH, Words};
use crate::output::counted;

/// Classes up to which each cell says its count.
const COUNTED: usize = 12;
/// Classes up to which each row and column has a name.
const NAMED: usize = 30;
/// Characters of a name.
const ROOM: usize = 16;
/// Width of a character.
const CHARACTER: f64 = 6.9;

/// Counts by row and column, both named by `labels`; `words.y` says what a row is.
pub(in super::super) fn heatmap(words: Words<'_>, labels: &[String], counts: &[Vec<usize>]) -> Chart {
    let named = labels.len() <= NAMED;
    let names: Vec<String> = labels.iter().map(|label| shortened(label, ROOM)).collect();
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) as f64;
    let room = if named { longest.max(3.0) * CHARACTER + 8.0 } else { 8.0 };
    let left = room + 20.0;
    let size = ((WIDTH - left - 6.0) / labels.len().max(1) as f64).min(44.0);
    let top = room + 22.0;
    let mut drawing = Drawing::new(top + size * labels.len() as f64 + 8.0);
    let (across, down) = (left + size * labels.len() as f64 / 2.0, top + size * labels.len() as f64 / 2.0);
    drawing.text("ink", (across.max(60.0), 13.0), Anchor::Middle, words.x);
    drawing.upright("ink", (12.0, down.max(60.0)), Anchor::Middle, words.y);
    let place = |at: usize| size * at as f64;
    for (at, name) in names.iter().enumerate().filter(|_| named) {
        drawing.text("soft", (left - 6.0, top + place(at) + size / 2.0 + 4.0), Anchor::End, name);
        drawing.upright("soft", (left + place(at) + size / 2.0 + 4.0, top - 6.0), Anchor::Start, name);
    }
    for (row, counts) in counts.iter().enumerate() {
        let whole = counts.iter().sum::<usize>().max(1) as f64;
        for (column, &count) in counts.iter().enumerate() {
            let share = count as f64 / whole;
            let at = (left + place(column), top + place(row));
            let class = if row == column { "cell right" } else { "cell" };
            drawing.rect(class, at, (size - 1.0, size - 1.0), share);
            if labels.len() <= COUNTED && count > 0 {
                let class = if share > 0.5 { "on small" } else { "ink small" };
                drawing.text(class, (at.0 + size / 2.0, at.1 + size / 2.0 + 4.0), Anchor::Middle, &count.to_string());
            }
        }
    }
    Chart::new(words.title, describe(labels, counts), drawing)
}

/// The largest confusion in words.
fn describe(labels: &[String], counts: &[Vec<usize>]) -> String {
    let right: usize = counts.iter().enumerate().filter_map(|(at, row)| row.get(at)).sum();
    let all: usize = counts.iter().flatten().sum();
    let wrong = counts.iter().enumerate().flat_map(|(row, counts)| {
        counts
            .iter()
            .enumerate()
            .filter(move |&(column, _)| column != row)
            .map(move |(column, &count)| (count, row, column))
    });
    let name = |at: usize| labels.get(at).map_or("?", String::as_str);
    match wrong.max_by_key(|&(count, row, column)| (count, std::cmp::Reverse((row, column)))) {
        Some((count, row, column)) if count > 0 => format!(
            "{right} of {} right; the most frequent error takes {count} of {} for {}.",
            counted(all, "row is", "rows are"),
            name(row),
            name(column)
        ),
        _ => format!("{right} of {} right.", counted(all, "row is", "rows are")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_while_there_is_room() {
        let words = Words { title: "t", x: "decided", y: "true" };
        let of = |classes: usize| {
            let labels: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
            let counts: Vec<Vec<usize>> =
                (0..classes).map(|row| (0..classes).map(|column| row + 2 * column).collect()).collect();
            heatmap(words, &labels, &counts)
        };
        assert!(of(3).body.contains(">4</text>") && of(3).body.matches("<rect").count() == 9);
        assert!(!of(13).body.contains(">4</text>") && of(13).body.contains(">class 12</text>"));
        assert!(!of(31).body.contains(">class 12</text>"));
        assert_eq!(
            of(3).description,
            "9 of 27 rows are right; the most frequent error takes 5 of class 1 for class 2."
        );
        let right = heatmap(words, &["a".into()], &[vec![4]]);
        assert_eq!(right.description, "4 of 4 rows are right.");
    }
}
