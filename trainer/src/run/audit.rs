//! What stands in the way of a good student, looked at before it learns: inputs that tell the answer, and what the teachers'
//! answers are worth.
//!
//! A teacher whose rows are in another order, whose classes are, or that answers the same for every row, spoils a student
//! without an error anywhere. All of it can be told from the tune rows, whose labels are known.

use ndarray::{Array2, Axis};

use super::job::Job;
use super::teachers::Teachers;
use crate::data::{Data, Truth};
use crate::dataset::quoted;
use crate::distill::objective::log_softmax;
use crate::look::leaking_inputs;
use crate::nn::predictions;
use crate::recipe::{Recipe, TeacherKind};
use crate::report::Score;
use crate::report::outcome::Finding;

/// How much surer than a uniform one an answer is on average, of the way to certain, below which there is nothing to learn.
const NEARLY_UNIFORM: f64 = 0.1;
/// Standard errors that a share must be away from what chance gives.
const CLEAR: f64 = 3.0;

/// The answers of a teacher against the labels of some rows.
struct Agreement {
    /// Share of right answers.
    right: f64,
    /// The same of answers that have nothing to do with the labels, but occur as often.
    by_chance: f64,
    /// Standard error of `right` among such answers (Fleiss, Cohen and Everitt 1969).
    error: f64,
    /// Share of the most frequent label, and its class.
    majority: (f64, usize),
}

impl Agreement {
    fn of(labels: &[u16], decided: &[u16], classes: usize) -> Self {
        let rows = labels.len().max(1) as f64;
        let share = |of: &[u16], class: usize| of.iter().filter(|&&it| usize::from(it) == class).count() as f64 / rows;
        let right = labels.iter().zip(decided).filter(|(label, decided)| label == decided).count() as f64 / rows;
        let shares: Vec<(f64, f64)> = (0..classes).map(|class| (share(labels, class), share(decided, class))).collect();
        let by_chance: f64 = shares.iter().map(|(p, q)| p * q).sum();
        let both: f64 = shares.iter().map(|(p, q)| p * q * (p + q)).sum();
        let error = ((by_chance + by_chance * by_chance - both).max(0.0) / rows).sqrt();
        let most = (0..classes)
            .map(|class| (share(labels, class), class))
            .fold((0.0, 0), |best, next| if next.0 > best.0 { next } else { best });
        Self { right, by_chance, error, majority: most }
    }

    /// What is wrong with the answers, if anything.
    fn finding(&self, names: &[String]) -> Option<Finding> {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let told = format!("the teacher is right for {} of the tune rows", percent(self.right));
        if self.right < self.by_chance - CLEAR * self.error {
            return Some(Finding::new(
                "teacher-contradicts",
                format!(
                    "The teacher contradicts the labels: {told}, and answers drawn at random in the same numbers for {}. \
                     Check the order of its classes (`class_names` in [data]).",
                    percent(self.by_chance)
                ),
            ));
        }
        if self.right < self.by_chance + CLEAR * self.error && self.right <= self.majority.0 {
            return Some(Finding::new(
                "teacher-at-chance",
                format!(
                    "The teacher's answers cannot be told from chance: {told}, and always answering {:?} for {}. \
                     Check that its rows are those of the data, matched by `id` in [data], and the order of its classes.",
                    names[self.majority.1],
                    percent(self.majority.0)
                ),
            ));
        }
        if self.right < self.majority.0 - CLEAR * self.error {
            return Some(Finding::new(
                "teacher-below-majority",
                format!(
                    "The teacher is worse than the most frequent label: {told}, and always answering {:?} for {}.",
                    names[self.majority.1],
                    percent(self.majority.0)
                ),
            ));
        }
        None
    }
}

/// Inputs of the student that alone tell the labels of `rows`. In series the past of the label is an input, and no leak.
pub fn leaks(recipe: &Recipe, data: &Data, rows: &[usize]) -> Vec<Finding> {
    if recipe.data.series.is_some() {
        return Vec::new();
    }
    let finding = |(column, why): (String, String)| {
        let text = format!(
            "The column {} looks like a leak: {why}. If it is written after the answer is known, take it out of \
             student_columns and teacher_columns in [data].",
            quoted(&column)
        );
        Finding { column: Some(column), ..Finding::new("leak", text) }
    };
    leaking_inputs(data, rows).into_iter().map(finding).collect()
}

