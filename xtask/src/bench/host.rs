//! `cargo xtask bench --core host`: times this machine against the runtimes that people would use instead.
//!
//! Times are thread CPU time on one thread; every figure is the median of several processes, each the median of its
//! rounds. If a peer is not installed, its columns stay empty. Instruction counts come from callgrind, with the best
//! instruction set that it supports.

use super::students::{Prepared, WORKLOADS, anchors, workload};
use crate::root;
use anyhow::{Context, Result, ensure};
use comfy_table::{Table, presets};
use eyas::Layout;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Processes of each engine.
const PROCESSES: usize = 5;
/// Inferences that callgrind counts; they differ by whole cycles through the sixteen vectors.
const COUNTED: [u32; 2] = [112, 208];
/// Rows of a batch, as in `host_clock` and `peers.py`.
const BATCH: f64 = 256.0;

/// One workload on this machine.
struct Measured {
    name: &'static str,
    ours: Value,
    /// Instructions of a single sample and of a listed one.
    counts: [Option<f64>; 2],
    peers: Vec<Value>,
}

/// Measures all workloads, or only the named one.
///
/// # Errors
/// Something that does not build or run, or an integer that differs from the portable kernels.
pub fn run(only: Option<&str>, json: bool) -> Result<()> {
    let clock = build()?;
    let python = Some(root().join("target/bench-venv/bin/python")).filter(|python| python.exists());
    let mut all = Vec::new();
    for name in WORKLOADS.into_iter().filter(|name| only.is_none_or(|only| only == *name)) {
        let prepared = workload(name, Layout::THIS)?;
        let (student, rows) = write(&prepared, "host")?;
        let ours = merge(&times(PROCESSES, || Ok(vec![object(Command::new(&clock).arg(&student).arg(&rows))?]))?);
        let counts = [
            count(&clock, &student, &rows, "single")?,
            match prepared.nnz {
                Some(_) => count(&clock, &student, &rows, "listed")?,
                None => None,
            },
        ];
        let peers = match &python {
            Some(python) => peers(python, name.trim_end_matches("-sparse"))?,
            None => Vec::new(),
        };
        all.push(Measured { name, ours: ours.into_iter().next().unwrap_or_default(), counts, peers });
    }
    if json {
        all.iter().for_each(|measured| println!("{}", line(measured)));
    } else {
        print(&all);
    }
    if python.is_none() {
        eprintln!(
            "ONNX Runtime and LiteRT are not installed; `cargo xtask setup --bench` gets them. Nothing was compared."
        );
    }
    Ok(())
}

/// The timing program, optimised.
fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--quiet", "--release", "--package", "eyas", "--features", "std"]);
    let built = cargo.args(["--example", "host_clock"]).status().context("cannot run cargo")?;
    ensure!(built.success(), "host_clock does not build");
    Ok(root().join("target/release/examples/host_clock"))
}

/// The student and its inputs as files, in a folder for `core`.
pub fn write(prepared: &Prepared, core: &str) -> Result<(PathBuf, PathBuf)> {
    let folder = root().join("target/bench").join(core);
    std::fs::create_dir_all(&folder)?;
    let student = folder.join(format!("{}.eyas", prepared.name));
    let rows = folder.join(format!("{}.rows", prepared.name));
    std::fs::write(&student, &*prepared.file)?;
    let bytes: Vec<u8> = prepared.vectors.iter().flat_map(|vector| vector.x.iter().map(|&x| x as u8)).collect();
    std::fs::write(&rows, bytes)?;
    Ok((student, rows))
}

fn times(processes: usize, run: impl Fn() -> Result<Vec<Value>>) -> Result<Vec<Vec<Value>>> {
    (0..processes).map(|_| run()).collect()
}

/// One object for each engine; every number is the median over the processes.
fn merge(runs: &[Vec<Value>]) -> Vec<Value> {
    let Some(first) = runs.first() else { return Vec::new() };
    let mut merged = first.clone();
    for (engine, merged) in merged.iter_mut().enumerate() {
        let Some(fields) = merged.as_object_mut() else { continue };
        for (key, value) in fields {
            let mut found: Vec<f64> =
                runs.iter().filter_map(|run| run.get(engine)?.get(key.as_str())?.as_f64()).collect();
            if value.is_f64() && !found.is_empty() {
                found.sort_by(f64::total_cmp);
                *value = json!(found[found.len() / 2]);
            }
        }
    }
    merged
}

