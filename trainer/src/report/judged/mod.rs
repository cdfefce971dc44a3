//! A student judged on any labelled rows: its figures with their intervals, class by class and group by group.
//!
//! Accuracy, macro-F1 and errors are those of [`Score`], the classes those of [`Confusion`]: what a report says of the same
//! rows is the same to the digit.
//!
//! | file | idea |
//! |---|---|
//! | here | the figures, and as JSON |
//! | `interval` | what may be drawn anew, and what that says |
//! | `page` | the figures as text |

mod interval;
mod page;

pub use interval::Sampling;
pub use page::page;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::score::Score;
use super::shipped::Confusion;

/// What is true and what was said, a value a row.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'a> {
    /// Labels, and the names of all classes.
    Classes {
        /// Right labels.
        truth: &'a [u16],
        /// Decided labels.
        decided: &'a [u16],
        /// Names in the order of the labels.
        names: &'a [String],
    },
    /// Quantities.
    Quantity {
        /// Measured values.
        truth: &'a [f32],
        /// Predicted values.
        predicted: &'a [f64],
    },
}

/// Figures of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// How many rows.
    pub rows: usize,
    /// By name: those of [`Score::figures`], and of a regression the `bias`, the mean of predicted minus true. None where a
    /// figure is not defined.
    pub values: Vec<(&'static str, Option<f64>)>,
    /// Ends of the 95 % interval of those figures that have one.
    pub intervals: Vec<(&'static str, [f64; 2])>,
}

/// A student on labelled rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// All rows together.
    pub all: Figures,
    /// By group, in the order of their names.
    pub groups: Vec<(String, Figures)>,
    /// Of a classifier.
    pub confusion: Option<Confusion>,
    /// What the intervals rest on.
    pub sampling: Sampling,
}

impl Answered<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Classes { truth, .. } => truth.len(),
            Self::Quantity { truth, .. } => truth.len(),
        }
    }

    /// The figures of some of the rows, which may be named several times.
    fn figures(&self, rows: &[usize]) -> Vec<(&'static str, Option<f64>)> {
        match self {
            Self::Classes { truth, decided, .. } => {
                let of = |labels: &[u16]| rows.iter().map(|&row| labels[row]).collect::<Vec<_>>();
                Score::of_decisions(&of(truth), &of(decided)).figures()
            }
            Self::Quantity { truth, predicted } => {
                let truth: Vec<f32> = rows.iter().map(|&row| truth[row]).collect();
                let predicted: Vec<f64> = rows.iter().map(|&row| predicted[row]).collect();
                let errors = predicted.iter().zip(&truth).map(|(said, &right)| said - f64::from(right));
                let bias = errors.sum::<f64>() / truth.len().max(1) as f64;
                let mut figures = Score::of_predictions(&truth, &predicted).figures();
                figures.push(("bias", Some(bias)));
                figures
            }
        }
    }

    /// Right labels; none of a regression.
    fn right(&self) -> Option<usize> {
        match self {
            Self::Classes { truth, decided, .. } => Some(truth.iter().zip(*decided).filter(|(a, b)| a == b).count()),
            Self::Quantity { .. } => None,
        }
    }
}

impl Judged {
    /// Judges answers; `groups` names the group of each row, and `series` says that neighbouring rows share readings.
    #[must_use]
    pub fn of(answered: &Answered<'_>, groups: Option<&[String]>, series: bool) -> Self {
        let mut by_group: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, group) in groups.unwrap_or(&[]).iter().enumerate() {
            by_group.entry(group).or_default().push(row);
        }
        let figures =
            |rows: &[usize]| Figures { rows: rows.len(), values: answered.figures(rows), intervals: Vec::new() };
        let whole: Vec<usize> = (0..answered.rows()).collect();
        let units: Vec<&[usize]> = by_group.values().map(Vec::as_slice).collect();
        let sampling = Sampling::of(series, groups.map(|_| units.len()));
        let mut all = figures(&whole);
        all.intervals = interval::intervals(answered, sampling, &units);
        Self {
            all,
            groups: by_group.iter().map(|(name, rows)| ((*name).to_owned(), figures(rows))).collect(),
            confusion: match answered {
                Answered::Classes { truth, decided, names } => Some(Confusion::of(names, truth, decided)),
                Answered::Quantity { .. } => None,
            },
            sampling,
        }
    }

    /// One object for scripts. Ratios are in per cent, errors in the unit of the quantity, as in `metrics.json`.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        let mut object = self.all.json();
        object.insert("intervals".to_owned(), json!(self.sampling.word()));
        if let Some(confusion) = &self.confusion {
            object.insert("classes".to_owned(), json!(confusion.classes));
            object.insert("confusion".to_owned(), json!(confusion.counts));
        }
        let group = |(name, figures): &(String, Figures)| {
            let mut group = figures.json();
            group.remove("intervals_95");
            group.insert("group".to_owned(), json!(name));
            Value::Object(group)
        };
        object.insert("groups".to_owned(), self.groups.iter().map(group).collect());
        object
    }
}

