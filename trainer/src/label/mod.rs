//! `eyas label`: rows in, logits out, in numbered parts that any scheduler can run.
//!
//! A table is cut into parts once, by what it holds and never by who works on it; the cut is written to `plan.json`. A part
//! is a pure function of table, teacher and settings, and is published in one step: a data file named by its content, then
//! a commit file that exists or does not. So there is no lock, no lease and no worker that must be known: a part that two
//! workers compute is published once, and a worker killed at any moment leaves at most files that nobody reads.

mod commit;
mod digest;
mod error;
mod indices;
mod input;
mod parts;
mod plan;
mod read;
mod recipe;
mod work;
mod writer;

pub use commit::Commit;
pub use digest::RowsDigest;
pub use error::LabelError;
pub use indices::{Parts, ranges};
pub use input::{Columns, Input};
pub use plan::{PLAN, Part, Place, Plan, Settings, TableFile};
pub use read::read_labels;
pub use recipe::{LabelRecipe, OpenTeacher};
pub use work::{Finished, Label, ROWS_PER_PART, SUCCESS, Status, finish, status};
