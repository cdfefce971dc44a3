//! Charts as inline SVG: no script, no font file, no colour but those of the page's style sheet.
//!
//! Marks differ in shape and lines in dashes, so that nothing depends on colour. All charts are as wide in their own units as a
//! narrow phone, so that their text is readable there.
//!
//! | file | idea |
//! |---|---|
//! | `svg` | elements, escaped |
//! | `axis` | round ticks; a frame with titles |
//! | `lines` | curves over a common axis |
//! | `dots` | one value a row, with its interval |
//! | `heatmap` | a matrix of counts |
//! | `scatter` | two values a row, with the line where they are equal |
//! | `bars` | shares by bin, with the line where they would be right |

mod axis;
mod bars;
mod dots;
mod heatmap;
mod lines;
mod scatter;
mod svg;

pub(super) use bars::{Bar, bars};
pub(super) use dots::{Dot, dots};
pub(super) use heatmap::heatmap;
pub(super) use lines::{Line, lines};
pub(super) use scatter::scatter;

use serde::Serialize;
use svg::Drawing;

/// Width of every chart in its own units.
const WIDTH: f64 = 420.0;
/// Styles of lines that the style sheet knows.
pub(super) const STYLES: usize = 8;

/// One chart, ready for a page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Chart {
    /// What it shows.
    pub title: String,
    /// The same in words.
    pub description: String,
    /// SVG elements without the outer tag, escaped.
    pub body: String,
    /// Width and height in the chart's own units.
    pub size: [u32; 2],
    /// Names of the lines, each with the number of its style.
    pub legend: Vec<(String, usize)>,
}

/// The words of a chart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    /// What it shows.
    pub title: &'a str,
    /// Title of the horizontal axis.
    pub x: &'a str,
    /// Title of the vertical axis.
    pub y: &'a str,
}

impl Chart {
    fn new(title: &str, description: String, drawing: Drawing) -> Self {
        let size = [WIDTH as u32, drawing.height.ceil() as u32];
        Self { title: title.to_owned(), description, body: drawing.body, size, legend: Vec::new() }
    }
}

/// Smallest and largest finite value; 0 to 1 where there is none.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let (lo, hi) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(value), hi.max(value)));
    if lo <= hi { (lo, hi) } else { (0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(name: &str, values: &[f64]) -> Vec<Chart> {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(x, &y)| (x as f64, y)).collect();
        let words = Words { title: name, x: name, y: name };
        let dot = |&value: &f64| Dot {
            name: name.to_owned(),
            text: name.to_owned(),
            value,
            interval: Some([value - 1.0, value + 1.0]),
            inner: None,
            mark: "student",
        };
        let rows: Vec<Dot> = values.iter().map(dot).collect();
        let count = vec![vec![3, 0], vec![1, 7]];
        let pairs: Vec<[f64; 2]> = points.iter().map(|&(x, y)| [x, y]).collect();
        vec![
            lines(words, &[Line { name: name.to_owned(), points, style: 0 }]),
            dots(words, &rows, Some(0.0)),
            heatmap(words, &[name.to_owned(), "b".to_owned()], &count),
            scatter(words, &pairs),
            bars(words, &[Bar { from: 0.0, height: 50.0, at: 40.0, enough: true }], 10.0),
        ]
    }

    #[test]
    fn hostile_names_are_text_in_every_chart() {
        for chart in all("</text><script>alert(1)</script>\"'&", &[1.0, 2.0]) {
            assert!(!chart.body.contains("<script") && !chart.body.contains("</text></text>"), "{}", chart.body);
            assert!(chart.body.contains("&lt;") && chart.body.contains("<text"), "{}", chart.title);
        }
    }

    #[test]
    fn odd_values_are_drawn_within_the_frame() {
        let odd = [
            &[][..],
            &[5.0],
            &[5.0, 5.0],
            &[f64::NAN, f64::INFINITY],
            &[1.0, f64::NAN, 2.0],
            &[1e-300, 1e300],
            &[-0.0, 0.0],
        ];
        for values in odd {
            for chart in all("a", values) {
                assert!(!chart.body.contains("NaN") && !chart.body.contains("inf"), "{values:?}: {}", chart.body);
                for part in chart.body.split("cx=\"").skip(1) {
                    let x: f64 = part.split('"').next().and_then(|x| x.parse().ok()).unwrap();
                    assert!((0.0..=WIDTH).contains(&x), "{values:?}: {x}");
                }
            }
        }
    }

    #[test]
    fn colours_come_from_the_style_sheet_alone() {
        for chart in all("a", &[1.0, 3.0, 2.0]) {
            for fixed in ["#", "rgb", "fill=", "stroke=", "style="] {
                assert!(!chart.body.contains(fixed), "{fixed}: {}", chart.body);
            }
            assert!(!chart.description.is_empty() && chart.size[0] == 420);
        }
    }
}
