//! Why ONNX Runtime or a model cannot be used, and the remedy.

use super::library::OLDEST;
use super::scan::ScanError;
use std::io;
use std::path::PathBuf;

/// The command that installs the library.
pub const GET_LIBRARY: &str = "`pip install onnxruntime` gets it (`cargo xtask setup` inside the repository)";

/// Why no library can run a model.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No library anywhere.
    #[error("no ONNX Runtime found here; {GET_LIBRARY}, or name its file with --ort-dylib or ORT_DYLIB_PATH")]
    NotFound,
    /// The library that was named cannot be read.
    #[error("{}: expected ONNX Runtime's library (from {named_by}), found nothing to read: {error}; correct the path, or {GET_LIBRARY}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The flag or variable that named it.
        named_by: String,
        /// The system's error.
        error: io::Error,
    },
    /// A file that is something else.
    #[error("{}: expected ONNX Runtime's library for this processor, found {found}; {GET_LIBRARY}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// Its actual content.
        found: String,
    },
    /// A library that lacks the required interface.
    #[error("{}: expected ONNX Runtime 1.{OLDEST} or newer, found {found}; `pip install --upgrade onnxruntime` gets it", path.display())]
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// The system's loader refuses it.
    #[error("{}: cannot load ONNX Runtime: {reason}; {GET_LIBRARY}", path.display())]
    Load {
        /// The file.
        path: PathBuf,
        /// The loader's error.
        reason: String,
    },
    /// An earlier attempt of this process failed, and the loader works only once.
    #[error("ONNX Runtime could not be loaded before: {reason}; start the command anew with another library")]
    FailedBefore {
        /// The error of the first attempt.
        reason: String,
    },
    /// Another library already runs in this process.
    #[error("expected the library {expected}, found {found} loaded already; use one library a process")]
    Another {
        /// The requested library.
        expected: String,
        /// The running library.
        found: String,
    },
    /// The pure-Rust backend is not in this program.
    #[error("expected the backend tract, which this program was built without; build it with `--features onnx-tract`")]
    NoTract,
}

/// A node that a library refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtNode {
    /// Name of the node, or else its first value.
    pub node: String,
    /// Domain of the operator, followed by a dot; empty for ONNX itself.
    pub domain: String,
    /// Name of the operator.
    pub operator: String,
    /// Version of the domain's opset; 0 if the file imports none.
    pub opset: u64,
    /// The library.
    pub library: String,
    /// The library's message.
    pub reason: String,
}

