//! One fold and seed: teachers, co-training, student, controls, integers, figures.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cpu_time::ThreadTime;
use ndarray::{Array2, Axis};

use super::controls;
use super::integers::{in_unit, integers, without_constant};
use super::lesson::{Labels, Unit};
use super::masked;
use super::prepare::TabularPrepared;
use super::teachers::data_key;
use crate::dataset::Split;
use crate::nn::{BackendKind, Lesson, MlpWeights, Source, TrainPlan, Trained, TrainedNet, Training};
use crate::quantize::{IntegerStudent, Standard, dense_rows};
use crate::recipe::TabularRecipe;
use crate::report::Score;
use crate::report::outcome::Curve;
use crate::run::{RunContext, RunError};

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
    /// Of the float student on the tune rows.
    pub(super) tune_float: Score,
    pub(super) labelled: usize,
    pub(super) cpu_seconds: BTreeMap<String, f64>,
    /// Trainings of this run by stage; what was kept from before is not among them.
    pub(super) curves: BTreeMap<String, Curve>,
    /// Share of the rows that each way of the route answered for.
    pub(super) load: Vec<f64>,
    /// Of each teacher's answers for the labelled rows.
    pub(super) teacher_train: Vec<Score>,
    /// Name and figures on the test rows of each way of the route, where they are not the teachers themselves.
    pub(super) ways: Vec<(String, Score)>,
}

pub(super) struct Job<'a> {
    pub(super) recipe: &'a TabularRecipe,
    pub(super) data: &'a TabularPrepared,
    pub(super) split: &'a Split,
    /// Standard scores of all columns.
    pub(super) x: Array2<f32>,
    pub(super) known: Vec<bool>,
    pub(super) labelled: Vec<usize>,
    pub(super) unit: Unit,
    /// Standard scores of the teachers' embeddings, side by side.
    pub(super) hints: Option<Array2<f32>>,
    /// Members of each teacher that is asked again.
    pub(super) reasked: Vec<Vec<TrainedNet>>,
    pub(super) seed: u64,
    pub(super) name: String,
    pub(super) backend: BackendKind,
    pub(super) context: &'a RunContext<'a>,
    cpu_seconds: BTreeMap<String, f64>,
    curves: RefCell<BTreeMap<String, Curve>>,
    /// SHA-256 of everything that all teachers of this job depend on.
    pub(super) data_key: [u8; 32],
}

/// Trainings in one job.
pub(super) fn stages(recipe: &TabularRecipe) -> usize {
    let trained = recipe.teacher.iter().filter(|teacher| teacher.is_trained());
    let members = trained.map(|teacher| teacher.members * teacher.crossfit.unwrap_or(1)).sum();
    let teachers = if recipe.cotrain.is_some() { 1 } else { members };
    let controls = if recipe.report.controls { controls::count(recipe.data.task) } else { 0 };
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
    let unit = Unit::of(&data.truth, &labelled);
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
        curves: RefCell::default(),
        data_key,
    };
    let together = job.cotrain()?;
    // Student first, then every teacher that is trained here.
    let mut nets = together.iter().flat_map(|together| &together.nets[1..]);
    let mut answers = Vec::new();
    // What the first teacher says of rows it has learnt from: the plain control listens to this.
    let mut plain = None;
    for (number, teacher) in recipe.teacher.iter().enumerate() {
        answers.push(if !teacher.is_trained() {
            job.given(number)?
        } else if let Some(net) = nets.next() {
            job.answer(&net.logits(job.x.view(), backend))
        } else {
            let (answer, learnt) = job.teacher(number, teacher)?;
            if number == 0 {
                plain = Some(learnt);
            }
            answer
        });
    }
    let (names, routed): (Vec<String>, Vec<Array2<f32>>) =
        masked::ways(&mut job, together.as_ref(), &answers)?.into_iter().map(|way| (way.name, way.answer)).unzip();
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
        test.insert("cotrained".to_owned(), job.score(&together.nets[0].weights(), &split.test));
    }
    let keeps = recipe.cotrain.is_some_and(|cotrain| cotrain.keep_student);
    let start = together.as_ref().filter(|_| keeps).map(|together| &together.nets[0]);
    let (weights, load) = job.distil("student", &routed, (recipe.route.kind, best), start)?;
    let weights = without_constant(weights, &standard);
    test.insert("student_float".to_owned(), job.score(&weights, &split.test));
    let tune_float = job.score(&weights, &split.tune);
    if recipe.report.controls {
        let plain = plain.as_ref().unwrap_or(&answers[0]);
        for (name, weights) in job.controls(plain, (&routed, best, start))? {
            test.insert(name.to_owned(), job.score(&weights, &split.test));
        }
    }
    let started = ThreadTime::now();
    let (student, int8) = integers(&job, &weights, &standard)?;
    let weights = in_unit(&weights, unit);
    test.insert("student_int8".to_owned(), int8(&split.test)?);
    let tune = int8(&split.tune)?;
    drop(int8);
    job.spend("quantize", started.elapsed().as_secs_f64());
    let ways = if recipe.masks.is_some() {
        names.into_iter().zip(&routed).map(|(name, answer)| (name, job.score_of(answer, &split.test))).collect()
    } else {
        Vec::new()
    };
    let (labelled, cpu_seconds, curves) = (job.labelled.len(), job.cpu_seconds, job.curves.into_inner());
    Ok(JobResult {
        fold,
        seed,
        split: split.clone(),
        student,
        weights,
        test,
        tune,
        tune_float,
        labelled,
        cpu_seconds,
        curves,
        load,
        teacher_train,
        ways,
    })
}

