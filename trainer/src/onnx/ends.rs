//! The ends of a model: its inputs and outputs, found by name, with the shapes that rows need.

use super::error::OnnxError;
use super::teacher::MAX_BATCH_ROWS;
use ort::session::Session;
use ort::value::{Outlet, TensorElementType};
use std::path::Path;

/// One input of a model.
#[derive(Debug)]
pub(super) struct Inlet {
    pub name: String,
    /// Its first dimension is the batch.
    pub shape: Vec<usize>,
}

impl Inlet {
    /// Reals of a row that it takes.
    pub fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// The name asked for, or the only one there is beside `besides`.
pub(super) fn choose(
    path: &Path,
    kind: &'static str,
    name: Option<&str>,
    found: &[String],
    besides: Option<&str>,
) -> Result<String, OnnxError> {
    if let Some(name) = name {
        return match found.iter().find(|found| *found == name) {
            Some(found) => Ok(found.clone()),
            None => Err(unknown(path, kind, name, found, found)),
        };
    }
    let free: Vec<&String> = found.iter().filter(|found| Some(found.as_str()) != besides).collect();
    match free.as_slice() {
        [only] => Ok((*only).clone()),
        _ => Err(OnnxError::Choose { path: path.into(), kind, found: found.to_vec() }),
    }
}

pub(super) fn unknown(path: &Path, kind: &'static str, name: &str, found: &[String], near: &[String]) -> OnnxError {
    let nearest = near.iter().map(|near| (strsim::damerau_levenshtein(near, name), near)).min();
    let nearest_name =
        nearest.filter(|&(distance, near)| distance * 2 <= near.len().max(4)).map(|(_, near)| near.clone());
    OnnxError::Name { path: path.into(), kind, name: name.into(), found: found.to_vec(), nearest_name }
}

/// Makes a value an output: protobuf merges a second message `graph` into the first.
pub(super) fn add_output(model: &mut Vec<u8>, name: &str) {
    let mut message = name.as_bytes().to_vec();
    // ValueInfoProto.name, GraphProto.output, ModelProto.graph.
    for number in [1u8, 12, 7] {
        let mut field = vec![number << 3 | 2];
        let mut length = message.len();
        while length >= 0x80 {
            field.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        field.push(length as u8);
        field.append(&mut message);
        message = field;
    }
    model.append(&mut message);
}

/// Rows of a batch as the model itself fixes them.
pub(super) fn declared_batch(session: &Session, name: &str) -> Option<usize> {
    let input = session.inputs().iter().find(|input| input.name() == name)?;
    let batch = *input.dtype().tensor_shape()?.first()?;
    usize::try_from(batch).ok().filter(|&batch| batch > 0)
}

/// The inputs with their shapes; a batch that one of them fixes is that of all.
pub(super) fn inlets(
    path: &Path,
    session: &Session,
    names: Vec<String>,
    batch_rows: usize,
) -> Result<Vec<Inlet>, OnnxError> {
    let batch = names.iter().find_map(|name| declared_batch(session, name)).unwrap_or(batch_rows);
    let inlet = |name: String| {
        let shape = input_shape(path, session, &name, batch)?;
        if shape[0] == batch {
            return Ok(Inlet { name, shape });
        }
        Err(OnnxError::Shape {
            path: path.into(),
            kind: "input",
            name,
            expected: "the batch of the inputs before it",
            found: format!("{shape:?}, a batch of {} and not {batch}", shape[0]),
            remedy: "export all inputs with one batch dimension",
        })
    };
    names.into_iter().map(inlet).collect()
}

/// The input's shape with the batch in front; everything behind must be known.
fn input_shape(path: &Path, session: &Session, name: &str, batch_rows: usize) -> Result<Vec<usize>, OnnxError> {
    let (declared, found) = check_reals(path, "input", session, name)?;
    let shape = |expected, remedy| OnnxError::Shape {
        path: path.into(),
        kind: "input",
        name: name.into(),
        expected,
        found: found.clone(),
        remedy,
    };
    let Some((&batch, rest)) = declared.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return Err(shape("[rows, inputs] or more dimensions", "export it with a batch dimension in front"));
    };
    let known: Option<Vec<usize>> =
        rest.iter().map(|&length| usize::try_from(length).ok().filter(|&length| length > 0)).collect();
    let rest =
        known.ok_or_else(|| shape("all dimensions behind the first fixed", "export it with only the batch dynamic"))?;
    let batch = usize::try_from(batch).ok().filter(|&batch| batch > 0).unwrap_or(batch_rows);
    let product = rest.iter().try_fold(batch, |product, &length| product.checked_mul(length));
    if batch > MAX_BATCH_ROWS || product.is_none_or(|product| product > 1 << 28) {
        return Err(shape("a batch of at most 65,536 rows and 1 GiB", "take fewer batch_rows"));
    }
    Ok([&[batch], rest.as_slice()].concat())
}

/// Checks that an end is a tensor of 32-bit floats; returns its declared shape, and type and shape in words.
pub(super) fn check_reals(
    path: &Path,
    kind: &'static str,
    session: &Session,
    name: &str,
) -> Result<(Vec<i64>, String), OnnxError> {
    let ends: &[Outlet] = if kind == "input" { session.inputs() } else { session.outputs() };
    let end = ends.iter().find(|end| end.name() == name);
    let (kind_of, shape) = match end.map(Outlet::dtype) {
        Some(dtype) => (dtype.tensor_type(), dtype.tensor_shape().map(|shape| shape.to_vec()).unwrap_or_default()),
        None => (None, Vec::new()),
    };
    let found = match kind_of {
        Some(element) => format!("{element} {shape:?}"),
        None => "no tensor".to_owned(),
    };
    if kind_of == Some(TensorElementType::Float32) {
        return Ok((shape, found));
    }
    Err(OnnxError::Shape {
        path: path.into(),
        kind,
        name: name.into(),
        expected: "a tensor of 32-bit floats",
        found,
        remedy: "export it with a cast in front or behind",
    })
}
