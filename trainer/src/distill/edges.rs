//! The edge link of FF-G2M (Wu et al. 2023) and the check that says whether it can help.
//!
//! - Low frequency: `L_low = 1/|E+| sum over (i,j) in E+ of KL(softmax(h_j) || softmax(z_i))`, E+ the
//!   directed edges and one self-loop a node. Its gradient is `(d_i softmax(z_i) - P_i) / |E+|` with
//!   `P_i` the sum of the neighbours' and the node's own soft targets and `d_i` their number, so it is
//!   a row term with the targets P and costs nothing an epoch beside the softmax.
//! - High frequency: `L_high = 1/|E| sum over (i,j) in E of KL(t_e || s_e)`,
//!   `t_e = softmax(|h_i - h_j| / tau)`, `s_e = softmax(|z_i - z_j| / tau)`. It is symmetric, so each
//!   undirected edge is visited once with `t_e` computed before training, and
//!   `d L / d z_i = 2 sign(z_i - z_j) (s_e - t_e) / (tau |E|)`, the opposite for j.

use ndarray::{Array2, ArrayView2};
use sprs::CsMat;

use super::objective::{RowTerm, log_softmax, log_softmax_in_place};
use crate::nn::predictions;

/// Share of undirected edges whose two ends the teacher puts into the same class, in [0, 1]; 1
/// without edges. Where it was 0.74 to 0.81 the low-frequency term helped or was neutral, at 0.62 it
/// cost 5 to 13 points of accuracy: print it before distilling.
pub fn edge_agreement(adjacency: &CsMat<f32>, teacher_logits: &Array2<f32>) -> f64 {
    let guesses = predictions(teacher_logits.view());
    let pairs = undirected(adjacency);
    let agree = pairs.iter().filter(|&&(a, b)| guesses[a as usize] == guesses[b as usize]).count();
    if pairs.is_empty() { 1.0 } else { agree as f64 / pairs.len() as f64 }
}

/// Each undirected edge once, lower end first; self-loops are left out.
fn undirected(adjacency: &CsMat<f32>) -> Vec<(u32, u32)> {
    adjacency
        .outer_iterator()
        .enumerate()
        .flat_map(|(row, ends)| {
            ends.indices().iter().filter(|&&end| row < end).map(|&end| (row as u32, end as u32)).collect::<Vec<_>>()
        })
        .collect()
}

/// Adds `weight * L_low` over `hops` hops to a row term of temperature 1 that covers every node.
pub(crate) fn add_low_frequency(
    term: &mut RowTerm,
    weight: f32,
    hops: usize,
    adjacency: &CsMat<f32>,
    teacher_logits: &Array2<f32>,
) {
    let mut probabilities = log_softmax(teacher_logits.view()).mapv_into(f32::exp);
    for _ in 1..hops {
        let mut mean = probabilities.clone();
        for (row, neighbours) in adjacency.outer_iterator().enumerate() {
            let mut sum = mean.row_mut(row);
            neighbours.indices().iter().for_each(|&node| sum += &probabilities.row(node));
            sum /= (neighbours.nnz() + 1) as f32;
        }
        probabilities = mean;
    }
    let with_loops = (adjacency.nnz() + adjacency.rows()) as f32;
    for (row, neighbours) in adjacency.outer_iterator().enumerate() {
        for &node in neighbours.indices().iter().chain([&row]) {
            term.add(row, weight / with_loops, probabilities.row(node));
        }
    }
}

/// The high-frequency term with its targets computed.
#[derive(Clone, Debug)]
pub(crate) struct HighFrequency {
    pairs: Vec<(u32, u32)>,
    /// `t_e`, one row a pair.
    targets: Array2<f32>,
    /// `sum t ln t` over all pairs.
    constant: f64,
    temperature: f32,
    weight: f32,
}

impl HighFrequency {
    pub(crate) fn new(weight: f32, temperature: f32, adjacency: &CsMat<f32>, teacher_logits: &Array2<f32>) -> Self {
        let pairs = undirected(adjacency);
        let gaps = Array2::from_shape_fn((pairs.len(), teacher_logits.ncols()), |(at, class)| {
            let (a, b) = pairs[at];
            (teacher_logits[[a as usize, class]] - teacher_logits[[b as usize, class]]).abs() / temperature
        });
        let logs = log_softmax(gaps.view());
        let targets = logs.mapv(f32::exp);
        let constant = targets.iter().zip(&logs).map(|(&t, &log)| f64::from(t * log)).sum();
        HighFrequency { pairs, targets, constant, temperature, weight }
    }

    /// The weighted loss; adds its gradient.
    pub(crate) fn evaluate(&self, logits: ArrayView2<'_, f32>, gradient: &mut Array2<f32>) -> f64 {
        let classes = logits.ncols();
        // |E| counts both directions, so the factor 2 of the gradient cancels.
        let per_pair = self.weight / self.pairs.len().max(1) as f32;
        let slope = per_pair / self.temperature;
        let mut logs = vec![0.0f32; classes];
        let mut signs = vec![0.0f32; classes];
        let mut cross = 0.0f64;
        for (&(a, b), targets) in self.pairs.iter().zip(self.targets.rows()) {
            let (a, b) = (a as usize, b as usize);
            for class in 0..classes {
                let gap = logits[[a, class]] - logits[[b, class]];
                logs[class] = gap.abs() / self.temperature;
                signs[class] = if gap == 0.0 { 0.0 } else { slope.copysign(gap) };
            }
            log_softmax_in_place(&mut logs);
            for class in 0..classes {
                cross += f64::from(targets[class] * logs[class]);
                let step = signs[class] * (logs[class].exp() - targets[class]);
                gradient[[a, class]] += step;
                gradient[[b, class]] -= step;
            }
        }
        f64::from(per_pair) * (self.constant - cross)
    }
}
