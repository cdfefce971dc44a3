//! Teachers that come as a file: ONNX models and tables of answers, asked once for all folds and seeds.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::cache::Cache;
use super::prepare::{TabularPrepared, Truth};
use crate::dataset::{ColumnTable, DataError, FaultKind, Place, quoted};
use crate::label::{LabelError, PLAN, read_labels};
use crate::nn::MadeOn;
use crate::onnx::{Backend, OnnxError, OnnxTeacher, OnnxTeacherPlan, Runtime, Search};
use crate::recipe::old::{TabularRecipe, TabularTeacher, TabularTeacherKind};
use crate::teacher::{AnswerKind, Answers, AnswersError, LEAST_PROBABILITY, RowTeacher, RowTeacherError};

/// What a teacher that comes as a file answers for all rows of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// Logits, or quantities in their unit, `[rows x outputs]`; of probabilities their logarithms.
    pub answers: Array2<f32>,
    /// The embedding it names, `[rows x width]`.
    pub embedding: Option<Array2<f32>>,
    /// SHA-256 over what decides the answers: model, settings and library, or the table's values.
    pub identity: [u8; 32],
}

/// Why a teacher that comes as a file has no answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GivenError {
    /// The model cannot be used, or there is nothing to run it with.
    #[error("teacher {number}: {source}")]
    Onnx {
        /// Teacher, counted from 1.
        number: usize,
        /// What is wrong.
        source: Box<OnnxError>,
    },
    /// The model refused the rows or gave no numbers.
    #[error("teacher {number}, {}: {source}", .path.display())]
    Rows {
        /// Teacher, counted from 1.
        number: usize,
        /// The model.
        path: PathBuf,
        /// What it said.
        source: RowTeacherError,
    },
    /// The answers are not what the recipe says they are, or it does not say what they are.
    #[error("teacher {number}, {}: {source}", .path.display())]
    Answers {
        /// Teacher, counted from 1.
        number: usize,
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: AnswersError,
    },
    /// The table of answers or its columns cannot be used.
    #[error("teacher {number}: {source}")]
    Data {
        /// Teacher, counted from 1.
        number: usize,
        /// What is wrong.
        source: DataError,
    },
    /// The folder that `eyas label` wrote cannot be read.
    #[error("teacher {number}: {source}")]
    Label {
        /// Teacher, counted from 1.
        number: usize,
        /// What is wrong.
        source: Box<LabelError>,
    },
}

impl GivenError {
    /// Whether something of this machine is missing; else a file was refused.
    #[must_use]
    pub fn is_missing_library(&self) -> bool {
        matches!(self, Self::Onnx { source, .. } if matches!(**source, OnnxError::Runtime(_)))
    }
}

impl TabularPrepared {
    /// Asks every teacher that comes as a file for all rows; `ort_dylib` is ONNX Runtime's library as the user names it.
    ///
    /// What a model answers is kept in `cache`. Run it before [`execute`](super::execute) where the recipe has such teachers.
    ///
    /// # Errors
    /// [`GivenError`] with the teacher, the place and the remedy.
    pub fn consult(
        &mut self,
        recipe: &TabularRecipe,
        recipe_path: &Path,
        ort_dylib: Option<PathBuf>,
        cache: &Cache<'_>,
    ) -> Result<(), GivenError> {
        let search = Search::from_environment(ort_dylib);
        let files = recipe.search(recipe_path, self.data_dir.clone());
        let mut given = Vec::new();
        for (at, teacher) in recipe.teacher.iter().enumerate() {
            let number = at + 1;
            if teacher.is_trained() {
                given.push(None);
                continue;
            }
            let path = files.path(teacher.path.as_deref().unwrap_or_default());
            let (answers, embedding, identity) = if teacher.kind == TabularTeacherKind::Onnx {
                self.ask((number, teacher), &path, &search, cache)?
            } else {
                self.read((number, teacher), &path)?
            };
            let outputs = self.truth.outputs();
            if answers.ncols() != outputs {
                let place = Place::file(&path);
                let expected =
                    format!("{outputs} answers a row, one for each of {}", quoted(&self.truth.names().join(", ")));
                let remedy = "name the right output or columns; their order is that of the classes";
                let source = DataError::new(FaultKind::Shape, place, expected, answers.ncols().to_string(), remedy);
                return Err(GivenError::Data { number, source });
            }
            let answers = self.logits((number, teacher), &path, answers)?;
            self.warnings.push(format!(
                "teacher {number} comes as a file: whether it has seen the test rows cannot be known here"
            ));
            given.push(Some(Given { answers, embedding, identity }));
        }
        self.given = given;
        Ok(())
    }

