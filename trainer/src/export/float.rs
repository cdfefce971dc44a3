//! The float student that belongs to the sealed one: the trained weights before any rounding.
//!
//! `student_float.npz` holds `w0 [outputs x inputs]`, `b0 [outputs]`, `w1`, and so on, with ReLU between the layers,
//! and the preprocessing of a row: `mean` and `sd` `[inputs]` with `largest_score [1]`, at which standard scores are
//! clipped, or `row_shares [1]` if a row is divided by the sum of its magnitudes. `student [32]` is the SHA-256 of the
//! sealed file made from it. `eyas label` takes the file as a teacher of kind `mlp`.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use ndarray::{Array1, Array2};

use super::onnx::Builder;
use crate::dataset::{DataError, FaultKind, Place, Shaped, read_arrays};
use crate::import::onnx::message::FLOAT;
use crate::nn::{DenseWeights, MlpWeights};
use crate::output::npz::NpzWriter;
use crate::quantize::{InputCoding, LARGEST_SCORE, Standard};
use eyas::model::Normalization;

/// Name of the float student in a run folder.
pub const STUDENT_FLOAT: &str = "student_float.npz";

/// A float student with the preprocessing of its rows.
#[derive(Clone, Debug, PartialEq)]
pub struct FloatStudent {
    /// The layers, ReLU between them; a regression answers in the unit of its quantity.
    pub weights: MlpWeights,
    /// Standard scores, clipped at [`LARGEST_SCORE`].
    pub standard: Option<Standard>,
    /// Whether a row is divided by the sum of its magnitudes.
    pub row_shares: bool,
    /// SHA-256 of the sealed student made from it.
    pub student: [u8; 32],
}

impl FloatStudent {
    /// The weights of a sealed student with this input coding.
    #[must_use]
    pub fn new(weights: &MlpWeights, coding: &InputCoding, student: [u8; 32]) -> Self {
        let row_shares = coding.normalization == Normalization::RowSum;
        let mut weights = weights.clone();
        if let Some(first) = weights.layers.first_mut() {
            first.weight.mapv_inplace(|weight| weight / coding.unit);
        }
        let mut standard = coding.standard.clone();
        // Such an input has no weights, so its scores have no effect for any deviation, and every reader can handle 1.
        for deviation in standard.iter_mut().flat_map(|standard| &mut standard.deviations) {
            *deviation = if deviation.is_infinite() { 1.0 } else { *deviation };
        }
        Self { weights, standard, row_shares, student }
    }

    /// The archive; the same student gives the same bytes.
    ///
    /// # Errors
    /// Only if it cannot be built in memory.
    pub fn archive(&self) -> io::Result<Vec<u8>> {
        let mut archive = NpzWriter::new();
        for (at, layer) in self.weights.layers.iter().enumerate() {
            let (outputs, inputs) = layer.weight.dim();
            archive.add(&format!("w{at}"), &[outputs, inputs], layer.weight.iter().copied())?;
            archive.add(&format!("b{at}"), &[outputs], layer.bias.iter().copied())?;
        }
        if let Some(Standard { means, deviations }) = &self.standard {
            archive.add("mean", &[means.len()], means.iter().copied())?;
            archive.add("sd", &[deviations.len()], deviations.iter().copied())?;
            archive.add("largest_score", &[1], [LARGEST_SCORE])?;
        }
        if self.row_shares {
            archive.add("row_shares", &[1], [1.0f32])?;
        }
        archive.add("student", &[32], self.student.map(f32::from))?;
        archive.finish()
    }

