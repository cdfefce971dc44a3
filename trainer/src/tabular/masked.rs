//! Masked teachers: each of the last two hidden layers of a co-trained teacher gets a mask, and each mask makes a way.

use ndarray::Array2;

use super::job::Job;
use super::lesson::{Imitate, tempered};
use crate::nn::{Adam, Cut, Mask, MaskForm, Source, TrainPlan, Trained, Training};
use crate::recipe::old::{MaskKind, MasksSection, TabularRecipe};
use crate::run::RunError;

/// Hidden layers of a teacher that are masked, counted from its end.
const LAYERS: usize = 2;
/// First of the masks' seeds, behind those of all members of all teachers.
const MASKS: u64 = 1 << 24;
/// A training step goes forward and back, which costs twice as much again.
const STEP: usize = 3;

/// A way of a route.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// In words, such as `teacher 1, layer 2 masked`.
    pub(super) name: String,
    /// Log-probabilities for all rows, or scores of a regression.
    pub(super) answer: Array2<f32>,
}

/// What the masks of one fold and seed cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskCosts {
    /// Masks, one a way.
    pub masks: usize,
    /// Weights and biases of all of them.
    pub parameters: usize,
    /// Multiply-accumulates of their training.
    pub macs: u128,
}

/// What the masks of a recipe cost with `rows` train rows; `None` for a recipe without.
#[must_use]
pub fn mask_costs(recipe: &TabularRecipe, rows: usize) -> Option<MaskCosts> {
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
fn places(recipe: &TabularRecipe) -> impl Iterator<Item = (usize, usize, usize)> {
    let teachers = recipe.teacher.iter().enumerate().filter(|(_, teacher)| teacher.is_trained());
    teachers.flat_map(|(number, teacher)| {
        let first = teacher.hidden.len().saturating_sub(LAYERS);
        (first..teacher.hidden.len()).map(move |layer| (number, layer, teacher.hidden[layer]))
    })
}

/// Masks that a job trains.
pub(super) fn count(recipe: &TabularRecipe) -> usize {
    recipe.masks.map_or(0, |_| places(recipe).count())
}

fn mask(section: &MasksSection, features: usize) -> Mask {
    let form = match section.kind {
        MaskKind::Bottleneck => MaskForm::Bottleneck { units: section.units.unwrap_or((features / 4).max(4)) },
        MaskKind::Attention => MaskForm::Attention { heads: section.heads.unwrap_or(1) },
    };
    Mask { form, features }
}

/// The ways of the route: every mask's teacher where the recipe has masks, else every teacher; those that come as a file
/// as they are. `together` are student and teachers as they were trained together.
pub(super) fn ways(
    job: &mut Job<'_>,
    together: Option<&Trained>,
    answers: &[Array2<f32>],
) -> Result<Vec<Way>, RunError> {
    let recipe = job.recipe;
    let plain = |number: usize| Way { name: format!("teacher {}", number + 1), answer: answers[number].clone() };
    let (Some(section), Some(together)) = (&recipe.masks, together) else {
        return Ok((0..answers.len()).map(plain).collect());
    };
    let temperature = recipe.cotrain.map_or(1.0, |cotrain| cotrain.temperature) as f32;
    let student = tempered(&together.nets[0].logits(job.x.view(), job.backend), temperature);
    let mut ways = Vec::new();
    let trained: Vec<usize> = (0..answers.len()).filter(|&number| recipe.teacher[number].is_trained()).collect();
    for (number, layer, features) in places(recipe) {
        let net = trained.iter().position(|&at| at == number).unwrap_or(0) + 1;
        let cut = Cut::new(&together.nets[net], layer, job.x.view(), job.backend);
        let adam = Adam { learning_rate: section.learning_rate as f32, weight_decay: 0.0 };
        let batch_rows = Some(recipe.student.batch_rows);
        let seed = job.apart(MASKS + (number * 64 + layer) as u64);
        let plan = TrainPlan { adam, max_epochs: section.epochs, patience: None, batch_rows, seed };
        let stage = format!("mask-{number}-{layer}");
        let mask = mask(section, features);
        // The masks depend on nothing but what was trained together, which its own key covers.
        let key = job.key("mask", &(job.cotrain_key(), number, layer, mask, plan));
        let masked = job.kept(&stage, key, |job| {
            let mut lesson = Imitate { tune: &job.split.tune, student: &student, temperature };
            let source = Source::Rows { x: cut.features.view(), train: &job.split.train, tune: &job.split.tune };
            let start = [cut.masked(mask.form, seed)];
            let mut trained =
                job.run(&stage, &Training { start: &start, source, plan, backend: job.backend }, &mut lesson)?;
            job.spend("masks", trained.cpu_seconds);
            Ok(trained.nets.remove(0))
        })?;
        let answer = job.answer(&masked.logits(cut.features.view(), job.backend));
        ways.push(Way { name: format!("teacher {}, layer {} masked", number + 1, layer + 1), answer });
    }
    ways.extend((0..answers.len()).filter(|number| !trained.contains(number)).map(plain));
    Ok(ways)
}
