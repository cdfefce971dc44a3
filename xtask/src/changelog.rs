//! The changelog of one crate, assembled from all fragments.

use anyhow::{Context, Result, bail};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The prefixes of fragment files, and their headings in the order of the page.
const KINDS: [(&str, &str); 4] =
    [("added-", "Added"), ("changed-", "Changed"), ("fixed-", "Fixed"), ("removed-", "Removed")];

/// The page of `package` at `version`.
///
/// # Errors
/// A fragment that cannot be read or whose name has none of the prefixes.
pub fn assemble(fragments: &Path, package: &str, version: &str) -> Result<String> {
    let mut files: Vec<_> = fs::read_dir(fragments)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    let mut entries: [Vec<String>; KINDS.len()] = Default::default();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let Some(kind) = KINDS.iter().position(|(prefix, _)| name.starts_with(prefix)) else {
            bail!("changelog/{name} is neither added-, changed-, fixed- nor removed-");
        };
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let said = parts(&text).filter(|(of, _)| *of == package).map(|(_, words)| words);
        entries[kind].extend(said);
    }
    let mut page = format!("# Changelog\n\n## {version}\n");
    for ((_, heading), entries) in KINDS.iter().zip(&entries).filter(|(_, entries)| !entries.is_empty()) {
        let _ = write!(page, "\n### {heading}\n\n");
        entries.iter().for_each(|entry| page.extend(["- ", entry, "\n"]));
    }
    Ok(page)
}

/// The parts of a fragment that begin with `**PACKAGE**:`, each with its text on one line.
fn parts(text: &str) -> impl Iterator<Item = (&str, String)> {
    // Every second piece between the stars is bold.
    let pieces: Vec<_> = text.split("**").collect();
    let mut found: Vec<(&str, String)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        let opens = at % 2 == 1 && pieces.get(at + 1).is_some_and(|next| next.starts_with(':'));
        if opens {
            found.push((piece, String::new()));
        } else if let Some((_, words)) = found.last_mut() {
            let text = if words.is_empty() { piece.trim_start_matches(':') } else { piece };
            words.push_str(if at % 2 == 1 { "**" } else { "" });
            words.push_str(text);
            words.push_str(if at % 2 == 1 { "**" } else { "" });
        }
    }
    found.into_iter().map(|(of, words)| (of, words.split_whitespace().collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::{assemble, parts};

    #[test]
    fn a_fragment_says_something_of_several_packages() {
        let text = "**xtask**: one\ntwo. **runtime**: a **bold** word,\nand more.\n\n**trainer**: no\n";
        let found: Vec<_> = parts(text).collect();
        let words = |text: &str| text.to_owned();
        assert_eq!(
            found,
            [("xtask", words("one two.")), ("runtime", words("a **bold** word, and more.")), ("trainer", words("no"))]
        );
        assert_eq!(parts("no package is named").count(), 0);
    }

    #[test]
    fn kinds_are_headings_and_an_unknown_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("fixed-b.md", "**runtime**: later");
        write("added-a.md", "**runtime**: first\n");
        write("changed-c.md", "**trainer**: elsewhere");
        let page = assemble(folder.path(), "runtime", "1.0.0").unwrap();
        assert_eq!(page, "# Changelog\n\n## 1.0.0\n\n### Added\n\n- first\n\n### Fixed\n\n- later\n");
        write("notes.md", "");
        assert!(assemble(folder.path(), "runtime", "1.0.0").unwrap_err().to_string().contains("notes.md"));
    }
}
