//! A target that leaves the core open causes a warning in the user's own build, with the one line that fixes it; no
//! other target warns.
//!
//! Cargo hides the output of dependencies' build scripts and the warnings in their code. A firmware of two lines shows
//! what a user of the crate sees.

use eyas_trainer::verify::device::Toolchain;
use std::path::Path;
use std::process::Command;

/// Armv8-M Mainline: Cortex-M33, with DSP or without, and the cores with vectors.
const OPEN: &str = "thumbv8m.main-none-eabihf";

/// Cargo's output for a firmware on `target`.
fn check(folder: &Path, target: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository");
    let student = root.join("runtime/tests/students/version-1.eyas");
    let manifest = format!(
        "[workspace]\n[package]\nname = \"product\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[dependencies]\neyas = {{ path = {:?} }}\n",
        root.join("runtime")
    );
    let library = format!("#![no_std]\neyas::include_student!(pub Built = {student:?});\n");
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    std::fs::write(folder.join("lib.rs"), library).expect("a library");
    // Versions that this machine already has.
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
    let toolchain = Toolchain::find(target).unwrap_or_else(|error| panic!("{error}"));
    let build = toolchain.cargo_build(folder, &root.join("firmware/target"));
    // The same command without code generation.
    let mut check = Command::new(build.get_program());
    check
        .current_dir(folder)
        .args(build.get_args().map(|argument| if argument == "build" { "check".as_ref() } else { argument }));
    for (name, value) in build.get_envs() {
        match value {
            Some(value) => check.env(name, value),
            None => check.env_remove(name),
        };
    }
    let output = check.output().expect("cargo starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{target}: {said}");
    said
}

#[test]
fn an_open_core_is_said_in_the_users_build_and_the_line_it_gives_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = check(folder.path(), OPEN);
    assert!(said.contains("warning: use of deprecated"), "{said}");
    assert!(said.contains("leaves open which core"), "{said}");
    let line =
        said.lines().map(str::trim).find(|line| line.starts_with("target.")).expect("a line for the configuration");
    let documented = format!("`{line}`");
    for readme in ["README.md", "runtime/README.md"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(readme);
        let text = std::fs::read_to_string(path).expect("a README");
        assert!(text.contains(&documented), "{readme} gives another line than the build: {documented}");
    }
    // The line as it stands, in the file that the warning names.
    std::fs::create_dir(folder.path().join(".cargo")).expect("a folder");
    std::fs::write(folder.path().join(".cargo/config.toml"), format!("{line}\n")).expect("a configuration");
    assert!(!check(folder.path(), OPEN).contains("warning"), "named, and still warned about");
}

#[test]
fn a_target_that_leaves_nothing_open_says_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for target in ["thumbv7em-none-eabihf", "thumbv6m-none-eabi"] {
        assert!(!check(folder.path(), target).contains("warning"), "{target}");
    }
}
