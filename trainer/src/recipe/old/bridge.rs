//! From the one recipe to what today's engines read; deleted with them.

use std::path::Path;

use super::graph;
use super::table::{self, RouteKind, RouteSection, Softening, TabularSplit, TabularTeacherKind};
use crate::method::{link, rows, target};
use crate::recipe::error::{RecipeFault, RecipeProblem};
use crate::recipe::{
    ChooseBy, QuantizeMethod, Recipe, RecipeError, Schedule, Seen, SplitKind, TeacherKind, TeacherSection, Training,
};

/// The engine that carries a recipe out, with what it reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Engine {
    /// The one of graphs.
    Graph(Box<graph::Recipe>),
    /// The one of tables.
    Table(Box<table::TabularRecipe>),
}

/// Chooses the engine of a recipe read from `file`.
///
/// # Errors
/// [`RecipeError`] for a recipe that means something, but that the engine cannot carry out yet.
pub fn engine(whole: Recipe, file: &Path) -> Result<Engine, RecipeError> {
    if let Some((key, what)) = not_yet(&whole) {
        let message = format!("{what} cannot be carried out yet on a {}", whole.data.kind.word());
        return Err(refuse(file, &key, &message, "leave it out"));
    }
    Ok(if whole.data.is_table() {
        Engine::Table(Box::new(of_table(whole)))
    } else {
        Engine::Graph(Box::new(of_graph(whole)))
    })
}

