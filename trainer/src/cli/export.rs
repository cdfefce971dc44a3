//! `eyas export`: writes a student for other runtimes.

use super::Failure;
use super::import::grid;
use super::rows::{print, read_student};
use crate::export::{FloatStudent, ONNX_OPSET, OnnxError, OnnxInput, STUDENT_FLOAT, to_onnx};
use crate::import::LayerCount;
use crate::output::{counted, write_atomic};
use eyas::Student;
use eyas::model::FrontEnd;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// Write the integer student as an ONNX QDQ model for ONNX Runtime, or write the float student.
///
/// The model uses operator set 13; the same student gives the same bytes. Its integers differ from the student's by at
/// most 1 in a layer, because ONNX rounds exact halves to even; the number of differences is printed.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas export models/cora/student.eyas --onnx cora.onnx\n  eyas export student.eyas --onnx student.onnx --integers --json\n  eyas export runs/cora/student.eyas --onnx float.onnx --float\n\nTensors: `features` [N, inputs] float (or `x` int8 with --integers), `y0`, `y1`, .. the integers of the layers,\n`logits` [N, outputs] float.\nOf the float student: `features`, `h0`, `h1`, .. the hidden layers, `logits`."
)]
pub struct Arguments {
    /// The student file, in any weight layout.
    file: PathBuf,
    /// Path of the ONNX model to write.
    #[arg(long, value_name = "OUT")]
    onnx: PathBuf,
    /// Take the student's input integers instead of real features.
    #[arg(long)]
    integers: bool,
    /// Write the float student from before rounding, from `student_float.npz` in the same folder.
    #[arg(long, conflicts_with = "integers")]
    float: bool,
    /// Number of random rows on which to count differences.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: u32,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// The JSON of `eyas export`.
#[derive(Serialize)]
struct Report<'a> {
    out: String,
    opset: i64,
    input: &'static str,
    rows: u32,
    off_by_one: u64,
    larger: u64,
    layers: &'a [LayerCount],
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student =
        Student::load(&file).map_err(|error| Failure::refused(format!("{}: {error}", arguments.file.display())))?;
    if arguments.float {
        return float(arguments, &file, &student);
    }
    let integers = arguments.integers || student.metadata().front_end == FrontEnd::Integers;
    let input = if integers { OnnxInput::Integers } else { OnnxInput::Features };
    let exported = to_onnx(&student, input, arguments.rows as usize).map_err(|error| match error {
        OnnxError::NoFrontEnd => Failure::usage(error),
        _ => Failure::refused(format!("{}: {error}", arguments.file.display())),
    })?;
    let sum = |count: fn(&LayerCount) -> u64| exported.layers.iter().map(count).sum();
    let report = Report {
        out: arguments.onnx.display().to_string(),
        opset: ONNX_OPSET,
        input: if integers { "x" } else { "features" },
        rows: arguments.rows,
        off_by_one: sum(|layer| layer.off_by_one),
        larger: sum(|layer| layer.larger),
        layers: &exported.layers,
    };
    if report.larger > 0 {
        return Err(Failure::work(format!(
            "{} more than 1 from ONNX's",
            counted(report.larger, "integer is", "integers are")
        )));
    }
    write_atomic(&arguments.onnx, &exported.bytes).map_err(Failure::work)?;
    if arguments.json {
        return print(&serde_json::to_string(&report).map_err(Failure::work)?);
    }
    let (counts, out, input) = (grid(report.layers), report.out, report.input);
    print(&format!("{counts}\n{out}: {} bytes, opset {ONNX_OPSET}, input `{input}`", exported.bytes.len()))
}

/// Writes the float student that the sealed one came from.
fn float(arguments: &Arguments, file: &[u8], student: &Student<'_>) -> Result<(), Failure> {
    let path = arguments.file.with_file_name(STUDENT_FLOAT);
    let found = FloatStudent::load(&path).map_err(Failure::refused)?;
    if found.student[..] != Sha256::digest(file)[..] {
        return Err(Failure::refused(format!(
            "{}: expected the float student of {}, found that of another; export from the folder of its run",
            path.display(),
            arguments.file.display()
        )));
    }
    let bytes = found.to_onnx();
    write_atomic(&arguments.onnx, &bytes).map_err(Failure::work)?;
    let (inputs, outputs) = (student.metadata().inputs, student.metadata().outputs());
    if arguments.json {
        let out = arguments.onnx.display().to_string();
        let report =
            json!({ "out": out, "opset": ONNX_OPSET, "input": "features", "inputs": inputs, "outputs": outputs });
        return print(&report.to_string());
    }
    print(&format!("{}: {} bytes, opset {ONNX_OPSET}, input `features`, float", arguments.onnx.display(), bytes.len()))
}
