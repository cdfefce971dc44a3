//! A graph as data: features as they were published, edges, and the split that every seed shares.

use std::path::PathBuf;

use super::{Data, Matrix, Truth};
use crate::bounded;
use crate::dataset::locate::Search;
use crate::dataset::{At, DataError, FaultKind, Graph, Loaded, Place, ReadOptions, Split, read, split};
use crate::recipe::{InputKind, Recipe, SplitKind, TeacherInput};
use eyas::quant::row_share;

impl Data {
    /// Reads a graph and its split.
    ///
    /// # Errors
    /// A graph that cannot be read, has no edges or labels, or cannot be split as asked; features whose rows have no share.
    pub(super) fn graph(recipe: &Recipe, path: PathBuf, search: &Search) -> Result<Self, DataError> {
        let section = &recipe.data;
        let edges = section.edges.as_deref().map(|edges| search.path(edges));
        let options = ReadOptions { edges, largest_component: section.largest_component };
        let Loaded { graph, warnings } = read(&path, &options)?;
        if graph.adjacency.nnz() == 0 {
            return Err(DataError::new(
                FaultKind::Layout,
                Place::file(&path),
                "at least one edge, since a graph teacher learns from them",
                "none",
                "add edges.csv beside nodes.csv, or name the file under `edges` in [data] of the recipe",
            ));
        }
        let normalizes = recipe.student.input == InputKind::Normalized
            || recipe.teacher.iter().any(|teacher| teacher.input() == Some(TeacherInput::Normalized));
        let share = |row: sprs::CsVecView<'_, f32>| row_share(row.data().iter().copied());
        if let (true, Some(node)) = (normalizes, graph.features.outer_iterator().position(|row| share(row).is_err())) {
            return Err(DataError::new(
                FaultKind::OutOfRange,
                Place::file(&path).at(At::Node(node as u64)),
                "features whose sum and its reciprocal are single-precision numbers, since rows are divided by their sums",
                "a sum out of this range",
                "multiply all features by one factor, which changes nothing else, or do not normalize rows",
            ));
        }
        // Loading a recipe fills these keys wherever the choice they belong to is made.
        let shared = match section.split {
            SplitKind::Random => split::random(
                &graph,
                section.train_per_class.unwrap_or(0),
                section.tune_nodes.unwrap_or(0),
                section.test_nodes.unwrap_or(0),
                section.split_seed.unwrap_or(0),
            )?,
            _ => split::published(&graph)?,
        };
        let notice = bounded::text(&path.with_file_name("NOTICE.md"), bounded::Kind::Document).ok();
        let data =
            Self { warnings, notice, inputs: vec![Vec::new(); recipe.teacher.len()], ..Self::of(graph, path, shared) };
        // A share that takes out no node or all of them is refused before anything is trained.
        data.evaluations(recipe, &[0])?;
        Ok(data)
    }

    /// A graph and its split.
    fn of(graph: Graph, path: PathBuf, shared: Split) -> Self {
        let Graph { name, features, adjacency, labels, class_names, input_names, .. } = graph;
        let (rows, columns) = (features.rows(), features.cols());
        Self {
            path,
            name,
            x: Matrix::Sparse(features),
            names: input_names,
            student: columns,
            teacher: (0..columns).collect(),
            inputs: Vec::new(),
            // A split needs labels, so they are there.
            truth: Truth::Classes { labels: labels.unwrap_or_else(|| vec![0; rows]), names: class_names },
            known: vec![true; rows],
            edges: Some(adjacency),
            shared: Some(shared),
            folds: None,
            groups: None,
            ids: None,
            now: None,
            of_file: None,
            warnings: Vec::new(),
            notice: None,
        }
    }
}
