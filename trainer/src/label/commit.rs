//! Publishing: files that appear once and whole, and commit files that say which data file belongs to a part.
//!
//! A hard link is the one operation that every shared file system performs atomically and refuses if the name is taken.
//! The data file is named by its content, so that two workers with the same result write the same bytes under the same
//! name; the commit file decides. The second worker finds the work done.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::TempPath;

use super::digest::RowsDigest;
use super::plan::{Part, Plan};
use super::{LabelError, indices};
use crate::bounded;
use crate::output::{TEMPORARY, free_or_regular};

/// The content of a part's commit file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Key of the plan.
    pub key: String,
    /// Part, counted from 0.
    pub part: usize,
    /// Name of the data file in the same folder.
    pub file: String,
    /// Number of its first row.
    pub first_row: u64,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Digest over (row, logits).
    pub digest: RowsDigest,
}

impl Commit {
    /// Reads the commit of a part; `None` while there is none.
    ///
    /// # Errors
    /// [`LabelError::Damaged`] for a file that is not the commit of this part of this plan.
    pub fn load(folder: &Path, plan: &Plan, part: usize) -> Result<Option<Self>, LabelError> {
        let path = folder.join(commit_name(part));
        let Some(commit) = read_json::<Self>(&path)? else { return Ok(None) };
        let planned = plan.parts.get(part).map(|part| (part.first_row, part.rows));
        let plain = Path::new(&commit.file).file_name().is_some_and(|name| name == commit.file.as_str());
        if commit.key == plan.key && commit.part == part && Some((commit.first_row, commit.rows)) == planned && plain {
            return Ok(Some(commit));
        }
        let reason = "expected the commit of this part of the plan, found another; remove it and run the part again";
        Err(LabelError::Damaged { path, reason: reason.to_owned() })
    }

    /// Publishes a written, synced data file and its commit. Returns the valid commit: this one, or that of a worker
    /// who was first.
    pub(super) fn publish(self, folder: &Path, plan: &Plan, temporary: &Temporary) -> Result<Self, LabelError> {
        let data = folder.join(&self.file);
        free_or_regular(&data)?;
        // The name follows from the content, so an existing file is the same, and replacing it does no harm.
        if let Err(error) = fs::rename(&temporary.path, &data) {
            // --finish on another machine cleaned the folder, so the part is already published.
            return match Self::load(folder, plan, self.part)? {
                Some(first) if error.kind() == ErrorKind::NotFound => Ok(first),
                _ => Err(LabelError::io("put in place", &data, error)),
            };
        }
        sync_folder(folder)?;
        let text = serde_json::to_vec_pretty(&self).unwrap_or_default();
        if create_once(folder, &commit_name(self.part), &text)? {
            return Ok(self);
        }
        let first = Self::load(folder, plan, self.part)?;
        let first = first.ok_or_else(|| LabelError::Damaged {
            path: folder.join(commit_name(self.part)),
            reason: "expected a commit, found that it vanished; run the part again".to_owned(),
        })?;
        if first.file != self.file {
            // Another kind of machine rounded differently; the first answer counts.
            remove(&data)?;
        }
        Ok(first)
    }

    /// Name of the data file for this content.
    pub(super) fn data_name(part: usize, plan: &Plan, digest: RowsDigest) -> String {
        let digest = digest.to_string();
        format!("part-{part:05}.{}.{}.parquet", plan.short_key(), digest.get(..16).unwrap_or_default())
    }
}

/// Name of the commit file of a part.
pub(super) fn commit_name(part: usize) -> String {
    format!("part-{part:05}.commit")
}

/// A file that is being written under a unique name; removed on drop unless it was put in place. --finish removes files
/// that remain after a kill.
pub(super) struct Temporary {
    pub path: TempPath,
}

