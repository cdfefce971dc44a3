//! Constants of an ONNX graph: initializers, and values that the graph computes from them without any input.

use super::message::{DOUBLE, FLOAT, INT8, INT32, INT64, Tensor, UINT8};
use crate::import::ImportError;

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constant {
    /// Length of each dimension.
    pub dims: Vec<usize>,
    /// The values, row-major; for a dequantized tensor, the integers minus their zero points.
    pub values: Vec<f64>,
    /// Element type in the file.
    pub element: i32,
    /// Scales of a dequantized tensor.
    pub scales: Option<Scales>,
}

/// Real size of one step of a dequantized tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scales {
    /// One, or one per index along `axis`.
    pub values: Vec<f64>,
    /// The dimension along which several scales run.
    pub axis: usize,
}

/// Texts or whole numbers of a tensor, as texts; none of another type.
pub(super) fn texts(tensor: &Tensor) -> Vec<String> {
    if !tensor.string_data.is_empty() {
        return tensor.string_data.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    }
    match Constant::read(tensor) {
        Ok(numbers) if [INT32, INT64].contains(&numbers.element) => {
            numbers.values.iter().map(|number| (*number as i64).to_string()).collect()
        }
        _ => Vec::new(),
    }
}

impl Constant {
    /// Reads a tensor; its data must be inside the file.
    pub fn read(tensor: &Tensor) -> Result<Self, ImportError> {
        if tensor.data_location != 0 || !tensor.external_data.is_empty() {
            return Err(ImportError::ExternalData { tensor: tensor.name.clone() });
        }
        let damaged = |expected: String| ImportError::Damaged {
            format: "ONNX",
            place: format!("tensor `{}`", tensor.name),
            expected,
        };
        let mut count = 1usize;
        let mut dims = Vec::with_capacity(tensor.dims.len());
        for &dim in &tensor.dims {
            let dim = usize::try_from(dim).map_err(|_| damaged("dimensions that are not negative".into()))?;
            count = count.saturating_mul(dim);
            dims.push(dim);
        }
        let raw = &tensor.raw_data;
        let stored = |words: &[i32]| words.iter().map(|&word| f64::from(word)).collect::<Vec<_>>();
        let values = match (tensor.data_type, raw.is_empty()) {
            (FLOAT, true) => tensor.float_data.iter().map(|&value| f64::from(value)).collect(),
            (FLOAT, false) => raw.as_chunks().0.iter().map(|&bytes| f64::from(f32::from_le_bytes(bytes))).collect(),
            (DOUBLE, true) => tensor.double_data.clone(),
            (DOUBLE, false) => raw.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect(),
            (INT8 | UINT8 | INT32, true) => stored(&tensor.int32_data),
            (INT8, false) => raw.iter().map(|&byte| f64::from(byte as i8)).collect(),
            (UINT8, false) => raw.iter().map(|&byte| f64::from(byte)).collect(),
            (INT32, false) => raw.as_chunks().0.iter().map(|&bytes| f64::from(i32::from_le_bytes(bytes))).collect(),
            (INT64, true) => tensor.int64_data.iter().map(|&value| value as f64).collect(),
            (INT64, false) => raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes) as f64).collect(),
            // Of another type: harmless unless a dense layer reads it, which then finds no values.
            _ => return Ok(Self { dims, values: Vec::new(), element: tensor.data_type, scales: None }),
        };
        let values: Vec<f64> = values;
        let range = match tensor.data_type {
            INT8 => -128.0..=127.0,
            UINT8 => 0.0..=255.0,
            _ => f64::NEG_INFINITY..=f64::INFINITY,
        };
        if values.len() != count || !values.iter().all(|value| range.contains(value)) {
            return Err(damaged(format!("{count} values of its type")));
        }
        Ok(Self { dims, values, element: tensor.data_type, scales: None })
    }

    /// The one value of a scalar or of a tensor of one element.
    pub fn scalar(&self) -> Option<f64> {
        match self.values[..] {
            [value] if self.scales.is_none() => Some(value),
            _ => None,
        }
    }

    /// The real values.
    pub fn reals(&self) -> Vec<f64> {
        let Some(scales) = &self.scales else { return self.values.clone() };
        if let [scale] = scales.values[..] {
            return self.values.iter().map(|value| value * scale).collect();
        }
        let inner: usize = self.dims.iter().skip(scales.axis + 1).product();
        let scale = |at: usize| scales.values[at / inner.max(1) % scales.values.len()];
        self.values.iter().enumerate().map(|(at, value)| value * scale(at)).collect()
    }

    /// `DequantizeLinear` of this constant; `None` if the parts do not match.
    pub fn dequantized(&self, scales: &Self, zero_points: Option<&Self>, axis: i64) -> Option<Self> {
        let axis = if axis < 0 { axis + self.dims.len() as i64 } else { axis };
        let positive = |scale: &f64| scale.is_finite() && *scale > 0.0;
        if self.scales.is_some() || ![INT8, UINT8, INT32].contains(&self.element) || scales.values.is_empty() {
            return None;
        }
        let single = scales.values.len() == 1;
        let axis = if single { 0 } else { usize::try_from(axis).ok()? };
        let fits = single || self.dims.get(axis) == Some(&scales.values.len());
        if !fits || !scales.values.iter().all(positive) {
            return None;
        }
        let zeros = zero_points.map_or(&[0.0][..], |zero_points| &zero_points.values);
        if zeros.len() != 1 && zeros.len() != scales.values.len() {
            return None;
        }
        let inner: usize = self.dims.iter().skip(axis + 1).product();
        let zero = |at: usize| zeros[if zeros.len() == 1 { 0 } else { at / inner.max(1) % zeros.len() }];
        let values = self.values.iter().enumerate().map(|(at, value)| value - zero(at)).collect();
        let scales = Scales { values: scales.values.clone(), axis };
        Some(Self { dims: self.dims.clone(), values, element: self.element, scales: Some(scales) })
    }

    /// The transposed matrix; `None` for other shapes.
    pub fn transposed(&self) -> Option<Self> {
        let &[rows, columns] = &self.dims[..] else { return None };
        if self.values.len() != rows * columns {
            return None;
        }
        let values = (0..rows * columns).map(|at| self.values[at % rows * columns + at / rows]).collect();
        let scales = self.scales.clone().map(|scales| Scales { axis: 1 - scales.axis.min(1), ..scales });
        Some(Self { dims: vec![columns, rows], values, element: self.element, scales })
    }
}
