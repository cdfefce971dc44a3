//! `cargo xtask package`: the runtime as a registry would receive it.

use crate::changelog;
use crate::root;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Packs the runtime, compiles it from the package, and checks the package's contents.
///
/// Licences, README and changelog must equal those of the repository; no dependency may require a newer Rust than the
/// crate.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask package\n  cargo xtask package --overwrite")]
pub struct Package {
    /// Rewrite runtime/CHANGELOG.md from the fragments in changelog/
    #[arg(long)]
    overwrite: bool,
}

/// Files of the package that users look for, and the repository files that they must equal.
const FILES: [(&str, &str); 4] = [
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("README.md", "runtime/README.md"),
    ("CHANGELOG.md", CHANGELOG),
];
/// The runtime's own changelog.
const CHANGELOG: &str = "runtime/CHANGELOG.md";
/// The fields that the package's manifest must have.
const FIELDS: [&str; 7] =
    ["description", "documentation", "keywords", "categories", "license", "readme", "rust_version"];

impl Package {
    /// Runs the command.
    ///
    /// # Errors
    /// A stale changelog; a package that does not compile, lacks a file or has a file that differs from the
    /// repository's.
    pub fn run(&self) -> Result<()> {
        let runtime = manifest()?;
        let version = runtime["version"].as_str().context("no version")?;
        let written = changelog::assemble(&root().join("changelog"), "runtime", version)?;
        if self.overwrite {
            fs::write(root().join(CHANGELOG), &written)?;
        } else if fs::read_to_string(root().join(CHANGELOG)).context(CHANGELOG)? != written {
            bail!("{CHANGELOG} differs from the fragments; `cargo xtask package --overwrite` rewrites it");
        }
        for field in FIELDS {
            ensure!(!runtime[field].is_null(), "runtime/Cargo.toml says no {field}");
        }
        let packed = pack(version)?;
        for (name, original) in FILES {
            let original_bytes = fs::read(root().join(original)).context(original)?;
            let bytes = member(&packed, &format!("eyas-{version}/{name}"))?;
            ensure!(bytes == original_bytes, "{name} of the package is not {original}");
        }
        let newer = newer_dependencies(&runtime)?;
        ensure!(newer.is_empty(), "the runtime promises an older Rust than it needs: {}", newer.join(", "));
        println!("eyas {version}: {} is complete", packed.display());
        Ok(())
    }
}

/// Packs and compiles; the path of the package.
fn pack(version: &str) -> Result<std::path::PathBuf> {
    let target = root().join("target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["package", "--quiet", "--package", "eyas", "--allow-dirty", "--target-dir"]);
    ensure!(cargo.arg(&target).status().context("cannot run cargo")?.success(), "the package does not compile");
    Ok(target.join("package").join(format!("eyas-{version}.crate")))
}

/// One file of a package.
fn member(package: &Path, name: &str) -> Result<Vec<u8>> {
    let output = Command::new("tar").arg("-xOzf").arg(package).arg(name).output().context("cannot run tar")?;
    ensure!(output.status.success(), "{name} is not in {}", package.display());
    Ok(output.stdout)
}

/// Cargo's metadata of the runtime.
fn manifest() -> Result<Value> {
    let metadata = metadata(&["--no-deps"])?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    packages.iter().find(|package| package["name"] == "eyas").cloned().context("no package eyas")
}

/// The direct and indirect dependencies of the runtime that require a newer Rust than the runtime.
fn newer_dependencies(runtime: &Value) -> Result<Vec<String>> {
    let metadata = metadata(&["--manifest-path", "runtime/Cargo.toml", "--locked"])?;
    let allowed = release(&runtime["rust_version"]);
    let nodes = metadata["resolve"]["nodes"].as_array().context("no dependencies")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let (mut newer, mut seen, mut open) = (Vec::new(), Vec::new(), vec![&runtime["id"]]);
    while let Some(id) = open.pop() {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let package = packages.iter().find(|package| package["id"] == *id).context("a package without an entry")?;
        if release(&package["rust_version"]) > allowed {
            newer.push(format!("{} {} needs {}", package["name"], package["version"], package["rust_version"]));
        }
        let node = nodes.iter().find(|node| node["id"] == *id).context("a package without a node")?;
        let dependencies = node["deps"].as_array().into_iter().flatten();
        let shipped =
            |kinds: &Value| kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"));
        open.extend(dependencies.filter(|one| shipped(&one["dep_kinds"])).map(|one| &one["pkg"]));
    }
    Ok(newer)
}

fn metadata(arguments: &[&str]) -> Result<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["metadata", "--format-version", "1"]).args(arguments);
    let output = cargo.output().context("cannot run cargo")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// `1.88` as numbers; no version means no requirement.
fn release(version: &Value) -> Vec<u32> {
    version.as_str().unwrap_or_default().split('.').filter_map(|part| part.parse().ok()).collect()
}

/// The Rust release that the runtime promises to compile on.
///
/// # Errors
/// A manifest without one.
pub fn oldest_rust() -> Result<String> {
    Ok(manifest()?["rust_version"].as_str().context("runtime/Cargo.toml says no rust-version")?.to_owned())
}
