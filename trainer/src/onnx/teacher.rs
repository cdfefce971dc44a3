//! An ONNX model that answers row by row.

use super::ends::{Inlet, add_output, check_reals, choose, declared_batch, inlets, unknown};
use super::error::{AtNode, OnnxError};
use super::interrupt::{Runs, is_interrupted};
use super::runtime::Runtime;
use super::scan::Scan;
use crate::bounded;
use crate::teacher::rows::{RowTeacher, RowTeacherError, check_answer, check_rows};
use ndarray::{Array2, ArrayView2, s};
use ort::session::Session;
use ort::value::TensorRef;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Most rows of a batch.
pub const MAX_BATCH_ROWS: usize = 65_536;
/// The magic bytes of the `.ort` format, at byte 4.
const ORT_FORMAT: &[u8] = b"ORTM";
/// Largest difference of two answers, relative to 1 + their magnitude, that rounding can explain.
const ROUNDING: f32 = 1e-4;

/// The model, and its inputs and outputs to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnnxTeacherPlan {
    /// The `.onnx` file.
    pub path: PathBuf,
    /// Names of all inputs, in the order in which a row is distributed to them; optional if there is only one.
    pub inputs: Vec<String>,
    /// Name of the output with the logits; optional if there is only one besides the embedding.
    pub output: Option<String>,
    /// Name of the embedding: an output, or any value that a node computes.
    pub embedding: Option<String>,
    /// Rows of a batch, 1 to [`MAX_BATCH_ROWS`]; a model with a fixed batch keeps its own.
    pub batch_rows: usize,
}

/// A model with an open session.
#[derive(Debug)]
pub struct OnnxTeacher {
    path: PathBuf,
    library: String,
    session: Session,
    runs: Option<Runs>,
    /// At least one, all with the same batch.
    inputs: Vec<Inlet>,
    output: String,
    outputs: usize,
    embedding: Option<(String, usize)>,
    /// Whether rows change each other's answers.
    whole: bool,
    identity: [u8; 32],
}

impl OnnxTeacher {
    /// Opens a model and tries it on a few rows.
    ///
    /// # Errors
    /// [`OnnxError`] for everything that keeps the model from answering row by row.
    pub fn open(plan: &OnnxTeacherPlan, runtime: &Runtime) -> Result<Self, OnnxError> {
        if !(1..=MAX_BATCH_ROWS).contains(&plan.batch_rows) {
            return Err(OnnxError::BatchRows { most: MAX_BATCH_ROWS, found: plan.batch_rows });
        }
        let path = &plan.path;
        let bytes = bounded::read(path, bounded::Kind::OnnxModel)
            .map_err(|source| OnnxError::Read { path: path.clone(), source })?;
        let scan = examine(path, &bytes)?;
        if plan.inputs.is_empty() && scan.inputs.len() > 1 {
            return Err(OnnxError::MoreInputs { path: path.clone(), found: scan.inputs });
        }
        let given: Vec<Option<&str>> = plan.inputs.iter().map(|name| Some(name.as_str())).collect();
        let given = if given.is_empty() { vec![None] } else { given };
        let inputs = given.into_iter().map(|name| choose(path, "input", name, &scan.inputs, None));
        let inputs = inputs.collect::<Result<Vec<String>, _>>()?;
        let output = choose(path, "output", plan.output.as_deref(), &scan.outputs, plan.embedding.as_deref())?;
        let others: Vec<String> = scan.inputs.iter().filter(|name| !inputs.contains(name)).cloned().collect();
        if !others.is_empty() {
            return Err(OnnxError::MoreInputs { path: path.clone(), found: others });
        }
        let identity = identity(&bytes, plan, &inputs.join("\n"), &output, runtime);
        let mut model = bytes;
        if let Some(name) = &plan.embedding
            && !scan.outputs.contains(name)
        {
            if !scan.computes(name) {
                let names: Vec<String> =
                    scan.outputs.iter().map(String::as_str).chain(scan.values()).map(Into::into).collect();
                return Err(unknown(path, "output", name, &scan.outputs, &names));
            }
            add_output(&mut model, name);
        }
        let library = runtime.to_string();
        let session = session(&model, runtime).map_err(|error| refusal(path, &library, &scan, error.message()))?;
        let inputs = inlets(path, &session, inputs, plan.batch_rows)?;
        check_reals(path, "output", &session, &output)?;
        let mut teacher = Self {
            path: path.clone(),
            library,
            session,
            runs: Runs::open(),
            inputs,
            output,
            outputs: 0,
            embedding: plan.embedding.clone().map(|name| (name, 0)),
            whole: false,
            identity,
        };
        teacher.try_out(&scan)?;
        Ok(teacher)
    }

    /// Rows of a batch.
    pub fn batch_rows(&self) -> usize {
        self.inputs[0].shape[0]
    }

