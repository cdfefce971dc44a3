//! What a run takes of memory, before it begins; measured against runs by `trainer/tests/program/memory.rs`.

use crate::memory::Estimate;
use crate::recipe::old::{Prepared, Recipe, TeacherKind};

/// The program with its tables, before it has read anything.
pub(crate) const PROGRAM: u64 = 32 << 20;
/// Bytes of a real.
const REAL: u64 = 4;
/// Copies of every weight at the peak of a training: itself, two moments, the best so far, its gradient and the tape's,
/// and those in a checkpoint that is being written, as values and as bytes.
const WEIGHT_COPIES: u64 = 14;
/// Copies of every hidden value: before and after the activation, the mask, the gradients of these, and one to spare.
const VALUE_COPIES: u64 = 6;
/// Bytes of a stored feature, with its column, in all forms that a seed keeps: raw, normalised, of the observed graph.
const FEATURE: u64 = 3 * 12;

/// Weights and biases of dense layers.
pub(crate) fn parameters(widths: &[usize]) -> u64 {
    widths.windows(2).map(|pair| (pair[0] as u64 + 1).saturating_mul(pair[1] as u64)).fold(0, u64::saturating_add)
}

/// A training of a network over `rows` rows at once.
pub(crate) fn training(widths: &[usize], rows: u64) -> u64 {
    let values = widths.iter().skip(1).map(|&width| width as u64).sum::<u64>().saturating_mul(rows);
    let weights = parameters(widths).saturating_mul(WEIGHT_COPIES * REAL);
    weights.saturating_add(values.saturating_mul(VALUE_COPIES * REAL))
}

/// The student in integers, with the reals its scales are found from.
pub(crate) fn integers(widths: &[usize], rows: u64) -> u64 {
    let rows = (widths.first().copied().unwrap_or(0) as u64).saturating_mul(rows);
    parameters(widths).saturating_mul(12).saturating_add(rows)
}

/// What a recipe on a graph takes.
#[must_use]
pub fn estimate(recipe: &Recipe, prepared: &Prepared, seeds: usize, threads: usize) -> Estimate {
    let graph = &prepared.graph;
    let (nodes, edges) = (graph.nodes() as u64, graph.adjacency.nnz() as u64);
    let stored = graph.features.nnz() as u64;
    let teachers = recipe.teacher.iter().map(|teacher| {
        let mut widths = vec![graph.inputs()];
        widths.resize(teacher.layers, teacher.hidden);
        widths.push(graph.classes);
        let heads = if teacher.kind == TeacherKind::Gat { teacher.attention_heads.unwrap_or(1) as u64 } else { 0 };
        let attention = edges.saturating_mul(heads * teacher.layers as u64 * VALUE_COPIES * REAL);
        training(&widths, nodes).saturating_add(attention)
    });
    let student: Vec<usize> =
        [graph.inputs()].into_iter().chain(recipe.student.hidden.iter().copied()).chain([graph.classes]).collect();
    let largest = teachers.chain([training(&student, nodes)]).max().unwrap_or(0);
    // Weights of the student and of four controls, answers of teachers and students, and the student's integers.
    let answers = nodes.saturating_mul(graph.classes as u64 * REAL * (8 + 2 * recipe.teacher.len() as u64));
    let kept = parameters(&student).saturating_mul(5 * REAL).saturating_add(answers);
    let job = largest
        .saturating_add(kept)
        .saturating_add(integers(&student, nodes))
        .saturating_add(stored * FEATURE + edges * FEATURE);
    let settings = if prepared.inductive_share > 0.0 { 2 } else { 1 };
    Estimate { data: PROGRAM + (stored + edges) * FEATURE, job, jobs: threads.min(seeds * settings).max(1) as u64 }
}
