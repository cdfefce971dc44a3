//! Finds the target of an output path: a regular file, which is replaced as a whole, or a stream that takes bytes in
//! order. Anything else is refused, since renaming a file over a device, a socket or a link would destroy it.

use std::fs::{self, File, FileType};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::OutputError;

/// Most symbolic links followed in sequence, as on Linux.
const MAX_LINKS: usize = 40;

/// The target of a path.
#[derive(Debug)]
pub(super) enum Destination {
    /// A regular file or a free name, after following all links.
    File(PathBuf),
    /// A pipe, a terminal or another character device, open for writing.
    Stream(File),
}

impl Destination {
    /// Resolves `path`; opening a pipe waits for its reader.
    ///
    /// # Errors
    /// [`OutputError::NotAFile`] for a folder, a socket, a block device, and for a dangling or circular link;
    /// [`OutputError::Io`] when the system refuses.
    pub(super) fn of(path: &Path) -> Result<Self, OutputError> {
        let refused = |found| Err(OutputError::NotAFile { path: path.to_path_buf(), found });
        let mut place = path.to_path_buf();
        for followed in 0..MAX_LINKS {
            let kind = match fs::symlink_metadata(&place) {
                Ok(metadata) => metadata.file_type(),
                Err(error) if error.kind() == ErrorKind::NotFound && followed == 0 => return Ok(Self::File(place)),
                Err(error) if error.kind() == ErrorKind::NotFound => return refused("a symbolic link to nothing"),
                Err(error) => return Err(OutputError::io("look at", path, error)),
            };
            if kind.is_symlink() {
                if let Some(stream) = open_descriptor(&place).transpose() {
                    return stream.map(Self::Stream).map_err(|error| OutputError::io("open", path, error));
                }
                let to = fs::read_link(&place).map_err(|error| OutputError::io("follow", path, error))?;
                // A relative link starts from its own folder.
                place = place.parent().unwrap_or(Path::new("")).join(to);
            } else if kind.is_file() {
                if followed > 0 {
                    // The system decides which links of other users may be followed; nothing is written here.
                    let opened = File::options().write(true).open(path);
                    opened.map_err(|error| OutputError::io("write through the link", path, error))?;
                }
                return Ok(Self::File(place));
            } else if takes_bytes(kind) {
                let opened = File::options().append(true).open(&place);
                return opened.map(Self::Stream).map_err(|error| OutputError::io("open", path, error));
            } else {
                return refused(if kind.is_dir() { "a folder" } else { "a socket or a block device" });
            }
        }
        refused("a symbolic link that leads to itself")
    }
}

/// Refuses a name that is taken by anything other than a regular file, including links; for names that the user does
/// not choose.
///
/// # Errors
/// [`OutputError::NotAFile`].
pub(crate) fn free_or_regular(path: &Path) -> Result<(), OutputError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            Err(OutputError::NotAFile { path: path.to_path_buf(), found: "something that is no regular file" })
        }
        _ => Ok(()),
    }
}

/// Whether bytes can be written to it in order without damaging its content.
#[cfg(unix)]
fn takes_bytes(kind: FileType) -> bool {
    use std::os::unix::fs::FileTypeExt;
    kind.is_fifo() || kind.is_char_device()
}

#[cfg(not(unix))]
fn takes_bytes(_: FileType) -> bool {
    false
}

/// Opens the target of `/dev/stdout`, `/dev/fd/3` and the like: a file that this process holds open, by number.
#[cfg(unix)]
fn open_descriptor(link: &Path) -> io::Result<Option<File>> {
    use std::io::Write;
    use std::os::fd::AsFd;
    let descriptors = fs::canonicalize("/proc/self/fd").ok();
    let folder = link.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).ok();
    if descriptors.is_none() || folder != descriptors {
        return Ok(None);
    }
    // Standard output and standard error, to which others write as well, are shared, including their position.
    match link.file_name().and_then(|name| name.to_str()) {
        Some("1") => {
            super::terminal::take_stdout();
            let mut stdout = io::stdout().lock();
            stdout.flush()?;
            Ok(Some(File::from(stdout.as_fd().try_clone_to_owned()?)))
        }
        Some("2") => Ok(Some(File::from(io::stderr().as_fd().try_clone_to_owned()?))),
        _ => {
            let kind = fs::metadata(link)?.file_type();
            if kind.is_file() || takes_bytes(kind) {
                return File::options().append(true).open(link).map(Some);
            }
            Err(io::Error::new(ErrorKind::InvalidInput, "it does not accept a stream of bytes"))
        }
    }
}

