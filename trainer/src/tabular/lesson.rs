//! What networks learn: labels, each other, or their teachers.

use ndarray::{Array2, Axis, s};
use rand_distr::{Beta, Distribution, StandardNormal};

use super::prepare::Truth;
use super::reask::Reask;
use super::route::{Route, Ways};
use crate::distill::objective::log_softmax;
use crate::nn::{Lesson, Step, TuneFigure};
use crate::quantize::spread;

/// Log-softmax of every row at temperature `t`.
pub(super) fn tempered(logits: &Array2<f32>, t: f32) -> Array2<f32> {
    log_softmax(logits.mapv(|logit| logit / t).view())
}

/// Standardisation of a regressed quantity, from the train rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) mean: f32,
    pub(super) deviation: f32,
}

impl Unit {
    /// Of the labels of `rows`; of classes the one that changes nothing. A quantity that never changes is counted in itself.
    pub(super) fn of(truth: &Truth, rows: &[usize]) -> Self {
        let Truth::Quantity { values, .. } = truth else { return Self { mean: 0.0, deviation: 1.0 } };
        let (mean, deviation) = spread(rows.iter().map(|&row| values[row]));
        let itself = if mean.is_normal() { mean.abs() } else { 1.0 };
        Self { mean, deviation: if deviation.is_finite() { deviation } else { itself } }
    }

    /// The largest power of two that is not above the deviation, and the unit counted in it.
    pub(super) fn by_power_of_two(self) -> (f32, Self) {
        // The exponent bits alone; a deviation is a normal number.
        let power = f32::from_bits(self.deviation.to_bits() & f32::INFINITY.to_bits());
        (power, Self { mean: self.mean / power, deviation: self.deviation / power })
    }

    /// A quantity in its unit as a standard score.
    pub(super) fn score(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }

    /// A standard score as a quantity in its unit.
    pub(super) fn value(self, score: f32) -> f32 {
        score * self.deviation + self.mean
    }
}

/// Loss and gradient of what is measured against labels.
pub(super) struct Labels<'a> {
    pub(super) truth: &'a Truth,
    /// Whether the label of a row is known.
    pub(super) known: &'a [bool],
    pub(super) smoothing: f32,
    pub(super) unit: Unit,
}

impl Labels<'_> {
    /// Adds `weight` times the mean loss over the batch's labelled rows; mixed rows count for both of their labels.
    fn add(&self, mix: &[(usize, usize, f32)], output: &Array2<f32>, gradient: &mut Array2<f32>, weight: f32) -> f64 {
        self.add_where(mix, output, gradient, weight, |_| true)
    }

    /// As [`Labels::add`], over those places of the batch that `counts` lets through.
    fn add_where(
        &self,
        mix: &[(usize, usize, f32)],
        output: &Array2<f32>,
        gradient: &mut Array2<f32>,
        weight: f32,
        counts: impl Fn(usize) -> bool,
    ) -> f64 {
        let rows: Vec<_> =
            mix.iter().enumerate().filter(|(at, mix)| self.known[mix.0] && self.known[mix.1] && counts(*at)).collect();
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
                    let mixed = part * self.unit.score(values[first]) + (1.0 - part) * self.unit.score(values[second]);
                    let error = output[[at, 0]] - mixed;
                    loss += f64::from(scale * error * error);
                    gradient[[at, 0]] += 2.0 * scale * error;
                }
            }
        }
        loss
    }

    /// Cross-entropy or squared error over `rows`, one output row each; what epochs are chosen by.
    fn score(&self, output: &Array2<f32>, rows: &[usize]) -> f64 {
        match self.truth {
            Truth::Classes { labels, .. } => {
                let log = log_softmax(output.view());
                let loss = rows.iter().enumerate().map(|(at, &row)| -f64::from(log[[at, usize::from(labels[row])]]));
                loss.sum::<f64>() / rows.len() as f64
            }
            Truth::Quantity { values, .. } => {
                let error =
                    |(at, &row): (usize, &usize)| f64::from(output[[at, 0]] - self.unit.score(values[row])).powi(2);
                rows.iter().enumerate().map(error).sum::<f64>() / rows.len() as f64
            }
        }
    }
}

/// Each row of a batch beside itself: nothing is mixed.
fn alone(step: &Step<'_>) -> Vec<(usize, usize, f32)> {
    step.rows.iter().map(|&row| (row, row, 1.0)).collect()
}

/// Networks that learn from labels, each for itself.
pub(super) struct FromLabels<'a> {
    pub(super) labels: Labels<'a>,
    pub(super) tune: &'a [usize],
    /// Mixes rows in pairs with a share drawn from Beta(0.4, 0.4) (Zhang et al. 2018).
    pub(super) mixup: bool,
    pub(super) mix: Vec<(usize, usize, f32)>,
}

