//! Several teachers, one target: the mean, the best on tune, a router, or chance.
//!
//! The router is a linear gate on the student's logits, `g = softmax(W s + b)`. Its signal is the teachers' own error on
//! the labels: `sum_k g_k CE_k` over the labelled rows of a batch, plus `balance * KL(uniform || batch mean of g)`, so it
//! learns whom to ask. (MST-Distill picks the top teacher without any gradient from it, so its gate learns nothing about
//! the teachers.) The student's logits are constants to the gate.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::distill::objective::log_softmax;
use crate::nn::{Adam, Moments};
use crate::recipe::old::RouteKind;

/// Step size of the gate.
const GATE: Adam = Adam { learning_rate: 0.001, weight_decay: 0.0 };

/// What the ways of a route say to every row. Nothing of it changes while a student learns, so all of it is computed once.
pub(super) struct Ways {
    /// Log-probabilities, or scores of a regression: one matrix a way that rows may be sent to.
    answers: Vec<Array2<f32>>,
    /// The same at the distill temperature.
    targets: Vec<Array2<f32>>,
}

impl Ways {
    /// The mean of `answers` or the one that is `best` where the route is the same for every row, else all of them;
    /// `temperature` for a classifier.
    pub(super) fn new(kind: RouteKind, best: usize, answers: &[Array2<f32>], temperature: Option<f32>) -> Self {
        let answers = match kind {
            RouteKind::Mean => {
                let mut mean = Array2::zeros(answers[0].dim());
                answers.iter().for_each(|answer| mean += answer);
                vec![mean / answers.len() as f32]
            }
            RouteKind::BestOnTune => vec![answers[best].clone()],
            RouteKind::Random | RouteKind::Router => answers.to_vec(),
        };
        let target = |answer: &Array2<f32>| match temperature {
            Some(t) => log_softmax(answer.mapv(|answer| answer / t).view()),
            None => answer.clone(),
        };
        let targets = answers.iter().map(target).collect();
        Self { answers, targets }
    }

    /// What way `way` says of row `row` of the data, untempered.
    pub(super) fn answer(&self, way: usize, row: usize) -> ArrayView1<'_, f32> {
        self.answers[way].row(row)
    }

    /// What way `way` teaches row `row` of the data.
    pub(super) fn target(&self, way: usize, row: usize) -> ArrayView1<'_, f32> {
        self.targets[way].row(row)
    }
}

/// Chooses a way for every row of a batch.
pub(super) struct Route {
    kind: RouteKind,
    balance: f32,
    /// `[ways x (classes + 1)]`, the last column the bias.
    gate: Array2<f32>,
    moments: Moments,
    step: u32,
    /// Rows answered by each way.
    load: Vec<u64>,
    best: usize,
}

impl Route {
    /// A route over `ways` teachers, of which `best` has the best tune score.
    pub(super) fn new(kind: RouteKind, balance: f64, ways: usize, classes: usize, best: usize) -> Self {
        let gate = Array2::zeros((ways, classes + 1));
        let moments = Moments::zeros(gate.len());
        Self { kind, balance: balance as f32, gate, moments, step: 0, load: vec![0; ways], best }
    }

    /// The way in `ways` for each of the batch's `rows`.
    ///
    /// `labels` holds the class of each labelled row; `student` are the student's logits.
    pub(super) fn choose(
        &mut self,
        ways: &Ways,
        rows: &[usize],
        student: ArrayView2<'_, f32>,
        labels: &[Option<u16>],
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let chosen: Vec<usize> = match self.kind {
            RouteKind::Mean | RouteKind::BestOnTune => return vec![0; rows.len()],
            RouteKind::Random => rows.iter().map(|_| rng.random_range(0..self.load.len())).collect(),
            RouteKind::Router => {
                let shares = self.shares(student);
                self.learn(ways, rows, student, labels, &shares);
                shares.rows().into_iter().map(|row| largest(row.iter().copied())).collect()
            }
        };
        chosen.iter().for_each(|&way| self.load[way] += 1);
        chosen
    }

    /// What the gate has learnt and whom it asked, for a training that is resumed.
    pub(super) fn save(&self) -> Vec<u8> {
        let gate: Vec<f32> = self.gate.iter().copied().collect();
        postcard::to_allocvec(&(gate, &self.moments, self.step, &self.load)).unwrap_or_default()
    }

    /// Takes back what [`Route::save`] gave; `false` where it is of another route.
    pub(super) fn restore(&mut self, saved: &[u8]) -> bool {
        let Ok((gate, moments, step, load)) = postcard::from_bytes::<(Vec<f32>, Moments, u32, Vec<u64>)>(saved) else {
            return false;
        };
        let fits = load.len() == self.load.len() && moments.fits(gate.len());
        let Some(gate) = Array2::from_shape_vec(self.gate.dim(), gate).ok().filter(|_| fits) else { return false };
        (self.gate, self.moments, self.step, self.load) = (gate, moments, step, load);
        true
    }

