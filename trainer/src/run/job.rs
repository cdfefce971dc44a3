//! One evaluation with one seed: teachers, student, controls, integers, figures.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cpu_time::ThreadTime;
use ndarray::{Array2, Axis};
use sprs::CsMat;

use super::search::searches;
use super::teachers::{Answer, Teachers};
use super::{RunContext, RunError, Work, data_key};
use crate::data::{Data, Evaluation, Form, Matrix, Truth};
use crate::dataset::Split;
use crate::distill::edge_agreement;
use crate::distill::labels::{Distance, Labels, TargetScale};
use crate::method::objective::huber::{self, Huber};
use crate::method::objective::mae;
use crate::nn::view::View;
use crate::nn::{
    BackendKind, CurvePoint, Lesson, MlpWeights, Source, TrainError, TrainPlan, Trained, TrainedNet, Training, Whole,
};
use crate::quantize::{IntegerStudent, Replay, Standard};
use crate::recipe::Recipe;
use crate::report::metrics::Control;
use crate::report::outcome::{self, Curve, MixerShare, NetworkOutcome, OBSERVED, TEST, TRAIN, TUNE, role};
use crate::report::{Outcome, Score};
use crate::teacher::FileAnswers;

/// Everything one job found.
#[derive(Clone, Debug)]
pub struct JobResult {
    /// Split and seed.
    pub evaluation: Evaluation,
    /// The student in integers.
    pub student: IntegerStudent,
    /// The same before rounding, without what fine-tuning changed; a regression in the unit of its quantity.
    pub weights: MlpWeights,
    /// Everything measured.
    pub outcome: Outcome,
    /// What each control changes of the recipe.
    pub controls: Vec<Control>,
    /// The recipe of this job: what it left to the run is settled.
    pub recipe: Recipe,
}

impl JobResult {
    /// How good the int8 student is on the tune rows; the best one ships.
    pub(super) fn tune_merit(&self) -> f64 {
        let student = self.outcome.networks.get("student_int8");
        student.and_then(|network| network.on.get(TUNE)).map_or(f64::NEG_INFINITY, Score::merit)
    }
}

/// What trainings cost and how they went, by stage.
#[derive(Debug, Default)]
struct Books {
    cpu_seconds: BTreeMap<String, f64>,
    /// Members of one teacher added up.
    epochs: BTreeMap<String, usize>,
    /// The first training of each stage.
    curves: BTreeMap<String, Curve>,
}

/// The state of a job while it goes through its stages.
pub(super) struct Job<'a> {
    pub(super) recipe: &'a Recipe,
    /// All rows, by whose numbers networks are judged.
    pub(super) whole: &'a Data,
    pub(super) evaluation: &'a Evaluation,
    /// What may be learnt from: without the unseen rows.
    pub(super) data: Cow<'a, Data>,
    /// The split in row numbers of `data`.
    pub(super) split: Split,
    pub(super) files: &'a [Option<FileAnswers>],
    /// How the student sees features, and `data` in that form; of a table with the teachers' columns.
    pub(super) form: Form,
    pub(super) x: Matrix,
    /// Whether the label of a row is used.
    pub(super) known: Vec<bool>,
    pub(super) labelled: Vec<usize>,
    /// Rows on which the student listens to its teachers.
    pub(super) taught: Vec<usize>,
    pub(super) scale: TargetScale,
    /// Standard scores of the teachers' embeddings, side by side.
    pub(super) embedding: Option<Array2<f32>>,
    pub(super) backend: BackendKind,
    pub(super) context: &'a RunContext<'a>,
    books: Books,
    networks: BTreeMap<String, NetworkOutcome>,
    /// In front of the names of a control's teachers' stages.
    pub(super) prefix: String,
    /// SHA-256 of everything that all teachers of this job depend on.
    pub(super) data_key: [u8; 32],
}

