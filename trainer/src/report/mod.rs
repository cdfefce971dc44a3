//! What a run measured: `metrics.json` for scripts, `report.html` and `card.md` for people.

pub mod metrics;
mod statistics;

pub use metrics::Metrics;
pub use statistics::{Paired, mean, paired, standard_deviation};
