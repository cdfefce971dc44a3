//! `cargo xtask bench --core aarch64`: exact instructions of one inference under QEMU, for each set of kernels.
//!
//! A plugin counts the emulated instructions. The difference between two runs of `host_clock`, over whole cycles
//! through the vectors, gives the mean of one inference; it includes the program's own loop, some ten instructions.

use super::report::Finding;
use super::students::{Prepared, WORKLOADS, workload};
use crate::aarch64::{self, PROCESSORS, Processor, TARGET};
use crate::root;
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use eyas::{Layout, Student};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Inferences of the two runs; both have the same number of digits and differ by whole cycles through the sixteen
/// vectors.
const SINGLES: [u32; 2] = [112, 208];
/// Batches of 256 of the two runs.
const BATCHES: [u32; 2] = [2, 6];
/// Rows of a batch, as in `host_clock`.
const BATCH: f64 = 256.0;
/// Versions of QEMU's plugin interface in which the few functions used have not changed.
const INTERFACES: std::ops::RangeInclusive<u32> = 1..=4;

/// One set of kernels.
struct Kernels {
    name: &'static str,
    processor: &'static Processor,
    layout: Layout,
    /// The modes of `host_clock`: a single sample and a batch.
    single: &'static str,
    batch: Option<&'static str>,
}

/// The kernels chosen on each processor, and the portable specification.
fn kernels() -> [Kernels; 3] {
    let [dot, neon] = &PROCESSORS;
    let lanes =
        |name, processor| Kernels { name, processor, layout: Layout::Lanes, single: "single", batch: Some("batch") };
    [
        lanes("dot product", dot),
        lanes("NEON", neon),
        Kernels { name: "portable", processor: neon, layout: Layout::Canonical, single: "portable", batch: None },
    ]
}

/// One workload on one set of kernels.
struct Measured {
    workload: &'static str,
    kernels: &'static str,
    macs: usize,
    /// Means of one inference: a single sample, in a batch, on the list of present inputs.
    single: f64,
    batch: Option<f64>,
    listed: Option<f64>,
    prepared: Prepared,
}

/// Counts all workloads, or only the named one; the budgets apply to the dot product's single samples.
///
/// # Errors
/// Something that is missing, does not build or does not run; or an integer that differs from the portable kernels.
pub fn run(only: Option<&str>, json: bool) -> Result<Vec<Finding>> {
    let clock = build()?;
    let plugin = plugin()?;
    let mut all = Vec::new();
    for name in WORKLOADS.into_iter().filter(|name| only.is_none_or(|only| only == *name)) {
        for kernels in kernels() {
            let prepared = workload(name, kernels.layout)?;
            let files = super::host::write(&prepared, "aarch64")?;
            let count = |mode: &str, times: [u32; 2]| -> Result<f64> {
                let run = |times| instructions(&kernels, &plugin, &clock, &files, mode, times);
                Ok((run(times[1])? - run(times[0])?) as f64 / f64::from(times[1] - times[0]))
            };
            let listed = prepared.nnz.is_some() && kernels.batch.is_some();
            all.push(Measured {
                workload: name,
                kernels: kernels.name,
                macs: Student::load(&prepared.file)?.costs().macs,
                single: count(kernels.single, SINGLES)?,
                batch: kernels.batch.map(|mode| count(mode, BATCHES)).transpose()?.map(|batch| batch / BATCH),
                listed: if listed { Some(count("listed", SINGLES)?) } else { None },
                prepared,
            });
        }
    }
    if json {
        all.iter().for_each(|measured| println!("{}", line(measured)));
    } else {
        print(&all);
    }
    let fastest = all.iter().filter(|measured| measured.kernels == "dot product");
    let finding = |measured: &Measured| Finding {
        core: "aarch64",
        key: measured.workload.into(),
        found: measured.single.round() as u64,
    };
    Ok(fastest.map(finding).collect())
}

