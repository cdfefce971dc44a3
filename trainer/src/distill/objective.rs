//! What a student is trained towards: labels and soft targets, as one row-wise loss.
//!
//! Every row term here has the form `T^2 * sum_i w_i * KL(p_i || softmax(z_i / T))`:
//!
//! | term | rows | p | T |
//! |---|---|---|---|
//! | labels | train | one class | 1 |
//! | soft targets (Hinton et al. 2015) | all observed | `softmax(h / T)` | `distill_temperature` |
//! | label smoothing | train | smoothed class | 1 |
//! | uniform teacher | all observed | `1 / classes` | `distill_temperature` |
//! | low-frequency edges (`edges.rs`) | all observed | neighbourhood sum | 1 |
//!
//! Terms of one temperature are merged before training, so an epoch costs one softmax a row:
//! `d loss / d z_i = T * (mass_i * softmax(z_i / T) - target_i)`.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use serde::{Deserialize, Serialize};
use sprs::CsMat;

use super::edges::{HighFrequency, add_low_frequency};
use crate::nn::error::{TrainError, check_indices, check_labels};

/// Weights and temperatures of the terms; a term of weight 0 costs nothing.
///
/// `loss = label_weight * CE + soft_weight * T^2 KL + low_weight * L_low + high_weight * L_high`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectivePlan {
    /// Weight of the cross-entropy on the labels of the train rows, 0 or greater.
    pub label_weight: f32,
    /// Share of label mass spread over all classes, in [0, 1).
    pub label_smoothing: f32,
    /// Weight of the soft targets, 0 or greater.
    pub soft_weight: f32,
    /// Softmax divisor of the soft targets, greater than 0.
    pub distill_temperature: f32,
    /// Weight of the low-frequency edge term, 0 or greater.
    pub low_weight: f32,
    /// Hops over which the low-frequency term averages, 1 or more; 1 is FF-G2M. The soft targets are
    /// averaged over closed neighbourhoods `low_hops - 1` times before they are summed.
    pub low_hops: usize,
    /// Weight of the high-frequency edge term, 0 or greater.
    pub high_weight: f32,
    /// Softmax divisor of the high-frequency term, greater than 0 (the reference uses 1.0 to 1.5).
    pub edge_temperature: f32,
}

impl ObjectivePlan {
    fn check(&self) -> Result<(), TrainError> {
        let weights = [
            ("label_weight", self.label_weight),
            ("soft_weight", self.soft_weight),
            ("low_weight", self.low_weight),
            ("high_weight", self.high_weight),
        ];
        for (name, weight) in weights {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(TrainError::Setting { name, expected: "0 or greater", found: weight.to_string() });
            }
        }
        if weights.iter().all(|&(_, weight)| weight == 0.0) {
            let (name, expected) = ("objective", "at least one weight greater than 0");
            return Err(TrainError::Setting { name, expected, found: "all 0".to_owned() });
        }
        if self.low_hops == 0 {
            let (name, expected) = ("low_hops", "1 or more");
            return Err(TrainError::Setting { name, expected, found: "0".to_owned() });
        }
        for (name, temperature) in
            [("distill_temperature", self.distill_temperature), ("edge_temperature", self.edge_temperature)]
        {
            if !(temperature > 0.0 && temperature.is_finite()) {
                let found = temperature.to_string();
                return Err(TrainError::Setting { name, expected: "greater than 0", found });
            }
        }
        Ok(())
    }
}

/// Soft targets for some rows, as logits or log-probabilities (a softmax treats both alike).
#[derive(Clone, Debug, PartialEq)]
pub struct SoftTargets {
    /// Rows of the student's input they are for.
    pub rows: Vec<usize>,
    /// [rows x classes], one row an entry of `rows`.
    pub logits: Array2<f32>,
}

/// Everything a student may learn from.
#[derive(Clone, Copy, Debug)]
pub struct Targets<'a> {
    /// One label a row, in 0..classes; those of train and tune rows are read.
    pub labels: &'a [u16],
    /// Number of classes, 2 or more.
    pub classes: usize,
    /// Rows whose labels are learnt.
    pub train: &'a [usize],
    /// Rows whose labels choose the epoch.
    pub tune: &'a [usize],
    /// Soft targets; needed when `soft_weight` is not 0.
    pub soft: Option<&'a SoftTargets>,
    /// Edges between rows and the teacher's logits [rows x classes]; needed when an edge weight is not 0.
    pub edges: Option<(&'a CsMat<f32>, &'a Array2<f32>)>,
}

/// Merged row terms of one temperature.
#[derive(Clone, Debug)]
pub(crate) struct RowTerm {
    temperature: f32,
    /// Sum over terms of weight times distribution, [rows x classes].
    pub(crate) target: Array2<f32>,
    /// Row sums of `target`.
    pub(crate) mass: Vec<f32>,
    /// Sum over terms of weight times `sum p ln p`.
    pub(crate) constant: f64,
}

impl RowTerm {
    fn zeros(temperature: f32, rows: usize, classes: usize) -> Self {
        RowTerm { temperature, target: Array2::zeros((rows, classes)), mass: vec![0.0; rows], constant: 0.0 }
    }

