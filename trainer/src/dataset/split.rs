//! Train, tune and test: the nodes that train, that choose settings, and that only evaluate.

use super::error::{At, DataError, FaultKind, Place};
use super::graph::Graph;
use super::order::{Purpose, permutation};
use crate::output::counted;

/// Node ids of the three parts, each ascending, disjoint; nodes in none of them are observed without a label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// Nodes whose labels train.
    pub train: Vec<usize>,
    /// Nodes whose labels choose the epoch and the settings.
    pub tune: Vec<usize>,
    /// Nodes whose labels only evaluate.
    pub test: Vec<usize>,
}

impl Split {
    /// Checks a split against its graph.
    ///
    /// # Errors
    /// [`FaultKind::Split`] for an empty part or a class without a train node, [`FaultKind::OutOfRange`] for an id that
    /// is not a node, [`FaultKind::Duplicate`] for a node that occurs twice, [`FaultKind::Labels`] if the graph has no
    /// labels.
    pub fn check(&self, graph: &Graph) -> Result<(), DataError> {
        let place = || Place::file(graph.name.as_ref());
        let labels = labels(graph)?;
        let mut owner = vec![""; graph.nodes()];
        for (part, ids) in [("train", &self.train), ("tune", &self.tune), ("test", &self.test)] {
            if ids.is_empty() {
                return Err(DataError::new(
                    FaultKind::Split,
                    place(),
                    format!("at least one {part} node"),
                    "none",
                    "give every split train, tune and test nodes",
                ));
            }
            for &id in ids {
                match owner.get_mut(id) {
                    Some(owner) if owner.is_empty() => *owner = part,
                    Some(owner) => {
                        return Err(DataError::new(
                            FaultKind::Duplicate,
                            place().at(At::Node(id as u64)),
                            "a node in one part of the split",
                            format!("it in {owner} and again in {part}"),
                            "list every node once",
                        ));
                    }
                    None => {
                        return Err(DataError::new(
                            FaultKind::OutOfRange,
                            place().at(At::Node(id as u64)),
                            format!("{part} nodes in 0..{}", graph.nodes()),
                            id.to_string(),
                            "count nodes from 0",
                        ));
                    }
                }
            }
        }
        let mut taught = vec![false; graph.classes];
        self.train.iter().for_each(|&id| taught[usize::from(labels[id])] = true);
        match taught.iter().position(|&taught| !taught) {
            Some(class) => Err(DataError::new(
                FaultKind::Split,
                place().at(At::Class(class as u64)),
                "at least one train node of every class",
                format!("none of {}", graph.class_names[class]),
                "move a node of that class to train, or drop the class",
            )),
            None => Ok(()),
        }
    }

    /// The split in other ids: node `id` becomes `position[id]`, and is dropped if that is `usize::MAX`.
    pub(super) fn renumbered(&self, position: &[usize]) -> Self {
        let part = |ids: &[usize]| {
            let mut ids: Vec<usize> = ids.iter().map(|&id| position[id]).filter(|&id| id != usize::MAX).collect();
            ids.sort_unstable();
            ids
        };
        Self { train: part(&self.train), tune: part(&self.tune), test: part(&self.test) }
    }

    fn sorted(mut self) -> Self {
        for part in [&mut self.train, &mut self.tune, &mut self.test] {
            part.sort_unstable();
        }
        self
    }
}

/// The split that came with the data.
///
/// # Errors
/// [`FaultKind::Split`] when there is none, and those of [`Split::check`].
pub fn published(graph: &Graph) -> Result<Split, DataError> {
    let split = graph.published.clone().ok_or_else(|| {
        DataError::new(
            FaultKind::Split,
            Place::file(graph.name.as_ref()),
            "a published split",
            "none",
            "set split = \"random\" under [data] of the recipe, or add a `split` column to nodes.csv",
        )
    })?;
    split.check(graph)?;
    Ok(split)
}

