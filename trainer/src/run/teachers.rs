//! What the teachers of a job answer, whatever they are: trained here, trained together with the student, or files.

use ndarray::Array2;

use super::RunError;
use super::job::Job;
use crate::data::Truth;
use crate::distill::mixer::{Mixing, mean};
use crate::distill::objective::log_softmax;
use crate::method::target::{best_on_tune, mean as mean_target, random, router};
use crate::nn::{Trained, TrainedNet};
use crate::recipe::{Recipe, TeacherSection};

/// Answers for all rows that may be learnt from.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// In words, such as `teacher 1, layer 2 masked`.
    pub(super) name: String,
    /// Log-probabilities, or logits where they are the only answer; of a regression standard scores.
    pub(super) answer: Array2<f32>,
    /// The same for all rows of the whole data, where it has more.
    everywhere: Option<Array2<f32>>,
}

impl Answer {
    /// For all rows of the whole data.
    pub(super) fn whole(&self) -> &Array2<f32> {
        self.everywhere.as_ref().unwrap_or(&self.answer)
    }
}

/// All that the teachers say.
pub(super) struct Teachers {
    /// One a teacher, in the order of the recipe.
    pub(super) each: Vec<Answer>,
    /// What is mixed: the teachers themselves, or each of their masks.
    pub(super) mixed: Vec<Answer>,
    /// Members of each teacher that is asked again.
    pub(super) asked_again: Vec<Vec<TrainedNet>>,
    /// Student and teachers that were trained together.
    pub(super) together: Option<Trained>,
    pub(super) mixing: Mixing,
    /// Place in `mixed` of the best one on the tune rows.
    pub(super) best: usize,
}

impl Teachers {
    /// The mean of all that is mixed, or the best where that is asked for.
    pub(super) fn mean(&self) -> Array2<f32> {
        self.one(|answer| answer.answer.clone())
    }

    /// The same for the whole data.
    pub(super) fn whole_mean(&self) -> Array2<f32> {
        self.one(|answer| answer.whole().clone())
    }

    fn one(&self, of: impl Fn(&Answer) -> Array2<f32>) -> Array2<f32> {
        match self.mixing {
            Mixing::BestOnTune => of(&self.mixed[self.best]),
            mixing => mean(mixing, &self.mixed.iter().map(of).collect::<Vec<_>>()),
        }
    }

    /// The mean of some of the answers, as the recipe takes means.
    pub(super) fn mean_of(&self, answers: &[Array2<f32>]) -> Array2<f32> {
        let mixing = match self.mixing {
            Mixing::MeanOfProbabilities => Mixing::MeanOfProbabilities,
            _ => Mixing::Mean,
        };
        mean(mixing, answers)
    }

    /// The same answers mixed otherwise; `alone` for a student that was not trained together with its teachers.
    pub(super) fn mixed_by(&self, mixing: Mixing, alone: bool) -> Self {
        let together = self.together.clone().filter(|_| !alone);
        let (each, mixed, asked_again) = (self.each.clone(), self.mixed.clone(), self.asked_again.clone());
        Self { each, mixed, asked_again, together, mixing, best: self.best }
    }

    /// The answers that are mixed.
    pub(super) fn answers(&self) -> Vec<Array2<f32>> {
        self.mixed.iter().map(|answer| answer.answer.clone()).collect()
    }
}

/// How a recipe mixes its teachers.
pub(super) fn mixing(recipe: &Recipe) -> Mixing {
    let Some(mixer) = recipe.mixer() else { return Mixing::Mean };
    if mixer.is(&router::METHOD) {
        return Mixing::Router { balance: mixer.read::<router::Router>().balance as f32 };
    }
    if mixer.is(&best_on_tune::METHOD) {
        return Mixing::BestOnTune;
    }
    if mixer.is(&random::METHOD) {
        return Mixing::Random;
    }
    match mixer.read::<mean_target::Mean>().of {
        Some(mean_target::MeanOf::Probabilities) => Mixing::MeanOfProbabilities,
        _ => Mixing::Mean,
    }
}

impl Job<'_> {
    /// Trains or asks every teacher of `recipe`.
    pub(super) fn teachers(&mut self, recipe: &Recipe) -> Result<Teachers, RunError> {
        let mixing = mixing(recipe);
        let together = self.cotrain(recipe)?;
        // Student first, then every teacher that is trained here.
        let mut nets = together.iter().flat_map(|together| &together.nets[1..]);
        let mut each = Vec::new();
        let mut asked_again = Vec::new();
        for (number, teacher) in recipe.teacher.iter().enumerate() {
            let name = format!("teacher {}", number + 1);
            let (answer, everywhere) = match teacher {
                TeacherSection::Uniform(_) => (self.blank(self.data.rows()), self.blank_everywhere()),
                teacher if teacher.training().is_none() => (self.answers_of_file(number)?, None),
                _ if together.is_some() => {
                    let logits = nets.next().map(|net| self.logits(net)).unwrap_or_default();
                    (self.answer_of(&logits), None)
                }
                teacher => {
                    let trained = self.train_teacher(recipe, number, teacher)?;
                    asked_again.extend(trained.asked_again);
                    (trained.answer, trained.everywhere)
                }
            };
            each.push(Answer { name, answer, everywhere });
        }
        let mixed = self.masked(recipe, together.as_ref(), &each)?;
        let tune = self.split.tune.clone();
        let merits: Vec<f64> = mixed.iter().map(|answer| self.score_of_learnt(&answer.answer, &tune).merit()).collect();
        let best = (0..merits.len()).fold(0, |best, at| if merits[at] > merits[best] { at } else { best });
        Ok(Teachers { each, mixed, asked_again, together, mixing, best })
    }

    /// The teachers of a control, whose stages and time are under its own name.
    pub(super) fn teachers_of(&mut self, control: &str, recipe: &Recipe) -> Result<Teachers, RunError> {
        self.prefix = format!("{control}-");
        let teachers = self.teachers(recipe);
        self.prefix.clear();
        teachers
    }

    /// Answers that say nothing of a row: zero logits, or the mean of a regression.
    fn blank(&self, rows: usize) -> Array2<f32> {
        Array2::zeros((rows, self.data.truth.outputs()))
    }

    fn blank_everywhere(&self) -> Option<Array2<f32>> {
        (!self.evaluation.unseen.is_empty()).then(|| self.blank(self.whole.rows()))
    }

    /// What a teacher that comes as a file answers for all rows.
    fn answers_of_file(&self, number: usize) -> Result<Array2<f32>, RunError> {
        let file = self.files.get(number).and_then(Option::as_ref);
        let mut answers = file.ok_or(RunError::NotConsulted { number: number + 1 })?.answers.clone();
        if let Truth::Quantity { .. } = self.data.truth {
            answers.mapv_inplace(|y| self.scale.score(y));
        }
        Ok(self.answer_of(&answers))
    }

    /// Log-probabilities of a classifier, scores of a regression.
    pub(super) fn answer_of(&self, outputs: &Array2<f32>) -> Array2<f32> {
        match self.data.truth {
            Truth::Classes { .. } => log_softmax(outputs.view()),
            Truth::Quantity { .. } => outputs.clone(),
        }
    }

    /// An answer that is none of several, or has been averaged.
    pub(super) fn named(&self, name: String, answer: Array2<f32>) -> Answer {
        Answer { name, answer, everywhere: None }
    }
}
