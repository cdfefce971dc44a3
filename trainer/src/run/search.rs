//! Teachers of kind `auto`: the settings that are best on the tune rows, in their place.
//!
//! Every setting of a short list is trained once. Those that the tune rows cannot tell apart from the best one are kept, and the
//! student learns from the mean of their answers: choosing one among equals is luck, and their mean errs less than each of
//! them. A list and not a budget of seconds bounds the effort, because what is chosen must not depend on how busy a machine is.

use ndarray::Array2;
use toml::Table;

use super::RunError;
use super::folder::in_words;
use super::job::Job;
use crate::nn::TrainError;
use crate::recipe::{Recipe, TeacherSection};
use crate::report::outcome::Tried;
use crate::report::statistics::paired;
use crate::teacher::candidates;

/// What the stages of a search begin with.
const SEARCH: &str = "search";

/// A setting and how it answers for each tune row.
struct Candidate {
    teacher: TeacherSection,
    merits: Vec<f64>,
}

/// Whether a recipe leaves the choice of a teacher to the run.
pub(super) fn searches(recipe: &Recipe) -> bool {
    recipe.teacher.iter().any(|teacher| matches!(teacher, TeacherSection::Auto(_)))
}

/// The recipe with all settings of its teachers of kind `auto` in their place, for what has to be known before the choice.
pub(super) fn with_all_candidates(recipe: &Recipe) -> Recipe {
    let all = |teacher: &TeacherSection| match teacher {
        TeacherSection::Auto(auto) => candidates(auto, recipe.context()),
        other => vec![other.clone()],
    };
    Recipe { teacher: recipe.teacher.iter().flat_map(all).collect(), ..recipe.clone() }
}

/// Trainings of a search.
pub(super) fn stages(recipe: &Recipe) -> usize {
    let of = |teacher: &TeacherSection| match teacher {
        TeacherSection::Auto(auto) => candidates(auto, recipe.context()).len(),
        _ => 0,
    };
    recipe.teacher.iter().map(of).sum()
}

impl Job<'_> {
    /// The recipe with the best settings in the place of every teacher of kind `auto`, and what was tried.
    pub(super) fn settled(&mut self) -> Result<(Recipe, Vec<Tried>), RunError> {
        let mut settled = self.recipe.clone();
        let (mut teachers, mut all) = (Vec::new(), Vec::new());
        for teacher in &self.recipe.teacher {
            let TeacherSection::Auto(auto) = teacher else {
                teachers.push(teacher.clone());
                continue;
            };
            let mut tried = Vec::new();
            let mut found = Vec::new();
            let mut failed = None;
            for (place, candidate) in candidates(auto, self.recipe.context()).into_iter().enumerate() {
                let spent = self.spent(SEARCH);
                match self.answer_of_candidate(teachers.len() + place, &candidate) {
                    Ok(answer) => {
                        tried.push(self.tried(&candidate, &answer, self.spent(SEARCH) - spent));
                        found.push(Candidate { merits: self.merits(&answer), teacher: candidate });
                    }
                    // One that cannot be trained on these data is no candidate.
                    Err(RunError::Train { source: source @ TrainError::Diverged { .. }, seed, stage }) => {
                        self.context.observer.note(&format!("warning: {stage}: {source}; this setting is left out"));
                        failed = Some(RunError::Train { source, seed, stage });
                    }
                    Err(error) => return Err(error),
                }
            }
            let chosen = best(&found);
            if let (true, Some(error)) = (chosen.is_empty(), failed) {
                return Err(error);
            }
            for &at in &chosen {
                tried[at].chosen = true;
                teachers.push(with_members(&found[at].teacher, |members| members.div_ceil(chosen.len())));
            }
            all.extend(tried);
        }
        settled.teacher = teachers;
        // What was found is this seed's.
        settled.report.seeds = vec![self.seed()];
        Ok((settled, all))
    }

    /// What one member of a setting answers for the rows that may be learnt from. It stands where it would in the recipe of all
    /// settings, so that the training of one that keeps its place is kept too.
    fn answer_of_candidate(&mut self, number: usize, candidate: &TeacherSection) -> Result<Array2<f32>, RunError> {
        self.prefix = format!("{SEARCH}-");
        let trained = self.train_teacher(self.recipe, number, &with_members(candidate, |_| 1));
        self.prefix.clear();
        Ok(trained?.answer)
    }

    /// How good an answer is for each tune row, as [`Score::merit`](crate::report::Score::merit) of the row alone.
    fn merits(&self, answer: &Array2<f32>) -> Vec<f64> {
        self.split.tune.iter().map(|&row| self.score_of_learnt(answer, &[row]).merit()).collect()
    }

    fn tried(&self, candidate: &TeacherSection, answer: &Array2<f32>, cpu_seconds: f64) -> Tried {
        Tried {
            title: in_words(self.recipe, &with_members(candidate, |_| 1)),
            settings: settings(candidate),
            tune: self.score_of_learnt(answer, &self.split.tune),
            chosen: false,
            cpu_seconds,
        }
    }
}

/// Places of the candidates that are within one standard error of the best, the error paired by row; the first of equal ones is
/// the best.
fn best(found: &[Candidate]) -> Vec<usize> {
    let sum = |at: usize| found[at].merits.iter().sum::<f64>();
    let Some(best) = (0..found.len()).reduce(|best, next| if sum(next) > sum(best) { next } else { best }) else {
        return Vec::new();
    };
    let close = |at: &usize| {
        let behind = paired(&found[best].merits, &found[*at].merits);
        *at == best || behind.mean <= behind.standard_error.unwrap_or(0.0)
    };
    (0..found.len()).filter(close).collect()
}

/// A teacher of another number of members.
fn with_members(teacher: &TeacherSection, of: impl Fn(usize) -> usize) -> TeacherSection {
    let mut teacher = teacher.clone();
    if let Some(training) = teacher.training_mut() {
        training.members = of(training.members);
    }
    teacher
}

/// The keys of a setting as TOML.
fn settings(teacher: &TeacherSection) -> String {
    let table: Table = teacher.entries(false).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    toml::to_string(&table).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{AutoTeacher, Context, Seen};
    use crate::teacher::PORTFOLIO;

    #[test]
    fn those_that_the_tune_rows_cannot_tell_from_the_best_are_kept() {
        let teachers = candidates(&AutoTeacher { candidates: PORTFOLIO, sees: Seen::All }, Context::default());
        let of = |right: [fn(usize) -> bool; 3]| -> Vec<usize> {
            let merits = right.map(|right| (0..400).map(|row| f64::from(u8::from(right(row)))).collect::<Vec<_>>());
            let with = |(merits, teacher): (Vec<f64>, &TeacherSection)| Candidate { merits, teacher: teacher.clone() };
            best(&merits.into_iter().zip(&teachers).map(with).collect::<Vec<_>>())
        };
        // 300, 303 and 200 of 400 right: the first two differ in 37 rows, a standard error of 6 rows.
        assert_eq!(of([|row| row < 300, |row| (17..320).contains(&row), |row| row < 200]), [0, 1]);
        // Nine rows more, 1.5 standard errors.
        assert_eq!(of([|row| row < 300, |row| (14..323).contains(&row), |row| row < 200]), [1]);
        // 300 and 320 right, and every row that the first has the second has too: clearly better.
        assert_eq!(of([|row| row < 300, |row| row < 320, |row| row < 200]), [1]);
        // Equal ones are all kept.
        assert_eq!(of([|row| row < 300, |row| row < 300, |row| row < 300]), [0, 1, 2]);
    }
}
