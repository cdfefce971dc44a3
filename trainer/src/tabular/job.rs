//! One fold and seed: teachers, co-training, student, controls, integers, figures.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use cpu_time::ThreadTime;
use ndarray::{Array2, Axis};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::cache::{Cache, Matrix};
use super::lesson::{FromLabels, FromTeachers, Labels, Together, Unit};
use super::masked::{self, Way};
use super::prepare::{TabularPrepared, Truth};
use super::reask::Reask;
use super::route::{Route, Ways};
use super::score::Score;
use crate::dataset::Split;
use crate::distill::objective::log_softmax;
use crate::nn::{
    Adam, BackendKind, BatchPlan, Branch, Lesson, MlpWeights, Pass, Tower, TrainError, TrainedTower, TrainedTowers,
    drawn, train_towers,
};
use crate::quantize::{InputCoding, IntegerStudent, Replay, Standard, dense_rows, quantize};
use crate::recipe::{RouteKind, Seen, Softening, TabularRecipe, TabularTeacher, TabularTeacherKind};
use crate::run::{RunContext, RunError, StageEvent, TuneFigure};

/// Share of label mass that the label-smoothing control spreads over all classes.
const LABEL_SMOOTHING: f32 = 0.1;
/// Distill temperatures the plain control chooses from, on the tune rows.
const PLAIN_TEMPERATURES: [f32; 3] = [1.0, 2.0, 4.0];
/// Distance between the seeds of a teacher's members.
const MEMBER_STRIDE: u64 = 1 << 32;
/// Room for the members of one teacher: 64 members for each of 64 parts.
const MOST_MEMBERS: u64 = 64 * 64;

/// Everything one job found.
#[derive(Clone, Debug)]
pub(super) struct JobResult {
    pub(super) fold: u64,
    pub(super) seed: u64,
    pub(super) split: Split,
    pub(super) student: IntegerStudent,
    /// The same before rounding; a regression in the unit of its quantity.
    pub(super) weights: MlpWeights,
    /// Figures on the test rows, by network.
    pub(super) test: BTreeMap<String, Score>,
    /// Of the int8 student on the tune rows.
    pub(super) tune: Score,
    pub(super) labelled: usize,
    pub(super) cpu_seconds: BTreeMap<String, f64>,
    /// Share of the rows that each way of the route answered for.
    pub(super) load: Vec<f64>,
    /// Of each teacher's answers for the labelled rows.
    pub(super) teacher_train: Vec<Score>,
    /// Name and figures on the test rows of each way of the route, where they are not the teachers themselves.
    pub(super) ways: Vec<(String, Score)>,
}

pub(super) struct Job<'a> {
    pub(super) recipe: &'a TabularRecipe,
    data: &'a TabularPrepared,
    pub(super) split: &'a Split,
    /// Standard scores of all columns.
    pub(super) x: Array2<f32>,
    known: Vec<bool>,
    labelled: Vec<usize>,
    unit: Unit,
    /// Standard scores of the teachers' embeddings, side by side.
    hints: Option<Array2<f32>>,
    /// Members of each teacher that is asked again.
    reasked: Vec<Vec<TrainedTower>>,
    pub(super) seed: u64,
    name: String,
    pub(super) backend: BackendKind,
    context: &'a RunContext<'a>,
    pub(super) cpu_seconds: BTreeMap<String, f64>,
    /// SHA-256 of everything that all teachers of this job depend on.
    data_key: [u8; 32],
}