impl Lesson for FromLabels<'_> {
    fn augment(&mut self, step: &Step<'_>, x: &mut Array2<f32>) {
        self.mix = alone(step);
        let mut rng = step.stream();
        if self.mixup {
            let beta = Beta::new(0.4f32, 0.4).unwrap_or_else(|_| unreachable!("both parameters are above 0"));
            let share = beta.sample(&mut rng);
            let other = step.rows.len() / 2;
            let whole = x.clone();
            for (at, mut row) in x.axis_iter_mut(Axis(0)).enumerate() {
                // Rows come shuffled, so the one half a batch away is any row.
                let partner = (at + other) % step.rows.len();
                row.zip_mut_with(&whole.row(partner), |a, &b| *a = share * *a + (1.0 - share) * b);
                self.mix[at] = (step.rows[at], step.rows[partner], share);
            }
        }
    }

    fn loss(&mut self, _step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        outputs.iter().zip(gradients).map(|(output, to)| self.labels.add(&self.mix, output, to, 1.0)).sum()
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Loss(outputs.iter().map(|output| self.labels.score(output, self.tune)).sum())
    }
}

fn add_noise(x: &mut Array2<f32>, deviation: f32, rng: &mut rand_chacha::ChaCha8Rng) {
    if deviation > 0.0 {
        x.mapv_inplace(|value| {
            let noise: f32 = StandardNormal.sample(rng);
            value + deviation * noise
        });
    }
}

/// Networks that learn from labels and from every other one, nothing detached: stage 1 of MST-Distill.
///
/// For the pair (s, t) the loss is `T^2 KL(p_t || p_s)`, mean over the batch, with gradients
/// `T (p_s - p_t)` into s and `T p_t (log p_t - log p_s - KL)` into t.
pub(super) struct Together<'a> {
    pub(super) labels: Labels<'a>,
    pub(super) tune: &'a [usize],
    pub(super) temperature: f32,
}

impl Lesson for Together<'_> {
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        let mix = alone(step);
        let (t, rows) = (self.temperature, step.rows.len());
        let mut loss = 0.0;
        for (output, to) in outputs.iter().zip(gradients.iter_mut()) {
            loss += self.labels.add(&mix, output, to, 1.0);
        }
        let logs: Vec<Array2<f32>> = outputs.iter().map(|output| tempered(output, t)).collect();
        for (student, log_s) in logs.iter().enumerate() {
            for (teacher, log_t) in logs.iter().enumerate() {
                if student == teacher {
                    continue;
                }
                for row in 0..rows {
                    let each = log_t.row(row).iter().zip(log_s.row(row)).map(|(t, s)| t.exp() * (t - s)).sum::<f32>();
                    loss += f64::from(t * t * each) / rows as f64;
                    for class in 0..log_s.ncols() {
                        let (lt, ls) = (log_t[[row, class]], log_s[[row, class]]);
                        gradients[student][[row, class]] += t * (ls.exp() - lt.exp()) / rows as f32;
                        gradients[teacher][[row, class]] += t * lt.exp() * (lt - ls - each) / rows as f32;
                    }
                }
            }
        }
        loss
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Loss(outputs.iter().map(|output| self.labels.score(output, self.tune)).sum())
    }
}

/// A student that learns from its teachers' answers, cached for every row, and from labels.
pub(super) struct FromTeachers<'a> {
    pub(super) labels: Labels<'a>,
    pub(super) tune: &'a [usize],
    /// What the teachers say to every row, and who is asked.
    pub(super) ways: &'a Ways,
    pub(super) route: Route,
    pub(super) temperature: f32,
    pub(super) soft_weight: f32,
    pub(super) label_weight: f32,
    pub(super) halving: bool,
    pub(super) noise: f32,
    /// Teachers that are asked about the noised rows; the route is then the mean.
    pub(super) reask: Option<Reask<'a>>,
    /// See `margin` of the recipe.
    pub(super) margin: Option<f32>,
    /// Standard scores of the teachers' embeddings `[rows x width]`, which outputs behind the student's own learn, and
    /// their weight.
    pub(super) hints: Option<(&'a Array2<f32>, f32)>,
}

/// Without the outputs that learn embeddings.
fn own_outputs(outputs: &Array2<f32>, own: usize) -> Array2<f32> {
    outputs.slice(s![.., ..own]).to_owned()
}

