//! The header of an array in an `.npz` archive: read without trust, and what it says of the elements.

use std::io::Read;

use npyz::{DType, NpyHeader, Order, TypeChar};

use super::error::{DataError, FaultKind, Place, quoted};
use super::limits::MAX_HEADER_BYTES;

/// Reads the header of an array; its bytes are counted.
///
/// The text is checked here first, since the parser behind trusts it: the length is capped, nesting is impossible, and the
/// product of the declared lengths fits in 64 bits.
pub(super) fn read_header(reader: &mut impl Read, place: &Place) -> Result<(NpyHeader, u64), DataError> {
    let bad = |found: String| {
        DataError::new(
            FaultKind::Damaged,
            place.clone(),
            "the header of a plain .npy array",
            found,
            "write the array again, for instance with numpy.savez_compressed",
        )
    };
    let mut bytes = vec![0; 10];
    reader.read_exact(&mut bytes).map_err(|error| bad(error.to_string()))?;
    if &bytes[..6] != b"\x93NUMPY" {
        return Err(bad("other bytes".to_owned()));
    }
    let mut length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    if bytes[6] > 1 {
        let mut high = [0; 2];
        reader.read_exact(&mut high).map_err(|error| bad(error.to_string()))?;
        bytes.extend_from_slice(&high);
        length |= usize::from(u16::from_le_bytes(high)) << 16;
    }
    if length > MAX_HEADER_BYTES {
        return Err(bad(format!("a header of {length} bytes, more than {MAX_HEADER_BYTES}")));
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    reader.read_exact(&mut bytes[start..]).map_err(|error| bad(error.to_string()))?;
    let text = std::str::from_utf8(&bytes[start..]).map_err(|error| bad(error.to_string()))?;
    if !is_plain(text) {
        return Err(bad(quoted(text.trim_end())));
    }
    let header = NpyHeader::from_reader(&bytes[..]).map_err(|error| bad(error.to_string()))?;
    Ok((header, bytes.len() as u64))
}

/// Whether a header is one flat dictionary whose numbers have a product below 2^63.
fn is_plain(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"{}():,.'\"<>|=_ \n".contains(&byte));
    let depth = text.bytes().filter(|byte| b"{(".contains(byte)).count();
    // A shape is written in decimal; 0x10 or 1_0 would slip past the product below.
    let decimal = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .all(|word| !word.starts_with(|c: char| c.is_ascii_digit()) || word.bytes().all(|byte| byte.is_ascii_digit()));
    let product = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .try_fold(1u64, |product, digits| {
            product.checked_mul(digits.parse::<u64>().ok()?.max(1)).filter(|product| product >> 63 == 0)
        });
    plain && depth <= 2 && decimal && product.is_some()
}

/// Type letter and bytes an element; `None` for records.
pub(super) fn scalar(header: &NpyHeader) -> Option<(TypeChar, u64)> {
    match header.dtype() {
        DType::Plain(kind) => Some((kind.type_char(), kind.num_bytes()? as u64)),
        DType::Array(..) | DType::Record(_) => None,
    }
}

/// Refuses an array whose values lie column by column.
pub(super) fn row_major(place: &Place, header: &NpyHeader) -> Result<(), DataError> {
    if header.order() != Order::Fortran || header.shape().iter().filter(|&&length| length > 1).count() <= 1 {
        return Ok(());
    }
    Err(DataError::new(
        FaultKind::Shape,
        place.clone(),
        "row-major (C) order",
        "column-major (Fortran) order",
        "store numpy.ascontiguousarray(array)",
    ))
}

pub(super) fn wrong_type(place: Place, expected: &str, header: &NpyHeader) -> DataError {
    let (found, remedy) = if header.uses_pickled_array() {
        ("an object array (a Python pickle)".to_owned(), "store plain arrays; pickles are never opened")
    } else {
        (format!("element type {}", header.dtype().descr()), "convert the array with numpy's astype")
    };
    DataError::new(FaultKind::ElementType, place, expected, found, remedy)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn numpy_headers_pass_and_traps_do_not() {
        assert!(is_plain("{'descr': '<i4', 'fortran_order': False, 'shape': (2709,), }          \n"));
        assert!(is_plain("{'descr': '|O', 'fortran_order': False, 'shape': (), }\n"));
        for trap in [
            "{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 0), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (0xFFFFFFFF, 0xFFFFFFFF, 2), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (9_999_999_999_999,), }",
            "{'descr': '<i4', 'fortran_order': False, 'sh\\x61pe': (1,), }",
            "((((((((((((((((((((1))))))))))))))))))))",
        ] {
            assert!(!is_plain(trap), "{trap}");
        }
    }
}
