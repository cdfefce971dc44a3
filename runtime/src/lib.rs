#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs, unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

#[cfg(feature = "std")]
extern crate std;

mod aligned;
mod builtin;
mod decision;
mod error;
pub mod kernels;
pub mod model;
mod outputs;
pub mod quant;
mod selftest;
mod sentence;
mod student;

pub use aligned::Aligned;
#[cfg(feature = "std")]
pub use aligned::AlignedBytes;
pub use decision::{Answer, Decision, Quantity};
pub use error::{Error, InferError, LoadError, QuantizeError, SelftestError};
pub use model::{CoreClass, Costs, Layout, Metadata};
pub use outputs::Outputs;
pub use selftest::SelftestReport;
pub use sentence::Sentence;
pub use student::Student;
