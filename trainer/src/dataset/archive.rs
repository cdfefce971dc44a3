//! The two archive layouts of graphs: planetoid-like and gnn-benchmark.
//!
//! | | planetoid-like | gnn-benchmark |
//! |---|---|---|
//! | edges (CSR) | `indptr`, `indices` | `adj_indptr`, `adj_indices`, `adj_data`, `adj_shape` |
//! | features (CSR) | `feat_indptr`, `feat_indices`, `feat_values` | `attr_indptr`, `attr_indices`, `attr_data`, `attr_shape` |
//! | labels | `labels` | `labels` |
//! | sizes | `shape` = nodes, features, classes | the two `_shape` arrays |
//! | split | `train_idx`, `val_idx`, `test_idx` (may be missing) | none |
//! | names | none | `class_names`, `attr_names` if they are plain strings |

use std::path::Path;

use sprs::CsMat;

use super::assemble::{Labels, Parts, integer_labels, plain_class_names};
use super::error::{At, DataError, FaultKind, Place};
use super::features::FeatureRows;
use super::limits::{MAX_CLASSES, MAX_INPUTS, MAX_NODES};
use super::npz::{Array, Npz};
use super::split::Split;

/// Whether the archive holds a graph in a known layout.
pub(crate) fn is_graph(npz: &Npz) -> bool {
    npz.has("feat_indptr") || npz.has("adj_indptr")
}

/// Reads the graph.
pub(super) fn read(npz: &mut Npz, path: &Path, name: String) -> Result<Parts, DataError> {
    let place = Place::file(path);
    let layout = if npz.has("feat_indptr") {
        PLANETOID
    } else if npz.has("adj_indptr") {
        BENCHMARK
    } else {
        let pickled = npz.has("adj_matrix") || npz.has("node_attr");
        return Err(DataError::new(
            FaultKind::Layout,
            place,
            "a graph: arrays `indptr`, `indices`, `feat_indptr`, `feat_indices`, `feat_values`, `labels`, `shape`, or the \
             gnn-benchmark arrays `adj_*`, `attr_*`, `labels`",
            format!("the arrays {}", npz.names().join(", ")),
            if pickled {
                "convert the pickled matrices to plain arrays once, in Python; pickles are never opened"
            } else {
                "save the graph in one of the two layouts, or as a folder with nodes.csv and edges.csv"
            },
        ));
    };
    let sizes = layout.sizes(npz)?;
    let adjacency = Csr::read(npz, &layout.adjacency, sizes.nodes, sizes.nodes)?;
    let features = Csr::read(npz, &layout.features, sizes.nodes, sizes.inputs)?;
    let features = features.into_features(npz.place(layout.features.values), sizes.inputs)?;
    let labels = read_labels(npz, &sizes)?;
    let input_names = npz.strings("attr_names")?.filter(|names| names.len() == sizes.inputs).unwrap_or_default();
    let published = read_split(npz, sizes.nodes)?;
    let edges = adjacency.into_edges();
    let warnings = Vec::new();
    Ok(Parts {
        file: path.to_path_buf(),
        name,
        features,
        edges,
        both_directions: true,
        labels,
        input_names,
        published,
        warnings,
    })
}

/// Names of the three arrays of a CSR matrix.
struct CsrNames {
    pointers: &'static str,
    indices: &'static str,
    /// Empty if the layout has no values (every stored entry is an edge).
    values: &'static str,
}

struct Layout {
    adjacency: CsrNames,
    features: CsrNames,
    /// Array with nodes, features, classes; empty if each matrix has its own shape.
    shape: &'static str,
}

const PLANETOID: Layout = Layout {
    adjacency: CsrNames { pointers: "indptr", indices: "indices", values: "" },
    features: CsrNames { pointers: "feat_indptr", indices: "feat_indices", values: "feat_values" },
    shape: "shape",
};

const BENCHMARK: Layout = Layout {
    adjacency: CsrNames { pointers: "adj_indptr", indices: "adj_indices", values: "adj_data" },
    features: CsrNames { pointers: "attr_indptr", indices: "attr_indices", values: "attr_data" },
    shape: "",
};

