//! Reads `metrics.json` of this version and of those before it, all as [`Metrics`].

use super::metrics::{About, CostMetrics, Data, DataKind, DataTask, Metrics, SCHEMA, ShippedStudent, TeacherMetrics};
use super::outcome::{Curve, MixerShare, NetworkOutcome, OBSERVED, Outcome, Rows, TEST, TRAIN, TUNE, role};
use super::score::Score;
use super::shipped::{ClassMetrics, Confusion};
use crate::bounded;
use crate::nn::MadeOn;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File name of the metrics inside a run folder.
const FILE: &str = "metrics.json";
/// Schema of graphs in versions before.
const GRAPHS: &str = "eyas-metrics-1";
/// Schema of tables in versions before.
const TABLES: &str = "eyas-table-metrics-1";

/// Why the metrics of a run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The folder holds no metrics.
    #[error("{} cannot be read: {source}; a run folder that `eyas distill` finished is expected", path.display())]
    Read {
        /// The file that was looked for.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The metrics have a schema that this version does not know.
    #[error(
        "{} has schema \"{found}\", \"{SCHEMA}\", \"{GRAPHS}\" or \"{TABLES}\" expected; read it with the version of \
         `eyas` that wrote it, or distil the recipe of that folder again with this one", path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Schema of the file; empty if it names none.
        found: String,
    },
    /// The metrics are not what their schema says.
    #[error("{} does not follow schema {expected}: {source}; it was cut or edited, run it again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Its schema.
        expected: &'static str,
        /// Line, column and what is wrong there.
        source: serde_json::Error,
    },
}

impl Metrics {
    /// Reads the metrics of a run folder, whatever version wrote them.
    ///
    /// # Errors
    /// A folder without readable metrics, metrics of an unknown schema, or metrics that do not follow theirs.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let path = folder.join(FILE);
        let text = match bounded::text(&path, bounded::Kind::Document) {
            Ok(text) => text,
            Err(source) => return Err(ReadError::Read { path, source }),
        };
        Self::parse(&text, path)
    }

    /// `path` is named in errors.
    pub(super) fn parse(text: &str, path: PathBuf) -> Result<Self, ReadError> {
        /// The one field that every version has.
        #[derive(Deserialize)]
        struct Tagged {
            #[serde(default)]
            schema: String,
        }
        // The schema first: another version's file would otherwise fail at some field, which says nothing.
        let tagged = match serde_json::from_str::<Tagged>(text) {
            Ok(tagged) => tagged,
            Err(source) => return Err(ReadError::Malformed { path, expected: SCHEMA, source }),
        };
        fn document<T: DeserializeOwned>(text: &str, path: PathBuf, expected: &'static str) -> Result<T, ReadError> {
            serde_json::from_str(text).map_err(|source| ReadError::Malformed { path, expected, source })
        }
        match tagged.schema.as_str() {
            SCHEMA => document(text, path, SCHEMA),
            GRAPHS => document(text, path, GRAPHS).map(OldGraph::convert),
            TABLES => document(text, path, TABLES).map(OldTable::convert),
            _ => Err(ReadError::Schema { path, found: tagged.schema }),
        }
    }
}

/// Fields that both old schemas have.
#[derive(Deserialize)]
struct Old {
    tool: String,
    recipe: String,
    recipe_hash: String,
    backend: String,
    threads: usize,
    made_on: Option<MadeOn>,
    teacher: String,
    student_widths: Vec<usize>,
    student_hash: String,
    cost: CostMetrics,
}

impl Old {
    /// Facts and machine of the run; `shipped` is split and seed.
    fn about(self, data: Data, teachers: Vec<TeacherMetrics>, shipped: (String, u64)) -> (About, Option<MadeOn>) {
        let about = About {
            tool: self.tool,
            recipe: self.recipe,
            recipe_text: String::new(),
            recipe_hash: self.recipe_hash,
            asked_recipe_hash: None,
            backend: self.backend,
            threads: self.threads,
            data,
            teachers,
            controls: Vec::new(),
            shipped: ShippedStudent {
                split: shipped.0,
                seed: shipped.1,
                student_hash: self.student_hash,
                widths: self.student_widths,
            },
            cost: self.cost,
            budget: None,
        };
        (about, self.made_on)
    }
}

/// Accuracies by network in per cent; none where a control did not run.
type Accuracies = BTreeMap<String, Option<f64>>;

/// `eyas-metrics-1`.
#[derive(Deserialize)]
struct OldGraph {
    #[serde(flatten)]
    old: Old,
    data: OldData,
    shipped_seed: u64,
    seeds: Vec<OldSeed>,
    classes: Vec<ClassMetrics>,
    macro_f1: f64,
}