/// A refusal without a place in the file.
pub(super) fn refuse(file: &Path, key: &str, message: &str, remedy: &str) -> RecipeError {
    RecipeError::new(RecipeProblem {
        kind: RecipeFault::Combination,
        file: file.to_path_buf(),
        line: 0,
        column: 0,
        key: key.to_owned(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    })
}

/// The first key that the engine does not know yet, and what it asks for.
fn not_yet(whole: &Recipe) -> Option<(String, &'static str)> {
    let is_table = whole.data.is_table();
    for (index, teacher) in whole.teacher.iter().enumerate() {
        let found = match teacher {
            TeacherSection::Dense(_) | TeacherSection::Student(_) | TeacherSection::Uniform(_) => {
                Some(("kind", "a teacher of this kind"))
            }
            TeacherSection::Onnx(model) if !model.columns.is_empty() => Some(("columns", "a list of wanted columns")),
            teacher if !is_table && !teacher.needs_edges() => Some(("kind", "a teacher of this kind")),
            teacher => teacher.training().and_then(|training| own_training(whole, training)),
        };
        if let Some((key, what)) = found {
            return Some((format!("teacher[{index}].{key}"), what));
        }
    }
    let student = &whole.student;
    let is_mean = |of| {
        let mean =
            whole.mixer().filter(|mixer| mixer.is(&target::mean::METHOD)).map(|it| it.read::<target::mean::Mean>());
        mean.is_none_or(|mean| mean.of.is_none_or(|it| it == of))
    };
    let halves = match whole.weights().soft_weight {
        Schedule::Constant(_) => None,
        Schedule::Halving(halving) => Some(halving.halve_every),
    };
    let soft = whole.weights().soft_weight.start();
    let [key, what] = if is_table {
        [
            (student.weight_decay != 0.0, ["student.weight_decay", "a weight decay"]),
            (student.patience.is_some(), ["student.patience", "patience"]),
            (student.choose_by != ChooseBy::Loss, ["student.choose_by", "a choice by accuracy"]),
            (whole.method(&rows::word_dropout::METHOD).is_some(), ["rows", "word dropout"]),
            (!is_mean(target::mean::MeanOf::LogProbabilities), ["target", "a mean of probabilities"]),
            (halves.is_some_and(|every| every != 30), ["objective.soft_weight", "another interval than 30 epochs"]),
            (soft == 0.0, ["objective.soft_weight", "a weight of 0"]),
            (whole.quantize.method == QuantizeMethod::Qat, ["quantize.method", "training with rounding"]),
        ]
    } else {
        [
            (student.batch_rows.is_some(), ["student.batch_rows", "a step on some rows"]),
            (student.choose_by != ChooseBy::Accuracy, ["student.choose_by", "a choice by loss"]),
            (whole.data.label_share < 1.0, ["data.label_share", "a share of the labels"]),
            (whole.method(&rows::noise::METHOD).is_some(), ["rows", "noise"]),
            (!is_mean(target::mean::MeanOf::Probabilities), ["target", "a mean of log-probabilities"]),
            (whole.method(&target::mean::METHOD).is_none(), ["target", "another mixer than the mean"]),
            (halves.is_some(), ["objective.soft_weight", "a weight that falls"]),
            (whole.method(&link::embedding::METHOD).is_some(), ["link", "a link to embeddings"]),
        ]
    }
    .into_iter()
    .find_map(|(asked, parts)| asked.then_some(parts))?;
    Some((key.to_owned(), what))
}

/// The same for the training of one teacher.
fn own_training(whole: &Recipe, training: &Training) -> Option<(&'static str, &'static str)> {
    let first = whole.teacher.iter().find_map(TeacherSection::training);
    let fits_alike = first.is_none_or(|first| first.fit_confidence == training.fit_confidence);
    let found = if whole.data.is_table() {
        [
            (training.weight_decay != 0.0, ("weight_decay", "a weight decay")),
            (training.patience.is_some(), ("patience", "patience")),
            (training.choose_by != ChooseBy::Loss, ("choose_by", "a choice by accuracy")),
            (training.fit_confidence, ("fit_confidence", "a fit of the confidence")),
        ]
    } else {
        let is_even = training.hidden.windows(2).all(|pair| pair[0] == pair[1]);
        [
            (!is_even || training.crossfit.is_some(), ("hidden", "layers of several widths, or a crossfit,")),
            (training.label_smoothing != 0.0, ("label_smoothing", "label smoothing")),
            (training.choose_by != ChooseBy::Accuracy, ("choose_by", "a choice by loss")),
            (!fits_alike, ("fit_confidence", "a fit for some teachers only")),
        ]
    };
    found.into_iter().find_map(|(asked, parts)| asked.then_some(parts))
}

fn of_graph(whole: Recipe) -> graph::Recipe {
    let teacher = |teacher: &TeacherSection| {
        let (kind, heads, dropout) = match teacher {
            TeacherSection::Sage(_) => (graph::TeacherKind::Sage, None, None),
            TeacherSection::Gat(gat) => {
                (graph::TeacherKind::Gat, Some(gat.attention_heads), Some(gat.attention_dropout))
            }
            _ => (graph::TeacherKind::Gcn, None, None),
        };
        let input = match teacher {
            TeacherSection::Gcn(it) | TeacherSection::Sage(it) => it.input,
            TeacherSection::Gat(it) => it.input,
            _ => super::InputKind::Normalized,
        };
        let training = teacher.training()?;
        Some(graph::TeacherSection {
            kind,
            layers: training.hidden.len() + 1,
            hidden: training.hidden.first().copied().unwrap_or(0),
            normalize_rows: input == super::InputKind::Normalized,
            dropout: training.dropout,
            attention_heads: heads,
            attention_dropout: dropout,
            learning_rate: training.learning_rate,
            weight_decay: training.weight_decay,
            patience: training.patience.unwrap_or(training.epochs),
            max_epochs: training.epochs,
            members: training.members,
        })
    };
    let (data, student, weights) = (&whole.data, &whole.student, whole.weights());
    let link = whole.keys_of(&link::edges::METHOD).map(|edges: link::edges::Edges| graph::LinkSection {
        low_weight: edges.low_weight,
        low_hops: edges.low_hops,
        high_weight: edges.high_weight,
        high_temperature: edges.high_temperature,
    });
    let words: Option<rows::word_dropout::WordDropout> = whole.keys_of(&rows::word_dropout::METHOD);
    let trained = whole.teacher.iter().find_map(TeacherSection::training);
    graph::Recipe {
        data: graph::DataSection {
            source: data.source.clone(),
            edges: data.edges.clone(),
            largest_component: data.largest_component,
            split: if data.split == SplitKind::Random { graph::SplitKind::Random } else { graph::SplitKind::Published },
            train_per_class: data.train_per_class,
            tune_nodes: data.tune_nodes,
            test_nodes: data.test_nodes,
            split_seed: data.split_seed,
            inductive_share: data.inductive_share,
        },
        teacher: whole.teacher.iter().filter_map(teacher).collect(),
        student: graph::StudentSection {
            hidden: student.hidden.clone(),
            input: student.input,
            dropout: student.dropout,
            word_dropout: words.map_or(0.0, |words| words.share),
            learning_rate: student.learning_rate,
            weight_decay: student.weight_decay,
            patience: student.patience.unwrap_or(student.epochs),
            max_epochs: student.epochs,
        },
        target: graph::TargetSection {
            distill_temperature: whole.temperature(),
            soft_weight: weights.soft_weight.start(),
            label_weight: weights.label_weight,
            fit_confidence: trained.is_none_or(|training| training.fit_confidence),
        },
        link: link.into_iter().collect(),
        quantize: whole.quantize.clone(),
        report: whole.report.clone(),
        whole: Box::new(whole),
    }
}

/// Of what is no key of a teacher its default, which nobody reads.
fn table_teacher(teacher: &TeacherSection) -> table::TabularTeacher {
    let unused = Training {
        hidden: Vec::new(),
        dropout: 0.0,
        label_smoothing: 0.0,
        learning_rate: 0.0,
        weight_decay: 0.0,
        epochs: 0,
        patience: None,
        choose_by: ChooseBy::Loss,
        members: 1,
        crossfit: None,
        fit_confidence: false,
    };
    let training = teacher.training().unwrap_or(&unused);
    let (model, answers) = match teacher {
        TeacherSection::Onnx(model) => (Some(model), None),
        TeacherSection::Table(answers) => (None, Some(answers)),
        _ => (None, None),
    };
    table::TabularTeacher {
        kind: match teacher.kind() {
            TeacherKind::Fusion => TabularTeacherKind::Fusion,
            TeacherKind::Onnx => TabularTeacherKind::Onnx,
            TeacherKind::Table => TabularTeacherKind::Table,
            _ => TabularTeacherKind::Mlp,
        },
        sees: if teacher.kind() == TeacherKind::Fusion { Seen::All } else { teacher.sees() },
        branch_hidden: match teacher {
            TeacherSection::Fusion(fusion) => Some(fusion.branch_hidden.clone()),
            _ => None,
        },
        hidden: training.hidden.clone(),
        dropout: training.dropout,
        label_smoothing: training.label_smoothing,
        mixup: teacher.mixup(),
        learning_rate: training.learning_rate,
        epochs: training.epochs,
        batch_rows: teacher.batch_rows().unwrap_or(256),
        members: training.members,
        crossfit: training.crossfit,
        reask: teacher.reask(),
        path: teacher.path().map(str::to_owned),
        input: model.map_or_else(Vec::new, |model| model.inputs.clone()),
        output: model.and_then(|model| model.output.clone()),
        embedding: model.and_then(|model| model.embedding.clone()),
        embedding_columns: answers.map_or_else(Vec::new, |answers| answers.embedding_columns.clone()),
        columns: answers.map_or_else(Vec::new, |answers| answers.columns.clone()),
        answers: teacher.answers(),
    }
}

fn of_table(whole: Recipe) -> table::TabularRecipe {
    let (data, student, weights) = (&whole.data, &whole.student, whole.weights());
    let noise: Option<rows::noise::Noise> = whole.keys_of(&rows::noise::METHOD);
    let margin: Option<target::margin::Margin> = whole.keys_of(&target::margin::METHOD);
    let embedding: Option<link::embedding::Embedding> = whole.keys_of(&link::embedding::METHOD);
    let router: Option<target::router::Router> = whole.keys_of(&target::router::METHOD);
    let kind = match whole.mixer().map(|mixer| mixer.method.kind) {
        Some("router") => RouteKind::Router,
        Some("random") => RouteKind::Random,
        Some("best-on-tune") => RouteKind::BestOnTune,
        _ => RouteKind::Mean,
    };
    table::TabularRecipe {
        data: table::TabularData {
            source: data.source.clone(),
            task: data.task,
            label: data.label.clone(),
            student_columns: data.student_columns.clone(),
            teacher_columns: data.teacher_columns.clone(),
            id: data.id.clone(),
            class_names: data.class_names.clone(),
            split: match data.split {
                SplitKind::Random => TabularSplit::Random,
                SplitKind::Ordered => TabularSplit::Ordered,
                SplitKind::Folds | SplitKind::Published => TabularSplit::Folds,
            },
            fold: data.fold.clone(),
            folds: data.folds.clone(),
            group: data.group.clone(),
            tune_share: data.tune_share,
            test_share: data.test_share,
            label_share: data.label_share,
            series: data.series.clone(),
        },
        teacher: whole.teacher.iter().map(table_teacher).collect(),
        cotrain: whole.cotrain,
        masks: whole.masks,
        route: RouteSection { kind, balance: router.map(|router| router.balance) },
        student: table::TabularStudent {
            hidden: student.hidden.clone(),
            dropout: student.dropout,
            noise: noise.map_or(0.0, |noise| noise.deviation),
            learning_rate: student.learning_rate,
            epochs: student.epochs,
            batch_rows: student.batch_rows.unwrap_or(256),
        },
        target: table::TabularTarget {
            distill_temperature: whole.temperature(),
            soft_weight: weights.soft_weight.start(),
            softening: match weights.soft_weight {
                Schedule::Constant(_) => Softening::Constant,
                Schedule::Halving(_) => Softening::Halving,
            },
            label_weight: weights.label_weight,
            margin: margin.map(|margin| margin.margin),
            embedding_weight: embedding.map(|embedding| embedding.weight),
        },
        quantize: whole.quantize.clone(),
        report: whole.report.clone(),
        whole: Box::new(whole),
    }
}
