//! Several teachers, one target: the mean, the best on tune, a router, or chance.
//!
//! The router is a linear gate on the student's logits, `g = softmax(W s + b)`. Its signal is the teachers' own error on
//! the labels: `sum_k g_k CE_k` over the labelled rows of a batch, plus `balance * KL(uniform || batch mean of g)`, so it
//! learns whom to ask. (MST-Distill picks the top teacher without any gradient from it, so its gate learns nothing about
//! the teachers.) The student's logits are constants to the gate.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::nn::{Adam, Moments};
use crate::recipe::RouteKind;

/// Step size of the gate.
const GATE: Adam = Adam { learning_rate: 0.001, weight_decay: 0.0 };

/// Chooses a target for every row of a batch.
pub(super) struct Route {
    kind: RouteKind,
    balance: f32,
    /// `[teachers x (classes + 1)]`, the last column the bias.
    gate: Array2<f32>,
    moments: Moments,
    step: u32,
    /// Rows answered by each teacher.
    pub(super) load: Vec<u64>,
    best: usize,
}

impl Route {
    /// A route over `teachers` teachers, of which `best` has the best tune score.
    pub(super) fn new(kind: RouteKind, balance: f64, teachers: usize, classes: usize, best: usize) -> Self {
        let gate = Array2::zeros((teachers, classes + 1));
        let moments = Moments::zeros(gate.len());
        Self { kind, balance: balance as f32, gate, moments, step: 0, load: vec![0; teachers], best }
    }

    /// Log-probabilities `[batch x classes]` for the rows of a batch, from every teacher's log-probabilities.
    ///
    /// `labels` holds the class of each labelled row; `student` are the student's logits.
    pub(super) fn target(
        &mut self,
        teachers: &[ArrayView2<'_, f32>],
        student: ArrayView2<'_, f32>,
        labels: &[Option<u16>],
        rng: &mut ChaCha8Rng,
    ) -> Array2<f32> {
        let rows = student.nrows();
        match self.kind {
            RouteKind::Mean => {
                self.load.iter_mut().for_each(|load| *load += rows as u64);
                let mut mean = Array2::zeros(student.dim());
                teachers.iter().for_each(|teacher| mean += teacher);
                mean / teachers.len() as f32
            }
            RouteKind::BestOnTune => {
                self.load[self.best] += rows as u64;
                teachers[self.best].to_owned()
            }
            RouteKind::Random => self.pick(teachers, (0..rows).map(|_| rng.random_range(0..teachers.len())).collect()),
            RouteKind::Router => {
                let shares = self.shares(student);
                let chosen = shares.rows().into_iter().map(|row| largest(row.iter().copied())).collect();
                self.learn(teachers, student, labels, &shares);
                self.pick(teachers, chosen)
            }
        }
    }

    fn pick(&mut self, teachers: &[ArrayView2<'_, f32>], chosen: Vec<usize>) -> Array2<f32> {
        let mut target = Array2::zeros(teachers[0].dim());
        for ((row, teacher), mut to) in chosen.into_iter().enumerate().zip(target.axis_iter_mut(Axis(0))) {
            self.load[teacher] += 1;
            to.assign(&teachers[teacher].row(row));
        }
        target
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
        teachers: &[ArrayView2<'_, f32>],
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
                let error = label.map_or(0.0, |label| -teachers[way][[row, usize::from(label)]] / count.max(1) as f32);
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
        let teachers = [first.view(), second.view()];
        let labels = [Some(0), Some(1)];
        let mut rng = stream(1, Purpose::Augment, 0, 0);
        let mut route = Route::new(RouteKind::Router, 1.0, 2, 2, 0);
        for _ in 0..2000 {
            route.target(&teachers, student.view(), &labels, &mut rng);
        }
        let target = route.target(&teachers, student.view(), &labels, &mut rng);
        assert_eq!((target.row(0), target.row(1)), (first.row(0), second.row(1)));
        let mut chance = Route::new(RouteKind::Random, 0.0, 2, 2, 0);
        for _ in 0..500 {
            chance.target(&teachers, student.view(), &labels, &mut rng);
        }
        assert!(chance.load.iter().all(|&load| (400..600).contains(&load)), "{:?}", chance.load);
    }
}
