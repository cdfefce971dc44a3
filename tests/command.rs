//! Runs the `eyas` command as a user would, and keeps its output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Once;

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The `eyas` command, built in the release profile, in the root of the repository.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn eyas() -> Command {
    static BUILT: Once = Once::new();
    let target = target_folder();
    BUILT.call_once(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(root()).args(["build", "--quiet", "--release", "--package", "eyas-trainer", "--bin", "eyas"]);
        let status = build.env("CARGO_TARGET_DIR", &target).status().expect("cargo runs");
        assert!(status.success(), "the eyas command does not build");
    });
    let mut command = Command::new(target.join("release/eyas"));
    // A developer's own settings must not change a test.
    command.current_dir(root()).env_remove("EYAS_DATA");
    command
}

/// The target folder this test was built into.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    // target/<profile>/deps/<test>
    test.ancestors().nth(3).map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// Runs the command with `arguments`.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    eyas().args(arguments).output().expect("the command starts")
}

/// Standard output of a run that must succeed.
///
/// # Panics
/// When the run fails, with its output.
#[must_use]
pub fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "eyas {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("text")
}

/// Exit status and standard error of a run that must fail.
///
/// # Panics
/// When the run succeeds or is killed.
#[must_use]
pub fn failure(arguments: &[&str]) -> (i32, String) {
    let output = run(arguments);
    assert!(!output.status.success(), "eyas {} succeeded", arguments.join(" "));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "a panic is never an error report: {said}");
    (output.status.code().expect("an exit status"), said)
}
