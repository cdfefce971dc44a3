//! The look for people.

use std::fmt;

use super::column::{Column, Kind, Part};
use super::label::short;
use super::{Form, Look};
use crate::dataset::quoted;

/// Lines of columns that are shown.
const SHOWN: usize = 40;

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, width) = (self.rows, self.width);
        match self.form {
            Form::Graph => write!(f, "{}: a graph of {rows} nodes with {width} features", self.source)?,
            Form::Table => write!(f, "{}: a table of {rows} rows and {width} columns", self.source)?,
            Form::Series => write!(f, "{}: readings in time, {rows} rows of {width} columns", self.source)?,
        }
        if let Some(edges) = &self.edges {
            write!(f, ", {} edges, {:.0} % of them between nodes of one label", edges.edges, 100.0 * edges.alike)?;
        }
        f.write_str("\n")?;
        let lines: Vec<Vec<String>> = runs(&self.columns).into_iter().map(cells).collect();
        let cut = lines.len().min(SHOWN);
        let wide: Vec<usize> =
            (0..4).map(|at| lines[..cut].iter().map(|line| line[at].chars().count()).max().unwrap_or(0)).collect();
        for line in &lines[..cut] {
            let cells = line.iter().zip(wide.iter().copied().chain([0])).map(|(cell, wide)| format!("{cell:wide$}"));
            writeln!(f, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        if lines.len() > cut {
            writeln!(f, "  and {} more; --json lists them all", lines.len() - cut)?;
        }
        let label = if self.label.name.is_empty() { String::new() } else { format!("{}: ", quoted(&self.label.name)) };
        let why = self.label.why.as_deref().map_or_else(String::new, |why| format!("; chosen by {why}"));
        writeln!(f, "label     {label}{}{why}", self.label.in_words())?;
        writeln!(f, "split     {}: {}", self.split.kind.word(), self.split.why)?;
        writeln!(f, "teachers  {}", self.teachers.join(", "))?;
        let student = &self.student;
        let widths: Vec<String> = std::iter::once(student.inputs)
            .chain(student.hidden.iter().copied())
            .chain([student.outputs])
            .map(|width| width.to_string())
            .collect();
        write!(
            f,
            "student   {}: about {} bytes of flash, {} bytes of RAM, {} multiply-accumulates",
            widths.join("-"),
            student.flash_bytes,
            student.ram_bytes,
            student.macs
        )?;
        self.notes.iter().try_for_each(|note| write!(f, "\nnote: {note}"))
    }
}

/// Neighbouring inputs of one kind without gaps, as one line.
fn runs(columns: &[Column]) -> Vec<&[Column]> {
    let plain = |column: &Column| {
        column.part == Part::Input && column.missing == 0.0 && column.columns == 1 && column.kind == Kind::Numbers
    };
    columns.chunk_by(|a, b| plain(a) && plain(b)).collect()
}

/// Name, kind, range, gaps and part of a line.
fn cells(run: &[Column]) -> Vec<String> {
    let (first, last) = (&run[0], &run[run.len() - 1]);
    let name = match (run.len(), first.columns) {
        (1, 1) => quoted(&first.name),
        (1, columns) => format!("{} ({columns})", quoted(&first.name)),
        (count, _) => format!("{} .. {} ({count})", quoted(&first.name), quoted(&last.name)),
    };
    let kind = match first.kind {
        Kind::Flags => "flags",
        Kind::Whole => "whole",
        Kind::Numbers => "numbers",
        Kind::Words => "words",
        Kind::Empty => "empty",
    };
    let ranges = run.iter().filter_map(|column| column.range);
    let range = ranges.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
    let values = match range {
        Some((least, most)) => format!("{} .. {}", short(least), short(most)),
        None => {
            let shown: Vec<String> = first.words.iter().take(3).map(|word| quoted(word)).collect();
            let more = if first.different > shown.len() { ", .." } else { "" };
            format!("{} different: {}{more}", first.different, shown.join(", "))
        }
    };
    let missing = if first.missing > 0.0 { format!("{:.1} % missing", 100.0 * first.missing) } else { String::new() };
    let part = match first.part {
        Part::Input => String::new(),
        part => format!("{}: {}", word(part), first.why.as_deref().unwrap_or_default()),
    };
    vec![name, kind.to_owned(), values, missing, part]
}

fn word(part: Part) -> &'static str {
    match part {
        Part::Label => "label",
        Part::Fold => "fold",
        Part::Group => "group",
        Part::Time => "time",
        Part::Id => "id",
        Part::Text => "free text",
        Part::Constant => "constant",
        Part::Duplicate => "duplicate",
        Part::Sparse => "missing",
        Part::Leak => "leak",
        Part::Reserved => "left out",
        Part::Input => "input",
    }
}
