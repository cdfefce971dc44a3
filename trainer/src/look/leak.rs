//! Columns that alone tell the answer: what one column predicts, by looking up its value among some rows and asking the
//! others.

use std::collections::HashMap;

use ndarray::{Axis, s};

use super::raw::{Raw, RawColumn};
use crate::data::{Data, Matrix, Truth};

/// Rows that are asked at most.
const ASKED: usize = 20_000;
/// Most intervals into which numbers are sorted, and rows that each has at least.
const INTERVALS: (usize, usize) = (256, 8);
/// Share of what could be gained at all from which on a column is suspected.
const SUSPECT: f64 = 0.98;
/// Gain that other columns stay below where one is suspected.
const OTHERS: f64 = 0.9;

/// What the label of each row is, for this question.
pub(super) enum Answer {
    /// A class; `None` where it is missing.
    Classes(Vec<Option<u32>>),
    /// A quantity; NaN where it is missing.
    Quantity(Vec<f64>),
}

/// A column that is too good.
pub(super) struct Leak {
    /// Place among the columns of the table.
    pub(super) column: usize,
    pub(super) why: String,
}

/// Labelled rows from which on a column is judged: among fewer, chance tells classes apart.
const ENOUGH: usize = 60;

/// Name and reason of each input of the student that alone tells the labels of `rows`; none of a graph.
pub(crate) fn leaking_inputs(data: &Data, rows: &[usize]) -> Vec<(String, String)> {
    let Matrix::Dense(x) = &data.x else { return Vec::new() };
    let rows: Vec<usize> = rows.iter().copied().filter(|&row| data.known[row]).collect();
    if rows.len() < ENOUGH {
        return Vec::new();
    }
    let seen = x.select(Axis(0), &rows).slice_move(s![.., ..data.student]);
    let raw = Raw::of_inputs(seen, data.input_names());
    let answer = match &data.truth {
        Truth::Classes { labels, .. } => {
            Answer::Classes(rows.iter().map(|&row| Some(u32::from(labels[row]))).collect())
        }
        Truth::Quantity { values, .. } => Answer::Quantity(rows.iter().map(|&row| f64::from(values[row])).collect()),
    };
    let places: Vec<usize> = (0..raw.columns.len()).collect();
    let found = leaks(&raw, &places, &answer).into_iter();
    found.map(|leak| (raw.columns[leak.column].name.clone(), leak.why)).collect()
}

/// The suspected columns among `inputs`, which are places in the table.
pub(super) fn leaks(raw: &Raw, inputs: &[usize], answer: &Answer) -> Vec<Leak> {
    let gains: Vec<(usize, f64)> =
        inputs.iter().map(|&column| (column, gain(raw, &raw.columns[column], answer))).collect();
    let others = gains.iter().map(|&(_, gain)| gain).filter(|&gain| gain < SUSPECT).fold(0.0, f64::max);
    let many = gains.iter().filter(|&&(_, gain)| gain >= SUSPECT).count();
    let mut leaks = Vec::new();
    for &(column, gain) in gains.iter().filter(|&&(_, gain)| gain >= SUSPECT) {
        let same = is_same(raw, &raw.columns[column], answer);
        // An easy task has many good columns.
        if !same && (others >= OTHERS || 2 * many > inputs.len() + 1 || inputs.len() == 1) {
            continue;
        }
        let why = match (same, answer) {
            (true, _) => "the answer itself, in the same or another spelling".to_owned(),
            (false, Answer::Classes(_)) => {
                format!(
                    "it alone tells {:.1} % of what the majority does not; the next best column {:.1} %",
                    100.0 * gain,
                    100.0 * others
                )
            }
            (false, Answer::Quantity(_)) => {
                format!(
                    "it alone explains {:.1} % of the variance; the next best column {:.1} %",
                    100.0 * gain,
                    100.0 * others
                )
            }
        };
        leaks.push(Leak { column, why });
    }
    leaks
}

/// What a column alone tells of rows it was not looked up in: 0 for as much as the majority or the mean, 1 for all.
fn gain(raw: &Raw, column: &RawColumn, answer: &Answer) -> f64 {
    let step = raw.rows.div_ceil(ASKED).max(1);
    let rows = || (0..raw.rows).step_by(step);
    // Rows may be in an order, or come in turns: both parts are drawn from all over the table.
    let asks = |row: usize| ((row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).is_multiple_of(3);
    let (asked, known): (Vec<usize>, Vec<usize>) = rows().partition(|&row| asks(row));
    let question = Question { raw, column, known: &known, asked: &asked };
    if !column.words().is_empty() {
        return question.gain(None, answer);
    }
    let mut sorted: Vec<f64> = known.iter().map(|&row| raw.real(column, row)).filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let intervals = (sorted.len() / INTERVALS.1).clamp(2, INTERVALS.0);
    let even: Vec<f64> = (1..intervals).filter_map(|at| sorted.get(at * sorted.len() / intervals).copied()).collect();
    // Between all values that are known: the nearest one answers, which finds a border that intervals miss.
    sorted.dedup();
    let nearest: Vec<f64> = sorted.windows(2).map(|pair| pair[0] / 2.0 + pair[1] / 2.0).collect();
    [even, nearest].iter().map(|bounds| question.gain(Some(bounds), answer)).fold(0.0, f64::max)
}

/// A column, the rows that it is looked up in, and those that are asked.
struct Question<'a> {
    raw: &'a Raw,
    column: &'a RawColumn,
    known: &'a [usize],
    asked: &'a [usize],
}