/// Carries out one job.
pub(super) fn carry_out(work: &Work<'_>, evaluation: &Evaluation) -> Result<JobResult, RunError> {
    let asked = work.recipe.teacher.len();
    let (settled, tried, searched);
    let work = if searches(work.recipe) {
        let mut job = Job::new(work, evaluation);
        (settled, tried) = job.settled()?;
        searched = job.books;
        &Work { recipe: &settled, ..*work }
    } else {
        (tried, searched) = (Vec::new(), Books::default());
        work
    };
    let recipe = work.recipe;
    let mut job = Job { books: searched, ..Job::new(work, evaluation) };
    let teachers = job.teachers(recipe)?;
    let agreement = job.data.edges.as_ref().map(|edges| edge_agreement(edges, &teachers.mean()));
    if let Some(agreement) = agreement {
        job.note_agreement(agreement);
    }
    job.judge_teachers(&teachers, asked)?;
    let mut findings = super::leaks(recipe, &job.data, &job.labelled);
    findings.extend(job.audit(&teachers));
    let student = job.distil("student", recipe, &teachers)?;
    let load = student.load.clone();
    job.judge("student_float", |job, rows| Ok(job.score(&student.weights, rows)))?;
    let controls = if recipe.report.controls { job.controls(&teachers)? } else { Vec::new() };
    let started = ThreadTime::now();
    let integers = job.integers(&student.weights, &teachers)?;
    job.spend("quantize", started.elapsed().as_secs_f64());
    job.judge("student_int8", |job, rows| job.integer_score(&integers, rows))?;
    let mixer = if tried.is_empty() { job.mixer(recipe, &teachers, load) } else { Vec::new() };
    Ok(JobResult {
        evaluation: evaluation.clone(),
        weights: job.in_unit(&student.weights),
        student: integers,
        controls,
        recipe: recipe.clone(),
        outcome: Outcome { tried, findings, ..job.outcome(mixer, agreement) },
    })
}

impl<'a> Job<'a> {
    fn new(work: &Work<'a>, evaluation: &'a Evaluation) -> Self {
        let Work { recipe, data: whole, files, .. } = *work;
        let (data, split) = observed(whole, evaluation);
        let form = Form::of(&data.x, &split.train, recipe.student.input.normalization());
        let x = form.apply(&data.x);
        let labelled = data.labelled(&split.train, recipe.data.label_share, evaluation.seed);
        let mut known = vec![false; data.rows()];
        labelled.iter().for_each(|&row| known[row] = true);
        // Every node of a graph is there, so the teachers' answers for all of them are learnt from.
        let taught = if data.edges.is_some() { (0..data.rows()).collect() } else { split.train.clone() };
        Self {
            recipe,
            whole,
            evaluation,
            scale: TargetScale::of(&data.truth, &labelled),
            embedding: embedding(files, &split),
            data_key: data_key(&data, &split, files, &labelled, work.options.backend),
            data,
            split,
            files,
            form,
            x,
            known,
            labelled,
            taught,
            backend: work.options.backend,
            context: work.context,
            books: Books::default(),
            networks: BTreeMap::new(),
            prefix: String::new(),
        }
    }

    /// Seed of the job.
    pub(super) fn seed(&self) -> u64 {
        self.evaluation.seed
    }

    /// Whether classes are learnt; else a quantity.
    pub(super) fn classifies(&self) -> bool {
        matches!(self.data.truth, Truth::Classes { .. })
    }

