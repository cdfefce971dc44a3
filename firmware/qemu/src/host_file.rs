//! Files on the host, read or written from their start.

use crate::semihosting::{Handle, Mode};

/// Bytes collected before one write.
const BUFFER_BYTES: usize = 4096;

/// A file of the host, read from its start.
pub struct Source(Handle);

impl Source {
    /// Opens `name`; `None` if the host cannot.
    pub fn open(name: &str) -> Option<Self> {
        Handle::open(name, Mode::Read).map(Self)
    }

    /// Fills `bytes`; `false` if the file ends too early.
    #[must_use]
    pub fn fill(&mut self, bytes: &mut [u8]) -> bool {
        let mut rest = bytes;
        while !rest.is_empty() {
            let read = self.0.read(rest);
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
    /// Creates or empties `name`; `None` if the host cannot.
    pub fn create(name: &str) -> Option<Self> {
        let file = Handle::open(name, Mode::Write)?;
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

    /// Writes the rest of the buffer and closes the file; `false` if any write failed.
    #[must_use]
    pub fn close(mut self) -> bool {
        self.flush();
        let closed = self.file.close();
        self.sound && closed
    }

    fn flush(&mut self) {
        self.sound &= self.file.write(self.buffer.get(..self.len).unwrap_or_default());
        self.len = 0;
    }
}
