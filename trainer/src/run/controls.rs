//! Controls: students that are trained beside the recipe's own, so that a gain can be told from what any training gives.
//!
//! A control is a function from a recipe to a recipe. It keeps the student's network, regularisation and length of training,
//! and changes who teaches. Of several recipes the best on the tune rows counts.
//!
//! | control | what it keeps and changes |
//! |---|---|
//! | `label_only` | labels alone |
//! | `label_smoothing` | labels alone, a tenth of their mass spread over all classes |
//! | `graph_mlp` | the labels and the edges of a graph alone, by the neighbour contrast of Graph-MLP: what the graph gives without a teacher |
//! | `uniform_teacher` | the recipe, with a teacher that knows nothing; it always sees the labels |
//! | `plain_kd` | Hinton's distillation from the same answers: their mean, one temperature of 1, 2 and 4, no link |
//! | `random_router` | a router's answers, drawn at random |
//! | `self` | the teacher's widths, members and training on the student's own columns: what the other columns, or the graph, contributed is the gain over it |

use super::RunError;
use super::job::Job;
use super::student::Distilled;
use super::teachers::Teachers;
use crate::method::link::contrast::Contrast;
use crate::method::objective::Weights;
use crate::method::objective::kl::{self, Kl};
use crate::method::target::{mean, random, router};
use crate::method::{Chosen, link};
use crate::nn::{Length, MOST_EPOCHS, MlpWeights, TuneFigure};
use crate::recipe::section::Section;
use crate::recipe::{
    DataKind, MlpTeacher, Recipe, Schedule, Seen, StudentSection, Task, TeacherSection, UniformTeacher,
};
use crate::report::metrics;