/// The timing program for aarch64.
fn build() -> Result<PathBuf> {
    let built = aarch64::cargo("build")?.args(["--quiet", "--example", "host_clock"]).status();
    ensure!(built.context("cannot run cargo")?.success(), "host_clock does not build for {TARGET}");
    Ok(aarch64::target_dir().join(TARGET).join("release/examples/host_clock"))
}

/// The counting plugin, in the version of the interface that this emulator loads.
fn plugin() -> Result<PathBuf> {
    let folder = root().join("target/bench/aarch64");
    std::fs::create_dir_all(&folder)?;
    let library = folder.join("instructions.so");
    let mut said = String::new();
    for version in INTERFACES {
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-shared", "-fPIC", &format!("-DINTERFACE={version}"), "-o"]).arg(&library);
        let built = cc.arg(root().join("xtask/src/bench/instructions.c")).status().context("no C compiler cc")?;
        ensure!(built.success(), "the counting plugin does not build");
        // The emulator looks for its program only after loading the plugin, so a missing program does no harm.
        let output = Command::new(aarch64::EMULATOR).arg("-plugin").arg(&library).arg("/nonexistent").output();
        let output = output.with_context(|| format!("no {}; cargo xtask setup installs it", aarch64::EMULATOR))?;
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        if !said.contains("plugin") {
            return Ok(library);
        }
    }
    anyhow::bail!("{} does not load the counting plugin: {said}", aarch64::EMULATOR)
}

/// Instructions of one run of `host_clock`, which first compares all integers with the portable kernels.
fn instructions(
    kernels: &Kernels,
    plugin: &Path,
    clock: &Path,
    (student, rows): &(PathBuf, PathBuf),
    mode: &str,
    times: u32,
) -> Result<u64> {
    let counted = plugin.with_extension("count");
    let emulator = kernels.processor.emulator();
    let (program, arguments) = emulator.split_first().context("no emulator")?;
    let mut command = Command::new(program);
    command.args(arguments).arg("-plugin").arg(plugin).args(["-d", "plugin", "-D"]).arg(&counted);
    let output = command.arg(clock).arg(student).arg(rows).args([mode, &times.to_string()]).output()?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let said = std::fs::read_to_string(&counted)?;
    let count =
        said.lines().find_map(|line| line.strip_prefix("instructions ")).context("the plugin counted nothing")?;
    Ok(count.trim().parse()?)
}

fn line(measured: &Measured) -> Value {
    let Measured { workload, kernels, macs, single, batch, listed, prepared } = measured;
    let per_mac = |count: f64| count / *macs as f64;
    let mut line = json!({
        "core": "aarch64", "kernels": kernels, "workload": workload, "instructions": single.round() as u64,
        "macs": macs, "instructions_per_mac": per_mac(*single), "exact": true,
        "golden_off_by_one": prepared.golden_off_by_one,
        "weights_crc32": format!("{:08x}", prepared.weights_crc32),
    });
    if let (Some(batch), Some(fields)) = (batch, line.as_object_mut()) {
        fields.insert("instructions_batch".into(), json!(batch));
    }
    if let (Some(listed), Some(fields)) = (listed, line.as_object_mut()) {
        fields.insert("instructions_listed".into(), json!(listed.round() as u64));
        fields.insert("nnz".into(), json!(prepared.nnz));
    }
    line
}

fn print(all: &[Measured]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["workload", "kernels", "instructions", "per MAC", "in a batch of 256", "from a list"]);
    for Measured { workload, kernels, macs, single, batch, listed, .. } in all {
        let text = |count: &Option<f64>| count.map_or(String::new(), |count| format!("{count:.0}"));
        let per_mac = format!("{:.3}", single / *macs as f64);
        table.add_row([*workload, *kernels, &format!("{single:.0}"), &per_mac, &text(batch), &text(listed)]);
    }
    println!("{table}");
    let [dot, neon] = &PROCESSORS;
    println!(
        "Instructions of one inference on aarch64 under {} (dot product: -cpu {}, NEON and portable: -cpu {}); \
         every integer equal to the portable kernels.",
        aarch64::EMULATOR,
        dot.cpu,
        neon.cpu
    );
}