struct Sizes {
    nodes: usize,
    inputs: usize,
    classes: Option<u64>,
}

impl Layout {
    /// Sizes the archive declares, each within its cap.
    fn sizes(&self, npz: &mut Npz) -> Result<Sizes, DataError> {
        if !self.shape.is_empty() {
            let declared = dimensions(npz, self.shape, &[MAX_NODES, MAX_INPUTS, MAX_CLASSES])?;
            return Ok(Sizes { nodes: declared[0] as usize, inputs: declared[1] as usize, classes: Some(declared[2]) });
        }
        let adjacency = dimensions(npz, "adj_shape", &[MAX_NODES, MAX_NODES])?;
        let features = dimensions(npz, "attr_shape", &[MAX_NODES, MAX_INPUTS])?;
        if adjacency != [features[0], features[0]] {
            return Err(DataError::new(
                FaultKind::Shape,
                npz.place("adj_shape"),
                format!("[{0}, {0}], as many nodes as `attr_shape` has rows", features[0]),
                format!("{adjacency:?}"),
                "save both matrices for the same nodes",
            ));
        }
        Ok(Sizes { nodes: features[0] as usize, inputs: features[1] as usize, classes: None })
    }
}

/// Reads an array of sizes, each from 1 to its cap.
fn dimensions(npz: &mut Npz, name: &str, caps: &[u64]) -> Result<Vec<u64>, DataError> {
    let values = vector(npz, name, Some(caps.len()))?;
    let mut sizes = Vec::with_capacity(caps.len());
    for (index, (&value, &cap)) in values.iter().zip(caps).enumerate() {
        match u64::try_from(value) {
            Ok(size) if (1..=cap).contains(&size) => sizes.push(size),
            _ => {
                return Err(DataError::new(
                    FaultKind::TooLarge,
                    npz.place(name).at(At::Index(index as u64)),
                    format!("a size from 1 to {cap}"),
                    value.to_string(),
                    "use a smaller data set, or correct the shape",
                ));
            }
        }
    }
    Ok(sizes)
}

/// Reads a one-dimensional integer array, of the given length if there is one.
fn vector(npz: &mut Npz, name: &str, length: Option<usize>) -> Result<Vec<i64>, DataError> {
    let array = npz.integers(name)?;
    check_vector(npz.place(name), &array, length)?;
    Ok(array.values)
}

fn check_vector<T>(place: Place, array: &Array<T>, length: Option<usize>) -> Result<(), DataError> {
    if array.shape.len() == 1 && length.is_none_or(|length| length == array.values.len()) {
        return Ok(());
    }
    let expected = length.map_or("one dimension".to_owned(), |length| format!("shape [{length}]"));
    Err(DataError::new(
        FaultKind::Shape,
        place,
        expected,
        format!("shape {:?}", array.shape),
        "save all arrays of one matrix together",
    ))
}

/// A CSR matrix as stored, with every pointer and index checked.
struct Csr {
    pointers: Vec<usize>,
    indices: Vec<u32>,
    values: Option<Vec<f32>>,
}

impl Csr {
    fn read(npz: &mut Npz, names: &CsrNames, rows: usize, columns: usize) -> Result<Self, DataError> {
        let stored = vector(npz, names.indices, None)?;
        let pointers = vector(npz, names.pointers, Some(rows + 1))?;
        let pointers = check_pointers(&npz.place(names.pointers), &pointers, stored.len())?;
        let mut indices = Vec::with_capacity(stored.len());
        for (position, &index) in stored.iter().enumerate() {
            match u32::try_from(index) {
                Ok(index) if (index as usize) < columns => indices.push(index),
                _ => {
                    return Err(DataError::new(
                        FaultKind::OutOfRange,
                        npz.place(names.indices).at(At::Index(position as u64)),
                        format!("an index in 0..{columns}"),
                        format!("{index} in row {}", pointers.partition_point(|&start| start <= position) - 1),
                        "save the matrix again with its true shape",
                    ));
                }
            }
        }
        let values = if names.values.is_empty() {
            None
        } else {
            let array = npz.reals(names.values)?;
            check_vector(npz.place(names.values), &array, Some(indices.len()))?;
            Some(array.values)
        };
        Ok(Self { pointers, indices, values })
    }

