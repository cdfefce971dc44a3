//! The Rust snippets of the documents, compiled as they stand: for bare metal, or for the host where the fence says
//! `rust,host`.
//!
//! All snippets of one kind are modules of one crate in `target/snippets`; a name such as `readme_43` combines the
//! document and the line of the fence.

use anyhow::{Context, Result, bail, ensure};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders whose documents are read, from the root; subfolders are listed separately.
const FOLDERS: [&str; 7] = ["", "runtime", "trainer", "firmware", "docs", "docs/spec", "models"];

/// The place where a snippet runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Without `std`: a fence that says only `rust`.
    BareMetal,
    /// A fence that says `rust,host`.
    Host,
}

/// One snippet.
#[derive(Debug, PartialEq, Eq)]
struct Snippet {
    /// Line of its fence.
    line: usize,
    place: Place,
    /// Its lines, including those that the documentation hides.
    code: String,
}

/// Writes the crate of all snippets for `place` and returns its folder.
///
/// # Errors
/// A document that cannot be read, a fence that is not understood, or no snippet at all.
pub fn write(root: &Path, place: Place) -> Result<PathBuf> {
    let folder = root.join("target/snippets").join(if place == Place::Host { "host" } else { "bare-metal" });
    let source = folder.parent().context("a folder")?;
    fs::create_dir_all(&folder)?;
    // Unused functions are allowed; all other warnings, which users would see, are errors.
    let mut library = String::from("#![deny(warnings)]\n#![allow(dead_code)]\n");
    library.push_str(if place == Place::Host { "" } else { "#![no_std]\n" });
    let empty = library.len();
    for document in documents(root)? {
        let text = fs::read_to_string(&document)?;
        let name = document.strip_prefix(root)?.with_extension("");
        let snippets = parse(&text).with_context(|| document.display().to_string())?;
        for Snippet { line, code, .. } in snippets.into_iter().filter(|snippet| snippet.place == place) {
            let name = format!("{}_{line}", name.to_string_lossy().to_lowercase().replace(['/', '-', '.'], "_"));
            // Paths in a snippet start from a file two folders below the root; its package is that of the document.
            let package = document.parent().unwrap_or(root).display().to_string();
            fs::write(
                source.join(format!("{name}.rs")),
                code.replace("env!(\"CARGO_MANIFEST_DIR\")", &format!("{package:?}")),
            )?;
            let _ = writeln!(library, "#[path = \"../{name}.rs\"]\nmod {name};");
        }
    }
    ensure!(library.len() > empty, "no snippet for {place:?} in any document");
    fs::write(folder.join("lib.rs"), library)?;
    // A snippet may ask for the feature as the crate's own examples do.
    let features =
        if place == Place::Host { "features = [\"std\"]\n[features]\ndefault = [\"std\"]\nstd = []" } else { "" };
    let manifest = format!(
        "[workspace]\n[package]\nname = \"snippets\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n\
         [dependencies.eyas]\npath = {:?}\n{features}\n",
        root.join("runtime")
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    // Versions that this machine already has.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    Ok(folder)
}

/// The documents of all folders, sorted.
fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut documents = Vec::new();
    for folder in FOLDERS.map(|folder| root.join(folder)) {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    Ok(documents)
}

/// The Rust snippets of a document.
fn parse(text: &str) -> Result<Vec<Snippet>> {
    let mut snippets = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(kind) = line.trim_start().strip_prefix("```") else { continue };
        let mut code = String::new();
        let mut closed = false;
        for (_, line) in lines.by_ref() {
            if line.trim() == "```" {
                closed = true;
                break;
            }
            // Hidden in the rendered page, but part of the code.
            let line = line.strip_prefix("# ").unwrap_or(line);
            code.extend([line, "\n"]);
        }
        ensure!(closed, "line {}: a fence without an end", at + 1);
        let place = match kind.split(',').map(str::trim).collect::<Vec<_>>()[..] {
            ["rust"] => Place::BareMetal,
            ["rust", "host"] => Place::Host,
            ["rust", ..] => bail!("line {}: ```{kind}: every snippet compiles; `rust` or `rust,host` expected", at + 1),
            _ => continue,
        };
        snippets.push(Snippet { line: at + 1, place, code });
    }
    Ok(snippets)
}

#[cfg(test)]
mod tests {
    use super::{Place, Snippet, documents, parse, write};

    #[test]
    fn fences_say_where_a_snippet_runs() {
        let text =
            "a\n```rust\n# hidden();\nshown();\n#[test]\n```\n```sh\nrust\n```\n  ```rust,host\nhost();\n  ```\n";
        let snippet = |line, place, code: &str| Snippet { line, place, code: code.into() };
        let expected =
            [snippet(2, Place::BareMetal, "hidden();\nshown();\n#[test]\n"), snippet(10, Place::Host, "host();\n")];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn a_snippet_that_would_not_be_compiled_is_refused() {
        for fence in ["rust,ignore", "rust,no_run", "rust,compile_fail"] {
            let said = parse(&format!("\n```{fence}\n```\n")).unwrap_err().to_string();
            assert!(said.starts_with("line 2:") && said.contains(fence), "{said}");
        }
        assert!(parse("```rust\n").unwrap_err().to_string().contains("without an end"));
    }

    #[test]
    fn the_documents_with_snippets_are_among_those_that_are_read() {
        let documents = documents(&crate::root()).unwrap();
        for document in ["README.md", "runtime/README.md", "firmware/README.md", "docs/DESIGN.md"] {
            assert!(documents.contains(&crate::root().join(document)), "{document}");
        }
    }

    #[test]
    fn the_crates_hold_the_snippets_of_the_readmes() {
        let library = |place| std::fs::read_to_string(write(&crate::root(), place).unwrap().join("lib.rs")).unwrap();
        let (bare_metal, host) = (library(Place::BareMetal), library(Place::Host));
        for module in ["mod readme_", "mod runtime_readme_", "#![no_std]"] {
            assert!(bare_metal.contains(module), "{module}: {bare_metal}");
        }
        assert!(host.contains("mod runtime_readme_") && !host.contains("no_std"), "{host}");
    }
}
