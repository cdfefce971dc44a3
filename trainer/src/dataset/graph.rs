//! A graph with features, edges and labels, exactly as published; nothing is normalized here.

use std::collections::VecDeque;
use std::path::Path;

use sprs::CsMat;

use super::error::DataError;
use super::split::Split;

/// A node-classification data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Name for reports: the file or folder it came from, without extension.
    pub name: String,
    /// Features `[nodes x inputs]` in CSR, finite, columns sorted, no stored zeros.
    pub features: CsMat<f32>,
    /// Adjacency `[nodes x nodes]` in CSR: value 1.0, both directions of every edge, no self-loops, columns sorted.
    pub adjacency: CsMat<f32>,
    /// One label per node, in `0..classes`; `None` if the source has none.
    pub labels: Option<Vec<u16>>,
    /// Number of classes; 0 without labels.
    pub classes: usize,
    /// One name per class; `class 0` and so on if the source names none.
    pub class_names: Vec<String>,
    /// One name per feature; empty if the source names none.
    pub input_names: Vec<String>,
    /// The split that came with the data.
    pub published: Option<Split>,
}

impl Graph {
    /// Loads a graph and recognises its layout by content: see [`read`](super::read) for layouts, options and warnings.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy when the data cannot be used.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        super::read(path, &super::ReadOptions::default()).map(|loaded| loaded.graph)
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.features.rows()
    }

    /// Number of features per node.
    pub fn inputs(&self) -> usize {
        self.features.cols()
    }

    /// Number of undirected edges.
    pub fn edges(&self) -> usize {
        self.adjacency.nnz() / 2
    }

    /// Whether every stored feature is 1.0, as in a bag of words that records only presence.
    pub fn is_binary(&self) -> bool {
        self.features.data().iter().all(|&value| value == 1.0)
    }

    /// The graph of the nodes `kept` (original ids, strictly ascending) and the edges among them.
    ///
    /// Ids must be below [`Graph::nodes`]. The published split retains its nodes among them. Classes and names stay as
    /// they are.
    pub fn subgraph(&self, kept: &[usize]) -> Self {
        let mut position = vec![usize::MAX; self.nodes()];
        for (new, &old) in kept.iter().enumerate() {
            position[old] = new;
        }
        let published = self.published.as_ref().map(|split| split.renumbered(&position));
        Self {
            name: self.name.clone(),
            features: rows(&self.features, kept, self.inputs(), |column| column),
            adjacency: sub_matrix(&self.adjacency, kept),
            labels: self.labels.as_ref().map(|labels| kept.iter().map(|&node| labels[node]).collect()),
            classes: self.classes,
            class_names: self.class_names.clone(),
            input_names: self.input_names.clone(),
            published,
        }
    }

    /// Nodes of the largest connected component, ascending; of equal ones, the one with the lowest node.
    pub fn largest_component(&self) -> Vec<usize> {
        let mut component = vec![usize::MAX; self.nodes()];
        let mut sizes = Vec::new();
        let mut queue = VecDeque::new();
        for start in 0..self.nodes() {
            if component[start] != usize::MAX {
                continue;
            }
            let id = sizes.len();
            sizes.push(0usize);
            component[start] = id;
            queue.push_back(start);
            while let Some(node) = queue.pop_front() {
                sizes[id] += 1;
                for &neighbour in neighbours(&self.adjacency, node) {
                    if component[neighbour] == usize::MAX {
                        component[neighbour] = id;
                        queue.push_back(neighbour);
                    }
                }
            }
        }
        let largest = (0..sizes.len()).max_by_key(|&id| (sizes[id], std::cmp::Reverse(id)));
        (0..self.nodes()).filter(|&node| Some(component[node]) == largest).collect()
    }
}

/// Neighbours of a node, ascending.
fn neighbours(adjacency: &CsMat<f32>, node: usize) -> &[usize] {
    &adjacency.indices()[adjacency.indptr().outer_inds_sz(node)]
}

/// Rows `kept` of a CSR matrix with renumbered columns; columns that `renumber` maps to `usize::MAX` are left out.
fn rows(matrix: &CsMat<f32>, kept: &[usize], columns: usize, renumber: impl Fn(usize) -> usize) -> CsMat<f32> {
    let mut pointers = Vec::with_capacity(kept.len() + 1);
    let mut indices = Vec::new();
    let mut values = Vec::new();
    pointers.push(0);
    for &old in kept {
        if let Some(row) = matrix.outer_view(old) {
            for (column, &value) in row.iter() {
                let column = renumber(column);
                if column != usize::MAX {
                    indices.push(column);
                    values.push(value);
                }
            }
        }
        pointers.push(indices.len());
    }
    CsMat::new((kept.len(), columns), pointers, indices, values)
}

/// The part of an adjacency among the rows `kept` (strictly ascending), renumbered.
pub(crate) fn sub_matrix(adjacency: &CsMat<f32>, kept: &[usize]) -> CsMat<f32> {
    let mut position = vec![usize::MAX; adjacency.rows()];
    kept.iter().enumerate().for_each(|(new, &old)| position[old] = new);
    rows(adjacency, kept, kept.len(), |column| position[column])
}
