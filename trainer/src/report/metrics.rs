//! `metrics.json`: everything a run measured, for scripts. The schema is documented in `docs/spec/metrics.md`.

use super::statistics::{Paired, mean, paired, standard_deviation};
use crate::nn::MadeOn;
use eyas::model::{CoreClass, Costs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the schema; raised when a field changes its meaning or goes.
pub const SCHEMA: &str = "eyas-metrics-1";

/// Test accuracies of one setting in per cent. Controls are absent where the recipe switched them off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accuracies {
    /// The teacher, which sees the graph.
    pub teacher: f64,
    /// The student's network trained on labels only, float.
    pub label_only: Option<f64>,
    /// Control: labels smoothed by 0.1, float.
    pub label_smoothing: Option<f64>,
    /// Control: a teacher that knows nothing (zero logits), same weights as the distilled student, float.
    pub uniform_teacher: Option<f64>,
    /// Control: plain distillation on soft targets without links, float.
    pub plain_kd: Option<f64>,
    /// The distilled student in float.
    pub student_float: f64,
    /// The distilled student as it ships.
    pub student_int8: f64,
}

/// One seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedMetrics {
    /// The seed.
    pub seed: u64,
    /// Accuracies on the test nodes, which the teacher and the distillation saw without their labels.
    pub transductive: Accuracies,
    /// Accuracies on test nodes removed, with their edges, before the teacher was trained.
    pub inductive: Option<Accuracies>,
    /// Accuracies of the same inductive run on the test nodes that stayed.
    pub inductive_observed: Option<Accuracies>,
    /// Accuracies on the tune nodes, which choose epochs and the shipped seed.
    pub tune: Accuracies,
    /// CPU seconds of each stage, all threads of the stage added up.
    pub cpu_seconds: BTreeMap<String, f64>,
    /// Epochs of each training.
    pub epochs: BTreeMap<String, usize>,
    /// Share of edges whose ends get the same class from the teacher, 0 to 1.
    pub edge_agreement: f64,
    /// Tune accuracy in per cent and loss by epoch, for each training of the transductive run.
    pub curves: BTreeMap<String, Curve>,
}

/// One training by epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Training loss.
    pub loss: Vec<f32>,
    /// Tune accuracy in per cent.
    pub tune_accuracy: Vec<f32>,
}

/// One class of the shipped student on the test nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Name of the class.
    pub label: String,
    /// Test nodes of this class.
    pub support: usize,
    /// Share of decisions for this class that are right, 0 to 1.
    pub precision: f64,
    /// Share of this class that is found, 0 to 1.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

/// What the shipped student costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostMetrics {
    /// Bytes of flash for the file.
    pub file_bytes: usize,
    /// Bytes of weights alone.
    pub weight_bytes: usize,
    /// Weights and biases.
    pub parameters: usize,
    /// Multiply-accumulates of a dense inference.
    pub macs: usize,
    /// Bytes of arena with one-byte activations (portable kernel, Helium, hosts).
    pub arena_bytes: usize,
    /// Bytes of arena on Cortex-M4, M7 and M33.
    pub arena_bytes_cortex_m4: usize,
    /// Bytes of arena on Cortex-M0+ and M3.
    pub arena_bytes_cortex_m0: usize,
}

impl CostMetrics {
    /// The costs of a loaded student.
    #[must_use]
    pub fn of(costs: &Costs) -> Self {
        Self {
            file_bytes: costs.file_bytes,
            weight_bytes: costs.weight_bytes,
            parameters: costs.parameters,
            macs: costs.macs,
            arena_bytes: costs.arena_bytes(CoreClass::Bytes),
            arena_bytes_cortex_m4: costs.arena_bytes(CoreClass::Halfwords),
            arena_bytes_cortex_m0: costs.arena_bytes(CoreClass::Words),
        }
    }
}

/// The data the run used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataMetrics {
    /// Name of the data set.
    pub name: String,
    /// Nodes.
    pub nodes: usize,
    /// Undirected edges.
    pub edges: usize,
    /// Features of a node.
    pub inputs: usize,
    /// Classes.
    pub classes: usize,
    /// Nodes in train, tune and test.
    pub split: [usize; 3],
    /// SHA-256 of the data without test labels, hexadecimal.
    pub hash: String,
    /// What the loader noticed.
    pub warnings: Vec<String>,
}

/// A difference of two columns paired over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// `transductive` or `inductive`.
    pub setting: String,
    /// Column that is subtracted from.
    pub a: String,
    /// Column that is subtracted.
    pub b: String,
    /// `a − b` in points.
    #[serde(flatten)]
    pub paired: Paired,
}