/// Share of label mass that the label-smoothing control spreads over all classes.
const LABEL_SMOOTHING: f64 = 0.1;
/// Distill temperatures that plain distillation chooses from.
const PLAIN_TEMPERATURES: [f64; 3] = [1.0, 2.0, 4.0];
/// Weights and temperatures of the neighbour contrast that Graph-MLP chooses from: narrow students are best with the first
/// ones, wide students with the last.
const GRAPH_MLP: [(f64, f64); 4] = [(1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (10.0, 0.5)];
/// Nodes that it compares in a step: few, so that it costs no more than the other controls.
const GRAPH_MLP_NODES: usize = 500;

/// A control.
pub struct Control {
    /// Its name in figures.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub title: &'static str,
    /// Its recipes, of which the best on the tune rows counts; none where it has no meaning.
    derive: fn(&Recipe) -> Vec<Recipe>,
}

/// Every control, in the order of reports.
pub static CONTROLS: [Control; 7] = [
    Control {
        name: "plain_kd",
        title: "the same network on the mean of the same answers, without links; the best temperature of 1, 2 and 4 on the tune rows",
        derive: plain_kd,
    },
    Control {
        name: "self",
        title: "the same recipe from teachers of the same widths and training that see only the student's own columns",
        derive: own_columns,
    },
    Control {
        name: "graph_mlp",
        title: "the same network on labels and on the edges of the graph, without a teacher (Graph-MLP); the best of four settings on the tune rows",
        derive: graph_mlp,
    },
    Control {
        name: "uniform_teacher",
        title: "the same recipe with a teacher that gives every class the same probability, and with labels",
        derive: uniform_teacher,
    },
    Control {
        name: "random_router",
        title: "the same recipe with an answer drawn at random for each row",
        derive: random_router,
    },
    Control { name: "label_smoothing", title: "the same network on labels smoothed by 0.1", derive: label_smoothing },
    Control { name: "label_only", title: "the same network on labels alone", derive: label_only },
];

/// Trainings of all controls of a recipe.
pub(super) fn stages(recipe: &Recipe) -> usize {
    let of = |control: &Control| {
        let derived = (control.derive)(recipe);
        let teachers: usize = derived.iter().map(|it| new_teachers(recipe, it)).sum();
        derived.len() + teachers
    };
    CONTROLS.iter().map(of).sum()
}

/// Most nodes that a neighbour contrast of a recipe or of its controls compares in a step; none where there is none.
pub(super) fn most_compared(recipe: &Recipe) -> Option<usize> {
    let nodes = |recipe: &Recipe| recipe.keys_of::<Contrast>(&link::contrast::METHOD).map(|keys| keys.nodes);
    let controls = if recipe.report.controls { graph_mlp(recipe) } else { Vec::new() };
    controls.iter().chain([recipe]).filter_map(nodes).max()
}

/// Trainings of teachers that a control needs beside the recipe's.
fn new_teachers(recipe: &Recipe, control: &Recipe) -> usize {
    if same_training(control, recipe) { 0 } else { super::teacher_stages(control) }
}

impl Job<'_> {
    /// Trains every control that has a meaning, adds its figures, and says what it changes.
    pub(super) fn controls(&mut self, teachers: &Teachers) -> Result<Vec<metrics::Control>, RunError> {
        let mut differences = Vec::new();
        for control in &CONTROLS {
            let mut best: Option<(f64, MlpWeights, Recipe)> = None;
            for (at, mut derived) in (control.derive)(self.recipe).into_iter().enumerate() {
                self.lengthen(&mut derived, teachers)?;
                let stage = format!("{}-{at}", control.name);
                let own = self.control_teachers(control.name, &derived, teachers)?;
                let Distilled { weights, tune, .. } =
                    self.distil(&stage, &derived, own.as_ref().unwrap_or(teachers))?;
                let merit = match tune {
                    Some(TuneFigure::Accuracy(accuracy) | TuneFigure::Both { accuracy, .. }) => 100.0 * accuracy,
                    _ => self.score(&weights, &self.evaluation.split.tune).merit(),
                };
                if best.as_ref().is_none_or(|(found, ..)| merit > *found) {
                    best = Some((merit, weights, derived));
                }
            }
            let Some((_, weights, derived)) = best else { continue };
            self.judge(control.name, |job, rows| Ok(job.score(&weights, rows)))?;
            differences.push(metrics::Control {
                name: control.name.to_owned(),
                title: control.title.to_owned(),
                difference: self.recipe.difference(&derived),
            });
        }
        Ok(differences)
    }

    /// Gives a control whose steps take all rows as many steps as the student has.
    fn lengthen(&self, control: &mut Recipe, teachers: &Teachers) -> Result<(), RunError> {
        if self.recipe.student.batch_rows.is_some() && control.student.batch_rows.is_none() {
            let teaching = self.teaching(self.recipe, teachers);
            let rows = teaching.map_err(|source| self.train_error("controls", source))?.rows().len();
            as_long_as(&mut control.student, &self.recipe.student, rows);
        }
        Ok(())
    }

    /// The teachers of a control, where they are not the recipe's.
    fn control_teachers(
        &mut self,
        name: &str,
        control: &Recipe,
        teachers: &Teachers,
    ) -> Result<Option<Teachers>, RunError> {
        if !same_training(control, self.recipe) {
            return self.teachers_of(name, control).map(Some);
        }
        let mixing = super::teachers::mixing(control);
        let alone = control.cotrain != self.recipe.cotrain;
        Ok((alone || mixing != teachers.mixing).then(|| teachers.mixed_by(mixing, alone)))
    }
}

/// Sets the length of a control, one step an epoch, to the steps of a student in batches over `rows` rows.
fn as_long_as(control: &mut StudentSection, student: &StudentSection, rows: usize) {
    let Some(batch) = student.batch_rows else { return };
    let steps = rows.div_ceil(batch.max(1)).max(1);
    let epochs = Length::of(student.epochs, student.steps).epochs(rows, student.batch_rows);
    let capped = |epochs: usize| epochs.saturating_mul(steps).min(MOST_EPOCHS);
    (control.epochs, control.steps) = (Some(capped(epochs)), None);
    control.patience = student.patience.map(capped);
}

/// Whether two recipes train the same teachers; asking them again trains nothing.
fn same_training(a: &Recipe, b: &Recipe) -> bool {
    stored(a).teacher == stored(b).teacher
}

/// The recipe whose teachers' stored answers count alone.
pub(super) fn stored(recipe: &Recipe) -> Recipe {
    let mut recipe = recipe.clone();
    for teacher in &mut recipe.teacher {
        if let TeacherSection::Mlp(teacher) = teacher {
            teacher.reask = false;
        }
    }
    recipe
}

/// The recipe without teachers' answers: labels alone.
fn label_only(recipe: &Recipe) -> Vec<Recipe> {
    let mut control = without_teachers(recipe);
    set_weights(&mut control, |weights| {
        weights.soft_weight = Schedule::Constant(0.0);
        weights.label_weight = 1.0;
        weights.label_smoothing = weights.label_smoothing.map(|_| 0.0);
    });
    vec![control]
}