    /// Reals of the embedding; `None` if the plan names none.
    pub fn embedding_width(&self) -> Option<usize> {
        self.embedding.as_ref().map(|(_, width)| *width)
    }

    /// Learns the widths of the answers, and whether rows change each other's.
    fn try_out(&mut self, scan: &Scan) -> Result<(), OnnxError> {
        let (batch, inputs) = (self.batch_rows(), self.inputs());
        let names = [Some(self.output.clone()), self.embedding.clone().map(|(name, _)| name)];
        let rows = sample(batch, inputs, 0);
        let mut first = Vec::new();
        for name in names.into_iter().flatten() {
            let logits = name == self.output;
            let answer = self.run(&rows, &name, logits, 0).map_err(|error| match error {
                // Some missing operators are detected only when they run.
                OnnxError::Run { reason, .. } => refusal(&self.path, &self.library, scan, &reason),
                other => other,
            })?;
            match (&mut self.embedding, logits) {
                (Some((_, width)), false) => *width = answer.ncols(),
                _ => {
                    self.outputs = answer.ncols();
                    first.push(answer);
                }
            }
        }
        if batch == 1 {
            return Ok(());
        }
        let first = first.swap_remove(0);
        let output = self.output.clone();
        // Every other row is changed; then all rows are permuted.
        let mut changed = rows.clone();
        changed.slice_mut(s![1..;2, ..]).assign(&sample(batch, inputs, 1).slice(s![1..;2, ..]));
        let answer = self.run(&changed, &output, true, 0)?;
        let unmoved = alike(first.slice(s![..;2, ..]), answer.slice(s![..;2, ..]));
        let reversed = rows.slice(s![..;-1, ..]).as_standard_layout().into_owned();
        let answer = self.run(&reversed, &output, true, 0)?;
        self.whole = !(unmoved && alike(first.view(), answer.slice(s![..;-1, ..])));
        if self.whole && !self.fixed_batch() {
            return Err(OnnxError::MixesRows { path: self.path.clone() });
        }
        Ok(())
    }

    fn fixed_batch(&self) -> bool {
        self.inputs.iter().any(|input| declared_batch(&self.session, &input.name).is_some())
    }

    /// Answers of one whole batch.
    fn run(&mut self, batch: &Array2<f32>, name: &str, logits: bool, first: usize) -> Result<Array2<f32>, OnnxError> {
        let rows = self.batch_rows();
        let failed = |reason: String| match is_interrupted() {
            true => OnnxError::Interrupted { path: self.path.clone() },
            false => OnnxError::Run { path: self.path.clone(), library: self.library.clone(), first, reason },
        };
        let (mut dealt, mut from) = (Vec::with_capacity(self.inputs.len()), 0);
        for input in &self.inputs {
            let to = from + input.width();
            dealt.push(batch.slice(s![.., from..to]).iter().copied().collect::<Vec<f32>>());
            from = to;
        }
        let tensors = self.inputs.iter().zip(&dealt).map(|(input, values)| {
            let tensor = TensorRef::from_array_view((input.shape.clone(), values.as_slice()));
            Ok((input.name.as_str(), tensor.map_err(|error| failed(error.to_string()))?))
        });
        let tensors = tensors.collect::<Result<Vec<_>, OnnxError>>()?;
        let answers = match &self.runs {
            Some(runs) => self.session.run_with_options(tensors, runs.options()),
            None => self.session.run(tensors),
        };
        let answers = answers.map_err(|error| failed(error.to_string()))?;
        let answer = answers.get(name).ok_or_else(|| failed(format!("no answer `{name}`")))?;
        let (shape, values) = answer.try_extract_tensor::<f32>().map_err(|error| failed(error.to_string()))?;
        // Logits are one number per class; an embedding may have the shape of an image and is flattened.
        let wide = shape.iter().skip(1).filter(|&&length| length != 1).count();
        let width = values.len() / rows;
        if shape.first() != Some(&(rows as i64)) || width == 0 || (logits && wide > 1) {
            return Err(OnnxError::Shape {
                path: self.path.clone(),
                kind: "output",
                name: name.into(),
                expected: "[rows, outputs], one row for each row given",
                found: format!("{:?} for {rows} rows", &**shape),
                remedy: "name another output",
            });
        }
        Array2::from_shape_vec((rows, width), values.to_vec()).map_err(|error| failed(error.to_string()))
    }

