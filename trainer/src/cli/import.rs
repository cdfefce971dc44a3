//! `eyas import`: turns a model of another tool into a student file.

use super::Failure;
use super::rows::{print, read_model};
use crate::dataset::Table;
use crate::import::{ImportError, ImportPlan, Imported, Judged, LayerCount, import, page};
use crate::output::write_atomic;
use crate::report::number::figure;
use comfy_table::Table as Grid;
use serde::Serialize;
use std::path::PathBuf;

/// Turn an int8 TFLite, ONNX QDQ or float ONNX model of dense layers into a student file.
///
/// Supported are dense layers with ReLU, ReLU6 or clamps, and around them reshape, (de)quantize and a final softmax
/// (dropped: the largest logit is the same), and what skl2onnx writes around an MLP: a scaler before it, labels,
/// probabilities and a ZipMap behind it. uint8 activations are shifted to int8. Each layer is fed the source's own
/// input and compared with the source's own rounding; a difference of more than 1 is an error (status 1).
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas import model.tflite\n  eyas import model_qdq.onnx --out student.eyas --report report.html\n  eyas import float.onnx --calibrate rows.csv --labels walk,run,rest\n\nA float model is judged on the rows of --calibrate, by accuracy where they have labels. For a quantized model they\nare rows to compare on instead of drawn ones. --json prints {\"format\":..,\"layers\":[{\"off_by_one\":0,\"larger\":0}]}."
)]
pub struct Arguments {
    /// The model: .tflite or .onnx, recognised by content.
    model: PathBuf,
    /// Path of the student file to write; default: next to the model, with the extension .eyas.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Rows of real features for a float model: .csv, or .npz with `x`; optionally with a column or array of labels.
    #[arg(long, value_name = "DATA")]
    calibrate: Option<PathBuf>,
    /// Path of a page with the counts, such as report.html.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Names of the outputs in order; default: those that the model tells, or numbers.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    labels: Vec<String>,
    /// Let the first layer skip inputs at the zero point; useful for inputs that are mostly absent.
    #[arg(long)]
    sparse_input: bool,
    /// Number of random rows on which to compare a quantized model.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: u32,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// The JSON of `eyas import`.
#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    out: String,
    file_bytes: usize,
    golden_vectors: usize,
    unsigned_activations: bool,
    rows: usize,
    off_by_one: u64,
    larger: u64,
    layers: &'a [LayerCount],
    judged: Option<&'a Judged>,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let bytes = read_model(&arguments.model)?;
    let rows = arguments.calibrate.as_deref().map(Table::load).transpose().map_err(Failure::refused)?;
    let name = arguments.model.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let plan = ImportPlan {
        name: &name,
        rows: rows.as_ref(),
        labels: &arguments.labels,
        sparse_input: arguments.sparse_input,
        compared_rows: arguments.rows as usize,
    };
    let imported = import(&bytes, &plan).map_err(|error| {
        let told = format!("{}: {error}", arguments.model.display());
        match error {
            ImportError::NoRows => Failure::usage(told),
            ImportError::Difference { .. } => Failure::work(told),
            _ => Failure::refused(told),
        }
    })?;
    let out = arguments.out.clone().unwrap_or_else(|| arguments.model.with_extension("eyas"));
    write_atomic(&out, &imported.sealed.file).map_err(Failure::work)?;
    if let Some(report) = &arguments.report {
        let page = page(&name, &imported).map_err(Failure::work)?;
        write_atomic(report, page.as_bytes()).map_err(Failure::work)?;
    }
    let sum = |count: fn(&LayerCount) -> u64| imported.layers.iter().map(count).sum();
    let report = Report {
        format: imported.format,
        out: out.display().to_string(),
        file_bytes: imported.sealed.file.len(),
        golden_vectors: imported.sealed.golden_vectors,
        unsigned_activations: imported.unsigned,
        rows: imported.rows,
        off_by_one: sum(|layer| layer.off_by_one),
        larger: sum(|layer| layer.larger),
        layers: &imported.layers,
        judged: imported.judged.as_ref(),
    };
    if arguments.json {
        return print(&serde_json::to_string(&report).map_err(Failure::work)?);
    }
    print(&report.text(&imported))
}

impl Report<'_> {
    fn text(&self, imported: &Imported) -> String {
        let mut text = String::new();
        if let Some(judged) = &imported.judged {
            text += &format!(
                "{} rows: the int8 student gives the float model's label on {:.2} %, its outputs {} apart in the mean\n",
                judged.rows,
                100.0 * judged.agreement,
                figure(judged.mean_difference)
            );
            if let (Some(float), Some(int8)) = (judged.accuracy_float, judged.accuracy_int8) {
                text += &format!("accuracy: float {:.2} %, int8 {:.2} %\n", 100.0 * float, 100.0 * int8);
            }
        } else {
            text += &format!("{}\n{} rows, each layer fed the source's own input\n", grid(self.layers), self.rows);
        }
        if self.unsigned_activations {
            text += "the source's uint8 activations are the student's int8 plus 128\n";
        }
        text + &format!("{}: {} bytes from {}", self.out, self.file_bytes, self.format)
    }
}

/// The counts of every layer as a table.
pub(super) fn grid(layers: &[LayerCount]) -> String {
    let mut grid = Grid::new();
    grid.set_header(["layer", "from", "shape", "rescaled rows", "integers", "off by one", "larger"]);
    for (index, layer) in layers.iter().enumerate() {
        grid.add_row([
            index.to_string(),
            layer.operator.clone(),
            format!("{} -> {}", layer.inputs, layer.outputs),
            layer.rescaled_rows.to_string(),
            layer.values.to_string(),
            layer.off_by_one.to_string(),
            layer.larger.to_string(),
        ]);
    }
    grid.to_string()
}
