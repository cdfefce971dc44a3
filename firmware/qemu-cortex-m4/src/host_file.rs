//! Files of the host, through semihosting.

use cortex_m_semihosting::nr::open::{R_BINARY, W_TRUNC_BINARY};
use cortex_m_semihosting::{syscall, syscall1};

/// Longest command line, with its final 0.
const COMMAND_LINE_BYTES: usize = 512;
/// Bytes collected before one write.
const BUFFER_BYTES: usize = 4096;

/// The semihosting command line.
pub struct CommandLine {
    bytes: [u8; COMMAND_LINE_BYTES],
    len: usize,
}

impl CommandLine {
    /// Asks the host; `None` where it has none or a longer one.
    pub fn get() -> Option<Self> {
        let mut bytes = [0u8; COMMAND_LINE_BYTES];
        let mut request = [bytes.as_mut_ptr() as usize, COMMAND_LINE_BYTES];
        // SAFETY: the host writes at most the given length to `bytes` and the length to `request`.
        let status = unsafe { syscall1!(GET_CMDLINE, request.as_mut_ptr()) };
        let len = request[1];
        (status == 0 && len < COMMAND_LINE_BYTES).then_some(Self { bytes, len })
    }

    /// The word behind `name`.
    pub fn value(&self, name: &str) -> Option<&str> {
        let line = core::str::from_utf8(self.bytes.get(..self.len)?).ok()?;
        let mut words = line.split_ascii_whitespace();
        words.find(|&word| word == name)?;
        words.next()
    }
}

/// An open file of the host.
struct Handle(usize);

impl Handle {
    fn open(name: &str, mode: usize) -> Option<Self> {
        let mut terminated = [0u8; COMMAND_LINE_BYTES];
        terminated.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        // SAFETY: the host reads a name with its final 0: `name` is part of a shorter command line.
        let handle = unsafe { syscall!(OPEN, terminated.as_ptr(), mode, name.len()) };
        (handle != usize::MAX).then_some(Self(handle))
    }
}

/// A file of the host, read from its start.
pub struct Source(Handle);

impl Source {
    /// Opens `name`; `None` where the host cannot.
    pub fn open(name: &str) -> Option<Self> {
        Handle::open(name, R_BINARY).map(Self)
    }

    /// Fills `bytes`; `false` where the file ends before.
    #[must_use]
    pub fn fill(&mut self, bytes: &mut [u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            // SAFETY: the host writes at most the given length to `rest`.
            let missing = unsafe { syscall!(READ, self.0.0, rest.as_mut_ptr(), rest.len()) };
            let read = rest.len().saturating_sub(missing);
            if read == 0 {
                return false;
            }
            rest = rest.get_mut(read..).unwrap_or_default();
        }
        true
    }
}

/// A file of the host, written from its start through a buffer.
pub struct Sink {
    file: Handle,
    buffer: [u8; BUFFER_BYTES],
    len: usize,
    sound: bool,
}

impl Sink {
    /// Creates or empties `name`; `None` where the host cannot.
    pub fn create(name: &str) -> Option<Self> {
        let file = Handle::open(name, W_TRUNC_BINARY)?;
        Some(Self { file, buffer: [0; BUFFER_BYTES], len: 0, sound: true })
    }

    /// Appends integers, one byte each.
    pub fn write(&mut self, values: impl Iterator<Item = i8>) {
        for value in values {
            if self.len == BUFFER_BYTES {
                self.flush();
            }
            self.buffer[self.len] = value as u8;
            self.len += 1;
        }
    }

    /// Writes what is left and closes the file; `false` if any write failed.
    #[must_use]
    pub fn close(mut self) -> bool {
        self.flush();
        // SAFETY: the handle is open and not used again.
        self.sound && unsafe { syscall!(CLOSE, self.file.0) } == 0
    }

    fn flush(&mut self) {
        // SAFETY: the host reads `len` bytes of `buffer`.
        let missing = unsafe { syscall!(WRITE, self.file.0, self.buffer.as_ptr(), self.len) };
        self.sound &= missing == 0;
        self.len = 0;
    }
}