/// A mean or a standard deviation over the seeds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// As [`SeedMetrics::transductive`].
    pub transductive: Accuracies,
    /// As [`SeedMetrics::inductive`].
    pub inductive: Option<Accuracies>,
    /// As [`SeedMetrics::inductive_observed`].
    pub inductive_observed: Option<Accuracies>,
    /// As [`SeedMetrics::tune`].
    pub tune: Accuracies,
    /// As [`SeedMetrics::cpu_seconds`].
    pub cpu_seconds: BTreeMap<String, f64>,
}

/// The whole of `metrics.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// [`SCHEMA`].
    pub schema: String,
    /// Trainer and version.
    pub tool: String,
    /// Name of the recipe file without extension.
    pub recipe: String,
    /// SHA-256 of the resolved recipe, hexadecimal.
    pub recipe_hash: String,
    /// Backend of the float training.
    pub backend: String,
    /// Threads the run used.
    pub threads: usize,
    /// The kind of machine it ran on; absent in files of versions that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_on: Option<MadeOn>,
    /// The teacher in words.
    pub teacher: String,
    /// The student's widths, inputs first.
    pub student_widths: Vec<usize>,
    /// The data.
    pub data: DataMetrics,
    /// Seed of the shipped student: best int8 tune accuracy, the lowest seed of a tie.
    pub shipped_seed: u64,
    /// SHA-256 of the shipped student file, hexadecimal.
    pub student_hash: String,
    /// Seeds in ascending order.
    pub seeds: Vec<SeedMetrics>,
    /// Means over the seeds.
    pub mean: Summary,
    /// Population standard deviations over the seeds.
    pub sd: Summary,
    /// Paired differences.
    pub differences: Vec<Difference>,
    /// The shipped student by class, on the test nodes.
    pub classes: Vec<ClassMetrics>,
    /// Unweighted mean of the classes' F1.
    pub macro_f1: f64,
    /// What the shipped student costs.
    pub cost: CostMetrics,
}

/// The kind of machine in words.
pub(crate) fn made_on(machine: Option<&MadeOn>) -> String {
    machine.map_or_else(|| "a machine that was not recorded".to_owned(), ToString::to_string)
}

/// The columns of [`Accuracies`] by name, in the order reports show them.
pub const COLUMNS: [&str; 7] =
    ["teacher", "student_int8", "student_float", "plain_kd", "uniform_teacher", "label_smoothing", "label_only"];

impl Accuracies {
    /// A column by name; `None` for an absent control or an unknown name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<f64> {
        match name {
            "teacher" => Some(self.teacher),
            "label_only" => self.label_only,
            "label_smoothing" => self.label_smoothing,
            "uniform_teacher" => self.uniform_teacher,
            "plain_kd" => self.plain_kd,
            "student_float" => Some(self.student_float),
            "student_int8" => Some(self.student_int8),
            _ => None,
        }
    }

    /// Combines each column of several rows by `f`; a control must be there in all of them.
    fn combine(rows: &[Accuracies], f: fn(&[f64]) -> f64) -> Self {
        let column = |name: &str| -> Option<f64> {
            rows.iter().map(|row| row.column(name)).collect::<Option<Vec<f64>>>().map(|values| f(&values))
        };
        Self {
            teacher: column("teacher").unwrap_or_default(),
            label_only: column("label_only"),
            label_smoothing: column("label_smoothing"),
            uniform_teacher: column("uniform_teacher"),
            plain_kd: column("plain_kd"),
            student_float: column("student_float").unwrap_or_default(),
            student_int8: column("student_int8").unwrap_or_default(),
        }
    }
}

impl Summary {
    fn combine(seeds: &[SeedMetrics], f: fn(&[f64]) -> f64) -> Self {
        let settings = |pick: fn(&SeedMetrics) -> Option<Accuracies>| -> Option<Accuracies> {
            seeds.iter().map(pick).collect::<Option<Vec<_>>>().map(|rows| Accuracies::combine(&rows, f))
        };
        let stages: std::collections::BTreeSet<&String> =
            seeds.iter().flat_map(|seed| seed.cpu_seconds.keys()).collect();
        let stage = |stage: &String| {
            let values: Vec<f64> = seeds.iter().filter_map(|seed| seed.cpu_seconds.get(stage).copied()).collect();
            (stage.clone(), f(&values))
        };
        Self {
            transductive: settings(|seed| Some(seed.transductive)).unwrap_or_default(),
            inductive: settings(|seed| seed.inductive),
            inductive_observed: settings(|seed| seed.inductive_observed),
            tune: settings(|seed| Some(seed.tune)).unwrap_or_default(),
            cpu_seconds: stages.into_iter().map(stage).collect(),
        }
    }

