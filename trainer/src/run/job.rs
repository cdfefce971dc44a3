//! One seed in one setting: teachers, controls, student, integers, scores.

use super::stage::stage;
use super::{RunContext, RunError, plan};
use crate::dataset::{Graph, Inductive, Split};
use crate::distill::{
    Fitted, Objective, ObjectivePlan, SoftTargets, Targets, confidence_temperature, edge_agreement, fit,
};
use crate::nn::{BackendKind, CurvePoint, MlpWeights, TrainError, predictions};
use crate::quantize::{
    InputCoding, IntegerStudent, Replay, activations, fine_tune, normalized, observe_ranges, quantize, unit,
};
use crate::recipe::{Prepared, Recipe};
use crate::report::outcome::{self, Curve, NetworkOutcome, Rows, role};
use crate::report::{Outcome, Score};
use crate::teacher::{Labelled, Teacher, mean_log_probabilities, train};
use cpu_time::ThreadTime;
use eyas::model::Normalization;
use ndarray::Array2;
use sprs::CsMat;
use std::collections::BTreeMap;

/// Share of label mass that the label-smoothing control spreads over all classes.
const LABEL_SMOOTHING: f32 = 0.1;
/// Distill temperatures the plain control chooses from, on the tune nodes.
const PLAIN_TEMPERATURES: [f64; 3] = [1.0, 2.0, 4.0];
/// Distance between the seeds of a teacher's members: larger than any list of seeds a user writes.
const MEMBER_STRIDE: u64 = 1 << 32;

/// What the teacher and the distillation may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The whole graph; test labels apart.
    Transductive,
    /// The graph without a share of the test nodes and their edges: what a device meets.
    Inductive,
}

impl Setting {
    /// Name in stage names and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transductive => "transductive",
            Self::Inductive => "inductive",
        }
    }
}

/// Everything one job found.
#[derive(Clone, Debug)]
pub struct JobResult {
    /// Seed of the job.
    pub seed: u64,
    /// Its setting.
    pub setting: Setting,
    /// The student to ship.
    pub student: IntegerStudent,
    /// The same before rounding, without what fine-tuning changed.
    pub weights: MlpWeights,
    /// Everything measured.
    pub outcome: Outcome,
}

impl JobResult {
    /// How good the int8 student is on the tune nodes; the best one ships.
    pub(super) fn tune_merit(&self) -> f64 {
        let student = self.outcome.networks.get("student_int8");
        student.and_then(|network| network.on.get(outcome::TUNE)).map_or(f64::NEG_INFINITY, Score::merit)
    }
}

/// Trainings in one job.
pub(super) fn stages(recipe: &Recipe) -> usize {
    let members: usize = recipe.teacher.iter().map(|teacher| teacher.members).sum();
    members + 1 + if recipe.report.controls { 3 + PLAIN_TEMPERATURES.len() } else { 0 }
}

/// The nodes of a job: the graph that is learnt from, and the nodes that are scored, by their number in the whole graph.
struct Scene<'a> {
    graph: &'a Graph,
    split: &'a Split,
    whole: &'a Graph,
    whole_split: &'a Split,
    test: &'a [usize],
    observed: Option<Vec<usize>>,
}

impl<'a> Scene<'a> {
    fn new(prepared: &'a Prepared, inductive: Option<&'a Inductive>) -> Self {
        let (whole, whole_split) = (&prepared.graph, &prepared.split);
        match inductive {
            Some(inductive) => Self {
                graph: &inductive.observed,
                split: &inductive.split,
                whole,
                whole_split,
                test: &inductive.unseen,
                observed: Some(inductive.split.test.iter().map(|&node| inductive.kept[node]).collect()),
            },
            None => {
                Self { graph: whole, split: whole_split, whole, whole_split, test: &whole_split.test, observed: None }
            }
        }
    }

    fn labels(&self) -> Result<(&'a [u16], &'a [u16]), RunError> {
        let labels = |graph: &'a Graph| graph.labels.as_deref().ok_or_else(|| RunError::NoLabels(graph.name.clone()));
        Ok((labels(self.graph)?, labels(self.whole)?))
    }
}

/// The state of a job while it goes through its stages.
struct Job<'a> {
    recipe: &'a Recipe,
    scene: Scene<'a>,
    labels: &'a [u16],
    seed: u64,
    prefix: String,
    backend: BackendKind,
    context: &'a RunContext<'a>,
    cpu_seconds: BTreeMap<String, f64>,
    epochs: BTreeMap<String, usize>,
    curves: BTreeMap<String, Curve>,
}

