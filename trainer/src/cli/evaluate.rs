//! `eyas evaluate`: how good the integer student is on labelled rows.

use super::Failure;
use super::rows::{load_recipe, load_student, print, read_student, tell_ignored};
use crate::apply::{Input, Labelled, Part, Told, classes, of_recipe, output_names, quantities, tell};
use crate::dataset::{DataError, FaultKind, Place};
use crate::recipe::Recipe;
use crate::report::judged::{Answered, page};
use crate::report::{Judged, summary};
use eyas::Student;
use eyas::model::Task;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Judge the integer student on labelled rows: every decision counts, none is left out.
///
/// Accuracy, macro-F1, confusion matrix, and precision, recall and F1 of each class; of a regression mean absolute error,
/// root mean squared error, R² and bias. They are computed as in reports; the runtime gives the answers.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas evaluate models/cora/student.eyas --input models/cora/data/cora.npz --rows test\n  eyas evaluate models/har-watch/student.eyas --input models/har-watch/data/har-watch.npz --label y --group subject\n  eyas evaluate student.eyas --input new.csv --label activity --json\n  eyas evaluate student.eyas --input series/ --recipe recipe.toml --rows test\n\nLabels are the names of the student's classes, or class numbers from 0. A row without a label is left out and counted.\nIn --json ratios are in per cent and errors in the unit of the quantity, as in metrics.json; \"intervals_95\" holds the\nends of 95 % intervals: Wilson's of the accuracy, else percentiles of 1000 bootstrap draws, of whole groups where\n--group is given. There are none with fewer than ten groups, nor for series, whose neighbouring rows share readings."
)]
pub struct Arguments {
    /// The student file.
    file: PathBuf,
    /// Rows with labels: a .csv or .parquet, an .npz with named arrays or `x`, a graph archive, or a folder of these.
    #[arg(long, value_name = "DATA")]
    input: PathBuf,
    /// Column or array with the right answers. Default: that of the recipe, else `label`, `labels`, `target`, `class`
    /// or `y`.
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Column or array with the group of each row, such as a person: the figures are given for each group too.
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// Which rows: those of a part need a published split, or --recipe, whose first split with the student's seed is taken.
    #[arg(long, value_enum, default_value_t = Part::All)]
    rows: Part,
    /// The recipe of the student: makes windows of [data.series], chooses columns where the student names none, and splits
    /// the rows.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student = load_student(&file, &arguments.file)?;
    let recipe = arguments.recipe.as_deref().map(|path| load_recipe(path, &student, &arguments.file)).transpose()?;
    let (mut labelled, groups, series) = labelled(arguments, &student, recipe.as_ref()).map_err(Failure::refused)?;
    let metadata = student.metadata();
    let names = output_names(&metadata);
    let whole = labelled.labels.len();
    let (judged, unit) = match metadata.task {
        Task::Classify => {
            let truth = classes(&arguments.input, &labelled.column, &labelled.labels, &names);
            let (truth, groups) = known(&mut labelled, truth.map_err(Failure::refused)?, groups);
            let decided = answers(&student, &labelled.integers, |told| told.decision.label)?;
            let answered = Answered::Classes { truth: &truth, decided: &decided, names: &names };
            (Judged::of(&answered, groups.as_deref(), series), "")
        }
        Task::Regress => {
            if names.len() != 1 {
                let words = "a student with one output, since a file has one column of labels";
                let place = Place::file(&arguments.file);
                let remedy = "compare the columns of `eyas run --json` with yours";
                let error = DataError::new(FaultKind::Shape, place, words, format!("{} outputs", names.len()), remedy);
                return Err(Failure::refused(error));
            }
            let truth = quantities(&arguments.input, &labelled.column, &labelled.labels).map_err(Failure::refused)?;
            let (truth, groups) = known(&mut labelled, truth, groups);
            let predicted = answers(&student, &labelled.integers, |told| told.reals[0])?;
            (
                Judged::of(&Answered::Quantity { truth: &truth, predicted: &predicted }, groups.as_deref(), series),
                &*names[0],
            )
        }
    };
    let unlabelled = whole - judged.all.rows;
    if arguments.json {
        let mut object = Map::from_iter([
            ("task".to_owned(), json!(if judged.confusion.is_some() { "classify" } else { "regress" })),
            ("part".to_owned(), json!(arguments.rows.word())),
            ("unlabelled".to_owned(), json!(unlabelled)),
        ]);
        object.append(&mut judged.json());
        return print(&Value::Object(object).to_string());
    }
    let title = format!("{} on {}", arguments.file.display(), arguments.input.display());
    let left_out = if unlabelled > 0 { format!("; {unlabelled} without a label left out") } else { String::new() };
    let subtitle = format!("rows: {} ({}){left_out}", judged.all.rows, arguments.rows.word());
    print(&summary(&page(&judged, &title, &subtitle, unit)))
}