impl Question<'_> {
    /// The interval of a row's value, or its word.
    fn place(&self, row: usize, bounds: Option<&[f64]>) -> u64 {
        match (self.raw.real(self.column, row), bounds) {
            (value, _) if value.is_nan() => u64::MAX,
            (value, Some(bounds)) => bounds.partition_point(|&bound| bound <= value) as u64,
            (value, None) => value as u64,
        }
    }

    fn gain(&self, bounds: Option<&Vec<f64>>, answer: &Answer) -> f64 {
        let place = |row: usize| self.place(row, bounds.map(Vec::as_slice));
        match answer {
            Answer::Classes(classes) => self.of_classes(place, classes),
            Answer::Quantity(values) => self.of_quantity(place, values),
        }
    }

    fn of_classes(&self, place: impl Fn(usize) -> u64, classes: &[Option<u32>]) -> f64 {
        let labelled = |rows: &[usize]| -> Vec<(u64, u32)> {
            rows.iter().filter_map(|&row| Some((place(row), classes[row]?))).collect()
        };
        let (mut counts, mut all) = (HashMap::<(u64, u32), usize>::new(), HashMap::<u32, usize>::new());
        for (place, class) in labelled(self.known) {
            *counts.entry((place, class)).or_default() += 1;
            *all.entry(class).or_default() += 1;
        }
        let majority = all.into_iter().map(|(class, count)| (count, class)).max().map(|(_, class)| class);
        let mut best: HashMap<u64, (usize, u32)> = HashMap::new();
        for ((place, class), count) in counts {
            let found = best.entry(place).or_insert((count, class));
            *found = (*found).max((count, class));
        }
        let (mut right, mut plain, mut total) = (0.0, 0.0, 0.0);
        for (place, class) in labelled(self.asked) {
            let told = best.get(&place).map(|&(_, class)| class).or(majority);
            right += f64::from(u8::from(told == Some(class)));
            plain += f64::from(u8::from(majority == Some(class)));
            total += 1.0;
        }
        if total > plain { ((right - plain) / (total - plain)).max(0.0) } else { 0.0 }
    }

    fn of_quantity(&self, place: impl Fn(usize) -> u64, values: &[f64]) -> f64 {
        let measured = |rows: &[usize]| -> Vec<(u64, f64)> {
            rows.iter().map(|&row| (place(row), values[row])).filter(|(_, value)| !value.is_nan()).collect()
        };
        let mut sums: HashMap<u64, (f64, f64)> = HashMap::new();
        let (mut sum, mut count) = (0.0, 0.0);
        for (place, value) in measured(self.known) {
            let entry = sums.entry(place).or_default();
            *entry = (entry.0 + value, entry.1 + 1.0);
            (sum, count) = (sum + value, count + 1.0);
        }
        let mean = if count > 0.0 { sum / count } else { 0.0 };
        let (mut left, mut all) = (0.0, 0.0);
        for (place, value) in measured(self.asked) {
            let told = sums.get(&place).map_or(mean, |(sum, count)| sum / count);
            left += (value - told).powi(2);
            all += (value - mean).powi(2);
        }
        if all > 0.0 { (1.0 - left / all).max(0.0) } else { 0.0 }
    }
}

/// Whether a column and the answer tell each other in every row.
fn is_same(raw: &Raw, column: &RawColumn, answer: &Answer) -> bool {
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    let bits = |value: f64| (value + 0.0).to_bits();
    (0..raw.rows).all(|row| {
        let value = raw.real(column, row);
        let label = match answer {
            Answer::Classes(classes) => classes[row].map_or(f64::NAN, f64::from),
            Answer::Quantity(values) => values[row],
        };
        if value.is_nan() || label.is_nan() {
            return true;
        }
        *there.entry(bits(value)).or_insert(bits(label)) == bits(label)
            && *back.entry(bits(label)).or_insert(bits(value)) == bits(value)
    }) && there.len() > 1
        // A quantity that never comes twice would be told by every column that never does either.
        && match answer {
            Answer::Classes(_) => true,
            Answer::Quantity(values) => (0..raw.rows).all(|row| {
                let value = raw.real(column, row);
                value.is_nan() || values[row].is_nan() || (value - values[row]).abs() <= 1e-6 * value.abs().max(1e-30)
            }),
        }
}
