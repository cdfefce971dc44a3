//! Reads the parts of an ONNX file that must be known before a library sees it: opsets, nodes, inputs and outputs,
//! external data.
//!
//! It only walks over protobuf fields: no tensor is decoded, and no path in the file is opened.

use super::protobuf::{Field, fields, name_of};
use std::collections::HashMap;
use std::ops::Range;

/// Deepest nesting of graphs (`If`, `Loop`, functions).
const MAX_DEPTH: usize = 32;

/// Why bytes are not an ONNX model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// A field extends past the end of the file.
    #[error("it ends in the middle of a field that starts at byte {offset}")]
    Truncated {
        /// Where the field starts, in bytes from the start of the file.
        offset: usize,
    },
    /// A field that protobuf does not have.
    #[error("byte {offset} starts no protobuf field")]
    NotProtobuf {
        /// Its position, in bytes from the start of the file.
        offset: usize,
    },
    /// Protobuf, but without a graph and an opset.
    #[error("it holds no graph with nodes and an opset")]
    NoGraph,
    /// Too deeply nested graphs.
    #[error("its graphs are nested more than {MAX_DEPTH} deep")]
    TooDeep,
}

/// One node of the graph, of a graph inside it, or of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name; many exporters leave it empty.
    pub name: String,
    /// Its operation, such as `Gemm`.
    pub operator: String,
    /// Domain of the operator; empty for ONNX itself.
    pub domain: String,
    /// First value it computes.
    pub output: String,
    /// Values it reads; known in the outer graph alone.
    pub inputs: Vec<String>,
    /// Names of the classes that it tells apart, of an operator for classifiers or for their probabilities.
    pub classes: Vec<String>,
}

/// An output of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Whether it holds whole numbers or texts, as the labels of a classifier do.
    pub is_label: bool,
}

/// A tensor whose values are in another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalTensor {
    /// Name of the tensor; empty if it is a constant inside a node.
    pub name: String,
    /// The path the file gives, as written.
    pub location: String,
}

/// The result of scanning a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Domain and version of every opset; the domain of ONNX itself is empty.
    pub opsets: Vec<(String, u64)>,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// Inputs of the graph that no initializer fills.
    pub inputs: Vec<String>,
    /// Outputs of the graph.
    pub outputs: Vec<Output>,
    /// The first tensor whose values are in another file.
    pub external: Option<ExternalTensor>,
    /// Values computed by nodes of the outer graph, and the place of the node in `nodes`.
    values: HashMap<String, usize>,
    /// Where the constants of the outer graph stand in the file.
    initializers: HashMap<String, Range<usize>>,
}

impl Scan {
    /// Walks over a whole model.
    ///
    /// # Errors
    /// [`ScanError`] for anything that is not an ONNX model.
    pub fn of(bytes: &[u8]) -> Result<Self, ScanError> {
        let mut scan = Self::default();
        for field in fields(bytes, 0) {
            let field = field?;
            match field.number {
                7 => scan.graph(&field, 0)?,
                8 => scan.opset_import(&field)?,
                // Training information holds two graphs, in the fields 1 and 2.
                20 => {
                    for graph in field.message() {
                        let graph = graph?;
                        if graph.number <= 2 {
                            scan.graph(&graph, MAX_DEPTH - 1)?;
                        }
                    }
                }
                // A function holds its nodes in field 7.
                25 => {
                    for node in field.message() {
                        let node = node?;
                        if node.number == 7 {
                            scan.node(&node, 1)?;
                        }
                    }
                }
                _ => {}
            }
        }
        scan.inputs.retain(|input| !scan.initializers.contains_key(input));
        if scan.outputs.is_empty() || scan.nodes.is_empty() || scan.opsets.is_empty() {
            return Err(ScanError::NoGraph);
        }
        Ok(scan)
    }

    /// Version of a domain's opset.
    pub fn opset(&self, domain: &str) -> Option<u64> {
        self.opsets.iter().find(|(name, _)| name == domain).map(|&(_, version)| version)
    }

    /// Whether a node of the outer graph computes `value`.
    pub fn computes(&self, value: &str) -> bool {
        self.values.contains_key(value)
    }