impl FromTeachers<'_> {
    /// Weight of the teachers in a pass.
    fn weight(&self, epoch: usize) -> f32 {
        if self.halving && epoch > 0 {
            self.soft_weight * 0.5f32.powi(1 + (epoch as i32 - 1) / 30)
        } else {
            self.soft_weight
        }
    }
}

impl Lesson for FromTeachers<'_> {
    fn augment(&mut self, step: &Step<'_>, x: &mut Array2<f32>) {
        add_noise(x, self.noise, &mut step.stream());
        if let Some(reask) = &mut self.reask {
            reask.ask(x.view());
        }
    }

    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        let rows = step.rows.len();
        let mut loss = 0.0;
        let own = self.labels.truth.outputs();
        if let Some((hints, weight)) = self.hints {
            let scale = weight / (rows * hints.ncols()) as f32;
            for ((at, place), &row) in (0..).zip(gradients[0].rows_mut()).zip(step.rows) {
                for ((to, &answer), &hint) in
                    place.into_iter().skip(own).zip(outputs[0].row(at).iter().skip(own)).zip(hints.row(row))
                {
                    loss += f64::from(scale * (answer - hint) * (answer - hint));
                    *to = 2.0 * scale * (answer - hint);
                }
            }
        }
        let (output, mut gradient) = (own_outputs(&outputs[0], own), Array2::zeros((rows, own)));
        let output = &output;
        let weight = self.weight(step.epoch) / rows as f32;
        let known = |&row: &usize| match self.labels.truth {
            Truth::Classes { labels, .. } if self.labels.known[row] => Some(labels[row]),
            _ => None,
        };
        let labels: Vec<Option<u16>> = step.rows.iter().map(known).collect();
        let chosen = self.route.choose(self.ways, step.rows, output.view(), &labels, &mut step.stream());
        let fresh = self.reask.as_ref().map(|reask| reask.targets(self.ways, step.rows, self.temperature));
        let counts = |at: usize| match (self.margin, self.labels.truth) {
            (Some(margin), Truth::Quantity { values, .. }) => {
                let label = self.labels.unit.score(values[step.rows[at]]);
                let teacher =
                    fresh.as_ref().map_or_else(|| self.ways.target(chosen[at], step.rows[at])[0], |it| it[[at, 0]]);
                (output[[at, 0]] - label).powi(2) + margin > (teacher - label).powi(2)
            }
            _ => true,
        };
        loss += self.labels.add_where(&alone(step), output, &mut gradient, self.label_weight, counts);
        let targets = chosen.into_iter().zip(step.rows).enumerate().map(|(at, (way, &row))| match &fresh {
            Some(fresh) => (at, fresh.row(at)),
            None => (at, self.ways.target(way, row)),
        });
        match self.labels.truth {
            Truth::Classes { .. } => {
                let t = self.temperature;
                let log = tempered(output, t);
                for (at, target) in targets {
                    for ((&lt, &ls), to) in target.iter().zip(log.row(at)).zip(gradient.row_mut(at)) {
                        loss += f64::from(weight * t * t * lt.exp() * (lt - ls));
                        *to += weight * t * (ls.exp() - lt.exp());
                    }
                }
            }
            Truth::Quantity { .. } => {
                for (at, target) in targets {
                    for ((&teacher, &student), to) in target.iter().zip(output.row(at)).zip(gradient.row_mut(at)) {
                        let error = student - teacher;
                        loss += f64::from(weight * error * error);
                        *to += 2.0 * weight * error;
                    }
                }
            }
        }
        gradients[0].slice_mut(s![.., ..own]).assign(&gradient);
        loss
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Loss(self.labels.score(&own_outputs(&outputs[0], self.labels.truth.outputs()), self.tune))
    }

    fn save(&self) -> Vec<u8> {
        self.route.save()
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        self.route.restore(saved)
    }
}

/// A masked teacher that is to say what the student said, whose answers are constants: stage 2 of MST-Distill.
pub(super) struct Imitate<'a> {
    pub(super) tune: &'a [usize],
    /// Log-probabilities of the student at the temperature, for all rows.
    pub(super) student: &'a Array2<f32>,
    pub(super) temperature: f32,
}

impl Imitate<'_> {
    /// `T^2 KL(student || output)`, mean over `rows`; `each` gets the place and the gradient of every logit.
    fn divergence(&self, output: &Array2<f32>, rows: &[usize], mut each: impl FnMut((usize, usize), f32)) -> f64 {
        let (t, scale) = (self.temperature, 1.0 / rows.len() as f32);
        let log = tempered(output, t);
        let mut loss = 0.0;
        for (at, &row) in rows.iter().enumerate() {
            for (class, (&student, &own)) in self.student.row(row).iter().zip(log.row(at)).enumerate() {
                loss += f64::from(scale * t * t * student.exp() * (student - own));
                each((at, class), scale * t * (own.exp() - student.exp()));
            }
        }
        loss
    }
}