/// Carries out one job.
pub(super) fn carry_out(
    recipe: &Recipe,
    prepared: &Prepared,
    seed: u64,
    setting: Setting,
    backend: BackendKind,
    context: &RunContext<'_>,
) -> Result<JobResult, RunError> {
    let inductive = match setting {
        Setting::Transductive => None,
        Setting::Inductive => prepared.inductive(seed)?,
    };
    let scene = Scene::new(prepared, inductive.as_ref());
    let (labels, whole_labels) = scene.labels()?;
    let mut job = Job {
        recipe,
        scene,
        labels,
        seed,
        prefix: format!("{seed}-{}", setting.name()),
        backend,
        context,
        cpu_seconds: BTreeMap::new(),
        epochs: BTreeMap::new(),
        curves: BTreeMap::new(),
    };
    let Taught { soft, plain, whole: whole_logits } = job.teachers()?;
    let agreement = edge_agreement(&job.scene.graph.adjacency, &soft.logits);
    job.note_agreement(agreement);

    let objective = plan::objective(recipe);
    let student = job.student("student", recipe, objective, Some(&soft))?;
    let controls = if recipe.report.controls { Some(job.controls(objective, &soft, &plain)?) } else { None };
    let integers = job.integers(&student, objective, &soft)?;

    let measured = &job.scene.whole.features;
    let seen = integers.coding.seen(measured);
    let float = |fitted: &Fitted| predictions(fitted.weights.logits(&seen, backend).view());
    let replayed = Replay::of(&integers, &integers.coding.integers(measured));
    let int8 = replayed.map_err(|source| RunError::Quantize { seed, source })?.labels;
    let mut decided =
        vec![("teacher", predictions(whole_logits.view())), ("student_float", float(&student)), ("student_int8", int8)];
    decided.extend(controls.into_iter().flatten().map(|(name, fitted)| (name, float(&fitted))));
    let outcome = job.outcome(setting, decided, whole_labels, agreement);
    Ok(JobResult { seed, setting, student: integers, weights: student.weights, outcome })
}

/// What the teachers of a job answer.
struct Taught {
    /// Soft targets for the job's nodes, confidence fitted where the recipe says so.
    soft: SoftTargets,
    /// The same without the fit, for the plain control.
    plain: SoftTargets,
    /// Logits for every node of the whole graph.
    whole: Array2<f32>,
}