    /// The node of the outer graph that computes `value`.
    pub fn maker(&self, value: &str) -> Option<&Node> {
        self.values.get(value).map(|&at| &self.nodes[at])
    }

    /// Where a constant of the outer graph stands in the file, as a field of the graph.
    pub fn initializer(&self, name: &str) -> Option<Range<usize>> {
        self.initializers.get(name).cloned()
    }

    /// Names of the outputs.
    pub fn output_names(&self) -> Vec<String> {
        self.outputs.iter().map(|output| output.name.clone()).collect()
    }

    /// Values computed by nodes of the outer graph.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The node that a library's message refers to: by the longest name in it, or else the first value, or else the
    /// operator.
    pub fn node_in(&self, message: &str) -> Option<&Node> {
        type Key = fn(&Node) -> &str;
        let keys: [Key; 3] = [|node| &node.name, |node| &node.output, |node| &node.operator];
        keys.iter().find_map(|key| {
            let named = self.nodes.iter().filter(|node| has_word(message, key(node)));
            // Of equally long names, the first wins.
            named.rev().max_by_key(|node| key(node).len())
        })
    }

    fn opset_import(&mut self, field: &Field<'_>) -> Result<(), ScanError> {
        let mut opset = (String::new(), 0);
        for part in field.message() {
            let part = part?;
            match part.number {
                1 => opset.0 = part.text(),
                2 => opset.1 = part.value,
                _ => {}
            }
        }
        self.opsets.push(opset);
        Ok(())
    }

