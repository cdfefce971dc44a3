//! What is constant about teachers, kept on disk: computed once, whatever is done with the students.
//!
//! An entry is named by the SHA-256 of all that decides it, which is also the key of its [`sealed`] file; a damaged one is
//! reported and computed again, so a cache can only save time.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bounded;
use crate::output::{hexadecimal, sealed, write_atomic};
use crate::run::Observer;

/// Name of the folder in a run folder.
pub const TEACHERS: &str = "teachers";

const MAGIC: &[u8; 8] = b"EYASTCH1";

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
        let value = sealed::payload(MAGIC, &key, &bytes).and_then(sealed::decode);
        if value.is_err() {
            self.warn(&path, "is damaged");
        }
        value.ok()
    }

    /// Keeps an entry. A folder that cannot be written is reported; the work goes on without.
    pub(crate) fn put<T: Serialize>(&self, key: [u8; 32], value: &T) {
        let Some(path) = self.path(key) else { return };
        let Ok(bytes) = sealed::seal(MAGIC, &key, value) else { return };
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
