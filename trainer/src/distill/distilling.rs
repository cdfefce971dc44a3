//! The student's lesson: its teachers' answers, labels, and links.
//!
//! Where every step takes all rows and nothing changes from step to step, the whole loss is one closed [`Objective`] that
//! was merged before the training; else each batch is evaluated as it comes, and beside it the loss along edges.

use ndarray::{Array2, Axis, s};
use rand_distr::{Distribution, StandardNormal};

use super::ask_again::AskAgain;
use super::contrast::Contrast;
use super::labels::{Labels, unmixed};
use super::mixer::{Mixer, Mixture};
use super::objective::{Objective, add_back, ascending, divergence, tempered};
use crate::data::Truth;
use crate::nn::{Lesson, Step, TuneFigure};
use crate::recipe::{ChooseBy, Schedule};

/// What a student is taught beside the teachers' answers themselves.
#[derive(Clone)]
pub(crate) struct Weights<'a> {
    /// Softmax divisor of teachers and student; of a classifier.
    pub(crate) temperature: f32,
    pub(crate) soft: Schedule,
    /// Epochs that the training may have, where its length is counted in steps.
    pub(crate) epochs: Option<usize>,
    pub(crate) label: f32,
    /// Share of label mass spread over all classes.
    pub(crate) smoothing: f32,
    /// Deviation of the noise on standard scores.
    pub(crate) noise: f32,
    /// Share of the non-zero inputs that are dropped.
    pub(crate) word_dropout: f32,
    /// A label counts where the student's squared error exceeds the teachers' less this margin (Chen et al. 2017,
    /// equation 4).
    pub(crate) margin: Option<f32>,
    /// Standard scores of the teachers' embeddings `[rows x width]`, which outputs after the student's own learn, and their
    /// weight.
    pub(crate) embedding: Option<(&'a Array2<f32>, f32)>,
}

/// A student that learns from its teachers' answers, stored for every row, and from labels.
pub(crate) struct Distilling<'a> {
    pub(crate) labels: Labels<'a>,
    pub(crate) tune: &'a [usize],
    pub(crate) choose_by: ChooseBy,
    pub(crate) mixture: &'a Mixture,
    pub(crate) mixer: Mixer,
    pub(crate) weights: Weights<'a>,
    /// Teachers that are asked about the noised rows; the mixture is then a mean.
    pub(crate) ask_again: Option<AskAgain<'a>>,
    /// The loss of all rows, where it never changes.
    pub(crate) merged: Option<&'a Objective>,
    /// The loss along edges, where the rest of the loss changes; every step then takes all rows.
    pub(crate) edges: Option<&'a Objective>,
    /// The loss of the last hidden layer, which a tapped network hands out after its outputs; every step then takes all rows.
    pub(crate) contrast: Option<&'a Contrast>,
}

/// Without the outputs that learn embeddings.
fn own_outputs(outputs: &Array2<f32>, own: usize) -> Array2<f32> {
    outputs.slice(s![.., ..own]).to_owned()
}

