//! The rows that every layer of a pass must compute.
//!
//! The labelled rows of a graph reach a few hundred neighbours, not the whole graph, and the gradient is the same, bit
//! for bit, in the sums involved.

use std::sync::Arc;

use sprs::CsMat;

use super::attention::Attention;
use super::net::{Family, Net};
use super::sparse::{Csr, SparsePair};

/// Sparse products reach about a quarter of the speed of dense ones.
const SPARSE_COST: usize = 4;

/// The way one layer combines rows.
#[derive(Debug)]
pub(super) enum Mixing {
    None,
    /// [rows of this layer x rows of the layer before].
    Propagate(SparsePair),
    Attend(Arc<Attention>),
}

#[derive(Debug)]
pub(super) struct LayerView {
    pub(super) mixing: Mixing,
    /// Propagate on the narrower side: before the dense product if that needs fewer MACs.
    pub(super) mix_first: bool,
    /// Rows this layer produces.
    pub(super) rows: usize,
}

/// The rows of every layer that a list of wanted rows depends on.
#[derive(Debug)]
pub(crate) struct View {
    pub(super) input: SparsePair,
    pub(super) layers: Vec<LayerView>,
}

impl View {
    /// The view of an MLP: every layer computes the wanted rows.
    pub(crate) fn of_rows(net: &Net, input: &CsMat<f32>, wanted: &[usize]) -> Self {
        let layers = (0..net.layers())
            .map(|_| LayerView { mixing: Mixing::None, mix_first: false, rows: wanted.len() })
            .collect();
        View { input: SparsePair::new(Csr::from_sprs(input).select_rows(wanted)), layers }
    }

    /// The view of a graph network: from the wanted rows back to the rows of the input.
    ///
    /// `propagation` is [nodes x nodes] and holds the self-loops.
    pub(crate) fn of_graph(net: &Net, input: &CsMat<f32>, propagation: &CsMat<f32>, wanted: &[usize]) -> Self {
        let (full, widths) = (Csr::from_sprs(propagation), net.widths());
        let mut rows = wanted.to_vec();
        let mut layers = Vec::new();
        for layer in (0..net.layers()).rev() {
            let wide = full.select_rows(&rows);
            let sources = wide.used_columns();
            let matrix = wide.renumber_columns(&sources);
            let (inputs, outputs) = (widths[layer], widths[layer + 1]);
            let stored = SPARSE_COST * matrix.stored();
            let mix_first =
                stored * inputs + rows.len() * inputs * outputs < stored * outputs + sources.len() * inputs * outputs;
            let produced = rows.len();
            let mixing = if matches!(net.family, Family::Attention { .. }) {
                let own = rows
                    .iter()
                    .map(|row| {
                        sources.binary_search(row).unwrap_or_else(|_| unreachable!("self-loops are stored")) as u32
                    })
                    .collect();
                Mixing::Attend(Arc::new(Attention { edges: matrix, own, heads: net.heads(layer) }))
            } else {
                Mixing::Propagate(SparsePair::new(matrix))
            };
            layers.push(LayerView { mixing, mix_first, rows: produced });
            rows = sources;
        }
        layers.reverse();
        let features = Csr::from_sprs(input).select_rows(&rows);
        let mut view = View { input: SparsePair::new(features), layers };
        view.mix_input(net);
        view
    }

    /// Chooses the order of the first layer: `(S X) W` if the constant product is smaller.
    fn mix_input(&mut self, net: &Net) {
        let first = &mut self.layers[0];
        first.mix_first = false;
        let Mixing::Propagate(matrix) = &first.mixing else { return };
        if net.input_dropout > 0.0 {
            return;
        }
        let mixed = multiply(&matrix.forward, &self.input.forward);
        if mixed.stored() <= self.input.forward.stored() + matrix.forward.stored() {
            self.input = SparsePair::new(mixed);
            first.mix_first = true;
        }
    }
}

fn multiply(left: &Csr, right: &Csr) -> Csr {
    let to_sprs = |matrix: &Csr| {
        let starts = matrix.starts.iter().map(|&at| at as usize).collect();
        let indices = matrix.indices.iter().map(|&at| at as usize).collect();
        CsMat::new((matrix.rows, matrix.columns), starts, indices, matrix.values.to_vec())
    };
    Csr::from_sprs(&(&to_sprs(left) * &to_sprs(right)))
}
