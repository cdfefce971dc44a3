//! Turns checked parts into a [`Graph`]: sorted, undirected, without self-loops, with warnings for repairs.

use std::path::PathBuf;

use sprs::CsMat;

use super::error::{At, DataError, FaultKind, Place};
use super::graph::Graph;
use super::limits::MAX_CLASSES;
use super::split::Split;
use super::warning::{UNBALANCED_RATIO, Warning};
use super::{Loaded, ReadOptions};

/// A graph as read. Edge ends are in range, features are canonical.
pub(super) struct Parts {
    pub file: PathBuf,
    pub name: String,
    pub features: CsMat<f32>,
    /// Directed edges as stored, self-loops and repetitions included.
    pub edges: Vec<(u32, u32)>,
    /// Whether the layout stores both directions, so that a single direction deserves a warning.
    pub both_directions: bool,
    pub labels: Option<Labels>,
    pub input_names: Vec<String>,
    pub published: Option<Split>,
    /// What the user should know about how it was read.
    pub warnings: Vec<Warning>,
}

/// Labels in `0..classes`, every class present.
pub(super) struct Labels {
    pub of_nodes: Vec<u16>,
    pub class_names: Vec<String>,
}

/// Builds the graph and collects warnings.
pub(super) fn assemble(parts: Parts, options: &ReadOptions) -> Result<Loaded, DataError> {
    let nodes = parts.features.rows();
    let mut warnings = parts.warnings;
    let adjacency = adjacency(nodes, &parts.edges, parts.both_directions, &mut warnings);
    let (labels, class_names) = match parts.labels {
        Some(labels) => (Some(labels.of_nodes), labels.class_names),
        None => (None, Vec::new()),
    };
    let mut graph = Graph {
        name: parts.name,
        features: parts.features,
        adjacency,
        labels,
        classes: class_names.len(),
        class_names,
        input_names: parts.input_names,
        published: parts.published,
    };
    if options.largest_component {
        let kept = graph.largest_component();
        let dropped = nodes - kept.len();
        if dropped > 0 {
            warnings.push(Warning::SmallComponents { dropped });
            graph = graph.subgraph(&kept);
        }
    }
    if let Some(labels) = &graph.labels {
        let sizes = class_sizes(labels, graph.classes);
        // A class may have existed only outside the largest component.
        if let Some(class) = sizes.iter().position(|&size| size == 0) {
            return Err(gap(Place::file(&parts.file), class, graph.classes));
        }
        warnings.extend(unbalanced(&sizes));
    }
    warnings.extend(lonely(&graph.adjacency).map(|(count, first)| Warning::IsolatedNodes { count, first }));
    warnings.extend(lonely(&graph.features).map(|(count, first)| Warning::EmptyNodes { count, first }));
    warnings.extend(constant(&graph.features).map(|(count, first)| Warning::ConstantFeatures { count, first }));
    Ok(Loaded { graph, warnings })
}

/// Symmetric CSR with ones, from directed edges in range.
fn adjacency(nodes: usize, edges: &[(u32, u32)], both_directions: bool, warnings: &mut Vec<Warning>) -> CsMat<f32> {
    let mut directed: Vec<(u32, u32)> = edges.iter().copied().filter(|(from, to)| from != to).collect();
    let self_loops = edges.len() - directed.len();
    if self_loops > 0 {
        warnings.push(Warning::SelfLoops { dropped: self_loops });
    }
    directed.sort_unstable();
    let listed = directed.len();
    directed.dedup();
    if listed > directed.len() {
        warnings.push(Warning::DuplicateEdges { dropped: listed - directed.len() });
    }
    let mut all = directed.clone();
    all.extend(directed.iter().map(|&(from, to)| (to, from)));
    all.sort_unstable();
    all.dedup();
    let added = all.len() - directed.len();
    if both_directions && added > 0 {
        warnings.push(Warning::OneWayEdges { added });
    }
    let mut pointers = vec![0usize; nodes + 1];
    for &(from, _) in &all {
        pointers[from as usize + 1] += 1;
    }
    for node in 0..nodes {
        pointers[node + 1] += pointers[node];
    }
    let indices: Vec<usize> = all.iter().map(|&(_, to)| to as usize).collect();
    let ones = vec![1.0; indices.len()];
    CsMat::new((nodes, nodes), pointers, indices, ones)
}

