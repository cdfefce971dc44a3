//! Executes a plan: runs parts in parallel, finds missing ones, and makes the final check.

use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use super::commit::{self, Commit, Temporary};
use super::digest::RowsDigest;
use super::input::{Columns, Input};
use super::plan::{PLAN, Plan, Settings};
use super::writer::RowsWriter;
use super::{LabelError, OpenTeacher, indices, read};
use crate::output::hexadecimal;
use crate::output::write_atomic;
use crate::teacher::RowTeacher;

/// Name of the file that states that all parts exist and were checked.
pub const SUCCESS: &str = "_SUCCESS.json";

/// Default target number of rows per part.
pub const ROWS_PER_PART: u64 = 1 << 20;

/// A table, a teacher and their output folder.
pub struct Label<'a> {
    folder: PathBuf,
    input: Input,
    columns: Vec<usize>,
    open: &'a OpenTeacher<'a>,
    plan: Plan,
}

/// The progress of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Parts of the plan.
    pub parts: usize,
    /// Parts that are committed.
    pub done: usize,
    /// The others, as `3,17,40-44`.
    pub missing: String,
    /// Rows of the table.
    pub rows: u64,
    /// Whether everything was checked and [`SUCCESS`] was written.
    pub finished: bool,
}

/// The content of [`SUCCESS`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    /// Key of the plan.
    pub key: String,
    /// Parts.
    pub parts: usize,
    /// Rows of the table, each labelled once.
    pub rows: u64,
    /// Logits per row.
    pub outputs: usize,
    /// Digest over (row, logits) of all rows, independent of their order.
    pub digest: RowsDigest,
}