    /// Adds `weight * KL(probabilities || .)` to row `row`.
    pub(crate) fn add(&mut self, row: usize, weight: f32, probabilities: ndarray::ArrayView1<'_, f32>) {
        for (target, &p) in self.target.row_mut(row).iter_mut().zip(probabilities) {
            *target += weight * p;
            if p > 0.0 {
                self.constant += f64::from(weight * p * p.ln());
            }
        }
        self.mass[row] += weight;
    }

    fn evaluate(&self, logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>) -> f64 {
        let t = self.temperature;
        let mut row_log = vec![0.0f32; logits.ncols()];
        let mut cross = 0.0f64;
        for (at, (row, mut gradient)) in logits.rows().into_iter().zip(gradient.rows_mut()).enumerate() {
            let mass = self.mass[at];
            if mass == 0.0 {
                continue;
            }
            for (scaled, &logit) in row_log.iter_mut().zip(row) {
                *scaled = logit / t;
            }
            log_softmax_in_place(&mut row_log);
            for ((slope, &log), &target) in gradient.iter_mut().zip(&row_log).zip(self.target.row(at)) {
                cross += f64::from(target * log);
                *slope += t * (mass * log.exp() - target);
            }
        }
        f64::from(t * t) * (self.constant - cross)
    }
}

/// An objective made ready: constants computed, terms merged, rows chosen.
#[derive(Clone, Debug)]
pub struct Objective {
    rows: Vec<usize>,
    terms: Vec<RowTerm>,
    high: Option<HighFrequency>,
}

impl Objective {
    /// Prepares `plan` over `inputs` rows of student input.
    ///
    /// # Errors
    /// Targets that a non-zero weight needs and that are missing; shapes, rows or labels that do not fit.
    pub fn prepare(targets: &Targets<'_>, plan: &ObjectivePlan, inputs: usize) -> Result<Self, TrainError> {
        plan.check()?;
        check_labels(targets.labels, inputs, targets.classes)?;
        check_indices("train rows", targets.train, inputs)?;
        check_indices("tune rows", targets.tune, inputs)?;
        let soft = needed(plan.soft_weight, targets.soft, "soft targets", "give them or set soft_weight to 0")?;
        let edge_weight = plan.low_weight + plan.high_weight;
        let edges = needed(edge_weight, targets.edges, "edges", "give them or set both edge weights to 0")?;
        if plan.label_weight > 0.0 && targets.train.is_empty() {
            let remedy = "give labelled rows or set label_weight to 0";
            return Err(TrainError::Empty { place: "train rows", remedy });
        }
        let mut used = vec![edges.is_some(); inputs];
        if plan.label_weight > 0.0 {
            targets.train.iter().for_each(|&row| used[row] = true);
        }
        if let Some(soft) = soft {
            check_soft(soft, targets.classes, inputs)?;
            soft.rows.iter().for_each(|&row| used[row] = true);
        }
        let rows: Vec<usize> = (0..inputs).filter(|&row| used[row]).collect();
        let mut place = vec![0usize; inputs];
        rows.iter().enumerate().for_each(|(at, &row)| place[row] = at);

        let mut plain = RowTerm::zeros(1.0, rows.len(), targets.classes);
        if plan.label_weight > 0.0 {
            let weight = plan.label_weight / targets.train.len() as f32;
            let spread = weight * plan.label_smoothing / targets.classes as f32;
            for &row in targets.train {
                let label = usize::from(targets.labels[row]);
                plain.target[[place[row], label]] += weight * (1.0 - plan.label_smoothing);
                if spread > 0.0 {
                    plain.target.row_mut(place[row]).iter_mut().for_each(|target| *target += spread);
                }
                plain.mass[place[row]] += weight;
            }
        }
        let mut tempered = RowTerm::zeros(plan.distill_temperature, rows.len(), targets.classes);
        if let Some(soft) = soft {
            let term = if plan.distill_temperature == 1.0 { &mut plain } else { &mut tempered };
            let probabilities = log_softmax((&soft.logits / plan.distill_temperature).view()).mapv_into(f32::exp);
            let weight = plan.soft_weight / soft.rows.len() as f32;
            for (at, &row) in soft.rows.iter().enumerate() {
                term.add(place[row], weight, probabilities.row(at));
            }
        }
        let mut high = None;
        if let Some((adjacency, teacher)) = edges {
            check_edges(adjacency, teacher, targets.classes, inputs)?;
            // With edges every row is used, so places are row numbers.
            if plan.low_weight > 0.0 {
                add_low_frequency(&mut plain, plan.low_weight, plan.low_hops, adjacency, teacher);
            }
            if plan.high_weight > 0.0 {
                high = Some(HighFrequency::new(plan.high_weight, plan.edge_temperature, adjacency, teacher));
            }
        }
        let terms = [plain, tempered].into_iter().filter(|term| term.mass.iter().any(|&mass| mass != 0.0));
        Ok(Objective { rows, terms: terms.collect(), high })
    }

