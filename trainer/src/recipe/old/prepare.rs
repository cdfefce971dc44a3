//! From the `[data]` table to a graph with its split: the one place where its keys take effect.

use std::path::{Path, PathBuf};

use super::{InputKind, Recipe, SplitKind};
use crate::bounded;
use crate::dataset::locate::{Search, locate};
use crate::dataset::{At, DataError, FaultKind, Graph, Inductive, Place, ReadOptions, Split, Warning, read, split};
use crate::recipe::RecipeError;
use eyas::quant::row_share;

/// The data of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Where the graph was found.
    pub path: PathBuf,
    /// The whole graph.
    pub graph: Graph,
    /// The split of the whole graph.
    pub split: Split,
    /// Share of the test nodes that [`Prepared::inductive`] takes out; 0 for none.
    pub inductive_share: f64,
    /// What the user should know about the data.
    pub warnings: Vec<Warning>,
    /// Origin, licence and citation, from the `NOTICE.md` beside the data.
    pub notice: Option<String>,
}

impl Prepared {
    /// The observed part of the graph and the unseen nodes, drawn from `seed`; `None` where the recipe takes none out.
    ///
    /// # Errors
    /// [`DataError`] when the share takes out no node or all of them.
    pub fn inductive(&self, seed: u64) -> Result<Option<Inductive>, DataError> {
        if self.inductive_share == 0.0 {
            return Ok(None);
        }
        split::inductive(&self.graph, &self.split, self.inductive_share, seed).map(Some)
    }
}

/// Why the data of a recipe cannot be prepared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// The recipe itself.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The data it names.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl Recipe {
    /// Finds, reads and splits the data.
    ///
    /// # Errors
    /// [`DataError`] when the data is missing or unusable, has no edges (teachers and links need them), or cannot be split
    /// as asked.
    pub fn prepare(&self, search: &Search) -> Result<Prepared, DataError> {
        let path = locate(&self.data.source, search)?;
        let edges = self.data.edges.as_deref().map(|edges| search.path(edges));
        let options = ReadOptions { edges, largest_component: self.data.largest_component };
        let loaded = read(&path, &options)?;
        let graph = loaded.graph;
        if graph.adjacency.nnz() == 0 {
            return Err(DataError::new(
                FaultKind::Layout,
                Place::file(&path),
                "at least one edge, since a graph teacher learns from them",
                "none",
                "add edges.csv beside nodes.csv, or name the file under `edges` in [data] of the recipe",
            ));
        }
        let data = &self.data;
        let shares = self.student.input == InputKind::Normalized || self.teacher.iter().any(|it| it.normalize_rows);
        let share = |row: sprs::CsVecView<'_, f32>| row_share(row.data().iter().copied());
        if let (true, Some(node)) = (shares, graph.features.outer_iterator().position(|row| share(row).is_err())) {
            return Err(DataError::new(
                FaultKind::OutOfRange,
                Place::file(&path).at(At::Node(node as u64)),
                "features whose sum and its reciprocal are single-precision numbers, since rows are divided by their sums",
                "a sum out of this range",
                "multiply all features by one factor, which changes nothing else, or do not normalize rows",
            ));
        }
        // Loading a recipe fills these keys wherever the choice they belong to is made.
        let seed = data.split_seed.unwrap_or(0);
        let split = match data.split {
            SplitKind::Published => split::published(&graph)?,
            SplitKind::Random => split::random(
                &graph,
                data.train_per_class.unwrap_or(0),
                data.tune_nodes.unwrap_or(0),
                data.test_nodes.unwrap_or(0),
                seed,
            )?,
        };
        let notice = bounded::text(&path.with_file_name("NOTICE.md"), bounded::Kind::Document).ok();
        let inductive_share = data.inductive_share;
        let prepared = Prepared { path, graph, split, inductive_share, warnings: loaded.warnings, notice };
        // A share that takes out no node or all of them is refused before anything is trained.
        prepared.inductive(0)?;
        Ok(prepared)
    }

    /// Reads a recipe and prepares its data; the recipe's folder is searched too.
    ///
    /// # Errors
    /// [`PrepareError`] for the recipe or its data.
    pub fn load_and_prepare(path: &Path, data_dir: Option<PathBuf>) -> Result<(Self, Prepared), PrepareError> {
        let recipe = Self::load(path)?;
        let prepared = recipe.prepare(&recipe.search(path, data_dir))?;
        Ok((recipe, prepared))
    }
}
