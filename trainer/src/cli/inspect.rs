//! `eyas inspect`: shows the content and costs of a student file.

use super::Failure;
use super::rows::{print, read_student};
use crate::output::{hexadecimal, one_line};
use comfy_table::Table;
use eyas::Student;
use eyas::model::{CoreClass, FrontEnd, Layer, LayerKind, Task};
use serde::Serialize;
use std::path::PathBuf;

/// Show the shape, costs, labels and origin of a student file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas inspect models/cora/student.eyas\n  eyas inspect student.eyas --json | jq .weight_bytes"
)]
pub struct Arguments {
    /// The student file.
    file: PathBuf,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// The JSON of `eyas inspect`.
#[derive(Serialize)]
struct Inspection<'a> {
    task: &'static str,
    file_bytes: usize,
    weight_bytes: usize,
    arena_bytes: usize,
    arena_bytes_by_core: ArenaBytes,
    macs: usize,
    parameters: usize,
    inputs: usize,
    outputs: usize,
    labels: Vec<&'a str>,
    layers: Vec<LayerRow>,
    front_end: &'static str,
    input_zero_point: i8,
    input_names: Vec<&'a str>,
    schema_hash: String,
    output_scale: f32,
    golden_vectors: usize,
    teacher: &'a str,
    seed: u64,
    tool: &'a str,
    data_hash: String,
    recipe_hash: String,
    counter: u32,
}

/// Bytes of arena, by the width of the activations that a core's kernels store.
#[derive(Serialize)]
struct ArenaBytes {
    bytes: usize,
    halfwords: usize,
    words: usize,
}

#[derive(Serialize)]
struct LayerRow {
    kind: &'static str,
    inputs: u16,
    outputs: u16,
    macs: u32,
    weight_bytes: usize,
    input_zero_point: i8,
    zero_point: i8,
    lo: i8,
    hi: i8,
}

impl LayerRow {
    fn of(layer: &Layer<'_>) -> Self {
        Self {
            kind: match layer.kind {
                LayerKind::Dense => "dense",
                LayerKind::SparseInput => "sparse-input",
            },
            inputs: layer.inputs,
            outputs: layer.outputs,
            macs: layer.macs(),
            weight_bytes: layer.weights.len(),
            input_zero_point: layer.input_zero_point,
            zero_point: layer.range.zero_point,
            lo: layer.range.lo,
            hi: layer.range.hi,
        }
    }
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student =
        Student::load(&file).map_err(|error| Failure::refused(format!("{}: {error}", arguments.file.display())))?;
    let inspection = Inspection::of(&student);
    if arguments.json {
        return print(&serde_json::to_string(&inspection).map_err(Failure::work)?);
    }
    print(&inspection.tables())
}

impl<'a> Inspection<'a> {
    fn of(student: &Student<'a>) -> Self {
        let (metadata, costs) = (student.metadata(), student.costs());
        let arena = ArenaBytes {
            bytes: costs.arena_bytes(CoreClass::Bytes),
            halfwords: costs.arena_bytes(CoreClass::Halfwords),
            words: costs.arena_bytes(CoreClass::Words),
        };
        Self {
            task: match metadata.task {
                Task::Classify => "classify",
                Task::Regress => "regress",
            },
            file_bytes: costs.file_bytes,
            weight_bytes: costs.weight_bytes,
            arena_bytes: arena.words.max(arena.halfwords).max(arena.bytes),
            arena_bytes_by_core: arena,
            macs: costs.macs,
            parameters: costs.parameters,
            inputs: costs.inputs,
            outputs: costs.outputs,
            labels: metadata.labels().collect(),
            layers: student.layers().map(|layer| LayerRow::of(&layer)).collect(),
            front_end: match metadata.front_end {
                FrontEnd::Integers => "integers",
                FrontEnd::Uniform { .. } => "one gain",
                FrontEnd::PerInput => "a gain for each input",
            },
            input_zero_point: metadata.input_zero_point,
            input_names: metadata.input_names().collect(),
            schema_hash: format!("{:016x}", metadata.schema.hash),
            output_scale: metadata.output.scale,
            golden_vectors: student.golden_vectors().count(),
            teacher: metadata.provenance.teacher,
            seed: metadata.provenance.seed,
            tool: metadata.provenance.tool,
            data_hash: hexadecimal(metadata.provenance.data_hash),
            recipe_hash: hexadecimal(metadata.provenance.recipe_hash),
            counter: metadata.counter,
        }
    }

    fn tables(&self) -> String {
        let mut costs = Table::new();
        let arena = &self.arena_bytes_by_core;
        costs.add_rows([
            ["flash, whole file", &format!("{} bytes", self.file_bytes)],
            ["weights", &format!("{} bytes", self.weight_bytes)],
            ["parameters", &self.parameters.to_string()],
            ["MACs (dense)", &self.macs.to_string()],
            ["arena, Cortex-M55, hosts", &format!("{} bytes", arena.bytes)],
            ["arena, Cortex-M4, M7, M33", &format!("{} bytes", arena.halfwords)],
            ["arena, Cortex-M0+, M3", &format!("{} bytes", arena.words)],
            ["golden vectors", &self.golden_vectors.to_string()],
        ]);
        let mut layers = Table::new();
        layers.set_header(["layer", "kind", "inputs", "outputs", "MACs", "weight bytes", "zero points", "clamp"]);
        for (index, layer) in self.layers.iter().enumerate() {
            layers.add_row([
                index.to_string(),
                layer.kind.to_owned(),
                layer.inputs.to_string(),
                layer.outputs.to_string(),
                layer.macs.to_string(),
                layer.weight_bytes.to_string(),
                format!("{} -> {}", layer.input_zero_point, layer.zero_point),
                format!("{}..={}", layer.lo, layer.hi),
            ]);
        }
        format!(
            "{} by {}, seed {}, teacher {}\n{costs}\n{layers}\nfront end: {}, labels: {}\ndata   {}\nrecipe {}",
            self.task,
            one_line(self.tool),
            self.seed,
            one_line(self.teacher),
            self.front_end,
            one_line(&self.labels.join(", ")),
            self.data_hash,
            self.recipe_hash,
        )
    }
}