    fn into_features(self, place: Place, inputs: usize) -> Result<CsMat<f32>, DataError> {
        let mut features = FeatureRows::new(inputs, &place)?;
        let values = self.values.unwrap_or_default();
        for row in self.pointers.windows(2) {
            let columns = self.indices[row[0]..row[1]].iter().map(|&column| column as usize);
            features.push(columns.zip(values[row[0]..row[1]].iter().copied()), &place)?;
        }
        Ok(features.finish())
    }

    /// Directed edges; stored zeros are not edges, and weights are dropped.
    fn into_edges(self) -> Vec<(u32, u32)> {
        let mut edges = Vec::with_capacity(self.indices.len());
        for (from, row) in self.pointers.windows(2).enumerate() {
            for position in row[0]..row[1] {
                if self.values.as_ref().is_none_or(|values| values[position] != 0.0) {
                    edges.push((from as u32, self.indices[position]));
                }
            }
        }
        edges
    }
}

/// Row pointers that start at 0, never decrease and end at the number of entries.
fn check_pointers(place: &Place, pointers: &[i64], entries: usize) -> Result<Vec<usize>, DataError> {
    let mut checked: Vec<usize> = Vec::with_capacity(pointers.len());
    for (position, &pointer) in pointers.iter().enumerate() {
        let least = checked.last().copied().unwrap_or(0);
        let most = if position == 0 { 0 } else { entries };
        let least = if position + 1 == pointers.len() { entries } else { least };
        match usize::try_from(pointer) {
            Ok(pointer) if (least..=most).contains(&pointer) => checked.push(pointer),
            _ => {
                return Err(DataError::new(
                    FaultKind::RowPointer,
                    place.clone().at(At::Index(position as u64)),
                    if least == most { least.to_string() } else { format!("{least} to {most}, never decreasing") },
                    pointer.to_string(),
                    "save the matrix again as CSR",
                ));
            }
        }
    }
    Ok(checked)
}

fn read_labels(npz: &mut Npz, sizes: &Sizes) -> Result<Option<Labels>, DataError> {
    if !npz.has("labels") {
        return Ok(None);
    }
    let values = vector(npz, "labels", Some(sizes.nodes))?;
    let (of_nodes, classes) =
        integer_labels(&values, sizes.classes, &npz.place("labels"), |node| At::Index(node as u64))?;
    let names = npz.strings("class_names")?.filter(|names| names.len() == classes);
    Ok(Some(Labels { of_nodes, class_names: names.unwrap_or_else(|| plain_class_names(classes)) }))
}

fn read_split(npz: &mut Npz, nodes: usize) -> Result<Option<Split>, DataError> {
    const PARTS: [&str; 3] = ["train_idx", "val_idx", "test_idx"];
    if !PARTS.iter().any(|name| npz.has(name)) {
        return Ok(None);
    }
    let mut owner = vec![usize::MAX; nodes];
    let mut parts = [const { Vec::new() }; 3];
    for (part, name) in PARTS.into_iter().enumerate() {
        for (position, id) in vector(npz, name, None)?.into_iter().enumerate() {
            let place = || npz.place(name).at(At::Index(position as u64));
            let Some(id) = usize::try_from(id).ok().filter(|&id| id < nodes) else {
                return Err(DataError::new(
                    FaultKind::OutOfRange,
                    place(),
                    format!("a node in 0..{nodes}"),
                    id.to_string(),
                    "count nodes from 0",
                ));
            };
            if owner[id] != usize::MAX {
                return Err(DataError::new(
                    FaultKind::Duplicate,
                    place(),
                    "every node in at most one part of the split, once",
                    format!("node {id} again, after `{}`", PARTS[owner[id]]),
                    "make train, tune and test disjoint",
                ));
            }
            owner[id] = part;
            parts[part].push(id);
        }
        parts[part].sort_unstable();
    }
    let [train, tune, test] = parts;
    Ok(Some(Split { train, tune, test }))
}
