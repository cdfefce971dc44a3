//! Sealed checkpoints: the last one and the one before it.
//!
//! A file is `magic (8) | run (32) | stage (32) | length of the state as u64 | state in postcard | CRC-32C of all before`,
//! integers little-endian; the stage is the SHA-256 of its name, so that no file can replace another. A new checkpoint
//! is written as a separate file; the last one becomes the previous one only if it is whole. So at any moment, however
//! the program stops, one whole checkpoint exists.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crc::{CRC_32_ISCSI, Crc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::atomic::{sync_folder, write_atomic};
use super::error::OutputError;
use crate::bounded::{self, Kind};

/// Name of the folder with checkpoints inside an output folder.
pub(super) const CHECKPOINTS: &str = "checkpoints";

const MAGIC: &[u8; 8] = b"EYASCKP2";
const PREFIX: usize = 8 + 32 + 32 + 8;
const SEAL: usize = 4;
/// CRC-32C (Castagnoli), as in the student file.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// The checkpoints of one stage of a run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    run: [u8; 32],
    stage: [u8; 32],
}

/// A state read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored<T> {
    /// The state; `None` if the stage has no whole checkpoint.
    pub state: Option<T>,
    /// Why the previous checkpoint was used instead of the last, or why the stage starts from the beginning; report it
    /// to the user. `None` if the last was whole, or if there was none.
    pub fallback: Option<String>,
}

impl Checkpoints {
    /// Checkpoints of `stage` in a folder, bound to a run by a hash of its recipe and data.
    ///
    /// # Errors
    /// [`OutputError::Io`] when the folder cannot be created.
    pub fn new(folder: &Path, run: [u8; 32], stage: &str) -> Result<Self, OutputError> {
        fs::create_dir_all(folder).map_err(|error| OutputError::io("create the folder", folder, error))?;
        Ok(Self { folder: folder.to_path_buf(), run, stage: Sha256::digest(stage).into() })
    }

    /// Seals a state; the last checkpoint becomes the previous one, unless it is damaged.
    ///
    /// # Errors
    /// [`OutputError::Encode`] when the state cannot be encoded, [`OutputError::Full`] or [`OutputError::Io`] when it
    /// cannot be written; earlier checkpoints stay.
    pub fn save<T: Serialize>(&self, state: &T) -> Result<(), OutputError> {
        let last = self.last();
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.run);
        bytes.extend_from_slice(&self.stage);
        bytes.resize(PREFIX, 0);
        // Uses one buffer, since a state may take half of the memory.
        let mut bytes = postcard::to_extend(state, bytes)
            .map_err(|error| OutputError::Encode { path: last.clone(), reason: error.to_string() })?;
        let length = (bytes.len() - PREFIX) as u64;
        bytes[PREFIX - 8..PREFIX].copy_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&CRC.checksum(&bytes).to_le_bytes());
        if bounded::read(&last, Kind::Checkpoint).is_ok_and(|bytes| self.payload(&bytes).is_ok()) {
            let previous = self.previous();
            fs::rename(&last, &previous).map_err(|error| OutputError::io("keep", &previous, error))?;
            sync_folder(&self.folder)?;
        }
        write_atomic(&last, &bytes)
    }

    /// Reads the last checkpoint, or the previous one if the last is damaged or unfinished. If neither is whole, the
    /// stage starts from the beginning, which costs one stage, not the run.
    ///
    /// # Errors
    /// [`OutputError::OtherRun`] when a whole checkpoint belongs to another run, [`OutputError::Io`] when a file cannot be
    /// read.
    pub fn load<T: DeserializeOwned>(&self) -> Result<Restored<T>, OutputError> {
        let mut reasons = Vec::new();
        let mut missing = 0;
        for path in [self.last(), self.previous()] {
            let bytes = match bounded::read(&path, Kind::Checkpoint) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    missing += 1;
                    reasons.push(format!("{} is missing", path.display()));
                    continue;
                }
                Err(error) => return Err(OutputError::io("read", &path, error)),
            };
            match self.payload(&bytes).and_then(decode) {
                Ok(state) => {
                    let fallback = reasons.pop().map(|reason| format!("{reason}; went back to {}", path.display()));
                    return Ok(Restored { state: Some(state), fallback });
                }
                Err(Unusable::OtherRun) => return Err(OutputError::OtherRun { path }),
                Err(Unusable::Damaged(reason)) => reasons.push(format!("{} is damaged ({reason})", path.display())),
            }
        }
        let anew = || format!("{}; what they held is computed again", reasons.join(", "));
        Ok(Restored { state: None, fallback: (missing < 2).then(anew) })
    }

    fn last(&self) -> PathBuf {
        self.folder.join("last.checkpoint")
    }

    fn previous(&self) -> PathBuf {
        self.folder.join("previous.checkpoint")
    }

    /// The state inside a whole checkpoint of this run.
    fn payload<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], Unusable> {
        let damaged = |reason| Err(Unusable::Damaged(reason));
        let Some((sealed, seal)) = bytes.split_last_chunk::<SEAL>() else {
            return damaged("too short");
        };
        let Some((prefix, payload)) = sealed.split_first_chunk::<PREFIX>() else {
            return damaged("too short");
        };
        if !prefix.starts_with(MAGIC) {
            return damaged("not a checkpoint of this version");
        }
        if CRC.checksum(sealed) != u32::from_le_bytes(*seal) {
            return damaged("wrong checksum");
        }
        if prefix[8..40] != self.run {
            return Err(Unusable::OtherRun);
        }
        if prefix[40..72] != self.stage {
            return damaged("of another stage");
        }
        if prefix[72..] != (payload.len() as u64).to_le_bytes() {
            return damaged("wrong length");
        }
        Ok(payload)
    }
}

