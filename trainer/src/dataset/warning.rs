//! Warnings about a data set that can still be used.

use std::fmt;

/// Ratio of the largest to the smallest class at which [`Warning::Unbalanced`] starts.
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
    /// The same edge in the same direction was listed several times; one was kept.
    DuplicateEdges {
        /// How many were dropped.
        dropped: usize,
    },
    /// A layout that stores both directions held edges in one direction only; the other was added.
    OneWayEdges {
        /// How many were made undirected.
        added: usize,
    },
    /// Nodes without a neighbour, of which the teacher sees no more than the student.
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
    /// Class sizes differ by [`UNBALANCED_RATIO`] or more: read the accuracy of each class, not only the mean.
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
    /// Features that have one value at every node, so that they carry no information.
    ConstantFeatures {
        /// How many there are.
        count: usize,
        /// The first of them.
        first: usize,
    },
    /// Columns of a table that have one value in all train rows, so that the networks ignore them.
    ConstantColumns {
        /// How many there are.
        count: usize,
        /// Name of the first of them.
        first: String,
        /// Splits to which this applies.
        splits: Vec<u64>,
    },
    /// The label has one value in all labelled rows of a part of the table.
    ConstantTarget {
        /// Name of the column.
        name: String,
        /// Its value; for a classification, the class.
        value: String,
        /// `train`, `tune` or `test`.
        part: &'static str,
        /// Splits to which this applies.
        splits: Vec<u64>,
    },
    /// Rows of one group lie in several folds.
    DividedGroups {
        /// How many groups.
        divided: usize,
        /// Of how many.
        groups: usize,
        /// Column with the groups.
        column: String,
    },
    /// A teacher comes as a file, made by someone who may have seen the test rows.
    TeacherFile {
        /// Teacher, counted from 1.
        number: usize,
    },
    /// What a model's answers were found to be, where the recipe does not say it.
    ModelAnswers {
        /// Teacher, counted from 1.
        number: usize,
        /// What they were found to be.
        meaning: String,
    },
    /// Probabilities too small for a logarithm.
    FlooredProbabilities {
        /// Teacher, counted from 1.
        number: usize,
        /// How many.
        floored: usize,
        /// Of how many.
        numbers: usize,
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
            Self::ConstantFeatures { count, first } => write!(
                f,
                "{count} features have the same value at every node (the first is feature {first}): they carry no information"
            ),
            Self::ConstantColumns { count, first, splits } => write!(
                f,
                "{count} columns never change in the train rows of split {} (the first is `{first}`): the student \
                 ignores them there",
                list(splits)
            ),
            Self::ConstantTarget { name, value, part, splits } => {
                write!(f, "`{name}` is {value} in every {part} row of split {}: ", list(splits))?;
                f.write_str(match *part {
                    "train" => "there is nothing to learn",
                    "tune" => "epochs are chosen by this one value",
                    _ => "the figures judge this one value, and R² is not defined",
                })
            }
            Self::DividedGroups { divided, groups, column } => write!(
                f,
                "{divided} of {groups} values of `{column}` lie in several folds: the test rows leak into the training"
            ),
            Self::TeacherFile { number } => {
                write!(f, "teacher {number} comes as a file: whether it has seen the test rows cannot be known here")
            }
            Self::ModelAnswers { number, meaning } => write!(f, "teacher {number}: {meaning}"),
            Self::FlooredProbabilities { number, floored, numbers } => write!(
                f,
                "teacher {number}: {floored} of {numbers} probabilities are below {:e} and were taken as that",
                crate::teacher::LEAST_PROBABILITY
            ),
            Self::SmallComponents { dropped } => {
                write!(f, "left out {dropped} nodes outside the largest connected component")
            }
        }
    }
}

fn list(splits: &[u64]) -> String {
    splits.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}
