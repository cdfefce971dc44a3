//! Distils big teachers into tiny int8 students and seals them into files that the `eyas` runtime executes.
//!
//! A [`Recipe`] names the data, the teachers and the student; a [`Run`] carries it out; an [`Outcome`] holds the student
//! file and everything that was measured. The command `eyas distill` is a thin layer over the three.
//!
//! ```
//! use eyas_trainer::{Recipe, Run};
//! use std::{error::Error, fmt::Write, fs};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let folder = tempfile::tempdir()?;
//! // The device measures `a`; the teacher also sees `b`. Fold 0 judges, fold 1 chooses, fold 2 teaches.
//! let mut table = "a,b,fold,label\n".to_owned();
//! for row in 0..90u32 {
//!     let (a, b) = (row * 37 % 101, row * 53 % 97);
//!     writeln!(table, "{a},{b},{},{}", row % 3, if a + b > 98 { "high" } else { "low" })?;
//! }
//! fs::write(folder.path().join("table.csv"), table)?;
//! let recipe = r#"
//!     [data]
//!     source = "table.csv"
//!     label = "label"
//!     student_columns = ["a"]
//!     teacher_columns = ["a", "b"]
//!     folds = [0]
//!     [[teacher]]
//!     kind = "mlp"
//!     hidden = [8]
//!     epochs = 5
//!     [student]
//!     hidden = [8]
//!     epochs = 5
//! "#;
//! let recipe = Recipe::parse(recipe, &folder.path().join("recipe.toml"))?;
//! let outcome = Run::new(recipe).seeds(1).out(folder.path().join("run")).go()?;
//!
//! let student = eyas::Student::load(&outcome.file)?;
//! assert_eq!(student.metadata().labels().collect::<Vec<_>>(), ["high", "low"]);
//! assert!(outcome.metrics.mean("student_int8", "accuracy").is_some());
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`recipe`], [`method`] | the TOML recipe as types; the methods that it may choose |
//! | [`dataset`], [`data`] | readers of graphs and tables; both as one [`Data`](data::Data) with its splits |
//! | [`teacher`], [`onnx`] | who answers |
//! | [`nn`], [`distill`] | float networks and their training; what they learn |
//! | [`quantize`], [`export`] | from float to integers; the student file |
//! | [`run`] | a recipe carried out |
//! | [`report`] | metrics, page, card, comparison |
//! | [`look`] | a first look at data, and a first recipe for it |
//! | [`apply`] | a finished student on rows: its inputs, its answers, the labels they are judged by |
//! | [`label`] | a table labelled by a teacher, in parts |
//! | [`import`], [`verify`] | models of other tools as students; the same integers on every core |
//! | [`bounded`], [`memory`], [`trusted`], [`output`] | limits of what is read, taken and run; files that appear whole |
//! | [`cli`] | the command |

// Text reaches the terminal through `output::terminal` alone.
#![cfg_attr(not(test), deny(clippy::print_stderr, clippy::print_stdout))]

pub mod apply;
pub mod bounded;
pub mod cli;
pub mod data;
pub mod dataset;
pub mod distill;
pub mod export;
pub mod import;
pub mod label;
pub mod look;
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
