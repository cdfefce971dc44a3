//! From what was seen to a recipe that was tried: the data is loaded and split as it says.

use std::path::Path;

use super::budget::{Ends, Planned};
use super::column::{Column, Part};
use super::error::LookError;
use super::label::Label;
use super::{Asked, Edges, Form, Look, Proposed, toml};
use crate::data::{Data, Truth};
use crate::dataset::{DataError, FaultKind, Warning};
use crate::recipe::{Recipe, Task, relative};
use crate::run::{check, longest_teachers_in_words};

/// What a look has found, before a recipe.
pub(super) struct Seen {
    pub(super) form: Form,
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) edges: Option<Edges>,
    pub(super) columns: Vec<Column>,
    pub(super) label: Label,
    /// In the order in which they are tried.
    pub(super) splits: Vec<Proposed>,
    pub(super) notes: Vec<String>,
    pub(super) series: Option<Windows>,
    pub(super) nodes: Option<Nodes>,
}

/// How readings become rows.
pub(super) struct Windows {
    pub(super) time: String,
    pub(super) site: Option<String>,
    pub(super) history: usize,
    pub(super) every: usize,
}

/// Sizes of a random split of a graph.
pub(super) struct Nodes {
    pub(super) train: usize,
    pub(super) tune: usize,
    pub(super) test: usize,
}

impl Seen {
    /// Columns that networks may see, by name.
    pub(super) fn inputs(&self) -> Vec<&str> {
        let past = |column: &&Column| column.part == Part::Label && self.form == Form::Series;
        let input = |column: &&Column| column.part == Part::Input || past(column);
        self.columns.iter().filter(input).map(|column| column.name.as_str()).collect()
    }

    /// Columns of a part, by name.
    pub(super) fn playing(&self, part: Part) -> Option<&str> {
        self.columns.iter().find(|column| column.part == part).map(|column| column.name.as_str())
    }

    /// Whether an input has missing cells.
    pub(super) fn has_gaps(&self) -> bool {
        self.form == Form::Table && self.columns.iter().any(|column| column.part == Part::Input && column.missing > 0.0)
    }
}

/// Writes and tries the recipe.
///
/// # Errors
/// The last split's, where none can be drawn; columns that do not exist; a budget that no student keeps.
pub(super) fn finish(path: &Path, asked: &Asked, mut seen: Seen) -> Result<Look, LookError> {
    if seen.form != Form::Graph && seen.inputs().is_empty() && asked.student.is_empty() {
        let reasons: Vec<String> = seen
            .columns
            .iter()
            .filter_map(|column| Some(format!("`{}` is {}", column.name, column.why.as_deref()?)))
            .take(6)
            .collect();
        return Err(LookError::NoInputs(reasons.join(", ")));
    }
    let folder = asked.folder.clone().unwrap_or_default();
    let source = source(&folder, path);
    let (split, recipe, data) = split(&source, &folder, asked, &mut seen)?;
    check(&recipe, &data).map_err(|error| unusable(path, &error))?;
    let student = planned(&recipe, &data, asked)?;
    let text = toml::write(&source, asked, &seen, &split, Some(&student));
    // The data is the same; only the widths are new.
    let recipe = Recipe::parse(&text, &folder.join("recipe.toml"))?;
    check(&recipe, &data).map_err(|error| unusable(path, &error))?;
    seen.label.unlabelled = data.known.iter().filter(|known| !**known).count();
    if let Truth::Classes { labels, names } = &data.truth {
        // As the run spells them, of the rows that it keeps.
        let mut counts = vec![0; names.len()];
        labels
            .iter()
            .zip(&data.known)
            .filter(|(_, known)| **known)
            .for_each(|(&class, _)| counts[usize::from(class)] += 1);
        seen.label.classes = names.iter().cloned().zip(counts).collect();
    }
    for note in data.warnings.iter().map(ToString::to_string) {
        if !seen.notes.contains(&note) {
            seen.notes.push(note);
        }
    }
    Ok(Look {
        source: path.display().to_string(),
        form: seen.form,
        rows: seen.rows,
        width: seen.width,
        edges: seen.edges,
        teachers: teachers(&recipe, &data),
        columns: seen.columns,
        label: seen.label,
        split,
        student,
        notes: seen.notes,
        recipe: text,
    })
}

