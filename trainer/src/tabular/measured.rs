//! What the reports show of a run on a table.

use std::collections::BTreeMap;

use super::job::JobResult;
use super::prepare::{TabularPrepared, Truth};
use crate::output::hexadecimal;
use crate::quantize::{Replay, activations, dense_rows};
use crate::recipe::{TabularRecipe, TabularSplit, TabularTeacher};
use crate::report::Outcome;
use crate::report::metrics::{Control, TeacherMetrics};
use crate::report::outcome::{MixerShare, NetworkOutcome, Rows, TEST, TRAIN, TUNE, role};
use crate::report::shipped::{self, Answers, Shipped, Steps};
use ndarray::Axis;

/// Name, what it is, and the keys of the recipe that are other.
const CONTROLS: [(&str, &str, &str); 5] = [
    (
        "plain_kd",
        "the same network, half labels and half the first teacher; its temperature of 1, 2 or 4 is chosen on the tune rows",
        "[student]\nnoise = 0\n\n[target]\nlabel_weight = 0.5\nsoft_weight = 0.5\ndistill_temperature = 1 # or 2, or 4\n\n[route]\n\
         kind = \"mean\" # of the first teacher alone\n",
    ),
    (
        "uniform_teacher",
        "the same recipe with a teacher that gives every class the same probability, and labels of weight 1 where it had none",
        "[route]\nkind = \"mean\" # of one teacher whose every logit is 0\n",
    ),
    (
        "label_smoothing",
        "the same network on the labels of the train rows, smoothed by 0.1",
        "[student]\ndropout = 0\nnoise = 0\n\n[target]\nlabel_weight = 1 # smoothed by 0.1\nsoft_weight = 0\n",
    ),
    (
        "label_only",
        "the same network on the labels of the train rows alone",
        "[student]\ndropout = 0\nnoise = 0\n\n[target]\nlabel_weight = 1\nsoft_weight = 0\n",
    ),
    ("random_router", "the same recipe, a teacher drawn at random for each row", "[route]\nkind = \"random\"\n"),
];

/// All controls that a run may have.
pub(super) fn controls() -> Vec<Control> {
    let control = |(name, title, difference): (&str, &str, &str)| Control {
        name: name.to_owned(),
        title: title.to_owned(),
        difference: difference.to_owned(),
    };
    CONTROLS.map(control).into()
}

/// The teachers of a recipe; `words` says each in words, joined by ` + `.
pub(super) fn teachers(recipe: &TabularRecipe, data: &TabularPrepared, words: &[String]) -> Vec<TeacherMetrics> {
    let teacher = |(at, (teacher, title)): (usize, (&TabularTeacher, &String))| {
        let given = data.given.get(at).and_then(Option::as_ref);
        TeacherMetrics {
            title: title.clone(),
            path: teacher.path.clone().filter(|_| given.is_some()),
            sha256: given.map(|given| hexadecimal(&given.identity)),
        }
    };
    recipe.teacher.iter().zip(words).enumerate().map(teacher).collect()
}

/// Name of a split in the reports.
pub(super) fn split_name(recipe: &TabularRecipe, fold: u64) -> String {
    match recipe.data.split {
        TabularSplit::Folds => format!("fold {fold}"),
        TabularSplit::Random => "random".to_owned(),
        TabularSplit::Ordered => "ordered".to_owned(),
    }
}

/// The network that a training gave, by its stage; none for one that is only a part of a network.
fn network(stage: &str) -> Option<String> {
    let mut words = stage.split('-');
    match (words.next()?, words.next()) {
        ("student", None) => Some("student_float".to_owned()),
        ("cotrain", None) => Some("cotrained".to_owned()),
        ("teacher", Some(number)) => Some(teacher_name(number.parse().ok()?)),
        ("mask", _) => None,
        _ => Some(stage.to_owned()),
    }
}

fn teacher_name(at: usize) -> String {
    if at == 0 { "teacher".to_owned() } else { format!("teacher_{}", at + 1) }
}