    /// Share of the rows that each way answered for.
    pub(super) fn load(&self) -> Vec<f64> {
        let ways = self.load.len();
        match self.kind {
            RouteKind::Mean => vec![1.0 / ways as f64; ways],
            RouteKind::BestOnTune => (0..ways).map(|way| f64::from(u8::from(way == self.best))).collect(),
            RouteKind::Random | RouteKind::Router => {
                let all = self.load.iter().sum::<u64>().max(1) as f64;
                self.load.iter().map(|&load| load as f64 / all).collect()
            }
        }
    }

    /// `g` `[batch x teachers]`.
    fn shares(&self, student: ArrayView2<'_, f32>) -> Array2<f32> {
        let (weight, bias) = self.gate.view().split_at(Axis(1), self.gate.ncols() - 1);
        let mut shares = student.dot(&weight.t()) + bias.column(0);
        for mut row in shares.rows_mut() {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.mapv_inplace(|value| (value - top).exp());
            let sum = row.sum();
            row /= sum;
        }
        shares
    }

    fn learn(
        &mut self,
        all: &Ways,
        batch: &[usize],
        student: ArrayView2<'_, f32>,
        labels: &[Option<u16>],
        shares: &Array2<f32>,
    ) {
        let count = labels.iter().flatten().count();
        let (rows, ways) = shares.dim();
        let mean: Array1<f32> = shares.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(ways));
        // d KL(uniform || mean g) / d g_k = -1 / (ways * rows * mean_k).
        let even: Array1<f32> = mean.mapv(|mean| -self.balance / (ways as f32 * rows as f32 * mean.max(1e-6)));
        let mut gradient = Array2::<f32>::zeros(self.gate.dim());
        for (row, label) in labels.iter().enumerate() {
            let slope = |way: usize| {
                let error = label
                    .map_or(0.0, |label| -all.answers[way][[batch[row], usize::from(label)]] / count.max(1) as f32);
                error + even[way]
            };
            let slopes: Vec<f32> = (0..ways).map(slope).collect();
            let centre: f32 = slopes.iter().zip(shares.row(row)).map(|(slope, share)| slope * share).sum();
            for way in 0..ways {
                let inner = shares[[row, way]] * (slopes[way] - centre);
                let mut to = gradient.row_mut(way);
                for (class, &logit) in student.row(row).iter().enumerate() {
                    to[class] += inner * logit;
                }
                to[student.ncols()] += inner;
            }
        }
        self.step += 1;
        if let (Some(gate), Some(gradient)) = (self.gate.as_slice_mut(), gradient.as_slice()) {
            GATE.update(self.step, gate, gradient, &mut self.moments);
        }
    }
}

fn largest(values: impl Iterator<Item = f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (at, value) in values.enumerate() {
        if value > best.1 {
            best = (at, value);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Purpose, stream};
    use ndarray::array;

    /// Teacher 0 is right where the student leans to class 0, teacher 1 elsewhere: the gate has to find out.
    #[test]
    fn the_router_learns_whom_to_ask_and_chance_does_not() {
        let student = array![[2.0f32, -2.0], [-2.0, 2.0]];
        let sure =
            |right: [f32; 2]| array![[right[0].ln(), (1.0 - right[0]).ln()], [(1.0 - right[1]).ln(), right[1].ln()]];
        let (first, second) = (sure([0.9, 0.2]), sure([0.2, 0.9]));
        let ways = Ways::new(RouteKind::Router, 0, &[first.clone(), second.clone()], Some(1.0));
        let labels = [Some(0), Some(1)];
        let mut rng = stream(1, Purpose::Augment, 0, 0);
        let mut route = Route::new(RouteKind::Router, 1.0, 2, 2, 0);
        for _ in 0..2000 {
            route.choose(&ways, &[0, 1], student.view(), &labels, &mut rng);
        }
        assert_eq!(route.choose(&ways, &[0, 1], student.view(), &labels, &mut rng), [0, 1]);
        let near = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(ways.target(1, 1), second.row(1)) && !near(ways.target(0, 1), second.row(1)));
        let mut chance = Route::new(RouteKind::Random, 0.0, 2, 2, 0);
        for _ in 0..500 {
            chance.choose(&ways, &[0, 1], student.view(), &labels, &mut rng);
        }
        assert!(chance.load().iter().all(|&load| (0.4..0.6).contains(&load)), "{:?}", chance.load());
        // A route that is the same for every row has one target, computed once.
        let mean = Ways::new(RouteKind::Mean, 0, &[first.clone(), second.clone()], None);
        assert!(near(mean.target(0, 1), ((&first + &second) / 2.0).row(1)));
        let best = Ways::new(RouteKind::BestOnTune, 1, &[first, second.clone()], None);
        assert!(near(best.target(0, 0), second.row(0)));
        assert_eq!(Route::new(RouteKind::BestOnTune, 0.0, 3, 2, 1).load(), [0.0, 1.0, 0.0]);
    }
}
