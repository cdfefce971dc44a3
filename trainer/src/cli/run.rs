//! `eyas run`: prints predictions of the integer student.

use super::Failure;
use super::rows::{print, quantize_rows, read_rows, read_student};
use crate::output::{one_line, terminal};
use eyas::Student;
use eyas::model::Task;
use serde_json::json;
use std::path::PathBuf;

/// Run the integer student on rows, through the file's own front end.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  eyas run models/cora/student.eyas --input models/cora/data/cora.npz --json\n  eyas run student.eyas --input readings.csv\n\nA graph archive is taken in node order. Each line of --json is {\"row\":0,\"label\":3,\"logits\":[..]}; a regression\nstudent prints \"values\" in the unit of the output instead of \"label\"."
)]
pub struct Arguments {
    /// The student file.
    file: PathBuf,
    /// Rows: a text table with a header, a Parquet table, an .npz with `x` or a column an array, or a graph archive.
    ///
    /// A student that knows the names of its inputs takes these columns, whatever else the table holds; `color=red` is 1
    /// where the column `color` says `red`.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Print one JSON object per row.
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub(super) fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let file = read_student(&arguments.file)?;
    let student =
        Student::load(&file).map_err(|error| Failure::refused(format!("{}: {error}", arguments.file.display())))?;
    let table = read_rows(&student, &arguments.input)?;
    let rows = quantize_rows(&student, &table, &arguments.input)?;
    let metadata = student.metadata();
    let labels: Vec<&str> = metadata.labels().collect();
    let mut arena = vec![0; student.arena_words()];
    for (number, row) in rows.iter().enumerate() {
        if !terminal::is_read() {
            break;
        }
        let answer = student.infer(row, &mut arena).map_err(Failure::work)?;
        let logits = answer.logits();
        let line = match metadata.task {
            Task::Classify => {
                let decision = answer.decision();
                if arguments.json {
                    json!({ "row": number, "label": decision.label, "logits": logits }).to_string()
                } else {
                    let name = labels.get(usize::from(decision.label)).copied().unwrap_or_default();
                    let id = table.ids.get(number).map_or_else(|| number.to_string(), Clone::clone);
                    format!("{}\t{}\tmargin {}", one_line(&id), one_line(name), decision.margin)
                }
            }
            Task::Regress => {
                let values: Vec<f32> =
                    (0..logits.len()).filter_map(|at| answer.quantity(at)).map(|q| q.real()).collect();
                if arguments.json {
                    json!({ "row": number, "values": values, "logits": logits }).to_string()
                } else {
                    format!("{number}\t{values:?}")
                }
            }
        };
        print(&line)?;
    }
    Ok(())
}
