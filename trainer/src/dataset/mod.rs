//! Data sets: reading, checking, splitting and finding them.
//!
//! No input is trusted: sizes are capped before memory is allocated, every index is checked, every value must be
//! finite. Repairs are reported as [`Warning`]s; unusable data is a [`DataError`] that names the place and the remedy.

mod archive;
mod assemble;
mod cells;
mod columns;
mod csv;
mod csv_columns;
#[cfg(test)]
mod damage;
mod dialect;
mod error;
mod features;
mod graph;
pub mod limits;
pub mod locate;
mod npz;
mod npz_header;
mod order;
mod parquet_cells;
mod parquet_columns;
mod parquet_file;
mod series;
pub mod split;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod text_rows;
mod value;
mod warning;
pub(crate) mod withheld;
mod zip;

use std::path::{Path, PathBuf};

use crate::bounded;

pub(crate) use archive::is_graph;
pub use columns::{ColumnTable, MAX_CATEGORIES};
pub(crate) use dialect::Dialect;
pub use error::{At, DataError, Fault, FaultKind, Place};
pub(crate) use error::{names_once, quoted};
pub use graph::Graph;
pub(crate) use graph::sub_matrix;
pub(crate) use npz::{Npz, Shaped, read_arrays};
pub(crate) use parquet_file::{ParquetFile, parquet_files};
pub use series::Windowing;
pub use split::Split;
pub use table::Table;
pub(crate) use text::ShortLines;
pub(crate) use text_rows::sample;
pub(crate) use value::{is_missing, number};
pub use warning::{UNBALANCED_RATIO, Warning};
pub use withheld::{Role, Withheld};

/// Names of columns that are not features unless requested: the identity of a row, its answer, and its part of the
/// split.
pub const RESERVED_COLUMNS: [&str; 5] = ["id", "label", "split", "fold", "group"];

/// Options for reading a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// File with the edges when the nodes come as a CSV file; a folder brings its own `edges.csv`.
    pub edges: Option<PathBuf>,
    /// Keep only the largest connected component, as papers on the gnn-benchmark data do.
    pub largest_component: bool,
}

/// A graph and the warnings about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The graph.
    pub graph: Graph,
    /// Repairs and oddities.
    pub warnings: Vec<Warning>,
}

/// Reads a graph and recognises its layout by content.
///
/// - an `.npz` archive in the planetoid-like or the gnn-benchmark layout (pickled arrays are never opened);
/// - a folder with `nodes.csv` and `edges.csv`;
/// - a `.csv` file with nodes; its edges come from [`ReadOptions::edges`], and without them the graph has none.
///
/// One-way edges are made undirected, self-loops and repeated edges are dropped, each with a warning.
///
/// # Errors
/// [`DataError`] for everything that cannot be used; see [`FaultKind`].
pub fn read(path: &Path, options: &ReadOptions) -> Result<Loaded, DataError> {
    let name = path.file_stem().map_or_else(|| "graph".to_owned(), |stem| stem.to_string_lossy().into_owned());
    let metadata = std::fs::metadata(path).map_err(|error| DataError::read(path, &error))?;
    let parts = if metadata.is_dir() {
        csv::read_graph(&path.join("nodes.csv"), Some(&path.join("edges.csv")), name)?
    } else if starts_like_archive(path)? {
        let mut npz = npz::Npz::open(path)?;
        archive::read(&mut npz, path, name)?
    } else {
        csv::read_graph(path, options.edges.as_deref(), name)?
    };
    assemble::assemble(parts, options)
}

/// Whether a file is an archive in a layout of graphs.
pub(crate) fn is_graph_archive(path: &Path) -> Result<bool, DataError> {
    Ok(starts_like_archive(path)? && is_graph(&npz::Npz::open_directory(path)?))
}

/// Whether a file begins like a zip archive.
pub(crate) fn starts_like_archive(path: &Path) -> Result<bool, DataError> {
    // A damaged archive should be reported as one, not as a strange CSV file.
    Ok(starts_like(path, b"PK\x03\x04", "npz")? || starts_like(path, b"PK\x05\x06", "npz")?)
}

/// Whether a file has this name or begins with these bytes.
fn starts_like(path: &Path, bytes: &[u8], extension: &str) -> Result<bool, DataError> {
    use std::io::Read;
    let mut start = Vec::with_capacity(bytes.len());
    // The content decides what a file is, so it is read twice.
    let file = bounded::open(path, bounded::Kind::Streamed).map_err(|error| DataError::read(path, &error))?;
    file.take(bytes.len() as u64).read_to_end(&mut start).map_err(|error| DataError::read(path, &error))?;
    let named = path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension));
    Ok(named || start == bytes)
}
