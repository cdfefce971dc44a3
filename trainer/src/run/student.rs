//! The student of a job: taught by its teachers' answers, as a recipe says.

use ndarray::{Array2, Axis};

use super::RunError;
use super::job::Job;
use super::teachers::Teachers;
use crate::data::{Form, Matrix, Truth};
use crate::distill::ask_again::AskAgain;
use crate::distill::contrast::Contrast;
use crate::distill::distilling::{Distilling, Weights};
use crate::distill::mixer::{Mixer, Mixing, Mixture};
use crate::distill::objective::{Objective, ObjectivePlan, SoftTargets, Targets};
use crate::method::link::{contrast, embedding};
use crate::method::rows::{noise, word_dropout};
use crate::method::target::margin;
use crate::nn::{Adam, Family, Length, MlpWeights, Net, TrainError, TrainPlan, TuneFigure, drawn};
use crate::recipe::{Recipe, Schedule};

/// A student and how it was trained.
pub(super) struct Distilled {
    /// Answers in standard scores where a quantity is learnt.
    pub(super) weights: MlpWeights,
    /// Share of the rows that each answer was chosen for.
    pub(super) load: Vec<f64>,
    /// The figure of the epoch that was kept.
    pub(super) tune: Option<TuneFigure>,
}

/// Everything that is constant while a student learns.
pub(super) struct Teaching<'j> {
    mixture: Mixture,
    mixing: Mixing,
    best: usize,
    answers: usize,
    weights: Weights<'j>,
    /// How many teachers' stored answers stand beside those that are asked again.
    stored: usize,
    merged: Option<Objective>,
    edges: Option<Objective>,
    contrast: Option<Contrast>,
    /// Rows that a training goes through.
    rows: Vec<usize>,
}

impl Teaching<'_> {
    /// Rows that a training goes through.
    pub(super) fn rows(&self) -> &[usize] {
        &self.rows
    }
}

