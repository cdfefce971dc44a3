//! Warnings about a data set that can still be used.

use std::fmt;

use crate::output::counted;

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
    /// Numbers with a decimal comma were read.
    DecimalCommas {
        /// Columns that have some.
        columns: usize,
        /// Name of the first of them.
        first: String,
        /// Its first such number.
        example: String,
    },
    /// Rows with a missing cell in an input were left out, as asked for.
    DroppedRows {
        /// How many were left out.
        dropped: usize,
        /// Of how many.
        rows: usize,
        /// Columns with missing cells, each with their number.
        columns: Vec<(String, usize)>,
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
                write!(f, "dropped {} from a node to itself", counted(*dropped, "edge", "edges"))
            }
            Self::DuplicateEdges { dropped } => {
                write!(f, "dropped {} listed more than once", counted(*dropped, "edge that was", "edges that were"))
            }
            Self::OneWayEdges { added } => {
                let edges = counted(*added, "edge was", "edges were");
                write!(f, "{edges} stored in one direction only and made undirected")
            }
            Self::IsolatedNodes { count, first } => {
                write!(f, "{} no neighbour (the first is node {first})", counted(*count, "node has", "nodes have"))
            }
            Self::EmptyNodes { count, first } => {
                let nodes = counted(*count, "node has", "nodes have");
                write!(f, "{nodes} no feature but zeros (the first is node {first})")
            }
            Self::Unbalanced { smallest, smallest_nodes, largest, largest_nodes } => write!(
                f,
                "strongly unbalanced classes: class {largest} has {}, class {smallest} has {smallest_nodes}; read the accuracy of each class, not the mean alone",
                counted(*largest_nodes, "node", "nodes")
            ),
            Self::ConstantFeatures { count, first } => write!(
                f,
                "{} the same value at every node (the first is feature {first}): {} no information",
                counted(*count, "feature has", "features have"),
                if *count == 1 { "it carries" } else { "they carry" }
            ),
            Self::ConstantColumns { count, first, splits } => write!(
                f,
                "{} in the train rows of {} {} (the first is `{first}`): the student ignores {} there",
                counted(*count, "column never changes", "columns never change"),
                if splits.len() == 1 { "split" } else { "splits" },
                list(splits),
                if *count == 1 { "it" } else { "them" }
            ),
            Self::ConstantTarget { name, value, part, splits } => {
                let split = if splits.len() == 1 { "split" } else { "splits" };
                write!(f, "`{name}` is {value} in every {part} row of {split} {}: ", list(splits))?;
                f.write_str(match *part {
                    "train" => "there is nothing to learn",
                    "tune" => "epochs are chosen by this one value",
                    _ => "the figures judge this one value, and R² is not defined",
                })
            }
            Self::DividedGroups { divided, groups, column } => write!(
                f,
                "{divided} of {groups} values of `{column}` {} in several folds: the test rows leak into the training",
                if *divided == 1 { "lies" } else { "lie" }
            ),
            Self::DecimalCommas { columns, first, example } => write!(
                f,
                "decimal commas in {} (the first is `{first}`): `{example}` was read as {}",
                counted(*columns, "column", "columns"),
                example.replacen(',', ".", 1)
            ),
            Self::DroppedRows { dropped, rows, columns } => {
                const SHOWN: usize = 5;
                write!(f, "left out {dropped} of {rows} rows with missing cells: ")?;
                let shown: Vec<String> =
                    columns.iter().take(SHOWN).map(|(name, count)| format!("{count} in `{name}`")).collect();
                f.write_str(&shown.join(", "))?;
                match columns.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, ", and in {more} other columns"),
                }
            }
            Self::TeacherFile { number } => {
                write!(f, "teacher {number} comes as a file: whether it has seen the test rows cannot be known here")
            }
            Self::ModelAnswers { number, meaning } => write!(f, "teacher {number}: {meaning}"),
            Self::FlooredProbabilities { number, floored, numbers } => write!(
                f,
                "teacher {number}: {floored} of {numbers} probabilities {} below {:e} and {} taken as that",
                if *floored == 1 { "is" } else { "are" },
                crate::teacher::LEAST_PROBABILITY,
                if *floored == 1 { "was" } else { "were" }
            ),
            Self::SmallComponents { dropped } => {
                write!(f, "left out {} outside the largest connected component", counted(*dropped, "node", "nodes"))
            }
        }
    }
}

fn list(splits: &[u64]) -> String {
    splits.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_reads_as_one() {
        let of = |count| {
            let features = Warning::ConstantFeatures { count, first: 3 }.to_string();
            let columns = Warning::ConstantColumns { count, first: "q".into(), splits: vec![0; count] }.to_string();
            let nodes = Warning::IsolatedNodes { count, first: 3 }.to_string();
            [features, columns, nodes].join("\n")
        };
        let one = "1 feature has the same value at every node (the first is feature 3): it carries no information\n\
                   1 column never changes in the train rows of split 0 (the first is `q`): the student ignores it there\n\
                   1 node has no neighbour (the first is node 3)";
        assert_eq!(of(1), one);
        let two = "2 features have the same value at every node (the first is feature 3): they carry no information\n\
                   2 columns never change in the train rows of splits 0, 0 (the first is `q`): the student ignores them there\n\
                   2 nodes have no neighbour (the first is node 3)";
        assert_eq!(of(2), two);
        let divided = Warning::DividedGroups { divided: 1, groups: 4, column: "who".into() }.to_string();
        assert!(divided.contains("1 of 4 values of `who` lies in"), "{divided}");
    }
}
