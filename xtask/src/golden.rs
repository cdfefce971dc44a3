//! `cargo xtask golden`: checks or rewrites the committed student files.

use anyhow::{Context, Result, bail};
use eyas_tests::format;
use std::fs;

/// Checks that the committed golden files equal the current writer's output; writes them with `--overwrite`.
#[derive(clap::Args)]
pub struct Golden {
    /// Write the files instead of checking them
    #[arg(long)]
    overwrite: bool,
}

impl Golden {
    /// Runs the command.
    ///
    /// # Errors
    /// The files that changed or are missing, or an error of the file system.
    pub fn run(&self) -> Result<()> {
        let mut changed = Vec::new();
        let sound = format::files().into_iter().map(|file| (file.name, file.path(), file.bytes().to_vec()));
        let hostile = format::hostile::files().into_iter().map(|file| (file.name, file.path(), file.bytes));
        for (name, path, bytes) in sound.chain(hostile) {
            let same = fs::read(&path).is_ok_and(|committed| committed == bytes);
            if same {
                println!("  same     {name} ({} bytes)", bytes.len());
            } else if self.overwrite {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
                println!("  written  {name} ({} bytes)", bytes.len());
            } else {
                println!("  CHANGED  {name}");
                changed.push(name);
            }
        }
        if !changed.is_empty() {
            bail!(
                "{} differ from what the writer makes now. If the format was meant to change, raise its version; \
                 then `cargo xtask golden --overwrite`",
                changed.join(", ")
            );
        }
        Ok(())
    }
}