    /// The input rows the loss reads, ascending; logits are given for these rows in this order.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// The loss of `logits` [rows x classes]; adds d loss / d logits to `gradient` of the same shape.
    pub fn evaluate(&self, logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>) -> f64 {
        let rows: f64 = self.terms.iter().map(|term| term.evaluate(logits, gradient)).sum();
        rows + self.high.as_ref().map_or(0.0, |high| high.evaluate(logits, gradient))
    }

    /// The same of logits and gradients whose rows are those of the student's input that `rows` names, in any order: all
    /// that the loss reads.
    pub(crate) fn evaluate_at(&self, rows: &[usize], logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>) -> f64 {
        let order = ascending(rows);
        let mut sorted = Array2::zeros(gradient.dim());
        let loss = self.evaluate(logits.select(Axis(0), &order).view(), &mut sorted);
        add_back(&sorted, &order, gradient.view_mut());
        loss
    }
}

/// The places of rows, by ascending row.
pub(crate) fn ascending(rows: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_unstable_by_key(|&at| rows[at]);
    order
}

/// Adds slopes of ascending rows to a gradient whose rows stand at the places `order`.
pub(crate) fn add_back(sorted: &Array2<f32>, order: &[usize], mut gradient: ArrayViewMut2<'_, f32>) {
    for (slopes, &at) in sorted.rows().into_iter().zip(order) {
        let mut row = gradient.row_mut(at);
        row += &slopes;
    }
}

fn needed<T>(
    weight: f32,
    given: Option<T>,
    place: &'static str,
    remedy: &'static str,
) -> Result<Option<T>, TrainError> {
    match given {
        _ if weight == 0.0 => Ok(None),
        Some(given) => Ok(Some(given)),
        None => Err(TrainError::Empty { place, remedy }),
    }
}

fn check_soft(soft: &SoftTargets, classes: usize, inputs: usize) -> Result<(), TrainError> {
    let shape = |unit, expected, found| Err(TrainError::Shape { place: "soft targets", unit, expected, found });
    if soft.rows.is_empty() {
        return Err(TrainError::Empty { place: "soft targets", remedy: "give rows or set soft_weight to 0" });
    }
    check_indices("soft target rows", &soft.rows, inputs)?;
    if soft.logits.nrows() != soft.rows.len() {
        return shape("rows", soft.rows.len(), soft.logits.nrows());
    }
    if soft.logits.ncols() != classes {
        return shape("classes", classes, soft.logits.ncols());
    }
    Ok(())
}

fn check_edges(adjacency: &CsMat<f32>, teacher: &Array2<f32>, classes: usize, inputs: usize) -> Result<(), TrainError> {
    let shape = |place, unit, expected, found| Err(TrainError::Shape { place, unit, expected, found });
    if adjacency.rows() != inputs || adjacency.cols() != inputs {
        return shape("adjacency", "rows", inputs, adjacency.rows());
    }
    if teacher.nrows() != inputs {
        return shape("teacher logits", "rows", inputs, teacher.nrows());
    }
    if teacher.ncols() != classes {
        return shape("teacher logits", "classes", classes, teacher.ncols());
    }
    if adjacency.nnz() == 0 {
        return Err(TrainError::Empty { place: "edges", remedy: "set both edge weights to 0" });
    }
    Ok(())
}

/// Log-softmax of every row.
pub(crate) fn log_softmax(logits: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut logs = logits.as_standard_layout().into_owned();
    for mut row in logs.rows_mut() {
        if let Some(row) = row.as_slice_mut() {
            log_softmax_in_place(row);
        }
    }
    logs
}

/// Log-softmax of every row at temperature `t`.
pub(crate) fn tempered(logits: &Array2<f32>, t: f32) -> Array2<f32> {
    log_softmax(logits.mapv(|logit| logit / t).view())
}

/// A class's part of `weight * t^2 KL(target || output)`, both log-probabilities at temperature `t`, and its slope in the logit.
pub(crate) fn divergence(weight: f32, t: f32, target: f32, output: f32) -> (f64, f32) {
    let value = f64::from(weight * t * t * target.exp() * (target - output));
    (value, weight * t * (output.exp() - target.exp()))
}

/// The mean of several answers' softmax, as log-probabilities [rows x classes]: soft targets that serve wherever logits do
/// (a softmax of them gives the mean back).
pub(crate) fn mean_log_probabilities(answers: &[Array2<f32>]) -> Array2<f32> {
    let mut mean = Array2::<f32>::zeros(answers.first().map_or((0, 0), Array2::dim));
    for logits in answers {
        mean += &log_softmax(logits.view()).mapv_into(f32::exp);
    }
    let count = answers.len() as f32;
    // A probability below the smallest normal number would become -inf, and 0 * -inf not a number.
    mean.mapv_into(|sum| (sum / count).max(f32::MIN_POSITIVE).ln())
}

/// Log-softmax of one row.
pub(crate) fn log_softmax_in_place(row: &mut [f32]) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = row.iter().map(|&logit| (logit - highest).exp()).sum();
    let shift = highest + sum.ln();
    row.iter_mut().for_each(|logit| *logit -= shift);
}