/// A random split, reproducible from the seed alone.
///
/// Algorithm: a random order of all nodes (ChaCha8 stream of `seed`, see `order.rs`). Walking along it, a node goes to
/// train while its class has fewer than `per_class` there. The remaining nodes, ascending, are put into a second random
/// order, whose first `tune` nodes become tune and whose next `test` nodes become test. In the first order, the
/// remaining nodes of rare classes would come last, and tune would lack them. Ids are sorted at the end.
///
/// # Errors
/// [`FaultKind::Split`] when a class or the rest has too few nodes, and those of [`Split::check`].
pub fn random(graph: &Graph, per_class: usize, tune: usize, test: usize, seed: u64) -> Result<Split, DataError> {
    let labels = labels(graph)?;
    let mut missing = vec![per_class; graph.classes];
    let mut split = Split::default();
    let mut rest = Vec::new();
    for node in permutation(graph.nodes(), seed, Purpose::RandomSplit) {
        let missing = &mut missing[usize::from(labels[node])];
        if *missing > 0 {
            *missing -= 1;
            split.train.push(node);
        } else {
            rest.push(node);
        }
    }
    let place = || Place::file(graph.name.as_ref());
    if let Some(class) = missing.iter().position(|&missing| missing > 0) {
        return Err(DataError::new(
            FaultKind::Split,
            place().at(At::Class(class as u64)),
            format!("at least {per_class} nodes of {} to train on", graph.class_names[class]),
            (per_class - missing[class]).to_string(),
            "lower train_per_class under [data] of the recipe",
        ));
    }
    if tune.checked_add(test).is_none_or(|wanted| wanted > rest.len()) {
        return Err(DataError::new(
            FaultKind::Split,
            place(),
            format!("{tune} tune and {test} test nodes besides {} train nodes", split.train.len()),
            format!("{} left", counted(rest.len(), "node", "nodes")),
            "lower tune_nodes or test_nodes under [data] of the recipe",
        ));
    }
    rest.sort_unstable();
    let order = permutation(rest.len(), seed, Purpose::TuneAndTest);
    let mut drawn = order.into_iter().map(|position| rest[position]);
    split.tune = drawn.by_ref().take(tune).collect();
    split.test = drawn.take(test).collect();
    let split = split.sorted();
    split.check(graph)?;
    Ok(split)
}

/// The test nodes that an inductive split takes out of the graph, with all their edges: ids, ascending.
///
/// `round(share * test nodes)` of them, the first in a random order of the test part (ChaCha8 stream of `seed`). All other
/// nodes stay observed. (The code released with FF-G2M keeps only train, tune and the observed test nodes, which throws half
/// of Cora away.)
///
/// # Errors
/// [`FaultKind::Split`] when `share` is not strictly between 0 and 1 or leaves no node on one of the two sides.
pub fn unseen(name: &str, test: &[usize], share: f64, seed: u64) -> Result<Vec<usize>, DataError> {
    let count = if share > 0.0 && share < 1.0 { (share * test.len() as f64).round() as usize } else { 0 };
    if count == 0 || count >= test.len() {
        return Err(DataError::new(
            FaultKind::Split,
            Place::file(name.as_ref()),
            "a share of the test nodes that leaves some unseen and some observed",
            format!("{share} of {} test nodes", test.len()),
            "set inductive_share under [data] of the recipe between 0 and 1, 0.2 for instance",
        ));
    }
    let order = permutation(test.len(), seed, Purpose::InductiveSplit);
    let mut unseen: Vec<usize> = order[..count].iter().map(|&position| test[position]).collect();
    unseen.sort_unstable();
    Ok(unseen)
}

