//! `cargo xtask bench --layers` and `--student`: instructions for each layer on an emulated Cortex-M4.

use crate::device::{self, CORTEX_M4, DeviceRun};
use anyhow::{Result, bail};
use comfy_table::{Table, presets};
use eyas::model::LayerKind;
use eyas::{AlignedBytes, Student};
use eyas_tests::shapes;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Rows for each network.
const ROWS: usize = 8;
/// Most instructions that observing one layer may add or save; beyond this, the layers' counts are not reliable.
const MOST_OBSERVING: f64 = 100.0;

/// One measured network.
struct Measured {
    name: String,
    layers: Vec<String>,
    macs: u32,
    run: DeviceRun,
}

/// Measures one student file, or fixed networks of common shapes.
///
/// # Errors
/// Something that the emulated run lacks, or a failure in it.
pub fn run(student: Option<&Path>, json: bool) -> Result<()> {
    let mut all = Vec::new();
    if let Some(path) = student {
        let bytes = AlignedBytes::from(fs::read(path)?.as_slice());
        all.push(measure(path.display().to_string(), path, &bytes, &[])?);
    } else {
        let folder = tempfile::tempdir()?;
        for shape in shapes::measured() {
            let (path, bytes) = (folder.path().join("student.eyas"), shape.draft.file());
            fs::write(&path, &*bytes)?;
            all.push(measure(shape.name.into(), &path, &bytes, &shape.draft.rows(ROWS))?);
        }
    }
    if json {
        print_json(&all)
    } else {
        print_table(&all)
    }
    Ok(())
}

fn measure(name: String, path: &Path, bytes: &AlignedBytes, rows: &[Vec<i8>]) -> Result<Measured> {
    let student = Student::load(bytes)?;
    let outputs = student.layers().map(|layer| usize::from(layer.outputs)).sum();
    let layers = student.layers().map(|layer| {
        let kind = if layer.kind == LayerKind::SparseInput { " sparse" } else { "" };
        format!("{} x {}{kind}", layer.inputs, layer.outputs)
    });
    let layers: Vec<_> = layers.collect();
    let run = device::run(path, rows, outputs, &device::locations(&CORTEX_M4)?)?;
    let observing = run.instructions_observing / layers.len() as f64;
    if observing.abs() > MOST_OBSERVING {
        bail!("{name}: observing a layer took {observing:.0} instructions; the counts of the layers are not reliable");
    }
    Ok(Measured { name, layers, macs: student.layers().map(|layer| layer.macs()).sum(), run })
}

fn print_table(all: &[Measured]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["network", "layer", "instructions", "per MAC", "stack", "arena"]);
    for Measured { name, layers, macs, run } in all {
        let per_mac = format!("{:.2}", run.instructions_per_inference / f64::from(*macs));
        let whole = format!("{:.0}", run.instructions_per_inference);
        table.add_row([name, "all", &whole, &per_mac, &run.stack_bytes.to_string(), &run.arena_bytes.to_string()]);
        for (layer, instructions) in layers.iter().zip(&run.instructions_per_layer) {
            table.add_row(["", layer, &format!("{instructions:.0}"), "", "", ""]);
        }
    }
    println!("{table}");
    println!("Cortex-M4F (mps2-an386 under QEMU), mean instructions of one inference; stack and arena in bytes.");
}

fn print_json(all: &[Measured]) {
    let networks = all.iter().map(|Measured { name, layers, macs, run }| {
        json!({
            "name": name,
            "macs": macs,
            "inferences": run.inferences,
            "instructions": run.instructions_per_inference,
            "instructions_range": run.instructions_range,
            "instructions_decision": run.instructions_per_decision,
            "layers": layers.iter().zip(&run.instructions_per_layer)
                .map(|(layer, instructions)| json!({ "shape": layer, "instructions": instructions }))
                .collect::<Vec<_>>(),
            "arena_bytes": run.arena_bytes,
            "stack_bytes": run.stack_bytes,
        })
    });
    println!("{:#}", json!({ "core": "cortex-m4", "networks": networks.collect::<Vec<_>>() }));
}
