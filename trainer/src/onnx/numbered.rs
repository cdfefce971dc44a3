//! Classifiers of texts as classifiers of numbers, for tract, which takes no texts.

use super::protobuf::{Field, fields, name_of, push, push_number};
use super::scan::ScanError;

/// Kind of an attribute that lists whole numbers.
const INTS: u64 = 7;

/// The model whose classifiers name the places of their classes, from 0, where they named texts.
pub(super) fn numbered(model: &[u8]) -> Result<Vec<u8>, ScanError> {
    let mut whole = Vec::with_capacity(model.len());
    for field in fields(model, 0) {
        let field = field?;
        if field.number != 7 {
            whole.extend_from_slice(&model[field.place]);
            continue;
        }
        let mut graph = Vec::with_capacity(field.bytes.len());
        for part in field.message() {
            let part = part?;
            if part.number == 1 {
                push(&mut graph, 1, &node(model, &part)?);
            } else {
                graph.extend_from_slice(&model[part.place]);
            }
        }
        push(&mut whole, 7, &graph);
    }
    Ok(whole)
}

fn node(model: &[u8], field: &Field<'_>) -> Result<Vec<u8>, ScanError> {
    let trees = name_of(field, 4)? == "TreeEnsembleClassifier";
    let mut node = Vec::with_capacity(field.bytes.len());
    for part in field.message() {
        let part = part?;
        if part.number != 5 || name_of(&part, 1)? != "classlabels_strings" {
            node.extend_from_slice(&model[part.place]);
            continue;
        }
        let (mut attribute, mut classes) = (Vec::new(), 0);
        push(&mut attribute, 1, if trees { b"classlabels_int64s" } else { b"classlabels_ints" });
        for text in part.message() {
            if text?.number == 9 {
                push_number(&mut attribute, 8, classes);
                classes += 1;
            }
        }
        push_number(&mut attribute, 20, INTS);
        push(&mut node, 5, &attribute);
    }
    Ok(node)
}