/// What a job measured.
pub(super) fn outcome(recipe: &TabularRecipe, result: &JobResult) -> Outcome {
    let mut networks: BTreeMap<String, NetworkOutcome> = BTreeMap::new();
    let scores = result.test.iter().map(|(name, score)| (name.clone(), TEST, *score));
    let tune = [("student_int8", result.tune), ("student_float", result.tune_float)];
    let tune = tune.into_iter().map(|(name, score)| (name.to_owned(), TUNE, score));
    let train = result.teacher_train.iter().enumerate().map(|(at, score)| (teacher_name(at), TRAIN, *score));
    for (name, part, score) in scores.chain(tune).chain(train) {
        let network = networks.entry(name.clone()).or_insert_with(|| NetworkOutcome::new(role(&name)));
        network.on.insert(part.to_owned(), score);
    }
    for (stage, curve) in &result.curves {
        let Some(name) = network(stage) else { continue };
        let network = networks.entry(name.clone()).or_insert_with(|| NetworkOutcome::new(role(&name)));
        // Members of one teacher share a line; the first one's curve is kept.
        network.epochs = Some(network.epochs.unwrap_or(0) + curve.loss.len());
        network.curve.get_or_insert_with(|| curve.clone());
    }
    let mixer = if result.ways.is_empty() {
        let share =
            |(at, share): (usize, &f64)| MixerShare { name: teacher_name(at), share: 100.0 * share, score: None };
        result.load.iter().enumerate().map(share).collect()
    } else {
        let share = |((name, score), share): (&(String, crate::report::Score), &f64)| MixerShare {
            name: name.clone(),
            share: 100.0 * share,
            score: Some(*score),
        };
        result.ways.iter().zip(&result.load).map(share).collect()
    };
    let split = &result.split;
    let (train, tune, test) = (split.train.len(), split.tune.len(), split.test.len());
    Outcome {
        split: split_name(recipe, result.fold),
        seed: result.seed,
        rows: Rows { train, labelled: result.labelled, tune, test, unseen: test },
        networks,
        mixer,
        edge_agreement: None,
        cpu_seconds: result.cpu_seconds.clone(),
    }
}

/// The shipped student's answers for its test rows; `integers` are those of the sealed file.
pub(super) fn judged(data: &TabularPrepared, shipped: &JobResult, integers: &Replay) -> Shipped {
    let test = &shipped.split.test;
    let x = data.x.select(Axis(0), test);
    let seen = shipped.student.coding.seen(&dense_rows(x.slice(ndarray::s![.., ..data.student])));
    let groups: Option<Vec<String>> =
        data.groups.as_ref().map(|groups| test.iter().map(|&row| groups[row].clone()).collect());
    let of_test = |answers: shipped::Truth<'_>| {
        Shipped::of(&Answers {
            truth: answers,
            rows: test,
            integers,
            steps: &Steps::of(&shipped.student),
            float: &activations(&shipped.weights, &seen),
            groups: groups.as_deref(),
        })
    };
    match &data.truth {
        Truth::Classes { labels, names } => {
            let labels: Vec<u16> = test.iter().map(|&row| labels[row]).collect();
            of_test(shipped::Truth::Classes(&labels, names))
        }
        Truth::Quantity { values, .. } => {
            let values: Vec<f32> = test.iter().map(|&row| values[row]).collect();
            of_test(shipped::Truth::Quantity(&values))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the keys of a recipe are defined.
    const RECIPE: &str = include_str!("../recipe/tabular.rs");

    #[test]
    fn differences_are_keys_that_a_recipe_has() {
        for control in controls() {
            let keys: toml::Table =
                control.difference.parse().unwrap_or_else(|error| panic!("{}: {error}", control.name));
            for (section, keys) in &keys {
                for key in keys.as_table().unwrap().keys() {
                    assert!(RECIPE.contains(&format!("pub {key}:")), "{}: {section}.{key}", control.name);
                }
            }
        }
    }
}
