//! Teachers that come as a file: ONNX models, tables of answers, dense layers and sealed students, asked once for all
//! evaluations.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answers::{AnswerKind, Answers, AnswersError};
use super::meaning::{ClassesError, Meaning};
use super::rows::{RowTeacher, RowTeacherError};
use super::{DenseTeacher, SealedTeacher};
use crate::bounded;
use crate::data::{Data, Matrix, Truth};
use crate::dataset::{ColumnTable, DataError, FaultKind, Place, Warning, quoted};
use crate::label::{LabelError, PLAN, read_labels};
use crate::nn::MadeOn;
use crate::onnx::{Backend, OnnxError, OnnxTeacher, OnnxTeacherPlan, Runtime, Search};
use crate::output::counted;
use crate::recipe::{ModelTeacher, Recipe, TableTeacher, TeacherSection};
use crate::run::Cache;

/// What a teacher that comes as a file answers for all rows of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct FileAnswers {
    /// Logits, or quantities in their unit, `[rows x outputs]`; of probabilities their logarithms.
    pub answers: Array2<f32>,
    /// The embedding it names, `[rows x width]`.
    pub embedding: Option<Array2<f32>>,
    /// SHA-256 over what decides the answers: model, settings and library, or the table's values.
    pub identity: [u8; 32],
}

impl FileAnswers {
    /// Adds all that a student learns from it.
    pub(crate) fn hash(&self, hash: &mut Sha256) {
        hash.update(self.identity);
        let values = self.answers.iter().chain(self.embedding.iter().flatten());
        values.for_each(|value| hash.update(value.to_le_bytes()));
    }
}

/// Why a teacher that comes as a file has no answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileTeacherError {
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
    /// The model knows other classes than the data.
    #[error("teacher {number}, {}: {source}", .path.display())]
    Classes {
        /// Teacher, counted from 1.
        number: usize,
        /// The model.
        path: PathBuf,
        /// Which.
        source: ClassesError,
    },
    /// The table of answers or its columns cannot be used.
    #[error("teacher {number}: {source}")]
    Data {
        /// Teacher, counted from 1.
        number: usize,
        /// What is wrong.
        source: DataError,
    },
    /// A student file that the runtime refuses.
    #[error("teacher {number}, {}: {reason}", .path.display())]
    Student {
        /// Teacher, counted from 1.
        number: usize,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
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

impl FileTeacherError {
    /// Whether something of this machine is missing; else a file was refused.
    #[must_use]
    pub fn is_missing_library(&self) -> bool {
        matches!(self, Self::Onnx { source, .. } if matches!(**source, OnnxError::Runtime(_)))
    }
}

/// Asks every teacher of a recipe that comes as a file for all rows of `data`; `None` for one that is trained here.
///
/// `paths` finds the files, `libraries` ONNX Runtime. What a model answers is kept in `cache`. Adds what the user should know
/// to the data's warnings.
///
/// # Errors
/// [`FileTeacherError`] with the teacher, the place and the remedy.
pub fn consult(
    data: &mut Data,
    recipe: &Recipe,
    paths: &crate::dataset::locate::Search,
    libraries: &Search,
    cache: &Cache<'_>,
) -> Result<Vec<Option<FileAnswers>>, FileTeacherError> {
    let mut all = Vec::new();
    for (at, teacher) in recipe.teacher.iter().enumerate() {
        let Some(path) = teacher.path() else {
            all.push(None);
            continue;
        };
        let file = File { number: at + 1, path: paths.path(path), data, x: inputs(data, at) };
        let mut meaning = None;
        let (answers, embedding, identity) = match teacher {
            TeacherSection::Onnx(section) => {
                let (answered, told) = file.ask(section, &input_names(data, at), libraries, cache)?;
                meaning = told;
                answered
            }
            TeacherSection::Table(section) => file.read(section)?,
            TeacherSection::Dense(_) => {
                file.answer(&mut DenseTeacher::load(&file.path).map_err(|source| file.data(source))?)?
            }
            _ => file.answer(&mut file.student()?)?,
        };
        let (number, kind) = (file.number, meaning.as_ref().map_or(teacher.answers(), |meaning| meaning.kind));
        let answers = file.fits(answers, meaning.as_ref())?;
        let numbers = answers.len();
        let Answers { logits, floored } = file.logits(kind, answers)?;
        data.warnings.push(Warning::TeacherFile { number });
        if let Some(meaning) = meaning.filter(Meaning::is_news) {
            data.warnings.push(Warning::ModelAnswers { number, meaning: meaning.to_string() });
        }
        if floored > 0 {
            data.warnings.push(Warning::FlooredProbabilities { number, floored, numbers });
        }
        all.push(Some(FileAnswers { answers: logits, embedding, identity }));
    }
    Ok(all)
}

/// The rows of the data as a teacher takes them.
fn inputs(data: &Data, teacher: usize) -> Array2<f32> {
    match (&data.x, data.inputs.get(teacher).filter(|columns| !columns.is_empty())) {
        (Matrix::Dense(x), Some(columns)) => x.select(Axis(1), columns),
        (Matrix::Dense(x), None) => x.clone(),
        (Matrix::Sparse(x), _) => x.to_dense(),
    }
}

/// Names of the columns in these rows; none of a graph whose source names none.
fn input_names(data: &Data, teacher: usize) -> Vec<String> {
    match data.inputs.get(teacher).filter(|columns| !columns.is_empty()) {
        Some(columns) => columns.iter().filter_map(|&column| data.names.get(column).cloned()).collect(),
        None => data.names.clone(),
    }
}

/// A teacher that comes as a file, and what it is asked about.
struct File<'a> {
    /// Counted from 1.
    number: usize,
    path: PathBuf,
    data: &'a Data,
    x: Array2<f32>,
}

