//! An output folder that belongs to one run at a time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::atomic::{TEMPORARY, write_atomic};
use super::checkpoint::CHECKPOINTS;
use super::destination::free_or_regular;
use super::error::OutputError;

/// File whose lock shows that a run is active. It stays when the run ends, since removing it could release a lock just
/// taken.
const LOCK: &str = ".eyas-lock";

/// What to do if the folder already holds files of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Refuse,
    /// Continue from its checkpoints; the results of an older run stay until the new ones replace them. A finished run
    /// ([`OutputFolder::is_finished`]) is left unchanged.
    Resume,
    /// Start from the beginning. The results stay whole until new ones replace them; checkpoints are removed.
    Replace,
}

/// An output folder, locked until it is dropped.
#[derive(Debug)]
pub struct OutputFolder {
    path: PathBuf,
    results: Vec<String>,
    /// Holds the lock; the operating system releases it when the process ends for any reason.
    _lock: File,
}

impl OutputFolder {
    /// Creates the folder if necessary, locks it, and ensures that results of different runs do not mix.
    ///
    /// `results` names every file or folder that a run writes directly into the folder; a run is recognised by them.
    /// Temporary files of a killed run are removed. Other files are left alone.
    ///
    /// # Errors
    /// [`OutputError::Locked`] while another process uses the folder, [`OutputError::Occupied`] for files of another run,
    /// [`OutputError::Io`] when the folder cannot be created or written.
    pub fn open(path: &Path, results: &[&str], existing: Existing) -> Result<Self, OutputError> {
        fs::create_dir_all(path).map_err(|error| OutputError::io("create the folder", path, error))?;
        let lock_path = path.join(LOCK);
        // Opening a pipe would block forever.
        free_or_regular(&lock_path)?;
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&lock_path)
            .map_err(|error| OutputError::io("create", &lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OutputError::Locked { folder: path.to_path_buf() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(OutputError::io("lock", &lock_path, error));
            }
        }
        let folder = Self {
            path: path.to_path_buf(),
            results: results.iter().map(|&name| name.to_owned()).collect(),
            _lock: lock,
        };
        let mut found = folder.found()?;
        match existing {
            Existing::Refuse => {}
            Existing::Resume if found.iter().any(|name| name == CHECKPOINTS) || folder.is_finished() => found.clear(),
            Existing::Resume => {}
            Existing::Replace => {
                found.clear();
                folder.remove_checkpoints()?;
            }
        }
        if found.is_empty() { Ok(folder) } else { Err(OutputError::Occupied { folder: folder.path, found }) }
    }

    /// Whether a run has finished here: the result written last, which is the first of the list, exists, and there are
    /// no checkpoints.
    pub fn is_finished(&self) -> bool {
        let last = self.results.first().map(|name| self.path.join(name));
        last.is_some_and(|last| last.is_file()) && !self.checkpoints().exists()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Folder of the checkpoints of the run.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join(CHECKPOINTS)
    }

    /// Removes the checkpoints of a finished or abandoned run.
    ///
    /// # Errors
    /// [`OutputError::Io`] when the system refuses.
    pub fn remove_checkpoints(&self) -> Result<(), OutputError> {
        let checkpoints = self.checkpoints();
        if checkpoints.exists() { remove(&checkpoints) } else { Ok(()) }
    }

    /// Writes one of the results atomically; see [`write_atomic`].
    ///
    /// # Errors
    /// As [`write_atomic`].
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, OutputError> {
        let path = self.path.join(name);
        write_atomic(&path, bytes)?;
        Ok(path)
    }

    /// Names of the files of a run, sorted; also removes temporary files.
    fn found(&self) -> Result<Vec<String>, OutputError> {
        let fault = |error| OutputError::io("list the folder", &self.path, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(TEMPORARY) {
                remove(&entry.path())?;
            } else if name == CHECKPOINTS || self.results.contains(&name) {
                found.push(name);
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn remove(path: &Path) -> Result<(), OutputError> {
    // Links are not followed: a link to a folder is removed, not its target.
    let folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let removed = if folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| OutputError::io("remove", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULTS: &[&str] = &["student.eyas", "metrics.json"];

    #[test]
    fn a_finished_run_is_refused_by_name_unless_replaced() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("out");
        let folder = OutputFolder::open(&path, RESULTS, Existing::Refuse).unwrap();
        folder.write("student.eyas", b"student").unwrap();
        fs::write(path.join("notes.txt"), b"mine").unwrap();
        drop(folder);
        let error = OutputFolder::open(&path, RESULTS, Existing::Refuse).unwrap_err();
        assert!(matches!(&error, OutputError::Occupied { found, .. } if found == &["student.eyas"]), "{error}");
        assert!(OutputFolder::open(&path, RESULTS, Existing::Resume).unwrap().is_finished());
        // Figures without the student do not belong to a run that can continue.
        fs::rename(path.join("student.eyas"), path.join("metrics.json")).unwrap();
        assert!(OutputFolder::open(&path, RESULTS, Existing::Resume).is_err());
        fs::rename(path.join("metrics.json"), path.join("student.eyas")).unwrap();
        let folder = OutputFolder::open(&path, RESULTS, Existing::Replace).unwrap();
        assert_eq!(fs::read(path.join("student.eyas")).unwrap(), b"student", "it stays until a new one is whole");
        drop(folder);
        fs::create_dir(path.join(CHECKPOINTS)).unwrap();
        assert!(!OutputFolder::open(&path, RESULTS, Existing::Resume).unwrap().is_finished());
        assert_eq!(fs::read(path.join("notes.txt")).unwrap(), b"mine");
    }

    #[test]
    fn a_second_run_is_refused_while_the_first_is_at_work() {
        let root = tempfile::tempdir().unwrap();
        let first = OutputFolder::open(root.path(), RESULTS, Existing::Refuse).unwrap();
        let error = OutputFolder::open(root.path(), RESULTS, Existing::Replace).unwrap_err();
        assert!(matches!(error, OutputError::Locked { .. }));
        assert!(error.to_string().contains("wait for that run to end"));
        drop(first);
        OutputFolder::open(root.path(), RESULTS, Existing::Refuse).unwrap();
    }

    #[test]
    fn temporaries_of_a_killed_run_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let leftover = root.path().join(format!("{TEMPORARY}abc"));
        fs::write(&leftover, b"half a stud").unwrap();
        OutputFolder::open(root.path(), RESULTS, Existing::Refuse).unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn checkpoints_are_kept_for_a_resumed_run_only() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(CHECKPOINTS)).unwrap();
        assert!(OutputFolder::open(root.path(), RESULTS, Existing::Refuse).is_err());
        let folder = OutputFolder::open(root.path(), RESULTS, Existing::Resume).unwrap();
        assert!(folder.checkpoints().exists());
        drop(folder);
        let folder = OutputFolder::open(root.path(), RESULTS, Existing::Replace).unwrap();
        assert!(!folder.checkpoints().exists());
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("out");
        fs::write(&path, b"").unwrap();
        assert!(matches!(OutputFolder::open(&path, RESULTS, Existing::Refuse), Err(OutputError::Io { .. })));
    }
}
