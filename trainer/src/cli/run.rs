//! `eyas run`: prints what the integer student says to each row.

use super::Failure;
use super::rows::{load_recipe, load_student, print, read_student, tell_ignored};
use crate::apply::{Input, Told, output_names, tell};
use crate::output::{one_line, terminal};
use eyas::model::Task;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::path::PathBuf;

/// Run the integer student on rows, through the file's own front end.
///
/// Columns are matched by name where the student and the input have names; other columns are ignored, and standard error
/// says which. Probabilities are the softmax of the logits in real units.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas run models/cora/student.eyas --input models/cora/data/cora.npz\n  eyas run student.eyas --input readings.csv --json > answers.jsonl\n  eyas run student.eyas --input series/ --recipe recipe.toml\n  python -c \"import pandas; print(pandas.read_json('answers.jsonl', lines=True))\"\n\nA graph archive is taken in node order. --json prints an object a line, all with the same keys: \"row\", \"id\" where the\ninput has one, \"label\" (the class number), \"name\", \"probability\", \"margin\", and \"p_NAME\", the probability of each\nclass. A regression has \"value\" instead, in the unit of the quantity, or \"value_NAME\" for each of several outputs."
)]
pub struct Arguments {
    /// The student file.
    file: PathBuf,
    /// Rows: a text table with a header, a Parquet table, an .npz with `x` or a column an array, or a graph archive.
    ///
    /// A student that knows the names of its inputs takes these columns, whatever else the table holds; `color=red` is 1
    /// where the column `color` says `red`.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The recipe of the student: its [data.series] makes windows of raw readings, as in training; its student_columns
    /// choose the columns where the student names none.
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
}

/// The answer to one row, as a flat object whose keys are the same for every row.
struct Line<'a> {
    row: usize,
    id: Option<&'a str>,
    told: &'a Told,
    task: Task,
    names: &'a [String],
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("row", &self.row)?;
        if let Some(id) = self.id {
            map.serialize_entry("id", id)?;
        }
        match (self.task, &self.told.reals[..]) {
            (Task::Classify, _) => {
                let (label, probabilities) = (usize::from(self.told.decision.label), self.told.probabilities());
                map.serialize_entry("label", &label)?;
                map.serialize_entry("name", &self.names[label])?;
                map.serialize_entry("probability", &probabilities[label])?;
                map.serialize_entry("margin", &self.told.decision.margin)?;
                for (name, probability) in self.names.iter().zip(&probabilities) {
                    map.serialize_entry(&format!("p_{name}"), probability)?;
                }
            }
            (Task::Regress, [value]) => map.serialize_entry("value", value)?,
            (Task::Regress, values) => {
                for (name, value) in self.names.iter().zip(values) {
                    map.serialize_entry(&format!("value_{name}"), value)?;
                }
            }
        }
        map.end()
    }
}

impl Line<'_> {
    /// The headings of [`Line::text`].
    fn heading(task: Task, names: &[String], width: usize) -> String {
        match task {
            Task::Classify => format!("row\t{:width$}\tprobability\tmargin", "label"),
            Task::Regress => format!("row\t{}", names.iter().map(|name| one_line(name)).collect::<Vec<_>>().join("\t")),
        }
    }

    /// Cells that tabs separate, the label in a column of this width.
    fn text(&self, width: usize) -> String {
        let id = self.id.map_or_else(|| self.row.to_string(), |id| one_line(id).into_owned());
        match self.task {
            Task::Classify => {
                let label = usize::from(self.told.decision.label);
                let (name, margin) = (one_line(&self.names[label]), self.told.decision.margin);
                format!("{id}\t{name:width$}\t{:.4}     \t{margin}", self.told.probabilities()[label])
            }
            // Outputs are steps of single precision; more digits say nothing.
            Task::Regress => {
                let values = self.told.reals.iter().map(|&value| format!("{}", value as f32));
                std::iter::once(id).chain(values).collect::<Vec<_>>().join("\t")
            }
        }
    }
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student = load_student(&file, &arguments.file)?;
    let recipe = arguments.recipe.as_deref().map(|path| load_recipe(path, &student, &arguments.file)).transpose()?;
    let mut input = Input::open(&arguments.input, &student, recipe.as_ref(), true).map_err(Failure::refused)?;
    let rows = input.read(&student, &[]).map_err(Failure::refused)?;
    tell_ignored(&arguments.input, &rows.ignored);
    let metadata = student.metadata();
    let (task, names) = (metadata.task, output_names(&metadata));
    let width = names.iter().map(|name| one_line(name).chars().count()).max().unwrap_or(0).clamp("label".len(), 40);
    if !arguments.json {
        print(&Line::heading(task, &names, width))?;
    }
    let mut arena = vec![0; student.arena_words()];
    for (number, row) in rows.integers.iter().enumerate() {
        if !terminal::is_read() {
            break;
        }
        let told = tell(&student, row, &mut arena).map_err(Failure::work)?;
        let line = Line { row: number, id: rows.ids.get(number).map(String::as_str), told: &told, task, names: &names };
        let text = if arguments.json { serde_json::to_string(&line).map_err(Failure::work)? } else { line.text(width) };
        print(&text)?;
    }
    Ok(())
}
