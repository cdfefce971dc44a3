//! Curves over a common axis.

use super::axis::{Axis, Frame};
use super::svg::Drawing;
use super::{Chart, STYLES, Words, bounds};
use crate::report::number::figure;

/// Most points of a line; a chart has no room for more.
const POINTS: usize = 400;

/// One line.
#[derive(Clone, Debug)]
pub(in super::super) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    /// Number of its style, from 0; more than there are begin again.
    pub style: usize,
}

/// Lines over a common axis; values that are no number are left out.
pub(in super::super) fn lines(words: Words<'_>, lines: &[Line]) -> Chart {
    let mut drawing = Drawing::new(260.0);
    let all = || lines.iter().flat_map(|line| &line.points).filter(|(_, y)| y.is_finite());
    let frame = Frame::draw(
        &mut drawing,
        words,
        Axis::exact(bounds(all().map(|&(x, _)| x)), 5),
        Axis::round(bounds(all().map(|&(_, y)| y)), 4),
    );
    for line in lines {
        let stride = line.points.len().div_ceil(POINTS).max(1);
        let last = line.points.len().saturating_sub(1);
        let shown = line
            .points
            .iter()
            .enumerate()
            .filter(|&(at, (_, y))| y.is_finite() && (at.is_multiple_of(stride) || at == last));
        let points: Vec<(f64, f64)> = shown.map(|(_, &(x, y))| frame.place(x, y)).collect();
        drawing.path(&format!("line s{}", line.style % STYLES), &points);
    }
    let description = lines.iter().map(describe).collect::<Vec<_>>().join(" ");
    let legend = if lines.len() > 1 {
        lines.iter().map(|line| (line.name.clone(), line.style % STYLES)).collect()
    } else {
        Vec::new()
    };
    Chart { legend, ..Chart::new(words.title, description, drawing) }
}

fn describe(line: &Line) -> String {
    match (line.points.first(), line.points.last()) {
        (Some(&(_, first)), Some(&(_, last))) => {
            let (lo, hi) = bounds(line.points.iter().map(|&(_, y)| y));
            let [first, last, lo, hi] = [first, last, lo, hi].map(figure);
            format!("{}: from {first} to {last}, between {lo} and {hi}.", line.name)
        }
        _ => format!("{}: no values.", line.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_thinned_and_described() {
        let points = (0..5000u16).map(|x| (f64::from(x), f64::from(x) / 2.0)).collect();
        let words = Words { title: "Loss", x: "epoch", y: "loss" };
        let chart = lines(words, &[Line { name: "Teacher".to_owned(), points, style: 9 }]);
        assert!(chart.body.len() < 9_000 && chart.body.contains("line s1"), "{}", chart.body.len());
        assert_eq!(chart.description, "Teacher: from 0.00 to 2499.50, between 0.00 and 2499.50.");
        assert!(chart.legend.is_empty() && chart.body.contains(">epoch<") && chart.body.contains(">loss<"));
    }
}
