//! Combinations without meaning, as a table: each row says where, why, and what to do, and brings a recipe that trips it.
//!
//! Keys that belong to one choice only are refused by their section; what is here takes two sections, or two values.

/// An example on a table: `[data]`, then these lines.
macro_rules! on_table {
    ($lines:literal) => {
        concat!(
            "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\"]\nteacher_columns = [\"b\"]\n",
            $lines
        )
    };
}

/// The same on a graph.
macro_rules! on_graph {
    ($lines:literal) => {
        concat!("[data]\nsource = \"cora\"\n", $lines)
    };
}

mod data;
mod methods;
mod teachers;

use super::Recipe;
use super::error::RecipeFault;
use super::section::idle;
use super::value::Fault;
use crate::method::{Method, Point};

/// A combination without meaning.
pub struct Clash {
    /// The key that is refused, without the numbers of a list: `teacher[].hidden`.
    pub at: &'static str,
    /// The key of a recipe that has the combination.
    pub find: fn(&Recipe) -> Option<String>,
    /// Why it has no meaning.
    pub reason: &'static str,
    /// What to do instead.
    pub remedy: &'static str,
    /// A recipe that has it.
    pub example: &'static str,
}

/// Every combination that is refused, by the section of its key.
pub static CLASHES: &[&[Clash]] = &[data::CLASHES, teachers::CLASHES, methods::CLASHES];

/// Refuses a recipe with a combination of the table, or with a method that lacks what it needs.
pub(super) fn check(recipe: &Recipe) -> Result<(), Fault> {
    for clash in CLASHES.iter().copied().flatten() {
        if let Some(key) = (clash.find)(recipe) {
            return Err(Fault::new(RecipeFault::Combination, clash.reason, clash.remedy).inside(&format!(".{key}")));
        }
    }
    for point in Point::ALL {
        for (index, chosen) in recipe.chosen(point).iter().enumerate() {
            if let Some(needs) = lacking(recipe, chosen.method) {
                let place = if point.is_list() { format!("[{index}]") } else { String::new() };
                let fault = idle(&needs);
                let fault =
                    Fault { message: format!("`{}` does nothing without {needs}", chosen.method.kind), ..fault };
                let fault = Fault { remedy: "remove it, or choose another kind".to_owned(), ..fault };
                return Err(fault.inside(&format!(".{}{place}", point.section())));
            }
        }
    }
    Ok(())
}

/// What a method needs that the recipe has not.
fn lacking(recipe: &Recipe, method: &Method) -> Option<String> {
    let needs = method.needs;
    let has = [
        needs.data.is_none_or(|kind| kind == recipe.data.kind),
        needs.task.is_none_or(|task| task == recipe.data.task),
        !needs.embedding || recipe.teacher.iter().any(|teacher| teacher.embedding_key().is_some()),
        !needs.hidden || !recipe.student.hidden.is_empty(),
        !needs.labels || recipe.weights().label_weight > 0.0,
    ];
    let missing = has.iter().position(|has| !has)?;
    needs.conditions().into_iter().nth(missing)?
}

/// The key of the first teacher that fits.
fn teacher(recipe: &Recipe, name: &str, fits: impl Fn(&super::TeacherSection) -> bool) -> Option<String> {
    recipe.teacher.iter().position(fits).map(|index| format!("teacher[{index}].{name}"))
}