    /// Means over `seeds`.
    #[must_use]
    pub fn mean(seeds: &[SeedMetrics]) -> Self {
        Self::combine(seeds, mean)
    }

    /// Population standard deviations over `seeds`.
    #[must_use]
    pub fn sd(seeds: &[SeedMetrics]) -> Self {
        Self::combine(seeds, standard_deviation)
    }
}

/// Picks the accuracies of one setting; `None` where the seed did not measure it.
pub type Setting = fn(&SeedMetrics) -> Option<Accuracies>;

/// The two settings on test nodes by name.
pub const SETTINGS: [(&str, Setting); 2] =
    [("transductive", |seed| Some(seed.transductive)), ("inductive", |seed| seed.inductive)];

/// The differences every report states: the student as it ships against its float form, each control and the teacher.
#[must_use]
pub fn differences(seeds: &[SeedMetrics]) -> Vec<Difference> {
    let mut all = Vec::new();
    for (setting, pick) in SETTINGS {
        for b in ["student_float", "plain_kd", "uniform_teacher", "label_smoothing", "label_only", "teacher"] {
            let a = "student_int8";
            let column = |name: &str| -> Option<Vec<f64>> {
                seeds.iter().map(|seed| pick(seed).and_then(|row| row.column(name))).collect()
            };
            if let (Some(left), Some(right)) = (column(a), column(b)) {
                let paired = paired(&left, &right);
                all.push(Difference { setting: setting.into(), a: a.into(), b: b.into(), paired });
            }
        }
    }
    all
}

/// Precision, recall and F1 of every class, and the mean of the F1 values over classes that occur.
///
/// # Shapes
/// - `truth` and `decided`: one label a row, below `labels.len()`
#[must_use]
pub fn by_class(labels: &[String], truth: &[u16], decided: &[u16]) -> (Vec<ClassMetrics>, f64) {
    let classes: Vec<ClassMetrics> = labels
        .iter()
        .zip(0u16..)
        .map(|(label, class)| {
            let support = truth.iter().filter(|&&y| y == class).count();
            let claimed = decided.iter().filter(|&&y| y == class).count();
            let right = truth.iter().zip(decided).filter(|&(&y, &d)| y == class && d == class).count();
            let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
            let (precision, recall) = (share(right, claimed), share(right, support));
            let f1 = share(2 * right, claimed + support);
            ClassMetrics { label: label.clone(), support, precision, recall, f1 }
        })
        .collect();
    let present: Vec<f64> = classes.iter().filter(|class| class.support > 0).map(|class| class.f1).collect();
    let macro_f1 = mean(&present);
    (classes, macro_f1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_counted() {
        let labels = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let (classes, macro_f1) = by_class(&labels, &[0, 0, 0, 1], &[0, 0, 1, 1]);
        assert_eq!((classes[0].precision, classes[0].support), (1.0, 3));
        assert!((classes[0].f1 - 0.8).abs() < 1e-12);
        assert!((classes[1].f1 - 2.0 / 3.0).abs() < 1e-12);
        assert!((macro_f1 - (0.8 + 2.0 / 3.0) / 2.0).abs() < 1e-12, "class c does not occur");
    }

    #[test]
    fn controls_that_did_not_run_are_absent_everywhere() {
        let row = Accuracies { teacher: 80.0, student_float: 79.0, student_int8: 78.0, ..Accuracies::default() };
        let seed = |seed, int8| SeedMetrics {
            seed,
            transductive: Accuracies { student_int8: int8, ..row },
            inductive: None,
            inductive_observed: None,
            tune: row,
            cpu_seconds: BTreeMap::from([("teacher".into(), 2.0)]),
            epochs: BTreeMap::new(),
            edge_agreement: 0.8,
            curves: BTreeMap::new(),
        };
        let seeds = [seed(1, 78.0), seed(2, 79.0)];
        let summary = Summary::mean(&seeds);
        assert_eq!((summary.transductive.student_int8, summary.transductive.plain_kd), (78.5, None));
        assert_eq!((summary.inductive, summary.cpu_seconds["teacher"]), (None, 2.0));
        let differences = differences(&seeds);
        assert!(differences.iter().all(|d| d.setting == "transductive" && d.b != "plain_kd"));
        assert_eq!(differences[0].paired.mean, -0.5);
    }
}
