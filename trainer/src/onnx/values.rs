//! Numbers and labels as a library takes and gives them.

use ndarray::{Array2, ArrayView2};
use ort::value::{DynValue, Tensor};

/// Columns of a batch as a tensor of `shape`.
pub(super) fn tensor(columns: ArrayView2<'_, f32>, shape: &[usize], is_double: bool) -> ort::Result<DynValue> {
    let values = columns.iter().copied();
    if is_double {
        return Ok(Tensor::from_array((shape, values.map(f64::from).collect::<Vec<f64>>()))?.into_dyn());
    }
    Ok(Tensor::from_array((shape, values.collect::<Vec<f32>>()))?.into_dyn())
}

/// Shape and values of a tensor of floats or doubles.
pub(super) fn reals(value: &DynValue) -> ort::Result<(Vec<i64>, Vec<f32>)> {
    if let Ok((shape, values)) = value.try_extract_tensor::<f64>() {
        return Ok((shape.to_vec(), values.iter().map(|&value| value as f32).collect()));
    }
    let (shape, values) = value.try_extract_tensor::<f32>()?;
    Ok((shape.to_vec(), values.to_vec()))
}

/// 1 for the class that a label names, 0 for the others, `[rows][classes]`.
pub(super) fn one_hot(value: &DynValue, classes: &[String], rows: usize) -> Result<Array2<f32>, String> {
    let labels = labels(value).map_err(|error| error.to_string())?;
    if labels.len() != rows {
        return Err(format!("{} labels for {rows} rows", labels.len()));
    }
    let mut answers = Array2::zeros((rows, classes.len()));
    for (row, label) in labels.iter().enumerate() {
        let class = classes.iter().position(|class| class == label);
        answers[[row, class.ok_or_else(|| format!("the label {label:?}, which its list of classes lacks"))?]] = 1.0;
    }
    Ok(answers)
}

/// Labels as texts.
fn labels(value: &DynValue) -> ort::Result<Vec<String>> {
    if let Ok((_, numbers)) = value.try_extract_tensor::<i64>() {
        return Ok(numbers.iter().map(i64::to_string).collect());
    }
    if let Ok((_, numbers)) = value.try_extract_tensor::<i32>() {
        return Ok(numbers.iter().map(i32::to_string).collect());
    }
    Ok(value.try_extract_strings()?.1)
}