/// Number of nodes of each class.
fn class_sizes(labels: &[u16], classes: usize) -> Vec<usize> {
    let mut sizes = vec![0; classes];
    for &label in labels {
        sizes[usize::from(label)] += 1;
    }
    sizes
}

fn unbalanced(sizes: &[usize]) -> Option<Warning> {
    let smallest = (0..sizes.len()).min_by_key(|&class| sizes[class])?;
    let largest = (0..sizes.len()).max_by_key(|&class| (sizes[class], std::cmp::Reverse(class)))?;
    (sizes[largest] >= sizes[smallest].saturating_mul(UNBALANCED_RATIO)).then(|| Warning::Unbalanced {
        smallest,
        smallest_nodes: sizes[smallest],
        largest,
        largest_nodes: sizes[largest],
    })
}

/// Count and first of the empty rows.
fn lonely(matrix: &CsMat<f32>) -> Option<(usize, usize)> {
    let mut empty = matrix.outer_iterator().enumerate().filter(|(_, row)| row.nnz() == 0).map(|(node, _)| node);
    let first = empty.next()?;
    Some((empty.count() + 1, first))
}

/// Count and first of the columns with one value in all rows.
fn constant(matrix: &CsMat<f32>) -> Option<(usize, usize)> {
    // Entries that are not stored are 0.
    let mut first: Vec<Option<f32>> = vec![None; matrix.cols()];
    let (mut stored, mut differs) = (vec![0usize; matrix.cols()], vec![false; matrix.cols()]);
    for row in matrix.outer_iterator() {
        for (column, &value) in row.iter() {
            stored[column] += 1;
            differs[column] |= *first[column].get_or_insert(value) != value;
        }
    }
    let mut constant =
        (0..matrix.cols()).filter(|&at| stored[at] == 0 || (stored[at] == matrix.rows() && !differs[at]));
    let first = constant.next()?;
    Some((constant.count() + 1, first))
}

/// Checks integer labels: each in `0..classes`, each class present.
///
/// `classes` is the number that the file declares; without it the largest label decides. `at` gives the place of a
/// node's label.
pub(super) fn integer_labels(
    values: &[i64],
    classes: Option<u64>,
    place: &Place,
    at: impl Fn(usize) -> At,
) -> Result<(Vec<u16>, usize), DataError> {
    let classes =
        classes.unwrap_or_else(|| values.iter().max().map_or(0, |&most| most.max(-1).saturating_add(1) as u64));
    let cap = MAX_CLASSES.min(classes.max(1));
    let mut labels = Vec::with_capacity(values.len());
    for (node, &value) in values.iter().enumerate() {
        match u16::try_from(value) {
            Ok(label) if u64::from(label) < cap => labels.push(label),
            _ => {
                return Err(DataError::new(
                    FaultKind::Labels,
                    place.clone().at(at(node)),
                    format!("a class in 0..{cap}"),
                    value.to_string(),
                    "number the classes from 0 and give every node one",
                ));
            }
        }
    }
    let classes = classes as usize;
    match class_sizes(&labels, classes).iter().position(|&size| size == 0) {
        Some(class) => Err(gap(place.clone(), class, classes)),
        None => Ok((labels, classes)),
    }
}

/// The error for a class without a node.
fn gap(place: Place, class: usize, classes: usize) -> DataError {
    DataError::new(
        FaultKind::Labels,
        place.at(At::Class(class as u64)),
        format!("at least one node in each of the classes 0..{classes}"),
        "none",
        "renumber the classes without gaps",
    )
}

/// Names for classes that the source does not name.
pub(super) fn plain_class_names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}
