//! Protobuf's wire format, as far as ONNX files need it: fields of messages, read where they stand, and one written.

use super::scan::ScanError;
use std::ops::Range;

/// The text in field `number` of a message.
pub(super) fn name_of(field: &Field<'_>, number: u64) -> Result<String, ScanError> {
    let mut name = String::new();
    for part in field.message() {
        let part = part?;
        if part.number == number {
            name = part.text();
        }
    }
    Ok(name)
}

/// One field of a message.
pub(super) struct Field<'a> {
    pub number: u64,
    /// A number; 0 if the field holds bytes.
    pub value: u64,
    /// Text or a message; empty if the field holds a number.
    pub bytes: &'a [u8],
    /// Where `bytes` start in the file.
    offset: usize,
    /// Where the field itself stands in the file.
    pub place: Range<usize>,
}

impl<'a> Field<'a> {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes).into_owned()
    }

    pub fn message(&self) -> Fields<'a> {
        fields(self.bytes, self.offset)
    }

    /// The numbers of a repeated field, packed or one by one.
    pub fn numbers(&self) -> Result<Vec<u64>, ScanError> {
        if self.bytes.is_empty() {
            return Ok(vec![self.value]);
        }
        let mut packed = fields(self.bytes, self.offset);
        let mut numbers = Vec::new();
        while !packed.rest.is_empty() {
            numbers.push(packed.varint().ok_or(ScanError::Truncated { offset: self.offset })?);
        }
        Ok(numbers)
    }
}

/// The fields of a message that starts at byte `offset` of the file.
pub(super) fn fields(bytes: &[u8], offset: usize) -> Fields<'_> {
    Fields { rest: bytes, offset }
}

pub(super) struct Fields<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        self.offset += count;
        Some(taken)
    }

    /// A number with 7 bits per byte, at most 10 bytes.
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn read(&mut self) -> Result<Field<'a>, ScanError> {
        let start = self.offset;
        let truncated = ScanError::Truncated { offset: start };
        let key = self.varint().ok_or(truncated)?;
        let mut field = Field { number: key >> 3, value: 0, bytes: &[], offset: start, place: start..start };
        match key & 7 {
            0 => field.value = self.varint().ok_or(truncated)?,
            1 => drop(self.take(8).ok_or(truncated)?),
            2 => {
                let length = self.varint().and_then(|length| usize::try_from(length).ok()).ok_or(truncated)?;
                field.offset = self.offset;
                field.bytes = self.take(length).ok_or(truncated)?;
            }
            5 => drop(self.take(4).ok_or(truncated)?),
            _ => return Err(ScanError::NotProtobuf { offset: start }),
        }
        field.place.end = self.offset;
        if field.number == 0 { Err(ScanError::NotProtobuf { offset: start }) } else { Ok(field) }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, ScanError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Appends a field that holds bytes: a text or a message.
pub(super) fn push(to: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    push_varint(to, u64::from(number) << 3 | 2);
    push_varint(to, bytes.len() as u64);
    to.extend_from_slice(bytes);
}

/// Appends a field that holds a number.
pub(super) fn push_number(to: &mut Vec<u8>, number: u8, value: u64) {
    push_varint(to, u64::from(number) << 3);
    push_varint(to, value);
}

fn push_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}
