//! What a student says to a row.

use eyas::model::{Metadata, Task};
use eyas::{Decision, InferError, Student};

/// The answer to one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The winning label and its margin; means nothing for a regression.
    pub decision: Decision,
    /// What each output stands for: logits, or quantities in their unit.
    pub reals: Vec<f64>,
}

impl Told {
    /// Softmax of the logits in real units, as the report's reliability: the student's temperature is in their scale.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        let largest = self.reals.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = self.reals.iter().map(|logit| (logit - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(|power| power / sum).collect()
    }
}

/// Runs a student on one row.
///
/// # Shapes
/// - `row`: `[inputs]`
/// - `arena`: [`Student::arena_words`] or more
///
/// # Errors
/// A row or an arena of another length.
pub fn tell(student: &Student<'_>, row: &[i8], arena: &mut [u32]) -> Result<Told, InferError> {
    let answer = student.infer(row, arena)?;
    // In double precision, since a large scale times a step may leave single precision.
    let real = |at: usize| {
        let quantity = answer.quantity(at)?;
        let steps = i32::from(quantity.value) - i32::from(quantity.zero_point);
        Some(f64::from(quantity.scale) * f64::from(steps))
    };
    let reals = (0..answer.logits().len()).filter_map(real).collect();
    Ok(Told { decision: answer.decision(), reals })
}

/// A name for every output, each once: those of the file, or `class 0` and so on.
#[must_use]
pub fn output_names(metadata: &Metadata<'_>) -> Vec<String> {
    let names: Vec<String> = metadata.labels().map(str::to_owned).collect();
    let mut distinct: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let outputs = usize::from(metadata.outputs());
    if distinct.len() == outputs {
        return names;
    }
    let word = if metadata.task == Task::Classify { "class" } else { "output" };
    (0..outputs).map(|at| format!("{word} {at}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_a_softmax_of_logits_of_any_size() {
        let told = |reals: &[f64]| Told { decision: Decision { label: 0, margin: 0 }, reals: reals.to_vec() };
        let found = told(&[0.0, 3.0f64.ln()]).probabilities();
        assert!((found[0] - 0.25).abs() < 1e-12 && (found[1] - 0.75).abs() < 1e-12, "{found:?}");
        assert_eq!(told(&[1e300, 1e300]).probabilities(), [0.5, 0.5]);
    }
}