/// The judged rows with their labels and groups, and whether they are windows of series.
fn labelled(
    arguments: &Arguments,
    student: &Student<'_>,
    recipe: Option<&Recipe>,
) -> Result<(Labelled, Option<Vec<String>>, bool), DataError> {
    let path = &arguments.input;
    let mut input = Input::open(path, student, recipe, false)?;
    let of_recipe_groups = recipe.filter(|recipe| recipe.data.series.is_none()).and_then(|it| it.data.group.as_deref());
    let group = arguments.group.as_deref().or(of_recipe_groups);
    let groups = group.map(|group| input.texts(group)).transpose()?;
    let labelled = match (recipe, &arguments.recipe) {
        (Some(recipe), Some(recipe_path)) if arguments.rows != Part::All => {
            let mut of = of_recipe(path, student, (recipe, recipe_path), arguments.rows)?;
            if let Some(label) = &arguments.label {
                of.labels = chosen(&input.texts(label)?, &of.numbers);
                of.column.clone_from(label);
            }
            of
        }
        _ => {
            let column = input.label(arguments.label.as_deref())?;
            let labels = input.texts(&column)?;
            let used: Vec<&str> = [Some(column.as_str()), group].into_iter().flatten().collect();
            let part = arguments.rows.published(path, &input)?;
            let mut rows = input.read(student, &used)?;
            tell_ignored(path, &rows.ignored);
            let numbers = part.unwrap_or_else(|| (0..input.rows()).collect());
            let integers = numbers.iter().map(|&row| std::mem::take(&mut rows.integers[row])).collect();
            Labelled { integers, labels: chosen(&labels, &numbers), numbers, column }
        }
    };
    let groups = groups.map(|groups| chosen(&groups, &labelled.numbers));
    Ok((labelled, groups, input.is_series()))
}

fn chosen(texts: &[String], rows: &[usize]) -> Vec<String> {
    rows.iter().filter_map(|&row| texts.get(row).cloned()).collect()
}

/// Leaves the rows that have a label.
fn known<T>(
    labelled: &mut Labelled,
    truth: Vec<Option<T>>,
    groups: Option<Vec<String>>,
) -> (Vec<T>, Option<Vec<String>>) {
    let is_known: Vec<bool> = truth.iter().map(Option::is_some).collect();
    let mut keep = is_known.iter();
    labelled.integers.retain(|_| keep.next().is_none_or(|known| *known));
    let groups = groups
        .map(|groups| groups.into_iter().zip(&is_known).filter(|(_, known)| **known).map(|(group, _)| group).collect());
    (truth.into_iter().flatten().collect(), groups)
}

fn answers<T>(student: &Student<'_>, rows: &[Vec<i8>], take: impl Fn(&Told) -> T) -> Result<Vec<T>, Failure> {
    let mut arena = vec![0; student.arena_words()];
    rows.iter().map(|row| tell(student, row, &mut arena).map(|told| take(&told)).map_err(Failure::work)).collect()
}
