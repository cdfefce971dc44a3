//! Checks the lock files: licences, banned and duplicate crates and sources against `deny.toml`, and crates that
//! nothing uses.

use crate::root;
use crate::steps::{Outcome, impossible, run};
use crate::tools;
use std::process::Command;

/// Every workspace of the repository: its manifest, and the names of its checks by `cargo deny` and `cargo shear`.
///
/// The package of the ONNX teachers on tract includes the trainer's sources by path, which `cargo shear` cannot follow.
const WORKSPACES: [(&str, &str, Option<&str>); 4] = [
    (MAIN, "crates of the workspace", Some("unused crates of the workspace")),
    ("firmware/Cargo.toml", "crates of the firmware", Some("unused crates of the firmware")),
    ("runtime/fuzz/Cargo.toml", "crates of the fuzz targets", Some("unused crates of the fuzz targets")),
    ("trainer/tests/tract/Cargo.toml", "crates of the tests on tract", None),
];
const MAIN: &str = "Cargo.toml";
/// The main workspace does not need the exceptions for the fuzzer's licence and the firmware's duplicate crate.
const UNMATCHED_IN_MAIN: [&str; 2] = ["license-exception-not-encountered", "unnecessary-skip"];
/// The small workspaces lack the crates that `deny.toml` names for the main one.
const UNMATCHED: [&str; 5] = [
    "license-exception-not-encountered",
    "unnecessary-skip",
    "unmatched-skip",
    "unmatched-skip-root",
    "unused-wrapper",
];

/// Checks every workspace.
pub fn check() -> Vec<Outcome> {
    let step = |name, tool, arguments: &dyn Fn(&mut Command)| match tools::command(tool) {
        Err(error) => impossible(name, &error.to_string()),
        Ok(mut command) => {
            arguments(&mut command);
            run(name, command)
        }
    };
    let mut outcomes = Vec::new();
    for (manifest, licences, unused) in WORKSPACES {
        outcomes.push(step(licences, "cargo-deny", &|deny| {
            deny.args(["--locked", "--all-features", "--manifest-path", manifest, "--config"])
                .arg(root().join("deny.toml"));
            deny.args(["check", "-D", "warnings"]);
            let unmatched: &[&str] = if manifest == MAIN { &UNMATCHED_IN_MAIN } else { &UNMATCHED };
            deny.args(unmatched.iter().flat_map(|lint| ["-A", lint])).args(["licenses", "bans", "sources"]);
        }));
        if let Some(name) = unused {
            let folder = root().join(manifest.trim_end_matches(MAIN));
            outcomes.push(step(name, "cargo-shear", &|shear| {
                shear.args(["--locked", "--deny-warnings"]).arg(&folder);
            }));
        }
    }
    outcomes
}
