//! What `eyas label` takes from a recipe: one `[[teacher]]` that answers row by row, and from `[data]` which columns it must
//! not see. Other sections are for other commands and are not read.

use std::path::Path;

use toml::{Table, Value as Toml};

use super::error::{RecipeError, RecipeFault};
use super::position::Positions;
use super::read::{Source, base, items_at, missing, table_at};
use super::section::{Context, unknown};
use super::value::Fault;
use super::{DataSection, TeacherSection, spelling};
use crate::bounded;

/// A recipe as labelling sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelling {
    /// As in a recipe to distil by.
    pub base: Vec<String>,
    /// Who answers.
    pub teacher: TeacherSection,
    /// Column with the label; without one where the label lies ahead and its past is an input.
    pub label: Option<String>,
    /// Column with the fold.
    pub fold: Option<String>,
    /// Column with the group.
    pub group: Option<String>,
    /// Column that names each row.
    pub id: Option<String>,
}

impl Labelling {
    /// Reads the recipe.
    ///
    /// # Errors
    /// [`RecipeError`] as for a recipe to distil by, and for another number of teachers than one.
    pub fn load(path: &Path) -> Result<Self, RecipeError> {
        let text = bounded::text(path, bounded::Kind::Recipe).map_err(|error| RecipeError::read(path, &error))?;
        let positions = Positions::of(&text);
        let source = Source { positions: &positions, file: path };
        let table = source.table(&text)?;
        Self::read(&table).map_err(|fault| source.error(fault))
    }

    fn read(whole: &Table) -> Result<Self, Fault> {
        spelling::check_section(whole, "teacher[]")?;
        let read = |table: &Table| TeacherSection::read(table, Context::default(), false);
        let mut teachers = items_at(whole, "teacher", read)?;
        let count = teachers.len();
        let (Some(teacher), 1) = (teachers.pop(), count) else {
            let message = format!("expected one [[teacher]] to label with, found {count}");
            return Err(missing("teacher", &message, "write a recipe with the one that is to answer"));
        };
        teacher.check_inputs().map_err(|fault| fault.inside(".teacher[0]"))?;
        let empty = Table::new();
        let data = table_at(whole, "data")?.unwrap_or(&empty);
        let names = DataSection::KEYS.iter().map(|key| key.name);
        if let Some(found) = data.keys().find(|found| names.clone().all(|name| name != found.as_str())) {
            return Err(unknown(found, names).inside(".data"));
        }
        let column = |name: &str| match data.get(name) {
            None => Ok(None),
            Some(Toml::String(column)) => Ok(Some(column.clone())),
            Some(other) => Err(Fault::kind_of("a text", other).inside(&format!(".data.{name}"))),
        };
        let label = column("label")?.filter(|_| !data.contains_key("series"));
        let [fold, group, id] = [column("fold")?, column("group")?, column("id")?];
        Ok(Self { base: base(whole)?, teacher, label, fold, group, id })
    }
}

impl TeacherSection {
    /// Inputs of a model with their columns, where no other section has a say.
    fn check_inputs(&self) -> Result<(), Fault> {
        let Self::Onnx(model) = self else { return Ok(()) };
        let named = model.inputs.iter().filter(|input| !input.columns.is_empty()).count();
        let is_mixed = named > 0 && (named < model.inputs.len() || !model.columns.is_empty());
        if is_mixed || model.inputs.len() > 1 && named == 0 {
            let message = "expected `columns` for every input and no other `columns`, found others";
            let fault = Fault::new(RecipeFault::Combination, message, "name the columns of each input");
            return Err(fault.inside(".inputs"));
        }
        Ok(())
    }

    /// Columns in the order of the teacher's inputs, as the recipe wants them; empty for every column there is.
    #[must_use]
    pub fn wanted_columns(&self) -> Vec<String> {
        match self {
            Self::Onnx(model) if model.inputs.iter().any(|input| !input.columns.is_empty()) => {
                model.inputs.iter().flat_map(|input| input.columns.iter().cloned()).collect()
            }
            Self::Onnx(model) => model.columns.clone(),
            Self::Dense(file) | Self::Student(file) => file.columns.clone(),
            _ => Vec::new(),
        }
    }
}