/// Instructions of one inference; `None` if callgrind is not installed.
fn count(clock: &Path, student: &Path, rows: &Path, mode: &str) -> Result<Option<f64>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(None);
    }
    let mut totals = [0.0; 2];
    for (total, times) in totals.iter_mut().zip(COUNTED) {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(clock)
            .arg(student)
            .arg(rows)
            .args([mode, &times.to_string()])
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "callgrind: {said}");
        let collected = said.lines().find_map(|line| line.split_once("Collected :")).context("callgrind: no count")?.1;
        *total = collected.trim().parse()?;
    }
    Ok(Some((totals[1] - totals[0]) / f64::from(COUNTED[1] - COUNTED[0])))
}

/// ONNX Runtime and LiteRT, several processes.
fn peers(python: &Path, name: &str) -> Result<Vec<Value>> {
    let script = root().join("xtask/src/bench/peers.py");
    let runs = times(PROCESSES, || {
        let mut command = Command::new(python);
        let output = command.arg(&script).arg(anchors()).arg(name).env("OMP_NUM_THREADS", "1").output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let objects: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        ensure!(objects.len() == 2, "peers.py: {}", String::from_utf8_lossy(&output.stderr));
        Ok(objects)
    })?;
    Ok(merge(&runs))
}

fn object(command: &mut Command) -> Result<Value> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn line(measured: &Measured) -> Value {
    json!({
        "core": "host", "workload": measured.name, "exact": true, "processor": processor(), "eyas": measured.ours,
        "callgrind_instructions": measured.counts[0], "callgrind_instructions_listed": measured.counts[1],
        "peers": measured.peers,
    })
}

fn print(all: &[Measured]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["network", "engine", "single", "without the call", "batch 256", "without the call", "callgrind"]);
    for Measured { name, ours, counts, peers } in all {
        let single = number(&ours["single"]);
        let batch = number(&ours["batch"]);
        let counted = counts[0].map_or(String::new(), |count| format!("{count:.0}"));
        table.add_row([name.to_string(), "Eyas".into(), text(single), "".into(), text(batch), "".into(), counted]);
        let listed = number(&ours["listed"]);
        if listed.is_some() {
            let counted = counts[1].map_or(String::new(), |count| format!("{count:.0}"));
            let engine = "Eyas, list of present inputs".to_string();
            table.add_row([String::new(), engine, text(listed), "".into(), "".into(), "".into(), counted]);
        }
        let best = listed.or(single);
        for peer in peers {
            let engine = format!("{} {}", word(&peer["engine"]), word(&peer["version"]));
            // The binding's call is subtracted if an empty one can be timed; every figure includes a Python call.
            let call = number(&peer["call"]).or_else(|| number(&peer["empty"])).unwrap_or(0.0);
            let bound = number(&peer["single_bound"]).map(|ns| (ns - call).max(0.0));
            let bound_batch = number(&peer["batch_bound"]).map(|ns| (ns - call / BATCH).max(0.0));
            table.add_row([
                String::new(),
                engine,
                ratio(number(&peer["single"]), best),
                ratio(bound, best),
                ratio(number(&peer["batch"]), batch),
                ratio(bound_batch, batch),
                String::new(),
            ]);
        }
    }
    println!("ns of thread CPU time per inference, one thread, medians of {PROCESSES} processes (times Eyas)\n{table}");
    let set = all.first().map_or("", |measured| word(&measured.ours["instruction_set"]));
    println!("Eyas on {set}; {}", processor());
    println!(
        "Peers are called from Python; \"without the call\": tensors bound beforehand, less an empty call \
         (ONNX Runtime: a model that copies one number; LiteRT: an empty function). callgrind has no AVX-512."
    );
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn text(ns: Option<f64>) -> String {
    ns.map_or(String::new(), |ns| if ns < 100.0 { format!("{ns:.1}") } else { format!("{ns:.0}") })
}

fn ratio(ns: Option<f64>, ours: Option<f64>) -> String {
    match (ns, ours) {
        (Some(found), Some(ours)) if ours > 0.0 => format!("{} ({:.1})", text(ns), found / ours),
        _ => text(ns),
    }
}

/// The processor's name and its relevant features.
fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        told.lines()
            .find(|line| line.starts_with(name))
            .and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
    };
    let features = field("flags").or_else(|| field("Features")).unwrap_or_default();
    let decide = ["avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"];
    let has: Vec<_> = decide.into_iter().filter(|one| features.split(' ').any(|found| found == *one)).collect();
    format!("{}: {}", field("model name").unwrap_or_default(), has.join(", "))
}
