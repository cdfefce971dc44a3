//! `cargo xtask bench`: instructions, flash, stack and arena of the four anchor networks on every emulated core,
//! and their times on this machine compared with other runtimes.

mod aarch64;
mod elf;
mod host;
mod image;
mod label;
mod layers;
mod npz;
mod report;
mod rounding;
mod shipped;
mod stack;
mod students;
mod training;

use crate::device::{BOARDS, Board};
use anyhow::{Context, Result, bail};
use image::{Measure, Profile};
use report::Row;
use std::path::PathBuf;
use students::{WORKLOADS, battery, workload};

/// Counts instructions on emulated cores, times this machine against other runtimes, compares every integer.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench --core cortex-m4 --json\n  \
                  cargo xtask bench --core host\n  cargo xtask bench --core aarch64\n  \
                  cargo xtask bench --battery\n  cargo xtask bench --student models/cora/student.eyas")]
pub struct Bench {
    /// Measure only this core (default: the five microcontrollers)
    #[arg(long, value_name = "CORE", value_parser = ["cortex-m4", "cortex-m0", "cortex-m3", "cortex-m55", "riscv32", "aarch64", "host"])]
    core: Option<String>,
    /// Folder in which --training looks for the graphs before the folder of EYAS_DATA
    #[arg(long, value_name = "FOLDER", requires = "training")]
    data_dir: Option<PathBuf>,
    /// Print JSON, one object per line, instead of a table
    #[arg(long)]
    json: bool,
    /// Compare every number of inputs 1 to 65 and outputs 1 to 17, and roundings of every exponent, on the emulated cores; measure nothing
    #[arg(long)]
    battery: bool,
    /// Measure only this workload: m1, m2, m3, m4, m4-sparse, or cora, the shipped student from features to decision
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// Count a thousand random inputs: a dense inference takes the same number of instructions for each
    #[arg(long)]
    spread: bool,
    /// Link load, self-test, inference and decision with a panic handler that does not exist
    #[arg(long)]
    gate: bool,
    /// Count by layer on the Cortex-M4 instead, for networks of common shapes
    #[arg(long)]
    layers: bool,
    /// Count by layer on the Cortex-M4 instead, for this student file on its golden vectors
    #[arg(long, value_name = "FILE")]
    student: Option<PathBuf>,
    /// Compare training time with PyTorch instead (`cargo xtask setup --bench` installs it)
    #[arg(long)]
    training: bool,
    /// Measure `eyas label` on 2 million rows instead, and kill it at 20 random moments
    #[arg(long)]
    label: bool,
}

impl Bench {
    /// Runs the command.
    ///
    /// # Errors
    /// Something that is missing, does not build or does not run; an integer that differs; or a count over its budget.
    pub fn run(&self) -> Result<()> {
        if self.training {
            return training::run(self.data_dir.as_deref(), self.json);
        }
        if self.label {
            return label::run();
        }
        if self.layers || self.student.is_some() {
            return layers::run(self.student.as_deref(), self.json);
        }
        if self.core.as_deref() == Some("host") {
            return host::run(self.workload.as_deref(), self.json);
        }
        if self.core.as_deref() == Some("aarch64") {
            let findings = aarch64::run(self.workload.as_deref(), self.json)?;
            return check_budgets(&findings);
        }
        let (mut rows, mut shipped) = (Vec::new(), Vec::new());
        for core in BOARDS.into_iter().filter(|core| self.core.as_deref().is_none_or(|name| name == core.name)) {
            if self.battery {
                run_battery(core)?;
            } else if self.spread {
                run_spread(core)?;
            } else if self.gate {
                run_gate(core)?;
            } else {
                let only = self.workload.as_deref();
                if only != Some(shipped::NAME) {
                    rows.extend(self.measure(core)?);
                }
                if only.is_none_or(|only| only == shipped::NAME) {
                    shipped.extend(shipped::measure(core)?);
                }
            }
        }
        if self.battery || self.spread || self.gate {
            return Ok(());
        }
        if self.json {
            for row in &rows {
                println!("{}", serde_json::to_string(row)?);
            }
            shipped.iter().for_each(|row| println!("{}", row.json()));
        } else {
            print!("{}\n{}", report::table(&rows), shipped::table(&shipped));
        }
        if let Some(row) = rows.iter().find(|row| !row.exact) {
            bail!("{} {}: integers differ from the portable kernels", row.core, row.workload);
        }
        let within =
            |row: &&Row| row.stack_bytes <= row.stack_bound_bytes && row.load_stack_bytes <= row.load_stack_bound_bytes;
        if let Some(row) = rows.iter().find(|row| !within(row)) {
            bail!("{} {}: more stack was used than its call graph allows", row.core, row.workload);
        }
        // The count of a sparse first layer depends on the input.
        if let Some(row) = rows.iter().find(|row| row.nnz.is_none() && row.spread != 0) {
            bail!("{} {}: the count depends on the input, by {} instructions", row.core, row.workload, row.spread);
        }
        let shipped = shipped.iter().flat_map(shipped::Row::findings);
        let findings: Vec<_> = rows.iter().flat_map(report::findings).chain(shipped).collect();
        check_budgets(&findings)
    }

