//! The part of the trainer that runs ONNX teachers, without the rest.

#[path = "../../src/onnx/mod.rs"]
pub mod onnx;

#[path = "../../src/bounded.rs"]
pub mod bounded;

#[path = "../../src/trusted.rs"]
pub mod trusted;

#[path = "."]
pub mod teacher {
    //! The trait of teachers that answer rows.

    #[path = "../../src/teacher/rows.rs"]
    pub mod rows;
}

mod output {
    /// Writes a message to standard error.
    pub(crate) fn tell(text: impl std::fmt::Display) {
        eprintln!("{text}");
    }
}
