//! A file of rows as the integers that a student takes.
//!
//! Columns are matched by name where both sides have names; what the student does not take is left out. Without names, a
//! recipe says which columns they are, and without a recipe all columns count, in their order.

use std::path::{Path, PathBuf};

use eyas::Student;
use ndarray::Array2;
use sprs::CsMat;

use crate::dataset::table::texts;
use crate::dataset::{
    At, ColumnTable, DataError, FaultKind, Npz, Place, Role, Split, Table, Windowing, Withheld, is_graph, quoted,
    starts_like_archive,
};
use crate::look::LABEL_NAMES;
use crate::output::counted;
use crate::recipe::Recipe;

/// Column with the part of each row.
const SPLIT: &str = "split";

/// Rows as a student takes them.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Input integers, `[rows][inputs]`.
    pub integers: Vec<Vec<i8>>,
    /// Names of the rows; empty where the file has none.
    pub ids: Vec<String>,
    /// Columns that the student does not take, those of an array as one.
    pub ignored: Vec<String>,
}

/// An open file of rows.
#[derive(Debug)]
pub struct Input<'a> {
    path: PathBuf,
    recipe: Option<&'a Recipe>,
    content: Content,
}

/// How the rows are stored.
#[derive(Debug)]
enum Content {
    /// Columns with names.
    Columns(ColumnTable),
    /// A matrix of features: `x` of an archive, or a graph's.
    Matrix(Table),
}

impl<'a> Input<'a> {
    /// Opens the rows for a student; the layout is recognised by content. A recipe with `[data.series]` makes windows of
    /// readings, with `unanswered` also those whose forecast value is yet to come.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn open(
        path: &Path,
        student: &Student<'_>,
        recipe: Option<&'a Recipe>,
        unanswered: bool,
    ) -> Result<Self, DataError> {
        let content = match recipe.and_then(|recipe| recipe.data.windowing()) {
            Some(windowing) => Content::Columns(ColumnTable::windows(path, &Windowing { unanswered, ..windowing })?),
            None if path.is_dir() && path.join("nodes.csv").is_file() => {
                Content::Columns(ColumnTable::load(&path.join("nodes.csv"))?)
            }
            None if !path.is_dir() && starts_like_archive(path)? => archive(path, student, recipe)?,
            None => Content::Columns(ColumnTable::load(path)?),
        };
        Ok(Self { path: path.to_path_buf(), recipe, content })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        match &self.content {
            Content::Columns(table) => table.rows(),
            Content::Matrix(table) => table.features.rows(),
        }
    }

    /// Whether the rows are windows of series, of which neighbours share readings.
    #[must_use]
    pub fn is_series(&self) -> bool {
        self.recipe.is_some_and(|recipe| recipe.data.series.is_some())
    }

    /// The rows as the student takes them. `used` are columns that serve otherwise, such as the label: they are neither
    /// inputs nor ignored.
    ///
    /// # Errors
    /// An input without a column, another number of columns, a value that is not finite.
    pub fn read(&mut self, student: &Student<'_>, used: &[&str]) -> Result<Rows, DataError> {
        let series = self.is_series();
        match &mut self.content {
            Content::Matrix(table) => {
                let integers = integers(student, &self.path, table)?;
                Ok(Rows { integers, ids: table.ids.clone(), ignored: Vec::new() })
            }
            Content::Columns(table) => {
                let columns = columns(&self.path, self.recipe, table, student, used)?;
                let features = table.values(&columns)?;
                let serves = |name: &&str| !used.contains(name) && *name != "id";
                // The columns of windows are made here; nobody gave them.
                let ignored = if series { Vec::new() } else { table.besides(&columns) };
                Ok(Rows {
                    integers: dense_integers(student, &self.path, &features)?,
                    ids: ids(table, series)?,
                    ignored: ignored.into_iter().filter(serves).map(str::to_owned).collect(),
                })
            }
        }
    }

    /// A column as text, one a row.
    ///
    /// # Errors
    /// No such column, or several.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, DataError> {
        match &self.content {
            Content::Columns(table) => table.texts(name),
            Content::Matrix(table) if name == "labels" && !table.labels.is_empty() => Ok(table.labels.clone()),
            Content::Matrix(table) => texts(&self.path, name, table.features.rows()),
        }
    }

    /// The column with the labels: the one that was named, that of the recipe, or one that is called so.
    ///
    /// # Errors
    /// None of them; the error lists the columns.
    pub fn label(&self, named: Option<&str>) -> Result<String, DataError> {
        if let Some(named) = named {
            return Ok(named.to_owned());
        }
        let own = self.recipe.map(|recipe| match &recipe.data.series {
            Some(_) => format!("ahead.{}", recipe.data.label),
            None => recipe.data.label.clone(),
        });
        let usual = own.into_iter().chain(["label", "labels"].into_iter().chain(LABEL_NAMES).map(str::to_owned));
        let there = |name: &String| match &self.content {
            Content::Columns(table) => table.has(name),
            Content::Matrix(table) => name == "labels" && !table.labels.is_empty(),
        };
        let mut usual = usual.filter(|name| !name.is_empty());
        usual.find(there).ok_or_else(|| {
            let found = match &self.content {
                Content::Columns(table) => some(&table.besides(&[]), 12),
                Content::Matrix(_) => "features alone".to_owned(),
            };
            let remedy = "name the column with the right answers: --label COLUMN";
            DataError::new(FaultKind::Labels, Place::file(&self.path), "a column with labels", found, remedy)
        })
    }

    /// The split that the data carry: masks of a graph archive, or a column `split` with `train`, `tune` and `test`.
    ///
    /// # Errors
    /// A column that cannot be read.
    pub fn published(&self) -> Result<Option<Split>, DataError> {
        match &self.content {
            Content::Matrix(table) => Ok(table.published.clone()),
            Content::Columns(table) if table.has(SPLIT) => {
                let texts = table.texts(SPLIT)?;
                let of = |part: &str| (0..texts.len()).filter(|&row| texts[row] == part).collect::<Vec<_>>();
                let split = Split { train: of("train"), tune: of("tune"), test: of("test") };
                Ok((split != Split::default()).then_some(split))
            }
            Content::Columns(_) => Ok(None),
        }
    }
}

