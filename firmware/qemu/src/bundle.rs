//! The data that the host put into memory: words, and bytes padded to sixteen.

/// Where QEMU's loader puts it: memory that no image links to.
const BUNDLE: usize = if cfg!(core = "riscv32") {
    0x8100_0000
} else if cfg!(core = "cortex-m55") {
    0x6000_0000
} else {
    0x2100_0000
};

/// Where the next part of the bundle starts.
#[derive(Clone)]
pub struct Cursor(usize);

impl Cursor {
    /// The start of the bundle.
    pub const fn start() -> Self {
        Self(BUNDLE)
    }

    /// The next word.
    pub fn word(&mut self) -> u32 {
        let at = self.0;
        self.0 += 4;
        // SAFETY: the host wrote the bundle as this program reads it.
        unsafe { core::ptr::read(at as *const u32) }
    }

    /// Four words, the last of which is unused.
    pub fn header(&mut self) -> [u32; 3] {
        let words = [self.word(), self.word(), self.word()];
        self.word();
        words
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> &'static [u8] {
        let at = self.0;
        self.0 += len.next_multiple_of(16);
        // SAFETY: as above.
        unsafe { core::slice::from_raw_parts(at as *const u8, len) }
    }

    /// The next `len` bytes, signed.
    pub fn integers(&mut self, len: usize) -> &'static [i8] {
        let bytes = self.bytes(len);
        // SAFETY: the same bytes, signed.
        unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), len) }
    }

    /// The next `len` floats.
    pub fn floats(&mut self, len: usize) -> &'static [f32] {
        let bytes = self.bytes(len * 4);
        // SAFETY: every part starts on sixteen bytes, and any four bytes are a float.
        unsafe { core::slice::from_raw_parts(bytes.as_ptr().cast(), len) }
    }
}
