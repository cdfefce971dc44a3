//! Which column is the answer, and whether it is a class or a quantity.

use std::collections::HashMap;

use serde::Serialize;

use super::column::{Column, Kind};
use super::error::LookError;
use super::leak::Answer;
use super::raw::{Raw, RawColumn, Values};
use crate::dataset::{MAX_CATEGORIES, quoted};
use crate::output::counted;
use crate::recipe::Task;

/// Names that say that a column is the answer.
pub(crate) const NAMES: [&str; 4] = ["label", "target", "class", "y"];
/// Classes that are listed.
const LISTED: usize = 8;

/// What is learnt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// Name of the column; empty of a graph.
    pub name: String,
    /// Class or quantity.
    #[serde(serialize_with = "as_word")]
    pub task: Task,
    /// Classes with their rows, in the order of the student's outputs; none of a quantity.
    pub classes: Vec<(String, usize)>,
    /// Least and greatest value of a quantity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// Rows without a label.
    pub unlabelled: usize,
    /// Why this column, where the user named none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether -1 was taken for a missing label.
    #[serde(skip)]
    pub(super) minus_one: bool,
}

fn as_word<S: serde::Serializer>(task: &Task, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(task.word())
}

/// The place of the label among `columns`, and why where it was guessed.
///
/// # Errors
/// A name that is no column, and no name where several columns or none could be it.
pub(super) fn find(raw: &Raw, columns: &[Column], asked: Option<&str>) -> Result<(usize, Option<String>), LookError> {
    let single = || columns.iter().enumerate().filter(|(_, column)| column.columns == 1 && column.kind != Kind::Empty);
    if let Some(name) = asked {
        let found = single().find(|(_, column)| column.name == name).map(|(at, _)| (at, None));
        return found.ok_or_else(|| no_column("--label", name, columns));
    }
    let named: Vec<usize> = NAMES
        .iter()
        .flat_map(|name| single().filter(|(_, column)| column.name.eq_ignore_ascii_case(name)).map(|(at, _)| at))
        .collect();
    let last = columns.len().saturating_sub(1);
    match named[..] {
        [at] => return Ok((at, Some("its name".to_owned()))),
        [] if columns.get(last).is_some_and(|column| column.is_categorical(raw.rows)) => {
            return Ok((last, Some("the last column, and a few values that come again".to_owned())));
        }
        _ => {}
    }
    let categorical = || single().filter(|(_, column)| column.is_categorical(raw.rows)).map(|(at, _)| at);
    let mut candidates: Vec<usize> = if named.is_empty() { categorical().collect() } else { named.clone() };
    if candidates.is_empty() {
        candidates.extend(single().map(|(at, _)| at).next_back());
    }
    let candidate = candidates.last().map_or_else(|| "COL".to_owned(), |&at| columns[at].name.clone());
    let names: Vec<String> = candidates.iter().take(8).map(|&at| quoted(&columns[at].name)).collect();
    let found = match (named.len(), candidates.len()) {
        (2.., _) => format!("several by their names, {}", names.join(", ")),
        (_, 2..) => format!("several columns of a few values, {}", names.join(", ")),
        _ => {
            let all: Vec<String> = columns.iter().take(8).map(|column| quoted(&column.name)).collect();
            format!("none by its name or its few values among {}", all.join(", "))
        }
    };
    Err(LookError::Label { found, candidate: shell(&candidate) })
}

/// The error for a column that does not exist.
pub(super) fn no_column(option: &'static str, name: &str, columns: &[Column]) -> LookError {
    let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    names.sort_by_cached_key(|other| strsim::damerau_levenshtein(other, name));
    let shown: Vec<String> = names.iter().take(6).map(|name| quoted(name)).collect();
    let more = names.len().saturating_sub(shown.len());
    let columns = if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) };
    LookError::NoColumn { option, found: name.to_owned(), columns }
}

