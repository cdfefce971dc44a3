//! The subcommands of cargo that the checks use, each of at least the version that `xtask/requirements` pins.

use crate::root;
use crate::setup::Environment;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names of the packages that hold the programs.
const PREFIX: &str = "astral-dev-toolchain-";

/// A command that runs the program `name`, such as `cargo-deny`, in the root of the repository.
///
/// # Errors
/// No such program, or only older ones.
pub fn command(name: &str) -> Result<Command> {
    let (path, _) = find(name).with_context(|| {
        let [major, minor, patch] = pinned(name).unwrap_or_default();
        format!("no {name} {major}.{minor}.{patch} or newer; cargo xtask setup installs it")
    })?;
    let mut command = Command::new(path);
    command.current_dir(root());
    // The argument that cargo would add.
    command.arg(name.trim_start_matches("cargo-"));
    Ok(command)
}

/// The program's version and path.
pub fn said(name: &str) -> Option<String> {
    find(name).map(|(path, [major, minor, patch])| format!("{}, {major}.{minor}.{patch}", path.display()))
}

/// The package of a tool under its name in `cargo install`, such as `cargo-deny@0.20.2`; `None` for packages that hold
/// no tool, such as `numpy 2.4.6`.
pub fn of_package(pin: &str) -> Option<String> {
    Some(pin.strip_prefix(PREFIX)?.replace(' ', "@"))
}

/// The first program of a new enough version: that of `cargo xtask setup`, then those on `PATH` and of cargo.
fn find(name: &str) -> Option<(PathBuf, [u32; 3])> {
    let wanted = pinned(name)?;
    let own = root().join(Environment::TOOLS.folder).join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cargo = Path::new(env!("CARGO")).parent().map(Path::to_path_buf);
    let folders = [own].into_iter().chain(std::env::split_paths(&path)).chain(cargo);
    let programs = folders.map(|folder| folder.join(name)).filter(|program| program.is_file());
    programs
        .filter_map(|program| Some((version(&program)?, program)))
        .find(|(found, _)| *found >= wanted)
        .map(|(version, path)| (path, version))
}

/// The version that the requirements pin.
fn pinned(name: &str) -> Option<[u32; 3]> {
    let pins = [Environment::TOOLS, Environment::FUZZ].into_iter().flat_map(|environment| environment.pins());
    pins.filter_map(|pin| of_package(&pin)).find_map(|pin| parse(pin.strip_prefix(name)?.strip_prefix('@')?))
}

fn version(program: &Path) -> Option<[u32; 3]> {
    let output = Command::new(program).arg("--version").output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).split_whitespace().find_map(parse)
}

/// `0.9.148` as numbers.
fn parse(version: &str) -> Option<[u32; 3]> {
    let parts: Vec<_> = version.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{PREFIX, of_package, parse, pinned};
    use crate::root;

    #[test]
    fn versions_are_numbers_and_compared_as_such() {
        assert_eq!(parse("0.9.148"), Some([0, 9, 148]));
        assert!(parse("0.9.148") > parse("0.9.99"));
        assert!(["cargo-deny", "0.9", "(60fa45f63", "2026-08-04", "1.2.x"].iter().all(|word| parse(word).is_none()));
        assert_eq!(of_package("numpy 2.4.6"), None);
    }

    /// A version without a hash, or a new version with an old hash, would only be noticed on a fresh machine.
    #[test]
    fn every_requirement_is_pinned_with_hashes() {
        for name in ["onnx", "tools", "fuzz", "bench"] {
            let read = |ending: &str| {
                std::fs::read_to_string(root().join("xtask/requirements").join(format!("{name}{ending}")))
            };
            let (wanted, locked) = (read(".in").unwrap(), read(".txt").unwrap());
            assert!(wanted.lines().all(|line| line.contains("==")), "{name}.in");
            for line in wanted.lines() {
                assert!(locked.contains(&format!("\n{line} \\\n")), "{line} is not in {name}.txt");
            }
            let packages = locked.split("\n").filter(|line| line.contains("==")).count();
            let hashed = locked.split("==").skip(1).filter(|entry| entry.contains("--hash=sha256:")).count();
            assert!(packages > 0 && hashed == packages, "{name}.txt: {hashed} of {packages} have hashes");
        }
        for name in ["cargo-nextest", "cargo-deny", "cargo-shear", "cargo-fuzz"] {
            assert!(pinned(name).is_some(), "{PREFIX}{name}");
        }
    }
}
