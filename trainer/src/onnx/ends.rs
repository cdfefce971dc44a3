//! The ends of a model: its inputs and outputs, found by name, with the shapes that rows need.

use super::error::OnnxError;
use super::scan::Scan;
use super::teacher::{MAX_BATCH_ROWS, OnnxTeacherPlan};
use ort::session::Session;
use ort::value::{Outlet, TensorElementType};
use std::path::Path;

/// One input of a model.
#[derive(Debug)]
pub(super) struct Inlet {
    pub name: String,
    /// Its first dimension is the batch.
    pub shape: Vec<usize>,
    /// Whether it takes doubles.
    pub is_double: bool,
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

/// Rows of a batch as the model itself fixes them.
pub(super) fn declared_batch(session: &Session, name: &str) -> Option<usize> {
    let input = session.inputs().iter().find(|input| input.name() == name)?;
    let batch = *input.dtype().tensor_shape()?.first()?;
    usize::try_from(batch).ok().filter(|&batch| batch > 0)
}

/// Names of all inputs in the order in which a row is dealt to them; where the plan names none of several, also the column
/// of a row that each takes.
pub(super) fn input_names(plan: &OnnxTeacherPlan, scan: &Scan) -> Result<(Vec<String>, Option<Vec<usize>>), OnnxError> {
    if plan.inputs.is_empty() && scan.inputs.len() > 1 {
        let places = by_name(&plan.path, &scan.inputs, &plan.columns)?;
        return Ok((scan.inputs.clone(), Some(places)));
    }
    let chosen = |name| choose(&plan.path, "input", name, &scan.inputs, None);
    let names = match &plan.inputs[..] {
        [] => vec![chosen(None)?],
        names => names.iter().map(|name| chosen(Some(name))).collect::<Result<_, _>>()?,
    };
    let others: Vec<String> = scan.inputs.iter().filter(|name| !names.contains(name)).cloned().collect();
    if others.is_empty() {
        return Ok((names, None));
    }
    Err(OnnxError::MoreInputs { path: plan.path.clone(), found: others })
}

/// The inputs with their shapes; a batch that one of them fixes is that of all. `single` ones take one column each.
pub(super) fn inlets(
    plan: &OnnxTeacherPlan,
    session: &Session,
    names: Vec<String>,
    single: bool,
) -> Result<Vec<Inlet>, OnnxError> {
    let path = plan.path.as_path();
    let batch = names.iter().find_map(|name| declared_batch(session, name)).unwrap_or(plan.batch_rows);
    let inlet = |name: String| {
        let (shape, is_double) = input_shape(path, session, &name, batch)?;
        let refuse = |name: String, expected, found, remedy| {
            Err(OnnxError::Shape { path: path.into(), kind: "input", name, expected, found, remedy })
        };
        if shape[0] != batch {
            let found = format!("{shape:?}, a batch of {} and not {batch}", shape[0]);
            let remedy = "export all inputs with one batch dimension";
            return refuse(name, "the batch of the inputs before it", found, remedy);
        }
        if single && shape[1..].iter().product::<usize>() != 1 {
            let expected = "[rows, 1], as an input takes the one column that has its name";
            return refuse(name, expected, format!("{shape:?}"), "name its columns with `inputs`");
        }
        Ok(Inlet { name, shape, is_double })
    };
    names.into_iter().map(inlet).collect()
}

/// The columns of a row that inputs of one column each take, by name.
///
/// # Errors
/// The inputs that no column is named like.
fn by_name(path: &Path, inputs: &[String], columns: &[String]) -> Result<Vec<usize>, OnnxError> {
    // Exporters write what is no letter, digit or underscore as an underscore.
    let plain = |name: &str| name.replace(|other: char| !other.is_alphanumeric(), "_");
    let place = |input: &String| {
        let exact = columns.iter().position(|column| column == input);
        exact.or_else(|| {
            let mut alike = (0..columns.len()).filter(|&at| plain(&columns[at]) == plain(input));
            alike.next().filter(|_| alike.next().is_none())
        })
    };
    let places: Option<Vec<usize>> = inputs.iter().map(place).collect();
    places.ok_or_else(|| {
        let found = inputs.iter().filter(|input| place(input).is_none()).cloned().collect();
        OnnxError::MoreInputs { path: path.into(), found }
    })
}

/// The input's shape with the batch in front, everything behind of which must be known, and whether it takes doubles.
fn input_shape(path: &Path, session: &Session, name: &str, batch_rows: usize) -> Result<(Vec<usize>, bool), OnnxError> {
    let (declared, found) = check_reals(path, "input", session, name)?;
    let is_double = found.starts_with("f64");
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
    Ok(([&[batch], rest.as_slice()].concat(), is_double))
}

/// Whether an output holds whole numbers or texts.
pub(super) fn holds_labels(session: &Session, name: &str) -> bool {
    let output = session.outputs().iter().find(|output| output.name() == name);
    let element = output.and_then(|output| output.dtype().tensor_type());
    matches!(element, Some(TensorElementType::Int32 | TensorElementType::Int64 | TensorElementType::String))
}

/// Checks that an end is a tensor of floats or doubles; returns its declared shape, and type and shape in words.
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
    if matches!(kind_of, Some(TensorElementType::Float32 | TensorElementType::Float64)) {
        return Ok((shape, found));
    }
    Err(OnnxError::Shape {
        path: path.into(),
        kind,
        name: name.into(),
        expected: "a tensor of 32-bit floats or doubles",
        found,
        remedy: "export it with a cast in front or behind",
    })
}
