//! The text of a first recipe: what was seen stands beside each choice.

use std::fmt::Write;

use super::column::Part;
use super::draft::{Nodes, Seen, Windows};
use super::{Asked, Budget, Form, Planned, Proposed};
use crate::dataset::quoted;
use crate::recipe::{SplitKind, Task};

/// Columns that stand in the recipe by name.
const NAMED: usize = 60;
/// Width of a line of names.
const WIDTH: usize = 100;

/// The recipe; `student` once its widths are known.
pub(super) fn write(source: &str, asked: &Asked, seen: &Seen, split: &Proposed, student: Option<&Planned>) -> String {
    let mut text = String::new();
    let form = match seen.form {
        Form::Graph => format!("a graph of {} nodes with {} features", seen.rows, seen.width),
        Form::Table => format!("a table of {} rows and {} columns", seen.rows, seen.width),
        Form::Series => format!("readings in time, {} rows of {} columns", seen.rows, seen.width),
    };
    // A `String` takes every text.
    let _ = writeln!(text, "# A first recipe for {form}, written by `eyas new`.");
    text += "# Every key that is left out has its default. Try it:  eyas distill THIS_FILE --dry-run\n\n[data]\n";
    let _ = writeln!(text, "source = {}", string(source));
    if seen.form == Form::Graph {
        let _ = writeln!(text, "# {}", sentence(&seen.label.in_words()));
    } else {
        let task = if seen.label.task == Task::Regress { "regress" } else { "classify" };
        let _ = writeln!(text, "task = \"{task}\"");
        let guessed = seen.label.why.as_deref().map_or_else(String::new, |why| format!(" Chosen by {why}."));
        let _ = writeln!(text, "# {}{guessed}", sentence(&seen.label.in_words()));
        let _ = writeln!(text, "label = {}", string(&seen.label.name));
        columns(&mut text, asked, seen);
    }
    let _ = writeln!(text, "# {}", sentence(&split.why));
    let _ = writeln!(text, "split = \"{}\"", split.kind.word());
    rows(&mut text, seen, split);
    if let Some(Windows { time, site, history, every }) = &seen.series {
        text += "\n# A row is one site at one moment: its last readings, to forecast the label `ahead` steps later.\n[data.series]\n";
        let _ = writeln!(text, "time = {}", string(time));
        if let Some(site) = site {
            let _ = writeln!(text, "site = {}", string(site));
        }
        let _ = writeln!(text, "history = {history}\nahead = 1");
        if *every > 1 {
            let _ = writeln!(text, "# A row every so many steps, for a first run in reasonable time.\nevery = {every}");
        }
    }
    text += "\n# The best of a few settings, found on the tune rows.\n[[teacher]]\nkind = \"auto\"\n\n[student]\n";
    if let Some(student) = student {
        let why =
            if asked.budget.is_limited() { format!(", the widest within {}", asked.budget) } else { String::new() };
        let _ = writeln!(
            text,
            "# About {} bytes of flash, {} bytes of RAM and {} multiply-accumulates{why}.",
            student.flash_bytes, student.ram_bytes, student.macs
        );
        let _ = writeln!(text, "hidden = {:?}", student.hidden);
    }
    if seen.form == Form::Graph {
        text +=
            "# The epoch that explains the tune labels best; new nodes are the better for it.\nchoose_by = \"loss\"\n";
        text += "\n# Features go missing while the student learns, so that it relies on no single one.\n";
        text += "[[rows]]\nkind = \"word-dropout\"\nshare = 0.3\n";
    }
    if seen.label.task == Task::Regress {
        text += "\n# What is reported is the mean absolute error; `mse` minds large errors more.\n[objective]\nkind = \"mae\"\n";
    }
    // A budget holds for the widths that were chosen by it.
    if student.is_some() {
        limits(&mut text, &asked.budget);
    }
    text
}

