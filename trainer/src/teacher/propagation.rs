//! The constant matrices by which graph teachers mix neighbours.

use sprs::{CsMat, TriMat};

/// GCN (Kipf & Welling 2017): `D^-1/2 (A + I) D^-1/2`, D the degree with the self-loop.
pub fn symmetric(adjacency: &CsMat<f32>) -> CsMat<f32> {
    let degrees = degrees(adjacency, 1.0);
    weighted(adjacency, 1.0, |row, column| 1.0 / (degrees[row] * degrees[column]).sqrt())
}

/// GraphSAGE with the "gcn" aggregator on a graph that already has self-loops: the neighbours once,
/// the node itself twice, divided by their number, so every row sums to 1.
pub fn mean_with_double_self(adjacency: &CsMat<f32>) -> CsMat<f32> {
    let degrees = degrees(adjacency, 2.0);
    weighted(adjacency, 2.0, |row, _| 1.0 / degrees[row])
}

/// The edges with one self-loop a node, all of weight 1: where GAT attends.
pub fn with_self_loops(adjacency: &CsMat<f32>) -> CsMat<f32> {
    weighted(adjacency, 1.0, |_, _| 1.0)
}

fn degrees(adjacency: &CsMat<f32>, own: f32) -> Vec<f32> {
    adjacency.outer_iterator().map(|row| own + row.iter().map(|(_, &value)| value).sum::<f32>()).collect()
}

fn weighted(adjacency: &CsMat<f32>, own: f32, weight: impl Fn(usize, usize) -> f32) -> CsMat<f32> {
    let nodes = adjacency.rows();
    let mut cells = TriMat::with_capacity((nodes, nodes), adjacency.nnz() + nodes);
    for (row, neighbours) in adjacency.outer_iterator().enumerate() {
        cells.add_triplet(row, row, own * weight(row, row));
        for (column, &value) in neighbours.iter() {
            cells.add_triplet(row, column, value * weight(row, column));
        }
    }
    cells.to_csr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of_three() -> CsMat<f32> {
        let mut cells = TriMat::new((3, 3));
        for (a, b) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
            cells.add_triplet(a, b, 1.0);
        }
        cells.to_csr()
    }

    #[test]
    fn symmetric_weights_of_a_path() {
        let matrix = symmetric(&path_of_three());
        assert_eq!(matrix.get(0, 0), Some(&0.5));
        assert!((matrix.get(0, 1).copied().unwrap_or(0.0) - 1.0 / 6.0f32.sqrt()).abs() < 1e-7);
        assert_eq!(matrix.get(0, 1), matrix.get(1, 0));
        assert_eq!(matrix.get(0, 2), None);
    }

    #[test]
    fn sage_rows_sum_to_one_and_count_the_node_twice() {
        let matrix = mean_with_double_self(&path_of_three());
        assert_eq!(matrix.get(1, 1), Some(&0.5));
        assert_eq!(matrix.get(1, 0), Some(&0.25));
        for row in matrix.outer_iterator() {
            assert!((row.iter().map(|(_, value)| value).sum::<f32>() - 1.0).abs() < 1e-6);
        }
    }
}