/// The first split that can be drawn and that chooses and judges by more than one class; else the first that can be drawn.
fn split(source: &str, folder: &Path, asked: &Asked, seen: &mut Seen) -> Result<(Proposed, Recipe, Data), LookError> {
    let (mut failure, mut second) = (None, None);
    for split in std::mem::take(&mut seen.splits) {
        let text = toml::write(source, asked, seen, &split, None);
        let found = match tried(&text, folder, asked) {
            Ok((recipe, data)) => {
                let one = data.warnings.iter().find(|warning| matches!(warning, Warning::ConstantTarget { .. }));
                let Some(one) = one else { return Ok((split, recipe, data)) };
                let found = one.to_string();
                second.get_or_insert((split.clone(), recipe, data));
                found
            }
            Err(LookError::Data(error)) if error.kind() == FaultKind::Split => {
                let found = error.fault().found.clone();
                failure = Some(error);
                found
            }
            Err(error) => return Err(error),
        };
        let column = split.column.map_or_else(String::new, |column| format!(" by `{column}`"));
        seen.notes.push(format!("the split `{}`{column} is not good here: {found}", split.kind.word()));
    }
    match (second, failure) {
        (Some(second), _) => Ok(second),
        (None, Some(error)) => Err(error.into()),
        (None, None) => Err(LookError::NoInputs("no split is possible".to_owned())),
    }
}

/// The data of a recipe, split as it asks for.
fn tried(text: &str, folder: &Path, asked: &Asked) -> Result<(Recipe, Data), LookError> {
    let file = folder.join("recipe.toml");
    let recipe = Recipe::parse(text, &file)?;
    let search = recipe.search(&file, None);
    let data = Data::load(&recipe, &search).map_err(|error| said_by_the_user(error, asked))?;
    data.evaluations(&recipe, &recipe.report.seeds)?;
    Ok((recipe, data))
}

/// A column that the user named and that is none is the user's word, not the recipe's.
fn said_by_the_user(error: DataError, asked: &Asked) -> LookError {
    let fault = error.fault();
    let named = asked.student.iter().find(|pattern| fault.expected == format!("a column `{pattern}`"));
    match named {
        Some(pattern) => {
            LookError::NoColumn { option: "--student", found: pattern.clone(), columns: fault.found.clone() }
        }
        None => error.into(),
    }
}

fn planned(recipe: &Recipe, data: &Data, asked: &Asked) -> Result<Planned, LookError> {
    let task = match recipe.data.task {
        Task::Classify => eyas::model::Task::Classify,
        Task::Regress => eyas::model::Task::Regress,
    };
    let ends = Ends {
        task,
        inputs: data.student,
        input_names: data.input_names(),
        labels: &data.truth.names(),
        graph: data.edges.is_some(),
        teacher: &longest_teachers_in_words(recipe),
    };
    // What many words say takes more than the 16 units of a recipe that names none.
    let usual: &[usize] = if data.edges.is_some() { &[32] } else { &recipe.student.hidden };
    asked.budget.student(&ends, usual)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> LookError {
    use crate::dataset::Place;
    let remedy = "correct the data";
    LookError::Data(DataError::new(
        FaultKind::Layout,
        Place::file(path),
        "data that a student fits",
        error.to_string(),
        remedy,
    ))
}

/// Kinds of teachers that can learn from the data, or have learnt from it elsewhere.
fn teachers(recipe: &Recipe, data: &Data) -> Vec<&'static str> {
    let others = data.teacher.iter().any(|&column| column >= data.student);
    let mut kinds = match data.edges {
        Some(_) => vec!["auto", "gcn", "sage", "gat", "mlp"],
        None if others => vec!["auto", "mlp", "fusion"],
        None => vec!["auto", "mlp"],
    };
    kinds.extend(["onnx", "table"]);
    debug_assert!(!recipe.teacher.is_empty());
    kinds
}

/// The path of the data as the recipe in `folder` writes it.
fn source(folder: &Path, path: &Path) -> String {
    let way = relative(folder, path);
    // A bare name is that of a known data set.
    match way.as_str() {
        "." => "./".to_owned(),
        way if way.contains('/') => way.to_owned(),
        way => format!("./{way}"),
    }
}