/// Where each input stands in the table.
fn columns(
    path: &Path,
    recipe: Option<&Recipe>,
    table: &mut ColumnTable,
    student: &Student<'_>,
    used: &[&str],
) -> Result<Vec<usize>, DataError> {
    let metadata = student.metadata();
    let names: Vec<&str> = metadata.input_names().collect();
    if !names.is_empty() {
        return table.exactly(&names).map_err(|error| {
            let missing = names.iter().position(|name| table.exactly(&[name]).is_err());
            missing.map_or(error, |input| no_column(path, table, names[input], input))
        });
    }
    let withheld = Withheld::all(used.iter().map(|&column| (Role::Label, Some(column))));
    let columns = match recipe.filter(|recipe| recipe.data.is_table()) {
        Some(recipe) => table.inputs("student_columns", &recipe.data.student_columns, &withheld)?,
        None => table.inputs("the rows", &["*".to_owned()], &withheld)?,
    };
    check_width(path, student, columns.len(), recipe.is_some())?;
    Ok(columns)
}

/// An input that the table has no column for.
fn no_column(path: &Path, table: &ColumnTable, name: &str, input: usize) -> DataError {
    let expected = format!("a column {}, which the student takes as input {input}", quoted(name));
    let base = name.split('[').next().unwrap_or(name);
    let reading = base.strip_prefix("sites.").unwrap_or(base);
    let remedy = if base != name && table.has(reading) {
        "make windows of the readings as in training: give --recipe with the student's recipe"
    } else {
        "give the columns that the student was trained on; `eyas inspect --json` lists them"
    };
    let found = some(&table.besides(&[]), 12);
    DataError::new(FaultKind::Layout, Place::file(path), expected, found, remedy)
}

/// Names of the rows: a column `id`, or site and moment of a window.
fn ids(table: &ColumnTable, series: bool) -> Result<Vec<String>, DataError> {
    if series {
        let named = table.texts("site")?.into_iter().zip(table.texts("moment")?);
        return Ok(named.map(|(site, moment)| format!("{site} {moment}").trim_start().to_owned()).collect());
    }
    if table.has("id") { table.texts("id") } else { Ok(Vec::new()) }
}

