//! Cells of one column of a Parquet batch, as numbers or as text, whatever the column's type.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;

/// Whether a column of this type holds numbers; booleans are 0 and 1.
pub(super) fn is_number(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_number(values),
        DataType::Float32 | DataType::Float64 | DataType::Boolean => true,
        kind => kind.is_integer() || is_decimal(kind),
    }
}

/// Whether a column of this type holds words.
pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => is_text(values),
        kind => matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

fn is_decimal(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..)
    )
}

/// Values of a numeric column, or element `element` of each of its lists, NaN where a cell is missing; `None` for
/// another type.
pub(super) fn numbers(array: &dyn Array, element: usize) -> Option<Vec<f32>> {
    let mut values = match array.data_type() {
        DataType::FixedSizeList(_, length) => {
            let all = numbers(array.as_fixed_size_list().values().as_ref(), 0)?;
            all.into_iter().skip(element).step_by(*length as usize).collect()
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = numbers(dictionary.values().as_ref(), 0)?;
            // The key of a missing cell may be any.
            dictionary.normalized_keys().into_iter().map(|key| values.get(key).copied().unwrap_or(f32::NAN)).collect()
        }
        DataType::Boolean => (0..array.len()).map(|row| f32::from(u8::from(array.as_boolean().value(row)))).collect(),
        kind if is_decimal(kind) => decimals(array)?,
        _ => primitives(array)?,
    };
    if array.null_count() > 0 {
        values.iter_mut().enumerate().filter(|(row, _)| array.is_null(*row)).for_each(|(_, value)| *value = f32::NAN);
    }
    Some(values)
}

fn primitives(array: &dyn Array) -> Option<Vec<f32>> {
    fn cast<T: ArrowPrimitiveType>(array: &dyn Array, map: impl Fn(T::Native) -> f32) -> Vec<f32> {
        array.as_primitive::<T>().values().iter().map(|&value| map(value)).collect()
    }
    Some(match array.data_type() {
        DataType::Float32 => array.as_primitive::<Float32Type>().values().to_vec(),
        DataType::Float64 => cast::<Float64Type>(array, |value| value as f32),
        DataType::Int8 => cast::<Int8Type>(array, f32::from),
        DataType::Int16 => cast::<Int16Type>(array, f32::from),
        DataType::Int32 => cast::<Int32Type>(array, |value| value as f32),
        DataType::Int64 => cast::<Int64Type>(array, |value| value as f32),
        DataType::UInt8 => cast::<UInt8Type>(array, f32::from),
        DataType::UInt16 => cast::<UInt16Type>(array, f32::from),
        DataType::UInt32 => cast::<UInt32Type>(array, |value| value as f32),
        DataType::UInt64 => cast::<UInt64Type>(array, |value| value as f32),
        _ => return None,
    })
}

/// Decimals through their text, which is exact, so that each becomes the nearest number.
fn decimals(array: &dyn Array) -> Option<Vec<f32>> {
    let text = |text: String| text.parse().unwrap_or(f32::NAN);
    Some(decimal_texts(array)?.into_iter().map(text).collect())
}

fn decimal_texts(array: &dyn Array) -> Option<Vec<String>> {
    fn all<T: DecimalType>(array: &PrimitiveArray<T>) -> Vec<String> {
        let cell = |row| if array.is_null(row) { String::new() } else { array.value_as_string(row) };
        (0..array.len()).map(cell).collect()
    }
    Some(match array.data_type() {
        DataType::Decimal32(..) => all(array.as_primitive::<Decimal32Type>()),
        DataType::Decimal64(..) => all(array.as_primitive::<Decimal64Type>()),
        DataType::Decimal128(..) => all(array.as_primitive::<Decimal128Type>()),
        DataType::Decimal256(..) => all(array.as_primitive::<Decimal256Type>()),
        _ => return None,
    })
}

/// Cells of a column of text, whole numbers or decimals, empty where one is missing; `None` for another type.
pub(super) fn texts(array: &dyn Array) -> Option<Vec<String>> {
    fn primitive<T: ArrowPrimitiveType<Native: ToString>>(array: &dyn Array) -> Vec<String> {
        array.as_primitive::<T>().iter().map(|cell| cell.map_or_else(String::new, |value| value.to_string())).collect()
    }
    let text = |cell: Option<&str>| cell.unwrap_or_default().to_owned();
    Some(match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().map(text).collect(),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().map(text).collect(),
        DataType::Utf8View => array.as_string_view().iter().map(text).collect(),
        DataType::Int8 => primitive::<Int8Type>(array),
        DataType::Int16 => primitive::<Int16Type>(array),
        DataType::Int32 => primitive::<Int32Type>(array),
        DataType::Int64 => primitive::<Int64Type>(array),
        DataType::UInt8 => primitive::<UInt8Type>(array),
        DataType::UInt16 => primitive::<UInt16Type>(array),
        DataType::UInt32 => primitive::<UInt32Type>(array),
        DataType::UInt64 => primitive::<UInt64Type>(array),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let values = texts(dictionary.values().as_ref())?;
            let keys = dictionary.normalized_keys().into_iter().enumerate();
            let cell = |(row, key): (usize, usize)| {
                if array.is_null(row) { String::new() } else { values.get(key).cloned().unwrap_or_default() }
            };
            keys.map(cell).collect()
        }
        _ => return decimal_texts(array),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::types::Int8Type as Key;
    use arrow_array::{BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int8Array};
    use std::sync::Arc;

    #[test]
    fn decimals_dictionaries_and_booleans_are_numbers() {
        let decimals =
            Decimal128Array::from(vec![Some(12345), None, Some(-5)]).with_precision_and_scale(10, 2).unwrap();
        assert!(is_number(decimals.data_type()) && !is_text(decimals.data_type()));
        let values = numbers(&decimals, 0).unwrap();
        assert_eq!((values[0], values[2]), (123.45, -0.05));
        assert!(values[1].is_nan());
        assert_eq!(texts(&decimals).unwrap(), ["123.45", "", "-0.05"]);
        let flags = BooleanArray::from(vec![Some(true), Some(false), None]);
        let values = numbers(&flags, 0).unwrap();
        assert!(values[..2] == [1.0, 0.0] && values[2].is_nan());
        // Gaps among the keys, and among the values.
        let keys = Int8Array::from(vec![Some(1), None, Some(0), Some(2)]);
        let values = Arc::new(Float64Array::from(vec![Some(1.5), Some(2.5), None]));
        let coded = DictionaryArray::<Key>::new(keys, values);
        assert!(is_number(coded.data_type()));
        let values = numbers(&coded, 0).unwrap();
        assert!(values[0] == 2.5 && values[2] == 1.5 && values[1].is_nan() && values[3].is_nan());
    }

    #[test]
    fn dictionaries_of_words_are_words() {
        let coded: DictionaryArray<Key> = vec![Some("on"), None, Some("off"), Some("on")].into_iter().collect();
        assert!(is_text(coded.data_type()) && !is_number(coded.data_type()));
        assert_eq!(texts(&coded).unwrap(), ["on", "", "off", "on"]);
        assert!(numbers(&coded, 0).is_none());
    }
}
