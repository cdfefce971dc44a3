//! What a run takes of memory, before it begins; measured against runs by `trainer/tests/program/memory.rs`.

use super::masks::mask_costs;
use crate::data::{Data, Matrix};
use crate::memory::Estimate;
use crate::method::rows::noise;
use crate::recipe::{Recipe, TeacherSection};
use crate::teacher::FileAnswers;

/// The program with its tables, before it has read anything.
const PROGRAM: u64 = 32 << 20;
/// Bytes of a real.
const REAL: u64 = 4;
/// Copies of every weight at the peak of a training: itself, two moments, the best so far, its gradient and the tape's,
/// and those in a checkpoint that is being written, as values and as bytes.
const WEIGHT_COPIES: u64 = 14;
/// Copies of every hidden value: before and after the activation, the mask, the gradients of these, and one to spare.
const VALUE_COPIES: u64 = 6;
/// Copies of the hidden values of nodes that are compared: as drawn, of length 1, and their slopes.
const SAMPLE_COPIES: u64 = 3;
/// Numbers of four bytes that a link between two compared nodes takes.
const LINK: u64 = 6;
/// Bytes of a stored feature or edge, with its column, in all forms that a job keeps: raw, normalised, of the observed part.
const STORED: u64 = 3 * 12;

/// Weights and biases of dense layers.
fn parameters(widths: &[usize]) -> u64 {
    widths.windows(2).map(|pair| (pair[0] as u64 + 1).saturating_mul(pair[1] as u64)).fold(0, u64::saturating_add)
}

/// A training of a network over `rows` rows at once.
fn training(widths: &[usize], rows: u64) -> u64 {
    let values = widths.iter().skip(1).map(|&width| width as u64).sum::<u64>().saturating_mul(rows);
    let weights = parameters(widths).saturating_mul(WEIGHT_COPIES * REAL);
    weights.saturating_add(values.saturating_mul(VALUE_COPIES * REAL))
}

/// The student in integers, with the reals its scales are found from.
fn integers(widths: &[usize], rows: u64) -> u64 {
    let rows = (widths.first().copied().unwrap_or(0) as u64).saturating_mul(rows);
    parameters(widths).saturating_mul(12).saturating_add(rows)
}

/// A network of a run and the rows of a step of it.
struct Trained {
    widths: Vec<usize>,
    rows: u64,
    /// What attention takes beside it.
    attention: u64,
}

impl Trained {
    /// Training it, and answering all `count` rows at once, one layer after the other.
    fn bytes(&self, count: u64, mini_batches: bool) -> u64 {
        let widest = self.widths.windows(2).map(|pair| (pair[0] + pair[1]) as u64).max().unwrap_or(0);
        let answered = if mini_batches { widest.saturating_mul(count * REAL) } else { 0 };
        training(&self.widths, self.rows).saturating_add(answered).saturating_add(self.attention)
    }
}

/// What a recipe takes.
#[must_use]
pub fn estimate(
    recipe: &Recipe,
    data: &Data,
    files: &[Option<FileAnswers>],
    evaluations: usize,
    threads: usize,
) -> Estimate {
    let recipe = &super::search::with_all_candidates(recipe);
    let (count, outputs) = (data.rows() as u64, data.truth.outputs());
    let edges = data.edges.as_ref().map_or(0, |edges| edges.nnz() as u64);
    let step = |batch: Option<usize>| batch.map_or(count, |batch| count.min(batch as u64));
    let mut networks = Vec::new();
    let mut kept = 0u64;
    for teacher in &recipe.teacher {
        let Some(own) = teacher.training() else { continue };
        let mut widths = vec![data.x.columns()];
        if let TeacherSection::Fusion(fusion) = teacher {
            // Two branches side by side, no wider than one network of both.
            widths.extend(fusion.branch_hidden.iter().map(|width| 2 * width));
        }
        widths.extend(&own.hidden);
        widths.push(outputs);
        if teacher.reask() {
            let members = (own.members * own.crossfit.unwrap_or(1)) as u64;
            kept = kept.saturating_add(parameters(&widths).saturating_mul(members * REAL));
        }
        let attention = match teacher {
            TeacherSection::Gat(gat) => {
                edges.saturating_mul((gat.attention_heads * (own.hidden.len() + 1)) as u64 * VALUE_COPIES * REAL)
            }
            _ => 0,
        };
        networks.push(Trained { widths, rows: step(teacher.batch_rows()), attention });
    }
    let student: Vec<usize> =
        [data.student].into_iter().chain(recipe.student.hidden.iter().copied()).chain([outputs]).collect();
    networks.push(Trained { widths: student.clone(), rows: step(recipe.student.batch_rows), attention: 0 });
    let batches = data.edges.is_none();
    let bytes = networks.iter().map(|network| network.bytes(count, batches));
    // Networks that learn together are in memory together.
    let trained = if recipe.cotrain.is_some() { bytes.fold(0, u64::saturating_add) } else { bytes.max().unwrap_or(0) };
    let masks = mask_costs(recipe, data.rows())
        .map_or(0, |costs| (costs.parameters as u64).saturating_mul(WEIGHT_COPIES * REAL));
    let given: u64 = files
        .iter()
        .flatten()
        .map(|file| (file.answers.len() + file.embedding.as_ref().map_or(0, |embedding| embedding.len())) as u64)
        .sum();
    let answers = count.saturating_mul((outputs * (8 + 3 * recipe.teacher.len())) as u64 * REAL);
    let features = match &data.x {
        // Standard scores, and those of one part.
        Matrix::Dense(x) => 2 * x.len() as u64 * REAL,
        Matrix::Sparse(x) => {
            // Noise makes every value one to store, and a step that takes all rows has all of them at once.
            let noised = recipe.method(&noise::METHOD).is_some() && recipe.student.batch_rows.is_none();
            let dense = if noised { 2 * (x.rows() as u64).saturating_mul(x.cols() as u64) * REAL } else { 0 };
            ((x.nnz() as u64 + edges) * STORED).saturating_add(dense)
        }
    };
    let contrast = super::controls::most_compared(recipe).map_or(0, |nodes| {
        let nodes = (nodes as u64).min(count);
        let width = recipe.student.hidden.last().copied().unwrap_or(0) as u64;
        // A link is two places and a weight; at worst every pair of nodes is linked.
        nodes.saturating_mul(nodes.saturating_mul(1 + LINK) + SAMPLE_COPIES * width).saturating_mul(REAL)
    });
    let job = trained
        .saturating_add(contrast)
        .saturating_add(masks)
        .saturating_add(kept)
        .saturating_add(answers)
        .saturating_add(given * REAL)
        // Weights of the student and of its controls.
        .saturating_add(parameters(&student).saturating_mul(5 * REAL))
        .saturating_add(integers(&student, count))
        .saturating_add(features);
    let data = PROGRAM + features + given * REAL;
    Estimate { data, job, jobs: threads.min(evaluations).max(1) as u64 }
}
