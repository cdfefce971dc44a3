//! Columns and labels that never change where a network is to learn from them or be judged by them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Data, Matrix};
use crate::dataset::Warning;
use crate::quantize::{Standard, is_constant};
use crate::recipe::Recipe;

impl Data {
    /// What never changes in the splits of a table.
    ///
    /// Splits that cannot be drawn are left out; carrying out the recipe refuses them.
    pub(super) fn constant(&self, recipe: &Recipe) -> Vec<Warning> {
        let Matrix::Dense(x) = &self.x else { return Vec::new() };
        let (mut columns, mut targets) = (BTreeMap::<usize, BTreeSet<u64>>::new(), BTreeMap::new());
        let mut seen = Vec::new();
        for evaluation in self.evaluations(recipe, &recipe.report.seeds).unwrap_or_default() {
            let split = &evaluation.split;
            let number = evaluation.name.strip_prefix("fold ").and_then(|fold| fold.parse().ok()).unwrap_or(0);
            // Folds teach with the same rows for every seed.
            if seen != split.train {
                let standard = Standard::of(x.view(), &split.train);
                for (column, _) in standard.constant().enumerate().filter(|&(_, constant)| constant) {
                    columns.entry(column).or_default().insert(number);
                }
                seen.clone_from(&split.train);
            }
            let labelled = self.labelled(&split.train, recipe.data.label_share, evaluation.seed);
            for (part, rows) in [("train", &labelled), ("tune", &split.tune), ("test", &split.test)] {
                if is_constant(rows.iter().map(|&row| self.truth.value(row))) {
                    let value = self.truth.in_words(rows[0]);
                    targets.entry((part, value)).or_insert_with(BTreeSet::new).insert(number);
                }
            }
        }
        // One warning for all columns that are constant in the same splits.
        let mut together: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
        for (column, splits) in columns {
            together.entry(splits.into_iter().collect()).or_default().push(column);
        }
        let columns = together.into_iter().map(|(splits, columns)| Warning::ConstantColumns {
            count: columns.len(),
            first: self.names[columns[0]].clone(),
            splits,
        });
        let name = recipe.data.label.clone();
        let targets = targets.into_iter().map(|((part, value), splits)| Warning::ConstantTarget {
            name: name.clone(),
            value,
            part,
            splits: splits.into_iter().collect(),
        });
        columns.chain(targets).collect()
    }
}
