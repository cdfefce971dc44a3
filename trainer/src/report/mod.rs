//! What a run measured: `metrics.json` for scripts, `report.html` and `card.md` for people.
//!
//! Everything here renders [`Metrics`] and measures nothing. Output depends on the metrics alone: no clock, no
//! host name, no path, so that the same run gives the same bytes.

mod card;
mod columns;
mod compare;
mod error;
mod evidence;
mod html;
pub mod metrics;
pub(crate) mod number;
mod plots;
#[cfg(test)]
pub(crate) mod samples;
mod statistics;
mod template;
mod terminal;
mod verdict;

pub use card::card;
pub(crate) use compare::read_document;
pub use compare::{CompareError, Comparison, Contrast, compare, compare_any_data, read_metrics};
pub use error::ReportError;
pub use evidence::Evidence;
pub use html::html;
pub use metrics::Metrics;
pub use statistics::{Paired, mean, paired, standard_deviation};
pub(crate) use template::{Form, foreign_markdown, render, render_as};
pub use terminal::summary;
pub use verdict::{edge_agreement, verdict};
