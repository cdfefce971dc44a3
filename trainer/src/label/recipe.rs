//! The parts of a recipe that `eyas label` uses: one `[[teacher]]` that answers row by row, and the columns in `[data]`
//! that it must not see. Other sections are for other commands.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use ndarray::{Array2, ArrayView2};
use sha2::{Digest, Sha256};

use super::{Columns, LabelError};
use crate::bounded;
use crate::dataset::{DataError, Role, Withheld};
use crate::onnx::{Backend, OnnxTeacher, OnnxTeacherPlan, Runtime, Search};
use crate::recipe::{Labelling, TeacherSection, folders};
use crate::teacher::{AnswerKind, DenseTeacher, Meaning, RowTeacher, RowTeacherError, SealedTeacher};

/// Opens the teacher again, for rows with columns of these names; every worker thread has its own.
pub type OpenTeacher<'a> = dyn Fn(&[String]) -> Result<Box<dyn RowTeacher>, LabelError> + Sync + 'a;

/// A recipe as labelling sees it, with what counts over all workers.
#[derive(Clone, Debug)]
pub struct LabelRecipe {
    recipe: Labelling,
    /// Probabilities that were too small for a logarithm, over all workers.
    floored: Arc<AtomicUsize>,
    /// What the answers of a model were found to be.
    meaning: Arc<OnceLock<Meaning>>,
    path: PathBuf,
    ort_dylib: Option<PathBuf>,
}

impl LabelRecipe {
    /// Reads the recipe.
    ///
    /// # Errors
    /// [`LabelError::Spelled`].
    pub fn load(path: &Path) -> Result<Self, LabelError> {
        let recipe = Labelling::load(path)?;
        Ok(Self { recipe, floored: Arc::default(), meaning: Arc::default(), path: path.to_path_buf(), ort_dylib: None })
    }

    /// The same recipe with the ONNX Runtime library from `--ort-dylib`.
    #[must_use]
    pub fn with_library(self, ort_dylib: Option<PathBuf>) -> Self {
        Self { ort_dylib, ..self }
    }

    /// The columns in the order of the teacher's inputs, and those it must not see.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let Labelling { teacher, label, fold, group, id, .. } = &self.recipe;
        let roles = [(Role::Label, label), (Role::Fold, fold), (Role::Group, group), (Role::Id, id)];
        let withheld = Withheld::all(roles.map(|(role, column)| (role, column.as_deref())));
        Columns { wanted: teacher.wanted_columns(), withheld }
    }

    /// How many probabilities were below [`LEAST_PROBABILITY`](crate::teacher::LEAST_PROBABILITY) so far.
    #[must_use]
    pub fn floored(&self) -> usize {
        self.floored.load(Ordering::Relaxed)
    }

    /// What the answers of an open model were found to be, where the recipe does not say it.
    #[must_use]
    pub fn meaning(&self) -> Option<&Meaning> {
        self.meaning.get().filter(|meaning| meaning.is_news())
    }

    /// Opens the teacher for rows with columns of these names.
    ///
    /// # Errors
    /// [`LabelError::Recipe`] for an unknown kind, otherwise the fault of the file.
    pub fn open_teacher(&self, columns: &[String]) -> Result<Box<dyn RowTeacher>, LabelError> {
        let teacher = &self.recipe.teacher;
        let file = teacher.path().unwrap_or_default();
        let places: Vec<PathBuf> =
            folders(&self.path, &self.recipe.base).into_iter().map(|folder| folder.join(file)).collect();
        let path = places.iter().find(|path| path.exists()).or(places.first()).cloned().unwrap_or_default();
        match teacher {
            TeacherSection::Dense(_) => Ok(Box::new(DenseTeacher::load(&path)?)),
            TeacherSection::Student(_) => {
                let bytes = bounded::read(&path, bounded::Kind::Student);
                let bytes = bytes.map_err(|error| DataError::read(&path, &error))?;
                let teacher = SealedTeacher::new(&bytes);
                Ok(Box::new(teacher.map_err(|error| LabelError::TeacherFile { path, reason: error.to_string() })?))
            }
            TeacherSection::Onnx(model) => {
                let plan = OnnxTeacherPlan {
                    path: path.clone(),
                    inputs: model.inputs.iter().filter_map(|input| input.name.clone()).collect(),
                    columns: columns.to_vec(),
                    output: model.output.clone(),
                    embedding: None,
                    batch_rows: model.batch_rows,
                };
                let said = model.answers;
                let search = Search::from_environment(self.ort_dylib.clone());
                let runtime = Runtime::open(Backend::Auto, &search).map_err(crate::onnx::OnnxError::from)?;
                let model = OnnxTeacher::open(&plan, &runtime)?;
                match model.rows_at_once() {
                    Some(rows) => Err(LabelError::WholeOnly { path, rows }),
                    None => {
                        let meant = Meant::new(model, said, Arc::clone(&self.floored));
                        if let Some(meaning) = &meant.meaning {
                            self.meaning.get_or_init(|| meaning.clone());
                        }
                        Ok(Box::new(meant))
                    }
                }
            }
            other => Err(LabelError::Recipe {
                path: self.path.clone(),
                reason: format!(
                    "[[teacher]] kind: expected `dense`, `onnx` or `student`, found `{}`; others do not answer row by row",
                    other.kind().word()
                ),
            }),
        }
    }
}

/// A model whose answers are converted to logits.
struct Meant {
    model: OnnxTeacher,
    /// None of a quantity.
    meaning: Option<Meaning>,
    floored: Arc<AtomicUsize>,
}

impl Meant {
    /// One column is a quantity, unless the recipe or the model tells that it stands for two classes.
    fn new(model: OnnxTeacher, said: Option<AnswerKind>, floored: Arc<AtomicUsize>) -> Self {
        let is_class = model.outputs() > 1 || model.classes().len() == 2 || said == Some(AnswerKind::Probabilities);
        // All workers, here and elsewhere, must find the same; they try the model on the same rows.
        let meaning = is_class.then(|| Meaning::of(&model, said, model.tried()));
        Self { model, meaning, floored }
    }
}

impl RowTeacher for Meant {
    fn inputs(&self) -> usize {
        self.model.inputs()
    }

    fn outputs(&self) -> usize {
        if self.meaning.is_some() { self.model.outputs().max(2) } else { self.model.outputs() }
    }

    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError> {
        let answers = self.model.logits(rows)?;
        let Some(meaning) = &self.meaning else { return Ok(answers) };
        let answers = AnswerKind::logits(meaning.kind, meaning.columns(answers)).map_err(RowTeacherError::failed)?;
        self.floored.fetch_add(answers.floored, Ordering::Relaxed);
        Ok(answers.logits)
    }

    fn identity(&self) -> [u8; 32] {
        match self.meaning.as_ref().and_then(|meaning| meaning.kind) {
            Some(AnswerKind::Probabilities) => {
                Sha256::new().chain_update(b"eyas logarithms 1").chain_update(self.model.identity()).finalize().into()
            }
            _ => self.model.identity(),
        }
    }
}