impl Job<'_> {
    pub(super) fn student_net(&self, recipe: &Recipe) -> Net {
        let student = &recipe.student;
        Net::mlp(0..self.data.student, &student.hidden, self.data.truth.outputs(), student.dropout as f32)
    }

    pub(super) fn student_plan(&self, recipe: &Recipe) -> TrainPlan {
        let student = &recipe.student;
        TrainPlan {
            adam: Adam { learning_rate: student.learning_rate as f32, weight_decay: student.weight_decay as f32 },
            length: Length::of(student.epochs, student.steps),
            patience: student.patience,
            batch_rows: student.batch_rows,
            seed: self.seed(),
        }
    }

    /// Trains a student as `recipe` says.
    pub(super) fn distil(&mut self, stage: &str, recipe: &Recipe, teachers: &Teachers) -> Result<Distilled, RunError> {
        let (mut net, plan) = (self.student_net(recipe), self.student_plan(recipe));
        let (trained, load) = {
            let teaching = self.teaching(recipe, teachers).map_err(|source| self.train_error(stage, source))?;
            net.outputs += teaching.weights.embedding.map_or(0, |(embedding, _)| embedding.ncols());
            let keeps = recipe.cotrain.as_ref().is_some_and(|cotrain| cotrain.keep_student);
            let mut start = match &teachers.together {
                Some(together) if keeps => vec![together.nets[0].clone()],
                _ => drawn(&[net], plan.seed),
            };
            if teaching.contrast.is_some() {
                start[0].net.family = Family::Tapped;
            }
            let mut lesson = self.lesson(recipe, &teaching, teachers);
            if self.takes_whole(start.len(), &plan, &lesson) {
                start[0].net.input_dropout = teaching.weights.word_dropout;
            }
            let trained = self.train(stage, &start, &teaching.rows, &plan, &mut lesson)?;
            (trained, lesson.mixer.load())
        };
        self.spend(stage, trained.cpu_seconds);
        self.record_curve(stage, &trained.curve, trained.best_epoch);
        let mut weights = trained.nets[0].weights();
        if let Some(last) = weights.layers.last_mut() {
            // Outputs that learnt embeddings have served.
            let own = ndarray::Slice::from(..self.data.truth.outputs());
            last.weight = last.weight.slice_axis(Axis(0), own).to_owned();
            last.bias = last.bias.slice_axis(Axis(0), own).to_owned();
        }
        self.forget_constant(&mut weights);
        let tune = trained.curve.get(trained.best_epoch).map(|point| point.tune);
        Ok(Distilled { weights, load, tune })
    }

    /// Clears the weights on inputs that never changed while the student learnt.
    ///
    /// Nothing has taught these weights, so what such an input shows later must not count.
    fn forget_constant(&self, weights: &mut MlpWeights) {
        let (Form::Scores(standard), Some(first)) = (&self.form, weights.layers.first_mut()) else { return };
        for (mut column, constant) in first.weight.columns_mut().into_iter().zip(standard.constant()) {
            if constant {
                column.fill(0.0);
            }
        }
    }

    /// What a student is taught by a recipe.
    pub(super) fn teaching(&self, recipe: &Recipe, teachers: &Teachers) -> Result<Teaching<'_>, TrainError> {
        let (own, temperature) = (recipe.weights(), recipe.temperature() as f32);
        let embedding = recipe.keys_of::<embedding::Embedding>(&embedding::METHOD);
        let mut weights = Weights {
            temperature,
            soft: own.soft_weight.clone(),
            epochs: None,
            label: own.label_weight as f32,
            smoothing: own.label_smoothing.unwrap_or(0.0) as f32,
            noise: recipe.keys_of::<noise::Noise>(&noise::METHOD).map_or(0.0, |keys| keys.deviation as f32),
            word_dropout: word_dropout_of(recipe),
            margin: recipe.keys_of::<margin::Margin>(&margin::METHOD).map(|keys| keys.margin as f32),
            embedding: self.embedding.as_ref().zip(embedding).map(|(scores, keys)| (scores, keys.weight as f32)),
        };
        let mixing = teachers.mixing;
        let merges = self.merges(recipe, &weights, mixing);
        let merged = if merges { Some(self.merged(recipe, teachers, &weights)?) } else { None };
        let edges = match recipe.edges() {
            Some(_) if !merges => {
                let alone = Weights { label: 0.0, soft: Schedule::Constant(0.0), ..weights.clone() };
                Some(self.merged(recipe, teachers, &alone)?)
            }
            _ => None,
        };
        // Where teachers are asked again, the mixture holds the mean of the others, or nothing.
        let asks = self.asks_again(recipe, mixing);
        let asked = |number: usize| asks && recipe.teacher.get(number).is_some_and(|teacher| teacher.reask());
        let all = teachers.answers();
        let mut stored: Vec<_> = (0..all.len()).filter(|&at| !asked(at)).map(|at| all[at].clone()).collect();
        let count = stored.len();
        if stored.is_empty() {
            stored.push(Array2::zeros(all[0].dim()));
        }
        let tempers = self.classifies().then_some(temperature);
        let silent = weights.soft.start() == 0.0 && weights.embedding.is_none();
        let contrast = recipe.keys_of::<contrast::Contrast>(&contrast::METHOD).zip(self.data.edges.as_ref());
        let contrast = contrast.map(|(keys, edges)| Contrast::new(keys, edges, &self.labelled));
        let rows = match &merged {
            _ if contrast.is_some() => self.taught.clone(),
            Some(merged) => merged.rows().to_vec(),
            None if silent && edges.is_none() => self.labelled.clone(),
            None => self.taught.clone(),
        };
        let plan = self.student_plan(recipe);
        if matches!(plan.length, Length::Steps(_)) {
            weights.epochs = Some(plan.length.epochs(rows.len(), plan.batch_rows));
        }
        Ok(Teaching {
            mixture: Mixture::new(mixing, teachers.best, &stored, tempers),
            mixing,
            best: teachers.best,
            answers: all.len(),
            weights,
            stored: count,
            merged,
            edges,
            contrast,
            rows,
        })
    }

    /// The lesson of a student that is taught so.
    pub(super) fn lesson<'l>(
        &'l self,
        recipe: &Recipe,
        teaching: &'l Teaching<'l>,
        teachers: &'l Teachers,
    ) -> Distilling<'l> {
        let ask_again = self.asks_again(recipe, teaching.mixing) && !teachers.asked_again.is_empty();
        Distilling {
            labels: self.labels(f64::from(teaching.weights.smoothing)),
            tune: &self.split.tune,
            choose_by: recipe.student.choose_by,
            mixture: &teaching.mixture,
            mixer: Mixer::new(teaching.mixing, teaching.answers, self.data.truth.outputs(), teaching.best),
            weights: teaching.weights.clone(),
            ask_again: ask_again.then(|| AskAgain {
                teachers: &teachers.asked_again,
                stored: teaching.stored,
                classifies: self.classifies(),
                backend: self.backend,
                answered: Array2::default((0, 0)),
            }),
            merged: teaching.merged.as_ref(),
            edges: teaching.edges.as_ref(),
            contrast: teaching.contrast.as_ref(),
        }
    }

    /// Whether teachers are asked again about noised rows.
    fn asks_again(&self, recipe: &Recipe, mixing: Mixing) -> bool {
        let means = matches!(mixing, Mixing::Mean | Mixing::MeanOfProbabilities);
        means && recipe.teacher.iter().any(|teacher| teacher.reask())
    }

    /// Whether every step sees all rows and the same loss.
    fn merges(&self, recipe: &Recipe, weights: &Weights<'_>, mixing: Mixing) -> bool {
        let constant = matches!(weights.soft, Schedule::Constant(_)) && weights.noise == 0.0;
        let one = !matches!(mixing, Mixing::Router { .. } | Mixing::Random) && weights.embedding.is_none();
        let whole = recipe.student.batch_rows.is_none() && matches!(self.x, Matrix::Sparse(_));
        whole && constant && one && self.classifies()
    }

    /// Labels, soft targets and edges as one loss over all rows.
    fn merged(&self, recipe: &Recipe, teachers: &Teachers, weights: &Weights<'_>) -> Result<Objective, TrainError> {
        let Truth::Classes { labels, names } = &self.data.truth else {
            return Err(TrainError::Empty { place: "classes", remedy: "learn a quantity in batches" });
        };
        let edges = recipe.edges();
        let plan = ObjectivePlan {
            label_weight: weights.label,
            label_smoothing: weights.smoothing,
            soft_weight: weights.soft.start() as f32,
            distill_temperature: weights.temperature,
            low_weight: edges.as_ref().map_or(0.0, |link| link.low_weight) as f32,
            low_hops: edges.as_ref().and_then(|link| link.low_hops).unwrap_or(1),
            high_weight: edges.as_ref().map_or(0.0, |link| link.high_weight) as f32,
            edge_temperature: edges.as_ref().and_then(|link| link.high_temperature).unwrap_or(1.0) as f32,
        };
        let mean = teachers.mean();
        let logits = mean.select(Axis(0), &self.taught);
        let soft = SoftTargets { rows: self.taught.clone(), logits };
        let targets = Targets {
            labels,
            classes: names.len(),
            train: &self.labelled,
            tune: &self.split.tune,
            soft: Some(&soft),
            edges: self.data.edges.as_ref().map(|edges| (edges, &mean)),
        };
        Objective::prepare(&targets, &plan, self.data.rows())
    }
}

fn word_dropout_of(recipe: &Recipe) -> f32 {
    recipe.keys_of::<word_dropout::WordDropout>(&word_dropout::METHOD).map_or(0.0, |keys| keys.share as f32)
}