#[cfg(not(unix))]
fn open_descriptor(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::atomic::write_atomic;
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::process::Command;

    /// Makes a pipe or a device with standard system tools; `None` if the user lacks permission.
    fn node(path: &Path, tool: &str, words: &[&str]) -> Option<()> {
        let made = Command::new(tool).arg(path).args(words).output().ok()?;
        made.status.success().then_some(())
    }

    fn kind(path: &Path) -> FileType {
        fs::symlink_metadata(path).unwrap().file_type()
    }

    fn refused(path: &Path, words: &str) {
        let before = kind(path);
        let error = write_atomic(path, b"new").unwrap_err();
        assert!(matches!(&error, OutputError::NotAFile { .. }) && error.to_string().contains(words), "{error}");
        assert_eq!(kind(path), before);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(super::super::TEMPORARY)));
    }

    #[test]
    fn links_stay_and_their_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("deep/file"), b"old").unwrap();
        symlink("deep/near", at("far")).unwrap();
        symlink("file", at("deep/near")).unwrap();
        symlink(at("deep"), at("absolute")).unwrap();
        for (path, bytes) in [("far", b"one"), ("deep/near", b"two"), ("absolute/near", b"six")] {
            write_atomic(&at(path), bytes).unwrap();
            assert_eq!(fs::read(at("deep/file")).unwrap(), bytes, "{path}");
            assert!(
                kind(&at("far")).is_symlink()
                    && kind(&at("deep/near")).is_symlink()
                    && kind(&at("deep/file")).is_file()
            );
        }
        assert_eq!(fs::read_dir(at("deep")).unwrap().count(), 2, "no temporary is left");
    }

    #[test]
    fn links_without_a_file_folders_and_sockets_are_refused_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("nowhere", at("dangling")).unwrap();
        symlink("second", at("first")).unwrap();
        symlink("first", at("second")).unwrap();
        symlink("self", at("self")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("folder", at("to-folder")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        for (name, words) in [
            ("dangling", "to nothing"),
            ("first", "to itself"),
            ("self", "to itself"),
            ("folder", "a folder"),
            ("to-folder", "a folder"),
            ("socket", "a socket"),
        ] {
            refused(&at(name), words);
        }
        assert!(!at("nowhere").exists());
        for name in ["socket", "folder", "dangling"] {
            assert!(free_or_regular(&at(name)).is_err(), "{name}");
        }
        assert!(free_or_regular(&at("free")).is_ok());
    }

    #[test]
    fn a_pipe_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        node(&path, "mkfifo", &[]).expect("mkfifo");
        let link = folder.path().join("link");
        symlink("pipe", &link).unwrap();
        for name in [&path, &link] {
            let reader = std::thread::spawn({
                let path = path.clone();
                move || {
                    let mut bytes = Vec::new();
                    File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
                    bytes
                }
            });
            write_atomic(name, b"all of it").unwrap();
            assert_eq!(reader.join().unwrap(), b"all of it");
            assert!(kind(&path).is_fifo() && kind(&link).is_symlink());
        }
    }

    /// Works on copies of the device nodes, so that the machine's own are safe.
    #[test]
    fn devices_stay_devices() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let made = node(&at("null"), "mknod", &["c", "1", "3"]).and(node(&at("loop"), "mknod", &["b", "7", "250"]));
        if made.is_none() || File::options().write(true).open(at("null")).is_err() {
            eyas_tests::skip("this user or this folder may not have devices");
            return;
        }
        write_atomic(&at("null"), b"swallowed").unwrap();
        assert!(kind(&at("null")).is_char_device());
        refused(&at("loop"), "a block device");
        assert!(kind(&at("loop")).is_block_device());
    }
}
