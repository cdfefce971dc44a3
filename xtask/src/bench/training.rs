//! Training time compared with a careful PyTorch program with the same losses, one thread each, in one run.

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Data set, its recipe's folder entry, and the settings of the reference for the PyTorch program.
const RUNS: [(&str, &[&str]); 2] = [
    ("cora", &["--layers", "3", "--hidden", "512", "--lamb", "0.4", "--student-dropout", "0.6"]),
    ("citeseer", &["--layers", "2", "--hidden", "256", "--lamb", "0.1", "--student-dropout", "0.5"]),
];

/// Trains GCN teacher and FF-G2M student both ways and prints CPU seconds and their ratio.
///
/// # Errors
/// When a side that is installed fails. A missing side or data set is reported and left out.
pub fn run(data: Option<&Path>, json: bool) -> Result<()> {
    let python = crate::root().join("target/bench-venv/bin/python");
    if !python.exists() {
        println!("PyTorch is not installed; `cargo xtask setup --bench` gets it. Nothing was compared.");
        return Ok(());
    }
    let mut table = Table::new();
    table.set_header(["data", "Eyas: teacher + student (epochs)", "PyTorch (epochs)", "ratio", "ratio an epoch"]);
    for (name, settings) in RUNS {
        let Some(file) = graph(data, name) else {
            println!("{name} was not found under --data-dir or EYAS_DATA; left out");
            continue;
        };
        let ours = eyas(name, &file)?;
        let theirs = torch(&python, &file, settings)?;
        let ratio = (ours.teacher.0 + ours.student.0) / (theirs.teacher.0 + theirs.student.0);
        let an_epoch = |side: &Side| side.teacher.0 / side.teacher.1 + side.student.0 / side.student.1;
        let each = an_epoch(&ours) / an_epoch(&theirs);
        if json {
            let line = serde_json::json!({ "training": name, "eyas_cpu_seconds": ours.teacher.0 + ours.student.0,
                "torch_cpu_seconds": theirs.teacher.0 + theirs.student.0, "ratio": ratio, "ratio_an_epoch": each });
            println!("{line}");
        }
        table.add_row([name.to_owned(), ours.text(), theirs.text(), format!("{ratio:.2}"), format!("{each:.2}")]);
    }
    if !json {
        println!("CPU seconds, one thread, seed 2022\n{table}");
    }
    Ok(())
}

/// CPU seconds and epochs of the two trainings.
struct Side {
    teacher: (f64, f64),
    student: (f64, f64),
}

impl Side {
    fn text(&self) -> String {
        let Self { teacher, student } = self;
        format!("{:.2} + {:.2} s ({} + {})", teacher.0, student.0, teacher.1, student.1)
    }
}

fn graph(data: Option<&Path>, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("EYAS_DATA").map(PathBuf::from);
    let folders = [data.map(Path::to_path_buf), named].into_iter().flatten();
    let inside = folders.map(|folder| folder.join("graphs").join(name));
    let shipped = crate::root().join("models").join(name).join("data");
    inside.chain([shipped]).map(|folder| folder.join(format!("{name}.npz"))).find(|file| file.is_file())
}

fn eyas(name: &str, file: &Path) -> Result<Side> {
    let out = crate::root().join("target/bench-training").join(name);
    let recipe = crate::root().join("trainer/benches").join(format!("{name}.toml"));
    let folder = file.parent().context("a folder of data")?;
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(crate::root()).args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "eyas-trainer",
        "--bin",
        "eyas",
    ]);
    command.arg("--").arg("distill").arg(recipe).arg("--out").arg(out).arg("--data-dir").arg(folder);
    command.args(["--threads", "1", "--seed", "2022", "--force", "--json"]);
    let metrics = object(&mut command)?;
    let seed = &metrics["seeds"][0];
    let read = |stage: &str| -> Result<(f64, f64)> {
        Ok((number(&seed["cpu_seconds"][stage])?, number(&seed["epochs"][stage])?))
    };
    Ok(Side { teacher: read("teacher")?, student: read("student")? })
}

fn torch(python: &Path, file: &Path, settings: &[&str]) -> Result<Side> {
    let mut command = Command::new(python);
    command.arg(crate::root().join("trainer/benches/ff_g2m_torch.py")).arg("--data").arg(file);
    command.args(settings).args(["--seed", "2022", "--json"]);
    let told = object(&mut command)?;
    let read = |who: &str| -> Result<(f64, f64)> {
        Ok((number(&told[format!("{who}_cpu_seconds")])?, number(&told[format!("{who}_epochs")])?))
    };
    Ok(Side { teacher: read("teacher")?, student: read("student")? })
}

/// The JSON object a command prints last.
fn object(command: &mut Command) -> Result<Value> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(said.lines().last().unwrap_or_default()).context("no JSON object")
}

fn number(value: &Value) -> Result<f64> {
    value.as_f64().context("a figure is missing")
}
