//! The look at a graph, which brings its own labels.

use std::path::Path;

use super::draft::{Nodes, Seen};
use super::error::LookError;
use super::label::Label;
use super::{Asked, Edges, Form, Proposed};
use crate::dataset::{DataError, FaultKind, Graph, Loaded, Place, ReadOptions, is_graph_archive, read};
use crate::recipe::{SplitKind, Task};

/// Nodes of a random split: a class to train, to tune, to test.
const DRAWN: [usize; 3] = [20, 500, 1000];
/// Share of alike neighbours from which on a graph teaches, beyond what chance gives.
const HELPS: f64 = 0.15;

/// Whether a path names a graph: a folder with `nodes.csv`, or an archive in a layout of graphs.
///
/// # Errors
/// A path that cannot be read.
pub(super) fn is_graph(path: &Path) -> Result<bool, DataError> {
    let folder = std::fs::metadata(path).map_err(|error| DataError::read(path, &error))?.is_dir();
    if folder { Ok(path.join("nodes.csv").is_file()) } else { is_graph_archive(path) }
}

/// Looks at a graph.
pub(super) fn look(path: &Path, asked: &Asked) -> Result<Seen, LookError> {
    let options = [
        ("--label", asked.label.is_some()),
        ("--student", !asked.student.is_empty()),
        ("--task", asked.task == Some(Task::Regress)),
    ];
    if let Some((option, _)) = options.into_iter().find(|&(_, given)| given) {
        return Err(LookError::OfGraph { option });
    }
    let Loaded { graph, warnings } = read(path, &ReadOptions::default())?;
    let Some(labels) = graph.labels.clone() else {
        let (expected, remedy) = ("a label for every node", "add a column `label` to nodes.csv, or an array `labels`");
        return Err(DataError::new(FaultKind::Labels, Place::file(path), expected, "none", remedy).into());
    };
    let mut counts = vec![0; graph.classes];
    labels.iter().for_each(|&label| counts[usize::from(label)] += 1);
    let alike = alike(&graph, &labels);
    let chance: f64 = counts.iter().map(|&count| (count as f64 / labels.len() as f64).powi(2)).sum();
    let mut notes: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if alike < chance + HELPS {
        notes.push(format!(
            "{:.0} % of neighbours have one label, {:.0} % would by chance: a graph teacher has little to add here",
            100.0 * alike,
            100.0 * chance
        ));
    }
    let split = match &graph.published {
        Some(split) => Proposed {
            kind: SplitKind::Published,
            column: None,
            why: format!(
                "it came with the graph: {} / {} / {} nodes",
                split.train.len(),
                split.tune.len(),
                split.test.len()
            ),
        },
        None => Proposed { kind: SplitKind::Random, column: None, why: "none came with the graph".to_owned() },
    };
    let nodes = graph.published.is_none().then(|| drawn(&counts));
    let classes = graph.class_names.iter().cloned().zip(counts).collect();
    let label = Label {
        name: String::new(),
        task: Task::Classify,
        classes,
        range: None,
        unlabelled: 0,
        why: None,
        minus_one: false,
    };
    notes.extend(label.notes());
    Ok(Seen {
        form: Form::Graph,
        rows: graph.nodes(),
        width: graph.inputs(),
        edges: Some(Edges { edges: graph.edges(), alike }),
        columns: Vec::new(),
        label,
        splits: vec![split],
        notes,
        series: None,
        nodes,
    })
}

/// Share of edges whose ends have one label.
fn alike(graph: &Graph, labels: &[u16]) -> f64 {
    let ends = graph.adjacency.iter().filter(|(_, (a, b))| labels[*a] == labels[*b]).count();
    ends as f64 / graph.adjacency.nnz().max(1) as f64
}

/// Sizes of a random split that the classes have nodes for.
fn drawn(counts: &[usize]) -> Nodes {
    let smallest = counts.iter().copied().min().unwrap_or(0);
    let train = DRAWN[0].min(smallest / 2).max(1);
    let rest = counts.iter().sum::<usize>().saturating_sub(train * counts.len());
    Nodes { train, tune: DRAWN[1].min(rest / 3).max(1), test: DRAWN[2].min(rest / 2).max(1) }
}
