//! Shares by bin, with the line where they would be right.

use super::axis::{Axis, Frame};
use super::svg::Drawing;
use super::{Chart, Words};

/// One bin.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Bar {
    /// Left end of the bin, in per cent.
    pub from: f64,
    /// Share that the bar shows, in per cent.
    pub height: f64,
    /// Share that it should show: the mean of the bin.
    pub at: f64,
    /// Whether it holds enough rows to be read; one that does not is only outlined.
    pub enough: bool,
}

/// Bars on a square of 0 to 100 per cent, each with a dot at the mean of its bin: above the diagonal there are more right
/// answers than the student expects.
pub(in super::super) fn bars(words: Words<'_>, bins: &[Bar], width: f64) -> Chart {
    let mut drawing = Drawing::new(320.0);
    let axis = Axis::exact((0.0, 100.0), 5);
    let frame = Frame::draw(&mut drawing, words, axis.clone(), axis);
    for bin in bins {
        let ((left, top), (right, bottom)) = (frame.place(bin.from, bin.height), frame.place(bin.from + width, 0.0));
        let (class, opacity) = if bin.enough { ("bar", 0.4) } else { ("bar few", 0.0) };
        drawing.rect(class, (left + 0.5, top), ((right - left - 1.0).max(0.5), bottom - top), opacity);
    }
    frame.diagonal(&mut drawing);
    for bin in bins {
        let class = if bin.enough { "student" } else { "control" };
        drawing.circle(class, frame.place(bin.at, bin.height), 3.5);
    }
    let said = bins.iter().map(|Bar { from, height, at, .. }| {
        format!("From {from:.0} %: accuracy {height:.1} where the mean probability is {at:.1}.")
    });
    Chart::new(words.title, said.collect::<Vec<_>>().join(" "), drawing)
}
