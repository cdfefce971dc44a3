//! Why something could not be written, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

/// A fault of the output side of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The folder holds files of another run.
    #[error(
        "{}: expected a folder without a run, found {}; choose another folder, or replace them with --force",
        .folder.display(), .found.join(", ")
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// Names of the files of the other run.
        found: Vec<String>,
    },
    /// Another process is writing to the folder.
    #[error(
        "{}: expected a folder no other run uses, found it locked; wait for that run to end, or choose another folder",
        .folder.display()
    )]
    Locked {
        /// The folder.
        folder: PathBuf,
    },
    /// The path leads to something that must not be replaced by a file.
    #[error("{}: expected the name of a file, found {found}; choose another name", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What was found there.
        found: &'static str,
    },
    /// The disk is full.
    #[error("{}: the disk is full; free some space and start again with the same folder", .path.display())]
    Full {
        /// The file that was being written.
        path: PathBuf,
    },
    /// Any other refusal of the operating system.
    #[error("{}: cannot {action}: {error}; check that the path exists and may be written", .path.display())]
    Io {
        /// The attempted operation.
        action: &'static str,
        /// Its path.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        error: io::Error,
    },
    /// A checkpoint could not be encoded.
    #[error("{}: cannot encode the state: {reason}", .path.display())]
    Encode {
        /// The checkpoint that was being written.
        path: PathBuf,
        /// The encoder's error.
        reason: String,
    },
    /// The checkpoints belong to a run with another recipe or other data.
    #[error(
        "{}: expected a checkpoint of this run, found one of another recipe or other data; choose another folder, or \
         force the run to start anew",
        .path.display()
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
    },
}

impl OutputError {
    /// An operating-system error; a full disk gets its own variant.
    pub(crate) fn io(action: &'static str, path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path: path.to_path_buf() },
            _ => Self::Io { action, path: path.to_path_buf(), error },
        }
    }
}
