//! 95 % intervals: Wilson's of the accuracy over independent rows, and percentiles of the bootstrap of every other figure.
//!
//! Rows of one group are no independent draws, so where groups are known whole groups are drawn. Neighbouring windows of a
//! series share most of their readings; what is independent there is not known, so there is no interval.

use rand::RngExt;
use rayon::prelude::*;

use super::Answered;
use crate::nn::{Purpose, stream};
use crate::report::statistics::{quantile, wilson_95};

/// How often the rows or groups are drawn anew.
const DRAWS: usize = 1000;
/// Fewest groups whose spread says something.
const LEAST_GROUPS: usize = 10;

/// What the intervals rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Rows that are drawn one by one.
    Rows,
    /// Groups that are drawn as a whole.
    Groups,
    /// Fewer groups than a spread can be read from: no interval.
    FewGroups,
    /// Windows of series that share readings: no interval.
    Series,
}

impl Sampling {
    /// For windows of series or not, and so many groups.
    pub(super) fn of(series: bool, groups: Option<usize>) -> Self {
        match groups {
            _ if series => Self::Series,
            None => Self::Rows,
            Some(groups) if groups < LEAST_GROUPS => Self::FewGroups,
            Some(_) => Self::Groups,
        }
    }

    /// The word for scripts; none where there is no interval.
    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::Rows => Some("rows"),
            Self::Groups => Some("groups"),
            Self::FewGroups | Self::Series => None,
        }
    }

    /// A sentence for people.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::Rows => {
                "The 95 % intervals take rows as independent; give --group where rows belong together, such as those of a person."
            }
            Self::Groups => "The 95 % intervals draw whole groups anew.",
            Self::FewGroups => {
                "There is no interval: ten groups at least are needed, since rows of a group belong together."
            }
            Self::Series => "There is no interval: neighbouring windows of a series share readings.",
        }
    }
}

/// The intervals of all figures that have one; `groups` are the rows of each group.
pub(super) fn intervals(
    answered: &Answered<'_>,
    sampling: Sampling,
    groups: &[&[usize]],
) -> Vec<(&'static str, [f64; 2])> {
    let rows = answered.rows();
    if rows < 2 || sampling.word().is_none() {
        return Vec::new();
    }
    let drawn: Vec<Vec<(&'static str, Option<f64>)>> = (0..DRAWS)
        .into_par_iter()
        .map(|draw| {
            let mut rng = stream(0, Purpose::Choice, draw, 0);
            let chosen: Vec<usize> = match sampling {
                Sampling::Groups => {
                    (0..groups.len()).flat_map(|_| groups[rng.random_range(0..groups.len())]).copied().collect()
                }
                _ => (0..rows).map(|_| rng.random_range(0..rows)).collect(),
            };
            answered.figures(&chosen)
        })
        .collect();
    let names = drawn[0].iter().map(|(name, _)| *name).enumerate();
    let interval = |(at, name): (usize, &'static str)| {
        if let (Sampling::Rows, "accuracy", Some(right)) = (sampling, name, answered.right()) {
            return Some((name, wilson_95(right, rows)?));
        }
        // A figure that is not defined in some draw has no spread.
        let mut values: Vec<f64> = drawn.iter().map(|figures| figures[at].1).collect::<Option<_>>()?;
        values.sort_by(f64::total_cmp);
        Some((name, [0.025, 0.975].map(|share| quantile(&values, share))))
    };
    names.filter_map(interval).collect()
}
