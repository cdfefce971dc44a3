//! Networks that learn from labels, each for itself: teachers, and students that are trained on labels alone.

use ndarray::{Array2, Axis};
use rand_distr::{Beta, Distribution};

use super::labels::{Labels, Mixed, unmixed};
use crate::nn::{Lesson, Step, TuneFigure};
use crate::recipe::ChooseBy;

/// Both parameters of the Beta distribution that the share of a mixed pair is drawn from.
const BETA: f32 = 0.4;

/// Learning from labels.
pub(crate) struct Supervised<'a> {
    pub(crate) labels: Labels<'a>,
    pub(crate) tune: &'a [usize],
    pub(crate) choose_by: ChooseBy,
    /// Whether the rows of a batch are mixed in pairs (mixup, Zhang et al. 2018).
    pub(crate) mixup: bool,
    /// The rows of the present batch.
    mixed: Vec<Mixed>,
}

impl<'a> Supervised<'a> {
    /// Learning from `labels` without mixing; epochs are chosen on the rows `tune`.
    pub(crate) fn new(labels: Labels<'a>, tune: &'a [usize], choose_by: ChooseBy) -> Self {
        Self { labels, tune, choose_by, mixup: false, mixed: Vec::new() }
    }
}

impl Lesson for Supervised<'_> {
    fn augments(&self) -> bool {
        self.mixup
    }

    fn augment(&mut self, step: &Step<'_>, x: &mut Array2<f32>) {
        self.mixed = unmixed(step);
        if !self.mixup {
            return;
        }
        let mut rng = step.stream();
        let beta = Beta::new(BETA, BETA).unwrap_or_else(|_| unreachable!("both parameters are above 0"));
        let share = beta.sample(&mut rng);
        let other = step.rows.len() / 2;
        let whole = x.clone();
        for (at, mut row) in x.axis_iter_mut(Axis(0)).enumerate() {
            // Rows come shuffled, so the one half a batch away is any row.
            let partner = (at + other) % step.rows.len();
            row.zip_mut_with(&whole.row(partner), |a, &b| *a = share * *a + (1.0 - share) * b);
            self.mixed[at] = (step.rows[at], step.rows[partner], share);
        }
    }

    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        // A step that takes all rows is not augmented.
        let whole = unmixed(step);
        let batch = if self.mixed.is_empty() { &whole } else { &self.mixed };
        outputs.iter().zip(gradients).map(|(output, to)| self.labels.add(batch, output, to, 1.0, |_| true)).sum()
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        match outputs {
            [output] => self.labels.judge(self.choose_by, output, self.tune),
            several => TuneFigure::Loss(several.iter().map(|output| self.labels.loss(output, self.tune)).sum()),
        }
    }
}
