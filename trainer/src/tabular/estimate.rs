//! What a recipe on a table takes of memory, before it begins; measured by `trainer/tests/program/memory.rs`.

use super::masked::mask_costs;
use super::prepare::TabularPrepared;
use crate::memory::Estimate;
use crate::recipe::old::{TabularRecipe, TabularTeacherKind};
use crate::run::estimate::{PROGRAM, integers, parameters, training};

/// Bytes of a real.
const REAL: u64 = 4;

/// What a recipe on a table takes.
#[must_use]
pub fn estimate(
    recipe: &TabularRecipe,
    data: &TabularPrepared,
    folds: usize,
    seeds: usize,
    threads: usize,
) -> Estimate {
    let (rows, columns) = data.x.dim();
    let (count, outputs) = (rows as u64, data.truth.outputs());
    let mut all = 0u64;
    let mut largest = 0u64;
    let mut network = |widths: &[usize], batch_rows: usize| {
        // All rows are answered at once, one layer after the other.
        let answered = widths.windows(2).map(|pair| (pair[0] + pair[1]) as u64).max().unwrap_or(0);
        let one = training(widths, batch_rows.min(rows) as u64).saturating_add(answered.saturating_mul(count * REAL));
        largest = largest.max(one);
        all = all.saturating_add(one);
        parameters(widths)
    };
    let mut kept = 0u64;
    for teacher in recipe.teacher.iter().filter(|teacher| teacher.is_trained()) {
        let mut widths = vec![columns];
        if teacher.kind == TabularTeacherKind::Fusion {
            // Two branches side by side, no wider than one network of both.
            widths.extend(teacher.branch_hidden.iter().flatten().map(|width| 2 * width));
        }
        widths.extend(&teacher.hidden);
        widths.push(outputs);
        let weights = network(&widths, teacher.batch_rows);
        if teacher.reask {
            kept = kept.saturating_add(
                weights.saturating_mul((teacher.members * teacher.crossfit.unwrap_or(1)) as u64 * REAL),
            );
        }
    }
    let student: Vec<usize> =
        [data.student].into_iter().chain(recipe.student.hidden.iter().copied()).chain([outputs]).collect();
    let weights = network(&student, recipe.student.batch_rows);
    // Towers that learn together are in memory together.
    let trained = if recipe.cotrain.is_some() { all } else { largest };
    let masks = mask_costs(recipe, rows).map_or(0, |costs| (costs.parameters as u64).saturating_mul(14 * REAL));
    let given: u64 = data
        .given
        .iter()
        .flatten()
        .map(|given| (given.answers.len() + given.embedding.as_ref().map_or(0, |embedding| embedding.len())) as u64)
        .sum();
    let answers = count.saturating_mul((outputs * (6 + 3 * recipe.teacher.len())) as u64 * REAL);
    let job = trained
        .saturating_add(masks)
        .saturating_add(kept)
        .saturating_add(answers)
        .saturating_add(given * REAL)
        .saturating_add(weights.saturating_mul(5 * REAL))
        .saturating_add(integers(&student, count))
        // Standard scores, and those of one part.
        .saturating_add(2 * data.x.len() as u64 * REAL);
    Estimate {
        data: PROGRAM + 2 * data.x.len() as u64 * REAL + given * REAL,
        job,
        jobs: threads.min(folds * seeds).max(1) as u64,
    }
}
