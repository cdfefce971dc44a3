//! Errors of the command line with their exit status.

use std::fmt;

/// A message for a person, and the status the process ends with.
#[derive(Debug)]
pub struct Failure {
    /// 1, 2, 3 or 130; see `eyas --help`.
    pub status: u8,
    /// The error message.
    pub message: String,
}

impl Failure {
    /// The work failed.
    pub fn work(error: impl fmt::Display) -> Self {
        Self { status: 1, message: error.to_string() }
    }

    /// Flags or recipe are wrong.
    pub fn usage(error: impl fmt::Display) -> Self {
        Self { status: 2, message: error.to_string() }
    }

    /// A file was refused.
    pub fn refused(error: impl fmt::Display) -> Self {
        Self { status: 3, message: error.to_string() }
    }

    /// The user stopped it.
    pub fn interrupted(error: impl fmt::Display) -> Self {
        Self { status: 130, message: error.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
