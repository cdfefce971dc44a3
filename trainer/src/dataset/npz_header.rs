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

/// Whether the values of an array lie column by column.
pub(super) fn is_column_major(header: &NpyHeader) -> bool {
    header.order() == Order::Fortran && header.shape().iter().filter(|&&length| length > 1).count() > 1
}

/// Values of an array with `shape` that lie column by column, in row-major order.
pub(super) fn by_row<T: Clone>(shape: &[u64], values: &[T]) -> Vec<T> {
    let mut steps = Vec::with_capacity(shape.len());
    let mut step = 1;
    for &length in shape {
        steps.push(step);
        step *= length as usize;
    }
    let mut at = vec![0; shape.len()];
    let mut ordered = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let offset: usize = at.iter().zip(&steps).map(|(at, step)| at * step).sum();
        ordered.extend(values.get(offset).cloned());
        // The last place counts fastest.
        for (at, &length) in at.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < length as usize {
                break;
            }
            *at = 0;
        }
    }
    ordered
}

/// Refuses an array whose values lie column by column, where they are not kept.
pub(super) fn row_major(place: &Place, header: &NpyHeader) -> Result<(), DataError> {
    if !is_column_major(header) {
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
    use super::{by_row, is_plain};

    #[test]
    fn columns_become_rows() {
        assert_eq!(by_row(&[2, 3], &[11, 21, 12, 22, 13, 23]), [11, 12, 13, 21, 22, 23]);
        let cube = by_row(&[2, 1, 2], &["000", "100", "001", "101"]);
        assert_eq!(cube, ["000", "001", "100", "101"]);
        assert!(by_row::<f32>(&[0, 3], &[]).is_empty());
    }

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
