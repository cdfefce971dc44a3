//! Files that are either whole or absent, however the program stops.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use tempfile::Builder;

use super::destination::Destination;
use super::error::OutputError;

/// Start of the name of files that are not complete yet.
pub(crate) const TEMPORARY: &str = ".eyas-partial-";

/// Replaces a regular file atomically: after a crash, a kill or a full disk, either the old file or the new one exists,
/// never a part.
///
/// Writes a temporary file in the same folder, syncs it, renames it over `path` and syncs the folder, so that the name
/// survives a power cut too. Temporary files that remain after a kill are removed by the next
/// [`OutputFolder::open`](super::OutputFolder::open). A symbolic link stays and its target is replaced; a pipe or a
/// character device, such as `/dev/stdout`, is written to; anything else is refused.
///
/// # Errors
/// [`OutputError::NotAFile`], [`OutputError::Full`] or [`OutputError::Io`]; the file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    match Destination::of(path)? {
        Destination::File(path) => replace(&path, bytes),
        Destination::Stream(mut stream) => {
            stream.write_all(bytes).map_err(|error| OutputError::io("write", path, error))
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY);
    // Results are shared, whereas temporary files are private by default.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut temporary =
        builder.tempfile_in(folder).map_err(|error| OutputError::io("create a temporary file for", path, error))?;
    write_synced(temporary.as_file_mut(), bytes, path)?;
    temporary.persist(path).map_err(|error| OutputError::io("put in place", path, error.error))?;
    sync_folder(folder)
}

/// Writes all bytes and waits until they are on the medium.
fn write_synced(file: &mut File, bytes: &[u8], path: &Path) -> Result<(), OutputError> {
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| OutputError::io("write", path, error))
}

/// Makes the names in a folder durable; only Unix lets a folder be synced.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), OutputError> {
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| OutputError::io("sync the folder", folder, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn replaces_and_leaves_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("student.eyas");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_allows() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        let atomic = folder.path().join("atomic");
        fs::write(&plain, b"").unwrap();
        write_atomic(&atomic, b"").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&plain), mode(&atomic));
    }

    #[test]
    fn a_target_that_cannot_be_replaced_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"").unwrap();
        let error = write_atomic(&path, b"new").unwrap_err();
        assert!(matches!(error, OutputError::NotAFile { .. }), "{error}");
        assert!(path.join("inside").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomic(&folder.path().join("absent/student.eyas"), b"new").is_err());
    }

    #[test]
    fn a_full_disk_is_told_as_one() {
        let full = Path::new("/dev/full");
        let Ok(mut file) = File::options().write(true).open(full) else {
            return eyas_tests::skip("this system has no /dev/full");
        };
        let error = write_synced(&mut file, b"bytes", full).unwrap_err();
        assert!(matches!(error, OutputError::Full { .. }), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_read_only_folder_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
        // Root may write to every folder except the kernel's own.
        let root = fs::write(folder.path().join("probe"), b"").is_ok();
        let folder = if root { Path::new("/proc/self") } else { folder.path() };
        let error = write_atomic(&folder.join("student.eyas"), b"new").unwrap_err();
        assert!(matches!(error, OutputError::Io { .. }), "{error}");
    }
}
