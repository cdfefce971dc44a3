//! The parts of a recipe that `eyas label` uses: one `[[teacher]]` that answers row by row, and the columns in `[data]`
//! that it must not see. Other sections are for other commands.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array2, ArrayView2};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Columns, LabelError};
use crate::bounded;
use crate::dataset::{DataError, Role, Withheld};
use crate::onnx::{Backend, OnnxTeacher, OnnxTeacherPlan, Runtime, Search};
use crate::recipe::{TeacherInput, folders};
use crate::teacher::{AnswerKind, DenseTeacher, RowTeacher, RowTeacherError, SealedTeacher};

/// Opens the teacher again; every worker thread has its own.
pub type OpenTeacher<'a> = dyn Fn() -> Result<Box<dyn RowTeacher>, LabelError> + Sync + 'a;

/// The recipe for labelling.
#[derive(Clone, Debug, Deserialize)]
pub struct LabelRecipe {
    teacher: Vec<TeacherChoice>,
    /// As in a recipe for distilling.
    #[serde(default)]
    base: Vec<String>,
    #[serde(default)]
    data: Roles,
    /// Number of probabilities that were too small for a logarithm, over all workers.
    #[serde(skip)]
    floored: Arc<AtomicUsize>,
    #[serde(skip)]
    path: PathBuf,
    #[serde(skip)]
    ort_dylib: Option<PathBuf>,
}

/// `[[teacher]]`: the teacher and its columns.
#[derive(Clone, Debug, Deserialize)]
pub struct TeacherChoice {
    /// `mlp`: dense layers in an `.npz`; `student`: a sealed student file; `onnx`: an ONNX model.
    pub kind: String,
    /// The teacher's file, from the recipe's folder.
    #[serde(default)]
    pub path: String,
    /// Columns in the order of the teacher's inputs: names, positions from 0, or inclusive ranges `a..b`. Default:
    /// every column except `id`, `label`, `split`, `fold`, `group` and those that `[data]` names as such; ranges leave
    /// these out too.
    #[serde(default)]
    pub columns: Vec<String>,
    /// `onnx`: each input with its columns; not needed for a model with one input, which takes `columns`.
    #[serde(default)]
    pub input: Vec<TeacherInput>,
    /// `onnx`: name of the output with the logits; optional if there is only one.
    #[serde(default)]
    pub output: Option<String>,
    /// `onnx`: rows of a batch, 1 to 65536. A model with a fixed batch keeps its own. Default 256.
    #[serde(default)]
    pub batch_rows: Option<usize>,
    /// `onnx`: the kind of the model's answers, `logits` or `probabilities`; of probabilities, the logarithms are
    /// written. By default they are taken as logits, and answers that look like probabilities are refused.
    #[serde(default)]
    pub answers: Option<AnswerKind>,
}

/// `[data]`, if the recipe has one: columns that reveal a row's answer or origin and are always left out.
#[derive(Clone, Debug, Default, Deserialize)]
struct Roles {
    label: Option<String>,
    fold: Option<String>,
    group: Option<String>,
    id: Option<String>,
    /// With it, the label lies in the future, and its past is an input.
    series: Option<toml::Table>,
}

impl LabelRecipe {
    /// Reads the recipe.
    ///
    /// # Errors
    /// [`LabelError::Recipe`].
    pub fn load(path: &Path) -> Result<Self, LabelError> {
        let wrong = |reason: String| LabelError::Recipe { path: path.to_path_buf(), reason };
        let text = bounded::text(path, bounded::Kind::Recipe);
        let text = text.map_err(|error| wrong(format!("cannot read the recipe: {error}")))?;
        let recipe: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
        let recipe = Self { path: path.to_path_buf(), ..recipe };
        match &recipe.teacher[..] {
            [teacher] if !teacher.path.is_empty() => recipe.check(teacher).map_err(wrong).map(|()| recipe.clone()),
            [_] => Err(wrong("expected `path` in [[teacher]], found none; name the teacher's file".to_owned())),
            teachers => Err(wrong(format!(
                "expected one [[teacher]] to label with, found {}; write a recipe with the one that is to answer",
                teachers.len()
            ))),
        }
    }

