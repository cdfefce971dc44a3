//! Graphs and tables from the user's text files: UTF-8, a header line, cells divided as [`Dialect`](super::dialect) tells.
//!
//! `nodes.csv` has a column `id` (any text, each only once) and may have `label` and `split` (`train`, `tune`, `test`
//! or empty); every other column is a feature. `edges.csv` has the columns `source` and `target`, both ids; the order
//! of the two does not matter and an edge may be listed in both directions.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use ::csv::StringRecord;
use sprs::CsMat;

use super::assemble::{Labels, Parts, integer_labels, plain_class_names};
use super::error::{At, DataError, FaultKind, Place, quoted};
use super::features::FeatureRows;
use super::limits::{MAX_CLASSES, MAX_INPUTS};
use super::npz::too_large;
use super::split::Split;
use super::text_rows::TextRows;
use super::value;
use super::warning::Warning;

/// Rows of a CSV file with the reserved columns taken out. Lists are empty where the column is missing.
pub(super) struct Rows {
    pub features: CsMat<f32>,
    pub input_names: Vec<String>,
    pub ids: Vec<String>,
    pub labels: Vec<String>,
    pub splits: Vec<String>,
    /// Line of each row, counted from 1.
    pub lines: Vec<u64>,
    /// What the user should know about how they were read.
    pub warnings: Vec<Warning>,
}

/// Reads nodes and, if there are any, edges.
pub(super) fn read_graph(nodes: &Path, edges: Option<&Path>, name: String) -> Result<Parts, DataError> {
    let place = Place::file(nodes);
    let rows = read_rows(nodes)?;
    if rows.ids.is_empty() {
        return Err(DataError::new(
            FaultKind::Layout,
            place.at(At::Line(1)),
            "a column `id` that names the nodes",
            format!("the columns {}", rows.input_names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")),
            "add the column; the edges refer to it",
        ));
    }
    let mut positions = HashMap::with_capacity(rows.ids.len());
    for (node, id) in rows.ids.iter().enumerate() {
        if let Some(first) = positions.insert(id.as_str(), node) {
            return Err(DataError::new(
                FaultKind::Duplicate,
                place.at(At::Cell { line: rows.lines[node], column: "id".to_owned() }),
                "every id once",
                format!("{} again, first on line {}", quoted(id), rows.lines[first]),
                "give every node its own id",
            ));
        }
    }
    let edges = edges.map_or_else(|| Ok(Vec::new()), |path| read_edges(path, nodes, &positions))?;
    let labels = labels(&rows, &place)?;
    let published = split(&rows, &place)?;
    Ok(Parts {
        file: nodes.to_path_buf(),
        name,
        features: rows.features,
        edges,
        both_directions: false,
        labels,
        input_names: rows.input_names,
        published,
        warnings: rows.warnings,
    })
}

/// Reads a CSV file with features and the optional columns `id`, `label` and `split`.
pub(super) fn read_rows(path: &Path) -> Result<Rows, DataError> {
    let place = Place::file(path);
    let mut reader = TextRows::open(path)?;
    let header = header(&reader, path)?;
    let reserved = |name: &str| header.iter().position(|column| column == name);
    let (id, label, split) = (reserved("id"), reserved("label"), reserved("split"));
    let inputs: Vec<usize> = (0..header.len()).filter(|&column| ![id, label, split].contains(&Some(column))).collect();
    let mut features = FeatureRows::new(inputs.len(), &place.clone().at(At::Line(1)))?;
    let mut rows = Rows {
        features: CsMat::zero((0, 0)),
        input_names: inputs.iter().map(|&column| header[column].clone()).collect(),
        ids: Vec::new(),
        labels: Vec::new(),
        splits: Vec::new(),
        lines: Vec::new(),
        warnings: Vec::new(),
    };
    let mut record = StringRecord::new();
    let mut values = Vec::with_capacity(inputs.len());
    while let Some(line) = reader.read(&mut record)? {
        values.clear();
        for (input, &column) in inputs.iter().enumerate() {
            let at = || place.clone().at(At::Cell { line, column: header[column].clone() });
            values.push((input, number(&record[column], features.rows(), input, at)?));
        }
        features.push(values.iter().copied(), &place)?;
        rows.lines.push(line);
        for (column, cells) in [(id, &mut rows.ids), (label, &mut rows.labels), (split, &mut rows.splits)] {
            if let Some(column) = column {
                cells.push(record[column].to_owned());
            }
        }
    }
    if rows.lines.is_empty() {
        return Err(DataError::new(FaultKind::Layout, place, "at least one row below the header", "none", "add rows"));
    }
    rows.features = features.finish();
    rows.warnings.extend(reader.warning());
    Ok(rows)
}

/// The header: column names, each once, not all of them numbers.
fn header(reader: &TextRows, path: &Path) -> Result<Vec<String>, DataError> {
    let place = Place::file(path).at(At::Line(1));
    let names = reader.header().to_vec();
    if names.len() as u64 > MAX_INPUTS + 3 {
        return Err(too_large(place, format!("{} columns", names.len()), MAX_INPUTS + 3));
    }
    if names.iter().all(|name| name.parse::<f64>().is_ok() || name.is_empty()) {
        let found = names
            .first()
            .map_or_else(|| "an empty file".to_owned(), |first| format!("values such as {}", quoted(first)));
        return Err(DataError::new(
            FaultKind::Layout,
            place,
            "a header line",
            found,
            "name the columns in the first line",
        ));
    }
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(DataError::new(
            FaultKind::Duplicate,
            place,
            "every column name once",
            quoted(name),
            "rename the column",
        )),
        None => Ok(names),
    }
}

