//! One fold and seed: teachers, co-training, student, controls, integers, figures.

use std::collections::BTreeMap;

use cpu_time::ThreadTime;
use ndarray::{Array2, Axis};

use super::lesson::{FromLabels, FromTeachers, Labels, Together, Unit};
use super::prepare::{TabularPrepared, Truth};
use super::route::Route;
use super::score::Score;
use crate::dataset::Split;
use crate::distill::objective::log_softmax;
use crate::nn::{Adam, BackendKind, BatchPlan, Branch, Lesson, MlpWeights, Tower, TrainedTowers, train_towers};
use crate::quantize::{InputCoding, IntegerStudent, Replay, Standard, dense_rows, quantize};
use crate::recipe::{RouteKind, Seen, Softening, TabularRecipe, TabularTeacher, TabularTeacherKind};
use crate::run::{RunContext, RunError};

/// Share of label mass that the label-smoothing control spreads over all classes.
const LABEL_SMOOTHING: f32 = 0.1;
/// Distill temperatures the plain control chooses from, on the tune rows.
const PLAIN_TEMPERATURES: [f32; 3] = [1.0, 2.0, 4.0];
/// Distance between the seeds of a teacher's members.
const MEMBER_STRIDE: u64 = 1 << 32;

/// Everything one job found.
#[derive(Clone, Debug)]
pub(super) struct JobResult {
    pub(super) fold: u64,
    pub(super) seed: u64,
    pub(super) split: Split,
    pub(super) student: IntegerStudent,
    /// Figures on the test rows, by network.
    pub(super) test: BTreeMap<String, Score>,
    /// Of the int8 student on the tune rows.
    pub(super) tune: Score,
    pub(super) labelled: usize,
    pub(super) cpu_seconds: BTreeMap<String, f64>,
    /// Share of the rows that each teacher answered for.
    pub(super) load: Vec<f64>,
}

struct Job<'a> {
    recipe: &'a TabularRecipe,
    data: &'a TabularPrepared,
    split: &'a Split,
    /// Standard scores of all columns.
    x: Array2<f32>,
    known: Vec<bool>,
    labelled: Vec<usize>,
    unit: Unit,
    /// Standard scores of the teachers' embeddings, side by side.
    hints: Option<Array2<f32>>,
    seed: u64,
    name: String,
    backend: BackendKind,
    context: &'a RunContext<'a>,
    cpu_seconds: BTreeMap<String, f64>,
}

/// Trainings in one job.
pub(super) fn stages(recipe: &TabularRecipe) -> usize {
    let members: usize =
        recipe.teacher.iter().filter(|teacher| teacher.is_trained()).map(|teacher| teacher.members).sum();
    let controls = if recipe.report.controls { 4 + PLAIN_TEMPERATURES.len() } else { 0 };
    members + usize::from(recipe.cotrain.is_some()) + 1 + controls
}

