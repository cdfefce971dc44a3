//! A teacher of dense layers kept as arrays: `w0 [outputs][inputs]`, `b0 [outputs]`, `w1`, `b1`, and so on, with ReLU
//! between them.
//!
//! It needs no library: any MLP trained elsewhere is two arrays a layer away from being a teacher. One thread computes, so
//! the order of every sum, and with it every bit, is the same on machines of one kind.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use sha2::{Digest, Sha256};
use std::path::Path;

use super::rows::{RowTeacher, RowTeacherError, check_answer, check_rows};
use crate::dataset::{DataError, FaultKind, Place, Shaped, read_arrays};

/// Layers at most; hidden width is bounded by the file alone.
const MAX_LAYERS: usize = 64;

/// Dense layers with ReLU between them.
#[derive(Clone, Debug)]
pub struct DenseTeacher {
    layers: Vec<Dense>,
    /// Subtracted from the inputs, then divided by: mean and standard deviation of the rows it was trained on.
    normalize: Option<(Array1<f32>, Array1<f32>)>,
    /// Where standard scores are cut off; infinite for nowhere.
    largest_score: f32,
    /// Whether a row is divided by the sum of its magnitudes first.
    row_shares: bool,
    identity: [u8; 32],
}

#[derive(Clone, Debug)]
struct Dense {
    /// `[inputs][outputs]`, the order the product of many rows reads in one run.
    weights: Array2<f32>,
    bias: Array1<f32>,
}

impl DenseTeacher {
    /// Reads the layers from an `.npz`. Optional are `mean` and `sd` `[inputs]` with `largest_score [1]`, where scores are cut
    /// off, and `row_shares [1]`, a row divided by the sum of its magnitudes; so a run's `student_float.npz` teaches.
    ///
    /// # Errors
    /// [`DataError`] for an array that is missing, of another shape than its neighbours need, or not finite.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let mut arrays = read_arrays(path)?;
        let mut hash = Sha256::new();
        hash.update(b"eyas dense teacher 1");
        let mut take = |name: &str, shape: &[Option<usize>]| -> Result<Option<Shaped>, DataError> {
            let Some((found, values)) = arrays.remove(name) else { return Ok(None) };
            let fits = found.len() == shape.len()
                && found
                    .iter()
                    .zip(shape)
                    .all(|(&found, wanted)| found > 0 && wanted.is_none_or(|wanted| wanted == found));
            if !fits {
                let wanted: Vec<String> = shape
                    .iter()
                    .map(|length| length.map_or_else(|| "any".to_owned(), |length| length.to_string()))
                    .collect();
                return Err(DataError::new(
                    FaultKind::Shape,
                    Place::array(path, name),
                    format!("shape [{}]", wanted.join(" x ")),
                    format!("shape {found:?}"),
                    "save weights as [outputs x inputs], each layer's inputs equal to the outputs before it",
                ));
            }
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(DataError::new(
                    FaultKind::NotFinite,
                    Place::array(path, name),
                    "finite values",
                    value.to_string(),
                    "train the teacher again: its weights have diverged",
                ));
            }
            hash.update(name.as_bytes());
            found.iter().for_each(|&length| hash.update((length as u64).to_le_bytes()));
            values.iter().for_each(|value| hash.update(value.to_le_bytes()));
            Ok(Some((found, values)))
        };
        let missing = |name: &str| {
            let place = Place::array(path, name);
            DataError::new(
                FaultKind::Layout,
                place,
                "an array of this name",
                "none",
                "save w0, b0, w1, b1, ... in one archive",
            )
        };
        let mut layers: Vec<Dense> = Vec::new();
        while layers.len() < MAX_LAYERS {
            let (weights, bias) = (format!("w{}", layers.len()), format!("b{}", layers.len()));
            let inputs = layers.last().map(|layer| layer.bias.len());
            let Some((shape, values)) = take(&weights, &[None, inputs])? else { break };
            let weights = Array2::from_shape_vec((shape[0], shape[1]), values).map_err(|_| missing(&weights))?;
            let (_, values) = take(&bias, &[Some(shape[0])])?.ok_or_else(|| missing(&bias))?;
            layers.push(Dense { weights: weights.t().as_standard_layout().into_owned(), bias: values.into() });
        }
        let inputs = layers.first().map(|layer| layer.weights.nrows()).ok_or_else(|| missing("w0"))?;
        let mean = take("mean", &[Some(inputs)])?.map(|(_, values)| Array1::from(values));
        let sd = take("sd", &[Some(inputs)])?.map(|(_, values)| Array1::from(values));
        let largest_score = take("largest_score", &[Some(1)])?.map_or(f32::INFINITY, |(_, values)| values[0].abs());
        let row_shares = take("row_shares", &[Some(1)])?.is_some();
        let normalize = match (mean, sd) {
            (None, None) => None,
            (Some(mean), Some(sd)) => Some((mean, sd)),
            (None, _) => return Err(missing("mean")),
            (_, None) => return Err(missing("sd")),
        };
        if let Some((_, sd)) = &normalize
            && let Some(value) = sd.iter().find(|&&value| value <= 0.0)
        {
            let place = Place::array(path, "sd");
            let remedy = "give 1 for an input that never varies";
            return Err(DataError::new(FaultKind::OutOfRange, place, "values above 0", value.to_string(), remedy));
        }
        Ok(Self { layers, normalize, largest_score, row_shares, identity: hash.finalize().into() })
    }
}