    /// Reads the archive.
    ///
    /// # Errors
    /// [`DataError`] for an array that is missing or whose shape does not match the others.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let mut arrays = read_arrays(path)?;
        let mut layers: Vec<DenseWeights> = Vec::new();
        while arrays.contains_key(&format!("w{}", layers.len())) {
            let at = layers.len();
            let (shape, weight) = take(&mut arrays, path, &format!("w{at}"), None)?;
            let inputs = layers.last().map_or(shape.get(1).copied().unwrap_or(0), |layer| layer.bias.len());
            let outputs = shape.first().copied().unwrap_or(0);
            let weight = Array2::from_shape_vec((outputs, inputs), weight);
            let weight = weight.ok().filter(|_| shape == [outputs, inputs]);
            let wrong = || refuse(path, &format!("w{at}"), format!("shape [outputs x {inputs}]"), format!("{shape:?}"));
            let (_, bias) = take(&mut arrays, path, &format!("b{at}"), Some(outputs))?;
            layers.push(DenseWeights { weight: weight.ok_or_else(wrong)?, bias: Array1::from(bias) });
        }
        let inputs = layers.first().map(|layer| layer.weight.ncols());
        let inputs = inputs.ok_or_else(|| refuse(path, "w0", "an array of this name".into(), "none".into()))?;
        let standard = if arrays.contains_key("mean") {
            let (_, means) = take(&mut arrays, path, "mean", Some(inputs))?;
            let (_, deviations) = take(&mut arrays, path, "sd", Some(inputs))?;
            Some(Standard { means, deviations })
        } else {
            None
        };
        let (_, digest) = take(&mut arrays, path, "student", Some(32))?;
        let mut student = [0; 32];
        student.iter_mut().zip(digest).for_each(|(to, byte)| *to = byte as u8);
        let row_shares = arrays.contains_key("row_shares");
        Ok(Self { weights: MlpWeights { layers }, standard, row_shares, student })
    }

    /// The student as a float ONNX model: raw `features` `[N, inputs]`, hidden layers `h0`, `h1`, … after their ReLU,
    /// `logits` `[N, outputs]`.
    #[must_use]
    pub fn to_onnx(&self) -> Vec<u8> {
        let mut builder = Builder::default();
        let mut features = "features".to_owned();
        if self.row_shares {
            builder.row_shares(&features);
            features = "shares".into();
        }
        if let Some(Standard { means, deviations }) = &self.standard {
            let width = means.len() as i64;
            builder.real("mean", means, vec![width]);
            builder.real("sd", deviations, vec![width]);
            builder.real("lowest_score", &[-LARGEST_SCORE], vec![]);
            builder.real("largest_score", &[LARGEST_SCORE], vec![]);
            builder.node("Sub", &[&features, "mean"], "centred", vec![]);
            builder.node("Div", &["centred", "sd"], "uncut_scores", vec![]);
            builder.node("Clip", &["uncut_scores", "lowest_score", "largest_score"], "scores", vec![]);
            features = "scores".into();
        }
        let last = self.weights.layers.len() - 1;
        for (at, layer) in self.weights.layers.iter().enumerate() {
            let (outputs, inputs) = layer.weight.dim();
            let (weight, bias) = (format!("w{at}"), format!("b{at}"));
            let flat: Vec<f32> = layer.weight.iter().copied().collect();
            builder.real(&weight, &flat, vec![outputs as i64, inputs as i64]);
            builder.real(&bias, &layer.bias.to_vec(), vec![outputs as i64]);
            let sums = if at == last { "logits".to_owned() } else { format!("sums{at}") };
            builder.gemm(&[&features, &weight, &bias], &sums);
            if at < last {
                features = format!("h{at}");
                builder.node("Relu", &[&sums], &features, vec![]);
            }
        }
        let widths = self.weights.widths();
        let outputs = widths.last().copied().unwrap_or(0) as i64;
        builder.finish("features", FLOAT, widths.first().copied().unwrap_or(0) as i64, outputs)
    }
}

fn take(
    arrays: &mut BTreeMap<String, Shaped>,
    path: &Path,
    name: &str,
    length: Option<usize>,
) -> Result<Shaped, DataError> {
    let array = arrays.remove(name).ok_or_else(|| refuse(path, name, "an array of this name".into(), "none".into()))?;
    if length.is_some_and(|length| array.0 != [length]) {
        return Err(refuse(path, name, format!("shape [{}]", length.unwrap_or(0)), format!("shape {:?}", array.0)));
    }
    if array.1.iter().all(|value| value.is_finite()) {
        return Ok(array);
    }
    Err(refuse(path, name, "finite values".into(), "others".into()))
}