fn labels(graph: &Graph) -> Result<&[u16], DataError> {
    graph.labels.as_deref().ok_or_else(|| {
        DataError::new(
            FaultKind::Labels,
            Place::file(graph.name.as_ref()),
            "labels, since a split needs them",
            "none",
            "add a `label` column to nodes.csv or a `labels` array to the archive",
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sprs::CsMat;

    use super::*;

    /// A ring of nodes whose class is their number modulo `classes`.
    fn ring(nodes: usize, classes: usize) -> Graph {
        let mut adjacency = sprs::TriMat::new((nodes, nodes));
        for node in 0..nodes {
            adjacency.add_triplet(node, (node + 1) % nodes, 1.0);
            adjacency.add_triplet((node + 1) % nodes, node, 1.0);
        }
        Graph {
            name: "ring".to_owned(),
            features: CsMat::eye(nodes),
            adjacency: adjacency.to_csr(),
            labels: Some((0..nodes).map(|node| (node % classes) as u16).collect()),
            classes,
            class_names: (0..classes).map(|class| format!("class {class}")).collect(),
            input_names: Vec::new(),
            published: None,
        }
    }

    #[test]
    fn faults_of_a_split_are_told() {
        let graph = ring(6, 2);
        let split = |train: &[usize], tune: &[usize], test: &[usize]| Split {
            train: train.to_vec(),
            tune: tune.to_vec(),
            test: test.to_vec(),
        };
        assert_eq!(split(&[0, 1], &[2], &[3]).check(&graph), Ok(()));
        for (split, kind, at) in [
            (split(&[0, 2], &[1], &[3]), FaultKind::Split, At::Class(1)),
            (split(&[0, 1], &[], &[3]), FaultKind::Split, At::Whole),
            (split(&[0, 1], &[2], &[2]), FaultKind::Duplicate, At::Node(2)),
            (split(&[0, 1], &[2], &[6]), FaultKind::OutOfRange, At::Node(6)),
        ] {
            let error = split.check(&graph).unwrap_err();
            assert_eq!((error.kind(), &error.fault().place.at), (kind, &at), "{error}");
        }
        assert_eq!(published(&graph).unwrap_err().kind(), FaultKind::Split);
        let unlabelled = Graph { labels: None, ..graph };
        assert_eq!(random(&unlabelled, 1, 1, 1, 0).unwrap_err().kind(), FaultKind::Labels);
    }

    /// Tune and test are drawn without replacement from the nodes outside train: the mean share of a class over many
    /// seeds lies within five standard errors of the hypergeometric distribution, even if train takes most of a class.
    #[test]
    fn tune_and_test_have_the_class_shares_of_what_is_left() {
        const SEEDS: u64 = 100;
        let sizes = [1200usize, 700, 400, 200, 100, 60, 40, 30, 24, 22];
        let (per_class, tune, test) = (20, 300, 600);
        let labels: Vec<u16> = sizes.iter().zip(0u16..).flat_map(|(&size, class)| vec![class; size]).collect();
        let graph = Graph { labels: Some(labels.clone()), ..ring(labels.len(), sizes.len()) };
        let mut counts = [[0usize; 10]; 2];
        for seed in 0..SEEDS {
            let split = random(&graph, per_class, tune, test, seed).unwrap();
            for (part, counts) in [&split.tune, &split.test].into_iter().zip(&mut counts) {
                part.iter().for_each(|&node| counts[usize::from(labels[node])] += 1);
            }
        }
        let rest = labels.len() - per_class * sizes.len();
        for (drawn, counts) in [tune, test].into_iter().zip(counts) {
            for (class, count) in counts.into_iter().enumerate() {
                let share = (sizes[class] - per_class) as f64 / rest as f64;
                let spread = drawn as f64 * share * (1.0 - share) * (rest - drawn) as f64 / (rest - 1) as f64;
                let (mean, error) = (count as f64 / SEEDS as f64, (spread / SEEDS as f64).sqrt());
                let expected = drawn as f64 * share;
                assert!(
                    (mean - expected).abs() < 5.0 * error,
                    "class {class}: {mean} of {drawn} nodes, {expected} ± {error} expected"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn random_and_inductive_splits_keep_their_promises(nodes in 20usize..60, classes in 2usize..4, seed: u64, share in 0.1..0.9f64) {
            let graph = ring(nodes, classes);
            let split = random(&graph, 2, 4, 8, seed).unwrap();
            prop_assert_eq!(split.check(&graph), Ok(()));
            prop_assert_eq!((split.train.len(), split.tune.len(), split.test.len()), (2 * classes, 4, 8));
            let unseen = unseen(&graph.name, &split.test, share, seed).unwrap();
            prop_assert_eq!(unseen.len(), (share * 8.0).round() as usize);
            prop_assert!(unseen.is_sorted() && unseen.iter().all(|node| split.test.contains(node)));
        }
    }
}