fn label_smoothing(recipe: &Recipe) -> Vec<Recipe> {
    let mut controls = label_only(recipe);
    controls.retain(|control| control.data.task == Task::Classify);
    for control in &mut controls {
        set_weights(control, |weights| weights.label_smoothing = Some(LABEL_SMOOTHING));
    }
    controls
}

fn uniform_teacher(recipe: &Recipe) -> Vec<Recipe> {
    if recipe.data.task == Task::Regress {
        return Vec::new();
    }
    let mut control = recipe.clone();
    control.teacher = vec![TeacherSection::Uniform(UniformTeacher {})];
    control.cotrain = None;
    control.masks = None;
    control.target = vec![mean_of(recipe)];
    control.link.retain(|chosen| chosen.is(&link::edges::METHOD) || chosen.is(&link::contrast::METHOD));
    set_weights(&mut control, |weights| weights.label_weight = weights.label_weight.max(1.0));
    vec![control]
}

/// The recipe of Graph-MLP: labels, and the neighbour contrast in the place of every teacher.
fn graph_mlp(recipe: &Recipe) -> Vec<Recipe> {
    let knows_nothing = |teacher: &TeacherSection| matches!(teacher, TeacherSection::Uniform(_));
    let already = recipe.method(&link::contrast::METHOD).is_some() && recipe.teacher.iter().all(knows_nothing);
    if recipe.data.kind != DataKind::Graph || recipe.student.hidden.is_empty() || already {
        return Vec::new();
    }
    let mut control = label_only(recipe).remove(0);
    control.teacher = vec![TeacherSection::Uniform(UniformTeacher {})];
    control.student.batch_rows = None;
    let with = |(weight, temperature)| {
        let keys = Contrast { weight, temperature, hops: 2, nodes: GRAPH_MLP_NODES };
        Recipe { link: vec![Chosen::new(&link::contrast::METHOD, &keys)], ..control.clone() }
    };
    GRAPH_MLP.map(with).into()
}

fn plain_kd(recipe: &Recipe) -> Vec<Recipe> {
    let mut control = without_teachers(recipe);
    control = stored(&control);
    let mut weights = Weights { soft_weight: Schedule::Constant(1.0), ..recipe.weights() };
    weights.label_smoothing = weights.label_smoothing.map(|_| 0.0);
    if recipe.data.task == Task::Regress {
        control.objective = weighted(&recipe.objective, &weights);
        return vec![control];
    }
    let with = |temperature| {
        let objective = Chosen::new(&kl::METHOD, &Kl { weights: weights.clone(), temperature });
        Recipe { objective, ..control.clone() }
    };
    PLAIN_TEMPERATURES.map(with).into()
}

fn random_router(recipe: &Recipe) -> Vec<Recipe> {
    let routes = recipe.mixer().is_some_and(|mixer| mixer.is(&router::METHOD));
    if !routes || (recipe.teacher.len() < 2 && recipe.masks.is_none()) {
        return Vec::new();
    }
    let mut control = recipe.clone();
    for target in control.target.iter_mut().filter(|target| target.method.mixes) {
        *target = Chosen::new(&random::METHOD, &random::Random {});
    }
    vec![control]
}

/// The teachers that are trained here, each on the student's own columns.
fn own_columns(recipe: &Recipe) -> Vec<Recipe> {
    let own = |teacher: &TeacherSection| {
        let training = teacher.training()?.clone();
        let (mixup, batch_rows) = (teacher.mixup(), teacher.batch_rows());
        Some(TeacherSection::Mlp(MlpTeacher { training, mixup, batch_rows, sees: Seen::Student, reask: false }))
    };
    let teacher: Vec<_> = recipe.teacher.iter().filter_map(own).collect();
    // Teachers on the student's own columns are this control already.
    let already = recipe.teacher.iter().all(|teacher| teacher.sees() == Seen::Student && !teacher.needs_edges());
    if teacher.is_empty() || already || recipe.cotrain.is_some() {
        return Vec::new();
    }
    let mut control = recipe.clone();
    control.teacher = teacher;
    control.target = vec![mean_of(recipe)];
    control.link.clear();
    vec![control]
}

/// The recipe with its student alone: no training together, no masks, no link, the mean of the answers.
fn without_teachers(recipe: &Recipe) -> Recipe {
    let mut control = recipe.clone();
    control.cotrain = None;
    control.masks = None;
    control.target = vec![mean_of(recipe)];
    control.link.clear();
    control
}