impl Distilling<'_> {
    /// Mean squared error of the outputs that learn embeddings; their gradient.
    fn embedding(&self, step: &Step<'_>, outputs: &Array2<f32>, gradients: &mut Array2<f32>) -> f64 {
        let Some((embedding, weight)) = self.weights.embedding else { return 0.0 };
        let own = self.labels.truth.outputs();
        let scale = weight / (step.rows.len() * embedding.ncols()) as f32;
        let mut loss = 0.0;
        for ((at, place), &row) in (0..).zip(gradients.rows_mut()).zip(step.rows) {
            let answers = outputs.row(at);
            let learnt = place.into_iter().skip(own).zip(answers.iter().skip(own));
            for ((to, &answer), &wanted) in learnt.zip(embedding.row(row)) {
                loss += f64::from(scale * (answer - wanted) * (answer - wanted));
                *to = 2.0 * scale * (answer - wanted);
            }
        }
        loss
    }

    /// The loss between the rows of the last hidden layer; its gradient.
    fn contrast(&self, step: &Step<'_>, outputs: &Array2<f32>, gradients: &mut Array2<f32>) -> f64 {
        let Some(contrast) = self.contrast else { return 0.0 };
        let embedding = self.weights.embedding.map_or(0, |(embedding, _)| embedding.ncols());
        let hidden = s![.., self.labels.truth.outputs() + embedding..];
        contrast.evaluate(step, &ascending(step.rows), outputs.slice(hidden), gradients.slice_mut(hidden))
    }

    /// The target of each row of the batch `[batch x outputs]`.
    fn targets(&mut self, step: &Step<'_>, output: &Array2<f32>) -> Array2<f32> {
        let known = |&row: &usize| match self.labels.truth {
            Truth::Classes { labels, .. } if self.labels.known[row] => Some(labels[row]),
            _ => None,
        };
        let labels: Vec<Option<u16>> = step.rows.iter().map(known).collect();
        let chosen = self.mixer.choose(self.mixture, step.rows, output.view(), &labels, &mut step.choice_stream());
        if let Some(asked) = &self.ask_again {
            return asked.targets(self.mixture, step.rows, self.weights.temperature);
        }
        let mut targets = Array2::zeros(output.dim());
        for ((mut to, &chosen), &row) in targets.rows_mut().into_iter().zip(&chosen).zip(step.rows) {
            to.assign(&self.mixture.target(chosen, row));
        }
        targets
    }
}

