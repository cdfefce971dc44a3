//! A run from a program: a recipe, a few choices, and everything that `eyas distill` does.

use std::path::{Path, PathBuf};

use super::{
    Cache, Interrupt, Observer, RESULTS, RunContext, RunError, RunOptions, TEACHERS, Work, Written, execute, write,
};
use crate::data::Data;
use crate::dataset::DataError;
use crate::nn::BackendKind;
use crate::onnx;
use crate::output::{Existing, OutputError, OutputFolder};
use crate::recipe::{Recipe, RecipeError};
use crate::teacher::{FileTeacherError, consult};

/// Why a run has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The data it names.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A teacher that comes as a file.
    #[error(transparent)]
    Teacher(#[from] FileTeacherError),
    /// The output folder.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A training, or what is made of it.
    #[error(transparent)]
    Run(#[from] RunError),
}

struct Quiet;

impl Observer for Quiet {}

/// A recipe that is about to be carried out.
///
/// ```no_run
/// use eyas_trainer::{Recipe, Run};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let recipe = Recipe::load("models/cora/recipe.toml".as_ref())?;
/// let outcome = Run::new(recipe).seeds(3).out("runs/cora").go()?;
/// println!("{} bytes", outcome.file.len());
/// # Ok(())
/// # }
/// ```
pub struct Run<'a> {
    recipe: Recipe,
    data_dir: Option<PathBuf>,
    out: Option<PathBuf>,
    cache: Option<PathBuf>,
    replace: bool,
    backend: BackendKind,
    threads: usize,
    observer: &'a dyn Observer,
}

impl<'a> Run<'a> {
    /// A run of `recipe`: all of its seeds, on one thread, without a word, into `runs/` and the name of the recipe's file.
    #[must_use]
    pub fn new(recipe: Recipe) -> Self {
        Self {
            recipe,
            data_dir: None,
            out: None,
            cache: None,
            replace: false,
            backend: BackendKind::default(),
            threads: 1,
            observer: &Quiet,
        }
    }

    /// The first `count` seeds of the recipe, 1 or more.
    #[must_use]
    pub fn seeds(mut self, count: usize) -> Self {
        self.recipe.report.seeds.truncate(count.max(1));
        self
    }

    /// Folder with data; without it `EYAS_DATA` is searched, and the recipe's own folder.
    #[must_use]
    pub fn data_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(folder.into());
        self
    }

    /// Folder for what the run leaves behind.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out = Some(folder.into());
        self
    }

    /// Whether the results of another run in the folder are replaced; else they are an error.
    #[must_use]
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// Folder for what is constant about the teachers; `teachers` in the output folder without it.
    #[must_use]
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Backend of the float training.
    #[must_use]
    pub fn backend(mut self, backend: BackendKind) -> Self {
        self.backend = backend;
        self
    }

    /// Trainings side by side, 1 or more; changes no byte of the result.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Who watches.
    #[must_use]
    pub fn observer(mut self, observer: &'a dyn Observer) -> Self {
        self.observer = observer;
        self
    }

    /// Finds and reads the data, to look at or to change before [`Run::go_with`].
    ///
    /// # Errors
    /// [`Error::Data`].
    pub fn data(&self) -> Result<Data, Error> {
        Ok(Data::load(&self.recipe, &self.search())?)
    }

    /// Carries the recipe out and writes the folder.
    ///
    /// # Errors
    /// [`Error`]; a student file that was in the folder is then still whole.
    pub fn go(self) -> Result<Written, Error> {
        let data = self.data()?;
        self.go_with(data)
    }

    /// The same on data that were loaded before.
    ///
    /// # Errors
    /// As [`Run::go`].
    pub fn go_with(self, mut data: Data) -> Result<Written, Error> {
        let search = self.search();
        let stem = self.recipe.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = stem.unwrap_or_else(|| "recipe".to_owned());
        let out = self.out.clone().unwrap_or_else(|| Path::new("runs").join(&name));
        let existing = if self.replace { Existing::Replace } else { Existing::Refuse };
        let folder = OutputFolder::open(&out, &RESULTS, existing)?;
        let kept = self.cache.clone().unwrap_or_else(|| out.join(TEACHERS));
        let libraries = onnx::Search::from_environment(None);
        let cache = Cache::new(Some(&kept), self.observer);
        let files = consult(&mut data, &self.recipe, &search, &libraries, &cache)?;
        let seeds = self.recipe.report.seeds.clone();
        let options = RunOptions { seeds, backend: self.backend, threads: self.threads };
        let interrupt = Interrupt::new();
        let context =
            RunContext { observer: self.observer, interrupt: &interrupt, checkpoints: None, cache: Some(&kept) };
        let work = Work { recipe: &self.recipe, data: &data, files: &files, options: &options, context: &context };
        let result = execute(&work)?;
        Ok(write(&work, &result.shipped().recipe.copied(&out, &search), &name, &result, &folder)?)
    }

    fn search(&self) -> crate::dataset::locate::Search {
        self.recipe.search(&self.recipe.file, self.data_dir.clone())
    }
}
