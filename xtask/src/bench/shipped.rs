//! The shipped student from features to decision, as a user's own build runs it: load once, then `quantize` and
//! inference with decision, on the rows of its test vectors.
//!
//! The profiles are those that a firmware gets by default: cargo's release, which compiles the runtime at
//! `opt-level = 3` and does not optimise across crates, and the same at `"s"`.

use super::image::{Line, Profile, push, push_words};
use super::npz::Npz;
use super::report::Finding;
use crate::device::Board;
use crate::root;
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use eyas::model::pack;
use eyas::{AlignedBytes, Student};
use serde_json::{Value, json};

/// The student's name as a workload and in `budgets.toml`.
pub const NAME: &str = "cora";
/// Its folder.
const FOLDER: &str = "models/cora";
/// Profiles as printed, and the prefixes of their keys in `budgets.toml`.
const PROFILES: [(&str, &str, Profile); 2] =
    [("opt-level 3", "cora", Profile::Untouched), ("opt-level s", "cora_s", Profile::UntouchedS)];

/// One core, one profile.
pub struct Row {
    core: &'static str,
    profile: &'static str,
    key: &'static str,
    /// Instructions: of a load, and means over the rows.
    load: u64,
    quantize: u64,
    infer: u64,
    /// Bytes of stack of the same three.
    stack: [u32; 3],
}

/// Counts the student on `core` in every profile.
///
/// # Errors
/// Something that is missing, does not build or does not run; or features that do not become the published input.
pub fn measure(core: &Board) -> Result<Vec<Row>> {
    let bundle = bundle(core)?;
    let row = |(profile, key, optimised): (&'static str, &'static str, Profile)| {
        let images = core.build_images(&["features"], optimised, false)?;
        let lines = core.emulate(&images.join("features"), &bundle, 1)?;
        let line = lines.first().context("no line")?;
        ensure!(line.wrong == 0, "{}, {profile}: {} inputs differ from the published ones", core.name, line.wrong);
        row(core.name, profile, key, line)
    };
    PROFILES.into_iter().map(row).collect()
}

fn row(core: &'static str, profile: &'static str, key: &'static str, line: &Line) -> Result<Row> {
    let stack = line.stack.as_slice().try_into().context("three figures of stack")?;
    let load = *line.loading.first().context("no count of the load")?;
    let [quantize, infer] = [&line.quantizing, &line.instructions].map(|counts| super::mean(counts));
    Ok(Row { core, profile, key, load: load.into(), quantize, infer, stack })
}

/// The student in the core's layout, and its published inputs with their features, which are 1 for a present word and 0
/// otherwise.
fn bundle(core: &Board) -> Result<Vec<u8>> {
    let folder = root().join(FOLDER);
    let canonical = std::fs::read(folder.join("student.eyas")).context("the shipped student")?;
    let file = AlignedBytes::from(pack(&canonical, core.layout)?.as_slice());
    let student = Student::load(&file)?;
    let inputs = student.costs().inputs;
    let absent = student.metadata().input_zero_point;
    let x = Npz::read(&folder.join("vectors.npz"))?.get("x")?.i8()?;
    let mut bundle = Vec::new();
    push_words(&mut bundle, [file.len() as u32, (x.len() / inputs) as u32, 0, 0]);
    push(&mut bundle, &file);
    for x in x.chunks_exact(inputs) {
        let features: Vec<f32> = x.iter().map(|&x| f32::from(u8::from(x != absent))).collect();
        push(&mut bundle, &features.iter().flat_map(|feature| feature.to_le_bytes()).collect::<Vec<_>>());
        push(&mut bundle, &x.iter().map(|&x| x as u8).collect::<Vec<_>>());
    }
    Ok(bundle)
}

impl Row {
    /// One object a line.
    pub fn json(&self) -> Value {
        let Self { core, profile, load, quantize, infer, stack: [load_stack, quantize_stack, infer_stack], .. } = self;
        json!({
            "core": core, "student": NAME, "profile": profile,
            "load_instructions": load, "quantize_instructions": quantize, "instructions": infer,
            "load_stack_bytes": load_stack, "quantize_stack_bytes": quantize_stack, "stack_bytes": infer_stack,
        })
    }

    /// The figures that may have a budget.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        let [load_stack, quantize_stack, infer_stack] = self.stack.map(u64::from);
        let figures = [
            ("load", self.load),
            ("quantize", self.quantize),
            ("infer", self.infer),
            ("load_stack_bytes", load_stack),
            ("quantize_stack_bytes", quantize_stack),
            ("infer_stack_bytes", infer_stack),
        ];
        figures.into_iter().map(|(name, found)| Finding { core: self.core, key: format!("{}_{name}", self.key), found })
    }
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "core",
        "cargo's release at",
        "load, once",
        "quantize",
        "infer",
        "stack load / quantize / infer",
    ]);
    for Row { core, profile, load, quantize, infer, stack, .. } in rows {
        let stack = stack.map(|bytes| bytes.to_string()).join(" / ");
        let counts = [load, quantize, infer].map(u64::to_string);
        let [load, quantize, infer] = &counts;
        table.add_row([*core, *profile, load, quantize, infer, &stack]);
    }
    format!(
        "{table}\nInstructions of the shipped student {FOLDER} from its features on, means over its test vectors; no \
         link-time optimisation.\n"
    )
}