pub(super) fn carry_out(
    recipe: &TabularRecipe,
    data: &TabularPrepared,
    (fold, seed): (u64, u64),
    backend: BackendKind,
    context: &RunContext<'_>,
) -> Result<JobResult, RunError> {
    let split = data.split(recipe, fold, seed)?;
    let standard = Standard::of(data.x.view(), &split.train);
    let x = standard.scores(data.x.view());
    let labelled = data.labelled(&split.train, recipe.data.label_share, seed);
    let mut known = vec![false; x.nrows()];
    labelled.iter().for_each(|&row| known[row] = true);
    let unit = unit(&data.truth, &labelled);
    let name = format!("{fold}-{seed}");
    let cpu_seconds = BTreeMap::new();
    let hints = hints(data, &split);
    let mut job =
        Job { recipe, data, split: &split, x, known, labelled, unit, hints, seed, name, backend, context, cpu_seconds };
    let (mut answers, mut starts) = (Vec::new(), Vec::new());
    for (number, teacher) in recipe.teacher.iter().enumerate() {
        answers.push(if teacher.is_trained() { job.teacher(number, teacher)? } else { job.given(number)? });
        starts.extend(teacher.is_trained().then(|| job.tower(teacher)));
    }
    let together = job.cotrain(&starts, &mut answers)?;
    let merits: Vec<f64> = answers.iter().map(|answer| job.score_of(answer, &split.tune).merit()).collect();
    let best = (0..merits.len()).fold(0, |best, at| if merits[at] > merits[best] { at } else { best });

    let mut test = BTreeMap::new();
    for (number, answer) in answers.iter().enumerate() {
        let label = if number == 0 { "teacher".to_owned() } else { format!("teacher_{}", number + 1) };
        test.insert(label, job.score_of(answer, &split.test));
    }
    if let Some(weights) = &together {
        test.insert("cotrained".to_owned(), job.score(weights, &split.test));
    }
    let (weights, load) = job.distil("student", &answers, recipe.route.kind, best)?;
    test.insert("student_float".to_owned(), job.score(&weights, &split.test));
    if recipe.report.controls {
        for (name, weights) in job.controls(&answers, best)? {
            test.insert(name.to_owned(), job.score(&weights, &split.test));
        }
    }
    let started = ThreadTime::now();
    let (student, int8) = job.integers(&weights, &standard)?;
    test.insert("student_int8".to_owned(), int8(&split.test)?);
    let tune = int8(&split.tune)?;
    job.cpu_seconds.insert("quantize".to_owned(), started.elapsed().as_secs_f64());
    let (labelled, cpu_seconds) = (job.labelled.len(), job.cpu_seconds);
    drop(int8);
    Ok(JobResult { fold, seed, split: split.clone(), student, test, tune, labelled, cpu_seconds, load })
}

/// Standard scores of all embeddings that the teachers give, statistics from the train rows.
fn hints(data: &TabularPrepared, split: &Split) -> Option<Array2<f32>> {
    let embeddings = data.given.iter().flatten().filter_map(|given| given.embedding.as_ref());
    let views: Vec<_> = embeddings.map(|embedding| embedding.view()).collect();
    let whole = ndarray::concatenate(Axis(1), &views).ok().filter(|whole| whole.ncols() > 0)?;
    Some(Standard::of(whole.view(), &split.train).scores(whole.view()))
}

fn unit(truth: &Truth, rows: &[usize]) -> Unit {
    let Truth::Quantity { values, .. } = truth else { return Unit { mean: 0.0, deviation: 1.0 } };
    let count = rows.len().max(1) as f64;
    let mean = rows.iter().map(|&row| f64::from(values[row])).sum::<f64>() / count;
    let variance = rows.iter().map(|&row| (f64::from(values[row]) - mean).powi(2)).sum::<f64>() / count;
    Unit { mean: mean as f32, deviation: variance.sqrt().max(1e-6) as f32 }
}

/// Figures of the int8 student on some rows.
type Int8<'a> = Box<dyn Fn(&[usize]) -> Result<Score, RunError> + 'a>;