#[derive(Deserialize)]
struct OldData {
    name: String,
    nodes: usize,
    edges: usize,
    inputs: usize,
    split: [usize; 3],
    hash: String,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct OldSeed {
    seed: u64,
    transductive: Accuracies,
    inductive: Option<Accuracies>,
    inductive_observed: Option<Accuracies>,
    tune: Accuracies,
    cpu_seconds: BTreeMap<String, f64>,
    epochs: BTreeMap<String, usize>,
    edge_agreement: f64,
    curves: BTreeMap<String, OldCurve>,
}

#[derive(Deserialize)]
struct OldCurve {
    loss: Vec<f32>,
    tune_accuracy: Vec<f32>,
}

/// The stage of `cpu_seconds` that held a seed's whole inductive run.
const INDUCTIVE: &str = "inductive";

impl OldGraph {
    fn convert(self) -> Metrics {
        let Self { old, data, shipped_seed, seeds, classes, macro_f1 } = self;
        let outcomes: Vec<Outcome> = seeds.into_iter().flat_map(|seed| seed.outcomes(data.split)).collect();
        let per_cent = |class: ClassMetrics| ClassMetrics {
            precision: 100.0 * class.precision,
            recall: 100.0 * class.recall,
            f1: 100.0 * class.f1,
            ..class
        };
        let classes: Vec<ClassMetrics> = classes.into_iter().map(per_cent).collect();
        let data = Data {
            name: Some(data.name),
            kind: DataKind::Graph,
            task: DataTask::Classify,
            rows: data.nodes,
            edges: Some(data.edges),
            inputs: data.inputs,
            columns: None,
            outputs: classes.iter().map(|class| class.label.clone()).collect(),
            hash: Some(data.hash),
            warnings: data.warnings,
            notice: None,
        };
        let teachers = vec![TeacherMetrics { title: old.teacher.clone(), path: None, sha256: None }];
        let (about, made_on) = old.about(data, teachers, ("transductive".to_owned(), shipped_seed));
        let confusion = Some(Confusion { counts: None, classes, macro_f1: 100.0 * macro_f1 });
        Metrics { confusion, ..Metrics::summarised(about, made_on, &outcomes) }
    }
}

/// Adds the figures of one part.
fn add(networks: &mut BTreeMap<String, NetworkOutcome>, part: &str, accuracies: Accuracies) {
    for (name, accuracy) in accuracies {
        let Some(accuracy) = accuracy else { continue };
        let network = networks.entry(name.clone()).or_insert_with(|| NetworkOutcome::new(role(&name)));
        network.on.insert(part.to_owned(), Score::Classes { accuracy, macro_f1: None });
    }
}

impl OldSeed {
    /// The run on the whole graph, then the one without the unseen nodes.
    fn outcomes(mut self, [train, tune, test]: [usize; 3]) -> Vec<Outcome> {
        let apart = self.cpu_seconds.remove(INDUCTIVE);
        let mut networks = BTreeMap::new();
        add(&mut networks, TEST, self.transductive);
        add(&mut networks, TUNE, self.tune);
        for (name, epochs) in self.epochs {
            let curve = self.curves.remove(&name);
            let seconds = self.cpu_seconds.get(&name).copied();
            // The training called `student` is that of the float student.
            let name = if name == "student" { "student_float".to_owned() } else { name };
            let network = networks.entry(name.clone()).or_insert_with(|| NetworkOutcome::new(role(&name)));
            network.epochs = Some(epochs);
            network.cpu_seconds = seconds;
            network.curve = curve.map(|curve| Curve {
                loss: curve.loss,
                tune: curve.tune_accuracy,
                tune_figure: "accuracy".to_owned(),
                kept: None,
            });
        }
        let mut all = vec![Outcome {
            split: "transductive".to_owned(),
            seed: self.seed,
            rows: Rows { train, labelled: train, tune, test, unseen: 0 },
            networks,
            mixer: Vec::new(),
            edge_agreement: Some(100.0 * self.edge_agreement),
            tried: Vec::new(),
            findings: Vec::new(),
            cpu_seconds: self.cpu_seconds,
        }];
        if let Some(inductive) = self.inductive {
            let mut networks = BTreeMap::new();
            add(&mut networks, TEST, inductive);
            add(&mut networks, OBSERVED, self.inductive_observed.unwrap_or_default());
            all.push(Outcome {
                split: "inductive".to_owned(),
                seed: self.seed,
                // How many nodes were taken out was not recorded.
                rows: Rows { train, labelled: train, tune, test: 0, unseen: 0 },
                networks,
                mixer: Vec::new(),
                edge_agreement: None,
                tried: Vec::new(),
                findings: Vec::new(),
                cpu_seconds: apart.map(|seconds| (INDUCTIVE.to_owned(), seconds)).into_iter().collect(),
            });
        }
        all
    }
}

/// `eyas-table-metrics-1`.
#[derive(Deserialize)]
struct OldTable {
    #[serde(flatten)]
    old: Old,
    #[serde(default)]
    teacher_files: Vec<OldFile>,
    rows: usize,
    columns: [usize; 2],
    outputs: Vec<String>,
    warnings: Vec<String>,
    shipped: [u64; 2],
    runs: Vec<OldRun>,
}

#[derive(Deserialize)]
struct OldFile {
    teacher: usize,
    path: String,
    sha256: String,
}

#[derive(Deserialize)]
struct OldRun {
    fold: u64,
    seed: u64,
    rows: [usize; 4],
    tune: Option<Score>,
    tune_float: Option<Score>,
    teacher_load: Vec<f64>,
    teacher_train: Vec<Score>,
    #[serde(default)]
    ways: Vec<OldWay>,
    cpu_seconds: BTreeMap<String, f64>,
    /// One object a network.
    #[serde(flatten)]
    networks: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct OldWay {
    name: String,
    share: f64,
    score: Score,
}

/// The split's name; where there were no folds, 0 was the only number.
fn fold(number: u64) -> String {
    format!("fold {number}")
}

impl OldTable {
    fn convert(self) -> Metrics {
        let Self { old, teacher_files, rows, columns, outputs, warnings, shipped: [number, seed], runs } = self;
        let outcomes: Vec<Outcome> = runs.into_iter().map(OldRun::outcome).collect();
        let errors = outcomes.iter().flat_map(|outcome| outcome.networks.values());
        let regress =
            errors.flat_map(|network| network.on.values()).any(|score| matches!(score, Score::Quantity { .. }));
        let data = Data {
            name: None,
            kind: DataKind::Table,
            task: if regress { DataTask::Regress } else { DataTask::Classify },
            rows,
            edges: None,
            inputs: columns[1],
            columns: Some(columns[0]),
            outputs,
            hash: None,
            warnings,
            notice: None,
        };
        let mut teachers: Vec<TeacherMetrics> = old
            .teacher
            .split(" + ")
            .map(|title| TeacherMetrics { title: title.to_owned(), path: None, sha256: None })
            .collect();
        for file in teacher_files {
            if let Some(teacher) = file.teacher.checked_sub(1).and_then(|at| teachers.get_mut(at)) {
                (teacher.path, teacher.sha256) = (Some(file.path), Some(file.sha256));
            }
        }
        let (about, made_on) = old.about(data, teachers, (fold(number), seed));
        Metrics::summarised(about, made_on, &outcomes)
    }
}

impl OldRun {
    fn outcome(self) -> Outcome {
        let mut networks: BTreeMap<String, NetworkOutcome> = BTreeMap::new();
        let mut put = |name: &str, part: &str, score: Score| {
            let network = networks.entry(name.to_owned()).or_insert_with(|| NetworkOutcome::new(role(name)));
            network.on.insert(part.to_owned(), score);
        };
        for (name, value) in self.networks {
            // What is no score is a field that only later versions of that schema had.
            if let Ok(score) = serde_json::from_value::<Score>(value) {
                put(&name, TEST, score);
            }
        }
        for (name, score) in [("student_int8", self.tune), ("student_float", self.tune_float)] {
            if let Some(score) = score {
                put(name, TUNE, score);
            }
        }
        for (at, score) in self.teacher_train.into_iter().enumerate() {
            put(&teacher(at), TRAIN, score);
        }
        let mixer = if self.ways.is_empty() {
            let share = |(at, share)| MixerShare { name: teacher(at), share: 100.0 * share, score: None };
            self.teacher_load.into_iter().enumerate().map(share).collect()
        } else {
            let share = |way: OldWay| MixerShare { name: way.name, share: 100.0 * way.share, score: Some(way.score) };
            self.ways.into_iter().map(share).collect()
        };
        let [train, labelled, tune, test] = self.rows;
        Outcome {
            split: fold(self.fold),
            seed: self.seed,
            rows: Rows { train, labelled, tune, test, unseen: test },
            networks,
            mixer,
            edge_agreement: None,
            tried: Vec::new(),
            findings: Vec::new(),
            cpu_seconds: self.cpu_seconds,
        }
    }
}

/// Name of a teacher by its place.
fn teacher(at: usize) -> String {
    if at == 0 { "teacher".to_owned() } else { format!("teacher_{}", at + 1) }
}