    /// Refuses keys that contradict each other.
    fn check(&self, teacher: &TeacherChoice) -> Result<(), String> {
        let onnx = teacher.kind == "onnx";
        let given = [
            ("input", !teacher.input.is_empty()),
            ("output", teacher.output.is_some()),
            ("batch_rows", teacher.batch_rows.is_some()),
            ("answers", teacher.answers.is_some()),
        ];
        if let Some((key, _)) = given.iter().find(|(_, given)| *given && !onnx) {
            return Err(format!("[[teacher]] {key}: the key does nothing without kind = \"onnx\"; remove it"));
        }
        let named = teacher.input.iter().filter(|input| !input.columns.is_empty()).count();
        if named > 0 && (named < teacher.input.len() || !teacher.columns.is_empty())
            || teacher.input.len() > 1 && named == 0
        {
            return Err(
                "[[teacher]] input: expected `columns` for every input and none in addition, found others; name \
                        the columns of each input"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The same recipe with the ONNX Runtime library from `--ort-dylib`.
    #[must_use]
    pub fn with_library(self, ort_dylib: Option<PathBuf>) -> Self {
        Self { ort_dylib, ..self }
    }

    /// The teacher's section.
    #[must_use]
    pub fn teacher(&self) -> &TeacherChoice {
        &self.teacher[0]
    }

    /// The columns in the order of the teacher's inputs, and those it must not see.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let teacher = self.teacher();
        let named: Vec<String> = teacher.input.iter().flat_map(|input| input.columns.iter().cloned()).collect();
        let wanted = if named.is_empty() { teacher.columns.clone() } else { named };
        let Roles { label, fold, group, id, series } = &self.data;
        let label = label.as_deref().filter(|_| series.is_none());
        let rest = [(Role::Fold, fold), (Role::Group, group), (Role::Id, id)];
        let named = rest.map(|(role, column)| (role, column.as_deref()));
        let withheld = Withheld::all([(Role::Label, label)].into_iter().chain(named));
        Columns { wanted, withheld }
    }

    /// How many probabilities were below [`LEAST_PROBABILITY`](crate::teacher::LEAST_PROBABILITY) so far.
    #[must_use]
    pub fn floored(&self) -> usize {
        self.floored.load(Ordering::Relaxed)
    }

    /// Opens the teacher.
    ///
    /// # Errors
    /// [`LabelError::Recipe`] for an unknown kind, otherwise the fault of the file.
    pub fn open_teacher(&self) -> Result<Box<dyn RowTeacher>, LabelError> {
        let teacher = self.teacher();
        let places: Vec<PathBuf> =
            folders(&self.path, &self.base).into_iter().map(|folder| folder.join(&teacher.path)).collect();
        let path = places.iter().find(|path| path.exists()).or(places.first()).cloned().unwrap_or_default();
        match teacher.kind.as_str() {
            "mlp" => Ok(Box::new(DenseTeacher::load(&path)?)),
            "student" => {
                let bytes = bounded::read(&path, bounded::Kind::Student);
                let bytes = bytes.map_err(|error| DataError::read(&path, &error))?;
                let teacher = SealedTeacher::new(&bytes);
                Ok(Box::new(teacher.map_err(|error| LabelError::TeacherFile { path, reason: error.to_string() })?))
            }
            "onnx" => {
                let inputs = teacher.input.iter().filter_map(|input| input.name.clone()).collect();
                let batch_rows = teacher.batch_rows.unwrap_or(crate::recipe::BATCH_ROWS);
                let (output, embedding) = (teacher.output.clone(), None);
                let plan = OnnxTeacherPlan { path: path.clone(), inputs, output, embedding, batch_rows };
                let search = Search::from_environment(self.ort_dylib.clone());
                let runtime = Runtime::open(Backend::Auto, &search).map_err(crate::onnx::OnnxError::from)?;
                let model = OnnxTeacher::open(&plan, &runtime)?;
                match model.rows_at_once() {
                    Some(rows) => Err(LabelError::WholeOnly { path, rows }),
                    None => Ok(Box::new(Meant { model, kind: teacher.answers, floored: Arc::clone(&self.floored) })),
                }
            }
            other => Err(LabelError::Recipe {
                path: self.path.clone(),
                reason: format!(
                    "[[teacher]] kind: expected `mlp`, `onnx` or `student`, found `{other}`; others do not answer row by row"
                ),
            }),
        }
    }
}

/// A model whose answers are converted to logits as the recipe says.
struct Meant {
    model: OnnxTeacher,
    kind: Option<AnswerKind>,
    floored: Arc<AtomicUsize>,
}

impl RowTeacher for Meant {
    fn inputs(&self) -> usize {
        self.model.inputs()
    }

    fn outputs(&self) -> usize {
        self.model.outputs()
    }

    fn logits(&mut self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, RowTeacherError> {
        let answers = AnswerKind::logits(self.kind, self.model.logits(rows)?).map_err(RowTeacherError::failed)?;
        self.floored.fetch_add(answers.floored, Ordering::Relaxed);
        Ok(answers.logits)
    }

    fn identity(&self) -> [u8; 32] {
        match self.kind {
            Some(AnswerKind::Probabilities) => {
                Sha256::new().chain_update(b"eyas logarithms 1").chain_update(self.model.identity()).finalize().into()
            }
            _ => self.model.identity(),
        }
    }
}
