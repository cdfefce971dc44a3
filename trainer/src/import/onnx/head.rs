//! The end of a classifier's graph: the labels, dictionaries and probabilities that exporters put behind its last layer.

use super::constant::texts;
use super::message::{Graph, INT32, INT64, Node, STRING, ValueInfo};
use crate::import::ImportError;
use std::collections::{HashMap, HashSet};

/// What of a graph computes its answers.
pub(super) struct Head<'a> {
    /// Operators and their positions in the graph.
    pub nodes: Vec<(usize, &'a Node)>,
    /// The value with the answers.
    pub output: String,
    /// Whether it is one score for two classes.
    pub is_halved: bool,
    /// Names of the classes; empty where the graph does not tell them.
    pub classes: Vec<String>,
}

impl<'a> Head<'a> {
    /// Finds the answers among labels, and leaves out what comes after them.
    pub fn of(graph: &'a Graph) -> Result<Self, ImportError> {
        let whole: Vec<(usize, &Node)> = graph.node.iter().enumerate().collect();
        let makers: HashMap<&str, &Node> =
            graph.node.iter().flat_map(|node| node.output.iter().map(move |value| (value.as_str(), node))).collect();
        let maker = |value: &str| makers.get(value).copied();
        let answers: Vec<&ValueInfo> = match &graph.output[..] {
            [only] => vec![only],
            several => several.iter().filter(|output| !is_label(output)).collect(),
        };
        let &[answer] = &answers[..] else {
            return Err(ImportError::Model {
                reason: format!("the model has {} outputs besides labels", answers.len()),
                remedy: "export one with a single output, or labels and one other",
            });
        };
        let zipped = maker(&answer.name).filter(|node| node.op_type == "ZipMap");
        let output = zipped.and_then(|node| node.input.first()).unwrap_or(&answer.name);
        let score = halved(output, maker);
        let named = zipped.map(Node::classes).filter(|classes| !classes.is_empty());
        let labels = graph.output.iter().filter(|output| is_label(output));
        let listed = labels.map(|label| listed(graph, &label.name, maker)).next();
        let mut head = Self {
            nodes: whole,
            output: score.unwrap_or(output).to_owned(),
            is_halved: score.is_some(),
            classes: named.or(listed).unwrap_or_default(),
        };
        if graph.output.len() > 1 || head.output != answer.name {
            head.trim();
        }
        Ok(head)
    }

    /// Keeps the operators that the answers need.
    fn trim(&mut self) {
        let mut needed = HashSet::from([self.output.as_str()]);
        let mut kept = Vec::new();
        // Operators stand in the order of execution.
        for &(position, node) in self.nodes.iter().rev() {
            if node.output.iter().any(|value| needed.contains(value.as_str())) {
                needed.extend(node.input.iter().map(String::as_str));
                kept.push((position, node));
            }
        }
        kept.reverse();
        self.nodes = kept;
    }
}

fn is_label(output: &ValueInfo) -> bool {
    let tensor = output.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    tensor.is_some_and(|tensor| [INT32, INT64, STRING].contains(&tensor.elem_type))
}

/// The score `s` where `output` is `[1 - sigmoid(s), sigmoid(s)]`.
fn halved<'a>(output: &str, maker: impl Fn(&str) -> Option<&'a Node>) -> Option<&'a str> {
    let both = maker(output).filter(|node| node.op_type == "Concat")?;
    let [negative, positive] = &both.input[..] else { return None };
    let rest = maker(negative).filter(|node| node.op_type == "Sub")?;
    let sigmoid = maker(positive).filter(|node| node.op_type == "Sigmoid")?;
    if rest.input.get(1) != Some(positive) {
        return None;
    }
    sigmoid.input.first().map(String::as_str)
}

/// The list in which labels are looked up by the number of the best class.
fn listed<'a>(graph: &Graph, label: &str, maker: impl Fn(&str) -> Option<&'a Node>) -> Vec<String> {
    let mut value = label;
    for _ in 0..graph.node.len() {
        match maker(value).and_then(|node| Some((node.op_type.as_str(), node.input.first()?))) {
            Some(("ArrayFeatureExtractor", list)) => {
                return graph.initializer.iter().find(|tensor| tensor.name == *list).map(texts).unwrap_or_default();
            }
            Some(("Cast" | "Identity" | "Reshape", read)) => value = read,
            _ => break,
        }
    }
    Vec::new()
}