impl RowTeacher for DenseTeacher {
    fn inputs(&self) -> usize {
        self.layers.first().map_or(0, |layer| layer.weights.nrows())
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }

    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError> {
        // The quick look decides; the slow one names the place.
        if rows.ncols() != self.inputs() || !all_finite(rows) {
            check_rows(rows, self.inputs())?;
        }
        let shares = self.row_shares.then(|| {
            let sums = rows.mapv(f32::abs).sum_axis(Axis(1)).mapv(|sum| if sum == 0.0 { 1.0 } else { sum });
            &rows / &sums.insert_axis(Axis(1))
        });
        let rows = shares.as_ref().map_or(rows, |shares| shares.view());
        let mut values = match &self.normalize {
            None => product(rows, &self.layers[0]),
            Some((mean, sd)) => {
                let mut normal = rows.to_owned();
                for mut row in normal.axis_iter_mut(Axis(0)) {
                    row.iter_mut().zip(mean).zip(sd).for_each(|((value, mean), sd)| {
                        *value = ((*value - mean) / sd).clamp(-self.largest_score, self.largest_score);
                    });
                }
                product(normal.view(), &self.layers[0])
            }
        };
        for layer in &self.layers[1..] {
            values.mapv_inplace(|value| value.max(0.0));
            values = product(values.view(), layer);
        }
        if !all_finite(values.view()) {
            check_answer("logits", values.view())?;
        }
        Ok(values)
    }

    fn identity(&self) -> [u8; 32] {
        self.identity
    }
}

/// `rows x weights + bias`.
fn product(rows: ArrayView2<'_, f32>, layer: &Dense) -> Array2<f32> {
    let mut out = rows.dot(&layer.weights);
    let width = layer.bias.len();
    if let (Some(out), Some(bias)) = (out.as_slice_mut(), layer.bias.as_slice()) {
        for row in out.chunks_exact_mut(width) {
            row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
        }
    } else {
        out += &layer.bias;
    }
    out
}

/// Whether no value is NaN or infinite. A product with zero is zero for finite values only.
fn all_finite(values: ArrayView2<'_, f32>) -> bool {
    match values.as_slice_memory_order() {
        Some(values) => {
            values.chunks(16).fold(0u32, |bad, chunk| {
                bad | chunk
                    .iter()
                    .fold(0u32, |bad, value| bad | u32::from(value.to_bits() & 0x7f80_0000 == 0x7f80_0000))
            }) == 0
        }
        None => values.iter().all(|value| value.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::testing::write_npz;
    use ndarray::array;

    #[test]
    fn two_layers_by_hand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mlp.npz");
        let arrays = [
            ("w0", &[2, 2][..], &[1.0, 0.0, 0.0, -1.0][..]),
            ("b0", &[2], &[0.5, 0.0]),
            ("w1", &[1, 2], &[2.0, 3.0]),
            ("b1", &[1], &[-1.0]),
        ];
        write_npz(&path, &arrays);
        let mut teacher = DenseTeacher::load(&path).unwrap();
        assert_eq!((teacher.inputs(), teacher.outputs()), (2, 1));
        let rows = array![[1.0, 2.0], [-3.0, -4.0]];
        // ReLU(1.5, -2) = (1.5, 0) -> 2; ReLU(-2.5, 4) = (0, 4) -> 11.
        assert_eq!(teacher.logits(rows.view()).unwrap(), array![[2.0], [11.0]]);
        let first = teacher.identity();
        let normalized = [&arrays[..], &[("mean", &[2], &[1.0, 2.0]), ("sd", &[2], &[1.0, 2.0])]].concat();
        write_npz(&path, &normalized);
        let mut teacher = DenseTeacher::load(&path).unwrap();
        assert_ne!(teacher.identity(), first);
        // (0, 0) and (-4, -3): ReLU(0.5, 0) -> 0; ReLU(-3.5, 3) -> 8.
        assert_eq!(teacher.logits(rows.view()).unwrap(), array![[0.0], [8.0]]);
        let error = teacher.logits(array![[f32::NAN, 0.0]].view()).unwrap_err();
        assert!(matches!(error, RowTeacherError::Input { row: 0, input: 0, .. }), "{error}");
    }

    #[test]
    fn layers_that_do_not_fit_together_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mlp.npz");
        write_npz(&path, &[("w0", &[2, 2], &[0.0; 4]), ("b0", &[2], &[0.0; 2]), ("w1", &[1, 3], &[0.0; 3])]);
        let error = DenseTeacher::load(&path).unwrap_err();
        assert_eq!((error.kind(), error.fault().place.array.as_str()), (FaultKind::Shape, "w1"));
        write_npz(&path, &[("w0", &[2, 2], &[0.0; 4])]);
        assert_eq!(DenseTeacher::load(&path).unwrap_err().kind(), FaultKind::Layout);
        write_npz(&path, &[("w0", &[1, 1], &[f32::NAN]), ("b0", &[1], &[0.0])]);
        assert_eq!(DenseTeacher::load(&path).unwrap_err().kind(), FaultKind::NotFinite);
    }
}
