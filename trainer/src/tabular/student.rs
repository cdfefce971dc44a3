//! The student of a job: taught by its teachers' answers, as the recipe or a control says.

use ndarray::{Array2, Axis};

use super::job::Job;
use super::lesson::FromTeachers;
use super::prepare::Truth;
use super::reask::Reask;
use super::route::{Route, Ways};
use crate::nn::{Adam, MlpWeights, Net, TrainPlan, TrainedNet, drawn};
use crate::recipe::old::{RouteKind, Softening};
use crate::run::RunError;

/// How a student is taught, beside by whom.
#[derive(Clone, Copy)]
pub(super) struct Course<'c> {
    pub(super) temperature: f32,
    pub(super) soft_weight: f32,
    pub(super) label_weight: f32,
    pub(super) noise: f32,
    /// Standard scores of the teachers' embeddings and their weight.
    pub(super) hints: Option<(&'c Array2<f32>, f32)>,
    /// Where the student goes on from; `None` to start anew.
    pub(super) start: Option<&'c TrainedNet>,
    /// Members of the teachers that are asked again.
    pub(super) reasked: &'c [Vec<TrainedNet>],
}

/// A student and how it was taught.
pub(super) struct Taught {
    pub(super) weights: MlpWeights,
    /// Each way's share of the answers.
    pub(super) load: Vec<f64>,
    pub(super) cpu_seconds: f64,
}

impl Job<'_> {
    pub(super) fn student_net(&self) -> Net {
        let student = &self.recipe.student;
        Net::mlp(0..self.data.student, &student.hidden, self.data.truth.outputs(), student.dropout as f32)
    }

    pub(super) fn student_plan(&self) -> TrainPlan {
        let student = &self.recipe.student;
        let adam = Adam { learning_rate: student.learning_rate as f32, weight_decay: 0.0 };
        TrainPlan {
            adam,
            max_epochs: student.epochs,
            patience: None,
            batch_rows: Some(student.batch_rows),
            seed: self.seed,
        }
    }

    /// The recipe's weights and noise, for a student that starts anew from answers alone.
    pub(super) fn course(&self) -> Course<'_> {
        let target = &self.recipe.target;
        Course {
            temperature: target.distill_temperature as f32,
            soft_weight: target.soft_weight as f32,
            label_weight: target.label_weight as f32,
            noise: self.recipe.student.noise as f32,
            hints: None,
            start: None,
            reasked: &[],
        }
    }

    /// Trains the student as the recipe says; its weights, and each way's share of the answers.
    pub(super) fn distil(
        &mut self,
        name: &str,
        answers: &[Array2<f32>],
        route: (RouteKind, usize),
        start: Option<&TrainedNet>,
    ) -> Result<(MlpWeights, Vec<f64>), RunError> {
        let weight = self.recipe.target.embedding_weight.unwrap_or(0.0) as f32;
        let course = Course {
            hints: self.hints.as_ref().map(|hints| (hints, weight)),
            start,
            reasked: if route.0 == RouteKind::Mean { &self.reasked } else { &[] },
            ..self.course()
        };
        let Taught { weights, load, cpu_seconds } = self.towards(name, answers, route, &course)?;
        self.spend(name, cpu_seconds);
        Ok((weights, load))
    }

    /// Trains the student towards `answers`, `route` the kind and the best one of them.
    pub(super) fn towards(
        &self,
        name: &str,
        answers: &[Array2<f32>],
        (kind, best): (RouteKind, usize),
        course: &Course<'_>,
    ) -> Result<Taught, RunError> {
        let (target, &Course { temperature, soft_weight, label_weight, noise, hints, start, reasked }) =
            (&self.recipe.target, course);
        let balance = self.recipe.route.balance.unwrap_or(0.0);
        let classifies = matches!(self.data.truth, Truth::Classes { .. });
        // Where teachers are asked again, the ways hold the mean of the others, or nothing.
        let asked = |number: usize| !reasked.is_empty() && self.recipe.teacher[number].reask;
        let mut kept: Vec<_> = (0..answers.len()).filter(|&at| !asked(at)).map(|at| answers[at].clone()).collect();
        let reask = (!reasked.is_empty()).then(|| Reask {
            teachers: reasked,
            kept: kept.len(),
            classifies,
            backend: self.backend,
            said: Array2::default((0, 0)),
        });
        if kept.is_empty() {
            kept.push(Array2::zeros(answers[0].dim()));
        }
        let ways = Ways::new(kind, best, &kept, classifies.then_some(temperature));
        let route = Route::new(kind, balance, answers.len(), self.data.truth.outputs(), best);
        let (trained, load) = {
            let mut lesson = FromTeachers {
                labels: self.labels(0.0),
                tune: &self.split.tune,
                ways: &ways,
                route,
                temperature,
                soft_weight,
                label_weight,
                halving: target.softening == Softening::Halving,
                noise,
                reask,
                margin: target.margin.map(|margin| margin as f32),
                hints,
            };
            let (mut net, plan) = (self.student_net(), self.student_plan());
            net.outputs += hints.map_or(0, |(hints, _)| hints.ncols());
            let start = start.map_or_else(|| drawn(&[net], plan.seed), |start| vec![start.clone()]);
            let trained = self.train(name, &start, &self.split.train, &plan, &mut lesson)?;
            (trained, lesson.route.load())
        };
        let mut weights = trained.nets[0].weights();
        if let (Some(last), Some(_)) = (weights.layers.last_mut(), hints) {
            // What learnt the embeddings has served.
            let own = ndarray::Slice::from(..self.data.truth.outputs());
            last.weight = last.weight.slice_axis(Axis(0), own).to_owned();
            last.bias = last.bias.slice_axis(Axis(0), own).to_owned();
        }
        Ok(Taught { weights, load, cpu_seconds: trained.cpu_seconds })
    }
}
