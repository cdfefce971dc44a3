//! Plain tables of feature vectors, for running a student on rows that have no edges.

use std::path::Path;

use sprs::CsMat;

use super::assemble::Parts;
use super::error::{At, DataError, FaultKind};
use super::features::FeatureRows;
use super::npz::Npz;
use super::split::Split;
use super::{archive, csv};

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
    /// The split that came with a graph archive.
    pub published: Option<Split>,
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
}

fn from_csv(path: &Path) -> Result<Table, DataError> {
    let rows = csv::read_rows(path)?;
    Ok(Table {
        features: rows.features,
        input_names: rows.input_names,
        ids: rows.ids,
        labels: rows.labels,
        published: None,
    })
}

fn from_archive(path: &Path) -> Result<Table, DataError> {
    let mut npz = Npz::open(path)?;
    if archive::is_graph(&npz) {
        let parts = archive::read(&mut npz, path, String::new())?;
        let labels = parts.labels.as_ref().map_or_else(Vec::new, |labels| numbers(labels.of_nodes.clone()));
        let Parts { features, input_names, published, .. } = parts;
        return Ok(Table { features, input_names, ids: Vec::new(), labels, published });
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
    let (features, labels) = (features.finish(), numbers(labels));
    Ok(Table { features, input_names: Vec::new(), ids: Vec::new(), labels, published: None })
}

/// One text a row from an array of an archive, such as labels or groups beside the features.
///
/// # Errors
/// No such array, one of another length, or one that holds neither integers nor words.
pub(crate) fn texts(path: &Path, name: &str, rows: usize) -> Result<Vec<String>, DataError> {
    let mut npz = Npz::open_directory(path)?;
    let texts = match npz.integers(name) {
        Ok(array) => numbers(array.values),
        Err(error) if error.kind() == FaultKind::ElementType => match npz.strings(name) {
            Ok(Some(texts)) => texts,
            _ => numbers(npz.reals(name)?.values),
        },
        Err(error) => return Err(error),
    };
    if texts.len() != rows {
        let (expected, found) = (format!("{rows} values, one a row"), texts.len().to_string());
        let remedy = "name an array with one value a row";
        return Err(DataError::new(FaultKind::Shape, npz.place(name), expected, found, remedy));
    }
    Ok(texts)
}

fn numbers<T: ToString>(labels: Vec<T>) -> Vec<String> {
    labels.iter().map(T::to_string).collect()
}