impl<'a> Job<'a> {
    fn labels(&self, smoothing: f32) -> Labels<'_> {
        Labels { truth: &self.data.truth, known: &self.known, smoothing, unit: self.unit }
    }

    fn tower(&self, teacher: &TabularTeacher) -> Tower {
        let (columns, student) = (self.x.ncols(), self.data.student);
        // The matrix holds the student's columns first; a teacher that does not see them all reads the others alone.
        let blind = !self.data.teacher.contains(&0);
        let first = if teacher.sees == Seen::Others || blind { student } else { 0 };
        let hidden = teacher.hidden.clone();
        let outputs = self.data.truth.outputs();
        let dropout = teacher.dropout as f32;
        if teacher.kind == TabularTeacherKind::Fusion && first == 0 && student < columns {
            let hidden_of = teacher.branch_hidden.clone().unwrap_or_default();
            let branches =
                [0..student, student..columns].map(|columns| Branch { columns, hidden: hidden_of.clone() }).to_vec();
            return Tower { branches, hidden, outputs, dropout };
        }
        Tower::mlp(first..columns, &hidden, outputs, dropout)
    }

    /// Trains the members of a teacher and returns their mean answer for all rows.
    fn teacher(&mut self, number: usize, teacher: &TabularTeacher) -> Result<Array2<f32>, RunError> {
        let tower = self.tower(teacher);
        let adam = Adam { learning_rate: teacher.learning_rate as f32, weight_decay: 0.0 };
        let mut mean: Option<Array2<f32>> = None;
        for member in 0..teacher.members as u64 {
            let seed = self.seed.wrapping_add(MEMBER_STRIDE.wrapping_mul(1 + number as u64 * 64 + member));
            let plan = BatchPlan { adam, epochs: teacher.epochs, batch_rows: teacher.batch_rows, seed };
            let trained = {
                let labels = self.labels(teacher.label_smoothing as f32);
                let mut lesson = FromLabels { labels, tune: &self.split.tune, mixup: teacher.mixup, mix: Vec::new() };
                let stage = format!("teacher-{number}-{member}");
                self.train(&stage, std::slice::from_ref(&tower), &self.labelled, &plan, &mut lesson)?
            };
            *self.cpu_seconds.entry("teacher".to_owned()).or_default() += trained.cpu_seconds;
            let answer = self.answer(&trained.towers[0].logits(self.x.view(), self.backend));
            mean = Some(mean.map_or_else(|| answer.clone(), |mean| mean + &answer));
        }
        Ok(mean.unwrap_or_default() / teacher.members as f32)
    }

    /// What a teacher that comes as a file answers for all rows.
    fn given(&self, number: usize) -> Result<Array2<f32>, RunError> {
        let given = self.data.given.get(number).and_then(Option::as_ref);
        let mut answers = given.ok_or(RunError::NotConsulted { number: number + 1 })?.answers.clone();
        if let Truth::Quantity { .. } = self.data.truth {
            answers.mapv_inplace(|y| (y - self.unit.mean) / self.unit.deviation);
        }
        Ok(self.answer(&answers))
    }

    /// Log-probabilities of a classifier, scores of a regression.
    fn answer(&self, outputs: &Array2<f32>) -> Array2<f32> {
        match self.data.truth {
            Truth::Classes { .. } => log_softmax(outputs.view()),
            Truth::Quantity { .. } => outputs.clone(),
        }
    }

    /// Trains teachers and student together; the teachers' answers become those of the co-trained ones.
    fn cotrain(&mut self, starts: &[Tower], answers: &mut [Array2<f32>]) -> Result<Option<MlpWeights>, RunError> {
        let Some(cotrain) = self.recipe.cotrain else { return Ok(None) };
        let mut towers = vec![self.student_tower()];
        towers.extend(starts.iter().map(|tower| Tower { dropout: 0.0, ..tower.clone() }));
        let plan = BatchPlan { epochs: cotrain.epochs, ..self.student_plan() };
        let trained = {
            let labels = self.labels(0.0);
            let tune = &self.split.tune;
            let mut lesson = Together { labels, tune, temperature: cotrain.temperature as f32 };
            self.train("cotrain", &towers, &self.labelled, &plan, &mut lesson)?
        };
        self.cpu_seconds.insert("cotrain".to_owned(), trained.cpu_seconds);
        let taught = self.recipe.teacher.iter().zip(answers).filter(|(teacher, _)| teacher.is_trained());
        for (tower, (_, answer)) in trained.towers[1..].iter().zip(taught) {
            *answer = self.answer(&tower.logits(self.x.view(), self.backend));
        }
        Ok(trained.towers.first().map(crate::nn::TrainedTower::weights))
    }

    fn student_tower(&self) -> Tower {
        let student = &self.recipe.student;
        Tower::mlp(0..self.data.student, &student.hidden, self.data.truth.outputs(), student.dropout as f32)
    }

    fn student_plan(&self) -> BatchPlan {
        let student = &self.recipe.student;
        let adam = Adam { learning_rate: student.learning_rate as f32, weight_decay: 0.0 };
        BatchPlan { adam, epochs: student.epochs, batch_rows: student.batch_rows, seed: self.seed }
    }

    /// Trains the student towards its teachers; its weights, and each teacher's share of the answers.
    fn distil(
        &mut self,
        name: &str,
        answers: &[Array2<f32>],
        kind: RouteKind,
        best: usize,
    ) -> Result<(MlpWeights, Vec<f64>), RunError> {
        let target = self.recipe.target;
        let weights = (target.soft_weight as f32, target.label_weight as f32);
        let noise = self.recipe.student.noise as f32;
        let hints = self.hints.take();
        let weight = target.embedding_weight.unwrap_or(0.0) as f32;
        let with = hints.as_ref().map(|hints| (hints, weight));
        let taught =
            self.towards(name, answers, (kind, best), target.distill_temperature as f32, weights, (noise, with));
        self.hints = hints;
        taught
    }

    fn towards(
        &mut self,
        name: &str,
        answers: &[Array2<f32>],
        (kind, best): (RouteKind, usize),
        temperature: f32,
        (soft_weight, label_weight): (f32, f32),
        (noise, hints): (f32, Option<(&Array2<f32>, f32)>),
    ) -> Result<(MlpWeights, Vec<f64>), RunError> {
        let balance = self.recipe.route.balance.unwrap_or(0.0);
        let route = Route::new(kind, balance, answers.len(), self.data.truth.outputs(), best);
        let (trained, load) = {
            let mut lesson = FromTeachers {
                labels: self.labels(0.0),
                tune: &self.split.tune,
                teachers: answers,
                route,
                temperature,
                soft_weight,
                label_weight,
                halving: self.recipe.target.softening == Softening::Halving,
                noise,
                hints,
            };
            let (mut tower, plan) = (self.student_tower(), self.student_plan());
            tower.outputs += hints.map_or(0, |(hints, _)| hints.ncols());
            let trained = self.train(name, &[tower], &self.split.train, &plan, &mut lesson)?;
            (trained, lesson.route.load)
        };
        *self.cpu_seconds.entry(name.split('-').next().unwrap_or(name).to_owned()).or_default() += trained.cpu_seconds;
        let all = load.iter().sum::<u64>().max(1) as f64;
        let mut weights = trained.towers[0].weights();
        if let (Some(last), Some(_)) = (weights.layers.last_mut(), hints) {
            // What learnt the embeddings has served.
            let own = ndarray::Slice::from(..self.data.truth.outputs());
            last.weight = last.weight.slice_axis(Axis(0), own).to_owned();
            last.bias = last.bias.slice_axis(Axis(0), own).to_owned();
        }
        Ok((weights, load.into_iter().map(|load| load as f64 / all).collect()))
    }

    /// Trains the student on labels alone.
    fn on_labels(&mut self, name: &str, smoothing: f32) -> Result<MlpWeights, RunError> {
        let trained = {
            let labels = self.labels(smoothing);
            let tune = &self.split.tune;
            let mut lesson = FromLabels { labels, tune, mixup: false, mix: Vec::new() };
            let tower = Tower { dropout: 0.0, ..self.student_tower() };
            self.train(name, &[tower], &self.labelled, &self.student_plan(), &mut lesson)?
        };
        self.cpu_seconds.insert(name.to_owned(), trained.cpu_seconds);
        Ok(trained.towers[0].weights())
    }

    fn controls(&mut self, answers: &[Array2<f32>], best: usize) -> Result<Vec<(&'static str, MlpWeights)>, RunError> {
        let mut all = vec![("label_only", self.on_labels("label_only", 0.0)?)];
        if matches!(self.data.truth, Truth::Classes { .. }) {
            all.push(("label_smoothing", self.on_labels("label_smoothing", LABEL_SMOOTHING)?));
            // The same recipe from a teacher that knows nothing. Labels have to say what it cannot.
            let target = self.recipe.target;
            let blank = [Array2::zeros(answers[0].dim())];
            let weights =
                (target.soft_weight as f32, if target.label_weight > 0.0 { target.label_weight as f32 } else { 1.0 });
            let (temperature, noise) = (target.distill_temperature as f32, self.recipe.student.noise as f32);
            let mean = (RouteKind::Mean, 0);
            all.push((
                "uniform_teacher",
                self.towards("uniform_teacher", &blank, mean, temperature, weights, (noise, None))?.0,
            ));
            let random = self.distil("random_router", answers, RouteKind::Random, best)?.0;
            all.push(("random_router", random));
        }
        // Hinton's distillation from the first teacher alone, half labels, half teacher, without noise.
        let first = std::slice::from_ref(&answers[0]);
        let mut plain: Option<(f64, MlpWeights)> = None;
        for temperature in PLAIN_TEMPERATURES {
            let name = format!("plain_kd-{temperature}");
            let weights = self.towards(&name, first, (RouteKind::Mean, 0), temperature, (0.5, 0.5), (0.0, None))?.0;
            let merit = self.score(&weights, &self.split.tune).merit();
            if plain.as_ref().is_none_or(|(best, _)| merit > *best) {
                plain = Some((merit, weights));
            }
        }
        all.extend(plain.map(|(_, weights)| ("plain_kd", weights)));
        Ok(all)
    }

    fn score_of(&self, answer: &Array2<f32>, rows: &[usize]) -> Score {
        let mut outputs = answer.select(Axis(0), rows);
        outputs.mapv_inplace(|y| y * self.unit.deviation + self.unit.mean);
        Score::of_outputs(outputs.view(), &self.data.truth, rows)
    }

    fn score(&self, weights: &MlpWeights, rows: &[usize]) -> Score {
        let x = self.x.select(Axis(0), rows);
        let seen = x.slice(ndarray::s![.., ..self.data.student]);
        let mut outputs = weights.logits(&dense_rows(seen), self.backend);
        outputs.mapv_inplace(|y| y * self.unit.deviation + self.unit.mean);
        Score::of_outputs(outputs.view(), &self.data.truth, rows)
    }

    /// Rounds the student; a regression answers in the unit of its quantity.
    fn integers(&self, weights: &MlpWeights, standard: &Standard) -> Result<(IntegerStudent, Int8<'a>), RunError> {
        let failed = |source| RunError::Quantize { seed: self.seed, source };
        let student = self.data.student;
        let mut weights = weights.clone();
        if let Some(last) = weights.layers.last_mut() {
            last.weight *= self.unit.deviation;
            last.bias.mapv_inplace(|bias| bias * self.unit.deviation + self.unit.mean);
        }
        let standard =
            Standard { means: standard.means[..student].to_vec(), deviations: standard.deviations[..student].to_vec() };
        let train = self.x.select(Axis(0), &self.split.train);
        let coding = InputCoding::of_scores(standard, train.slice(ndarray::s![.., ..student]));
        let raw = move |data: &TabularPrepared, rows: &[usize]| {
            dense_rows(data.x.select(Axis(0), rows).slice(ndarray::s![.., ..data.student]))
        };
        let plan = crate::run::quantize_plan(&self.recipe.quantize);
        let integer = quantize(&weights, &coding, &raw(self.data, &self.split.tune), &plan).map_err(failed)?;
        let (data, seed, for_score) = (self.data, self.seed, integer.clone());
        let int8: Int8<'a> = Box::new(move |rows: &[usize]| {
            let x = for_score.coding.integers(&raw(data, rows));
            let replay = Replay::of(&for_score, &x).map_err(|source| RunError::Quantize { seed, source })?;
            Ok(match &data.truth {
                Truth::Classes { .. } => Score::of_labels(&replay.labels, &data.truth, rows),
                Truth::Quantity { .. } => {
                    let last = for_score.layers.last();
                    let (scale, zero) = last.map_or((0.0, 0), |layer| (layer.output_scale, layer.meta.zero_point));
                    let values = replay.layers.last().into_iter().flatten();
                    let values: Vec<f64> = values.map(|&y| scale * f64::from(i32::from(y) - i32::from(zero))).collect();
                    Score::of_values(&values, &data.truth, rows)
                }
            })
        });
        Ok((integer, int8))
    }

    /// One training, kept as a checkpoint when done.
    fn train(
        &self,
        stage: &str,
        towers: &[Tower],
        rows: &[usize],
        plan: &BatchPlan,
        lesson: &mut dyn Lesson,
    ) -> Result<TrainedTowers, RunError> {
        let name = format!("{}-{stage}", self.name);
        let parts = (rows, self.split.tune.as_slice());
        let stop = || self.context.interrupt.is_raised();
        crate::run::stage(self.context, self.seed, &name, |_, _| {
            train_towers(towers, self.x.view(), parts, plan, self.backend, lesson, &stop)
        })
    }
}