/// An archive: columns where the student names them or a recipe does, otherwise its matrix `x` or that of a graph.
fn archive(path: &Path, student: &Student<'_>, recipe: Option<&Recipe>) -> Result<Content, DataError> {
    let npz = Npz::open_directory(path)?;
    if is_graph(&npz) {
        return Table::load(path).map(Content::Matrix);
    }
    let metadata = student.metadata();
    let names: Vec<&str> = metadata.input_names().collect();
    let base = names.first().and_then(|name| name.split('[').next()).unwrap_or_default();
    if recipe.is_some() || npz.has(base) || !npz.has("x") {
        let mut table = ColumnTable::load(path)?;
        // A matrix of rows that were already chosen has other places than the array that the student was trained on.
        if recipe.is_some() || !npz.has("x") || table.exactly(&names).is_ok() {
            return Ok(Content::Columns(table));
        }
    }
    Table::load(path).map(Content::Matrix)
}

/// The input integers of every row of a matrix, through the student's own front end.
///
/// # Errors
/// Another number of columns, or a value that is not finite.
pub(crate) fn integers(student: &Student<'_>, path: &Path, table: &Table) -> Result<Vec<Vec<i8>>, DataError> {
    let metadata = student.metadata();
    let names: Vec<&str> = metadata.input_names().collect();
    let inputs = usize::from(metadata.inputs);
    let order: Vec<Option<usize>> = if names.is_empty() || table.input_names.is_empty() {
        check_width(path, student, table.features.cols(), false)?;
        (0..inputs).map(Some).collect()
    } else {
        let mut order = vec![None; table.features.cols()];
        for (input, name) in names.iter().enumerate() {
            let column = table.input_names.iter().position(|column| column == name).ok_or_else(|| {
                let expected = format!("a column {}, which the student takes as input {input}", quoted(name));
                let found = some(&table.input_names.iter().map(String::as_str).collect::<Vec<_>>(), 12);
                let remedy = "give the columns that the student was trained on";
                DataError::new(FaultKind::Layout, Place::file(path), expected, found, remedy)
            })?;
            order[column] = Some(input);
        }
        order
    };
    let mut features = vec![0f32; inputs];
    let row = |(number, row): (usize, sprs::CsVecView<'_, f32>)| {
        features.fill(0.0);
        for (column, &value) in row.iter() {
            if let Some(input) = order[column] {
                features[input] = value;
            }
        }
        coded(student, path, number, &features)
    };
    table.features.outer_iterator().enumerate().map(row).collect()
}

/// The input integers of rows whose columns are the student's inputs.
///
/// # Errors
/// A value that is not finite.
pub(crate) fn sparse_integers(
    student: &Student<'_>,
    path: &Path,
    features: CsMat<f32>,
) -> Result<Vec<Vec<i8>>, DataError> {
    let (input_names, ids, labels) = (Vec::new(), Vec::new(), Vec::new());
    integers(student, path, &Table { features, input_names, ids, labels, published: None })
}

fn dense_integers(student: &Student<'_>, path: &Path, features: &Array2<f32>) -> Result<Vec<Vec<i8>>, DataError> {
    let row = |(number, row): (usize, ndarray::ArrayView1<'_, f32>)| coded(student, path, number, &row.to_vec());
    features.rows().into_iter().enumerate().map(row).collect()
}

fn coded(student: &Student<'_>, path: &Path, number: usize, features: &[f32]) -> Result<Vec<i8>, DataError> {
    let mut x = vec![0; features.len()];
    student.quantize(features, &mut x).map_err(|error| {
        let place = Place::file(path).at(At::Index(number as u64));
        let remedy = "give rows as they were measured in training";
        DataError::new(
            FaultKind::NotFinite,
            place,
            "a row that the student's front end takes",
            error.to_string(),
            remedy,
        )
    })?;
    Ok(x)
}

fn check_width(path: &Path, student: &Student<'_>, found: usize, by_recipe: bool) -> Result<(), DataError> {
    let inputs = student.metadata().inputs;
    if found == usize::from(inputs) {
        return Ok(());
    }
    let remedy = if by_recipe {
        "give the recipe that made the student"
    } else {
        "give the columns it was trained on, in their order, or --recipe with the student's recipe, which names them"
    };
    let (expected, found) =
        (format!("{} a row, which the student takes", counted(inputs, "feature", "features")), found.to_string());
    Err(DataError::new(FaultKind::Shape, Place::file(path), expected, found, remedy))
}

/// The first of many names.
pub(crate) fn some(names: &[&str], most: usize) -> String {
    let shown = names.iter().take(most).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(most) {
        0 if names.is_empty() => "none".to_owned(),
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
