//! What a user should know about a data set that is used all the same.

use std::fmt;

/// Ratio of the largest to the smallest class from which [`Warning::Unbalanced`] is given.
pub const UNBALANCED_RATIO: usize = 10;

/// Something odd in a data set that was repaired or left as it is.
///
/// Warnings are data: the caller prints them and writes them into the report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Edges from a node to itself were dropped.
    SelfLoops {
        /// How many were dropped.
        dropped: usize,
    },
    /// The same edge in the same direction stood there several times; one was kept.
    DuplicateEdges {
        /// How many were dropped.
        dropped: usize,
    },
    /// A layout that stores both directions held edges in one direction only; the other was added.
    OneWayEdges {
        /// How many were made undirected.
        added: usize,
    },
    /// Nodes without a neighbour: the teacher sees no more of them than the student.
    IsolatedNodes {
        /// How many there are.
        count: usize,
        /// The first of them.
        first: usize,
    },
    /// Nodes whose features are all zero.
    EmptyNodes {
        /// How many there are.
        count: usize,
        /// The first of them.
        first: usize,
    },
    /// Class sizes differ by [`UNBALANCED_RATIO`] or more: read the accuracy of each class, not the mean alone.
    Unbalanced {
        /// The class with the fewest nodes.
        smallest: usize,
        /// Its number of nodes.
        smallest_nodes: usize,
        /// The class with the most nodes.
        largest: usize,
        /// Its number of nodes.
        largest_nodes: usize,
    },
    /// Nodes outside the largest connected component were left out, as asked for.
    SmallComponents {
        /// How many nodes were left out.
        dropped: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelfLoops { dropped } => {
                write!(f, "dropped {dropped} edges from a node to itself")
            }
            Self::DuplicateEdges { dropped } => {
                write!(f, "dropped {dropped} edges that were listed more than once")
            }
            Self::OneWayEdges { added } => {
                write!(f, "{added} edges were stored in one direction only and were made undirected")
            }
            Self::IsolatedNodes { count, first } => {
                write!(f, "{count} nodes have no neighbour (the first is node {first})")
            }
            Self::EmptyNodes { count, first } => {
                write!(f, "{count} nodes have no feature but zeros (the first is node {first})")
            }
            Self::Unbalanced { smallest, smallest_nodes, largest, largest_nodes } => write!(
                f,
                "strongly unbalanced classes: class {largest} has {largest_nodes} nodes, class {smallest} has \
                 {smallest_nodes}; read the accuracy of each class, not the mean alone"
            ),
            Self::SmallComponents { dropped } => {
                write!(f, "left out {dropped} nodes outside the largest connected component")
            }
        }
    }
}
