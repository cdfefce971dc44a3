//! `cargo xtask parity`: does the trainer of another revision make the same students here?

mod compare;
mod figures;

use crate::root;
use anyhow::{Context, Result, bail, ensure};
use compare::{Outputs, differences};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The folder of the recipes in every revision that has them.
const RECIPES: &str = "trainer/tests/parity";

/// Compares the students of another revision with this one's, recipe by recipe.
///
/// Floats differ between processors, so the repository keeps no trained values, and both programs run here. Two runs
/// are equal if the student files (apart from the recipe's hash and the seal), the float student's arrays and all
/// figures are equal.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask parity --against HEAD~3\n  cargo xtask parity --against v0.1.0 --only table-masks\n  cargo xtask parity --list\n\nBuilds the other revision in target/parity. EYAS_DATA names the folder of public data sets that table-series needs."
)]
pub struct Parity {
    /// The revision to compare with
    #[arg(long, value_name = "REV", required_unless_present = "list")]
    against: Option<String>,
    /// Only recipes whose names contain this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Also compare the recipe in this file, which both revisions must have (a path from the root of the repository)
    #[arg(long, value_name = "RECIPE")]
    recipe: Vec<PathBuf>,
    /// List the recipes and stop
    #[arg(long)]
    list: bool,
}

impl Parity {
    /// Runs the command.
    ///
    /// # Errors
    /// A revision that cannot be built, or the number of recipes that differ.
    pub fn run(&self) -> Result<()> {
        let recipes = self.recipes()?;
        let Some(revision) = self.against.as_ref().filter(|_| !self.list) else {
            recipes.iter().for_each(|recipe| println!("{}", name(recipe)));
            return Ok(());
        };
        let other = Tree::of(revision)?;
        let this = Tree { name: "this".into(), root: root() };
        let [other_tool, this_tool] = [other.build()?, this.build()?];
        let mut differing = 0;
        for recipe in &recipes {
            let before = other.carry_out(&other_tool, recipe)?;
            let after = this.carry_out(&this_tool, recipe)?;
            let found = match (before, after) {
                (Ok(before), Ok(after)) => differences(&before, &after)?,
                (Err(before), Err(after)) if before == after => vec![format!("both fail: {after}")],
                (before, after) => [(&other.name, before.err()), (&this.name, after.err())]
                    .into_iter()
                    .filter_map(|(name, error)| Some(format!("{name} fails: {}", error?)))
                    .collect(),
            };
            println!("{}  {}", if found.is_empty() { "equal " } else { "DIFFER" }, name(recipe));
            found.iter().for_each(|line| println!("          {line}"));
            differing += usize::from(!found.is_empty());
        }
        println!("{} recipes compared with {revision}, {differing} differ", recipes.len());
        ensure!(differing == 0, "{differing} recipes differ");
        Ok(())
    }

    /// Paths of the recipes from the root of a tree.
    fn recipes(&self) -> Result<Vec<PathBuf>> {
        let folder = root().join(RECIPES);
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = Path::new(RECIPES).join(entry?.file_name());
            let chosen = self.only.as_ref().is_none_or(|text| name(&path).contains(text.as_str()));
            if path.extension().is_some_and(|extension| extension == "toml") && chosen {
                found.insert(path);
            }
        }
        let found: Vec<_> = found.into_iter().chain(self.recipe.iter().cloned()).collect();
        if found.is_empty() {
            bail!("no recipe is called so; `cargo xtask parity --list` lists them");
        }
        Ok(found)
    }
}

/// The name of a recipe: its file's, or its folder's if the file is `recipe.toml`.
fn name(recipe: &Path) -> String {
    let stem = recipe.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let folder = recipe.parent().and_then(Path::file_name).map(|folder| folder.to_string_lossy().into_owned());
    folder.filter(|_| stem == "recipe").unwrap_or(stem)
}

/// A checked-out revision.
struct Tree {
    name: String,
    root: PathBuf,
}

impl Tree {
    /// Checks out `revision` under `target/parity`, unless it is already there.
    fn of(revision: &str) -> Result<Self> {
        let commit = git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")])?;
        let place = root().join("target/parity").join(&commit);
        if !place.join("Cargo.toml").is_file() {
            git(&["worktree", "prune"])?;
            git(&["worktree", "add", "--detach", "--force", &place.to_string_lossy(), &commit])?;
        }
        Ok(Self { name: revision.into(), root: place })
    }

    /// Builds the trainer and copies it aside, since both trees share one folder of compiled dependencies.
    fn build(&self) -> Result<PathBuf> {
        let target = root().join("target/parity/build");
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--release", "--package", "eyas-trainer", "--bin", "eyas", "--target-dir"]).arg(&target);
        eprintln!("building {}", self.root.display());
        ensure!(build.current_dir(&self.root).status()?.success(), "{} does not build", self.root.display());
        let kept = root().join("target/parity").join(format!("eyas-{}", self.name.replace('/', "-")));
        fs::copy(target.join("release/eyas"), &kept)?;
        Ok(kept)
    }

    /// Runs a recipe: its outputs, or the last line that the tool prints.
    fn carry_out(&self, tool: &Path, recipe: &Path) -> Result<Result<Outputs, String>> {
        let out = tempfile::tempdir()?;
        let here = self.root.join(recipe);
        // A revision that lacks the recipe uses this one's.
        let recipe = if here.is_file() { here } else { root().join(recipe) };
        let run = Command::new(tool)
            .current_dir(root())
            .args(["distill", "--force", "--threads", "1", "--out"])
            .arg(out.path())
            .arg(&recipe)
            .stdin(Stdio::null())
            .output()?;
        if run.status.success() {
            return Ok(Ok(Outputs::read(out.path())?));
        }
        let said = String::from_utf8_lossy(&run.stderr);
        Ok(Err(said.lines().last().unwrap_or("without a word").to_owned()))
    }
}

/// The output of git.
fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").current_dir(root()).args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
