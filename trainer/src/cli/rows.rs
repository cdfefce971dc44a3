//! Reading of student files and rows for the subcommands, and printing.

use super::Failure;
use crate::bounded::{self, Kind};
use crate::dataset::Table;
use crate::output::terminal;
use eyas::{AlignedBytes, Student};
use std::path::Path;

/// Reads the bytes of a student file.
pub(super) fn read_student(path: &Path) -> Result<AlignedBytes, Failure> {
    let bytes = bounded::read(path, Kind::Student);
    let bytes =
        bytes.map_err(|error| Failure::refused(format!("cannot read the student file {}: {error}", path.display())))?;
    Ok(AlignedBytes::from(bytes.as_slice()))
}

/// Reads the bytes of a model of another tool.
pub(super) fn read_model(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = bounded::read(path, Kind::Model);
    bytes.map_err(|error| Failure::refused(format!("cannot read the model {}: {error}", path.display())))
}

/// The rows of a table that a student takes, by the names of its inputs where it has them.
pub(super) fn read_rows(student: &Student<'_>, path: &Path) -> Result<Table, Failure> {
    let names: Vec<&str> = student.metadata().input_names().collect();
    Table::of_inputs(path, &names).map_err(Failure::refused)
}

/// The input integers of every row of `table`, through the file's own front end.
///
/// Columns are matched by name if both sides have names, otherwise by position.
pub(super) fn quantize_rows(student: &Student<'_>, table: &Table, source: &Path) -> Result<Vec<Vec<i8>>, Failure> {
    let metadata = student.metadata();
    let inputs = usize::from(metadata.inputs);
    let names: Vec<&str> = metadata.input_names().collect();
    let order = if names.is_empty() || table.input_names.is_empty() {
        let found = table.features.cols();
        if found != inputs {
            return Err(Failure::refused(format!(
                "{}: {found} features a row, the student takes {inputs}; give the columns it was trained on",
                source.display()
            )));
        }
        (0..inputs).map(Some).collect::<Vec<_>>()
    } else {
        let mut order = vec![None; table.features.cols()];
        for (input, name) in names.iter().enumerate() {
            let column = table.input_names.iter().position(|column| column == name).ok_or_else(|| {
                Failure::refused(format!(
                    "{}: no column `{name}`, which the student takes as input {input}",
                    source.display()
                ))
            })?;
            order[column] = Some(input);
        }
        order
    };
    let mut rows = Vec::with_capacity(table.features.rows());
    let mut features = vec![0f32; inputs];
    for (number, row) in table.features.outer_iterator().enumerate() {
        features.fill(0.0);
        for (column, &value) in row.iter() {
            if let Some(input) = order[column] {
                features[input] = value;
            }
        }
        let mut x = vec![0; inputs];
        student
            .quantize(&features, &mut x)
            .map_err(|error| Failure::refused(format!("{}, row {number}: {error}", source.display())))?;
        rows.push(x);
    }
    Ok(rows)
}

/// Prints to standard output; a closed pipe is not a failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    terminal::print(text).map_err(|error| Failure::work(format!("cannot write to standard output: {error}")))
}
