//! An ONNX model that answers row by row.

use super::answer::Answer;
use super::ends::{Inlet, check_reals, declared_batch, holds_labels, inlets, input_names, unknown};
use super::error::{AtNode, OnnxError};
use super::interrupt::{Runs, is_interrupted};
use super::numbered::numbered;
use super::runtime::Runtime;
use super::scan::{Scan, ScanError};
use super::trim::with_outputs;
use super::values;
use crate::bounded;
use crate::teacher::rows::{RowTeacher, RowTeacherError, check_answer, check_rows};
use ndarray::{Array2, ArrayView2, s};
use ort::session::Session;
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
    /// Names of all inputs, in the order in which a row is distributed to them; optional if there is only one, or if each
    /// takes the one column that has its name.
    pub inputs: Vec<String>,
    /// Names of a row's columns; may be empty where no input is told by a column's name.
    pub columns: Vec<String>,
    /// Name of the output with the answers; optional if only one, besides the embedding, holds no labels.
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
    /// The column of each input, where they are told by name, and how many columns a row has.
    named: Option<(Vec<usize>, usize)>,
    answer: Answer,
    outputs: usize,
    tried: Array2<f32>,
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
        let (inputs, places) = input_names(plan, &scan)?;
        let mut answer = Answer::find(&bytes, &scan, plan)?;
        let identity = identity(&bytes, plan, &inputs.join("\n"), &answer.value, runtime);
        if let Some(name) = &plan.embedding
            && !scan.output_names().contains(name)
            && !scan.computes(name)
        {
            let outputs = scan.output_names();
            let names: Vec<String> = outputs.iter().cloned().chain(scan.values().map(Into::into)).collect();
            return Err(unknown(path, "output", name, &outputs, &names));
        }
        let mut wanted = vec![answer.value.as_str()];
        wanted.extend(plan.embedding.as_deref().filter(|name| *name != answer.value));
        let model = with_outputs(bytes, &scan, &wanted).map_err(|source| damaged(path, source))?;
        let model = match runtime.library() {
            Some(_) => model,
            None => numbered(&model).map_err(|source| damaged(path, source))?,
        };
        if answer.is_label && !answer.classes.is_empty() && runtime.library().is_none() {
            return Err(OnnxError::Shape {
                path: path.clone(),
                kind: "output",
                name: answer.value,
                expected: "probabilities or scores, since tract gives no labels",
                found: "labels".into(),
                remedy: "export the model with its probabilities, or install ONNX Runtime",
            });
        }
        let library = runtime.to_string();
        let session = session(&model, runtime).map_err(|error| refusal(path, &library, &scan, error.message()))?;
        let inputs = inlets(plan, &session, inputs, places.is_some())?;
        answer.is_label |= holds_labels(&session, &answer.value);
        if answer.is_label && answer.classes.is_empty() {
            return Err(OnnxError::LabelsOnly { path: path.clone(), output: answer.value });
        }
        if !answer.is_label && scan.output_names().contains(&answer.value) {
            check_reals(path, "output", &session, &answer.value)?;
        }
        let mut teacher = Self {
            path: path.clone(),
            library,
            session,
            runs: Runs::open(),
            inputs,
            named: places.map(|places| (places, plan.columns.len())),
            answer,
            outputs: 0,
            tried: Array2::zeros((0, 0)),
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

    /// Names of the classes in the order of the answers' columns; empty where the file does not tell them. Of two classes
    /// in one column the second is meant.
    pub fn classes(&self) -> &[String] {
        &self.answer.classes
    }

    /// Name of the value with the answers.
    pub fn answer_name(&self) -> &str {
        &self.answer.value
    }

    /// Whether it answers with labels alone: 1 for the class of a row, 0 for all others.
    pub fn has_labels_alone(&self) -> bool {
        self.answer.is_label
    }

    /// The answers to the rows that it was tried on, as it gave them.
    pub fn tried(&self) -> ArrayView2<'_, f32> {
        self.tried.view()
    }

    /// Learns the widths of the answers, and whether rows change each other's.
    fn try_out(&mut self, scan: &Scan) -> Result<(), OnnxError> {
        let (batch, inputs) = (self.batch_rows(), self.inputs());
        let output = self.answer.value.clone();
        let names = [Some(output.clone()), self.embedding.clone().map(|(name, _)| name)];
        let rows = sample(batch, inputs, 0);
        let mut first = Vec::new();
        for name in names.into_iter().flatten() {
            let logits = name == output;
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
        let first = first.swap_remove(0);
        self.tried = first.clone();
        if batch == 1 {
            return Ok(());
        }
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
        let mut from = 0;
        let tensors = self.inputs.iter().enumerate().map(|(at, input)| {
            let first = self.named.as_ref().map_or(from, |(places, _)| places[at]);
            from += input.width();
            let columns = batch.slice(s![.., first..first + input.width()]);
            let tensor = values::tensor(columns, &input.shape, input.is_double);
            Ok((input.name.as_str(), tensor.map_err(|error| failed(error.to_string()))?))
        });
        let tensors = tensors.collect::<Result<Vec<_>, OnnxError>>()?;
        let answers = match &self.runs {
            Some(runs) => self.session.run_with_options(tensors, runs.options()),
            None => self.session.run(tensors),
        };
        let answers = answers.map_err(|error| failed(error.to_string()))?;
        let answer = answers.get(name).ok_or_else(|| failed(format!("no answer `{name}`")))?;
        if logits && self.answer.is_label {
            return values::one_hot(answer, &self.answer.classes, rows).map_err(failed);
        }
        let (shape, values) = values::reals(answer).map_err(|error| failed(error.to_string()))?;
        // Logits are one number per class; an embedding may have the shape of an image and is flattened.
        let wide = shape.iter().skip(1).filter(|&&length| length != 1).count();
        let width = values.len() / rows;
        if shape.first() != Some(&(rows as i64)) || width == 0 || (logits && wide > 1) {
            return Err(OnnxError::Shape {
                path: self.path.clone(),
                kind: "output",
                name: name.into(),
                expected: "[rows, outputs], one row for each row given",
                found: format!("{shape:?} for {rows} rows"),
                remedy: "name another output",
            });
        }
        Array2::from_shape_vec((rows, width), values).map_err(|error| failed(error.to_string()))
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
        let logits = name == self.answer.value;
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
        let all = || self.inputs.iter().map(Inlet::width).sum();
        self.named.as_ref().map_or_else(all, |&(_, columns)| columns)
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError> {
        let (name, width) = (self.answer.value.clone(), self.outputs);
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

fn damaged(path: &Path, source: ScanError) -> OnnxError {
    OnnxError::Damaged { path: path.into(), source }
}

/// Refuses models that no library should see.
fn examine(path: &Path, bytes: &[u8]) -> Result<Scan, OnnxError> {
    if bytes.get(4..8) == Some(ORT_FORMAT) {
        return Err(OnnxError::OrtFormat { path: path.into() });
    }
    let scan = Scan::of(bytes).map_err(|source| damaged(path, source))?;
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
    // Names of columns matter only where inputs are told by them.
    let columns = if plan.inputs.is_empty() && input.contains('\n') { plan.columns.join("\n") } else { String::new() };
    let parts = ["eyas onnx teacher 2", input, &columns, output, embedding, &batch, &library].map(str::as_bytes);
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
