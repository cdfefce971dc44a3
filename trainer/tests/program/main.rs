//! The `eyas` command as a user starts it, and small runs for it.

#[cfg(unix)]
mod bounds;
mod evaluate;
#[cfg(target_os = "linux")]
mod interrupt;
#[cfg(target_os = "linux")]
mod memory;
mod new;
mod own_tables;
mod resumed_runs;
mod run_folders;
#[cfg(target_os = "linux")]
mod trusted_places;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A table of two classes with folds, and its recipe: one second of training.
pub fn write_table(folder: &Path) {
    let mut text = "a,b,c,fold,label\n".to_owned();
    for row in 0..90u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let label = if a + b > 0.0 { "high" } else { "low" };
        writeln!(text, "{a},{b},{},{},{label}", a * b, row % 3).unwrap();
    }
    fs::write(folder.join("table.csv"), text).unwrap();
}

/// A recipe on the table, its training short.
pub const TABLE: &str = "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
    teacher_columns = [\"a..c\"]\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\nhidden = [8]\nepochs = 3\nmembers = 1\n\
    [student]\nhidden = [8]\nepochs = 3\n[report]\nseeds = [1]\ncontrols = false\n";

/// A graph of two classes along a ring, and its recipe.
pub fn write_graph(folder: &Path) {
    let (mut nodes, mut edges) = ("id,x,y,label\n".to_owned(), "source,target\n".to_owned());
    for node in 0..60u32 {
        writeln!(nodes, "{node},{},{},{}", node % 7, node % 5, u32::from(node >= 30)).unwrap();
        writeln!(edges, "{node},{}", (node + 1) % 60).unwrap();
    }
    fs::write(folder.join("nodes.csv"), nodes).unwrap();
    fs::write(folder.join("edges.csv"), edges).unwrap();
}

/// A recipe on the graph, its training short.
pub const GRAPH: &str = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\nsplit = \"random\"\ntrain_per_class = 5\n\
    tune_nodes = 10\ntest_nodes = 20\n[[teacher]]\nkind = \"gcn\"\nhidden = [8]\nepochs = 5\n[student]\nhidden = [4]\n\
    epochs = 5\n[report]\nseeds = [1]\ncontrols = false\n";

/// Starts the command in a folder, without a developer's own settings.
pub fn eyas(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eyas"));
    command.current_dir(folder).args(arguments).env_remove("EYAS_DATA").env_remove("ORT_DYLIB_PATH");
    command.output().unwrap()
}

/// Standard error and output of a command that ends with this status, never by a panic.
pub fn said(folder: &Path, arguments: &[&str], status: i32) -> String {
    let output = eyas(folder, arguments);
    let text = [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {text}");
    text
}