impl File<'_> {
    fn data(&self, source: DataError) -> FileTeacherError {
        FileTeacherError::Data { number: self.number, source }
    }

    fn rows(&self, source: RowTeacherError) -> FileTeacherError {
        FileTeacherError::Rows { number: self.number, path: self.path.clone(), source }
    }

    /// What a teacher that answers row by row says.
    fn answer(&self, teacher: &mut impl RowTeacher) -> Result<Answered, FileTeacherError> {
        let answers = teacher.logits(self.x.view()).map_err(|source| self.rows(source))?;
        let embedding = teacher.embedding(self.x.view()).map_err(|source| self.rows(source))?;
        Ok((answers, embedding, teacher.identity()))
    }

    fn student(&self) -> Result<SealedTeacher, FileTeacherError> {
        let bytes = bounded::read(&self.path, bounded::Kind::Student);
        let bytes = bytes.map_err(|error| self.data(DataError::read(&self.path, &error)))?;
        SealedTeacher::new(&bytes).map_err(|error| FileTeacherError::Student {
            number: self.number,
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }

    /// What an ONNX model answers about rows with these columns, and where it classifies, what that means.
    fn ask(
        &self,
        section: &ModelTeacher,
        columns: &[String],
        libraries: &Search,
        cache: &Cache<'_>,
    ) -> Result<(Answered, Option<Meaning>), FileTeacherError> {
        let onnx = |source| FileTeacherError::Onnx { number: self.number, source: Box::new(source) };
        let runtime = Runtime::open(Backend::Auto, libraries).map_err(|source| onnx(source.into()))?;
        let plan = OnnxTeacherPlan {
            path: self.path.clone(),
            inputs: section.inputs.iter().filter_map(|input| input.name.clone()).collect(),
            columns: columns.to_vec(),
            output: section.output.clone(),
            embedding: section.embedding.clone(),
            batch_rows: section.batch_rows,
        };
        let mut model = OnnxTeacher::open(&plan, &runtime).map_err(onnx)?;
        let is_class = matches!(self.data.truth, Truth::Classes { .. });
        let meaning = |model: &OnnxTeacher, answers: &Array2<f32>| {
            is_class.then(|| Meaning::of(model, section.answers, answers.view()))
        };
        let identity = model.identity();
        let mut key = Sha256::new().chain_update(b"eyas given 2").chain_update(identity);
        key.update(MadeOn::here().to_string());
        self.x.iter().for_each(|value| key.update(value.to_le_bytes()));
        key.update(format!("{:?}", self.x.dim()));
        let key = key.finalize().into();
        if let Some(Kept { answers, embedding }) = cache.get(key) {
            let meaning = meaning(&model, &answers);
            return Ok(((answers, (embedding.ncols() > 0).then_some(embedding), identity), meaning));
        }
        let (answers, embedding, identity) = self.answer(&mut model)?;
        let kept = Kept { answers: answers.clone(), embedding: embedding.clone().unwrap_or_default() };
        cache.put(key, &kept);
        let meaning = meaning(&model, &answers);
        Ok(((answers, embedding, identity), meaning))
    }

    /// What a table says.
    fn read(&self, teacher: &TableTeacher) -> Result<Answered, FileTeacherError> {
        let (number, path) = (self.number, self.path.as_path());
        let data = |source| self.data(source);
        let (answers, embedding) = if path.join(PLAN).is_file() {
            let answers =
                read_labels(path).map_err(|source| FileTeacherError::Label { number, source: Box::new(source) })?;
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

    /// Answers with one column an output, in the order of the data's classes.
    fn fits(&self, answers: Array2<f32>, meaning: Option<&Meaning>) -> Result<Array2<f32>, FileTeacherError> {
        let truth = &self.data.truth;
        let outputs = truth.outputs();
        let answers = match meaning {
            Some(meaning) if answers.ncols() == 1 && outputs == 2 => meaning.columns(answers),
            _ => answers,
        };
        let order = meaning.map(|meaning| meaning.order(&truth.names()));
        if let Some(order) = order {
            let (number, path) = (self.number, self.path.clone());
            let order = order.map_err(|source| FileTeacherError::Classes { number, path, source })?;
            if answers.ncols() == outputs {
                return Ok(answers.select(Axis(1), &order));
            }
        } else if answers.ncols() == outputs {
            return Ok(answers);
        }
        let expected = format!("{outputs} answers a row, one for each of {}", quoted(&truth.names().join(", ")));
        let remedy = "name the right output or columns; their order is that of the classes";
        let place = Place::file(&self.path);
        Err(self.data(DataError::new(FaultKind::Shape, place, expected, answers.ncols().to_string(), remedy)))
    }

    /// The answers as logits: of probabilities their logarithms.
    fn logits(&self, kind: Option<AnswerKind>, answers: Array2<f32>) -> Result<Answers, FileTeacherError> {
        let Truth::Classes { .. } = self.data.truth else { return Ok(Answers { logits: answers, floored: 0 }) };
        AnswerKind::logits(kind, answers).map_err(|source| FileTeacherError::Answers {
            number: self.number,
            path: self.path.clone(),
            source,
        })
    }

    /// The row of the table for each row of the data: matched by `id` where both have one, else one by one.
    fn order(&self, table: &ColumnTable) -> Result<Option<Vec<usize>>, DataError> {
        let path = table.path();
        let (name, ids) = match &self.data.ids {
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
            let expected = format!("the id {} of row {row} of {}", quoted(id), self.data.path.display());
            return Err(refuse(FaultKind::UnknownNode, expected, format!("{} other ids", places.len())));
        }
        Ok(Some(ids.iter().map(|id| places[id.as_str()]).collect()))
    }

    fn same_rows(&self, path: &Path, found: usize) -> Result<(), DataError> {
        let rows = self.data.rows();
        if found == rows {
            return Ok(());
        }
        let remedy = "answer the rows of this data, or give both a column `id`";
        let expected = format!("{}, as {}", counted(rows, "row", "rows"), self.data.path.display());
        Err(DataError::new(FaultKind::Shape, Place::file(path), expected, counted(found, "row", "rows"), remedy))
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
fn usual_columns(table: &ColumnTable, teacher: &TableTeacher) -> Vec<String> {
    let name = match teacher.answers.unwrap_or_default() {
        AnswerKind::Logits => "logits",
        AnswerKind::Probabilities => "probabilities",
    };
    let whole = vec![name.to_owned()];
    if table.select(&whole).is_ok() { whole } else { vec![format!("{name}_*")] }
}
