//! How the rows of a table may be split, and whether they follow each other in time.

use super::Proposed;
use super::column::{Column, Part};
use super::leak::Answer;
use super::raw::Raw;
use crate::recipe::SplitKind;

/// Columns and rows that are compared.
const COMPARED: (usize, usize) = (100, 5000);
/// How much closer than any two rows neighbours are where rows follow each other.
const CLOSE: f64 = 0.3;

/// Splits in the order in which they are tried, and what to know about them.
pub(super) fn proposals(
    raw: &Raw,
    columns: &[Column],
    inputs: &[usize],
    answer: &Answer,
) -> (Vec<Proposed>, Vec<String>) {
    let of = |part: Part| columns.iter().find(|column| column.part == part);
    let (fold, group, time) = (of(Part::Fold), of(Part::Group), of(Part::Time));
    let follow = follow(raw, inputs);
    let sorted = is_sorted(answer);
    let (mut all, mut notes) = (Vec::new(), Vec::new());
    let proposed = |kind, column: Option<&Column>, why: String| Proposed {
        kind,
        column: column.map(|column| column.name.clone()),
        why,
    };
    if let Some(fold) = fold {
        all.push(proposed(SplitKind::Folds, Some(fold), format!("`{}` numbers the folds", fold.name)));
    }
    if let Some(group) = group {
        let why = format!("rows of one `{}` stay together, as a device meets new ones", group.name);
        all.push(proposed(SplitKind::Random, Some(group), why));
    }
    match time {
        Some(time) => {
            let why = format!("`{}` says when rows were measured, and a device meets later ones", time.name);
            all.push(proposed(SplitKind::Ordered, None, why));
        }
        None if follow && !sorted => {
            let why =
                "neighbouring rows are alike, as readings in time are; a random split would judge by their neighbours";
            all.push(proposed(SplitKind::Ordered, None, why.to_owned()));
        }
        None => {}
    }
    let why = match follow {
        true => "the order of the rows leaves classes out; neighbouring rows are alike, so its figures flatter",
        false => "nothing tells which rows belong together",
    };
    all.push(proposed(SplitKind::Random, None, why.to_owned()));
    if follow && group.is_none() && fold.is_none() && time.is_none() {
        let text = "neighbouring rows are alike: add a column that names the recording, person or day, and split by it (`group`)";
        notes.push(text.to_owned());
    }
    (all, notes)
}

/// Whether neighbouring rows are far closer to each other than any two rows.
fn follow(raw: &Raw, inputs: &[usize]) -> bool {
    let rows = raw.rows.min(COMPARED.1);
    if rows < 20 {
        return false;
    }
    let mut ratios: Vec<f64> = Vec::new();
    for &input in inputs.iter().step_by(inputs.len().div_ceil(COMPARED.0).max(1)) {
        let column = &raw.columns[input];
        if !column.words().is_empty() {
            continue;
        }
        let value = |row: usize| raw.real(column, row);
        let apart = |pairs: &mut dyn Iterator<Item = (usize, usize)>| {
            let differences: Vec<f64> =
                pairs.map(|(a, b)| (value(a) - value(b)).abs()).filter(|value| value.is_finite()).collect();
            differences.iter().sum::<f64>() / differences.len().max(1) as f64
        };
        let near = apart(&mut (1..rows).map(|row| (row - 1, row)));
        // A step that has no divisor in common with most numbers of rows.
        let far = apart(&mut (0..rows).map(|row| (row, (row + 1 + rows * 382 / 1000) % rows)));
        if far > 0.0 {
            ratios.push(near / far);
        }
    }
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).is_some_and(|&ratio| ratio < CLOSE)
}

/// Whether rows are sorted by class, which makes neighbours alike too.
fn is_sorted(answer: &Answer) -> bool {
    let Answer::Classes(classes) = answer else { return false };
    let there: Vec<u32> = classes.iter().copied().flatten().collect();
    let changes = there.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let classes = there.iter().max().map_or(0, |&most| most as usize + 1);
    changes < 2 * classes
}