    pub(super) fn labels(&self, smoothing: f64) -> Labels<'_> {
        Labels {
            truth: &self.data.truth,
            known: &self.known,
            smoothing: smoothing as f32,
            scale: self.scale,
            distance: distance(self.recipe),
        }
    }

    /// Adds the figures of a network on every part of the data; `score` takes rows of the whole data.
    pub(super) fn judge(
        &mut self,
        network: &str,
        score: impl Fn(&Self, &[usize]) -> Result<Score, RunError>,
    ) -> Result<(), RunError> {
        let Evaluation { split, observed, .. } = self.evaluation;
        let mut judged = NetworkOutcome::new(role(network));
        for (part, rows) in [(TEST, &split.test), (TUNE, &split.tune), (OBSERVED, observed)] {
            if !rows.is_empty() {
                judged = judged.scored(part, score(self, rows)?);
            }
        }
        self.networks.insert(network.to_owned(), judged);
        Ok(())
    }

    /// Figures of a student on rows of the whole data.
    pub(super) fn score(&self, weights: &MlpWeights, rows: &[usize]) -> Score {
        self.in_units_of(weights.logits(&self.student_input(rows), self.backend), rows)
    }

    /// What the student sees of rows of the whole data.
    fn student_input(&self, rows: &[usize]) -> CsMat<f32> {
        let seen = self.form.apply(&self.whole.x.select(rows));
        seen.student_rows(&(0..rows.len()).collect::<Vec<_>>(), self.whole.student)
    }

    /// Figures of answers for all rows of the whole data on some of them.
    pub(super) fn score_of(&self, answers: &Array2<f32>, rows: &[usize]) -> Score {
        self.in_units_of(answers.select(Axis(0), rows), rows)
    }

    fn in_units_of(&self, mut outputs: Array2<f32>, rows: &[usize]) -> Score {
        outputs.mapv_inplace(|y| self.scale.value(y));
        self.whole.truth.score_outputs(outputs.view(), rows)
    }

    /// Figures of answers for the rows that may be learnt from.
    pub(super) fn score_of_learnt(&self, answers: &Array2<f32>, rows: &[usize]) -> Score {
        let outputs = answers.select(Axis(0), rows).mapv(|y| self.scale.value(y));
        self.data.truth.score_outputs(outputs.view(), rows)
    }

    /// Figures of the int8 student on rows of the whole data.
    fn integer_score(&self, student: &IntegerStudent, rows: &[usize]) -> Result<Score, RunError> {
        let x = student.coding.integers(&self.whole.x.student_rows(rows, self.whole.student));
        let replay = Replay::of(student, &x).map_err(|source| RunError::Quantize { seed: self.seed(), source })?;
        Ok(match &self.whole.truth {
            Truth::Classes { .. } => self.whole.truth.score_labels(&replay.labels, rows),
            Truth::Quantity { .. } => self.whole.truth.score_values(&student.quantities(&replay), rows),
        })
    }

    /// Judges the teachers; `asked` for that many: the last one may stand for several settings, whose mean it answers.
    fn judge_teachers(&mut self, teachers: &Teachers, asked: usize) -> Result<(), RunError> {
        let (alone, last) = teachers.each.split_at(asked.saturating_sub(1));
        for (number, answers) in alone.iter().map(std::slice::from_ref).chain([last]).enumerate() {
            let name = if number == 0 { "teacher".to_owned() } else { format!("teacher_{}", number + 1) };
            let mean = |of: fn(&Answer) -> &Array2<f32>| match answers {
                [answer] => of(answer).clone(),
                several => teachers.mean_of(&several.iter().map(|answer| of(answer).clone()).collect::<Vec<_>>()),
            };
            let (whole, learnt) = (mean(Answer::whole), mean(|answer| &answer.answer));
            self.judge(&name, |job, rows| Ok(job.score_of(&whole, rows)))?;
            let train = self.score_of_learnt(&learnt, &self.labelled);
            if let Some(judged) = self.networks.get_mut(&name) {
                judged.on.insert(TRAIN.to_owned(), train);
            }
        }
        if asked > 1 || teachers.mixed.len() > teachers.each.len() {
            let mean = teachers.whole_mean();
            self.judge("teachers_mean", |job, rows| Ok(job.score_of(&mean, rows)))?;
        }
        if let Some(now) = &self.whole.now {
            self.judge("persistence", |job, rows| {
                let now: Vec<f64> = rows.iter().map(|&row| f64::from(now[row])).collect();
                Ok(job.whole.truth.score_values(&now, rows))
            })?;
        }
        if let Some(together) = &teachers.together {
            let student = together.nets[0].weights();
            self.judge("cotrained", |job, rows| Ok(job.score(&student, rows)))?;
        }
        Ok(())
    }

    /// The share of the rows that each answer was chosen for; its figures where it is no teacher by itself.
    fn mixer(&self, recipe: &Recipe, teachers: &Teachers, load: Vec<f64>) -> Vec<MixerShare> {
        let test = &self.evaluation.split.test;
        let share = |(answer, share): (&Answer, f64)| MixerShare {
            name: answer.name.clone(),
            share: 100.0 * share,
            score: recipe.masks.is_some().then(|| self.score_of(answer.whole(), test)),
        };
        teachers.mixed.iter().zip(load).map(share).collect()
    }

    /// Everything the job measured.
    fn outcome(self, mixer: Vec<MixerShare>, edge_agreement: Option<f64>) -> Outcome {
        let Books { cpu_seconds, epochs, mut curves } = self.books;
        let mut networks = self.networks;
        for (stage, epochs) in epochs {
            let name = if stage == "student" { "student_float" } else { &stage };
            let trained = networks.entry(name.to_owned()).or_insert_with(|| NetworkOutcome::new(role(name)));
            trained.epochs = Some(epochs);
            trained.cpu_seconds = cpu_seconds.get(&stage).copied();
            trained.curve = curves.remove(&stage);
        }
        let Evaluation { name, seed, split, unseen, .. } = self.evaluation;
        Outcome {
            split: name.clone(),
            seed: *seed,
            rows: outcome::Rows {
                train: split.train.len(),
                labelled: self.labelled.len(),
                tune: split.tune.len(),
                test: split.test.len(),
                unseen: unseen.len(),
            },
            networks,
            mixer,
            edge_agreement: edge_agreement.map(|share| 100.0 * share),
            tried: Vec::new(),
            findings: Vec::new(),
            cpu_seconds,
        }
    }

    /// Adds CPU seconds to those of a stage; what follows a hyphen tells trainings of one stage apart.
    pub(super) fn spend(&mut self, stage: &str, seconds: f64) {
        *self.books.cpu_seconds.entry(stage_name(stage)).or_default() += seconds;
    }

    /// CPU seconds of a stage so far.
    pub(super) fn spent(&self, stage: &str) -> f64 {
        self.books.cpu_seconds.get(stage).copied().unwrap_or(0.0)
    }

    /// Adds the epochs of a training to the books.
    pub(super) fn record_curve(&mut self, stage: &str, curve: &[CurvePoint], kept: usize) {
        let name = stage_name(stage);
        *self.books.epochs.entry(name.clone()).or_default() += curve.len();
        self.books.curves.entry(name).or_insert_with(|| Curve::of(curve, kept));
    }

    /// Whether every step of a training takes all rows as the sparse matrix that they are.
    pub(super) fn takes_whole(&self, nets: usize, plan: &TrainPlan, lesson: &dyn Lesson) -> bool {
        matches!(self.x, Matrix::Sparse(_)) && plan.batch_rows.is_none() && nets == 1 && !lesson.augments()
    }

    /// One training of networks that see the student's form, checkpointed: mini-batches of `rows`, or all of them in every
    /// step where the plan has no batches.
    pub(super) fn train(
        &self,
        stage: &str,
        start: &[TrainedNet],
        rows: &[usize],
        plan: &TrainPlan,
        lesson: &mut dyn Lesson,
    ) -> Result<Trained, RunError> {
        let tune = &self.split.tune;
        let whole = self.takes_whole(start.len(), plan, lesson);
        if let (Matrix::Sparse(x), [only], true) = (&self.x, start, whole) {
            let (train, tune) = (View::of_rows(&only.net, x, rows), View::of_rows(&only.net, x, tune));
            let source = Source::Whole(Whole { rows, train: &train, tune: &tune });
            return self.run(stage, &Training { start, source, plan: *plan, backend: self.backend }, lesson);
        }
        let source = Source::Rows { x: self.x.batches(), train: rows, tune };
        self.run(stage, &Training { start, source, plan: *plan, backend: self.backend }, lesson)
    }

    /// One training, shown epoch by epoch and checkpointed.
    pub(super) fn run(
        &self,
        stage: &str,
        training: &Training<'_>,
        lesson: &mut dyn Lesson,
    ) -> Result<Trained, RunError> {
        let name = format!("{}-{stage}", self.evaluation.stage());
        super::stage(self.context, self.seed(), &name, |resume, progress| training.run(lesson, resume, progress))
    }

    pub(super) fn train_error(&self, stage: &str, source: TrainError) -> RunError {
        RunError::Train { seed: self.seed(), stage: format!("{}-{stage}", self.evaluation.stage()), source }
    }

    fn note_agreement(&self, agreement: f64) {
        let low = self.recipe.edges().is_some_and(|link| link.low_weight > 0.0);
        let warning = match (low, agreement < HELPFUL_AGREEMENT) {
            (true, true) => "; below 70 % the low-frequency edge term is likely to hurt, set low_weight = 0",
            _ => "",
        };
        let percent = 100.0 * agreement;
        let name = self.evaluation.stage();
        self.context.observer.note(&format!("{name}: the teacher agrees along {percent:.1} % of edges{warning}"));
    }
}