/// A finite number in a cell.
fn number(cell: &str, node: usize, feature: usize, place: impl Fn() -> Place) -> Result<f32, DataError> {
    match value::number(cell) {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err(DataError::new(
            FaultKind::NotFinite,
            place(),
            "a finite value",
            format!("{} (node {node}, feature {feature})", quoted(cell)),
            "replace missing or infinite readings before training",
        )),
        None => Err(DataError::new(
            FaultKind::Cell,
            place(),
            "a number",
            if cell.is_empty() { "an empty cell".to_owned() } else { quoted(cell) },
            "fill in a number, or take the column out; only `id`, `label` and `split` hold words",
        )),
    }
}

/// Directed edges as listed.
fn read_edges(path: &Path, nodes: &Path, positions: &HashMap<&str, usize>) -> Result<Vec<(u32, u32)>, DataError> {
    let mut reader = TextRows::open(path)?;
    let header = header(&reader, path)?;
    if header != ["source", "target"] {
        return Err(DataError::new(
            FaultKind::Layout,
            Place::file(path).at(At::Line(1)),
            "the header `source,target`",
            quoted(&header.join(",")),
            "name the two columns so; weights are not used, so leave them out",
        ));
    }
    let mut edges = Vec::new();
    let mut record = StringRecord::new();
    while let Some(line) = reader.read(&mut record)? {
        let mut ends = [0; 2];
        for (column, end) in ends.iter_mut().enumerate() {
            let Some(&node) = positions.get(&record[column]) else {
                return Err(DataError::new(
                    FaultKind::UnknownNode,
                    Place::file(path).at(At::Cell { line, column: header[column].clone() }),
                    format!("an id of {}", nodes.display()),
                    quoted(&record[column]),
                    "add the node or drop the edge",
                ));
            };
            // FeatureRows caps the nodes far below 2^32.
            *end = node as u32;
        }
        edges.push((ends[0], ends[1]));
    }
    Ok(edges)
}

/// Labels as integers if all are integers from 0, otherwise as sorted names; `None` if the column is missing or empty.
///
/// Integers that leave out some number are names too, in the order of the numbers.
fn labels(rows: &Rows, place: &Place) -> Result<Option<Labels>, DataError> {
    if rows.labels.iter().all(String::is_empty) {
        return Ok(None);
    }
    let at = |node: usize| At::Cell { line: rows.lines[node], column: "label".to_owned() };
    if let Some(node) = rows.labels.iter().position(String::is_empty) {
        return Err(DataError::new(
            FaultKind::Labels,
            place.clone().at(at(node)),
            "a label for every node, or for none",
            "an empty cell",
            "label the node; its label is not used while its `split` cell is empty",
        ));
    }
    let integers: Result<Vec<i64>, _> = rows.labels.iter().map(|label| label.parse()).collect();
    if let Ok(integers) = integers {
        if let Some(labels) = numbered(&integers) {
            return Ok(Some(labels));
        }
        let (of_nodes, classes) = integer_labels(&integers, None, place, at)?;
        return Ok(Some(Labels { of_nodes, class_names: plain_class_names(classes) }));
    }
    let names: BTreeSet<&str> = rows.labels.iter().map(String::as_str).collect();
    if names.len() as u64 > MAX_CLASSES {
        return Err(too_large(place.clone(), format!("{} different labels", names.len()), MAX_CLASSES));
    }
    let numbers: HashMap<&str, u16> = names.iter().copied().zip(0..).collect();
    let of_nodes = rows.labels.iter().map(|label| numbers[label.as_str()]).collect();
    Ok(Some(Labels { of_nodes, class_names: names.into_iter().map(str::to_owned).collect() }))
}

/// Classes named by numbers from 0 on that leave some out; `None` for others.
fn numbered(integers: &[i64]) -> Option<Labels> {
    let there: Vec<i64> = integers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let (&first, &last) = (there.first()?, there.last()?);
    if first < 0 || last as usize + 1 == there.len() || there.len() as u64 > MAX_CLASSES {
        return None;
    }
    let of_nodes = integers.iter().map(|label| there.partition_point(|other| other < label) as u16).collect();
    Some(Labels { of_nodes, class_names: there.iter().map(i64::to_string).collect() })
}

/// The split column; `None` if it is missing or empty.
fn split(rows: &Rows, place: &Place) -> Result<Option<Split>, DataError> {
    let mut split = Split::default();
    for (node, cell) in rows.splits.iter().enumerate() {
        match cell.as_str() {
            "train" => split.train.push(node),
            "tune" => split.tune.push(node),
            "test" => split.test.push(node),
            "" => {}
            other => {
                return Err(DataError::new(
                    FaultKind::Cell,
                    place.clone().at(At::Cell { line: rows.lines[node], column: "split".to_owned() }),
                    "`train`, `tune`, `test` or nothing",
                    quoted(other),
                    "call the part that chooses settings `tune`",
                ));
            }
        }
    }
    Ok((split != Split::default()).then_some(split))
}
