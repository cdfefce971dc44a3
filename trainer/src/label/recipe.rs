//! What `eyas label` takes from a recipe: one `[[teacher]]` that answers row by row. Other sections are for other commands.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::LabelError;
use crate::dataset::DataError;
use crate::teacher::{DenseTeacher, RowTeacher, SealedTeacher};

/// Opens the teacher again; every worker thread has its own.
pub type OpenTeacher<'a> = dyn Fn() -> Result<Box<dyn RowTeacher>, LabelError> + Sync + 'a;

/// A recipe as labelling sees it.
#[derive(Clone, Debug, Deserialize)]
pub struct LabelRecipe {
    teacher: Vec<TeacherChoice>,
    #[serde(skip)]
    path: PathBuf,
}

/// `[[teacher]]`: who answers, and on which columns.
#[derive(Clone, Debug, Deserialize)]
pub struct TeacherChoice {
    /// `mlp`: dense layers in an `.npz`; `student`: a sealed student file.
    pub kind: String,
    /// The teacher's file, from the recipe's folder.
    #[serde(default)]
    pub path: String,
    /// Columns in the order of the teacher's inputs: names, positions from 0, or ranges `a..b` with both ends. Left out:
    /// every column of numbers but `id`, `label`, `split`, `fold` and `group`.
    #[serde(default)]
    pub columns: Vec<String>,
}

impl LabelRecipe {
    /// Reads the recipe.
    ///
    /// # Errors
    /// [`LabelError::Recipe`].
    pub fn load(path: &Path) -> Result<Self, LabelError> {
        let wrong = |reason: String| LabelError::Recipe { path: path.to_path_buf(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(format!("cannot read the recipe: {error}")))?;
        let recipe: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        let recipe = Self { path: path.to_path_buf(), ..recipe };
        match &recipe.teacher[..] {
            [teacher] if !teacher.path.is_empty() => Ok(recipe),
            [_] => Err(wrong("expected `path` in [[teacher]], found none; name the teacher's file".to_owned())),
            teachers => Err(wrong(format!(
                "expected one [[teacher]] to label with, found {}; write a recipe with the one that is to answer",
                teachers.len()
            ))),
        }
    }

    /// The teacher's section.
    #[must_use]
    pub fn teacher(&self) -> &TeacherChoice {
        &self.teacher[0]
    }

    /// Opens the teacher.
    ///
    /// # Errors
    /// [`LabelError::Recipe`] for a kind that does not exist, else what is wrong with the file.
    pub fn open_teacher(&self) -> Result<Box<dyn RowTeacher>, LabelError> {
        let teacher = self.teacher();
        let path = self.path.parent().unwrap_or(Path::new("")).join(&teacher.path);
        match teacher.kind.as_str() {
            "mlp" => Ok(Box::new(DenseTeacher::load(&path)?)),
            "student" => {
                let bytes = std::fs::read(&path).map_err(|error| DataError::read(&path, &error))?;
                let teacher = SealedTeacher::new(&bytes);
                Ok(Box::new(teacher.map_err(|error| LabelError::TeacherFile { path, reason: error.to_string() })?))
            }
            other => Err(LabelError::Recipe {
                path: self.path.clone(),
                reason: format!(
                    "[[teacher]] kind: expected `mlp` or `student`, found `{other}`; others do not answer row by row"
                ),
            }),
        }
    }
}
