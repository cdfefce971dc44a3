//! `eyas label`: rows in, logits out, in numbered parts that any scheduler can run.
//!
//! A table is split into parts once, depending only on its content and never on the workers; `plan.json` records the
//! split. A part is a pure function of table, teacher and settings, and is published atomically: first a data file
//! named by its content, then a commit file, which either exists or does not. So no lock, lease or registry of workers
//! is needed: a part computed by two workers is published once, and a worker killed at any moment leaves at most files
//! that nobody reads.

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