    /// What an ONNX model answers.
    fn ask(
        &self,
        (number, teacher): (usize, &TabularTeacher),
        path: &Path,
        search: &Search,
        cache: &Cache<'_>,
    ) -> Result<Answered, GivenError> {
        let onnx = |source| GivenError::Onnx { number, source: Box::new(source) };
        let runtime = Runtime::open(Backend::Auto, search).map_err(|source| onnx(source.into()))?;
        let plan = OnnxTeacherPlan {
            path: path.to_path_buf(),
            inputs: teacher.input.iter().filter_map(|input| input.name.clone()).collect(),
            output: teacher.output.clone(),
            embedding: teacher.embedding.clone(),
            batch_rows: teacher.batch_rows,
        };
        let mut model = OnnxTeacher::open(&plan, &runtime).map_err(onnx)?;
        let rows = self.x.select(Axis(1), &self.inputs[number - 1]);
        let identity = model.identity();
        let mut key = Sha256::new().chain_update(b"eyas given 2").chain_update(identity);
        key.update(MadeOn::here().to_string());
        rows.iter().for_each(|value| key.update(value.to_le_bytes()));
        key.update(format!("{:?}", rows.dim()));
        let key = key.finalize().into();
        if let Some(Kept { answers, embedding }) = cache.get(key) {
            return Ok((answers, (embedding.ncols() > 0).then_some(embedding), identity));
        }
        let wrong = |source| GivenError::Rows { number, path: path.to_path_buf(), source };
        let answers = model.logits(rows.view()).map_err(wrong)?;
        let embedding = model.embedding(rows.view()).map_err(wrong)?;
        let kept = Kept { answers: answers.clone(), embedding: embedding.clone().unwrap_or_default() };
        cache.put(key, &kept);
        Ok((answers, embedding, identity))
    }

    /// What a table says.
    fn read(&self, (number, teacher): (usize, &TabularTeacher), path: &Path) -> Result<Answered, GivenError> {
        let data = |source| GivenError::Data { number, source };
        let (answers, embedding) = if path.join(PLAN).is_file() {
            let answers = read_labels(path).map_err(|source| GivenError::Label { number, source: Box::new(source) })?;
            if !teacher.columns.is_empty() || !teacher.embedding_columns.is_empty() {
                let remedy = "remove the key";
                let (place, found) = (Place::file(path), "columns of a folder that `eyas label` wrote");
                return Err(data(DataError::new(FaultKind::Layout, place, "a table with columns", found, remedy)));
            }
            self.same_rows(path, answers.nrows()).map_err(data)?;
            (answers, None)
        } else {
            let table = ColumnTable::load(path).map_err(data)?;
            let columns =
                if teacher.columns.is_empty() { usual_columns(&table, teacher) } else { teacher.columns.clone() };
            let order = self.order(&table).map_err(data)?;
            let read = |columns: &[String]| {
                let values = table.values(&table.select(columns)?)?;
                Ok(match &order {
                    Some(order) => values.select(Axis(0), order),
                    None => values,
                })
            };
            let embedding = &teacher.embedding_columns;
            let embedding = if embedding.is_empty() { None } else { Some(read(embedding).map_err(data)?) };
            (read(&columns).map_err(data)?, embedding)
        };
        let mut identity = Sha256::new().chain_update(b"eyas table teacher 1");
        for values in std::iter::once(&answers).chain(&embedding) {
            identity.update(format!("{:?}", values.dim()));
            values.iter().for_each(|value| identity.update(value.to_le_bytes()));
        }
        Ok((answers, embedding, identity.finalize().into()))
    }

