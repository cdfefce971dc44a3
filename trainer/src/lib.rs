//! Host side of Eyas: distils big teachers into tiny int8 students.

pub mod dataset;
pub mod output;
pub mod recipe;
