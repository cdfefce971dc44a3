//! The look at readings in time: a moment a row, or a moment a row and site.

use std::collections::HashSet;
use std::path::Path;

use super::column::{Column, Kind, Part};
use super::draft::{Seen, Windows};
use super::error::LookError;
use super::label::{self, Label};
use super::raw::Raw;
use super::table::{notes, profiles};
use super::{Asked, Form, Proposed};
use crate::dataset::{DataError, FaultKind, Place};
use crate::output::counted;
use crate::recipe::{SplitKind, Task};

/// Most readings in a window, and most rows, of a first recipe.
const FIRST: (usize, usize) = (24, 50_000);
/// Moments that a series has at least.
const SHORTEST: usize = 30;

/// Whether a folder holds text tables and no Parquet.
pub(super) fn is_folder(path: &Path) -> bool {
    let ends = |name: &str, with: &[&str]| with.iter().any(|end| name.ends_with(end));
    let names: Vec<String> = std::fs::read_dir(path)
        .map(|entries| {
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().to_ascii_lowercase()).collect()
        })
        .unwrap_or_default();
    names.iter().any(|name| ends(name, &[".csv", ".csv.gz"])) && !names.iter().any(|name| ends(name, &[".parquet"]))
}

/// Looks at the series of a folder.
pub(super) fn look(path: &Path, asked: &Asked) -> Result<Seen, LookError> {
    let raw = Raw::readings(path)?;
    let mut columns = profiles(&raw);
    let (at, why) = label::find(&raw, &columns, asked.label.as_deref())?;
    let name = columns[at].name.clone();
    let Some(of_label) = raw.column(&name) else {
        return Err(label::no_column("--label", &name, &columns));
    };
    let (label, _) = label::learn(&raw, of_label, &columns[at], (asked.task.or(Some(Task::Regress)), why))?;
    columns[at].plays(Part::Label, "what is forecast; its past is an input");
    let candidates: Vec<String> = columns
        .iter()
        .filter(|column| column.part == Part::Input && matches!(column.kind, Kind::Whole | Kind::Numbers))
        .map(|column| column.name.clone())
        .collect();
    let times = candidates.into_iter().find_map(|time| Some((sites(&raw, &columns, &time)?, time)));
    let Some((site, time)) = times else {
        let place = Place::file(path);
        let expected = "a column of evenly spaced numbers, each once a site, that says when readings were taken";
        let remedy = "add one, counted from 0, or name one of the files";
        return Err(DataError::new(FaultKind::Layout, place, expected, "none", remedy).into());
    };
    Ok(windows(&raw, columns, label, (time, site)))
}

/// A table whose column of time makes it a series, in which a quantity can be forecast.
pub(super) fn of_time(path: &Path, raw: &Raw, columns: &[Column], label: &Label) -> Option<Seen> {
    // Windows are made of text tables alone.
    let text =
        path.is_file() && !["npz", "parquet"].iter().any(|end| path.extension().is_some_and(|found| found == *end));
    let time = columns.iter().find(|column| column.part == Part::Time && column.kind != Kind::Words)?;
    let site = sites(raw, columns, &time.name)?;
    let label_has_a_past = columns.iter().any(|column| column.name == label.name && column.kind != Kind::Words);
    (text && label_has_a_past).then(|| windows(raw, columns.to_vec(), label.clone(), (time.name.clone(), site)))
}

/// The column of sites with which each moment comes once, `Some(None)` where none is needed; `None` for no series.
fn sites(raw: &Raw, columns: &[Column], time: &str) -> Option<Option<String>> {
    let moments = raw.reals(raw.column(time)?);
    let mut steps = moments.clone();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    let step = steps.get(1)? - steps[0];
    let even = steps.windows(2).all(|pair| ((pair[1] - pair[0]) / step - 1.0).abs() < 1e-6);
    if steps.len() < SHORTEST || !even {
        return None;
    }
    let once = |site: Option<&str>| {
        let site = site.and_then(|site| raw.column(site));
        let mut seen = HashSet::new();
        let of_row = |row: usize| site.map_or(0, |site| raw.real(site, row).to_bits());
        (0..raw.rows).all(|row| seen.insert((moments[row].to_bits(), of_row(row))))
    };
    if once(None) {
        return Some(None);
    }
    let few = |column: &&Column| {
        let whole = matches!(column.kind, Kind::Words | Kind::Whole);
        column.columns == 1 && whole && (2..=256).contains(&column.different) && column.missing == 0.0
    };
    columns.iter().filter(few).find(|column| once(Some(&column.name))).map(|column| Some(column.name.clone()))
}

/// Windows over the readings.
fn windows(raw: &Raw, mut columns: Vec<Column>, label: Label, (time, site): (String, Option<String>)) -> Seen {
    let mut moments: Vec<u64> =
        raw.column(&time).map_or_else(Vec::new, |time| raw.reals(time)).iter().map(|it| it.to_bits()).collect();
    moments.sort_unstable();
    moments.dedup();
    for column in &mut columns {
        if column.name == time {
            column.plays(Part::Time, "the time step of the series");
        } else if Some(&column.name) == site.as_ref() {
            column.plays(Part::Group, "the site of the series");
        } else if column.part == Part::Input && column.kind == Kind::Words {
            column.plays(Part::Reserved, "words are no readings");
        } else if column.part == Part::Input && column.different <= 1 {
            column.plays(Part::Constant, "one value in all rows");
        }
    }
    let history = (moments.len() / 10).clamp(1, FIRST.0);
    let every = raw.rows.div_ceil(FIRST.1).max(1);
    let mut notes = notes(raw, &[]);
    notes.push(format!(
        "rows are readings in time: the recipe forecasts `{}` one step ahead from {history} readings. To tell it from the other \
         columns of the same row instead, take [data.series] and the label out of the recipe's columns",
        label.name
    ));
    let gaps = columns
        .iter()
        .filter(|column| column.missing > 0.0 && matches!(column.part, Part::Input | Part::Label))
        .count();
    if gaps > 0 {
        notes.push(format!(
            "gaps in {}, which are filled with the last reading before them, as on a device",
            counted(gaps, "column", "columns")
        ));
    }
    let why = format!("`{time}` says when, and a device meets later readings");
    Seen {
        form: Form::Series,
        rows: raw.rows,
        width: raw.columns.len() + raw.unusable.len(),
        edges: None,
        columns,
        // A moment whose forecast is missing makes no row.
        label: Label { unlabelled: 0, ..label },
        splits: vec![Proposed { kind: SplitKind::Ordered, column: None, why }],
        notes,
        series: Some(Windows { time, site, history, every }),
        nodes: None,
    }
}