    fn graph(&mut self, graph: &Field<'_>, depth: usize) -> Result<(), ScanError> {
        if depth > MAX_DEPTH {
            return Err(ScanError::TooDeep);
        }
        for field in graph.message() {
            let field = field?;
            match field.number {
                1 => self.node(&field, depth)?,
                5 => {
                    let name = self.tensor(&field)?;
                    if depth == 0 {
                        self.initializers.insert(name, field.place.clone());
                    }
                }
                11 if depth == 0 => self.inputs.push(name_of(&field, 1)?),
                12 if depth == 0 => self.outputs.push(output(&field)?),
                15 => self.sparse(&field)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn node(&mut self, field: &Field<'_>, depth: usize) -> Result<(), ScanError> {
        let (mut node, mut values) = (Node::default(), Vec::new());
        for part in field.message() {
            let part = part?;
            match part.number {
                1 if depth == 0 => node.inputs.push(part.text()),
                2 => {
                    if depth == 0 {
                        values.push(part.text());
                    }
                    if node.output.is_empty() {
                        node.output = part.text();
                    }
                }
                3 => node.name = part.text(),
                4 => node.operator = part.text(),
                5 => {
                    if name_of(&part, 1)?.starts_with("classlabels_") {
                        node.classes = classes(&part)?;
                    }
                    self.attribute(&part, depth)?;
                }
                7 => node.domain = part.text(),
                _ => {}
            }
        }
        // A graph inside this node has left its own nodes before it.
        let at = self.nodes.len();
        self.values.extend(values.into_iter().map(|value| (value, at)));
        self.nodes.push(node);
        Ok(())
    }

    fn attribute(&mut self, field: &Field<'_>, depth: usize) -> Result<(), ScanError> {
        for part in field.message() {
            let part = part?;
            match part.number {
                5 | 10 => drop(self.tensor(&part)?),
                6 | 11 => self.graph(&part, depth + 1)?,
                22 | 23 => self.sparse(&part)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn sparse(&mut self, field: &Field<'_>) -> Result<(), ScanError> {
        for part in field.message() {
            let part = part?;
            if part.number <= 2 {
                self.tensor(&part)?;
            }
        }
        Ok(())
    }

    /// Records a tensor whose values are elsewhere; returns its name.
    fn tensor(&mut self, field: &Field<'_>) -> Result<String, ScanError> {
        let (mut name, mut outside, mut location) = (String::new(), false, String::new());
        for part in field.message() {
            let part = part?;
            match part.number {
                8 => name = part.text(),
                13 => {
                    outside = true;
                    if name_of(&part, 1)? == "location" {
                        location = name_of(&part, 2)?;
                    }
                }
                14 => outside |= part.value == 1,
                _ => {}
            }
        }
        if outside && self.external.is_none() {
            self.external = Some(ExternalTensor { name: name.clone(), location });
        }
        Ok(name)
    }
}

/// An output and its type, of which only the element of a tensor matters.
fn output(field: &Field<'_>) -> Result<Output, ScanError> {
    const LABELS: [u64; 3] = [6, 7, 8];
    let mut is_label = false;
    for part in field.message() {
        let part = part?;
        for kind in if part.number == 2 { part.message() } else { fields(&[], 0) } {
            let kind = kind?;
            for element in if kind.number == 1 { kind.message() } else { fields(&[], 0) } {
                let element = element?;
                is_label |= element.number == 1 && LABELS.contains(&element.value);
            }
        }
    }
    Ok(Output { name: name_of(field, 1)?, is_label })
}

/// The classes in an attribute of whole numbers or texts.
fn classes(field: &Field<'_>) -> Result<Vec<String>, ScanError> {
    let mut classes = Vec::new();
    for part in field.message() {
        let part = part?;
        match part.number {
            8 => classes.extend(part.numbers()?.into_iter().map(|number| (number as i64).to_string())),
            9 => classes.push(part.text()),
            _ => {}
        }
    }
    Ok(classes)
}

/// Whether `word` occurs in `text` with no adjacent letter, digit or underscore.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |character: char| character.is_alphanumeric() || character == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(inside)
                && !text[at + word.len()..].chars().next().is_some_and(inside)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name);
        std::fs::read(path).expect("the repository has the model")
    }

    #[test]
    fn a_model_is_read() {
        let scan = Scan::of(&model("gcn_dense.onnx")).unwrap();
        assert_eq!(
            (scan.inputs.as_slice(), scan.output_names().as_slice()),
            (&["rows".into()][..], &["logits".into()][..])
        );
        assert!(!scan.outputs[0].is_label);
        assert_eq!(scan.opset(""), Some(17));
        assert_eq!(scan.nodes.len(), 5);
        assert!(scan.computes("g1") && !scan.computes("adjacency"));
        assert_eq!(scan.external, None);
    }

    #[test]
    fn a_tensor_in_another_file_is_seen() {
        let scan = Scan::of(&model("external_data.onnx")).unwrap();
        assert_eq!(scan.external, Some(ExternalTensor { name: "w".into(), location: "../weights.bin".into() }));
    }

    #[test]
    fn every_truncation_and_random_bytes_end_in_an_error_or_a_smaller_model() {
        let whole = model("gcn_scatter.onnx");
        let refused = (0..whole.len()).filter(|&length| Scan::of(&whole[..length]).is_err()).count();
        assert!(refused >= whole.len() - 2, "only {refused} of {} were refused", whole.len());
        let mut state = 1u32;
        for start in 0..2000usize {
            let bytes: Vec<u8> = (0..start % 97)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            assert!(Scan::of(&bytes).is_err());
        }
    }

    #[test]
    fn graphs_nested_without_end_are_refused() {
        let wrap = |number: u8, inside: &[u8]| {
            let mut bytes = vec![number << 3 | 2];
            let mut length = inside.len();
            while length >= 0x80 {
                bytes.push(length as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend_from_slice(inside);
            bytes
        };
        let mut graph = Vec::new();
        for _ in 0..100 {
            graph = wrap(1, &wrap(5, &wrap(6, &graph)));
        }
        assert_eq!(Scan::of(&wrap(7, &graph)), Err(ScanError::TooDeep));
    }

    #[test]
    fn a_message_names_its_node() {
        let scan = Scan::of(&model("unsupported_operator.onnx")).unwrap();
        assert_eq!(scan.node_in("com.example:Whiten(-1) is not a registered function/op").unwrap().name, "whiten");
        assert_eq!(scan.node_in("Node (dense) Op (MatMul) failed").unwrap().name, "dense");
        assert_eq!(scan.node_in("no memory"), None);
    }
}
