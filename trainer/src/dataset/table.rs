//! Plain tables of feature vectors, for running a student on rows that have no edges.
//!
//! A student that knows the names of its inputs chooses its columns; other rows are taken as they are.

use std::path::Path;

use sprs::CsMat;

use super::error::{At, DataError, FaultKind, Place};
use super::features::FeatureRows;
use super::npz::Npz;
use super::{ColumnTable, archive, csv};

/// Rows to run a student on.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Features `[rows x inputs]` in CSR, finite, columns sorted, no stored zeros.
    pub features: CsMat<f32>,
    /// One name per feature; empty if the source names none.
    pub input_names: Vec<String>,
    /// One id per row; empty if the source has none.
    pub ids: Vec<String>,
    /// One label per row as spelt in the source (a class number or a name); empty if it has none.
    pub labels: Vec<String>,
}

impl Table {
    /// Reads a table and recognises its layout by content.
    ///
    /// - an `.npz` archive with `x` `[rows x inputs]` and optionally `labels` `[rows]`, or any graph archive, whose
    ///   features and labels are used;
    /// - a `.csv` file with a header; columns `id`, `label` and `split` are optional and not features;
    /// - a folder with `nodes.csv`.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy when the rows cannot be used.
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let metadata = std::fs::metadata(path).map_err(|error| DataError::read(path, &error))?;
        if metadata.is_dir() {
            from_csv(&path.join("nodes.csv"))
        } else if super::starts_like_archive(path)? {
            from_archive(path)
        } else {
            from_csv(path)
        }
    }

    /// As [`load`](Self::load), for a student whose inputs have `names`: only these columns are read, and columns of words
    /// as `column=word` asks for. Text tables, Parquet, and archives whose arrays are the columns; graphs and arrays `x`
    /// are read as by `load`.
    ///
    /// # Errors
    /// [`DataError`] also for a name without a column, and a missing cell.
    pub fn of_inputs(path: &Path, names: &[&str]) -> Result<Self, DataError> {
        let whole = path.join("nodes.csv").is_file()
            || (!path.is_dir() && super::starts_like_archive(path)? && {
                let npz = Npz::open_directory(path)?;
                archive::is_graph(&npz) || npz.has("x")
            });
        if names.is_empty() || whole {
            return Self::load(path);
        }
        let mut table = ColumnTable::load(path)?;
        let columns = table.exactly(names)?;
        let mut features = FeatureRows::new(columns.len(), &Place::file(path))?;
        for row in table.values(&columns)?.outer_iter() {
            features.push(row.iter().copied().enumerate(), &Place::file(path))?;
        }
        let texts = |name: &str| if table.has(name) { table.texts(name) } else { Ok(Vec::new()) };
        Ok(Self {
            features: features.finish(),
            input_names: table.names(&columns),
            ids: texts("id")?,
            labels: texts("label")?,
        })
    }
}

fn from_csv(path: &Path) -> Result<Table, DataError> {
    let rows = csv::read_rows(path)?;
    Ok(Table { features: rows.features, input_names: rows.input_names, ids: rows.ids, labels: rows.labels })
}

fn from_archive(path: &Path) -> Result<Table, DataError> {
    let mut npz = Npz::open(path)?;
    if archive::is_graph(&npz) {
        let parts = archive::read(&mut npz, path, String::new())?;
        let labels = parts.labels.map_or_else(Vec::new, |labels| numbers(labels.of_nodes));
        return Ok(Table { features: parts.features, input_names: parts.input_names, ids: Vec::new(), labels });
    }
    let array = npz.reals("x")?;
    let place = npz.place("x");
    let [rows, inputs] = array.shape[..] else {
        return Err(DataError::new(
            FaultKind::Shape,
            place,
            "two dimensions [rows x inputs]",
            format!("shape {:?}", array.shape),
            "reshape the array, x.reshape(rows, -1) in numpy",
        ));
    };
    let mut features = FeatureRows::new(usize::try_from(inputs).unwrap_or(usize::MAX), &place)?;
    for row in array.values.chunks(inputs as usize) {
        features.push(row.iter().copied().enumerate(), &place)?;
    }
    let labels = if npz.has("labels") { npz.integers("labels")?.values } else { Vec::new() };
    if npz.has("labels") && labels.len() as u64 != rows {
        return Err(DataError::new(
            FaultKind::Shape,
            npz.place("labels"),
            format!("{rows} labels, one per row of `x`"),
            labels.len().to_string(),
            "save both arrays for the same rows",
        ));
    }
    if let Some(row) = labels.iter().position(|&label| label < 0) {
        return Err(DataError::new(
            FaultKind::Labels,
            npz.place("labels").at(At::Index(row as u64)),
            "a class number from 0",
            labels[row].to_string(),
            "number the classes from 0, or leave `labels` out",
        ));
    }
    Ok(Table { features: features.finish(), input_names: Vec::new(), ids: Vec::new(), labels: numbers(labels) })
}

fn numbers<T: ToString>(labels: Vec<T>) -> Vec<String> {
    labels.iter().map(T::to_string).collect()
}
