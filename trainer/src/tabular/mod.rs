//! Recipes on tables carried out: the teacher sees every sensor, the student those of the device.
//!
//! | file | idea |
//! |---|---|
//! | `prepare` | the recipe's columns as one matrix, its splits, the rows with labels |
//! | `estimate` | what a run takes of memory |
//! | `given` | teachers that come as a file, asked once |
//! | `cache` | what is constant about teachers, kept on disk |
//! | `lesson` | what networks learn: labels, each other, teachers |
//! | `masked` | masked teachers as ways of a route |
//! | `route` | several teachers, one target |
//! | `reask` | teachers asked again about noised rows |
//! | `score` | scores of answers for some rows |
//! | `teachers` | members, co-training, what is kept of both |
//! | `student` | the student, taught by answers |
//! | `controls` | students trained beside it |
//! | `integers` | the student in int8 |
//! | `job` | one fold and seed, from teachers to integers |
//! | `run` | all folds and seeds, and what the folder holds |
//! | `measured` | what the reports show of a run |

mod cache;
mod controls;
mod estimate;
mod given;
mod integers;
mod job;
mod lesson;
mod masked;
mod measured;
mod prepare;
mod reask;
mod route;
mod run;
mod score;
mod student;
mod teachers;

pub use cache::{Cache, TEACHERS};
pub use estimate::estimate;
pub use given::{Given, GivenError};
pub use masked::{MaskCosts, mask_costs};
pub use prepare::{TabularPrepared, Truth};
pub use run::{TabularRun, check, execute};
