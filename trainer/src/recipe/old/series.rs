//! `[data.series]`: readings in time become rows of windows.

use serde::{Deserialize, Serialize};

use super::check::{Checked, Checker};
use super::tabular::{TabularData, TabularSplit};
use crate::dataset::Windowing;

/// `[data.series]`: each row is one site at one moment, with its readings up to then; the label lies ahead.
///
/// Columns of such a table: `c[0]` to `c[history - 1]`, the site's own readings of `c`, the last one the present;
/// `sites.c[s, lag]`, those of every site in the order of their names; `site[s]`, 1 for the row's own site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesSection {
    /// Column with the moment, evenly spaced numbers. Must be given.
    pub time: String,
    /// Column with the name of the site. Default: all rows are of one site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Readings in a window, 1 to 10000. Must be given.
    pub history: usize,
    /// Moments from the present to the forecast, 1 to 10000. Must be given.
    pub ahead: usize,
    /// Every how many moments a row is taken, 1 to 10000. Default 1.
    #[serde(default = "each")]
    pub every: usize,
}

fn each() -> usize {
    1
}

impl TabularData {
    /// How the series become rows, where `[data.series]` asks for it.
    #[must_use]
    pub fn windowing(&self) -> Option<Windowing<'_>> {
        self.series.as_ref().map(|series| Windowing {
            time: &series.time,
            site: series.site.as_deref(),
            label: &self.label,
            history: series.history,
            ahead: series.ahead,
            every: series.every,
        })
    }
}

impl Checker<'_> {
    pub(super) fn series(&self, data: &TabularData) -> Checked {
        let Some(series) = &data.series else { return Ok(()) };
        for (key, value) in [("history", series.history), ("ahead", series.ahead), ("every", series.every)] {
            self.count(&format!("data.series.{key}"), value, 1..=10_000)?;
        }
        if data.split != TabularSplit::Ordered {
            let reason = "windows of neighbouring moments share readings, so only a split by time is honest";
            return Err(self.combination("data.split", reason, "use split = \"ordered\""));
        }
        if data.group.is_some() {
            let reason = "the rows of one moment stay together already";
            return Err(self.combination("data.group", reason, "remove the key"));
        }
        Ok(())
    }
}
