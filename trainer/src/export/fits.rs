//! Checks the requirements of a student file on the data before anything is trained, so that an unusable class name
//! does not cost an hour.

use crate::bounded::{Kind, size};
use crate::dataset::quoted;
use eyas::model::{MAX_WIDTH, Task};

/// Why no student can be sealed for these data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// Too many inputs or outputs.
    #[error("expected 1 to {MAX_WIDTH} {what}, which a student file can hold, found {found}; {remedy}")]
    Width {
        /// `inputs` or `outputs`.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The remedy.
        remedy: &'static str,
    },
    /// A single class leaves nothing to decide.
    #[error("expected at least 2 classes, found {found}; add rows of another class")]
    Classes {
        /// How many there are.
        found: usize,
    },
    /// Names are stored one per line.
    #[error("expected every {what} on one line of the student file, found {found} as number {number}; rename it")]
    Name {
        /// `class name` or `input name`.
        what: &'static str,
        /// The name, escaped.
        found: String,
        /// Counted from 0.
        number: usize,
    },
    /// Dearer than the recipe allows.
    #[error(
        "expected a student of at most {limit} {what}, as [budget] of the recipe says, found one of {found}; choose narrower `hidden` in [student], or let `eyas new --budget` choose it"
    )]
    Budget {
        /// The unit.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What the student takes.
        found: usize,
    },
    /// Larger than the limit for reading student files.
    #[error("expected a student file of at most {}, found one of {}; choose narrower hidden layers", size(Kind::Student.limit()), size(*found))]
    Size {
        /// Its size in bytes.
        found: u64,
    },
}

/// Checks everything that sealing will require of a student with these widths, from inputs to outputs, and of its
/// names.
///
/// # Errors
/// [`Unsealable`] with what to change.
pub fn check_fits(task: Task, widths: &[usize], labels: &[String], input_names: &[String]) -> Result<(), Unsealable> {
    let (inputs, outputs) = (widths.first().copied().unwrap_or(0), widths.last().copied().unwrap_or(0));
    let ends = [("inputs", inputs, "choose fewer columns for the student"), ("outputs", outputs, "join classes")];
    for (what, found, remedy) in ends {
        if !(1..=usize::from(MAX_WIDTH)).contains(&found) {
            return Err(Unsealable::Width { what, found, remedy });
        }
    }
    if task == Task::Classify && outputs < 2 {
        return Err(Unsealable::Classes { found: outputs });
    }
    for (what, names) in [("class name", labels), ("input name", input_names)] {
        // A list of one empty name is an empty text, which has no line.
        let breaks = |name: &String| name.contains('\n') || (names.len() == 1 && name.is_empty());
        if let Some(number) = names.iter().position(breaks) {
            return Err(Unsealable::Name { what, found: quoted(&names[number]), number });
        }
    }
    let weights = widths.windows(2).map(|pair| pair[0] as u64 * pair[1] as u64).sum::<u64>();
    let channels = widths.iter().map(|&width| 9 * width as u64).sum::<u64>();
    let names = labels.iter().chain(input_names).map(|name| name.len() as u64 + 1).sum::<u64>();
    match weights + channels + names {
        found if found > Kind::Student.limit() => Err(Unsealable::Size { found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::seal;
    use crate::nn::{DenseWeights, MlpWeights};
    use crate::quantize::{About, InputCoding, fold};
    use eyas::model::{Normalization, Provenance};
    use ndarray::{Array1, Array2};

    /// Whether a student with these names can actually be sealed.
    fn seals(task: Task, inputs: usize, labels: &[String], input_names: &[String]) -> bool {
        let outputs = labels.len();
        let layer = DenseWeights { weight: Array2::ones((outputs, inputs)), bias: Array1::zeros(outputs) };
        let coding = InputCoding {
            zero_point: -128,
            gains: vec![255.0; inputs],
            sparse: false,
            unit: 1.0,
            normalization: Normalization::None,
            standard: None,
        };
        let hash = [0; 32];
        let provenance = Provenance { teacher: "t", data_hash: &hash, recipe_hash: &hash, seed: 0, tool: "t" };
        let about = About { labels, input_names, provenance, task, golden: &[] };
        let student = fold(&MlpWeights { layers: vec![layer] }, &coding, &vec![(-1.0, 1.0)]);
        student.is_ok_and(|student| seal(&student, &about, &[]).is_ok())
    }

    #[test]
    fn what_is_let_in_is_sealed_and_what_is_not_would_be_refused() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let labels = [
            names(&["low", "high"]),
            names(&["low", "hi\ngh"]),
            names(&["\n", "high"]),
            names(&["", ""]),
            names(&["", "high"]),
            names(&["low", "h\u{1b}\r\u{2028}|"]),
            names(&["only"]),
            names(&[""]),
            names(&[]),
        ];
        let inputs = [names(&[]), names(&["a", "b"]), names(&["a", "b\n"]), names(&["", ""])];
        for (task, labels, inputs) in [Task::Classify, Task::Regress]
            .into_iter()
            .flat_map(|task| labels.iter().flat_map(move |labels| [(task, labels)]))
            .flat_map(|(task, labels)| inputs.iter().map(move |inputs| (task, labels, inputs)))
        {
            let fits = check_fits(task, &[2, labels.len()], labels, inputs);
            let sealed = !labels.is_empty() && seals(task, 2, labels, inputs);
            assert_eq!(fits.is_ok(), sealed, "{task:?} {labels:?} {inputs:?}: {fits:?}");
        }
    }

    #[test]
    fn widths_that_no_file_holds_are_refused() {
        let two = ["a".to_owned(), "b".to_owned()];
        let check = |widths: &[usize]| check_fits(Task::Classify, widths, &two, &[]);
        assert!(matches!(check(&[32_768, 4, 2]), Err(Unsealable::Width { what: "inputs", .. })));
        assert!(matches!(check(&[4, 32_768]), Err(Unsealable::Width { what: "outputs", .. })));
        assert!(matches!(check(&[9, 32_767, 32_767, 32_767, 2]), Err(Unsealable::Size { .. })));
        assert_eq!(check(&[32_767, 4, 2]), Ok(()));
    }
}
