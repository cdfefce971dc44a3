//! Reading of student files and rows for the subcommands, and printing.

use super::Failure;
use crate::apply::some;
use crate::bounded::{self, Kind};
use crate::output::{hexadecimal, tell, terminal};
use crate::recipe::Recipe;
use crate::report::Metrics;
use crate::run::RECIPE;
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

/// A student from the bytes of its file.
pub(super) fn load_student<'a>(bytes: &'a AlignedBytes, path: &Path) -> Result<Student<'a>, Failure> {
    Student::load(bytes).map_err(|error| Failure::refused(format!("{}: {error}", path.display())))
}

/// Whether a recipe made a student file: by its own hash, or as what was asked for by the metrics beside the file.
pub(super) fn made(recipe: &Recipe, student: &Student<'_>, file: &Path) -> bool {
    let hash = recipe.recipe_hash();
    let folder = file.parent().unwrap_or(Path::new(""));
    let asked = || Metrics::read(folder).ok()?.asked_recipe_hash;
    hash == *student.metadata().provenance.recipe_hash || asked() == Some(hexadecimal(&hash))
}

/// Whether a recipe takes the rows that made a student file: it made the file, or its `[data]` is that of the recipe beside the
/// file, which did.
fn takes_its_rows(recipe: &Recipe, student: &Student<'_>, file: &Path) -> bool {
    let own = || Recipe::load(&file.with_file_name(RECIPE)).ok();
    made(recipe, student, file) || own().is_some_and(|own| made(&own, student, file) && own.data == recipe.data)
}

/// A recipe that says how rows become a student's inputs; notes if its rows are not those that made the student.
pub(super) fn load_recipe(path: &Path, student: &Student<'_>, file: &Path) -> Result<Recipe, Failure> {
    let recipe = Recipe::load(path).map_err(Failure::usage)?;
    if !takes_its_rows(&recipe, student, file) {
        tell(format_args!(
            "warning: the [data] of {} is not known to be that of this file; rows that taught the student may count as tune or \
             test rows",
            path.display()
        ));
    }
    Ok(recipe)
}

/// Says once which columns of the input are not the student's.
pub(super) fn tell_ignored(path: &Path, ignored: &[String]) {
    if !ignored.is_empty() {
        let names: Vec<&str> = ignored.iter().map(String::as_str).collect();
        tell(format_args!("note: {}: the student does not take {}", path.display(), some(&names, 12)));
    }
}

/// Prints to standard output; a closed pipe is not a failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    terminal::print(text).map_err(|error| Failure::work(format!("cannot write to standard output: {error}")))
}
