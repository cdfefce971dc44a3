//! Several teachers, one target: the mean, the best on tune, a router, or chance.
//!
//! The router is a linear gate on the student's logits, `g = softmax(W s + b)`. Its signal is the teachers' own error on
//! the labels: `sum_k g_k CE_k` over the labelled rows of a batch, plus `balance * KL(uniform || batch mean of g)`, so it
//! learns whom to ask. (MST-Distill picks the top teacher without any gradient from it, so its gate learns nothing about
//! the teachers.) The student's logits are constants to the gate.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::objective::{mean_log_probabilities, tempered};
use crate::nn::{Adam, Moments};

/// Step size of the gate.
const GATE: Adam = Adam { learning_rate: 0.001, weight_decay: 0.0 };

/// How several answers become one target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mixing {
    /// The logarithm of the mean of all probabilities.
    MeanOfProbabilities,
    /// The mean of all log-probabilities, or of the scores of a regression.
    Mean,
    /// The answers with the best figure on the tune rows, for every row.
    BestOnTune,
    /// A linear gate on the student's logits.
    Router {
        /// Weight that keeps the load even.
        balance: f32,
    },
    /// One drawn for each row and step.
    Random,
}

/// The answers that rows may be sent to. Nothing of them changes while a student learns, so all are computed once.
pub(crate) struct Mixture {
    /// Log-probabilities, or scores of a regression: one matrix for each that a row may be sent to.
    answers: Vec<Array2<f32>>,
    /// The same at the distill temperature.
    targets: Vec<Array2<f32>>,
}

impl Mixture {
    /// The mean of `answers` or the one that is `best` where every row has the same target, else all of them; `temperature`
    /// for a classifier.
    pub(crate) fn new(mixing: Mixing, best: usize, answers: &[Array2<f32>], temperature: Option<f32>) -> Self {
        let answers = match mixing {
            Mixing::MeanOfProbabilities | Mixing::Mean => vec![mean(mixing, answers)],
            Mixing::BestOnTune => vec![answers[best].clone()],
            Mixing::Random | Mixing::Router { .. } => answers.to_vec(),
        };
        let target = |answer: &Array2<f32>| temperature.map_or_else(|| answer.clone(), |t| tempered(answer, t));
        let targets = answers.iter().map(target).collect();
        Self { answers, targets }
    }

    /// The answer `chosen` for row `row` of the data, untempered.
    pub(crate) fn answer(&self, chosen: usize, row: usize) -> ArrayView1<'_, f32> {
        self.answers[chosen].row(row)
    }

    /// The target that the answer `chosen` gives row `row` of the data.
    pub(crate) fn target(&self, chosen: usize, row: usize) -> ArrayView1<'_, f32> {
        self.targets[chosen].row(row)
    }
}

/// The mean of all answers, one matrix each: of probabilities where `mixing` says so, else of what they hold. A single one
/// stays as it is.
pub(crate) fn mean(mixing: Mixing, answers: &[Array2<f32>]) -> Array2<f32> {
    match answers {
        [one] if mixing == Mixing::MeanOfProbabilities => one.clone(),
        several if mixing == Mixing::MeanOfProbabilities => mean_log_probabilities(several),
        several => {
            let mut mean = Array2::zeros(several[0].dim());
            several.iter().for_each(|answer| mean += answer);
            mean / several.len() as f32
        }
    }
}

/// Chooses an answer for every row of a batch.
pub(crate) struct Mixer {
    mixing: Mixing,
    /// `[answers x (classes + 1)]`, the last column the bias.
    gate: Array2<f32>,
    moments: Moments,
    step: u32,
    /// Rows that each answer was chosen for.
    load: Vec<u64>,
    best: usize,
}

impl Mixer {
    /// A mixer over `answers` answers, of which `best` has the best tune figure.
    pub(crate) fn new(mixing: Mixing, answers: usize, classes: usize, best: usize) -> Self {
        let gate = Array2::zeros((answers, classes + 1));
        let moments = Moments::zeros(gate.len());
        Self { mixing, gate, moments, step: 0, load: vec![0; answers], best }
    }

    /// The place in `mixture` for each of the batch's `rows`.
    ///
    /// `labels` holds the class of each labelled row; `student` are the student's logits.
    pub(crate) fn choose(
        &mut self,
        mixture: &Mixture,
        rows: &[usize],
        student: ArrayView2<'_, f32>,
        labels: &[Option<u16>],
        rng: &mut ChaCha8Rng,
    ) -> Vec<usize> {
        let chosen: Vec<usize> = match self.mixing {
            Mixing::MeanOfProbabilities | Mixing::Mean | Mixing::BestOnTune => return vec![0; rows.len()],
            Mixing::Random => rows.iter().map(|_| rng.random_range(0..self.load.len())).collect(),
            Mixing::Router { balance } => {
                let shares = self.shares(student);
                let slopes = slopes(mixture, rows, labels, &shares, balance);
                self.learn(student, &shares, &slopes);
                shares.rows().into_iter().map(|row| largest(row.iter().copied())).collect()
            }
        };
        chosen.iter().for_each(|&at| self.load[at] += 1);
        chosen
    }