impl Figures {
    fn json(&self) -> Map<String, Value> {
        let intervals: Map<String, Value> =
            self.intervals.iter().map(|&(name, ends)| (name.to_owned(), json!(ends))).collect();
        let named = self.values.iter().map(|&(name, value)| (name.to_owned(), json!(value)));
        let more = [("rows".to_owned(), json!(self.rows)), ("intervals_95".to_owned(), Value::Object(intervals))];
        named.chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        ["a", "b"].map(str::to_owned).to_vec()
    }

    #[test]
    fn figures_are_those_of_the_score_by_group_too() {
        let (truth, decided) = ([0, 0, 1, 1], [0, 1, 1, 1]);
        let names = names();
        let groups = ["x", "x", "x", "y"].map(str::to_owned);
        let answered = Answered::Classes { truth: &truth, decided: &decided, names: &names };
        let judged = Judged::of(&answered, Some(&groups), false);
        assert_eq!(judged.all.values, Score::of_decisions(&truth, &decided).figures());
        assert_eq!(judged.groups[0].1.values, Score::of_decisions(&truth[..3], &decided[..3]).figures());
        assert_eq!((judged.groups[1].0.as_str(), judged.groups[1].1.rows), ("y", 1));
        assert_eq!(judged.confusion.as_ref().unwrap().counts, Some(vec![vec![1, 1], vec![0, 2]]));
        let json = judged.json();
        assert_eq!((json["accuracy"].as_f64(), json["rows"].as_u64()), (Some(75.0), Some(4)));
        assert_eq!(json["groups"][0]["group"], "x");
    }

    #[test]
    fn the_bias_of_a_regression_has_a_sign() {
        let judged = Judged::of(&Answered::Quantity { truth: &[1.0, 3.0], predicted: &[0.5, 1.5] }, None, false);
        assert_eq!(judged.all.values.last(), Some(&("bias", Some(-1.0))));
        let constant = Judged::of(&Answered::Quantity { truth: &[1.0, 1.0], predicted: &[1.0, 1.0] }, None, false);
        assert_eq!(constant.json()["r2"], Value::Null);
    }

    #[test]
    fn an_interval_stands_where_something_independent_was_drawn() {
        let names = names();
        let truth: Vec<u16> = (0..400).map(|row| row % 2).collect();
        // Right in three groups of four, wrong in the fourth.
        let decided: Vec<u16> = (0..400).map(|row| (row + u16::from(row / 10 % 4 == 0)) % 2).collect();
        let answered = Answered::Classes { truth: &truth, decided: &decided, names: &names };
        let width = |groups: Option<&[String]>, series| {
            let judged = Judged::of(&answered, groups, series);
            let found = judged.all.intervals.iter().find(|(name, _)| *name == "accuracy").map(|(_, ends)| *ends);
            assert!(found.is_none_or(|[low, high]| low < 75.0 && 75.0 < high), "{found:?}");
            found.map(|[low, high]| high - low)
        };
        let rows = width(None, false).unwrap();
        assert!((rows - 8.5).abs() < 0.3, "{rows}");
        // Forty groups that are right or wrong as a whole say far less than 400 rows.
        let forty: Vec<String> = (0..400).map(|row| format!("{}", row / 10)).collect();
        let groups = width(Some(&forty), false).unwrap();
        assert!(groups > 2.0 * rows, "{groups}");
        let four: Vec<String> = (0..400).map(|row| format!("{}", row / 100)).collect();
        assert_eq!((width(Some(&four), false), width(None, true)), (None, None));
    }
}
