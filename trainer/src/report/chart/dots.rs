//! One value a row with its interval, under its name: read from top to bottom, also on a narrow screen.

use super::axis::Axis;
use super::svg::{Anchor, Drawing, shortened};
use super::{Chart, WIDTH, Words, bounds};

/// Height of a row.
const ROW: f64 = 37.0;
/// Left and right end of the axis; the values stand on its right.
const ENDS: (f64, f64) = (14.0, WIDTH - 116.0);
/// How many times as far from the first row as the middle one a value may lie before the axis leaves it out.
const FAR: f64 = 6.0;

/// One row.
#[derive(Clone, Debug)]
pub(in super::super) struct Dot {
    pub name: String,
    /// The value as people read it.
    pub text: String,
    pub value: f64,
    /// Ends of the thin line.
    pub interval: Option<[f64; 2]>,
    /// Ends of the thick line within it.
    pub inner: Option<[f64; 2]>,
    /// `teacher`, `student`, `control` or `reference`.
    pub mark: &'static str,
}

/// Rows of dots; `from` is a value that is marked by a line.
///
/// Values far from the others would leave no room to tell these apart: they get an arrow at the edge, and their number.
pub(in super::super) fn dots(words: Words<'_>, rows: &[Dot], from: Option<f64>) -> Chart {
    let mut drawing = Drawing::new(ROW * rows.len() as f64 + 52.0);
    let axis = axis(rows, from);
    let place = |value: f64| ENDS.0 + axis.share(value) * (ENDS.1 - ENDS.0);
    let bottom = ROW * rows.len() as f64 + 6.0;
    for (value, label) in axis.ticks() {
        drawing.line("grid", (place(value), 4.0), (place(value), bottom));
        drawing.text("soft", (place(value), bottom + 16.0), Anchor::Middle, &label);
    }
    if let Some(from) = from {
        drawing.line("zero", (place(from), 4.0), (place(from), bottom));
    }
    for (row, top) in rows.iter().zip((0u32..).map(|at| ROW * f64::from(at) + 4.0)) {
        let y = top + 25.0;
        // Names stand on a ground of their own: grid lines cross them nowhere.
        drawing.text("ink halo", (ENDS.0, top + 13.0), Anchor::Start, &shortened(&row.name, 34));
        drawing.text("ink halo", (WIDTH - 4.0, y + 4.5), Anchor::End, &row.text);
        if !row.value.is_finite() {
            continue;
        }
        let within = (axis.lo..=axis.hi).contains(&row.value);
        if within {
            for (class, ends) in [("whisker", row.interval), ("box", row.inner)] {
                if let Some([lo, hi]) = ends.filter(|ends| ends.iter().all(|end| end.is_finite())) {
                    drawing.line(class, (place(lo), y), (place(hi), y));
                }
            }
            drawing.mark(row.mark, (place(row.value), y));
        } else {
            let (x, out) = if row.value < axis.lo { (ENDS.0 - 4.0, 9.0) } else { (ENDS.1 + 4.0, -9.0) };
            drawing.polygon("beyond", &[(x, y), (x + out, y - 5.0), (x + out, y + 5.0)]);
        }
    }
    drawing.text("ink", ((ENDS.0 + ENDS.1) / 2.0, drawing.height - 8.0), Anchor::Middle, words.x);
    let description = rows.iter().map(|row| format!("{}: {}.", row.name, row.text)).collect::<Vec<_>>().join(" ");
    Chart::new(words.title, description, drawing)
}

/// The axis of all values that are not far from the reference: `from`, or the first student.
fn axis(rows: &[Dot], from: Option<f64>) -> Axis {
    let centre = from.or_else(|| rows.iter().find(|row| row.mark == "student").map(|row| row.value));
    let centre = centre.unwrap_or(0.0);
    let finite = || rows.iter().filter(|row| row.value.is_finite());
    let mut distances: Vec<f64> =
        finite().map(|row| (row.value - centre).abs()).filter(|&distance| distance > 0.0).collect();
    distances.sort_by(f64::total_cmp);
    let middle = distances.get(distances.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    let near = finite().filter(|row| (row.value - centre).abs() <= FAR * middle || row.value == centre);
    let ends = near.flat_map(|row| row.interval.into_iter().flatten().chain([row.value])).chain(from);
    Axis::round(bounds(ends), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(name: &str, value: f64, mark: &'static str) -> Dot {
        let interval = Some([value - 0.2, value + 0.2]);
        Dot { name: name.into(), text: format!("{value}"), value, interval, inner: None, mark }
    }

    #[test]
    fn a_value_far_out_leaves_the_others_their_room() {
        let rows = [
            dot("teacher", 82.0, "teacher"),
            dot("student", 84.0, "student"),
            dot("kd", 83.5, "control"),
            dot("labels", 57.0, "control"),
            dot("uniform", 25.0, "control"),
        ];
        let axis = axis(&rows, None);
        assert!(axis.lo > 80.0 && axis.hi < 86.0, "{axis:?}");
        let chart = dots(Words { title: "t", x: "x", y: "" }, &rows, None);
        assert_eq!(chart.body.matches("beyond").count(), 2);
        assert_eq!(chart.body.matches("whisker").count(), 3);
        assert!(chart.description.contains("uniform: 25."));
    }
}
