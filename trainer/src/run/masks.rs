//! Masked teachers: each of the last two hidden layers of a co-trained teacher gets a mask, and each mask makes an answer.

use super::RunError;
use super::job::Job;
use super::teachers::Answer;
use crate::data::Matrix;
use crate::distill::imitate::Imitate;
use crate::distill::objective::tempered;
use crate::nn::{Adam, Cut, Length, Mask, MaskForm, Rows, Source, TrainPlan, Trained, Training};
use crate::recipe::{MaskKind, MasksSection, Recipe};

/// Hidden layers of a teacher that are masked, counted from its end.
const LAYERS: usize = 2;
/// First of the masks' seeds, beyond those of all members of all teachers.
const MASKS: u64 = 1 << 24;
/// A training step goes forward and back, which costs twice as much again.
const STEP: usize = 3;

/// What the masks of one fold and seed cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskCosts {
    /// Masks, one an answer.
    pub masks: usize,
    /// Weights and biases of all of them.
    pub parameters: usize,
    /// Multiply-accumulates of their training.
    pub macs: u128,
}

/// What the masks of a recipe cost with `rows` train rows; `None` for a recipe without.
#[must_use]
pub fn mask_costs(recipe: &Recipe, rows: usize) -> Option<MaskCosts> {
    let section = recipe.masks.as_ref()?;
    let masks: Vec<Mask> = places(recipe).map(|(_, _, features)| mask(section, features)).collect();
    let macs: usize = masks.iter().map(Mask::macs).sum();
    Some(MaskCosts {
        masks: masks.len(),
        parameters: masks.iter().map(Mask::parameters).sum(),
        macs: (macs * STEP) as u128 * (rows * section.epochs) as u128,
    })
}

/// Number of the teacher, hidden layer and its features, of every mask.
fn places(recipe: &Recipe) -> impl Iterator<Item = (usize, usize, usize)> {
    let teachers = recipe.teacher.iter().enumerate().filter(|(_, teacher)| teacher.is_trained());
    teachers.flat_map(|(number, teacher)| {
        let hidden = teacher.training().map_or(&[][..], |training| &training.hidden[..]);
        let first = hidden.len().saturating_sub(LAYERS);
        (first..hidden.len()).map(move |layer| (number, layer, hidden[layer]))
    })
}

/// Masks that a job trains.
pub(super) fn count(recipe: &Recipe) -> usize {
    recipe.masks.as_ref().map_or(0, |_| places(recipe).count())
}

fn mask(section: &MasksSection, features: usize) -> Mask {
    let form = match section.kind {
        MaskKind::Bottleneck => MaskForm::Bottleneck { units: section.units.unwrap_or((features / 4).max(4)) },
        MaskKind::Attention => MaskForm::Attention { heads: section.heads.unwrap_or(1) },
    };
    Mask { form, features }
}

impl Job<'_> {
    /// What is mixed: every mask's teacher where the recipe has masks, else every teacher; those that come as a file as they
    /// are. `together` are student and teachers as they were trained together.
    pub(super) fn masked(
        &mut self,
        recipe: &Recipe,
        together: Option<&Trained>,
        each: &[Answer],
    ) -> Result<Vec<Answer>, RunError> {
        let (Some(section), Some(together), Matrix::Dense(x)) = (&recipe.masks, together, self.x.clone()) else {
            return Ok(each.to_vec());
        };
        let temperature = recipe.cotrain.as_ref().map_or(1.0, |cotrain| cotrain.temperature) as f32;
        let student = tempered(&together.nets[0].logits(x.view(), self.backend), temperature);
        let mut mixed = Vec::new();
        let trained: Vec<usize> = (0..each.len()).filter(|&number| recipe.teacher[number].is_trained()).collect();
        for (number, layer, features) in places(recipe) {
            let net = trained.iter().position(|&at| at == number).unwrap_or(0) + 1;
            let cut = Cut::new(&together.nets[net], layer, x.view(), self.backend);
            let adam = Adam { learning_rate: section.learning_rate as f32, weight_decay: 0.0 };
            let seed = self.apart(MASKS + (number * 64 + layer) as u64);
            let (length, batch_rows) = (Length::Epochs(section.epochs), recipe.student.batch_rows);
            let plan = TrainPlan { adam, length, patience: None, batch_rows, seed };
            let stage = format!("masks-{number}-{layer}");
            let mask = mask(section, features);
            // The masks depend on nothing but what was trained together, which its own key covers.
            let key = self.key("mask", &(self.cotrain_key(recipe), number, layer, mask, plan));
            let masked = self.kept(&stage, key, |job| {
                let mut lesson = Imitate { tune: &job.split.tune, student: &student, temperature };
                let x = Rows::Dense(cut.features.view());
                let source = Source::Rows { x, train: &job.split.train, tune: &job.split.tune };
                let start = [cut.masked(mask.form, seed)];
                let mut trained =
                    job.run(&stage, &Training { start: &start, source, plan, backend: job.backend }, &mut lesson)?;
                job.spend("masks", trained.cpu_seconds);
                Ok(trained.nets.remove(0))
            })?;
            let answer = self.answer_of(&masked.logits(cut.features.view(), self.backend));
            mixed.push(self.named(format!("teacher {}, layer {} masked", number + 1, layer + 1), answer));
        }
        mixed.extend((0..each.len()).filter(|number| !trained.contains(number)).map(|number| each[number].clone()));
        Ok(mixed)
    }
}