/// Why a checkpoint cannot be used.
enum Unusable {
    OtherRun,
    Damaged(&'static str),
}

fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Unusable> {
    match postcard::take_from_bytes(payload) {
        Ok((state, [])) => Ok(state),
        Ok(_) => Err(Unusable::Damaged("bytes left over")),
        Err(_) => Err(Unusable::Damaged("another kind of state")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn with_two(folder: &Path) -> Checkpoints {
        let checkpoints = Checkpoints::new(folder, [7; 32], "student").unwrap();
        assert_eq!(checkpoints.load::<Vec<u32>>().unwrap(), Restored { state: None, fallback: None });
        checkpoints.save(&vec![1u32]).unwrap();
        checkpoints.save(&vec![1u32, 2]).unwrap();
        checkpoints
    }

    #[test]
    fn the_last_state_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = with_two(folder.path());
        assert_eq!(checkpoints.load().unwrap(), Restored { state: Some(vec![1u32, 2]), fallback: None });
    }

    #[test]
    fn a_kill_between_the_renames_falls_back_to_the_previous() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = with_two(folder.path());
        fs::remove_file(checkpoints.last()).unwrap();
        let restored: Restored<Vec<u32>> = checkpoints.load().unwrap();
        assert_eq!(restored.state, Some(vec![1]));
        assert!(restored.fallback.unwrap().contains("missing"));
    }

    #[test]
    fn a_damaged_last_never_replaces_a_whole_previous() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = with_two(folder.path());
        fs::write(checkpoints.last(), b"short write").unwrap();
        checkpoints.save(&vec![3u32]).unwrap();
        fs::write(checkpoints.last(), b"short write").unwrap();
        let restored: Restored<Vec<u32>> = checkpoints.load().unwrap();
        assert_eq!(restored.state, Some(vec![1]));
    }

    #[test]
    fn another_run_is_an_error_and_damage_costs_the_stage() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = with_two(folder.path());
        let other = Checkpoints::new(folder.path(), [8; 32], "student").unwrap();
        assert!(matches!(other.load::<Vec<u32>>(), Err(OutputError::OtherRun { .. })));
        let anew = |checkpoints: &Checkpoints, reason: &str| {
            let restored: Restored<Vec<u32>> = checkpoints.load().unwrap();
            let said = restored.fallback.unwrap();
            assert!(restored.state.is_none() && said.contains(reason) && said.contains("computed again"), "{said}");
        };
        // Whole and of this run, but of another stage: its state would be mistaken for the student's.
        anew(&Checkpoints::new(folder.path(), [7; 32], "teacher").unwrap(), "of another stage");
        fs::write(checkpoints.last(), b"").unwrap();
        fs::write(checkpoints.previous(), b"").unwrap();
        anew(&checkpoints, "is damaged (too short)");
        fs::remove_file(checkpoints.previous()).unwrap();
        anew(&checkpoints, "is damaged (too short)");
    }

    #[test]
    fn a_state_of_another_kind_is_damaged_not_garbage() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = with_two(folder.path());
        let restored: Restored<(String, f64)> = checkpoints.load().unwrap();
        assert!(restored.state.is_none() && restored.fallback.unwrap().contains("another kind of state"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn one_flipped_bit_or_a_short_file_is_found(bit in 0usize..8 * 93, cut in 0usize..93, flip: bool) {
            let folder = tempfile::tempdir().unwrap();
            let checkpoints = with_two(folder.path());
            let mut bytes = fs::read(checkpoints.last()).unwrap();
            if flip {
                let bit = bit % (8 * bytes.len());
                bytes[bit / 8] ^= 1 << (bit % 8);
            } else {
                bytes.truncate(cut.min(bytes.len() - 1));
            }
            fs::write(checkpoints.last(), &bytes).unwrap();
            let restored: Restored<Vec<u32>> = checkpoints.load().unwrap();
            prop_assert_eq!(restored.state, Some(vec![1]));
            prop_assert!(restored.fallback.unwrap().contains("damaged"));
        }
    }
}