/// The recipe's mean, or the usual one.
fn mean_of(recipe: &Recipe) -> Chosen {
    let own = recipe.mixer().filter(|mixer| mixer.is(&mean::METHOD)).cloned();
    let of = match (recipe.data.task, recipe.data.kind) {
        (Task::Regress, _) => None,
        (Task::Classify, DataKind::Graph) => Some(mean::MeanOf::Probabilities),
        (Task::Classify, DataKind::Table) => Some(mean::MeanOf::LogProbabilities),
    };
    own.unwrap_or_else(|| Chosen::new(&mean::METHOD, &mean::Mean { of }))
}

/// Changes the weights of the objective.
fn set_weights(recipe: &mut Recipe, change: impl FnOnce(&mut Weights)) {
    let mut weights = recipe.weights();
    change(&mut weights);
    recipe.objective = weighted(&recipe.objective, &weights);
}

/// The same objective with other weights.
fn weighted(objective: &Chosen, weights: &Weights) -> Chosen {
    let mut objective = objective.clone();
    objective.keys.retain(|name, _| Weights::keys().iter().all(|key| key.name != name));
    objective.keys.extend(weights.table());
    objective
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const GRAPH: &str = "[data]\nsource = \"cora\"\n[[teacher]]\nkind = \"gcn\"\n";
    const LINK: &str = "[[link]]\nkind = \"edges\"\n[[rows]]\nkind = \"word-dropout\"\nshare = 0.3\n";

    fn recipe(text: &str) -> Recipe {
        Recipe::parse(text, Path::new("control.toml")).unwrap()
    }

    #[test]
    fn graph_mlp_is_the_labels_and_the_edges_in_the_students_network() {
        let own = recipe(&format!("{GRAPH}[student]\nhidden = [24]\ndropout = 0.2\n{LINK}"));
        let controls = graph_mlp(&own);
        let labels = label_only(&own).remove(0);
        assert_eq!(controls.len(), GRAPH_MLP.len());
        for (control, (weight, temperature)) in controls.iter().zip(GRAPH_MLP) {
            assert_ne!(control.recipe_hash(), labels.recipe_hash());
            assert!(labels.difference(control).contains("contrast"), "{}", labels.difference(control));
            assert_eq!((&control.student, &control.rows), (&own.student, &own.rows));
            assert_eq!(control.weights(), labels.weights());
            assert_eq!(control.teacher, [TeacherSection::Uniform(UniformTeacher {})]);
            assert_eq!(control.link.len(), 1);
            let keys: Contrast = control.keys_of(&link::contrast::METHOD).unwrap();
            assert_eq!((keys.weight, keys.temperature), (weight, temperature));
            // What a control says it is can be read and run as a recipe.
            assert_eq!(recipe(&control.resolved()), *control);
        }
    }

    #[test]
    fn a_control_without_batches_has_the_steps_of_the_student() {
        let length = |text: &str, rows: usize| {
            let own = recipe(&format!("{GRAPH}[student]\nbatch_rows = 64\n{text}"));
            let mut control = graph_mlp(&own).remove(0);
            as_long_as(&mut control.student, &own.student, rows);
            // What the report prints of it can be read again.
            assert_eq!(recipe(&control.resolved()), control);
            (control.student.epochs, control.student.patience)
        };
        // Three steps an epoch over 140 rows.
        assert_eq!(length("epochs = 200\npatience = 20\n", 140), (Some(600), Some(60)));
        assert_eq!(length("epochs = 90000\npatience = 20\n", 140), (Some(100_000), Some(60)));
    }

    #[test]
    fn graph_mlp_needs_a_graph_a_hidden_layer_and_another_recipe() {
        assert!(graph_mlp(&recipe(&format!("{GRAPH}[student]\nhidden = []\n"))).is_empty());
        let itself = &graph_mlp(&recipe(GRAPH))[0];
        assert!(graph_mlp(itself).is_empty());
        let table = "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\"]\nteacher_columns = [\"b\"]\n\
                     [[teacher]]\nkind = \"mlp\"\n";
        assert!(graph_mlp(&recipe(table)).is_empty());
    }

    #[test]
    fn a_uniform_teacher_keeps_the_links_that_need_no_other() {
        let own = recipe(&format!("{GRAPH}{LINK}[[link]]\nkind = \"contrast\"\n"));
        assert_eq!(uniform_teacher(&own)[0].link, own.link);
    }
}
