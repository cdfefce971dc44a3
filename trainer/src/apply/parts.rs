//! The rows that teach, choose or judge.

use std::path::Path;

use eyas::Student;

use super::input::{Input, sparse_integers};
use crate::data::Data;
use crate::dataset::{DataError, FaultKind, Place, Split};
use crate::recipe::Recipe;

/// Which rows of a file are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Every row with a label.
    All,
    /// Those that the student was taught on.
    Train,
    /// Those by which it was chosen.
    Tune,
    /// Those that neither taught nor chose.
    Test,
}

/// Rows with what is true of them, as the file spells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    /// Numbers of the rows in the file, or among the windows of its series.
    pub numbers: Vec<usize>,
    /// Input integers, `[rows][inputs]`.
    pub integers: Vec<Vec<i8>>,
    /// Labels, one a row.
    pub labels: Vec<String>,
    /// Name of the column with the labels.
    pub column: String,
}

impl Part {
    /// The word for reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Train => "train",
            Self::Tune => "tune",
            Self::Test => "test",
        }
    }

    fn of(self, split: Split) -> Vec<usize> {
        match self {
            Self::All => Vec::new(),
            Self::Train => split.train,
            Self::Tune => split.tune,
            Self::Test => split.test,
        }
    }

    /// The rows of this part by the split that the data carry; none for all of them.
    ///
    /// # Errors
    /// Data that carry no split, or no row of this part.
    pub fn published(self, path: &Path, input: &Input<'_>) -> Result<Option<Vec<usize>>, DataError> {
        if self == Self::All {
            return Ok(None);
        }
        let rows = self.of(input.published()?.unwrap_or_default());
        if rows.is_empty() {
            let expected = format!("a split with {} rows: masks of a graph archive or a column `split`", self.word());
            let remedy = "give --recipe with the student's recipe, whose split is then taken, or judge all rows";
            return Err(DataError::new(FaultKind::Split, Place::file(path), expected, "none", remedy));
        }
        Ok(Some(rows))
    }
}

/// The rows of a part by the split of a recipe that shipped the student: the first of its splits, drawn by the student's
/// seed. The file must have every column that the recipe names.
///
/// # Errors
/// [`DataError`] with the place and the remedy.
pub fn of_recipe(
    path: &Path,
    student: &Student<'_>,
    recipe: (&Recipe, &Path),
    part: Part,
) -> Result<Labelled, DataError> {
    let (recipe, recipe_path) = recipe;
    let mut own = recipe.clone();
    let path = std::path::absolute(path).map_err(|error| DataError::read(path, &error))?;
    let Some(source) = path.to_str() else {
        let remedy = "rename it";
        return Err(DataError::new(FaultKind::NotFound, Place::file(&path), "a name in UTF-8", "another", remedy));
    };
    source.clone_into(&mut own.data.source);
    let data = Data::load(&own, &own.search(recipe_path, None))?;
    let mut evaluations = data.evaluations(&own, &[student.metadata().provenance.seed])?;
    let split = if evaluations.is_empty() { Split::default() } else { evaluations.swap_remove(0).split };
    let mut numbers = part.of(split);
    numbers.retain(|&row| data.known[row]);
    let features = data.x.student_rows(&numbers, data.student);
    Ok(Labelled {
        integers: sparse_integers(student, &path, features)?,
        labels: numbers.iter().map(|&row| data.truth.in_words(row)).collect(),
        numbers: match &data.of_file {
            Some(of_file) => numbers.iter().map(|&row| of_file[row]).collect(),
            None => numbers,
        },
        column: own.data.label,
    })
}
