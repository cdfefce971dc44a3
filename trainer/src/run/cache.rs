//! What is constant about teachers, kept on disk: computed once, whatever is done with the students.
//!
//! An entry is named by the SHA-256 of all that decides it. A file is `magic (8) | key (32) | value in postcard | SHA-256 of
//! all before`; a damaged one is reported and computed again, so a cache can only save time.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::bounded;
use crate::output::{hexadecimal, write_atomic};
use crate::run::Observer;

/// Name of the folder in a run folder.
pub const TEACHERS: &str = "teachers";

const MAGIC: &[u8; 8] = b"EYASTCH1";
const PREFIX: usize = 8 + 32;
const SEAL: usize = 32;

/// A folder with entries, or none.
#[derive(Clone, Copy)]
pub struct Cache<'a> {
    folder: Option<&'a Path>,
    observer: &'a dyn Observer,
}

impl<'a> Cache<'a> {
    /// Entries in `folder`, which is created with the first; without a folder nothing is kept.
    #[must_use]
    pub fn new(folder: Option<&'a Path>, observer: &'a dyn Observer) -> Self {
        Self { folder, observer }
    }

    /// The entry of a key; `None` where there is none that is whole.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: [u8; 32]) -> Option<T> {
        let path = self.path(key)?;
        let bytes = match bounded::read(&path, bounded::Kind::Cached) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.warn(&path, &format!("cannot be read ({error})"));
                return None;
            }
        };
        let value = value(&bytes, &key).and_then(|value| postcard::from_bytes(value).ok());
        if value.is_none() {
            self.warn(&path, "is damaged");
        }
        value
    }

    /// Keeps an entry. A folder that cannot be written is reported; the work goes on without.
    pub(crate) fn put<T: Serialize>(&self, key: [u8; 32], value: &T) {
        let Some(path) = self.path(key) else { return };
        let Ok(value) = postcard::to_allocvec(value) else { return };
        let mut bytes = Vec::with_capacity(PREFIX + value.len() + SEAL);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&key);
        bytes.extend_from_slice(&value);
        let seal: [u8; SEAL] = Sha256::digest(&bytes).into();
        bytes.extend_from_slice(&seal);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let written = std::fs::create_dir_all(folder).map_err(|error| error.to_string());
        if let Err(error) = written.and_then(|()| write_atomic(&path, &bytes).map_err(|error| error.to_string())) {
            self.observer.note(&format!("warning: {} is not kept: {error}", path.display()));
        }
    }

    fn path(&self, key: [u8; 32]) -> Option<PathBuf> {
        let name = hexadecimal(&key);
        Some(self.folder?.join(format!("{}.teacher", name.get(..32).unwrap_or(&name))))
    }

    fn warn(&self, path: &Path, what: &str) {
        self.observer.note(&format!("warning: {} {what}; what it held is computed again", path.display()));
    }
}

/// The value inside a whole file of this key.
fn value<'a>(bytes: &'a [u8], key: &[u8; 32]) -> Option<&'a [u8]> {
    let (sealed, seal) = bytes.split_last_chunk::<SEAL>()?;
    let (prefix, value) = sealed.split_first_chunk::<PREFIX>()?;
    let fits = prefix[..8] == MAGIC[..] && prefix[8..] == key[..] && Sha256::digest(sealed).as_slice() == seal;
    fits.then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Observer for Notes {
        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    #[test]
    fn every_damage_is_told_and_costs_the_entry_only() {
        let folder = tempfile::tempdir().unwrap();
        let notes = Notes::default();
        let cache = Cache::new(Some(folder.path()), &notes);
        assert_eq!(cache.get::<Vec<u32>>([1; 32]), None);
        assert!(notes.0.lock().unwrap().is_empty(), "an entry that is not there is no damage");
        cache.put([1; 32], &vec![1u32, 2, 300]);
        assert_eq!(cache.get([1; 32]), Some(vec![1u32, 2, 300]));
        assert_eq!(cache.get::<Vec<u32>>([2; 32]), None);
        let path = cache.path([1; 32]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(cache.get::<Vec<u32>>([1; 32]), None, "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(cache.get::<Vec<u32>>([1; 32]), None, "{at} bytes");
        }
        assert_eq!(notes.0.lock().unwrap().len(), 2 * whole.len());
        cache.put([1; 32], &vec![1u32, 2, 300]);
        assert_eq!(cache.get([1; 32]), Some(vec![1u32, 2, 300]));
        assert_eq!(Cache::new(None, &notes).get::<Vec<u32>>([1; 32]), None);
    }
}