    /// What the answers mean: of probabilities their logarithms, with a warning where that took a floor.
    fn logits(
        &mut self,
        (number, teacher): (usize, &TabularTeacher),
        path: &Path,
        answers: Array2<f32>,
    ) -> Result<Array2<f32>, GivenError> {
        let Truth::Classes { .. } = self.truth else { return Ok(answers) };
        let numbers = answers.len();
        let answers = AnswerKind::logits(teacher.answers, answers);
        let Answers { logits, floored } =
            answers.map_err(|source| GivenError::Answers { number, path: path.to_path_buf(), source })?;
        if floored > 0 {
            self.warnings.push(format!(
                "teacher {number}: {floored} of {numbers} probabilities are below {LEAST_PROBABILITY:e} and were taken \
                 as that"
            ));
        }
        Ok(logits)
    }

    /// The row of the table for each row of the data: matched by `id` where both have one, else one by one.
    fn order(&self, table: &ColumnTable) -> Result<Option<Vec<usize>>, DataError> {
        let path = table.path();
        let (name, ids) = match &self.ids {
            Some((name, ids)) if table.has(name) => (name, ids),
            _ => {
                self.same_rows(path, table.rows())?;
                // Parts of `eyas label` number their rows.
                if table.has("row") && table.texts("row")?.iter().enumerate().any(|(at, row)| *row != at.to_string()) {
                    let (expected, found) = (format!("the rows 0 to {}, in order", table.rows() - 1), "others");
                    let remedy = "name the folder of the parts, which is read through its commits";
                    let place = Place::array(path, "row");
                    return Err(DataError::new(FaultKind::OutOfRange, place, expected, found, remedy));
                }
                return Ok(None);
            }
        };
        let refuse = |kind, expected: String, found: String| {
            let remedy = "answer every row of the data once, under the id that the data has";
            DataError::new(kind, Place::array(path, name), expected, found, remedy)
        };
        let mut places = HashMap::new();
        let theirs = table.texts(name)?;
        for (at, id) in theirs.iter().enumerate() {
            if places.insert(id.as_str(), at).is_some() {
                return Err(refuse(FaultKind::Duplicate, "every id once".into(), format!("{} again", quoted(id))));
            }
        }
        let missing = ids.iter().enumerate().find(|(_, id)| !places.contains_key(id.as_str()));
        if let Some((row, id)) = missing {
            let expected = format!("the id {} of row {row} of {}", quoted(id), self.path.display());
            return Err(refuse(FaultKind::UnknownNode, expected, format!("{} other ids", places.len())));
        }
        Ok(Some(ids.iter().map(|id| places[id.as_str()]).collect()))
    }

    fn same_rows(&self, path: &Path, found: usize) -> Result<(), DataError> {
        let rows = self.x.nrows();
        if found == rows {
            return Ok(());
        }
        let remedy = "answer the rows of this data, or give both a column `id`";
        let expected = format!("{rows} rows, as {}", self.path.display());
        Err(DataError::new(FaultKind::Shape, Place::file(path), expected, format!("{found} rows"), remedy))
    }
}

/// What the cache holds of a model, as it answered.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(with = "crate::nn::matrix")]
    answers: Array2<f32>,
    /// Without columns where the teacher names none.
    #[serde(with = "crate::nn::matrix")]
    embedding: Array2<f32>,
}

/// Answers, embedding, identity.
type Answered = (Array2<f32>, Option<Array2<f32>>, [u8; 32]);

/// `logits` or `logits_0`, `logits_1`, and so on.
fn usual_columns(table: &ColumnTable, teacher: &TabularTeacher) -> Vec<String> {
    let name = match teacher.answers.unwrap_or_default() {
        AnswerKind::Logits => "logits",
        AnswerKind::Probabilities => "probabilities",
    };
    let whole = vec![name.to_owned()];
    if table.select(&whole).is_ok() { whole } else { vec![format!("{name}_*")] }
}