impl Lesson for Imitate<'_> {
    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        self.divergence(&outputs[0], step.rows, |at, slope| gradients[0][at] += slope)
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        TuneFigure::Loss(self.divergence(&outputs[0], self.tune, |_, _| ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::old::RouteKind;
    use ndarray::array;

    /// The closed gradients of co-training against differences of its loss.
    #[test]
    fn gradients_of_co_training_reach_both_sides() {
        let truth = Truth::Classes { labels: vec![0, 2], names: vec!["a".into(), "b".into(), "c".into()] };
        let labels =
            Labels { truth: &truth, known: &[true, true], smoothing: 0.1, unit: Unit { mean: 0.0, deviation: 1.0 } };
        let mut lesson = Together { labels, tune: &[], temperature: 4.0 };
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &[0, 1] };
        let outputs = [array![[0.5f32, -1.0, 2.0], [0.1, 0.2, -0.3]], array![[1.0f32, 0.0, -1.0], [2.0, -2.0, 0.5]]];
        let mut gradients = [Array2::zeros((2, 3)), Array2::zeros((2, 3))];
        lesson.loss(&step, &outputs, &mut gradients);
        for tower in 0..2 {
            for at in [(0, 0), (0, 2), (1, 1)] {
                let mut at_shift = |shift: f32| {
                    let mut moved = outputs.clone();
                    moved[tower][at] += shift;
                    lesson.loss(&step, &moved, &mut [Array2::zeros((2, 3)), Array2::zeros((2, 3))])
                };
                let slope = (at_shift(1e-2) - at_shift(-1e-2)) / 2e-2;
                assert!((slope - f64::from(gradients[tower][at])).abs() < 2e-3, "{tower} {at:?}: {slope}");
            }
        }
    }

    /// A label within the teacher's error teaches nothing; the row the student gets worse than its teacher does.
    #[test]
    fn a_label_counts_where_the_student_is_worse_than_its_teacher() {
        let truth = Truth::Quantity { values: vec![1.0, 1.0], name: "q".into() };
        let labels =
            Labels { truth: &truth, known: &[true, true], smoothing: 0.0, unit: Unit { mean: 0.0, deviation: 1.0 } };
        // The teacher misses both by 0.5; the student misses the first by 0.1 and the second by 0.9.
        let ways = Ways::new(RouteKind::Mean, 0, &[array![[0.5f32], [0.5]]], None);
        let mut lesson = FromTeachers {
            labels,
            tune: &[],
            ways: &ways,
            route: Route::new(RouteKind::Mean, 0.0, 1, 1, 0),
            temperature: 1.0,
            soft_weight: 0.0,
            label_weight: 1.0,
            halving: false,
            noise: 0.0,
            reask: None,
            margin: Some(0.0),
            hints: None,
        };
        let mut gradient = [Array2::zeros((2, 1))];
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &[0, 1] };
        let loss = lesson.loss(&step, &[array![[0.9f32], [0.1]]], &mut gradient);
        assert_eq!(gradient[0][[0, 0]], 0.0);
        assert!((gradient[0][[1, 0]] + 1.8).abs() < 1e-6 && (loss - 0.81).abs() < 1e-6, "{gradient:?} {loss}");
    }

    #[test]
    fn gradients_of_imitation_are_slopes_of_its_loss() {
        let student = tempered(&array![[0.5f32, -1.0, 2.0], [0.1, 0.2, -0.3]], 2.0);
        let mut lesson = Imitate { tune: &[1], student: &student, temperature: 2.0 };
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &[1, 0] };
        let outputs = array![[1.0f32, 0.0, -1.0], [2.0, -2.0, 0.5]];
        let mut gradients = [Array2::zeros((2, 3))];
        lesson.loss(&step, std::slice::from_ref(&outputs), &mut gradients);
        for at in [(0, 0), (0, 2), (1, 1)] {
            let mut at_shift = |shift: f32| {
                let mut moved = outputs.clone();
                moved[at] += shift;
                lesson.loss(&step, &[moved], &mut [Array2::zeros((2, 3))])
            };
            let slope = (at_shift(1e-2) - at_shift(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradients[0][at])).abs() < 2e-3, "{at:?}: {slope}");
        }
        // A masked teacher that says what the student says is as far as it gets.
        assert!(lesson.judge(&[array![[0.1f32, 0.2, -0.3]]]).value().abs() < 1e-6);
        assert!(lesson.judge(&[array![[0.1f32, 0.2, 0.3]]]).value() > 1e-3);
    }
}
