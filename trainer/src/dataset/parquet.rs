//! The user's Parquet tables: one file, or a folder of files that are read in the order of their names.

use std::path::Path;

use ndarray::Array2;

use super::RESERVED_COLUMNS;
use super::error::{DataError, FaultKind, Place, quoted};
use super::limits::{MAX_ARRAY_BYTES, MAX_NODES};
use super::npz::too_large;
use super::parquet_file::{ParquetFile, parquet_files};

/// Rows of a Parquet table. Lists are empty if the table has no such column.
#[derive(Debug, Clone, PartialEq)]
pub struct ParquetTable {
    /// Numbers `[rows][columns]`, finite.
    pub features: Array2<f32>,
    /// One name per column; element `i` of a fixed-size list `a` is `a[i]`.
    pub names: Vec<String>,
    /// Column `id`: one per row, as text.
    pub ids: Vec<String>,
    /// Column `label`: one per row, as text; empty for null.
    pub labels: Vec<String>,
    /// Column `fold`, or otherwise `group`: one per row, as text.
    pub folds: Vec<String>,
}

/// Reads numeric columns by name, and the columns `id`, `label` and `fold` (or `group`) where they exist.
///
/// Without `columns`, every numeric column is a feature, except those in [`RESERVED_COLUMNS`]. Files of a folder must
/// agree in their numeric columns.
///
/// # Errors
/// [`DataError`] for a damaged file, a column that does not exist or holds no numbers, a null, a value that is not finite,
/// and sizes beyond the caps.
pub fn read_parquet(path: &Path, columns: Option<&[String]>) -> Result<ParquetTable, DataError> {
    let mut names: Option<Vec<String>> = None;
    let mut table = ParquetTable {
        features: Array2::zeros((0, 0)),
        names: Vec::new(),
        ids: Vec::new(),
        labels: Vec::new(),
        folds: Vec::new(),
    };
    let (mut rows, mut values) = (0u64, Vec::new());
    for path in parquet_files(path)? {
        let file = ParquetFile::open(&path)?;
        let available = file.columns();
        let wanted = names.get_or_insert_with(|| columns.map_or_else(|| features(&available), <[String]>::to_vec));
        let chosen = positions(&path, &available, wanted)?;
        let groups = file.rows_of_groups();
        let more = groups.iter().fold(rows, |sum, &group| sum.saturating_add(group));
        if more > MAX_NODES {
            return Err(too_large(Place::file(&path), format!("{more} rows"), MAX_NODES));
        }
        let bytes = more.saturating_mul(4 * wanted.len() as u64);
        if bytes > MAX_ARRAY_BYTES {
            return Err(too_large(Place::file(&path), format!("{bytes} bytes of numbers"), MAX_ARRAY_BYTES));
        }
        // Memory is not reserved from the footer's claims; it grows with the decoded data.
        file.read(0..groups.len(), &chosen, 8192, rows, |batch| {
            rows += batch.nrows() as u64;
            values.extend(batch.iter());
            Ok::<(), DataError>(())
        })?;
        let fold = if file.has("fold") { "fold" } else { "group" };
        for (name, cells) in [("id", &mut table.ids), ("label", &mut table.labels), (fold, &mut table.folds)] {
            file.read_text(name, |cell| cells.push(cell))?;
            if !cells.is_empty() && cells.len() as u64 != rows {
                let found = format!("{} cells for {rows} rows", cells.len());
                let remedy = "give every file of the folder the same columns";
                return Err(DataError::new(
                    FaultKind::Shape,
                    Place::array(&path, name),
                    "a cell in every row",
                    found,
                    remedy,
                ));
            }
        }
    }
    table.names = names.unwrap_or_default();
    let shape = (rows as usize, table.names.len());
    table.features = Array2::from_shape_vec(shape, values).map_err(|error| {
        let remedy = "write the file again: its footer and its pages disagree";
        DataError::new(FaultKind::Damaged, Place::file(path), "one number a cell", error.to_string(), remedy)
    })?;
    if table.features.is_empty() {
        let found = format!("{rows} rows of {} columns", shape.1);
        let remedy = "name a table with rows and columns of numbers";
        return Err(DataError::new(FaultKind::Layout, Place::file(path), "a row and a column at least", found, remedy));
    }
    Ok(table)
}

/// The columns that are features when none are named.
fn features(available: &[String]) -> Vec<String> {
    available.iter().filter(|name| !RESERVED_COLUMNS.contains(&name.as_str())).cloned().collect()
}

