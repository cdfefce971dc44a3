//! What a run measured: `metrics.json` for scripts, `report.html` and `card.md` for people; one form for every kind of run.
//!
//! An engine hands over [`Outcome`]s and [`Answers`](shipped::Answers); [`Metrics`] are made of them, a [`Document`] of the
//! metrics, and page, card and terminal show the document. Nothing here measures anything, and output depends on the metrics
//! alone: no clock, no host name, no path, so that the same run gives the same bytes.
//!
//! | file | idea |
//! |---|---|
//! | `score` | accuracy and macro-F1, or errors of a regression |
//! | `outcome` | what one split and seed measured |
//! | `shipped` | the shipped student's answers row by row |
//! | `metrics`, `summarise` | the schema; means and paired differences |
//! | `read` | metrics of this version and of those before |
//! | `statistics`, `evidence`, `verdict` | what may be said of a difference |
//! | `document` | sections of text, tables and charts |
//! | `figures`, `answers`, `facts` | the sections |
//! | `cost` | what a student costs, and what it may cost |
//! | `cores` | what an inference takes on each core |
//! | `judged` | a student judged on any labelled rows |
//! | `findings` | what stands in the way of a better student |
//! | `names`, `number` | words and numbers that all of them share |
//! | `chart` | pictures as SVG |
//! | `html`, `card`, `terminal`, `template` | a document as page, card and text |
//! | `compare` | two runs, paired |

mod answers;
mod card;
mod chart;
mod compare;
mod cores;
mod cost;
mod document;
mod error;
mod evidence;
mod facts;
mod figures;
mod findings;
mod html;
pub mod judged;
pub mod metrics;
mod names;
pub(crate) mod number;
pub mod outcome;
mod read;
#[cfg(test)]
pub(crate) mod samples;
mod score;
pub mod shipped;
pub(crate) mod statistics;
mod summarise;
mod template;
mod terminal;
#[cfg(test)]
mod tests;
mod verdict;

pub use card::card;
pub use compare::{CompareError, Comparison, Contrast, compare};
pub use document::{Code, Depth, Document, Row, Section, Table, Verdict};
pub use error::ReportError;
pub use evidence::Evidence;
pub use html::html;
pub use judged::Judged;
pub use metrics::Metrics;
pub use outcome::Outcome;
pub use read::ReadError;
pub use score::{Score, macro_f1};
pub use shipped::Shipped;
pub use statistics::{Paired, mean, paired, standard_deviation, wilson_95};
pub(crate) use template::{Form, render};
pub use terminal::summary;
pub use verdict::{Grade, edge_agreement, verdict};