/// The control students by name.
type Controls = Vec<(&'static str, Fitted)>;

impl Job<'_> {
    /// Trains every teacher.
    fn teachers(&mut self) -> Result<Taught, RunError> {
        let (mut fitted, mut plain, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for (number, section) in self.recipe.teacher.iter().enumerate() {
            let normalization = if section.normalize_rows { Normalization::RowSum } else { Normalization::None };
            let unit = unit(&self.scene.graph.features, normalization);
            let seen = |graph: &Graph| normalized(&graph.features, normalization, unit);
            let features = seen(self.scene.graph);
            for member in 0..section.members as u64 {
                let suffix = if number + member as usize == 0 { String::new() } else { format!("-{number}-{member}") };
                let name = format!("teacher{suffix}");
                let seed = self.seed.wrapping_add(member.wrapping_mul(MEMBER_STRIDE));
                let teacher_plan = plan::teacher(section, seed);
                let split = self.scene.split;
                let classes = self.scene.graph.classes;
                let data = Labelled { labels: self.labels, classes, train: &split.train, tune: &split.tune };
                let adjacency = &self.scene.graph.adjacency;
                let backend = self.backend;
                let teacher: Teacher = self.stage(&name, |resume, progress| {
                    train(&features, adjacency, data, &teacher_plan, backend, resume, progress)
                })?;
                self.record("teacher", teacher.cpu_seconds, &teacher.curve);
                let temperature = if self.recipe.target.fit_confidence {
                    let fitted = confidence_temperature(&teacher.logits, self.labels, &split.tune);
                    fitted.map_err(|source| self.train_error(&name, source))?
                } else {
                    1.0
                };
                let everywhere = if self.scene.observed.is_some() {
                    let logits = teacher.logits_on(&seen(self.scene.whole), &self.scene.whole.adjacency, backend);
                    logits.map_err(|source| self.train_error(&name, source))?
                } else {
                    teacher.logits.clone()
                };
                whole.push(everywhere / temperature);
                fitted.push(&teacher.logits / temperature);
                plain.push(teacher.logits);
            }
        }
        let mean = |all: &[Array2<f32>]| match all {
            [one] => Ok(one.clone()),
            several => mean_log_probabilities(&several.iter().collect::<Vec<_>>())
                .map_err(|source| self.train_error("teacher", source)),
        };
        Ok(Taught {
            soft: SoftTargets::from_teacher(&mean(&fitted)?),
            plain: SoftTargets::from_teacher(&mean(&plain)?),
            whole: mean(&whole)?,
        })
    }

    /// Trains one student.
    fn student(
        &mut self,
        name: &str,
        recipe: &Recipe,
        objective: ObjectivePlan,
        soft: Option<&SoftTargets>,
    ) -> Result<Fitted, RunError> {
        let fit_plan = plan::fit(&recipe.student, objective, self.seed);
        let backend = self.backend;
        let (graph, split, labels) = (self.scene.graph, self.scene.split, self.labels);
        let normalization = plan::normalization(&recipe.student);
        let features = normalized(&graph.features, normalization, unit(&graph.features, normalization));
        let fitted: Fitted = self.stage(name, |resume, progress| {
            let targets = targets(graph, split, labels, soft);
            fit(&features, &targets, &fit_plan, backend, resume, progress)
        })?;
        self.record(name, fitted.cpu_seconds, &fitted.curve);
        Ok(fitted)
    }

    /// Trains the control students.
    fn controls(
        &mut self,
        objective: ObjectivePlan,
        soft: &SoftTargets,
        plain_targets: &SoftTargets,
    ) -> Result<Controls, RunError> {
        let recipe = self.recipe;
        let graph = self.scene.graph;
        let classes = graph.classes;
        let labels_only = self.student("label_only", recipe, ObjectivePlan::labels_only(), None)?;
        let smoothed = SoftTargets::smoothed_labels(self.labels, &self.scene.split.train, classes, LABEL_SMOOTHING);
        let smoothing =
            self.student("label_smoothing", recipe, ObjectivePlan::soft_targets(1.0, 1.0), Some(&smoothed))?;
        let uniform = SoftTargets::uniform(&soft.rows, classes);
        let uniform = self.student("uniform_teacher", recipe, objective, Some(&uniform))?;
        // Hinton's distillation with the student's own optimizer and dropout, and nothing else of the recipe.
        let mut plain_recipe = recipe.clone();
        plain_recipe.student.word_dropout = 0.0;
        let mut plain: Option<Fitted> = None;
        for temperature in PLAIN_TEMPERATURES {
            let tempered = ObjectivePlan::soft_targets(1.0, temperature as f32);
            let fitted =
                self.student(&format!("plain_kd-{temperature}"), &plain_recipe, tempered, Some(plain_targets))?;
            if plain.as_ref().is_none_or(|best| fitted.tune_accuracy > best.tune_accuracy) {
                plain = Some(fitted);
            }
        }
        let plain = plain.ok_or(RunError::Interrupted)?;
        Ok(vec![
            ("label_only", labels_only),
            ("label_smoothing", smoothing),
            ("uniform_teacher", uniform),
            ("plain_kd", plain),
        ])
    }

    /// Rounds the student, and fine-tunes it where the recipe says so.
    fn integers(
        &mut self,
        fitted: &Fitted,
        objective: ObjectivePlan,
        soft: &SoftTargets,
    ) -> Result<IntegerStudent, RunError> {
        let started = ThreadTime::now();
        let seed = self.seed;
        let failed = |source| RunError::Quantize { seed, source };
        let graph = self.scene.graph;
        let coding = InputCoding::of(&graph.features, plan::normalization(&self.recipe.student));
        let tune_rows = rows_of(&graph.features, &self.scene.split.tune);
        let quantize_plan = plan::quantize(&self.recipe.quantize);
        let mut student = quantize(&fitted.weights, &coding, &tune_rows, &quantize_plan).map_err(failed)?;
        if let Some(aware) = plan::aware(&self.recipe.quantize) {
            let targets = targets(graph, self.scene.split, self.labels, Some(soft));
            let prepared = Objective::prepare(&targets, &objective, graph.nodes());
            let prepared = prepared.map_err(|source| self.train_error("quantize", source))?;
            let used = rows_of(&graph.features, prepared.rows());
            let gradient = |logits: &Array2<f32>| {
                let mut gradient = Array2::zeros(logits.dim());
                prepared.evaluate(logits.view(), &mut gradient);
                gradient
            };
            let (tune, labels) = (coding.integers(&tune_rows), self.labels);
            let score = |student: &IntegerStudent| {
                let decided = Replay::of(student, &tune)?.labels;
                let right = self.scene.split.tune.iter().zip(decided).filter(|&(&node, label)| labels[node] == label);
                Ok(right.count())
            };
            let ranges = observe_ranges(&activations(&fitted.weights, &coding.seen(&tune_rows)), quantize_plan.ranges);
            student = fine_tune(&fitted.weights, student, &ranges, &used, &aware, &gradient, &score).map_err(failed)?;
        }
        self.cpu_seconds.insert("quantize".into(), started.elapsed().as_secs_f64());
        Ok(student)
    }

    fn stage<T: serde::Serialize + serde::de::DeserializeOwned>(
        &self,
        name: &str,
        train: impl FnOnce(Option<crate::nn::TrainState>, &mut crate::nn::Progress<'_>) -> Result<T, TrainError>,
    ) -> Result<T, RunError> {
        stage(self.context, self.seed, &format!("{}-{name}", self.prefix), train)
    }

    fn train_error(&self, stage: &str, source: TrainError) -> RunError {
        RunError::Train { seed: self.seed, stage: format!("{}-{stage}", self.prefix), source }
    }

    /// Adds a training to the job's books; members of one teacher share a line, the first one's curve is kept.
    fn record(&mut self, name: &str, cpu_seconds: f64, curve: &[CurvePoint]) {
        *self.cpu_seconds.entry(name.to_owned()).or_default() += cpu_seconds;
        *self.epochs.entry(name.to_owned()).or_default() += curve.len();
        self.curves.entry(name.to_owned()).or_insert_with(|| Curve::of(curve));
    }

    /// Everything the job measured: `decided` are the labels of each network for every node of the whole graph.
    fn outcome(self, setting: Setting, decided: Vec<(&str, Vec<u16>)>, truth: &[u16], agreement: f64) -> Outcome {
        let scene = &self.scene;
        let score = |decided: &[u16], nodes: &[usize]| {
            let of = |labels: &[u16]| nodes.iter().map(|&node| labels[node]).collect::<Vec<_>>();
            Score::of_decisions(&of(truth), &of(decided))
        };
        let mut networks = BTreeMap::new();
        for (name, decided) in decided {
            let mut network = NetworkOutcome::new(role(name))
                .scored(outcome::TEST, score(&decided, scene.test))
                .scored(outcome::TUNE, score(&decided, &scene.whole_split.tune));
            if let Some(observed) = &scene.observed {
                network = network.scored(outcome::OBSERVED, score(&decided, observed));
            }
            networks.insert(name.to_owned(), network);
        }
        let mut curves = self.curves;
        for (name, epochs) in self.epochs {
            let network = if name == "student" { "student_float" } else { &name };
            let trained = networks.entry(network.to_owned()).or_insert_with(|| NetworkOutcome::new(role(network)));
            trained.epochs = Some(epochs);
            trained.cpu_seconds = self.cpu_seconds.get(&name).copied();
            trained.curve = curves.remove(&name);
        }
        let (train, test) = (scene.split.train.len(), scene.test.len());
        let unseen = if scene.observed.is_some() { test } else { 0 };
        Outcome {
            split: setting.name().to_owned(),
            seed: self.seed,
            rows: Rows { train, labelled: train, tune: scene.whole_split.tune.len(), test, unseen },
            networks,
            mixer: Vec::new(),
            edge_agreement: Some(100.0 * agreement),
            cpu_seconds: self.cpu_seconds,
        }
    }

    fn note_agreement(&self, agreement: f64) {
        let low = self.recipe.link.first().is_some_and(|link| link.low_weight > 0.0);
        let warning = match (low, agreement < HELPFUL_AGREEMENT) {
            (true, true) => "; below 70 % the low-frequency edge term is likely to hurt, set low_weight = 0",
            _ => "",
        };
        let percent = 100.0 * agreement;
        self.context
            .observer
            .note(&format!("{}: the teacher agrees along {percent:.1} % of edges{warning}", self.prefix));
    }
}

/// Edge agreement under which the low-frequency term was seen to do harm (62 %), and above which to help (74 %).
const HELPFUL_AGREEMENT: f64 = 0.7;

/// What a student may learn from.
fn targets<'a>(graph: &'a Graph, split: &'a Split, labels: &'a [u16], soft: Option<&'a SoftTargets>) -> Targets<'a> {
    // The edge link needs the teacher's logits for every node; controls on part of the nodes have no link.
    let edges = soft.filter(|soft| soft.rows.len() == graph.nodes()).map(|soft| (&graph.adjacency, &soft.logits));
    Targets { labels, classes: graph.classes, train: &split.train, tune: &split.tune, soft, edges }
}

/// Some rows of a sparse matrix, in the given order.
pub(super) fn rows_of(matrix: &CsMat<f32>, rows: &[usize]) -> CsMat<f32> {
    let mut chosen = CsMat::empty(sprs::CompressedStorage::CSR, matrix.cols());
    for &row in rows {
        if let Some(row) = matrix.outer_view(row) {
            chosen = chosen.append_outer_csvec(row);
        }
    }
    chosen
}