/// Trainings in one job.
pub(super) fn stages(recipe: &TabularRecipe) -> usize {
    let trained = recipe.teacher.iter().filter(|teacher| teacher.is_trained());
    let members = trained.map(|teacher| teacher.members * teacher.crossfit.unwrap_or(1)).sum();
    let teachers = if recipe.cotrain.is_some() { 1 } else { members };
    let controls = if recipe.report.controls { 4 + PLAIN_TEMPERATURES.len() } else { 0 };
    teachers + masked::count(recipe) + 1 + controls
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
    let data_key = data_key(data, &split, &labelled, backend);
    let split = &split;
    let mut job = Job {
        recipe,
        data,
        split,
        x,
        known,
        labelled,
        unit,
        hints,
        reasked: Vec::new(),
        seed,
        name,
        backend,
        context,
        cpu_seconds,
        data_key,
    };
    let together = job.cotrain()?;
    // Student first, then every teacher that is trained here.
    let mut towers = together.iter().flat_map(|together| &together.towers[1..]);
    let mut answers = Vec::new();
    // What the first teacher says of rows it has learnt from: the plain control listens to this.
    let mut plain = None;
    for (number, teacher) in recipe.teacher.iter().enumerate() {
        answers.push(if !teacher.is_trained() {
            job.given(number)?
        } else if let Some(tower) = towers.next() {
            job.answer(&tower.logits(job.x.view(), backend))
        } else {
            let (answer, learnt) = job.teacher(number, teacher)?;
            if number == 0 {
                plain = Some(learnt);
            }
            answer
        });
    }
    let ways = masked::ways(&mut job, together.as_ref(), &answers)?;
    let routed: Vec<Array2<f32>> = ways.iter().map(|way| way.answer.clone()).collect();
    let merits: Vec<f64> = routed.iter().map(|answer| job.score_of(answer, &split.tune).merit()).collect();
    let best = (0..merits.len()).fold(0, |best, at| if merits[at] > merits[best] { at } else { best });

    let teacher_train = answers.iter().map(|answer| job.score_of(answer, &job.labelled)).collect();
    let mut test = BTreeMap::new();
    for (number, answer) in answers.iter().enumerate() {
        let label = if number == 0 { "teacher".to_owned() } else { format!("teacher_{}", number + 1) };
        test.insert(label, job.score_of(answer, &split.test));
    }
    if let Some(now) = &data.now {
        let now: Vec<f64> = split.test.iter().map(|&row| f64::from(now[row])).collect();
        test.insert("persistence".to_owned(), Score::of_values(&now, &data.truth, &split.test));
    }
    if let Some(together) = &together {
        test.insert("cotrained".to_owned(), job.score(&together.towers[0].weights(), &split.test));
    }
    let keeps = recipe.cotrain.is_some_and(|cotrain| cotrain.keep_student);
    let start = together.as_ref().filter(|_| keeps).map(|together| &together.towers[0]);
    let (weights, load) = job.distil("student", &routed, (recipe.route.kind, best), start)?;
    test.insert("student_float".to_owned(), job.score(&weights, &split.test));
    if recipe.report.controls {
        let plain = plain.as_ref().unwrap_or(&answers[0]);
        for (name, weights) in job.controls(plain, (&routed, best, start))? {
            test.insert(name.to_owned(), job.score(&weights, &split.test));
        }
    }
    let started = ThreadTime::now();
    let weights = job.in_unit(&weights);
    let (student, int8) = job.integers(&weights, &standard)?;
    test.insert("student_int8".to_owned(), int8(&split.test)?);
    let tune = int8(&split.tune)?;
    job.cpu_seconds.insert("quantize".to_owned(), started.elapsed().as_secs_f64());
    let score_ways =
        ways.iter().map(|Way { name, answer }| (name.clone(), job.score_of(answer, &split.test))).collect();
    let (labelled, cpu_seconds) = (job.labelled.len(), job.cpu_seconds);
    drop(int8);
    let ways = if recipe.masks.is_some() { score_ways } else { Vec::new() };
    Ok(JobResult {
        fold,
        seed,
        split: split.clone(),
        student,
        weights,
        test,
        tune,
        labelled,
        cpu_seconds,
        load,
        teacher_train,
        ways,
    })
}

