//! From text to a recipe.

use std::path::Path;

use toml::{Table, Value as Toml};

use super::data::{DataKind, Task};
use super::error::{RecipeError, RecipeFault, RecipeProblem};
use super::position::Positions;
use super::section::{Context, Reader, Section, unknown};
use super::teacher::TeacherSection;
use super::value::{Fault, Value, one_of, word};
use super::{DataSection, File, Recipe, clash, spelling};
use crate::method::{self, Chosen, Method, Point};

/// Every table of a recipe.
const SECTIONS: [&str; 13] = [
    "base",
    "data",
    "teacher",
    "cotrain",
    "masks",
    "student",
    "rows",
    "target",
    "objective",
    "link",
    "quantize",
    "budget",
    "report",
];

/// Reads and checks a recipe.
pub(super) fn parse(text: &str, file: &Path) -> Result<Recipe, RecipeError> {
    let positions = Positions::of(text);
    let source = Source { positions: &positions, file };
    let table = source.table(text)?;
    let recipe = recipe(&table).map_err(|fault| source.error(fault))?;
    Ok(Recipe { file: File(file.to_path_buf()), ..recipe })
}

/// Where messages about one recipe come from.
pub(super) struct Source<'a> {
    pub(super) positions: &'a Positions<'a>,
    pub(super) file: &'a Path,
}

impl Source<'_> {
    /// The text as TOML.
    pub(super) fn table(&self, text: &str) -> Result<Table, RecipeError> {
        // The reader would blame whatever key stands near.
        if let Some((key, found)) = self.positions.too_large() {
            let expected = format!("an integer from {} to {}", i64::MIN, i64::MAX);
            return Err(self.error(Fault::range(&expected, found).inside(&format!(".{key}"))));
        }
        text.parse::<Table>().map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let (line, column) = self.positions.line_and_column(span.start);
            RecipeError::new(RecipeProblem {
                kind: RecipeFault::Syntax,
                file: self.file.to_path_buf(),
                line,
                column,
                key: self.positions.key_at(&span),
                message: error.message().trim().lines().collect::<Vec<_>>().join(", "),
                remedy: String::new(),
            })
        })
    }

    /// A fault with its place in the file.
    pub(super) fn error(&self, fault: Fault) -> RecipeError {
        let key = fault.at.trim_start_matches('.').to_owned();
        let place = match fault.kind {
            RecipeFault::UnknownKey => self.positions.name_of(&key),
            _ => self.positions.value_of(&key),
        };
        let (line, column) = self.positions.line_and_column(place.start);
        RecipeError::new(RecipeProblem {
            kind: fault.kind,
            file: self.file.to_path_buf(),
            line,
            column,
            key,
            message: fault.message,
            remedy: fault.remedy,
        })
    }
}

/// A recipe from its table.
fn recipe(whole: &Table) -> Result<Recipe, Fault> {
    spelling::check(whole)?;
    if let Some(found) = whole.keys().find(|found| !SECTIONS.contains(&found.as_str())) {
        return Err(unknown(found, SECTIONS.into_iter()));
    }
    let base = base(whole)?;
    let data = table_at(whole, "data")?
        .ok_or_else(|| missing("data", "expected a table [data], found none", "add the table"))?;
    let context = context(data)?;
    let data: DataSection = section_at(whole, "data", context)?;
    let cotrained = whole.contains_key("cotrain");
    let teacher = items_at(whole, "teacher", |table| TeacherSection::read(table, context, cotrained))?;
    if teacher.is_empty() {
        return Err(missing("teacher", "expected at least one teacher, found none", "add a table [[teacher]]"));
    }
    let optional = |name: &str| whole.contains_key(name);
    let list = |point: Point| items_at(whole, point.section(), |table| chosen(table, point, context, None));
    let mut target = list(Point::Target)?;
    if !target.iter().any(|chosen| chosen.method.mixes) {
        target.insert(0, chosen(&Table::new(), Point::Target, context, Some(&method::target::mean::METHOD))?);
    }
    let usual = match context.task {
        Task::Classify => &method::objective::kl::METHOD,
        Task::Regress => &method::objective::mse::METHOD,
    };
    let empty = Table::new();
    let objective = table_at(whole, "objective")?.unwrap_or(&empty);
    let objective =
        chosen(objective, Point::Objective, context, Some(usual)).map_err(|fault| fault.inside(".objective"))?;
    let recipe = Recipe {
        file: File::default(),
        base,
        data,
        teacher,
        cotrain: optional("cotrain").then(|| section_at(whole, "cotrain", context)).transpose()?,
        masks: optional("masks").then(|| section_at(whole, "masks", context)).transpose()?,
        student: section_at(whole, "student", context)?,
        rows: list(Point::Rows)?,
        target,
        objective,
        link: list(Point::Link)?,
        quantize: section_at(whole, "quantize", context)?,
        budget: optional("budget").then(|| section_at(whole, "budget", context)).transpose()?,
        report: section_at(whole, "report", context)?,
    };
    clash::check(&recipe)?;
    Ok(recipe)
}