/// Why a model cannot be a teacher.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// No library can run it.
    #[error("{0}; `eyas doctor` says what this machine has")]
    Runtime(#[from] RuntimeError),
    /// The user stopped the command while the model was running.
    #[error("{}: interrupted while the model answered", path.display())]
    Interrupted {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: cannot read the model: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is not an ONNX model.
    #[error("{}: expected an ONNX model, but {source}; export it again, or copy it again in whole", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: ScanError,
    },
    /// A model in ONNX Runtime's own format.
    #[error("{}: expected an ONNX model, found ONNX Runtime's .ort format; give the .onnx file it was made from", path.display())]
    OrtFormat {
        /// The file.
        path: PathBuf,
    },
    /// Values of a tensor are in another file, which is never opened.
    #[error(
        "{}: expected all tensors inside the file, found `{tensor}` in the file {location:?}, which is not opened; put \
         them inside: `python -c \"import onnx; onnx.save(onnx.load('in.onnx'), 'out.onnx')\"`", path.display()
    )]
    ExternalData {
        /// The model.
        path: PathBuf,
        /// Name of the tensor.
        tensor: String,
        /// The path it gives, as written.
        location: String,
    },
    /// An operator that the library lacks.
    #[error(
        "{}, node `{}`: operator {}{} of opset {} is not supported by {} ({}); export the model without it, or with an \
         opset the library has", path.display(), at.node, at.domain, at.operator, at.opset, at.library, at.reason
    )]
    UnsupportedOperator {
        /// The model.
        path: PathBuf,
        /// The node, and what the library says.
        at: Box<AtNode>,
    },
    /// A node that the library refuses for another reason.
    #[error(
        "{}, node `{}`: operator {}{} of opset {} is refused by {}: {}; check the model with \
         `onnx.checker.check_model` and export it again",
        path.display(), at.node, at.domain, at.operator, at.opset, at.library, at.reason
    )]
    Node {
        /// The model.
        path: PathBuf,
        /// The node, and what the library says.
        at: Box<AtNode>,
    },
    /// The library refuses the model and names no node.
    #[error("{}: {library} refuses the model (opset {opset}): {reason}; export it again with another opset", path.display())]
    Refused {
        /// The model.
        path: PathBuf,
        /// The library.
        library: String,
        /// Version of ONNX's opset; 0 if the file imports none.
        opset: u64,
        /// The library's message.
        reason: String,
    },
    /// No input or output of this name.
    #[error("{}: expected an {kind} `{name}`, found {}{}", path.display(), listed(found), nearest(nearest_name))]
    Name {
        /// The model.
        path: PathBuf,
        /// `input` or `output`.
        kind: &'static str,
        /// The name asked for.
        name: String,
        /// The names there are.
        found: Vec<String>,
        /// The nearest of them, if one is similar.
        nearest_name: Option<String>,
    },
    /// Several inputs or outputs, none chosen.
    #[error("{}: expected one {kind}, found {}; name the one to use with `{kind}`", path.display(), listed(found))]
    Choose {
        /// The model.
        path: PathBuf,
        /// `input` or `output`.
        kind: &'static str,
        /// The names there are.
        found: Vec<String>,
    },
    /// Inputs without columns.
    #[error(
        "{}: expected rows for every input, found none for {}; name the columns of each input with `inputs` or give the \
         data columns of these names, or make what is constant, such as an adjacency, an initializer (a buffer of the \
         module before the export)", path.display(), listed(found)
    )]
    MoreInputs {
        /// The model.
        path: PathBuf,
        /// The inputs, without those named.
        found: Vec<String>,
    },
    /// Labels without the list of all classes.
    #[error(
        "{}, output `{output}`: expected probabilities or scores, found labels, and no list of their classes in the file; \
         export the model with its probabilities", path.display()
    )]
    LabelsOnly {
        /// The model.
        path: PathBuf,
        /// The output.
        output: String,
    },
    /// An input or output of another type or shape.
    #[error("{}, {kind} `{name}`: expected {expected}, found {found}; {remedy}", path.display())]
    Shape {
        /// The model.
        path: PathBuf,
        /// `input` or `output`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The requirement of a teacher.
        expected: &'static str,
        /// Type and shape.
        found: String,
        /// The remedy.
        remedy: &'static str,
    },
    /// Rows change each other's answers, and their number is not fixed.
    #[error(
        "{}: expected a model that answers each row independently, found that the answer of a row depends on \
         other rows; export it in evaluation mode, and a graph network with its number of nodes fixed", path.display()
    )]
    MixesRows {
        /// The model.
        path: PathBuf,
    },
    /// A model over a whole graph got some of its nodes.
    #[error("{}: expected all {expected} rows at once, since each answer depends on the others, found {found}", path.display())]
    WholeOnly {
        /// The model.
        path: PathBuf,
        /// Rows of the graph.
        expected: usize,
        /// Rows of the call.
        found: usize,
    },
    /// The library failed while it ran.
    #[error("{}: {library} failed on rows {first}..: {reason}", path.display())]
    Run {
        /// The model.
        path: PathBuf,
        /// The library.
        library: String,
        /// First row of the batch.
        first: usize,
        /// The library's message.
        reason: String,
    },
    /// A setting out of its range.
    #[error("batch_rows: expected 1 to {most}, found {found}")]
    BatchRows {
        /// Largest batch.
        most: usize,
        /// The given value.
        found: usize,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".into()
    } else {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    }
}

fn nearest(name: &Option<String>) -> String {
    name.as_ref().map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}
