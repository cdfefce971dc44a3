//! Axes with round ticks, and the frame that two of them make.

use super::svg::{Anchor, Drawing, Point};
use super::{WIDTH, Words};

/// A straight scale from one round number to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) lo: f64,
    pub(super) hi: f64,
    /// Distance of the ticks.
    step: f64,
}

impl Axis {
    /// An axis that holds both ends, with about `ticks` ticks, its ends on them.
    pub(super) fn round((lo, hi): (f64, f64), ticks: usize) -> Self {
        let exact = Self::exact((lo, hi), ticks);
        Self {
            lo: (exact.lo / exact.step).floor() * exact.step,
            hi: (exact.hi / exact.step).ceil() * exact.step,
            ..exact
        }
    }

    /// An axis from `lo` to `hi` as they are; one without width gets some.
    pub(super) fn exact((lo, hi): (f64, f64), ticks: usize) -> Self {
        // Beyond this the distance of the ends is no number.
        let (lo, hi) = (lo.clamp(-1e300, 1e300), hi.clamp(-1e300, 1e300));
        let room = if hi > lo { 0.0 } else { (lo.abs() * 0.05).max(1e-3) };
        let (lo, hi) = (lo - room, hi + room);
        let rough = (hi - lo) / ticks.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
        Self { lo, hi, step: factor * power }
    }

    /// Share of the axis at which a value lies, held within it.
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.lo) / (self.hi - self.lo)).clamp(0.0, 1.0)
    }

    /// Every tick with its label.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let first = (self.lo / self.step - 1e-6).ceil();
        let last = (self.hi / self.step + 1e-6).floor();
        let count = (last - first).clamp(0.0, 50.0) as usize;
        (0..=count).map(|at| (first + at as f64) * self.step).map(|value| (value, self.label(value))).collect()
    }

    fn label(&self, value: f64) -> String {
        let value = if value.abs() < self.step * 1e-6 { 0.0 } else { value };
        let size = self.lo.abs().max(self.hi.abs());
        if !(1e-3..1e6).contains(&size) {
            return if value == 0.0 { "0".to_owned() } else { format!("{value:.1e}") };
        }
        let decimals = (-self.step.log10().floor()).clamp(0.0, 6.0) as usize;
        format!("{value:.decimals$}").replace('-', "−")
    }
}

/// A plot with two axes.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// Upper left and lower right corner of the plot in the drawing.
    corners: (Point, Point),
}

impl Frame {
    /// Draws axes, grid and titles.
    pub(super) fn draw(drawing: &mut Drawing, words: Words<'_>, x: Axis, y: Axis) -> Self {
        let corners = ((60.0, 12.0), (WIDTH - 14.0, drawing.height - 46.0));
        let frame = Self { x, y, corners };
        let ((left, top), (right, bottom)) = corners;
        for (value, label) in frame.y.ticks() {
            let (_, y) = frame.place(frame.x.lo, value);
            drawing.line("grid", (left, y), (right, y));
            drawing.text("soft", (left - 6.0, y + 4.0), Anchor::End, &label);
        }
        for (value, label) in frame.x.ticks() {
            let (x, _) = frame.place(value, frame.y.lo);
            drawing.line("axis", (x, bottom), (x, bottom + 4.0));
            drawing.text("soft", (x, bottom + 18.0), Anchor::Middle, &label);
        }
        drawing.line("axis", (left, bottom), (right, bottom));
        drawing.line("axis", (left, top), (left, bottom));
        drawing.text("ink", ((left + right) / 2.0, drawing.height - 6.0), Anchor::Middle, words.x);
        drawing.upright("ink", (12.0, (top + bottom) / 2.0), Anchor::Middle, words.y);
        frame
    }

    /// Where a point lies in the drawing.
    pub(super) fn place(&self, x: f64, y: f64) -> Point {
        let ((left, top), (right, bottom)) = self.corners;
        (left + self.x.share(x) * (right - left), bottom - self.y.share(y) * (bottom - top))
    }

    /// The line on which both axes have the same value.
    pub(super) fn diagonal(&self, drawing: &mut Drawing) {
        let (lo, hi) = (self.x.lo.max(self.y.lo), self.x.hi.min(self.y.hi));
        if lo < hi {
            drawing.line("zero", self.place(lo, lo), self.place(hi, hi));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_the_values() {
        let axis = Axis::round((81.3, 84.9), 4);
        assert_eq!(labels(&axis), ["81", "82", "83", "84", "85"]);
        assert_eq!(labels(&Axis::round((0.0, 120.0), 4)), ["0", "50", "100", "150"]);
        assert_eq!(labels(&Axis::round((-0.31, 0.52), 4)), ["−0.5", "0.0", "0.5", "1.0"]);
        let flat = Axis::round((5.0, 5.0), 4);
        assert!(flat.lo < 5.0 && flat.hi > 5.0 && (flat.share(5.0) - 0.5).abs() < 0.3);
        assert_eq!(Axis::round((2e-9, 4e-9), 2).ticks()[0].1, "2.0e-9");
        assert!(axis.share(1e9) == 1.0 && axis.share(-1e9) == 0.0);
    }
}