impl Temporary {
    /// Creates the file.
    pub(super) fn create(folder: &Path, stem: &str) -> Result<(Self, File), LabelError> {
        let prefix = format!("{stem}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".tmp").rand_bytes(12);
        // Results are shared, whereas temporary files are private by default.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(|error| LabelError::io("create a file in", folder, error))?;
        let (file, path) = file.into_parts();
        Ok((Self { path }, file))
    }

    /// Creates the file of a part.
    pub(super) fn of_part(folder: &Path, plan: &Plan, part: usize) -> Result<(Self, File), LabelError> {
        Self::create(folder, &format!("part-{part:05}.{}", plan.short_key()))
    }
}

/// Makes a file appear whole under a free name; `false` if the name is taken.
pub(super) fn create_once(folder: &Path, name: &str, bytes: &[u8]) -> Result<bool, LabelError> {
    let path = folder.join(name);
    let (temporary, mut file) = Temporary::create(folder, name)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| LabelError::io("write", &temporary.path, error))?;
    drop(file);
    let created = match fs::hard_link(&temporary.path, &path) {
        Ok(()) => true,
        // Over NFS the reply can be lost after the link was made: if the same bytes are there, the link succeeded.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bounded::read(&path, bounded::Kind::Document).is_ok_and(|there| there == bytes)
        }
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::PermissionDenied) => {
            return Err(LabelError::NoLinks { path, error });
        }
        Err(error) => return Err(LabelError::io("publish", &path, error)),
    };
    sync_folder(folder)?;
    Ok(created)
}

/// Reads a small JSON file; `None` if there is none.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LabelError> {
    let bytes = match bounded::read(path, bounded::Kind::Document) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LabelError::io("read", path, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| LabelError::Damaged {
        path: path.to_path_buf(),
        reason: format!("expected a file as eyas writes it, found damage ({error}); remove it and start again"),
    })
}

/// Makes the names in the folder durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LabelError> {
    crate::output::sync_folder(folder).map_err(LabelError::from)
}

/// Removes files that no commit names: temporary files, and data files of workers that were killed or came second. Only
/// for a folder whose parts are all committed.
pub(super) fn sweep(folder: &Path, commits: &[Commit]) -> Result<(), LabelError> {
    let fault = |error: io::Error| LabelError::io("list the folder", folder, error);
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = ["part-", super::PLAN, TEMPORARY].iter().any(|start| name.starts_with(start));
        let unfinished = name.ends_with(".tmp") || name.starts_with(TEMPORARY);
        let unnamed = name.ends_with(".parquet") && commits.iter().all(|commit| commit.file != name);
        if ours && (unfinished || unnamed) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> Result<(), LabelError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(LabelError::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// The parts without a commit file, ascending. A commit that cannot be read counts as missing.
pub(super) fn missing(folder: &Path, plan: &Plan) -> Result<Vec<usize>, LabelError> {
    let names: std::collections::HashSet<String> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
        Err(error) => return Err(LabelError::io("list the folder", folder, error)),
    };
    Ok((0..plan.parts.len()).filter(|&part| !names.contains(&commit_name(part))).collect())
}

/// The commits of all parts.
///
/// # Errors
/// [`LabelError::Missing`] with the parts that have none.
pub(super) fn all(folder: &Path, plan: &Plan) -> Result<Vec<Commit>, LabelError> {
    let mut commits = Vec::with_capacity(plan.parts.len());
    let mut missing = Vec::new();
    for part in 0..plan.parts.len() {
        match Commit::load(folder, plan, part)? {
            Some(commit) => commits.push(commit),
            None => missing.push(part),
        }
    }
    if missing.is_empty() {
        return Ok(commits);
    }
    Err(LabelError::Missing { missing: indices::ranges(&missing), of: plan.parts.len() })
}

impl Part {
    /// Numbers of its rows.
    #[must_use]
    pub fn row_range(&self) -> std::ops::Range<u64> {
        self.first_row..self.first_row + self.rows
    }
}
