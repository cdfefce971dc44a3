//! The part of the trainer that runs ONNX teachers, without the rest.

#[path = "../../src/onnx/mod.rs"]
pub mod onnx;

#[path = "."]
pub mod teacher {
    //! The trait of teachers that answer rows.

    #[path = "../../src/teacher/rows.rs"]
    pub mod rows;
}

#[path = "../../src/output/terminal.rs"]
#[allow(dead_code, reason = "the trainer uses all of it")]
mod terminal;

mod output {
    pub(crate) use crate::terminal::tell;
}
