//! The teachers of a job: their members, co-training, and what of them is kept for later runs.

use std::collections::BTreeSet;

use ndarray::Array2;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::cache::{Cache, Matrix};
use super::job::Job;
use super::lesson::{FromLabels, Together};
use super::prepare::{TabularPrepared, Truth};
use crate::dataset::Split;
use crate::distill::objective::log_softmax;
use crate::nn::{Adam, BackendKind, Branch, Family, MadeOn, Net, TrainPlan, Trained, TrainedNet, drawn};
use crate::recipe::old::{Seen, TabularTeacher, TabularTeacherKind};
use crate::run::{RunError, StageEvent};

/// Distance between the seeds of a job's trainings.
const STRIDE: u64 = 1 << 32;
/// Room for the members of one teacher: 64 members for each of 64 parts.
const MOST_MEMBERS: u64 = 64 * 64;

/// SHA-256 of what every teacher of a fold and seed depends on beside its own settings: the kind of machine too, so that no
/// run mixes the sums of two.
pub(super) fn data_key(data: &TabularPrepared, split: &Split, labelled: &[usize], backend: BackendKind) -> [u8; 32] {
    let mut key = Sha256::new().chain_update(b"eyas teachers 2").chain_update(crate::run::tool());
    key.update(backend.name());
    key.update(MadeOn::here().to_string());
    key.update(data.data_hash(split));
    labelled.iter().for_each(|&row| key.update((row as u64).to_le_bytes()));
    key.finalize().into()
}