/// A name as a shell takes it.
fn shell(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter));
    if plain && !name.is_empty() { name.to_owned() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

/// The label as it will be learnt, and the answer of every row.
///
/// # Errors
/// A quantity of words, or classes without number.
pub(super) fn learn(
    raw: &Raw,
    column: &RawColumn,
    profile: &Column,
    (task, why): (Option<Task>, Option<String>),
) -> Result<(Label, Answer), LookError> {
    let few = profile.is_categorical(raw.rows) || profile.kind == Kind::Flags || profile.kind == Kind::Words;
    let task = task.unwrap_or(if few { Task::Classify } else { Task::Regress });
    let refuse =
        |expected, found: String, remedy| Err(LookError::Task { label: profile.name.clone(), expected, found, remedy });
    let values = raw.reals(column);
    let name = profile.name.clone();
    if task == Task::Regress {
        if let Some(word) = column.words().first() {
            return refuse("numbers", format!("words such as {}", quoted(word)), "learn it with --task classify");
        }
        let unlabelled = values.iter().filter(|value| value.is_nan()).count();
        let label = Label { name, task, classes: Vec::new(), range: profile.range, unlabelled, why, minus_one: false };
        return Ok((label, Answer::Quantity(values)));
    }
    if profile.kind == Kind::Numbers || profile.different > 16 * MAX_CATEGORIES {
        let found = format!("{} different values", profile.different);
        return refuse("classes", found, "learn it with --task regress, or name another column with --label");
    }
    if profile.different < 2 {
        return refuse("at least two classes", format!("{}", profile.different), "name another column with --label");
    }
    let (classes, of_rows) = classes(column, &values);
    let unlabelled = of_rows.iter().filter(|class| class.is_none()).count();
    let minus_one = matches!(column.values, Values::Numbers(_))
        && values.contains(&-1.0)
        && !classes.iter().any(|(name, _)| name == "-1");
    Ok((Label { name, task, classes, range: None, unlabelled, why, minus_one }, Answer::Classes(of_rows)))
}

/// Names and rows of the classes, and the class of each row, as a run will take them.
fn classes(column: &RawColumn, values: &[f64]) -> (Vec<(String, usize)>, Vec<Option<u32>>) {
    let numbers = matches!(column.values, Values::Numbers(_));
    let there = |values: &[f64]| {
        let mut there: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        there.sort_by(f64::total_cmp);
        there.dedup();
        there
    };
    let mut order = there(values);
    if numbers && order.first() == Some(&-1.0) && order[1..] != [1.0] {
        order.remove(0);
    }
    if !numbers {
        let words = column.words();
        order.sort_by(|&a, &b| words[a as usize].cmp(&words[b as usize]));
    }
    let bits = |value: f64| (value + 0.0).to_bits();
    let places: HashMap<u64, usize> = order.iter().map(|&value| bits(value)).zip(0..).collect();
    let mut counts = vec![0; order.len()];
    let of_rows: Vec<Option<u32>> = values
        .iter()
        .map(|&value| {
            let class = *places.get(&bits(value))?;
            counts[class] += 1;
            Some(class as u32)
        })
        .collect();
    let plain = order.iter().enumerate().all(|(class, &value)| value == class as f64);
    let name = |value: f64| match (numbers, plain) {
        (false, _) => column.words()[value as usize].clone(),
        (true, true) => format!("class {value}"),
        (true, false) => value.to_string(),
    };
    (order.iter().map(|&value| name(value)).zip(counts).collect(), of_rows)
}

impl Label {
    /// The label in one line.
    pub(super) fn in_words(&self) -> String {
        let mut text = match (&self.range, self.classes.is_empty()) {
            (Some((least, most)), _) => format!("a quantity from {} to {}", short(*least), short(*most)),
            (None, true) => "a quantity".to_owned(),
            (None, false) => {
                let all: usize = self.classes.iter().map(|(_, count)| count).sum();
                let share = |count: usize| format!("{:.1} %", 100.0 * count as f64 / all.max(1) as f64);
                let shown: Vec<String> = self
                    .classes
                    .iter()
                    .take(LISTED)
                    .map(|(name, count)| format!("{} {}", quoted(name), share(*count)))
                    .collect();
                let more = self.classes.len() - shown.len();
                let more = if more == 0 { String::new() } else { format!(", and {more} more") };
                format!("{} classes: {}{more}", self.classes.len(), shown.join(", "))
            }
        };
        if self.unlabelled > 0 {
            let (rows, learn) =
                (counted(self.unlabelled, "row", "rows"), if self.unlabelled == 1 { "learns" } else { "learn" });
            text += &format!("; {rows} without a label {learn} from the teacher alone");
        }
        text
    }

    /// What is odd about the classes.
    pub(super) fn notes(&self) -> Vec<String> {
        let minus = self.minus_one.then(|| {
            let rows = counted(self.unlabelled, "row", "rows");
            format!("-1 is no label: {rows} without one; write words where -1 is a class")
        });
        let least = self.classes.iter().min_by_key(|(_, count)| count);
        let most = self.classes.iter().map(|&(_, count)| count).max().unwrap_or(0);
        let of_sizes = match least {
            Some((name, count)) if *count < 10 => {
                vec![format!(
                    "class {} has only {}: too few to teach, choose and judge by; join it with another, or collect more",
                    quoted(name),
                    counted(*count, "row", "rows")
                )]
            }
            Some((name, count)) if most >= crate::dataset::UNBALANCED_RATIO * count => {
                vec![format!(
                    "classes are unbalanced: {} has {count} rows, the largest {most}; read the figures of each class",
                    quoted(name)
                )]
            }
            _ => Vec::new(),
        };
        minus.into_iter().chain(of_sizes).collect()
    }
}

/// A number in a few digits.
pub(super) fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return value.to_string();
    }
    if (1e-3..1e7).contains(&value.abs()) {
        let digits = 4 - value.abs().max(1e-3).log10().floor() as i32;
        let factor = 10f64.powi(digits.clamp(0, 6));
        return ((value * factor).round() / factor).to_string();
    }
    format!("{value:.3e}")
}
