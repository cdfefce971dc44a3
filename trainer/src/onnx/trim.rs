//! Makes a model one that both libraries run for a teacher: the values it needs are the outputs, and the batch has a name.
//!
//! Labels and dictionaries that nobody reads are left out: tract has no ZipMap, and ONNX Runtime has none of doubles. tract
//! also needs to know that a dimension without length is one number everywhere; exporters of scikit-learn leave it blank.

use super::protobuf::{Field, fields, name_of, push};
use super::scan::{Scan, ScanError};

/// Name of the first dimension of inputs that leave it blank.
const BATCH: &[u8] = b"eyas_batch";
/// Fields that lead from an input to its first dimension: type, tensor, shape, dimension.
const TO_BATCH: [u8; 4] = [2, 1, 2, 1];

/// The model with the outputs `wanted` alone, each a value that it computes.
pub(super) fn with_outputs(mut model: Vec<u8>, scan: &Scan, wanted: &[&str]) -> Result<Vec<u8>, ScanError> {
    let is_complete = scan.outputs.iter().all(|output| wanted.contains(&output.name.as_str()));
    if !is_complete || has_blank_batch(&model)? {
        let mut trimmed = Vec::with_capacity(model.len());
        for field in fields(&model, 0) {
            let field = field?;
            if field.number == 7 {
                push(&mut trimmed, 7, &graph(&model, &field, wanted)?);
            } else {
                trimmed.extend_from_slice(&model[field.place]);
            }
        }
        model = trimmed;
    }
    for name in wanted.iter().filter(|name| !scan.outputs.iter().any(|output| output.name == **name)) {
        // Protobuf merges a second message `graph` into the first: ValueInfoProto.name in GraphProto.output.
        let (mut value, mut graph) = (Vec::new(), Vec::new());
        push(&mut value, 1, name.as_bytes());
        push(&mut graph, 12, &value);
        push(&mut model, 7, &graph);
    }
    Ok(model)
}

fn has_blank_batch(model: &[u8]) -> Result<bool, ScanError> {
    for field in fields(model, 0) {
        let field = field?;
        for part in if field.number == 7 { field.message() } else { fields(&[], 0) } {
            let part = part?;
            if part.number == 11 && with_batch(model, &part, &TO_BATCH)? != part.bytes {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A graph without other outputs and without dictionaries.
fn graph(model: &[u8], field: &Field<'_>, wanted: &[&str]) -> Result<Vec<u8>, ScanError> {
    let mut graph = Vec::with_capacity(field.bytes.len());
    for part in field.message() {
        let part = part?;
        match part.number {
            1 if name_of(&part, 4)? == "ZipMap" => {}
            11 => push(&mut graph, 11, &with_batch(model, &part, &TO_BATCH)?),
            12 if !wanted.contains(&name_of(&part, 1)?.as_str()) => {}
            _ => graph.extend_from_slice(&model[part.place]),
        }
    }
    Ok(graph)
}

/// The message `field` in which the blank dimension at the end of `path` has a name.
fn with_batch(model: &[u8], field: &Field<'_>, path: &[u8]) -> Result<Vec<u8>, ScanError> {
    let mut message = Vec::with_capacity(field.bytes.len());
    let Some((&number, rest)) = path.split_first() else {
        message.extend_from_slice(field.bytes);
        if field.bytes.is_empty() {
            push(&mut message, 2, BATCH);
        }
        return Ok(message);
    };
    let mut is_first = true;
    for part in field.message() {
        let part = part?;
        if is_first && part.number == u64::from(number) {
            push(&mut message, number, &with_batch(model, &part, rest)?);
            is_first = false;
        } else {
            message.extend_from_slice(&model[part.place]);
        }
    }
    Ok(message)
}
