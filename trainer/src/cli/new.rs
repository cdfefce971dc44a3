//! `eyas new`: looks at data and writes a first recipe that runs as it stands.

use super::rows::print;
use super::{DataOptions, Failure};
use crate::dataset::locate::{Search, locate};
use crate::look::{Asked, Budget, Look};
use crate::output::{tell, write_atomic};
use crate::recipe::Task;
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// The default of `--out`.
const OUT: &str = "recipe.toml";

/// What is learnt, as an option.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Learnt {
    /// A class.
    Classify,
    /// A quantity.
    Regress,
}

/// Look at a table, series or graph, and write a first recipe for it.
///
/// Prints what the data is: columns with type, range and gaps, the label and its balance, columns that are constant, twice
/// there, an id, a time, a group, or suspiciously good, and how rows should be split. The recipe says the same beside each
/// key; it has been tried: the data loads and splits as it says.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas new readings.csv\n  eyas new readings.parquet --label activity --student 'acc_*,light' --budget flash=16k,ram=2k\n  eyas new graph/ --out graph.toml          a folder with nodes.csv and edges.csv\n  eyas new stations/ --label PM2.5          a folder of .csv files: series of several sites\n  eyas new readings.csv --json | jq .columns\n  eyas new readings.csv --out -             the recipe to standard output\n\nThen: eyas distill recipe.toml --dry-run, and eyas distill recipe.toml."
)]
pub struct Arguments {
    /// The data: a text table (.csv, .tsv, .gz), a .parquet file or a folder of them, an .npz of columns or of a graph, a
    /// folder with nodes.csv and edges.csv, a folder of .csv files with readings, or the name of a known data set.
    data: PathBuf,
    /// Column to learn. Left out, it is the column named label, target, class or y, or the last one if it has few values.
    #[arg(long, value_name = "COL")]
    label: Option<String>,
    /// What is learnt. Left out, the values of the label say.
    #[arg(long, value_enum)]
    task: Option<Learnt>,
    /// Columns that the device has, as patterns with commas between them: `acc_*,x[0:8],a..d`. Left out, all that can be
    /// inputs.
    #[arg(long, value_name = "COLS")]
    student: Option<String>,
    /// What the student may cost, such as flash=16k,ram=2k,macs=50k; the widest student within it is written. k and M count
    /// 1024 bytes, and 1000 multiply-accumulates.
    #[arg(long, value_name = "LIMITS", value_parser = |text: &str| text.parse::<Budget>())]
    budget: Option<Budget>,
    /// Where the recipe goes; recipe.toml in the working folder by default, `-` for standard output. With --json, nothing is
    /// written unless this is given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace a recipe that is already there.
    #[arg(long)]
    force: bool,
    /// Print the look as one JSON object, the recipe in it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data_options: DataOptions,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let to_output = arguments.out.as_deref() == Some(Path::new("-"));
    if to_output && arguments.json {
        return Err(Failure::usage("--json holds the recipe already; leave `--out -` out"));
    }
    let file = match (&arguments.out, arguments.json) {
        (None, true) => None,
        _ if to_output => None,
        (out, _) => Some(out.clone().unwrap_or_else(|| PathBuf::from(OUT))),
    };
    if let Some(file) = file.as_deref().filter(|file| !arguments.force && file.exists()) {
        let there = file.display();
        return Err(Failure::usage(format!(
            "{there} is there already; replace it with --force, or name another with --out"
        )));
    }
    let folder = file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(Failure::usage(format!(
            "expected a folder for the recipe, found none at {}; make it first",
            folder.display()
        )));
    }
    let data = found(&arguments.data, arguments.data_options.data_dir.clone())?;
    let asked = Asked {
        label: arguments.label.clone(),
        task: arguments.task.map(|task| match task {
            Learnt::Classify => Task::Classify,
            Learnt::Regress => Task::Regress,
        }),
        student: arguments.student.as_deref().map(patterns).unwrap_or_default(),
        budget: arguments.budget.unwrap_or_default(),
        folder: folder.map(Path::to_path_buf),
    };
    let look = Look::at(&data, &asked).map_err(|error| match error.is_usage() {
        true => Failure::usage(error),
        false => Failure::refused(error),
    })?;
    if let Some(file) = &file {
        write_atomic(file, look.recipe.as_bytes()).map_err(Failure::work)?;
    }
    if arguments.json {
        return print(&serde_json::to_string(&look).map_err(Failure::work)?);
    }
    if to_output {
        tell(&look);
        return print(look.recipe.trim_end());
    }
    print(&look.to_string())?;
    let file = file.unwrap_or_default();
    print(&format!("\nwrote {0}; try it: eyas distill {0} --dry-run", file.display()))
}

/// Where the data is: a path, or a name of a known data set.
fn found(data: &Path, data_dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if data.exists() {
        // A file in it is as good as the folder of a graph.
        let beside = data.file_name().is_some_and(|name| name == "nodes.csv" || name == "edges.csv");
        let folder = data.parent().filter(|folder| beside && folder.join("edges.csv").is_file());
        return Ok(match folder {
            Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) => folder.to_path_buf(),
            None => data.to_path_buf(),
        });
    }
    let search = Search::from_environment(data_dir, Vec::new());
    locate(&data.to_string_lossy(), &search).map_err(Failure::refused)
}

/// Patterns with commas between them; a comma in brackets belongs to its pattern.
fn patterns(text: &str) -> Vec<String> {
    let mut depth = 0usize;
    let parts = text.split(|letter: char| {
        match letter {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::patterns;

    #[test]
    fn patterns_keep_the_commas_of_their_brackets() {
        assert_eq!(patterns("acc_*, x[0:8, 4],a..d,"), ["acc_*", "x[0:8, 4]", "a..d"]);
    }
}
