//! Measures `eyas label` on 2 million rows of 32 columns, and kills it at random moments: `cargo xtask bench --label`.
//!
//! Arguments: the folder to work in, the `eyas` binary, the number of kills.

#[path = "../tests/tables/parquet.rs"]
mod parquet;
#[path = "../tests/tables/mod.rs"]
mod tables;

use crate::parquet::write_table;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tables::{next, write_teacher};

const FILES: usize = 8;
const ROWS: usize = 250_000;
const COLUMNS: usize = 32;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, eyas, kills] = &words[..] else {
        eprintln!("error: expected FOLDER EYAS KILLS; cargo xtask bench --label gives them");
        std::process::exit(2);
    };
    let (folder, kills): (&Path, u32) = (Path::new(folder), kills.parse().unwrap());
    write_table(&folder.join("table"), FILES, ROWS, COLUMNS, 65_536);
    write_teacher(folder, &[COLUMNS, 64, 64, 10]);
    // The first run reads the table into the file cache.
    let mut whole = None;
    for jobs in ["2", "2", "1"] {
        let out = folder.join("out");
        let started = Instant::now();
        let run = watch(start(eyas, folder, "out", jobs));
        let seconds = started.elapsed().as_secs_f64();
        assert!(run.success, "the command failed");
        let digest = digest(&out);
        println!(
            "{jobs} jobs: {:.2} M rows/s, {seconds:.2} s, {:.2} CPU s, peak {:.1} MiB, digest {digest}",
            (FILES * ROWS) as f64 / seconds / 1e6,
            run.cpu_seconds,
            run.peak_mib
        );
        whole = Some((digest, seconds));
        std::fs::remove_dir_all(&out).unwrap();
    }
    let (whole, length) = whole.unwrap();
    let (mut state, mut killed) = (2026, 0);
    for round in 0..kills {
        let mut child = start(eyas, folder, "out", "2");
        std::thread::sleep(Duration::from_secs_f64(length * (next(&mut state) >> 11) as f64 / (1u64 << 53) as f64));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        assert!(watch(start(eyas, folder, "out", "2")).success, "round {round}");
        assert_eq!(digest(&folder.join("out")), whole, "round {round}");
        std::fs::remove_dir_all(folder.join("out")).unwrap();
    }
    println!("{kills} rounds, {killed} killed with -9 before they ended: the same digest and rows every time");
}

fn start(eyas: &str, folder: &Path, out: &str, jobs: &str) -> Child {
    let words = ["label", "recipe.toml", "--in", "table", "--out", out, "--jobs", jobs, "--json"];
    Command::new(eyas).current_dir(folder).args(words).stdout(Stdio::null()).spawn().unwrap()
}

struct Run {
    success: bool,
    cpu_seconds: f64,
    peak_mib: f64,
}

/// Follows a process to its end through /proc.
fn watch(mut child: Child) -> Run {
    let proc = format!("/proc/{}", child.id());
    let (mut cpu_seconds, mut peak_mib) = (0.0, 0.0);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Run { success: status.success(), cpu_seconds, peak_mib };
        }
        let status = std::fs::read_to_string(format!("{proc}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kib) = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok()) {
            peak_mib = f64::max(peak_mib, kib / 1024.0);
        }
        let stat = std::fs::read_to_string(format!("{proc}/stat")).unwrap_or_default();
        // Fields 14 and 15, counted behind the name in brackets: user and system time in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        cpu_seconds = f64::max(cpu_seconds, (ticks(11) + ticks(12)) / 100.0);
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn digest(out: &Path) -> String {
    let text = std::fs::read_to_string(out.join("_SUCCESS.json")).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["rows"], (FILES * ROWS) as u64);
    value["digest"].as_str().unwrap().to_owned()
}
