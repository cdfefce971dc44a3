//! Distils big teachers into tiny int8 students and seals them into files that the runtime executes.

// Text reaches the terminal through `output::terminal` alone.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

pub mod bounded;
pub mod cli;
pub mod data;
pub mod dataset;
pub mod distill;
pub mod export;
pub mod import;
pub mod label;
pub mod memory;
pub mod method;
pub mod nn;
pub mod onnx;
pub mod output;
pub mod quantize;
pub mod recipe;
pub mod report;
pub mod run;
pub mod teacher;
pub mod trusted;
pub mod verify;

pub use recipe::Recipe;
pub use run::{Run, Written as Outcome};