/// What the student may cost.
fn limits(text: &mut String, budget: &Budget) {
    if !budget.is_limited() {
        return;
    }
    *text += "\n# A student that takes more is refused before anything is trained.\n[budget]\n";
    for (name, limit) in [("flash", budget.flash), ("ram", budget.ram), ("macs", budget.macs)] {
        if let Some(limit) = limit {
            let _ = writeln!(text, "{name} = {limit}");
        }
    }
}

/// Who sees what, and what nobody sees.
fn columns(text: &mut String, asked: &Asked, seen: &Seen) {
    let left_out = |part: Part| !matches!(part, Part::Input | Part::Label);
    for column in seen.columns.iter().filter(|column| left_out(column.part)).take(NAMED) {
        let why = column.why.as_deref().unwrap_or_default();
        let _ = writeln!(text, "# Left out: {}, {}.", quoted(&column.name), one_line(why));
    }
    let all = seen.inputs();
    let everything = all.len() > NAMED && seen.columns.iter().all(|column| !left_out(column.part));
    let all: Vec<String> = if everything { vec!["*".to_owned()] } else { all.into_iter().map(str::to_owned).collect() };
    let student = if asked.student.is_empty() { &all } else { &asked.student };
    *text += "# What the device measures.\n";
    let _ = writeln!(text, "student_columns = {}", list(student));
    let mut teacher = if all.is_empty() { asked.student.clone() } else { all.clone() };
    if !all.is_empty() {
        teacher.extend(asked.student.iter().filter(|pattern| !all.contains(pattern)).cloned());
    }
    if let Some(Windows { site: Some(_), history, .. }) = &seen.series {
        teacher.push(format!("sites.{}[:, {}]", seen.label.name, history - 1));
        *text += "# What the teacher sees: the present reading of every site too.\n";
    } else {
        *text += "# What the teacher may see; sensors that the device lacks belong here alone.\n";
    }
    let _ = writeln!(text, "teacher_columns = {}", list(&teacher));
    if seen.has_gaps() {
        *text += "# Rows with a missing cell are left out; fill the cells as the device will, if it will meet gaps.\n";
        *text += "missing = \"drop\"\n";
    }
    if let (Form::Table, Some(id)) = (seen.form, seen.playing(Part::Id)) {
        let _ = writeln!(text, "id = {}", string(id));
    }
}

/// The keys of a split.
fn rows(text: &mut String, seen: &Seen, split: &Proposed) {
    if let (SplitKind::Folds, Some(fold)) = (split.kind, &split.column) {
        let _ = writeln!(text, "fold = {}", string(fold));
    }
    let group = match split.kind {
        SplitKind::Folds => seen.playing(Part::Group),
        SplitKind::Random => split.column.as_deref(),
        _ => None,
    };
    if let (Form::Table, Some(group)) = (seen.form, group) {
        let _ = writeln!(text, "group = {}", string(group));
    }
    if let Some(Nodes { train, tune, test }) = &seen.nodes {
        let _ = writeln!(text, "train_per_class = {train}\ntune_nodes = {tune}\ntest_nodes = {test}");
    }
}

/// A list of texts over as many lines as it takes.
fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| string(item)).collect();
    let short = format!("[{}]", items.join(", "));
    if short.len() <= WIDTH {
        return short;
    }
    let mut lines = vec![String::from(" ")];
    for item in items {
        match lines.last_mut() {
            Some(line) if line.len() + item.len() < WIDTH => *line += &format!(" {item},"),
            _ => lines.push(format!("  {item},")),
        }
    }
    format!("[\n{}\n]", lines.join("\n"))
}

fn string(text: &str) -> String {
    ::toml::Value::String(text.to_owned()).to_string()
}

/// A phrase as a sentence of a comment.
fn sentence(phrase: &str) -> String {
    let line = one_line(phrase);
    let mut letters = line.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{capital}{}.", letters.as_str())
}

/// A text for a comment, which ends with its line.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