    /// What the gate has learnt and whom it asked, for a training that is resumed.
    pub(crate) fn save(&self) -> Vec<u8> {
        let gate: Vec<f32> = self.gate.iter().copied().collect();
        postcard::to_allocvec(&(gate, &self.moments, self.step, &self.load)).unwrap_or_default()
    }

    /// Takes back what [`Mixer::save`] gave; `false` where it is of another mixer.
    pub(crate) fn restore(&mut self, saved: &[u8]) -> bool {
        let Ok((gate, moments, step, load)) = postcard::from_bytes::<(Vec<f32>, Moments, u32, Vec<u64>)>(saved) else {
            return false;
        };
        let fits = load.len() == self.load.len() && moments.fits(gate.len());
        let Some(gate) = Array2::from_shape_vec(self.gate.dim(), gate).ok().filter(|_| fits) else { return false };
        (self.gate, self.moments, self.step, self.load) = (gate, moments, step, load);
        true
    }

    /// Share of the rows that each answer was chosen for.
    pub(crate) fn load(&self) -> Vec<f64> {
        let answers = self.load.len();
        match self.mixing {
            Mixing::MeanOfProbabilities | Mixing::Mean => vec![1.0 / answers as f64; answers],
            Mixing::BestOnTune => (0..answers).map(|at| f64::from(u8::from(at == self.best))).collect(),
            Mixing::Random | Mixing::Router { .. } => {
                let all = self.load.iter().sum::<u64>().max(1) as f64;
                self.load.iter().map(|&load| load as f64 / all).collect()
            }
        }
    }

    /// `g` `[batch x answers]`.
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

    /// One step of the gate; `slopes` are those of the loss in `shares`.
    fn learn(&mut self, student: ArrayView2<'_, f32>, shares: &Array2<f32>, slopes: &Array2<f32>) {
        let (rows, answers) = shares.dim();
        let mut gradient = Array2::<f32>::zeros(self.gate.dim());
        for row in 0..rows {
            let centre: f32 = slopes.row(row).iter().zip(shares.row(row)).map(|(slope, share)| slope * share).sum();
            for at in 0..answers {
                let inner = shares[[row, at]] * (slopes[[row, at]] - centre);
                let mut to = gradient.row_mut(at);
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

/// Slopes of the gate's loss in the shares `[batch x answers]`.
fn slopes(
    mixture: &Mixture,
    rows: &[usize],
    labels: &[Option<u16>],
    shares: &Array2<f32>,
    balance: f32,
) -> Array2<f32> {
    let count = labels.iter().flatten().count();
    let (batch, answers) = shares.dim();
    let mean: Array1<f32> = shares.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(answers));
    // d KL(uniform || mean g) / d g_k = -1 / (answers * batch * mean_k).
    let even: Array1<f32> = mean.mapv(|mean| -balance / (answers as f32 * batch as f32 * mean.max(1e-6)));
    Array2::from_shape_fn((batch, answers), |(row, at)| {
        let error = labels[row]
            .map_or(0.0, |label| -mixture.answers[at][[rows[row], usize::from(label)]] / count.max(1) as f32);
        error + even[at]
    })
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

    const ROUTER: Mixing = Mixing::Router { balance: 1.0 };

    /// Teacher 0 is right where the student leans to class 0, teacher 1 elsewhere: the gate has to find out.
    #[test]
    fn the_router_learns_whom_to_ask_and_chance_does_not() {
        let student = array![[2.0f32, -2.0], [-2.0, 2.0]];
        let sure =
            |right: [f32; 2]| array![[right[0].ln(), (1.0 - right[0]).ln()], [(1.0 - right[1]).ln(), right[1].ln()]];
        let (first, second) = (sure([0.9, 0.2]), sure([0.2, 0.9]));
        let mixture = Mixture::new(ROUTER, 0, &[first.clone(), second.clone()], Some(1.0));
        let labels = [Some(0), Some(1)];
        let mut rng = stream(1, Purpose::Augment, 0, 0);
        let mut mixer = Mixer::new(ROUTER, 2, 2, 0);
        for _ in 0..2000 {
            mixer.choose(&mixture, &[0, 1], student.view(), &labels, &mut rng);
        }
        assert_eq!(mixer.choose(&mixture, &[0, 1], student.view(), &labels, &mut rng), [0, 1]);
        let near = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near(mixture.target(1, 1), second.row(1)) && !near(mixture.target(0, 1), second.row(1)));
        let mut chance = Mixer::new(Mixing::Random, 2, 2, 0);
        for _ in 0..500 {
            chance.choose(&mixture, &[0, 1], student.view(), &labels, &mut rng);
        }
        assert!(chance.load().iter().all(|&load| (0.4..0.6).contains(&load)), "{:?}", chance.load());
        // Where every row has the same target it is computed once.
        let mean = Mixture::new(Mixing::Mean, 0, &[first.clone(), second.clone()], None);
        assert!(near(mean.target(0, 1), ((&first + &second) / 2.0).row(1)));
        let best = Mixture::new(Mixing::BestOnTune, 1, &[first, second.clone()], None);
        assert!(near(best.target(0, 0), second.row(0)));
        assert_eq!(Mixer::new(Mixing::BestOnTune, 3, 2, 1).load(), [0.0, 1.0, 0.0]);
    }
}