    /// Answers of any number of rows. Every batch has the full size; the last one is filled up with its own first row,
    /// so that the library computes all rows alike.
    fn answer(&mut self, rows: ArrayView2<'_, f32>, name: &str, width: usize) -> Result<Array2<f32>, RowTeacherError> {
        check_rows(rows, self.inputs())?;
        let (count, batch) = (rows.nrows(), self.batch_rows());
        if self.whole && count != batch {
            let path = self.path.clone();
            return Err(RowTeacherError::failed(OnnxError::WholeOnly { path, expected: batch, found: count }));
        }
        let logits = name == self.output;
        let mut answers = Array2::zeros((count, width));
        for first in (0..count).step_by(batch) {
            let here = batch.min(count - first);
            let mut filled = Array2::zeros((batch, self.inputs()));
            filled.slice_mut(s![..here, ..]).assign(&rows.slice(s![first..first + here, ..]));
            for mut row in filled.slice_mut(s![here.., ..]).outer_iter_mut() {
                row.assign(&rows.row(first));
            }
            let answer = self.run(&filled, name, logits, first).map_err(RowTeacherError::failed)?;
            answers.slice_mut(s![first..first + here, ..]).assign(&answer.slice(s![..here, ..]));
        }
        check_answer(if logits { "logits" } else { "embedding" }, answers.view())?;
        Ok(answers)
    }
}

impl RowTeacher for OnnxTeacher {
    fn inputs(&self) -> usize {
        self.inputs.iter().map(Inlet::width).sum()
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError> {
        let (name, width) = (self.output.clone(), self.outputs);
        self.answer(rows, &name, width)
    }

    fn embedding(&mut self, rows: ArrayView2<'_, f32>) -> Result<Option<Array2<f32>>, RowTeacherError> {
        let Some((name, width)) = self.embedding.clone() else { return Ok(None) };
        self.answer(rows, &name, width).map(Some)
    }

    fn rows_at_once(&self) -> Option<usize> {
        self.whole.then(|| self.batch_rows())
    }

    fn identity(&self) -> [u8; 32] {
        self.identity
    }
}

/// Refuses models that no library should see.
fn examine(path: &Path, bytes: &[u8]) -> Result<Scan, OnnxError> {
    if bytes.get(4..8) == Some(ORT_FORMAT) {
        return Err(OnnxError::OrtFormat { path: path.into() });
    }
    let scan = Scan::of(bytes).map_err(|source| OnnxError::Damaged { path: path.into(), source })?;
    match &scan.external {
        None => Ok(scan),
        Some(tensor) => Err(OnnxError::ExternalData {
            path: path.into(),
            tensor: tensor.name.clone(),
            location: tensor.location.clone(),
        }),
    }
}

fn session(model: &[u8], runtime: &Runtime) -> ort::Result<Session> {
    // One thread: it gives the same order of additions on every machine, and jobs run in parallel instead.
    let builder = Session::builder(&runtime.environment)?;
    let builder = builder.with_intra_threads(1).unwrap_or_else(ort::Error::recover);
    let mut builder = builder.with_inter_threads(1).unwrap_or_else(ort::Error::recover);
    builder.commit_from_memory(model)
}

/// Turns a library's message into an error that names the node.
fn refusal(path: &Path, library: &str, scan: &Scan, message: &str) -> OnnxError {
    const MISSING: [&str; 7] = [
        "not a registered function/op",
        "No Op registered",
        "Could not find an implementation",
        "NOT_IMPLEMENTED",
        "nimplemented",
        "not supported",
        "nsupported",
    ];
    let (path, library, reason) = (path.to_path_buf(), library.to_owned(), message.trim().replace('\n', "; "));
    let Some(node) = scan.node_in(message) else {
        return OnnxError::Refused { path, library, opset: scan.opset("").unwrap_or(0), reason };
    };
    let name = if node.name.is_empty() { &node.output } else { &node.name };
    let domain = if node.domain.is_empty() { String::new() } else { format!("{}.", node.domain) };
    let opset = scan.opset(&node.domain).unwrap_or(0);
    let at = Box::new(AtNode { node: name.clone(), domain, operator: node.operator.clone(), opset, library, reason });
    if MISSING.iter().any(|missing| message.contains(missing)) {
        return OnnxError::UnsupportedOperator { path, at };
    }
    OnnxError::Node { path, at }
}

/// SHA-256 over everything that decides an answer.
fn identity(bytes: &[u8], plan: &OnnxTeacherPlan, input: &str, output: &str, runtime: &Runtime) -> [u8; 32] {
    let mut hash = Sha256::new();
    let embedding = plan.embedding.as_deref().unwrap_or_default();
    let batch = plan.batch_rows.to_string();
    let library = format!("{runtime}\n{}", runtime.build());
    let parts = ["eyas onnx teacher 1", input, output, embedding, &batch, &library].map(str::as_bytes);
    for part in parts.into_iter().chain([bytes]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Rows of reals in -1..1 for trying out a model.
fn sample(rows: usize, inputs: usize, seed: u32) -> Array2<f32> {
    let mut state = 0x9e37_79b9u32.wrapping_add(seed.wrapping_mul(0x85eb_ca6b));
    Array2::from_shape_simple_fn((rows, inputs), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    })
}

/// Whether two answers are equal up to rounding.
fn alike(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> bool {
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= ROUNDING * (1.0 + a.abs()) || (a.is_nan() && b.is_nan()) || a == b)
}