impl Lesson for Distilling<'_> {
    fn augments(&self) -> bool {
        self.weights.noise > 0.0 || self.ask_again.is_some()
    }

    fn augment(&mut self, step: &Step<'_>, x: &mut Array2<f32>) {
        let Weights { noise, word_dropout, .. } = self.weights;
        if noise > 0.0 {
            let mut rng = step.stream();
            x.mapv_inplace(|value| {
                let drawn: f32 = StandardNormal.sample(&mut rng);
                value + noise * drawn
            });
        }
        if word_dropout > 0.0 {
            step.drop_words(x, word_dropout);
        }
        if let Some(ask_again) = &mut self.ask_again {
            ask_again.ask(x.view());
        }
    }

    fn loss(&mut self, step: &Step<'_>, outputs: &[Array2<f32>], gradients: &mut [Array2<f32>]) -> f64 {
        let (rows, own) = (step.rows.len(), self.labels.truth.outputs());
        let mut loss = self.contrast(step, &outputs[0], &mut gradients[0]);
        match self.merged {
            Some(merged) if self.contrast.is_none() => {
                return merged.evaluate(outputs[0].view(), &mut gradients[0]);
            }
            Some(merged) => {
                // Of all rows, of which the merged loss may read some.
                let output = own_outputs(&outputs[0], own).select(Axis(0), merged.rows());
                let mut gradient = Array2::zeros(output.dim());
                loss += merged.evaluate(output.view(), &mut gradient);
                add_back(&gradient, merged.rows(), gradients[0].slice_mut(s![.., ..own]));
                return loss;
            }
            None => {}
        }
        loss += self.embedding(step, &outputs[0], &mut gradients[0]);
        let (output, mut gradient) = (own_outputs(&outputs[0], own), Array2::zeros((rows, own)));
        let targets = self.targets(step, &output);
        let scale = self.labels.scale;
        let counts = |at: usize| match (self.weights.margin, self.labels.truth) {
            (Some(margin), Truth::Quantity { values, .. }) => {
                let label = scale.score(values[step.rows[at]]);
                (output[[at, 0]] - label).powi(2) + margin > (targets[[at, 0]] - label).powi(2)
            }
            _ => true,
        };
        loss += self.labels.add(&unmixed(step), &output, &mut gradient, self.weights.label, counts);
        let weight = self.weights.soft.during(step.epoch, self.weights.epochs) as f32 / rows as f32;
        match self.labels.truth {
            Truth::Classes { .. } => {
                let t = self.weights.temperature;
                let log = tempered(&output, t);
                for ((&lt, &ls), to) in targets.iter().zip(&log).zip(&mut gradient) {
                    let (value, slope) = divergence(weight, t, lt, ls);
                    loss += value;
                    *to += slope;
                }
            }
            Truth::Quantity { .. } => {
                for ((&teacher, &student), to) in targets.iter().zip(&output).zip(&mut gradient) {
                    let (value, slope) = self.labels.distance.weighted(weight, student - teacher);
                    loss += value;
                    *to += slope;
                }
            }
        }
        if let Some(edges) = self.edges {
            loss += edges.evaluate_at(step.rows, output.view(), &mut gradient);
        }
        gradients[0].slice_mut(s![.., ..own]).assign(&gradient);
        loss
    }

    fn judge(&mut self, outputs: &[Array2<f32>]) -> TuneFigure {
        let own = own_outputs(&outputs[0], self.labels.truth.outputs());
        self.labels.judge(self.choose_by, &own, self.tune)
    }

    fn save(&self) -> Vec<u8> {
        self.mixer.save()
    }

    fn restore(&mut self, saved: &[u8]) -> bool {
        self.mixer.restore(saved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distill::labels::{Distance, TargetScale};
    use crate::distill::mixer::Mixing;
    use crate::distill::tests::{CLASSES, LABELS, LABELS_ONLY, ROWS, TRAIN, adjacency, random, with_objective};
    use ndarray::array;

    /// Soft targets, smoothed labels and an embedding at once, of classes and of a quantity, against differences of the loss.
    #[test]
    fn closed_gradients_equal_finite_differences() {
        let classes = Truth::Classes { labels: vec![0, 2, 1], names: ["a", "b", "c"].map(String::from).to_vec() };
        let quantity = Truth::Quantity { values: vec![0.5, -1.0, 2.0], name: "q".into() };
        let embedding = array![[0.3f32, -0.2], [1.0, 0.0], [-0.5, 0.4]];
        let of_a_quantity = [Distance::Squared, Distance::Huber(0.8), Distance::Absolute].map(|it| (&quantity, it));
        for (truth, distance) in [(&classes, Distance::Squared)].into_iter().chain(of_a_quantity) {
            let (own, classifies) = (truth.outputs(), truth.labels().is_some());
            let answers = [Array2::from_shape_fn((3, own), |(row, class)| (row as f32 - class as f32) * 0.7)];
            let mixture = Mixture::new(Mixing::Mean, 0, &answers, classifies.then_some(2.0));
            let scale = TargetScale { mean: 0.1, deviation: if classifies { 1.0 } else { 2.0 } };
            let mut lesson = Distilling {
                labels: Labels { truth, known: &[true, true, false], smoothing: 0.1, scale, distance },
                tune: &[],
                choose_by: ChooseBy::Loss,
                mixture: &mixture,
                mixer: Mixer::new(Mixing::Mean, 1, own, 0),
                weights: Weights {
                    temperature: 2.0,
                    soft: Schedule::Constant(0.7),
                    epochs: None,
                    label: 0.4,
                    smoothing: 0.1,
                    noise: 0.0,
                    word_dropout: 0.0,
                    margin: None,
                    embedding: Some((&embedding, 0.6)),
                },
                ask_again: None,
                merged: None,
                edges: None,
                contrast: None,
            };
            let step = Step { epoch: 0, number: 0, seed: 0, rows: &[2, 0, 1] };
            let outputs = Array2::from_shape_fn((3, own + 2), |(row, at)| ((row * 5 + at * 3) % 7) as f32 * 0.3 - 0.8);
            let mut loss = |outputs: &Array2<f32>, gradient: &mut Array2<f32>| {
                lesson.loss(&step, std::slice::from_ref(outputs), std::slice::from_mut(gradient))
            };
            let mut gradient = Array2::zeros(outputs.dim());
            loss(&outputs, &mut gradient);
            for (at, &closed) in gradient.indexed_iter() {
                let mut probe = |distance: f32| {
                    let mut moved = outputs.clone();
                    moved[at] += distance;
                    loss(&moved, &mut Array2::zeros(outputs.dim()))
                };
                let slope = (probe(1e-2) - probe(-1e-2)) / 2e-2;
                assert!((slope - f64::from(closed)).abs() < 1e-3, "{at:?}: {slope} against {closed}");
            }
        }
    }

    /// A label within the teacher's error teaches nothing; the row the student gets worse than its teacher does.
    #[test]
    fn a_label_counts_where_the_student_is_worse_than_its_teacher() {
        let truth = Truth::Quantity { values: vec![1.0, 1.0], name: "q".into() };
        let scale = TargetScale { mean: 0.0, deviation: 1.0 };
        let labels = Labels { truth: &truth, known: &[true, true], smoothing: 0.0, scale, distance: Distance::Squared };
        // The teacher misses both by 0.5; the student misses the first by 0.1 and the second by 0.9.
        let mixture = Mixture::new(Mixing::Mean, 0, &[array![[0.5f32], [0.5]]], None);
        let weights = Weights {
            temperature: 1.0,
            soft: Schedule::Constant(0.0),
            epochs: None,
            label: 1.0,
            smoothing: 0.0,
            noise: 0.0,
            word_dropout: 0.0,
            margin: Some(0.0),
            embedding: None,
        };
        let mut lesson = Distilling {
            labels,
            tune: &[],
            choose_by: ChooseBy::Loss,
            mixture: &mixture,
            mixer: Mixer::new(Mixing::Mean, 1, 1, 0),
            weights,
            ask_again: None,
            merged: None,
            edges: None,
            contrast: None,
        };
        let mut gradient = [Array2::zeros((2, 1))];
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &[0, 1] };
        let loss = lesson.loss(&step, &[array![[0.9f32], [0.1]]], &mut gradient);
        assert_eq!(gradient[0][[0, 0]], 0.0);
        assert!((gradient[0][[1, 0]] + 1.8).abs() < 1e-6 && (loss - 0.81).abs() < 1e-6, "{gradient:?} {loss}");
    }

    /// Labels of some rows as one merged loss, and the contrast over all of them, against differences of the loss.
    #[test]
    fn a_contrast_acts_behind_the_outputs_and_on_every_row() {
        let names = (0..CLASSES).map(|class| class.to_string()).collect();
        let truth = Truth::Classes { labels: LABELS.to_vec(), names };
        let mixture = Mixture::new(Mixing::Mean, 0, &[Array2::zeros((ROWS, CLASSES))], Some(1.0));
        let keys = crate::method::link::contrast::Contrast { weight: 2.0, temperature: 0.5, hops: 2, nodes: ROWS };
        let contrast = Contrast::new(keys, &adjacency(), &TRAIN);
        let rows: Vec<usize> = (0..ROWS).collect();
        let step = Step { epoch: 0, number: 0, seed: 0, rows: &rows };
        with_objective(&LABELS_ONLY, |merged| {
            assert!(merged.rows().len() < ROWS);
            let mut lesson = Distilling {
                labels: Labels {
                    truth: &truth,
                    known: &[true; ROWS],
                    smoothing: 0.0,
                    scale: TargetScale { mean: 0.0, deviation: 1.0 },
                    distance: Distance::Squared,
                },
                tune: &[],
                choose_by: ChooseBy::Loss,
                mixture: &mixture,
                mixer: Mixer::new(Mixing::Mean, 1, CLASSES, 0),
                weights: Weights {
                    temperature: 1.0,
                    soft: Schedule::Constant(0.0),
                    epochs: None,
                    label: 1.0,
                    smoothing: 0.0,
                    noise: 0.0,
                    word_dropout: 0.0,
                    margin: None,
                    embedding: None,
                },
                ask_again: None,
                merged: Some(merged),
                edges: None,
                contrast: Some(&contrast),
            };
            let outputs = ndarray::concatenate![Axis(1), random(1, 3.0), random(2, 3.0)];
            let mut slopes = [Array2::zeros(outputs.dim())];
            lesson.loss(&step, std::slice::from_ref(&outputs), &mut slopes);
            assert!(slopes[0].row(0).iter().take(CLASSES).all(|&slope| slope == 0.0), "row 0 has no label");
            for ((row, column), &closed) in slopes[0].indexed_iter() {
                let mut probe = |distance: f32| {
                    let mut moved = outputs.clone();
                    moved[[row, column]] += distance;
                    lesson.loss(&step, &[moved], &mut [Array2::zeros(outputs.dim())])
                };
                let slope = (probe(1e-2) - probe(-1e-2)) / 2e-2;
                assert!((slope - f64::from(closed)).abs() < 1e-3, "[{row}, {column}]: {slope} against {closed}");
            }
        });
    }
}