/// SHA-256 of what every teacher of a fold and seed depends on beside its own settings.
fn data_key(data: &TabularPrepared, split: &Split, labelled: &[usize], backend: BackendKind) -> [u8; 32] {
    let mut key = Sha256::new().chain_update(b"eyas teachers 1").chain_update(crate::run::tool());
    key.update(backend.name());
    key.update(data.data_hash(split));
    labelled.iter().for_each(|&row| key.update((row as u64).to_le_bytes()));
    key.finalize().into()
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

/// How a student is taught, beside by whom.
struct Course<'c> {
    temperature: f32,
    soft_weight: f32,
    label_weight: f32,
    noise: f32,
    /// Standard scores of the teachers' embeddings and their weight.
    hints: Option<(&'c Array2<f32>, f32)>,
    /// Where the student goes on from; `None` to start anew.
    start: Option<&'c TrainedTower>,
    /// Members of the teachers that are asked again.
    reasked: &'c [Vec<TrainedTower>],
}

/// Figures of the int8 student on some rows.
type Int8<'a> = Box<dyn Fn(&[usize]) -> Result<Score, RunError> + 'a>;

impl<'a> Job<'a> {
    fn labels(&self, smoothing: f32) -> Labels<'_> {
        Labels { truth: &self.data.truth, known: &self.known, smoothing, unit: self.unit }
    }

    fn tower(&self, teacher: &TabularTeacher) -> Tower {
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
            return Tower { branches, hidden, outputs, dropout };
        }
        Tower::mlp(first..columns, &hidden, outputs, dropout)
    }

    /// Trains the members of a teacher. Returns its answer for all rows, and the answer that its members give of rows they
    /// have learnt from; without `crossfit` both are the mean of all members.
    ///
    /// With `crossfit` a labelled row is answered by the members that did not see its part (cross-fitting, Chernozhukov et
    /// al. 2018; for distillation Dao et al. 2021): a teacher is far surer of rows it has learnt from than of new ones.
    fn teacher(&mut self, number: usize, teacher: &TabularTeacher) -> Result<(Array2<f32>, Array2<f32>), RunError> {
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
        let tower = self.tower(teacher);
        let adam = Adam { learning_rate: teacher.learning_rate as f32, weight_decay: 0.0 };
        let mut mean: Option<Array2<f32>> = None;
        let mut towers = Vec::new();
        for member in 0..teacher.members {
            let place = part * teacher.members + member;
            let seed = self.apart(1 + number as u64 * MOST_MEMBERS + place as u64);
            let plan = BatchPlan { adam, epochs: teacher.epochs, batch_rows: teacher.batch_rows, seed };
            let stage = format!("teacher-{number}-{place}");
            let key = self.key("member", &(&tower, plan, teacher.label_smoothing, teacher.mixup, rows, teacher.reask));
            let work = |job: &mut Self| {
                let labels = job.labels(teacher.label_smoothing as f32);
                let mut lesson = FromLabels { labels, tune: &job.split.tune, mixup: teacher.mixup, mix: Vec::new() };
                let start = drawn(std::slice::from_ref(&tower), seed);
                let trained = job.train(&stage, &start, rows, &plan, &mut lesson)?;
                *job.cpu_seconds.entry("teacher".to_owned()).or_default() += trained.cpu_seconds;
                Ok(trained.towers.into_iter().next())
            };
            let says = |job: &Self, tower: &TrainedTower| job.answer(&tower.logits(job.x.view(), job.backend));
            let answer = if teacher.reask {
                // It will be asked about rows that no answer is kept for: the weights are kept.
                let member: Option<TrainedTower> = self.kept(&stage, key, work)?;
                let answer = member.as_ref().map(|tower| says(self, tower)).unwrap_or_default();
                towers.extend(member);
                answer
            } else {
                let Matrix(answer) = self.kept(&stage, key, |job| {
                    let member = work(job)?;
                    Ok(Matrix(member.map(|tower| says(job, &tower)).unwrap_or_default()))
                })?;
                answer
            };
            mean = Some(mean.map_or_else(|| answer.clone(), |mean| mean + &answer));
        }
        if teacher.reask {
            self.reasked.push(towers);
        }
        Ok(mean.unwrap_or_default() / teacher.members as f32)
    }

    /// A seed that no other training of the job has; 0 is the job's own.
    pub(super) fn apart(&self, number: u64) -> u64 {
        self.seed.wrapping_add(MEMBER_STRIDE.wrapping_mul(number))
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
    fn given(&self, number: usize) -> Result<Array2<f32>, RunError> {
        let given = self.data.given.get(number).and_then(Option::as_ref);
        let mut answers = given.ok_or(RunError::NotConsulted { number: number + 1 })?.answers.clone();
        if let Truth::Quantity { .. } = self.data.truth {
            answers.mapv_inplace(|y| (y - self.unit.mean) / self.unit.deviation);
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
    fn cotrain(&mut self) -> Result<Option<TrainedTowers>, RunError> {
        let Some((towers, plan, temperature)) = self.cotrain_plan() else { return Ok(None) };
        let trained = self.kept("cotrain", self.cotrain_key(), |job| {
            let mut lesson = Together { labels: job.labels(0.0), tune: &job.split.tune, temperature };
            let trained = job.train("cotrain", &drawn(&towers, plan.seed), &job.labelled, &plan, &mut lesson)?;
            job.cpu_seconds.insert("cotrain".to_owned(), trained.cpu_seconds);
            Ok(trained)
        });
        trained.map(Some)
    }

    fn cotrain_plan(&self) -> Option<(Vec<Tower>, BatchPlan, f32)> {
        let cotrain = self.recipe.cotrain?;
        let teachers = self.recipe.teacher.iter().filter(|teacher| teacher.is_trained());
        let mut towers = vec![self.student_tower()];
        towers.extend(teachers.map(|teacher| Tower { dropout: 0.0, ..self.tower(teacher) }));
        let plan = BatchPlan { epochs: cotrain.epochs, ..self.student_plan() };
        Some((towers, plan, cotrain.temperature as f32))
    }

    /// Key of what was trained together.
    pub(super) fn cotrain_key(&self) -> [u8; 32] {
        self.key("cotrain", &self.cotrain_plan())
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

    /// Trains the student as the recipe says; its weights, and each way's share of the answers.
    fn distil(
        &mut self,
        name: &str,
        answers: &[Array2<f32>],
        route: (RouteKind, usize),
        start: Option<&TrainedTower>,
    ) -> Result<(MlpWeights, Vec<f64>), RunError> {
        let target = self.recipe.target;
        let (hints, reasked) = (self.hints.take(), std::mem::take(&mut self.reasked));
        let course = Course {
            temperature: target.distill_temperature as f32,
            soft_weight: target.soft_weight as f32,
            label_weight: target.label_weight as f32,
            noise: self.recipe.student.noise as f32,
            hints: hints.as_ref().map(|hints| (hints, target.embedding_weight.unwrap_or(0.0) as f32)),
            start,
            reasked: if route.0 == RouteKind::Mean { &reasked } else { &[] },
        };
        let taught = self.towards(name, answers, route, &course);
        self.reasked = reasked;
        self.hints = hints;
        taught
    }

    /// Trains the student towards `answers`, `route` the kind and the best one of them.
    fn towards(
        &mut self,
        name: &str,
        answers: &[Array2<f32>],
        (kind, best): (RouteKind, usize),
        course: &Course<'_>,
    ) -> Result<(MlpWeights, Vec<f64>), RunError> {
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
            let (mut tower, plan) = (self.student_tower(), self.student_plan());
            tower.outputs += hints.map_or(0, |(hints, _)| hints.ncols());
            let start = start.map_or_else(|| drawn(&[tower], plan.seed), |start| vec![start.clone()]);
            let trained = self.train(name, &start, &self.split.train, &plan, &mut lesson)?;
            (trained, lesson.route.load())
        };
        *self.cpu_seconds.entry(name.split('-').next().unwrap_or(name).to_owned()).or_default() += trained.cpu_seconds;
        let mut weights = trained.towers[0].weights();
        if let (Some(last), Some(_)) = (weights.layers.last_mut(), hints) {
            // What learnt the embeddings has served.
            let own = ndarray::Slice::from(..self.data.truth.outputs());
            last.weight = last.weight.slice_axis(Axis(0), own).to_owned();
            last.bias = last.bias.slice_axis(Axis(0), own).to_owned();
        }
        Ok((weights, load))
    }

    /// Trains the student on labels alone.
    fn on_labels(&mut self, name: &str, smoothing: f32) -> Result<MlpWeights, RunError> {
        let trained = {
            let labels = self.labels(smoothing);
            let tune = &self.split.tune;
            let mut lesson = FromLabels { labels, tune, mixup: false, mix: Vec::new() };
            let tower = Tower { dropout: 0.0, ..self.student_tower() };
            self.train(name, &drawn(&[tower], self.seed), &self.labelled, &self.student_plan(), &mut lesson)?
        };
        self.cpu_seconds.insert(name.to_owned(), trained.cpu_seconds);
        Ok(trained.towers[0].weights())
    }

    /// `first` is what the first teacher says, `routed` the answers of the ways of the route, from which the student starts
    /// at `start`.
    fn controls(
        &mut self,
        first: &Array2<f32>,
        (routed, best, start): (&[Array2<f32>], usize, Option<&TrainedTower>),
    ) -> Result<Vec<(&'static str, MlpWeights)>, RunError> {
        let mut all = vec![("label_only", self.on_labels("label_only", 0.0)?)];
        if matches!(self.data.truth, Truth::Classes { .. }) {
            all.push(("label_smoothing", self.on_labels("label_smoothing", LABEL_SMOOTHING)?));
            // The same recipe from a teacher that knows nothing. Labels have to say what it cannot.
            let target = self.recipe.target;
            let blank = [Array2::zeros(first.dim())];
            let uniform = Course {
                temperature: target.distill_temperature as f32,
                soft_weight: target.soft_weight as f32,
                label_weight: if target.label_weight > 0.0 { target.label_weight as f32 } else { 1.0 },
                noise: self.recipe.student.noise as f32,
                hints: None,
                start: None,
                reasked: &[],
            };
            let uniform = self.towards("uniform_teacher", &blank, (RouteKind::Mean, 0), &uniform)?.0;
            all.push(("uniform_teacher", uniform));
            let random = self.distil("random_router", routed, (RouteKind::Random, best), start)?.0;
            all.push(("random_router", random));
        }
        // Hinton's distillation from the first teacher alone, half labels, half teacher, without noise.
        let first = std::slice::from_ref(first);
        let mut plain: Option<(f64, MlpWeights)> = None;
        for temperature in PLAIN_TEMPERATURES {
            let name = format!("plain_kd-{temperature}");
            let course = Course {
                temperature,
                soft_weight: 0.5,
                label_weight: 0.5,
                noise: 0.0,
                hints: None,
                start: None,
                reasked: &[],
            };
            let weights = self.towards(&name, first, (RouteKind::Mean, 0), &course)?.0;
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

    /// The student with the answers of a regression in the unit of its quantity.
    fn in_unit(&self, weights: &MlpWeights) -> MlpWeights {
        let mut weights = weights.clone();
        if let Some(last) = weights.layers.last_mut() {
            last.weight *= self.unit.deviation;
            last.bias.mapv_inplace(|bias| bias * self.unit.deviation + self.unit.mean);
        }
        weights
    }

    /// Rounds the student, which answers in the unit of its quantity.
    fn integers(&self, weights: &MlpWeights, standard: &Standard) -> Result<(IntegerStudent, Int8<'a>), RunError> {
        let failed = |source| RunError::Quantize { seed: self.seed, source };
        let student = self.data.student;
        let standard =
            Standard { means: standard.means[..student].to_vec(), deviations: standard.deviations[..student].to_vec() };
        let train = self.x.select(Axis(0), &self.split.train);
        let coding = InputCoding::of_scores(standard, train.slice(ndarray::s![.., ..student]));
        let raw = move |data: &TabularPrepared, rows: &[usize]| {
            dense_rows(data.x.select(Axis(0), rows).slice(ndarray::s![.., ..data.student]))
        };
        let plan = crate::run::quantize_plan(&self.recipe.quantize);
        let integer = quantize(weights, &coding, &raw(self.data, &self.split.tune), &plan).map_err(failed)?;
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

    /// One training of towers, kept as a checkpoint when done.
    fn train(
        &self,
        stage: &str,
        start: &[TrainedTower],
        rows: &[usize],
        plan: &BatchPlan,
        lesson: &mut dyn Lesson,
    ) -> Result<TrainedTowers, RunError> {
        let parts = (rows, self.split.tune.as_slice());
        self.stage(stage, |each| train_towers(start, self.x.view(), parts, plan, self.backend, lesson, each))
    }

    /// One training, told pass by pass and kept as a checkpoint when done.
    pub(super) fn stage<T: Serialize + DeserializeOwned>(
        &self,
        stage: &str,
        train: impl FnOnce(&mut dyn FnMut(Pass) -> ControlFlow<()>) -> Result<T, TrainError>,
    ) -> Result<T, RunError> {
        let name = format!("{}-{stage}", self.name);
        let mut each = |Pass { epoch, epochs, loss, score }: Pass| {
            let (max_epochs, tune) = (epochs, TuneFigure::Loss(score));
            self.context.observer.stage(StageEvent::Epoch { stage: &name, epoch, max_epochs, loss, tune });
            if self.context.interrupt.is_raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        crate::run::stage(self.context, self.seed, &name, |_, _| train(&mut each))
    }
}