/// Where the paths of a recipe start.
pub(super) fn base(whole: &Table) -> Result<Vec<String>, Fault> {
    let read = |base| <Vec<String> as Value>::read(base, Context::default()).map_err(|fault| fault.inside(".base"));
    whole.get("base").map_or(Ok(Vec::new()), read)
}

/// What the defaults of a recipe with this `[data]` depend on.
fn context(data: &Table) -> Result<Context, Fault> {
    let at = |name: &str| data.get(name).filter(|_| data.contains_key(name));
    let inside = |fault: Fault, name: &str| fault.inside(&format!(".data.{name}"));
    let usual = if data.contains_key("student_columns") { DataKind::Table } else { DataKind::Graph };
    let any = Context::default();
    let kind = at("kind").map_or(Ok(usual), |kind| Value::read(kind, any)).map_err(|fault| inside(fault, "kind"))?;
    let task = at("task").filter(|_| kind == DataKind::Table);
    let task = task.map_or(Ok(Task::Classify), |task| Value::read(task, any)).map_err(|fault| inside(fault, "task"))?;
    Ok(Context { kind, task })
}

/// A table of the recipe, where it has one.
pub(super) fn table_at<'t>(whole: &'t Table, name: &str) -> Result<Option<&'t Table>, Fault> {
    let place = format!(".{name}");
    let table = |value: &'t Toml| {
        value.as_table().ok_or_else(|| Fault::kind_of(&format!("a table [{name}]"), value).inside(&place))
    };
    whole.get(name).map(table).transpose()
}

/// A section; one that is not there has its defaults.
fn section_at<T: Section>(whole: &Table, name: &str, context: Context) -> Result<T, Fault> {
    let empty = Table::new();
    let table = table_at(whole, name)?.unwrap_or(&empty);
    T::read(&Reader { table, context }).map_err(|fault| fault.inside(&format!(".{name}")))
}

/// The tables of a list.
pub(super) fn items_at<T>(
    whole: &Table,
    name: &str,
    item: impl Fn(&Table) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    let Some(value) = whole.get(name) else { return Ok(Vec::new()) };
    let words = format!("tables [[{name}]]");
    let items = value.as_array().ok_or_else(|| Fault::kind_of(&words, value).inside(&format!(".{name}")))?;
    let read = |(index, value): (usize, &Toml)| {
        let table = value.as_table().ok_or_else(|| Fault::kind_of(&words, value));
        table.and_then(&item).map_err(|fault| fault.inside(&format!(".{name}[{index}]")))
    };
    items.iter().enumerate().map(read).collect()
}

/// A method with its keys; `usual` where the table does not name one.
fn chosen(table: &Table, point: Point, context: Context, usual: Option<&'static Method>) -> Result<Chosen, Fault> {
    let methods: Vec<&'static Method> = method::at(point).collect();
    let words: Vec<&str> = methods.iter().map(|method| method.kind).collect();
    // A target is a mean unless it says otherwise.
    let usual = usual.or((point == Point::Target).then_some(&method::target::mean::METHOD));
    let method = match (table.get("kind"), usual) {
        (Some(kind), _) => methods[word(kind, &words).map_err(|fault| fault.inside(".kind"))?],
        (None, Some(usual)) => usual,
        (None, None) => {
            let message = format!("expected {}, found none", one_of(&words));
            return Err(missing("kind", &message, "add the key"));
        }
    };
    let mut own = table.clone();
    own.remove("kind");
    let keys = (method.read)(&Reader { table: &own, context })?;
    Ok(Chosen { method, keys })
}

pub(super) fn missing(key: &str, message: &str, remedy: &str) -> Fault {
    Fault::new(RecipeFault::MissingKey, message, remedy).inside(&format!(".{key}"))
}