impl Job<'_> {
    fn net(&self, teacher: &TabularTeacher) -> Net {
        let student = self.data.student;
        let columns = if teacher.sees == Seen::Student { student } else { self.x.ncols() };
        // The matrix holds the student's columns first; a teacher that does not see them all reads the others alone.
        let blind = teacher.sees == Seen::All && !self.data.teacher.contains(&0);
        let first = if teacher.sees == Seen::Others || blind { student } else { 0 };
        let hidden = teacher.hidden.clone();
        let outputs = self.data.truth.outputs();
        let dropout = teacher.dropout as f32;
        if teacher.kind == TabularTeacherKind::Fusion && first == 0 && student < columns {
            let hidden_of = teacher.branch_hidden.clone().unwrap_or_default();
            let branches =
                [0..student, student..columns].map(|columns| Branch { columns, hidden: hidden_of.clone() }).to_vec();
            return Net { family: Family::Mlp, branches, hidden, outputs, dropout, input_dropout: 0.0 };
        }
        Net::mlp(first..columns, &hidden, outputs, dropout)
    }

    /// Trains the members of a teacher. Returns its answer for all rows, and the answer that its members give of rows they
    /// have learnt from; without `crossfit` both are the mean of all members.
    ///
    /// With `crossfit` a labelled row is answered by the members that did not see its part (cross-fitting, Chernozhukov et
    /// al. 2018; for distillation Dao et al. 2021): a teacher is far surer of rows it has learnt from than of new ones.
    pub(super) fn teacher(
        &mut self,
        number: usize,
        teacher: &TabularTeacher,
    ) -> Result<(Array2<f32>, Array2<f32>), RunError> {
        let parts = match teacher.crossfit {
            Some(count) => self.data.parts(&self.labelled, count, self.seed),
            None => vec![Vec::new()],
        };
        let mut means = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            let held: BTreeSet<usize> = part.iter().copied().collect();
            let rows: Vec<usize> = self.labelled.iter().copied().filter(|row| !held.contains(row)).collect();
            means.push(self.members(number, teacher, place, &rows)?);
        }
        let mut all = Array2::zeros(means[0].dim());
        means.iter().for_each(|mean| all += mean);
        let mut answer = &all / means.len() as f32;
        let mut learnt = answer.clone();
        for (part, mean) in parts.iter().zip(&means) {
            for &row in part {
                answer.row_mut(row).assign(&mean.row(row));
                learnt.row_mut(row).assign(&((&all.row(row) - &mean.row(row)) / (means.len() - 1) as f32));
            }
        }
        Ok((answer, learnt))
    }

    /// Trains members on `rows` and returns their mean answer for all rows.
    fn members(
        &mut self,
        number: usize,
        teacher: &TabularTeacher,
        part: usize,
        rows: &[usize],
    ) -> Result<Array2<f32>, RunError> {
        let net = self.net(teacher);
        let adam = Adam { learning_rate: teacher.learning_rate as f32, weight_decay: 0.0 };
        let mut mean: Option<Array2<f32>> = None;
        let mut members = Vec::new();
        for member in 0..teacher.members {
            let place = part * teacher.members + member;
            let seed = self.apart(1 + number as u64 * MOST_MEMBERS + place as u64);
            let (max_epochs, batch_rows) = (teacher.epochs, Some(teacher.batch_rows));
            let plan = TrainPlan { adam, max_epochs, patience: None, batch_rows, seed };
            let stage = format!("teacher-{number}-{place}");
            let key = self.key("member", &(&net, plan, teacher.label_smoothing, teacher.mixup, rows, teacher.reask));
            let work = |job: &mut Self| {
                let labels = job.labels(teacher.label_smoothing as f32);
                let mut lesson = FromLabels { labels, tune: &job.split.tune, mixup: teacher.mixup, mix: Vec::new() };
                let start = drawn(std::slice::from_ref(&net), seed);
                let trained = job.train(&stage, &start, rows, &plan, &mut lesson)?;
                job.spend(&stage, trained.cpu_seconds);
                Ok(trained.nets.into_iter().next())
            };
            let says = |job: &Self, member: &TrainedNet| job.answer(&member.logits(job.x.view(), job.backend));
            let answer = if teacher.reask {
                // It will be asked about rows that no answer is kept for: the weights are kept.
                let member: Option<TrainedNet> = self.kept(&stage, key, work)?;
                let answer = member.as_ref().map(|member| says(self, member)).unwrap_or_default();
                members.extend(member);
                answer
            } else {
                let Matrix(answer) = self.kept(&stage, key, |job| {
                    let member = work(job)?;
                    Ok(Matrix(member.map(|member| says(job, &member)).unwrap_or_default()))
                })?;
                answer
            };
            mean = Some(mean.map_or_else(|| answer.clone(), |mean| mean + &answer));
        }
        if teacher.reask {
            self.reasked.push(members);
        }
        Ok(mean.unwrap_or_default() / teacher.members as f32)
    }

    /// A seed that no other training of the job has; 0 is the job's own.
    pub(super) fn apart(&self, number: u64) -> u64 {
        self.seed.wrapping_add(STRIDE.wrapping_mul(number))
    }

    /// SHA-256 over all that decides something constant about the teachers.
    pub(super) fn key(&self, what: &str, settings: &impl Serialize) -> [u8; 32] {
        let settings = serde_json::to_vec(settings).unwrap_or_default();
        let key = Sha256::new().chain_update(self.data_key).chain_update(what).chain_update([0]);
        key.chain_update(settings).finalize().into()
    }

    /// Takes a stage's result from what an earlier run kept, or works it out and keeps it.
    pub(super) fn kept<T: Serialize + DeserializeOwned>(
        &mut self,
        stage: &str,
        key: [u8; 32],
        work: impl FnOnce(&mut Self) -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        let cache = Cache::new(self.context.cache, self.context.observer);
        if let Some(kept) = cache.get(key) {
            let stage = format!("{}-{stage}", self.name);
            self.context.observer.stage(StageEvent::Done { stage: &stage, resumed: true });
            return Ok(kept);
        }
        let result = work(self)?;
        cache.put(key, &result);
        Ok(result)
    }

    /// What a teacher that comes as a file answers for all rows.
    pub(super) fn given(&self, number: usize) -> Result<Array2<f32>, RunError> {
        let given = self.data.given.get(number).and_then(Option::as_ref);
        let mut answers = given.ok_or(RunError::NotConsulted { number: number + 1 })?.answers.clone();
        if let Truth::Quantity { .. } = self.data.truth {
            answers.mapv_inplace(|y| self.unit.score(y));
        }
        Ok(self.answer(&answers))
    }

    /// Log-probabilities of a classifier, scores of a regression.
    pub(super) fn answer(&self, outputs: &Array2<f32>) -> Array2<f32> {
        match self.data.truth {
            Truth::Classes { .. } => log_softmax(outputs.view()),
            Truth::Quantity { .. } => outputs.clone(),
        }
    }

    /// Trains student and teachers together, where the recipe says so: the student first, then every trained teacher.
    pub(super) fn cotrain(&mut self) -> Result<Option<Trained>, RunError> {
        let Some((nets, plan, temperature)) = self.cotrain_plan() else { return Ok(None) };
        let trained = self.kept("cotrain", self.cotrain_key(), |job| {
            let mut lesson = Together { labels: job.labels(0.0), tune: &job.split.tune, temperature };
            let trained = job.train("cotrain", &drawn(&nets, plan.seed), &job.labelled, &plan, &mut lesson)?;
            job.spend("cotrain", trained.cpu_seconds);
            Ok(trained)
        });
        trained.map(Some)
    }

    fn cotrain_plan(&self) -> Option<(Vec<Net>, TrainPlan, f32)> {
        let cotrain = self.recipe.cotrain?;
        let teachers = self.recipe.teacher.iter().filter(|teacher| teacher.is_trained());
        let mut nets = vec![self.student_net()];
        nets.extend(teachers.map(|teacher| Net { dropout: 0.0, ..self.net(teacher) }));
        let plan = TrainPlan { max_epochs: cotrain.epochs, ..self.student_plan() };
        Some((nets, plan, cotrain.temperature as f32))
    }

    /// Key of what was trained together.
    pub(super) fn cotrain_key(&self) -> [u8; 32] {
        self.key("cotrain", &self.cotrain_plan())
    }
}