    fn measure(&self, core: &Board) -> Result<Vec<Row>> {
        let images = core.build(Profile::Speed, false)?;
        let small = elf::Sizes::read(&core.build(Profile::Size, false)?.join("footprint"))?;
        let footprint = elf::Sizes::read(&images.join("footprint"))?;
        let baseline = elf::Sizes::read(&images.join("baseline"))?;
        let functions = stack::Functions::read(&images.join("bench"))?;
        let stack_bound_bytes = functions.bound(DECIDE)?.max(functions.bound(DECIDE_PRESENT)?);
        let load_stack_bound_bytes = functions.bound(LOAD)?;
        let mut rows = Vec::new();
        for name in WORKLOADS.into_iter().filter(|name| self.workload.as_deref().is_none_or(|only| only == *name)) {
            let prepared = workload(name, core.layout)?;
            let mut runs = vec![(&prepared, Measure::Inference)];
            if prepared.nnz.is_some() {
                runs.push((&prepared, Measure::Listed));
            }
            let lines = core.run(&images.join("bench"), &runs)?;
            let first = lines.first().context("no line")?;
            rows.push(Row {
                core: core.name,
                workload: name,
                instructions: mean(&first.instructions),
                spread: first.instructions.iter().max().unwrap_or(&0) - first.instructions.iter().min().unwrap_or(&0),
                listed: lines.get(1).map(|line| mean(&line.instructions)),
                code_bytes: footprint.flash - baseline.flash,
                code_bytes_for_size: small.flash.saturating_sub(baseline.flash),
                kernel_bytes: footprint.of_module("kernels"),
                static_ram_bytes: footprint.ram - baseline.ram,
                load_stack_bytes: first.stack.first().copied().unwrap_or_default(),
                stack_bytes: first.stack.get(1).copied().unwrap_or_default(),
                stack_bound_bytes,
                load_stack_bound_bytes,
                arena_bytes: prepared.arena_bytes(core.class)?,
                exact: lines.iter().all(|line| line.wrong == 0),
                golden_off_by_one: prepared.golden_off_by_one,
                weights_crc32: prepared.weights_crc32,
                nnz: prepared.nnz,
            });
        }
        Ok(rows)
    }
}

/// A thousand random inputs for each dense workload.
fn run_spread(core: &Board) -> Result<()> {
    let images = core.build(Profile::Speed, false)?;
    for name in WORKLOADS.into_iter().filter(|name| !name.ends_with("-sparse")) {
        let prepared = workload(name, core.layout)?;
        let lines = core.run(&images.join("bench"), &[(&prepared, Measure::Spread)])?;
        let [smallest, largest] = lines.first().context("no line")?.spread[..] else { bail!("no spread") };
        println!("{} {name}: {smallest} to {largest} instructions over 1000 inputs", core.name);
        if smallest != largest {
            bail!("{} {name}: the count depends on the input", core.name);
        }
    }
    Ok(())
}

/// Endings of the mangled function names in the bench image: inference with decision, the same on a list, and load.
const DECIDE: &str = "5bench6decide";
const DECIDE_PRESENT: &str = "5bench14decide_present";
const LOAD: &str = "5bench9load_only";

/// Compares with `budgets.toml` in the root of the repository.
fn check_budgets(findings: &[report::Finding]) -> Result<()> {
    let budgets = std::fs::read_to_string(crate::root().join("budgets.toml")).context("budgets.toml")?;
    report::check_budgets(&budgets, findings)
}

/// No panic can be reached with one layout or with all, and the gate detects a planted one.
fn run_gate(core: &Board) -> Result<()> {
    for every_layout in [false, true] {
        if !core.links_without_panic(every_layout, false)? {
            bail!("{}: a panic can be reached (every layout: {every_layout})", core.name);
        }
    }
    if core.links_without_panic(false, true)? {
        bail!("{}: the gate does not detect a planted panic", core.name);
    }
    println!("{}: no panic can be reached; a planted one was detected", core.name);
    Ok(())
}

fn mean(counts: &[u32]) -> u64 {
    let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    sum / (counts.len() as u64).max(1)
}

/// Every tail and every exponent on the emulated core against the host's portable kernels, in the core's layout and the others.
fn run_battery(core: &Board) -> Result<()> {
    let images = [(core.build(Profile::Speed, true)?, "speed"), (core.build(Profile::Size, true)?, "size")];
    for layout in eyas::Layout::ALL {
        let mut all = battery(layout)?;
        all.extend(rounding::battery(layout)?);
        let runs: Vec<_> = all.iter().map(|prepared| (prepared, Measure::Nothing)).collect();
        for (images, setting) in &images {
            let lines = core.run(&images.join("bench"), &runs)?;
            let wrong: Vec<_> = lines.iter().zip(&all).filter(|(line, _)| line.wrong != 0).collect();
            println!("{} for {setting}, {layout:?}: {} students, {} differ", core.name, lines.len(), wrong.len());
            if let Some((line, prepared)) = wrong.first() {
                bail!("{} for {setting}, {layout:?}, {}: {} integers differ", core.name, prepared.name, line.wrong);
            }
        }
    }
    Ok(())
}
