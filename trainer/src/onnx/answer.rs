//! Which value of a model holds its answers, and which class each column of them stands for.
//!
//! Classifiers come with their labels beside the answers, and often with a ZipMap that turns these into one dictionary a
//! row. The answers are then taken where the ZipMap reads them, and their order is that of its keys.

use super::ends::choose;
use super::error::OnnxError;
use super::protobuf::fields;
use super::scan::{Output, Scan, ScanError};
use super::teacher::OnnxTeacherPlan;
use std::ops::Range;

/// Operators whose output has the columns of what they read first.
const PASSING: [&str; 9] =
    ["Cast", "Div", "Flatten", "Identity", "Mul", "Normalizer", "Reshape", "Squeeze", "Unsqueeze"];

/// Where a model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The value with the answers; not always an output of the file.
    pub value: String,
    /// Whether these are labels, one a row, as far as the file says.
    pub is_label: bool,
    /// Names of the classes in the order of the columns; empty where the file does not tell them.
    pub classes: Vec<String>,
}

impl Answer {
    /// The answers of the output that the plan names, or else of the only one, or one form, that is no label.
    pub fn find(model: &[u8], scan: &Scan, plan: &OnnxTeacherPlan) -> Result<Self, OnnxError> {
        let names = scan.output_names();
        let embedding = plan.embedding.as_deref();
        let free = || scan.outputs.iter().filter(|output| Some(output.name.as_str()) != embedding);
        let reals: Vec<String> =
            free().filter(|output| !is_of_labels(scan, output)).map(|output| output.name.clone()).collect();
        let output = match (&plan.output, &reals[..]) {
            (None, [first, _, ..]) if let Some(whole) = whole(scan, &reals) => {
                return Ok(Self::at(model, scan, first, whole.to_owned()));
            }
            (None, [only]) => only.clone(),
            (name, _) => choose(&plan.path, "output", name.as_deref(), &names, embedding)?,
        };
        let zipped = scan.maker(&output).filter(|node| node.operator == "ZipMap");
        let value = zipped.and_then(|node| node.inputs.first()).unwrap_or(&output).clone();
        Ok(Self::at(model, scan, &output, value))
    }

    fn at(model: &[u8], scan: &Scan, output: &str, value: String) -> Self {
        let is_label = scan.outputs.iter().any(|label| is_of_labels(scan, label) && label.name == value);
        let labels = scan.outputs.iter().filter(|output| is_of_labels(scan, output)).map(|output| output.name.as_str());
        let places = [output, &value].into_iter().chain(labels);
        let classes = places.map(|place| classes(model, scan, place)).find(|classes| !classes.is_empty());
        Self { value, is_label, classes: classes.unwrap_or_default() }
    }
}

/// Whether an output holds labels: by its type, or where it has none as the first output of a classifier.
fn is_of_labels(scan: &Scan, output: &Output) -> bool {
    let mut value = output.name.as_str();
    for _ in 0..scan.nodes.len() {
        match scan.maker(value) {
            Some(node) if !node.classes.is_empty() => return node.operator != "ZipMap" && node.output == value,
            Some(node) if PASSING.contains(&node.operator.as_str()) && !node.inputs.is_empty() => {
                value = &node.inputs[0]
            }
            _ => break,
        }
    }
    output.is_label
}

/// The value of which all `outputs` are columns, one each.
fn whole<'a>(scan: &'a Scan, outputs: &[String]) -> Option<&'a str> {
    let column = |output: &String| {
        let slice = scan.maker(output).filter(|node| node.operator == "Reshape")?.inputs.first()?;
        let whole = scan.maker(slice).filter(|node| node.operator == "Slice")?.inputs.first()?;
        Some(whole.as_str())
    };
    let first = column(outputs.first()?)?;
    outputs.iter().all(|output| column(output) == Some(first)).then_some(first)
}

/// The classes of a value, as the operators before it name them; none where they do not.
fn classes(model: &[u8], scan: &Scan, value: &str) -> Vec<String> {
    let mut value = value;
    // A damaged file may lead back to where it began.
    for _ in 0..scan.nodes.len() {
        let Some(node) = scan.maker(value) else { break };
        let Some(read) = node.inputs.first() else { break };
        if !node.classes.is_empty() {
            return node.classes.clone();
        }
        match node.operator.as_str() {
            // Labels are looked up by the number of the best class.
            "ArrayFeatureExtractor" => {
                let list = scan.initializer(read).and_then(|place| texts(model, place).ok());
                return list.unwrap_or_default();
            }
            operator if PASSING.contains(&operator) => value = read,
            _ => break,
        }
    }
    Vec::new()
}

/// Whole numbers or texts of a constant, as texts; none of another type.
fn texts(model: &[u8], place: Range<usize>) -> Result<Vec<String>, ScanError> {
    const INT32: u64 = 6;
    let (mut element, mut texts, mut raw) = (0, Vec::new(), &[][..]);
    for tensor in fields(&model[place.clone()], place.start) {
        for part in tensor?.message() {
            let part = part?;
            match part.number {
                2 => element = part.value,
                5 | 7 => texts.extend(part.numbers()?.into_iter().map(|number| (number as i64).to_string())),
                6 => texts.push(part.text()),
                9 => raw = part.bytes,
                _ => {}
            }
        }
    }
    if texts.is_empty() && element == INT32 {
        texts.extend(raw.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes).to_string()));
    } else if texts.is_empty() {
        texts.extend(raw.as_chunks().0.iter().map(|&bytes| i64::from_le_bytes(bytes).to_string()));
    }
    Ok(texts)
}
