//! Reads only regular files, and each only up to a limit for its kind. Endless or far too large files are refused
//! instead of blocking the program or exhausting memory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A recipe.
    Recipe,
    /// A student file.
    Student,
    /// A model to import.
    Model,
    /// An ONNX model that teaches.
    OnnxModel,
    /// A library that runs ONNX models.
    Library,
    /// An archive of arrays.
    Archive,
    /// A Parquet table, whose columns are read on demand.
    Parquet,
    /// A table or graph as text.
    Text,
    /// A text table that is read in batches.
    Streamed,
    /// A checkpoint of a run.
    Checkpoint,
    /// A teacher's answers or weights in a cache.
    Cached,
    /// A document of a finished run, or of a labelled part.
    Document,
}

impl Kind {
    /// The size limit in bytes.
    #[must_use]
    pub const fn limit(self) -> u64 {
        match self {
            Self::Recipe => 1 << 20,
            // Float weights of a student that fills the flash of a large microcontroller.
            Self::Model | Self::Document => 64 << 20,
            Self::Library => 1 << 30,
            // The limit of a protobuf message.
            Self::OnnxModel => (2 << 30) - 1,
            Self::Student | Self::Archive | Self::Text => 2 << 30,
            Self::Checkpoint | Self::Cached => 16 << 30,
            Self::Parquet | Self::Streamed => u64::MAX,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Recipe => "a recipe",
            Self::Student => "a student file",
            Self::Model => "a model to import",
            Self::OnnxModel => "an ONNX model",
            Self::Library => "a library",
            Self::Archive => "an .npz archive",
            Self::Parquet => "a Parquet table",
            Self::Text | Self::Streamed => "a CSV table",
            Self::Checkpoint => "a checkpoint",
            Self::Cached => "a cached teacher",
            Self::Document => "a document of a run",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Archive | Self::Text => "convert the table to Parquet, or label its rows in parts with `eyas label`",
            Self::Model => "no student is that large: check the path",
            Self::OnnxModel => "export a smaller teacher",
            Self::Checkpoint | Self::Cached => "choose a smaller network, or start anew with --force",
            _ => "check the path",
        }
    }
}

/// Why a file is refused: it is too large for its kind, or not a regular file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}; {remedy}")]
pub struct Refused {
    /// A description of a readable file.
    pub expected: String,
    /// A description of the actual file.
    pub found: String,
    /// The remedy.
    pub remedy: &'static str,
}

impl Refused {
    /// The refusal inside a system error, if it contains one.
    #[must_use]
    pub fn inside(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    fn too_large(kind: Kind, found: String) -> io::Error {
        let expected = format!("{} of at most {}", kind.name(), size(kind.limit()));
        io::Error::new(io::ErrorKind::FileTooLarge, Self { expected, found, remedy: kind.remedy() })
    }
}

/// Opens a regular file.
///
/// # Errors
/// The system's, or [`Refused`] for a pipe, a device, a folder, or a file beyond the limit of its kind.
pub fn open(path: &Path, kind: Kind) -> io::Result<File> {
    // Checked before opening, since opening a pipe without a writer would block forever.
    let there = fs::metadata(path)?;
    if !there.is_file() {
        let found = if there.is_dir() { "a folder" } else { "a pipe or a device" }.to_owned();
        let expected = format!("{} in a regular file", kind.name());
        let refused = Refused { expected, found, remedy: "copy it to a file, and name that" };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, refused));
    }
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    if bytes > kind.limit() { Err(Refused::too_large(kind, size(bytes))) } else { Ok(file) }
}

/// Reads a regular file as a whole.
///
/// # Errors
/// As [`open`]; a file that grows beyond the limit while it is read.
pub fn read(path: &Path, kind: Kind) -> io::Result<Vec<u8>> {
    let file = open(path, kind)?;
    let mut bytes = Vec::new();
    // Reports an error, whereas a growing vector would abort the process.
    bytes.try_reserve_exact(file.metadata()?.len() as usize).map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.take(kind.limit().saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > kind.limit() { Err(Refused::too_large(kind, "more".to_owned())) } else { Ok(bytes) }
}

/// Reads a text as a whole.
///
/// # Errors
/// As [`read`]; text that is not UTF-8.
pub fn text(path: &Path, kind: Kind) -> io::Result<String> {
    String::from_utf8(read(path, kind)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A number of bytes in a suitable unit: `12 bytes`, `64 MiB`, `2.1 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|&(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => {
            let text = format!("{:.1}", bytes as f64 / (1u64 << shift) as f64);
            format!("{} {unit}", text.strip_suffix(".0").unwrap_or(&text))
        }
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Kind; 12] = [
        Kind::Recipe,
        Kind::Student,
        Kind::Model,
        Kind::OnnxModel,
        Kind::Library,
        Kind::Archive,
        Kind::Parquet,
        Kind::Text,
        Kind::Streamed,
        Kind::Checkpoint,
        Kind::Cached,
        Kind::Document,
    ];

    #[test]
    fn sizes_have_units() {
        let sizes = [12, 2048, 64 << 20, (2 << 30) - 1, 3 << 30].map(size);
        assert_eq!(sizes, ["12 bytes", "2 KiB", "64 MiB", "2 GiB", "3 GiB"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_never_ends_is_refused_for_every_kind() {
        let folder = tempfile::tempdir().unwrap();
        // A pipe without a writer.
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for kind in KINDS {
            for path in [Path::new("/dev/zero"), &pipe] {
                let error = read(path, kind).unwrap_err();
                let refused = Refused::inside(&error).unwrap_or_else(|| panic!("{kind:?}: {error}"));
                assert_eq!(
                    (refused.found.as_str(), refused.remedy),
                    ("a pipe or a device", "copy it to a file, and name that")
                );
            }
            assert!(open(folder.path(), kind).unwrap_err().to_string().contains("found a folder"));
        }
    }

    #[test]
    fn a_large_file_is_refused_unread_with_both_sizes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for kind in KINDS.into_iter().filter(|kind| kind.limit() < u64::MAX) {
            // Sparse, so it takes no space on the disk.
            file.as_file().set_len(kind.limit() + 1).unwrap();
            for error in [read(file.path(), kind).unwrap_err(), open(file.path(), kind).map(|_| ()).unwrap_err()] {
                let text = error.to_string();
                assert!(text.contains(&size(kind.limit())) && text.contains(kind.remedy()), "{text}");
            }
        }
        file.as_file().set_len(5).unwrap();
        assert_eq!(read(file.path(), Kind::Recipe).unwrap(), [0; 5]);
    }
}
