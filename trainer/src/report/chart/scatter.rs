//! Two values a row, with the line where they are equal.

use super::axis::{Axis, Frame};
use super::svg::Drawing;
use super::{Chart, Words, bounds};
use crate::report::number::figure;

/// Points of true and predicted values on equal axes; what is no number is left out.
pub(in super::super) fn scatter(words: Words<'_>, points: &[[f64; 2]]) -> Chart {
    let mut drawing = Drawing::new(380.0);
    let finite = || points.iter().filter(|point| point.iter().all(|value| value.is_finite()));
    let (lo, hi) = bounds(finite().flatten().copied());
    let axis = Axis::round((lo, hi), 5);
    let frame = Frame::draw(&mut drawing, words, axis.clone(), axis);
    frame.diagonal(&mut drawing);
    for &[x, y] in finite() {
        drawing.circle("point", frame.place(x, y), 2.5);
    }
    let description = format!("{} points between {} and {}.", finite().count(), figure(lo), figure(hi));
    Chart::new(words.title, description, drawing)
}
