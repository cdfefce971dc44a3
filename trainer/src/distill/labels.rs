//! What is measured against labels: loss, gradient, and the figure that chooses an epoch.

use ndarray::Array2;

use super::objective::log_softmax;
use crate::data::Truth;
use crate::nn::{Step, TuneFigure, accuracy};
use crate::quantize::spread;
use crate::recipe::ChooseBy;

/// Standardisation of a regressed quantity: mean and deviation of the labelled train rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TargetScale {
    pub(crate) mean: f32,
    pub(crate) deviation: f32,
}

impl TargetScale {
    /// Of the labels of `rows`; of classes the one that changes nothing. A quantity that never changes is counted in itself.
    pub(crate) fn of(truth: &Truth, rows: &[usize]) -> Self {
        let Truth::Quantity { values, .. } = truth else { return Self { mean: 0.0, deviation: 1.0 } };
        let (mean, deviation) = spread(rows.iter().map(|&row| values[row]));
        let itself = if mean.is_normal() { mean.abs() } else { 1.0 };
        Self { mean, deviation: if deviation.is_finite() { deviation } else { itself } }
    }

    /// The largest power of two that is not above the deviation, and the scale counted in it.
    pub(crate) fn by_power_of_two(self) -> (f32, Self) {
        // The exponent bits alone; a deviation is a normal number.
        let power = f32::from_bits(self.deviation.to_bits() & f32::INFINITY.to_bits());
        (power, Self { mean: self.mean / power, deviation: self.deviation / power })
    }

    /// A quantity as a standard score.
    pub(crate) fn score(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }

    /// A standard score as a quantity.
    pub(crate) fn value(self, score: f32) -> f32 {
        score * self.deviation + self.mean
    }
}

/// What an error of a quantity costs, in standard deviations of the label.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distance {
    /// Its square.
    Squared,
    /// Its square up to this size; beyond it twice the size times the error, less the size squared (Huber 1964).
    Huber(f32),
    /// Its size.
    Absolute,
}

impl Distance {
    /// The cost of an error and its slope, both `weight` times.
    pub(crate) fn weighted(self, weight: f32, error: f32) -> (f64, f32) {
        match self {
            Self::Huber(size) if error.abs() > size => {
                (f64::from(weight * size * (2.0 * error.abs() - size)), 2.0 * weight * size.copysign(error))
            }
            Self::Squared | Self::Huber(_) => (f64::from(weight * error * error), 2.0 * weight * error),
            Self::Absolute if error == 0.0 => (0.0, 0.0),
            Self::Absolute => (f64::from(weight * error.abs()), weight.copysign(error)),
        }
    }

    /// The cost of an error.
    fn of(self, error: f32) -> f64 {
        match self {
            Self::Squared => f64::from(error).powi(2),
            other => other.weighted(1.0, error).0,
        }
    }
}

/// One place of a batch: two rows of the data and the share of the first, 1 where nothing is mixed.
pub(crate) type Mixed = (usize, usize, f32);

/// The rows of a step, none of them mixed.
pub(crate) fn unmixed(step: &Step<'_>) -> Vec<Mixed> {
    step.rows.iter().map(|&row| (row, row, 1.0)).collect()
}

/// Loss and gradient against labels.
#[derive(Clone, Copy)]
pub(crate) struct Labels<'a> {
    pub(crate) truth: &'a Truth,
    /// Whether the label of a row is known.
    pub(crate) known: &'a [bool],
    /// Share of label mass spread over all classes.
    pub(crate) smoothing: f32,
    pub(crate) scale: TargetScale,
    /// What an error of a quantity costs.
    pub(crate) distance: Distance,
}

impl Labels<'_> {
    /// Adds `weight` times the mean loss over the labelled places of a batch that `counts` lets through; mixed rows count
    /// for both of their labels.
    pub(crate) fn add(
        &self,
        batch: &[Mixed],
        output: &Array2<f32>,
        gradient: &mut Array2<f32>,
        weight: f32,
        counts: impl Fn(usize) -> bool,
    ) -> f64 {
        let known = |row: &Mixed| self.known[row.0] && self.known[row.1];
        let rows: Vec<_> = batch.iter().enumerate().filter(|(at, row)| known(row) && counts(*at)).collect();
        if rows.is_empty() || weight == 0.0 {
            return 0.0;
        }
        let scale = weight / rows.len() as f32;
        let mut loss = 0.0;
        match self.truth {
            Truth::Classes { labels, names } => {
                let log = log_softmax(output.view());
                let share = self.smoothing / names.len() as f32;
                for (at, &(first, second, part)) in rows {
                    for class in 0..names.len() {
                        let own =
                            |row: usize| if usize::from(labels[row]) == class { 1.0 - self.smoothing } else { 0.0 };
                        let target = part * own(first) + (1.0 - part) * own(second) + share;
                        loss -= f64::from(scale * target * log[[at, class]]);
                        gradient[[at, class]] += scale * (log[[at, class]].exp() - target);
                    }
                }
            }
            Truth::Quantity { values, .. } => {
                for (at, &(first, second, part)) in rows {
                    let mixed =
                        part * self.scale.score(values[first]) + (1.0 - part) * self.scale.score(values[second]);
                    let (value, slope) = self.distance.weighted(scale, output[[at, 0]] - mixed);
                    loss += value;
                    gradient[[at, 0]] += slope;
                }
            }
        }
        loss
    }

    /// The figure of outputs on `rows`, one output row each.
    pub(crate) fn judge(&self, by: ChooseBy, output: &Array2<f32>, rows: &[usize]) -> TuneFigure {
        match (by, self.truth) {
            (ChooseBy::Accuracy | ChooseBy::AccuracyThenLoss, Truth::Classes { labels, .. }) => {
                let labels: Vec<u16> = rows.iter().map(|&row| labels[row]).collect();
                let accuracy = accuracy(output.view(), &labels);
                match by {
                    ChooseBy::AccuracyThenLoss => {
                        TuneFigure::Both { accuracy, loss: self.loss(output, rows), rows: rows.len() }
                    }
                    _ => TuneFigure::Accuracy(accuracy),
                }
            }
            _ => TuneFigure::Loss(self.loss(output, rows)),
        }
    }

    /// Cross-entropy or the mean cost of the errors over `rows`, one output row each.
    pub(crate) fn loss(&self, output: &Array2<f32>, rows: &[usize]) -> f64 {
        match self.truth {
            Truth::Classes { labels, .. } => {
                let log = log_softmax(output.view());
                let loss = rows.iter().enumerate().map(|(at, &row)| -f64::from(log[[at, usize::from(labels[row])]]));
                loss.sum::<f64>() / rows.len() as f64
            }
            Truth::Quantity { values, .. } => {
                let error =
                    |(at, &row): (usize, &usize)| self.distance.of(output[[at, 0]] - self.scale.score(values[row]));
                rows.iter().enumerate().map(error).sum::<f64>() / rows.len() as f64
            }
        }
    }
}