/// Edge agreement under which the low-frequency term was seen to do harm (62 %), and above which to help (74 %).
const HELPFUL_AGREEMENT: f64 = 0.7;

/// What an error of a quantity costs by a recipe.
pub(super) fn distance(recipe: &Recipe) -> Distance {
    let huber = recipe.keys_of::<Huber>(&huber::METHOD).map(|keys| Distance::Huber(keys.delta as f32));
    huber.unwrap_or(if recipe.objective.is(&mae::METHOD) { Distance::Absolute } else { Distance::Squared })
}

/// Name of a stage without what tells its trainings apart.
fn stage_name(stage: &str) -> String {
    stage.split('-').next().unwrap_or(stage).to_owned()
}

/// What may be learnt from in an evaluation, and its split there.
fn observed<'a>(whole: &'a Data, evaluation: &Evaluation) -> (Cow<'a, Data>, Split) {
    if evaluation.unseen.is_empty() {
        return (Cow::Borrowed(whole), evaluation.split.clone());
    }
    let (data, kept) = whole.without(&evaluation.unseen);
    let renumbered = |rows: &[usize]| rows.iter().filter_map(|row| kept.binary_search(row).ok()).collect();
    let Evaluation { split, observed, .. } = evaluation;
    let split = Split { train: renumbered(&split.train), tune: renumbered(&split.tune), test: renumbered(observed) };
    (Cow::Owned(data), split)
}

/// Standard scores of all embeddings that the teachers give, statistics from the train rows.
fn embedding(files: &[Option<FileAnswers>], split: &Split) -> Option<Array2<f32>> {
    let embeddings = files.iter().flatten().filter_map(|file| file.embedding.as_ref());
    let views: Vec<_> = embeddings.map(|embedding| embedding.view()).collect();
    let whole = ndarray::concatenate(Axis(1), &views).ok().filter(|whole| whole.ncols() > 0)?;
    Some(Standard::of(whole.view(), &split.train).scores(whole.view()))
}