fn refuse(path: &Path, name: &str, expected: String, found: String) -> DataError {
    let remedy = "distil again: no run writes such a file";
    DataError::new(FaultKind::Shape, Place::array(path, name), expected, found, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::teacher::{DenseTeacher, RowTeacher};
    use ndarray::array;

    fn students() -> [FloatStudent; 2] {
        let layer = |weight: Array2<f32>, bias: Vec<f32>| DenseWeights { weight, bias: bias.into() };
        let first = layer(array![[1.0f32, -2.0], [0.5, 0.25], [-1.0, 1.0]], vec![0.1, -0.2, 0.3]);
        let weights = MlpWeights { layers: vec![first, layer(array![[1.0f32, 2.0, -3.0]], vec![0.5])] };
        let standard = Standard { means: vec![1.0, -1.0], deviations: vec![0.01, 4.0] };
        let scores = FloatStudent { weights, standard: Some(standard), row_shares: false, student: [7; 32] };
        let shares = FloatStudent { standard: None, row_shares: true, ..scores.clone() };
        [scores, shares]
    }

    #[test]
    fn the_archive_reads_back_and_teaches_as_the_student_answers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(STUDENT_FLOAT);
        // Far beyond the clip; all zero.
        let rows = array![[1.05f32, 3.0], [0.0, 0.0], [9.0, -1.0]];
        for student in students() {
            std::fs::write(&path, student.archive().unwrap()).unwrap();
            assert_eq!(FloatStudent::load(&path).unwrap(), student);
            let seen = match &student.standard {
                Some(standard) => standard.scores(rows.view()),
                None => {
                    let sums =
                        rows.mapv(f32::abs).sum_axis(ndarray::Axis(1)).mapv(|sum| if sum == 0.0 { 1.0 } else { sum });
                    &rows / &sums.insert_axis(ndarray::Axis(1))
                }
            };
            let backend = crate::nn::BackendKind::Flex;
            let expected = student.weights.logits(&crate::quantize::dense_rows(seen.view()), backend);
            let found = DenseTeacher::load(&path).unwrap().logits(rows.view()).unwrap();
            assert!((&expected - &found).iter().all(|difference| difference.abs() < 1e-4), "{expected} {found}");
        }
        let mut wrong = students()[0].clone();
        wrong.weights.layers[1].weight = array![[1.0f32, 2.0]];
        std::fs::write(&path, wrong.archive().unwrap()).unwrap();
        assert!(FloatStudent::load(&path).unwrap_err().to_string().contains("w1"));
    }

    #[test]
    fn the_onnx_model_answers_as_the_student() {
        use crate::onnx::{Backend, OnnxTeacher, OnnxTeacherPlan, Runtime, RuntimeError, Search};
        let runtime = match Runtime::open(Backend::Auto, &Search::from_environment(None)) {
            Err(error @ RuntimeError::NotFound) => return eyas_tests::skip(error),
            opened => opened.unwrap(),
        };
        let folder = tempfile::tempdir().unwrap();
        let rows = array![[1.05f32, 3.0], [0.0, 0.0], [9.0, -1.0], [1.01, -2.5]];
        for (at, student) in students().into_iter().enumerate() {
            let path = folder.path().join(format!("{at}.onnx"));
            std::fs::write(&path, student.to_onnx()).unwrap();
            let archive = folder.path().join(format!("{at}.npz"));
            std::fs::write(&archive, student.archive().unwrap()).unwrap();
            let plan = OnnxTeacherPlan {
                path,
                inputs: vec![],
                columns: vec![],
                output: None,
                embedding: Some("h0".into()),
                batch_rows: 2,
            };
            let mut model = OnnxTeacher::open(&plan, &runtime).unwrap();
            assert_eq!((model.inputs(), model.outputs(), model.embedding_width()), (2, 1, Some(3)));
            let expected = DenseTeacher::load(&archive).unwrap().logits(rows.view()).unwrap();
            let found = model.logits(rows.view()).unwrap();
            assert!((&expected - &found).iter().all(|difference| difference.abs() < 1e-4), "{expected} {found}");
        }
    }
}