impl<'a> Label<'a> {
    /// Opens table and teacher, and makes the plan or reads the one in `folder`.
    ///
    /// # Errors
    /// A table or teacher that cannot be used, and [`LabelError::OtherWork`] if the folder's plan belongs to another
    /// job.
    pub fn open(
        folder: &Path,
        table: &Path,
        columns: &Columns,
        wide: bool,
        rows_per_part: Option<u64>,
        open: &'a OpenTeacher<'a>,
    ) -> Result<Self, LabelError> {
        let input = Input::open(table)?;
        let columns = input.choose(columns)?;
        let names: Vec<String> = columns.iter().map(|&column| input.columns()[column].clone()).collect();
        let teacher = open(&names)?;
        if columns.len() != teacher.inputs() {
            let (expected, found) = (teacher.inputs(), columns.len());
            return Err(LabelError::Columns { path: table.to_path_buf(), expected, found });
        }
        let settings =
            Settings { teacher: hexadecimal(&teacher.identity()), columns: names, outputs: teacher.outputs(), wide };
        let files = input.files()?;
        let plan = match Plan::load(folder)? {
            Some(plan) => plan,
            None => {
                std::fs::create_dir_all(folder).map_err(|error| LabelError::io("create the folder", folder, error))?;
                let rows = rows_per_part.unwrap_or(ROWS_PER_PART);
                Plan::new(settings.clone(), files.clone(), rows, input.parts(rows)?).publish(folder)?
            }
        };
        plan.check(folder, &settings, &files, rows_per_part)?;
        Ok(Self { folder: folder.to_path_buf(), input, columns, open, plan })
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Runs the parts that are not committed yet, `jobs` at a time; `done` is called for each part as it is published.
    ///
    /// # Errors
    /// The first fault of any part; unfinished parts are abandoned, published ones stay.
    pub fn run(
        &self,
        parts: &[usize],
        jobs: usize,
        stop: &AtomicBool,
        done: &(dyn Fn(&Commit) + Sync),
    ) -> Result<(), LabelError> {
        let missing = commit::missing(&self.folder, &self.plan)?;
        let todo: Vec<usize> = parts.iter().copied().filter(|part| missing.binary_search(part).is_ok()).collect();
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let fault = Mutex::new(None);
        let worker = || -> Result<(), LabelError> {
            let mut teacher = (self.open)(&self.plan.settings.columns)?;
            while let Some(&part) = todo.get(next.fetch_add(1, Ordering::Relaxed)) {
                if stop.load(Ordering::Relaxed) {
                    return Err(LabelError::Interrupted);
                }
                if failed.load(Ordering::Relaxed) {
                    return Ok(());
                }
                // A worker elsewhere may have been faster since the list was made.
                if Commit::load(&self.folder, &self.plan, part)?.is_none() {
                    done(&self.part(part, teacher.as_mut(), &[stop, &failed])?);
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            for _ in 0..jobs.clamp(1, todo.len().max(1)) {
                scope.spawn(|| {
                    if let Err(error) = worker() {
                        failed.store(true, Ordering::Relaxed);
                        if let Ok(mut fault) = fault.lock() {
                            fault.get_or_insert(error);
                        }
                    }
                });
            }
        });
        match fault.into_inner() {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(error),
            Err(_) => Err(LabelError::Interrupted),
        }
    }

    /// Labels one part and publishes it.
    fn part(&self, number: usize, teacher: &mut dyn RowTeacher, stop: &[&AtomicBool]) -> Result<Commit, LabelError> {
        let part = &self.plan.parts[number];
        let (temporary, file) = Temporary::of_part(&self.folder, &self.plan, number)?;
        let failed = |error: ParquetError| LabelError::io("write", &temporary.path, into_io(error));
        let outputs = self.plan.settings.outputs;
        let to = BufWriter::with_capacity(1 << 18, file);
        let mut writer = RowsWriter::new(to, outputs, self.plan.settings.wide).map_err(failed)?;
        let (mut row, mut digest) = (part.first_row, RowsDigest::default());
        self.input.read(part, &self.columns, |rows| {
            let stopped = || stop.iter().any(|stop| stop.load(Ordering::Relaxed));
            if stopped() {
                return Err(LabelError::Interrupted);
            }
            // A teacher that was interrupted has not failed.
            let wrong = |error| match stopped() {
                true => LabelError::Interrupted,
                false => LabelError::Teacher { part: number, row, error },
            };
            let logits = teacher.logits(rows.view()).map_err(wrong)?;
            if logits.dim() != (rows.nrows(), outputs) {
                let error = std::io::Error::other(format!("{:?} logits for {} rows", logits.dim(), rows.nrows()));
                return Err(wrong(crate::teacher::RowTeacherError::failed(error)));
            }
            let logits = logits.as_standard_layout();
            writer.write(row, logits.view()).map_err(failed)?;
            for values in logits.outer_iter() {
                digest.add(row, values.as_slice().unwrap_or_default());
                row += 1;
            }
            Ok(())
        })?;
        let to = writer.finish().map_err(failed)?;
        let found = row - part.first_row;
        if found != part.rows {
            return Err(LabelError::Rows { part: number, planned: part.rows, found });
        }
        let fault = |error| LabelError::io("write", &temporary.path, error);
        let file = to.into_inner().map_err(|error| fault(error.into_error()))?;
        file.sync_all().map_err(fault)?;
        let commit = Commit {
            key: self.plan.key.clone(),
            part: number,
            file: Commit::data_name(number, &self.plan, digest),
            first_row: part.first_row,
            rows: part.rows,
            bytes: file.metadata().map_err(fault)?.len(),
            digest,
        };
        drop(file);
        commit.publish(&self.folder, &self.plan, &temporary)
    }

    /// Checks every part and writes [`SUCCESS`].
    ///
    /// # Errors
    /// As [`finish`].
    pub fn finish(&self) -> Result<Finished, LabelError> {
        finish(&self.folder)
    }
}

/// The progress of the work in a folder; needs neither table nor teacher.
///
/// # Errors
/// [`LabelError::NoPlan`], or a plan that cannot be read.
pub fn status(folder: &Path) -> Result<Status, LabelError> {
    let plan = load(folder)?;
    let missing = commit::missing(folder, &plan)?;
    Ok(Status {
        parts: plan.parts.len(),
        done: plan.parts.len() - missing.len(),
        missing: indices::ranges(&missing),
        rows: plan.rows(),
        finished: missing.is_empty() && finished(folder, &plan)?.is_some(),
    })
}

/// Reads every part, compares it with its commit, removes the leftovers of killed workers, and writes [`SUCCESS`].
///
/// Everything is checked every time, regardless of earlier results. A damaged part loses its commit, so that it is
/// recomputed, and a folder with a missing or damaged part loses [`SUCCESS`].
///
/// # Errors
/// [`LabelError::Missing`] while parts are missing, [`LabelError::Damaged`] for a part that does not match its commit.
pub fn finish(folder: &Path) -> Result<Finished, LabelError> {
    let plan = load(folder)?;
    let checked = check(folder, &plan);
    if checked.is_err() {
        commit::remove(&folder.join(SUCCESS))?;
    }
    let (commits, digest) = checked?;
    commit::sweep(folder, &commits)?;
    let finished = Finished {
        key: plan.key.clone(),
        parts: commits.len(),
        rows: plan.rows(),
        outputs: plan.settings.outputs,
        digest,
    };
    write_atomic(&folder.join(SUCCESS), &serde_json::to_vec_pretty(&finished).unwrap_or_default())?;
    Ok(finished)
}

/// The commits of all parts, each compared with its data, and their digest.
fn check(folder: &Path, plan: &Plan) -> Result<(Vec<Commit>, RowsDigest), LabelError> {
    let commits = commit::all(folder, plan)?;
    let mut digest = RowsDigest::default();
    for commit in &commits {
        if let Err(error) = read::verify(folder, commit, &plan.settings, |_| ()) {
            // The folder must not claim to be complete while a part is missing.
            commit::remove(&folder.join(SUCCESS))?;
            commit::remove(&folder.join(commit::commit_name(commit.part)))?;
            return Err(error);
        }
        digest.add_all(commit.digest);
    }
    Ok((commits, digest))
}

fn load(folder: &Path) -> Result<Plan, LabelError> {
    Plan::load(folder)?.ok_or_else(|| LabelError::NoPlan { folder: folder.join(PLAN) })
}

/// The result of an earlier finish of this plan.
fn finished(folder: &Path, plan: &Plan) -> Result<Option<Finished>, LabelError> {
    let finished = commit::read_json::<Finished>(&folder.join(SUCCESS))?;
    Ok(finished.filter(|finished| finished.key == plan.key))
}

fn into_io(error: ParquetError) -> std::io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => *error,
            Err(error) => std::io::Error::other(error),
        },
        error => std::io::Error::other(error),
    }
}
