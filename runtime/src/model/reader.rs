//! The cursor with which the loader reads a file.

/// Reads forward. Missing bytes read as zero or empty, and the reader records this: [`Reader::broken`] is checked once
/// at the end.
///
/// So a field is one call without a branch, and the values after damage do not matter.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    pub rest: &'a [u8],
    /// Lines of the text read last, at most 65535.
    pub lines: u32,
    /// Something was missing or out of range.
    pub broken: bool,
    /// A number was longer than necessary.
    pub overlong: bool,
    /// A real was infinite or NaN.
    pub infinite: bool,
    /// The first byte of padding that is not zero.
    pub stray: Option<&'a u8>,
}

/// The exponent of a single; all ones in infinities and NaN.
const EXPONENT: u32 = 0x7f80_0000;

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, lines: 0, broken: false, overlong: false, infinite: false, stray: None }
    }

    /// The next `length` bytes.
    #[inline(never)]
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            self.broken = true;
            return &[];
        };
        self.rest = rest;
        taken
    }

    #[inline(never)]
    pub fn byte(&mut self) -> u8 {
        if let [byte] = *self.take(1) { byte } else { 0 }
    }

    /// The bits of a single.
    #[inline(never)]
    pub fn real(&mut self) -> u32 {
        let bits = if let [a, b, c, d] = *self.take(4) { u32::from_le_bytes([a, b, c, d]) } else { 0 };
        self.infinite |= bits & EXPONENT == EXPONENT;
        bits
    }

    /// The bytes of a varint: seven bits each, lowest first, the top bit set on all but the last.
    #[inline(never)]
    pub fn digits(&mut self) -> &'a [u8] {
        let last = self.rest.iter().position(|&byte| byte < 0x80);
        let digits = self.take(last.map_or(usize::MAX, |last| last.wrapping_add(1)));
        if let [front @ .., last] = digits {
            if *last == 0 && !front.is_empty() {
                self.overlong = true;
            }
            // The tenth byte holds one bit.
            if digits.len().wrapping_add(usize::from(*last > 1)) > 10 {
                self.broken = true;
            }
        }
        digits
    }

    /// A varint of 64 bits.
    pub fn long_number(&mut self) -> u64 {
        self.digits().iter().rev().fold(0, |value, &byte| value << 7 | u64::from(byte & 0x7f))
    }

    /// A varint that is at most `largest`.
    #[inline(never)]
    pub fn number(&mut self, largest: u32) -> u32 {
        let (mut number, mut cut) = (0u32, 0u32);
        for &byte in self.digits().iter().rev() {
            cut |= number >> 25;
            number = number << 7 | u32::from(byte & 0x7f);
        }
        if cut == 0 && number <= largest {
            return number;
        }
        self.broken = true;
        0
    }

    /// Bytes, after their count.
    #[inline(never)]
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = self.number(u32::MAX);
        self.take(length as usize)
    }

    /// UTF-8 bytes, after their count.
    #[inline(never)]
    pub fn text(&mut self) -> &'a [u8] {
        let text = self.bytes();
        match utf8_lines(text) {
            Some(lines) => self.lines = lines,
            None => self.broken = true,
        }
        text
    }

    /// Skips what `read` reads, and returns the remaining bytes.
    #[inline]
    pub fn peek<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> &'a [u8] {
        let start = self.rest;
        read(self);
        start
    }

    /// The next `length` bytes; also skips the zeros after them, up to the next 16-byte boundary of memory.
    #[inline(never)]
    pub fn padded(&mut self, length: usize) -> &'a [u8] {
        let taken = self.take(length);
        let padding = self.rest.as_ptr().addr().wrapping_neg() & (super::ALIGNMENT - 1);
        let padding = self.take(padding);
        if self.stray.is_none() {
            self.stray = padding.iter().find(|&&byte| byte != 0);
        }
        taken
    }
}

/// Number of lines of a text, at most 65535; `None` unless it is UTF-8.
///
/// Agrees with `core::str::from_utf8`, in a fraction of its code.
fn utf8_lines(bytes: &[u8]) -> Option<u32> {
    let mut lines = u32::from(!bytes.is_empty());
    // The current character: its number of bytes, the bytes still to come, and its code so far.
    let (mut length, mut left, mut code) = (0u32, 0u32, 0u32);
    for &byte in bytes {
        let ones = byte.leading_ones();
        if left == 0 {
            if ones == 0 {
                lines = lines.wrapping_add(u32::from(byte == b'\n'));
                continue;
            }
            (length, left, code) = (ones, ones, u32::from(byte) & 0x7fu32.wrapping_shr(ones));
        } else if ones != 1 {
            return None;
        } else {
            code = (code << 6) | u32::from(byte & 0x3f);
        }
        left = left.wrapping_sub(1);
        if left == 0 {
            // A code of two, three or four bytes has more than 7, 11 or 16 bits. A single byte with its top bit set
            // never has, and five bytes or more would exceed the largest code.
            let bits = length.wrapping_mul(5).wrapping_sub(4).clamp(7, 31);
            let surrogate = code >> 11 == 0xd800 >> 11;
            if code.wrapping_shr(bits) == 0 || surrogate || code > 0x10_ffff {
                return None;
            }
        }
    }
    (left == 0).then_some(lines.min(u16::MAX.into()))
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use super::utf8_lines;

    /// The answer of the standard library.
    fn expected(bytes: &[u8]) -> Option<u32> {
        let text = core::str::from_utf8(bytes).ok()?;
        Some(if text.is_empty() { 0 } else { text.split('\n').count() as u32 })
    }

    #[test]
    fn utf8_is_what_the_standard_library_says() {
        let ends = [0, b'\n', 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xff];
        assert_eq!(utf8_lines(&[]), Some(0));
        assert_eq!(utf8_lines(&[b'\n'; 70_000]), Some(65_535));
        for first in 0..=255 {
            for second in 0..=255 {
                let two = [first, second];
                assert_eq!(utf8_lines(&two), expected(&two), "{two:x?}");
                for third in ends {
                    for text in [
                        &[first, second, third][..],
                        &[first, second, third, 0x80],
                        &[first, second, third, 0xbf, 0x41],
                        &[first, second, third, 0x80, 0x80, 0x80, 0x80, 0x80, 0x41],
                        &[first, second, third, 0x80, 0xbf, 0xbf, 0xbf, 0xbf],
                    ] {
                        assert_eq!(utf8_lines(text), expected(text), "{text:x?}");
                    }
                }
            }
        }
    }
}