/// Positions of the wanted columns.
fn positions(path: &Path, available: &[String], wanted: &[String]) -> Result<Vec<usize>, DataError> {
    let position = |name: &String| {
        available.iter().position(|column| column == name).ok_or_else(|| {
            let found = format!("the columns of numbers {}", quoted(&available.join(", ")));
            let remedy = "correct the name, or store the column as numbers";
            DataError::new(
                FaultKind::Layout,
                Place::array(path, name),
                "a column of numbers of this name",
                found,
                remedy,
            )
        })
    };
    wanted.iter().map(position).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{At, FaultKind};
    use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Int64Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field};
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;
    use std::sync::Arc;

    fn write(path: &Path, columns: Vec<(&str, ArrayRef)>, group: usize) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn reals(values: &[f32]) -> ArrayRef {
        Arc::new(Float32Array::from(values.to_vec()))
    }

    fn example(path: &Path) {
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let list = FixedSizeListArray::new(item, 2, reals(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), None);
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
            ("x", reals(&[0.5, 1.5, 2.5])),
            ("n", Arc::new(Int64Array::from(vec![7, 8, 9]))),
            ("word", Arc::new(StringArray::from(vec!["one", "two", "three"]))),
            ("pair", Arc::new(list)),
            ("label", Arc::new(Int64Array::from(vec![Some(1), None, Some(0)]))),
            ("group", Arc::new(Int64Array::from(vec![4, 4, 5]))),
        ];
        write(path, columns, 2);
    }

    #[test]
    fn columns_by_name_in_the_order_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        example(&path);
        let table = read_parquet(&path, None).unwrap();
        assert_eq!(table.names, ["x", "n", "pair[0]", "pair[1]"]);
        assert_eq!(table.features.row(2).to_vec(), [2.5, 9.0, 5.0, 6.0]);
        assert_eq!(table.ids, ["a", "b", "c"]);
        assert_eq!(table.labels, ["1", "", "0"]);
        assert_eq!(table.folds, ["4", "4", "5"]);
        let wanted = ["pair[1]".to_owned(), "x".to_owned()];
        let table = read_parquet(&path, Some(&wanted)).unwrap();
        assert_eq!(table.features.row(0).to_vec(), [2.0, 0.5]);
        let error = read_parquet(&path, Some(&["word".to_owned()])).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Layout, "{error}");
    }

    #[test]
    fn two_columns_of_one_name_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let words: ArrayRef = Arc::new(StringArray::from(vec!["one", "two"]));
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let pair: ArrayRef = Arc::new(FixedSizeListArray::new(item, 2, reals(&[1.0, 2.0, 3.0, 4.0]), None));
        for columns in [
            vec![("x", reals(&[1.0, 2.0])), ("x", reals(&[3.0, 4.0]))],
            vec![("x", reals(&[1.0, 2.0])), ("x", words.clone())],
            vec![("word", words.clone()), ("x", reals(&[1.0, 2.0])), ("word", words)],
            vec![("pair", pair), ("pair[1]", reals(&[5.0, 6.0]))],
        ] {
            write(&path, columns, 2);
            let error = read_parquet(&path, None).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Duplicate, "{error}");
            assert_eq!(crate::dataset::ColumnTable::load(&path).unwrap_err().kind(), FaultKind::Duplicate);
            assert_eq!(crate::label::Input::open(&path).unwrap_err().kind(), FaultKind::Duplicate);
        }
    }

    #[test]
    fn a_folder_is_its_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("b.parquet"), vec![("x", reals(&[3.0]))], 10);
        write(&folder.path().join("a.parquet"), vec![("x", reals(&[1.0, 2.0]))], 10);
        std::fs::write(folder.path().join("_SUCCESS"), b"").unwrap();
        let table = read_parquet(folder.path(), None).unwrap();
        assert_eq!(table.features.iter().copied().collect::<Vec<_>>(), [1.0, 2.0, 3.0]);
        write(&folder.path().join("c.parquet"), vec![("y", reals(&[3.0]))], 10);
        assert_eq!(read_parquet(folder.path(), None).unwrap_err().kind(), FaultKind::Layout);
    }

    #[test]
    fn gaps_and_infinities_are_named_with_their_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        write(&path, vec![("x", reals(&[1.0, 2.0, f32::INFINITY]))], 2);
        let error = read_parquet(&path, None).unwrap_err();
        assert_eq!((error.kind(), error.fault().place.at.clone()), (FaultKind::NotFinite, At::Index(2)));
        write(&path, vec![("x", Arc::new(Float32Array::from(vec![Some(1.0), None])))], 2);
        assert_eq!(read_parquet(&path, None).unwrap_err().kind(), FaultKind::Cell);
    }

    #[test]
    fn a_file_cut_short_or_flipped_is_told_or_read_never_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        example(&path);
        let whole = std::fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(5) {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = read_parquet(&path, None).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Damaged, "{length} bytes: {error}");
        }
        let mut refused = 0;
        for position in (0..whole.len()).step_by(5) {
            let mut bytes = whole.clone();
            bytes[position] ^= 0x5a;
            std::fs::write(&path, &bytes).unwrap();
            refused += u32::from(read_parquet(&path, None).is_err());
        }
        assert!(refused > 50, "{refused}");
    }
}
