//! LLVM tools: those of the compiler's own release, and a disassembler of any release.

use crate::root;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest release whose disassembler knows every instruction of the images.
const OLDEST: u32 = 14;

/// The path of a tool of the compiler's own LLVM release, in the toolchain or from Debian. Profiles of other releases
/// cannot be read.
pub fn tool(name: &str) -> Option<PathBuf> {
    let libraries = PathBuf::from(said(Command::new("rustc").args(["--print", "target-libdir"]))?.trim());
    let own = libraries.parent()?.join("bin").join(name);
    let debian = PathBuf::from(format!("/usr/lib/llvm-{}/bin/{name}", release()?));
    [own, debian].into_iter().find(|path| path.is_file())
}

/// A disassembler for every core: the compiler's own, otherwise the newest available.
///
/// # Errors
/// No disassembler, or only older ones; the error names the remedy.
pub fn disassembler() -> Result<PathBuf> {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let debian = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let debian = debian.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("llvm-")));
    let folders = on_path.into_iter().flatten().chain(debian.map(|path| path.join("bin")));
    let all = tool("llvm-objdump").into_iter().chain(folders.map(|folder| folder.join("llvm-objdump")));
    let known = all.filter(|path| path.is_file()).filter_map(|path| Some((version(&path)?, path)));
    // Of two of the same release, take the first; `max_by_key` would take the last.
    let newest = known.collect::<Vec<_>>().into_iter().rev().max_by_key(|(version, _)| *version);
    let found =
        newest.as_ref().map_or("none is there".into(), |(version, path)| format!("{} is of {version}", path.display()));
    newest.filter(|(version, _)| *version >= OLDEST).map(|(_, path)| path).with_context(|| {
        format!("llvm-objdump of LLVM {OLDEST} or newer is needed, {found}; cargo xtask setup installs it")
    })
}

/// The release that a tool reports.
pub fn version(tool: &Path) -> Option<u32> {
    let said = said(Command::new(tool).arg("--version"))?;
    said.split_once("LLVM version ")?.1.split('.').next()?.parse().ok()
}

/// The number of the compiler's LLVM release.
pub fn release() -> Option<u32> {
    let said = said(Command::new("rustc").arg("-vV"))?;
    said.lines().find_map(|line| line.strip_prefix("LLVM version: ")?.split('.').next()?.parse().ok())
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.current_dir(root()).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
