//! The look at a table: every column gets its part, the answer is found, and leaks are taken out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::column::{Column, Kind, Part, rank};
use super::draft::Seen;
use super::error::LookError;
use super::label::{self, no_column};
use super::leak::leaks;
use super::raw::Raw;
use super::{Asked, Form, rows, series};
use crate::dataset::{ColumnTable, DataError, FaultKind, Place};
use crate::output::counted;
use crate::recipe::Task;

/// Looks at a file, or a folder of Parquet files.
pub(super) fn look(path: &Path, asked: &Asked) -> Result<Seen, LookError> {
    let table = ColumnTable::load(path)?;
    if is_row(&table.own().map(|(_, name, _)| name).collect::<Vec<_>>()) {
        let place = Place::file(path);
        let (expected, remedy) = ("a header line", "name the columns in the first line");
        return Err(DataError::new(FaultKind::Layout, place, expected, "a row of numbers", remedy).into());
    }
    let raw = Raw::of(&table)?;
    of_rows(path, asked, &raw)
}

/// Whether a header is a row: mostly numbers, unless they count the columns.
fn is_row(header: &[&str]) -> bool {
    let numbers: Vec<f64> = header.iter().filter_map(|name| name.parse().ok()).collect();
    let count = numbers.len() > 1 && numbers.windows(2).all(|pair| pair[1] == pair[0] + 1.0);
    2 * numbers.len() > header.len() && !count
}

/// Looks at the rows of a table.
pub(super) fn of_rows(path: &Path, asked: &Asked, raw: &Raw) -> Result<Seen, LookError> {
    let mut columns = profiles(raw);
    let (at, why) = label::find(raw, &columns, asked.label.as_deref())?;
    // Of several columns of one name only a single one is a label.
    let name = columns[at].name.clone();
    let Some(of_label) = raw.column(&name) else { return Err(no_column("--label", &name, &columns)) };
    let (label, answer) = label::learn(raw, of_label, &columns[at], (asked.task, why))?;
    columns[at].plays(Part::Label, "what is learnt");
    for column in columns.iter_mut().filter(|column| column.part == Part::Input) {
        let of_column = raw.columns.iter().find(|it| it.base == column.name);
        if let Some((part, why)) = of_column.and_then(|of_column| column.suggested(raw, of_column)) {
            column.plays(part, why);
        }
    }
    keep_one(&mut columns, Part::Fold, "another column numbers the folds");
    keep_one(&mut columns, Part::Id, "another id");
    let groups = || columns.iter().filter(|column| column.part == Part::Group);
    if let Some(whole) = groups().min_by_key(|column| rank(&column.name)).map(|column| column.name.clone()) {
        let why = format!("it tells where a row comes from, as `{whole}` does");
        let others = columns.iter_mut().filter(|column| column.part == Part::Group && column.name != whole);
        others.for_each(|column| column.plays(Part::Reserved, why.clone()));
    }
    if label.task == Task::Regress
        && let Some(seen) = series::of_time(path, raw, &columns, &label)
    {
        return Ok(seen);
    }
    duplicates(raw, &mut columns);
    let places = |columns: &[Column]| -> Vec<usize> {
        let is_input = |base: &str| columns.iter().any(|column| column.name == base && column.part == Part::Input);
        (0..raw.columns.len()).filter(|&at| is_input(&raw.columns[at].base)).collect()
    };
    let mut notes = notes(raw, &columns);
    for leak in leaks(raw, &places(&columns), &answer) {
        let found = &raw.columns[leak.column];
        if let Some(column) = columns.iter_mut().find(|column| column.name == found.base) {
            let stays = match column.columns {
                1 => "; put it back into the recipe's columns if a device measures it",
                _ => "; it stays an input as a part of its array",
            };
            notes.push(format!("`{}` looks like a leak: {}{stays}", found.name, leak.why));
            if column.columns == 1 {
                column.plays(Part::Leak, leak.why);
            }
        }
    }
    let (splits, more) = rows::proposals(raw, &columns, &places(&columns), &answer);
    notes.extend(more);
    notes.extend(label.notes());
    if let Some(time) = columns.iter().find(|column| column.part == Part::Time && column.kind == Kind::Words)
        && label.task == Task::Regress
    {
        notes.push(format!(
            "`{}` holds dates or times as text; to forecast `{}`, write the moments as evenly spaced numbers, such as seconds",
            time.name, label.name
        ));
    }
    Ok(Seen {
        form: Form::Table,
        rows: raw.rows,
        width: raw.columns.len() + raw.unusable.len(),
        edges: None,
        columns,
        label,
        splits,
        notes,
        series: None,
        nodes: None,
    })
}

/// One look a name, in the order of the table.
pub(super) fn profiles(raw: &Raw) -> Vec<Column> {
    let mut profiles: Vec<Column> = Vec::new();
    let mut from = 0;
    while from < raw.columns.len() {
        let base = &raw.columns[from].base;
        let to = from + raw.columns[from..].iter().take_while(|column| column.base == *base).count();
        profiles.push(Column::of(raw, &raw.columns[from..to].iter().collect::<Vec<_>>()));
        from = to;
    }
    profiles
}

/// What was odd about reading the table.
pub(super) fn notes(raw: &Raw, columns: &[Column]) -> Vec<String> {
    let mut notes: Vec<String> = raw.warnings.iter().map(ToString::to_string).collect();
    notes.extend(raw.unusable.iter().map(|(name, why)| format!("`{name}` is left out: {why}")));
    let gaps: Vec<&Column> =
        columns.iter().filter(|column| column.part == Part::Input && column.missing > 0.0).collect();
    if let Some(first) = gaps.first() {
        let share = 100.0 * gaps.iter().map(|column| column.missing).fold(0.0, f64::max);
        notes.push(format!(
            "missing cells in {} (the first is `{}`; at most {share:.1} %): their rows are left out, and a device needs a value \
             for every input",
            counted(gaps.len(), "column", "columns"),
            first.name
        ));
    }
    notes
}

/// Only the first column of a part plays it.
fn keep_one(columns: &mut [Column], part: Part, why: &str) {
    for column in columns.iter_mut().filter(|column| column.part == part).skip(1) {
        column.plays(Part::Reserved, why);
    }
}

/// Columns that repeat one before them.
fn duplicates(raw: &Raw, columns: &mut [Column]) {
    let mut seen = HashMap::<[u8; 32], String>::new();
    for column in columns.iter_mut().filter(|column| column.part == Part::Input && column.columns == 1) {
        let Some(of_column) = raw.column(&column.name) else { continue };
        // A digest, since a table of many columns would not fit in memory twice.
        let mut digest = Sha256::new();
        (0..raw.rows).for_each(|row| digest.update((raw.real(of_column, row) + 0.0).to_le_bytes()));
        of_column.words().iter().for_each(|word| digest.update(format!("{}:{word}", word.len())));
        match seen.entry(digest.finalize().into()) {
            Entry::Occupied(first) => {
                let why = format!("the same as `{}`", first.get());
                column.plays(Part::Duplicate, why);
            }
            Entry::Vacant(place) => _ = place.insert(column.name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_row;

    #[test]
    fn a_row_is_no_header() {
        assert!(is_row(&["5.1", "3.5", "1.4", "0.2", "Iris-setosa"]) && is_row(&["1", "0"]));
        assert!(!is_row(&["a", "b", "y"]) && !is_row(&["0", "1", "2", "label"]) && !is_row(&["2019", "a", "y"]));
    }
}
