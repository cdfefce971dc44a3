//! The course of a training: a figure an epoch, and which epoch is kept.

use serde::{Deserialize, Serialize};

/// The quality of the networks on the tune rows after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum TuneFigure {
    /// Share of correct rows, in [0, 1]. An epoch that equals the best counts as progress (Yang et al. 2023), so the
    /// last of equal epochs is kept.
    Accuracy(f64),
    /// Cross-entropy, squared error or divergence. The first of equal epochs is kept.
    Loss(f64),
    /// Accuracy, and the loss that decides between epochs whose accuracies this many rows cannot tell apart.
    Both {
        /// Share of correct rows, in [0, 1].
        accuracy: f64,
        /// Cross-entropy.
        loss: f64,
        /// Rows that both were measured on.
        rows: usize,
    },
}

impl TuneFigure {
    /// The number.
    #[must_use]
    pub fn value(self) -> f64 {
        let (Self::Accuracy(value) | Self::Loss(value) | Self::Both { accuracy: value, .. }) = self;
        value
    }

    /// Whether an epoch with this figure replaces the `best` one so far; `highest` is the largest number of any epoch before.
    pub(super) fn is_progress(self, best: Option<Self>, highest: f64) -> bool {
        let Some(best) = best else { return true };
        match (self, best) {
            (Self::Accuracy(now), best) => now >= best.value(),
            (Self::Both { accuracy, loss, rows }, Self::Both { accuracy: other, loss: least, .. }) => {
                // The one-standard-error rule of Breiman et al. (1984), over epochs.
                let highest = highest.max(accuracy);
                let bound = highest - (highest * (1.0 - highest) / rows.max(1) as f64).sqrt();
                accuracy >= bound && (other < bound || loss < least)
            }
            (Self::Loss(now) | Self::Both { loss: now, .. }, best) => now < best.value(),
        }
    }
}

/// The largest number of some epochs.
pub(super) fn highest(curve: &[CurvePoint]) -> f64 {
    curve.iter().map(|point| point.tune.value()).fold(f64::NEG_INFINITY, f64::max)
}

/// One point of a training curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Training loss, mean over the steps of the epoch, each measured before its update.
    pub loss: f64,
    /// The figure on the tune rows after the epoch.
    pub tune: TuneFigure,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An epoch of the highest accuracy whose answers say little gives way to a surer one that 500 rows cannot tell apart from
    /// it, whichever comes first; one of far lower accuracy never does.
    #[test]
    fn loss_decides_between_accuracies_within_a_standard_error() {
        let kept = |epochs: &[(f64, f64)]| {
            let (mut curve, mut best) = (Vec::<CurvePoint>::new(), 0);
            for (epoch, &(accuracy, loss)) in epochs.iter().enumerate() {
                let tune = TuneFigure::Both { accuracy, loss, rows: 500 };
                let so_far = curve.get(best).map(|point| point.tune);
                if tune.is_progress(so_far, highest(&curve)) {
                    best = epoch;
                }
                curve.push(CurvePoint { loss: 0.0, tune });
            }
            best
        };
        // The standard error of 0.942 on 500 rows is 0.0105.
        assert_eq!(kept(&[(0.942, 1.58), (0.90, 0.9), (0.935, 0.25), (0.938, 0.22), (0.92, 0.20)]), 3);
        assert_eq!(kept(&[(0.935, 0.25), (0.942, 1.58)]), 0);
        assert_eq!(kept(&[(0.80, 0.1), (0.942, 1.58)]), 1);
        assert_eq!(kept(&[(0.935, 0.25), (0.942, 1.58), (0.96, 1.2), (0.942, 0.3)]), 2);
        // Judged as the training goes: the bound rises over the kept epoch, and what was passed by is not kept any more.
        assert_eq!(kept(&[(0.948, 0.2), (0.955, 0.5), (0.962, 1.5)]), 2);
    }
}
