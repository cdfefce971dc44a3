//! Graph teachers: GCN, GraphSAGE and GAT, trained full-batch on the labelled nodes of one graph.
//!
//! A training step computes only the rows the labelled nodes reach, an evaluation only those the tune nodes reach.

use ndarray::Array2;
use sprs::CsMat;

use super::propagation::{mean_with_double_self, symmetric, with_self_loops};
use crate::nn::net::Input;
use crate::nn::view::View;
use crate::nn::{BackendKind, Family, Net, TrainedNet};

/// Architecture of a graph teacher.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum GraphKind {
    /// Graph convolution with symmetric normalisation (Kipf & Welling 2017).
    Gcn,
    /// GraphSAGE with the "gcn" aggregator (Hamilton et al. 2017).
    Sage,
    /// Graph attention; hidden layers have heads that share the hidden width (Velickovic et al. 2018).
    Gat {
        /// Heads of a hidden layer.
        heads: usize,
        /// Dropout of attention coefficients, in [0, 1).
        dropout: f32,
    },
}

impl GraphKind {
    /// The network of these widths, from inputs to outputs.
    pub(crate) fn net(self, widths: &[usize], dropout: f32) -> Net {
        let family = match self {
            Self::Gcn => Family::Propagation { gain: 1.0 },
            // DGL draws SAGE weights with the gain of ReLU.
            Self::Sage => Family::Propagation { gain: std::f32::consts::SQRT_2 },
            Self::Gat { heads, dropout } => Family::Attention { heads, dropout },
        };
        let input_dropout = if matches!(self, Self::Gat { .. }) { dropout } else { 0.0 };
        Net { dropout, input_dropout, ..Net::chain(family, widths) }
    }

    /// The matrix that mixes neighbours.
    fn propagation(self, edges: &CsMat<f32>) -> CsMat<f32> {
        match self {
            Self::Gcn => symmetric(edges),
            Self::Sage => mean_with_double_self(edges),
            Self::Gat { .. } => with_self_loops(edges),
        }
    }
}

/// A graph as a teacher sees it.
pub(crate) struct Seen<'a> {
    /// Features `[nodes x inputs]`.
    features: &'a CsMat<f32>,
    propagation: CsMat<f32>,
}

impl<'a> Seen<'a> {
    /// `edges` `[nodes x nodes]` with 1 at both directions of every edge and no self-loops.
    pub(crate) fn new(kind: GraphKind, features: &'a CsMat<f32>, edges: &CsMat<f32>) -> Self {
        Self { features, propagation: kind.propagation(edges) }
    }

    /// What the network has to compute for some nodes.
    pub(crate) fn view(&self, net: &Net, nodes: &[usize]) -> View {
        View::of_graph(net, self.features, &self.propagation, nodes)
    }

    /// Logits of every node `[nodes x classes]`, in evaluation mode.
    pub(crate) fn logits(&self, trained: &TrainedNet, backend: BackendKind) -> Array2<f32> {
        let everything = self.view(&trained.net, &(0..self.features.rows()).collect::<Vec<_>>());
        backend.engine().see(&trained.net, Input::View(&everything), &mut trained.parameters.clone())
    }
}