impl Job<'_> {
    /// What is wrong with the teachers' answers; each finding is told at once.
    pub(super) fn audit(&self, teachers: &Teachers) -> Vec<Finding> {
        if self.recipe.teacher.iter().all(|teacher| teacher.kind() == TeacherKind::Uniform) {
            return Vec::new();
        }
        let answers = teachers.mean();
        let tune = &self.split.tune;
        let found: Vec<Finding> = match &self.data.truth {
            Truth::Classes { labels, names } => {
                let decided = predictions(answers.select(Axis(0), tune).view());
                let labels: Vec<u16> = tune.iter().map(|&row| labels[row]).collect();
                let wrong = Agreement::of(&labels, &decided, names.len()).finding(names);
                nearly_uniform(&answers.select(Axis(0), &self.taught), names.len()).into_iter().chain(wrong).collect()
            }
            Truth::Quantity { .. } => {
                no_better_than_the_mean(&self.score_of_learnt(&answers, tune)).into_iter().collect()
            }
        };
        for finding in &found {
            self.context.observer.note(&format!("warning: {}: {}", self.evaluation.stage(), finding.text));
        }
        found
    }
}

/// Answers that hardly tell one class from another, `[rows x classes]`.
fn nearly_uniform(answers: &Array2<f32>, classes: usize) -> Option<Finding> {
    let probabilities = log_softmax(answers.view());
    let largest = |row: ndarray::ArrayView1<'_, f32>| f64::from(row.fold(f32::NEG_INFINITY, |a, &b| a.max(b))).exp();
    let mean = probabilities.rows().into_iter().map(largest).sum::<f64>() / answers.nrows().max(1) as f64;
    let least = 1.0 / classes as f64;
    ((mean - least) / (1.0 - least) < NEARLY_UNIFORM).then(|| {
        Finding::new(
            "teacher-nearly-uniform",
            format!(
                "The teacher's answers are nearly uniform: their largest probability is {mean:.2} on average, of {classes} \
                 classes, so there is little to learn from them. Try fit_confidence = true in [[teacher]] where it is trained \
                 here, a `temperature` below 1 in [objective], or say what its `answers` are."
            ),
        )
    })
}

/// A regression whose answers explain nothing.
fn no_better_than_the_mean(score: &Score) -> Option<Finding> {
    let &Score::Quantity { r2: Some(r2), .. } = score else { return None };
    (r2 <= 0.0).then(|| {
        Finding::new(
            "teacher-at-chance",
            format!(
                "The teacher is no better than the mean of the quantity (R² {r2:.2} on the tune rows). Check that its rows are \
                 those of the data, matched by `id` in [data], and its unit."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(labels: &[u16], decided: &[u16]) -> Option<String> {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        Agreement::of(labels, decided, 4).finding(&names).map(|finding| finding.kind)
    }

    #[test]
    fn a_teacher_is_called_by_what_is_wrong_with_it() {
        let labels: Vec<u16> = (0..400).map(|row| row % 4).collect();
        let shuffled: Vec<u16> = (0..400).map(|row| (row / 4) % 4).collect();
        assert_eq!(kind(&labels, &shuffled).as_deref(), Some("teacher-at-chance"));
        let turned: Vec<u16> = labels.iter().map(|label| (label + 1) % 4).collect();
        assert_eq!(kind(&labels, &turned).as_deref(), Some("teacher-contradicts"));
        // Right for every second row.
        let half: Vec<u16> =
            labels.iter().enumerate().map(|(row, &label)| if row % 8 < 4 { label } else { 0 }).collect();
        assert_eq!(kind(&labels, &half), None);
        // Five of a hundred rows are of a class, of which it finds three: not above the majority, but far above chance.
        let few: Vec<u16> = (0..100).map(|row| u16::from(row < 5)).collect();
        let finds: Vec<u16> = (0..100).map(|row| u16::from((2..9).contains(&row))).collect();
        assert_eq!(kind(&few, &finds), None);
        // Nine of ten rows are of one class: 80 % right, and better than chance by far, is worse than saying so.
        let rare: Vec<u16> = (0..400).map(|row| u16::from(row % 10 == 0)).collect();
        let eager: Vec<u16> = (0..400).map(|row| u16::from(row % 10 == 0 || row % 5 == 1)).collect();
        assert_eq!(kind(&rare, &eager).as_deref(), Some("teacher-below-majority"));
    }

    #[test]
    fn answers_that_say_nothing_are_told_from_those_that_are_only_careful() {
        let with =
            |margin: f32| Array2::from_shape_fn((10, 5), |(row, class)| if row % 5 == class { margin } else { 0.0 });
        assert!(nearly_uniform(&with(0.1), 5).is_some());
        assert!(nearly_uniform(&with(1.5), 5).is_none());
    }
}
