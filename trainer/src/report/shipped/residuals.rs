//! How far off a regression is, and where.

use crate::report::statistics::quantile;
use serde::{Deserialize, Serialize};

/// Most points of the picture of predictions.
const POINTS: usize = 400;
/// Stretches of time or groups whose residuals are shown.
const STRETCHES: usize = 10;
/// Shares at which residuals are read.
const QUANTILES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Residuals of some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResidualGroup {
    /// Name of the group, or which part of the rows in their order.
    pub name: String,
    /// Rows.
    pub count: usize,
    /// Predicted minus true at the 5, 25, 50, 75 and 95 % quantile.
    pub quantiles: [f64; 5],
}

/// How far off a regression is, and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    /// True and predicted value of rows that are spread evenly over the order of the true values, at most 400.
    pub points: Vec<[f64; 2]>,
    /// All rows first, then by group or by stretch of the rows in their order.
    pub groups: Vec<ResidualGroup>,
}

pub(super) fn residuals(truth: &[f32], predicted: &[f64], groups: Option<&[String]>) -> Residuals {
    let mut order: Vec<usize> = (0..truth.len().min(predicted.len())).collect();
    order.sort_by(|&a, &b| truth[a].total_cmp(&truth[b]));
    let shown = order.len().min(POINTS);
    // Evenly over the ranks, both ends included.
    let points = (0..shown).map(|at| order[at * (order.len() - 1) / (shown - 1).max(1)]);
    let points = points.map(|row| [f64::from(truth[row]), predicted[row]]).collect();
    let of = |name: String, rows: &[usize]| {
        let mut values: Vec<f64> = rows.iter().map(|&row| predicted[row] - f64::from(truth[row])).collect();
        values.sort_by(f64::total_cmp);
        ResidualGroup { name, count: values.len(), quantiles: QUANTILES.map(|share| quantile(&values, share)) }
    };
    let all: Vec<usize> = (0..order.len()).collect();
    let mut found = vec![of("all rows".to_owned(), &all)];
    match groups {
        Some(groups) => {
            let mut names: Vec<&String> = groups.iter().collect();
            names.sort();
            names.dedup();
            let rows = |name: &String| all.iter().copied().filter(|&row| &groups[row] == name).collect::<Vec<_>>();
            let mut named: Vec<(&String, Vec<usize>)> = names.into_iter().map(|name| (name, rows(name))).collect();
            // The largest groups, in the order of their names.
            named.sort_by_key(|(_, rows)| std::cmp::Reverse(rows.len()));
            named.truncate(STRETCHES);
            named.sort();
            found.extend(named.into_iter().map(|(name, rows)| of(name.clone(), &rows)));
        }
        None if all.len() >= STRETCHES => {
            let end = |at: usize| all.len() * at / STRETCHES;
            found.extend(
                (0..STRETCHES).map(|at| {
                    of(format!("rows {} to {} % in order", 10 * at, 10 * (at + 1)), &all[end(at)..end(at + 1)])
                }),
            );
        }
        None => {}
    }
    Residuals { points, groups: found }
}