/// Standard scores of all embeddings that the teachers give, statistics from the train rows.
fn hints(data: &TabularPrepared, split: &Split) -> Option<Array2<f32>> {
    let embeddings = data.given.iter().flatten().filter_map(|given| given.embedding.as_ref());
    let views: Vec<_> = embeddings.map(|embedding| embedding.view()).collect();
    let whole = ndarray::concatenate(Axis(1), &views).ok().filter(|whole| whole.ncols() > 0)?;
    Some(Standard::of(whole.view(), &split.train).scores(whole.view()))
}

impl Job<'_> {
    pub(super) fn labels(&self, smoothing: f32) -> Labels<'_> {
        Labels { truth: &self.data.truth, known: &self.known, smoothing, unit: self.unit }
    }

    /// Figures of kept answers on some rows.
    pub(super) fn score_of(&self, answer: &Array2<f32>, rows: &[usize]) -> Score {
        self.judge(answer.select(Axis(0), rows), rows)
    }

    /// Figures of a student on some rows.
    pub(super) fn score(&self, weights: &MlpWeights, rows: &[usize]) -> Score {
        let x = self.x.select(Axis(0), rows);
        let seen = x.slice(ndarray::s![.., ..self.data.student]);
        self.judge(weights.logits(&dense_rows(seen), self.backend), rows)
    }

    fn judge(&self, mut outputs: Array2<f32>, rows: &[usize]) -> Score {
        outputs.mapv_inplace(|y| self.unit.value(y));
        Score::of_outputs(outputs.view(), &self.data.truth, rows)
    }

    /// Adds CPU seconds to those of a stage; what follows a hyphen tells trainings of one stage apart.
    pub(super) fn spend(&mut self, stage: &str, seconds: f64) {
        let stage = stage.split('-').next().unwrap_or(stage);
        *self.cpu_seconds.entry(stage.to_owned()).or_default() += seconds;
    }

    /// One training on the rows of the table, checkpointed.
    pub(super) fn train(
        &self,
        stage: &str,
        start: &[TrainedNet],
        rows: &[usize],
        plan: &TrainPlan,
        lesson: &mut dyn Lesson,
    ) -> Result<Trained, RunError> {
        let source = Source::Rows { x: self.x.view(), train: rows, tune: &self.split.tune };
        self.run(stage, &Training { start, source, plan: *plan, backend: self.backend }, lesson)
    }

    /// One training, shown epoch by epoch and checkpointed.
    pub(super) fn run(
        &self,
        stage: &str,
        training: &Training<'_>,
        lesson: &mut dyn Lesson,
    ) -> Result<Trained, RunError> {
        let name = format!("{}-{stage}", self.name);
        let trained: Trained = crate::run::stage(self.context, self.seed, &name, |resume, progress| {
            training.run(lesson, resume, progress)
        })?;
        self.curves.borrow_mut().insert(stage.to_owned(), Curve::of(&trained.curve));
        Ok(trained)
    }
}
