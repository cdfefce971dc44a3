//! An error message in a constant, where nothing can be formatted.

use crate::model::Layout;

/// Longest sentence with its place, in bytes.
const LONGEST: usize = 512;

/// A sentence that a constant can panic with: `panic!("{}", sentence.as_str())`.
#[derive(Clone, Copy, Debug)]
pub struct Sentence {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Sentence {
    /// `place: template`, with each `{name}` of the template replaced by the field of that name.
    pub(crate) const fn new(place: &str, template: &str, fields: &[(&str, i64)]) -> Self {
        let mut sentence = Self { bytes: [0; LONGEST], length: 0 };
        // The compiler shows a longer path anyway.
        if place.len() <= LONGEST / 2 {
            sentence.text(place.as_bytes());
            sentence.text(b": ");
        }
        let mut rest = template.as_bytes();
        while let [byte, behind @ ..] = rest {
            rest = behind;
            if *byte == b'{' {
                let (field, behind) = cut(rest, b'}');
                rest = behind;
                let (name, form) = cut(field, b':');
                sentence.value(field_named(name, fields), form);
            } else {
                sentence.byte(*byte);
            }
        }
        sentence
    }

    /// The sentence.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        let Some((text, _)) = self.bytes.split_at_checked(self.length) else { return "" };
        match core::str::from_utf8(text) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// A number in one of the forms that messages use: decimal, `#0` and a width and `x`, or the name of a layout.
    const fn value(&mut self, value: i64, form: &[u8]) {
        match form {
            [b'#', b'0', width @ .., b'x'] => {
                self.text(b"0x");
                self.digits(value.unsigned_abs(), 16, decimal(width).saturating_sub(2));
            }
            [b'?'] => self.text(layout_name(value)),
            _ => {
                if value < 0 {
                    self.byte(b'-');
                }
                self.digits(value.unsigned_abs(), 10, 1);
            }
        }
    }

    /// At least `places` digits, the highest first.
    const fn digits(&mut self, value: u64, base: u64, places: u32) {
        let higher = if base == 16 { value >> 4 } else { value / 10 };
        if higher > 0 || places > 1 {
            self.digits(higher, base, places.saturating_sub(1));
        }
        let digit = value.wrapping_sub(higher.wrapping_mul(base)) as u8;
        self.byte(if digit < 10 { b'0'.wrapping_add(digit) } else { (b'a' - 10).wrapping_add(digit) });
    }

    const fn text(&mut self, mut text: &[u8]) {
        while let [byte, rest @ ..] = text {
            self.byte(*byte);
            text = rest;
        }
    }

    const fn byte(&mut self, byte: u8) {
        if let Some((_, [to, ..])) = self.bytes.split_at_mut_checked(self.length) {
            *to = byte;
            self.length = self.length.wrapping_add(1);
        }
    }
}

/// The text before the first `mark` and the text after it; all and nothing if there is none.
const fn cut(text: &[u8], mark: u8) -> (&[u8], &[u8]) {
    let mut at = 0usize;
    while let Some((front, [byte, behind @ ..])) = text.split_at_checked(at) {
        if *byte == mark {
            return (front, behind);
        }
        at = at.wrapping_add(1);
    }
    (text, &[])
}

const fn decimal(mut digits: &[u8]) -> u32 {
    let mut value = 0u32;
    while let [digit, rest @ ..] = digits {
        value = value.wrapping_mul(10).wrapping_add(digit.wrapping_sub(b'0') as u32);
        digits = rest;
    }
    value
}

const fn field_named(name: &[u8], mut fields: &[(&str, i64)]) -> i64 {
    while let [(field, value), rest @ ..] = fields {
        if equal(field.as_bytes(), name) {
            return *value;
        }
        fields = rest;
    }
    0
}

const fn equal(mut a: &[u8], mut b: &[u8]) -> bool {
    while let ([first, a_rest @ ..], [other, b_rest @ ..]) = (a, b) {
        if *first != *other {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}

const fn layout_name(number: i64) -> &'static [u8] {
    match Layout::from_number(number as u8) {
        Some(Layout::Canonical) => b"Canonical",
        Some(Layout::Pairs) => b"Pairs",
        Some(Layout::Quads) => b"Quads",
        Some(Layout::Fours) => b"Fours",
        Some(Layout::Lanes) => b"Lanes",
        None => b"",
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use crate::{InferError, LoadError, QuantizeError, SelftestError};
    use std::format;
    use std::string::ToString;

    /// An error has the same message in constants and at run time.
    #[test]
    fn every_error_says_in_constants_what_it_says_at_run_time() {
        let mut told = 0;
        macro_rules! check {
            ($($name:ident)+) => {$(
                for error in $name::samples() {
                    assert_eq!(error.sentence("a/b.eyas").as_str(), format!("a/b.eyas: {error}"));
                    told += 1;
                }
            )+};
        }
        check!(LoadError InferError QuantizeError SelftestError);
        assert_eq!(told, 3 * (27 + 5 + 4 + 4), "three of each variant");
    }

    #[test]
    fn a_place_that_is_too_long_is_left_out() {
        let place = "é".repeat(200);
        assert_eq!(LoadError::Golden.sentence(&place).as_str(), LoadError::Golden.to_string());
    }
}
