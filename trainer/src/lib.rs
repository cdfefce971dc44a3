//! Distils big teachers into tiny int8 students.

pub mod distill;
pub mod nn;
pub mod teacher;
