//! The student as plain arrays, as it leaves the trainer, and its float forward pass.

use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};
use sprs::CsMat;

use super::backend::BackendKind;
use super::net::{Family, Input, Net, Parameter};
use super::view::View;

/// One dense layer: `y = weight · x + bias`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DenseWeights {
    /// [outputs x inputs], row-major.
    #[serde(with = "super::matrix")]
    pub weight: Array2<f32>,
    /// One per output.
    #[serde(with = "bias")]
    pub bias: Array1<f32>,
}

/// A float multi-layer perceptron: dense layers with ReLU between them and none after the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MlpWeights {
    /// Layers in order of use; the inputs of each equal the outputs of the one before.
    pub layers: Vec<DenseWeights>,
}

impl MlpWeights {
    /// Widths from the inputs to the outputs, one more than the number of layers.
    pub fn widths(&self) -> Vec<usize> {
        let inputs = self.layers.first().map(|layer| layer.weight.ncols());
        inputs.into_iter().chain(self.layers.iter().map(|layer| layer.weight.nrows())).collect()
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.weight.len() + layer.bias.len()).sum()
    }

    /// Logits [rows x outputs] of sparse inputs [rows x inputs].
    ///
    /// # Panics
    /// If the first layer's inputs are not the columns of `input`, or there is no layer.
    pub fn logits(&self, input: &CsMat<f32>, backend: BackendKind) -> Array2<f32> {
        let widths = self.widths();
        assert_eq!(widths.first(), Some(&input.cols()), "inputs of the student and columns of its rows");
        let net = Net::chain(Family::Mlp, &widths);
        let view = View::of_rows(&net, input, &(0..input.rows()).collect::<Vec<_>>());
        backend.engine().see(&net, Input::View(&view), &mut self.to_parameters())
    }

    pub(crate) fn to_parameters(&self) -> Vec<Parameter> {
        self.layers
            .iter()
            .flat_map(|layer| {
                let (outputs, inputs) = layer.weight.dim();
                let weight = layer.weight.t().iter().copied().collect();
                [
                    Parameter { rows: inputs, columns: outputs, values: weight },
                    Parameter { rows: 1, columns: outputs, values: layer.bias.to_vec() },
                ]
            })
            .collect()
    }

    pub(crate) fn from_parameters(parameters: &[Parameter]) -> Self {
        let layer = |pair: &[Parameter]| DenseWeights {
            weight: pair[0].array().t().as_standard_layout().into_owned(),
            bias: pair[1].array().index_axis(Axis(0), 0).to_owned(),
        };
        MlpWeights { layers: parameters.chunks_exact(2).map(layer).collect() }
    }
}

/// Biases in checkpoints.
mod bias {
    use ndarray::Array1;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bias: &Array1<f32>, serializer: S) -> Result<S::Ok, S::Error> {
        bias.iter().copied().collect::<Vec<f32>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Array1<f32>, D::Error> {
        Vec::<f32>::deserialize(deserializer).map(Array1::from)
    }
}
