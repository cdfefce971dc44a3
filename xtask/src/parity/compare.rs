//! Compares the outputs of two runs of one recipe.

use super::figures::{figures, schema};
use anyhow::{Context, Result};
use eyas::{AlignedBytes, Student};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Fields of metrics.json that may differ: times, and what names the tool, the machine or the spelling of the recipe.
const NOT_COMPARED: [&str; 9] =
    ["cpu_seconds", "seconds", "recipe_text", "recipe_hash", "student_hash", "schema", "tool", "threads", "made_on"];
/// The schema that holds what every other one does.
const LATEST: &str = "eyas-metrics-2";
/// Differences that are listed for each file.
const LISTED: usize = 5;

/// The outputs of a run.
pub struct Outputs {
    student: Vec<u8>,
    float: Vec<u8>,
    metrics: Value,
}

impl Outputs {
    /// Reads a run folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let read = |name: &str| fs::read(folder.join(name)).with_context(|| name.to_owned());
        let metrics = serde_json::from_slice(&read("metrics.json")?)?;
        Ok(Self { student: without_recipe(read("student.eyas")?)?, float: read("student_float.npz")?, metrics })
    }
}

/// Every difference as text; empty if the runs are equal.
pub fn differences(before: &Outputs, after: &Outputs) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (name, before, after) in
        [("student.eyas", &before.student, &after.student), ("student_float.npz", &before.float, &after.float)]
    {
        let differing = before.iter().zip(after).filter(|(before, after)| before != after).count();
        if before.len() != after.len() {
            found.push(format!("{name}: {} bytes became {}", before.len(), after.len()));
        } else if differing > 0 {
            found.push(format!("{name}: {differing} of {} bytes differ", before.len()));
        }
    }
    let (before, after) = leaves(&before.metrics, &after.metrics);
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let mut figures = names.filter_map(|name| {
        let [before, after] = [before.get(name), after.get(name)];
        let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".into(), Value::to_string);
        (before != after).then(|| format!("metrics.json{name}: {} became {}", shown(before), shown(after)))
    });
    found.extend(figures.by_ref().take(LISTED));
    let more = figures.count();
    if more > 0 {
        found.push(format!("metrics.json: {more} more"));
    }
    Ok(found)
}

/// A student file without the recipe's hash and the seal, which depend on the recipe's spelling.
fn without_recipe(mut file: Vec<u8>) -> Result<Vec<u8>> {
    let aligned = AlignedBytes::from(&file[..]);
    let student = Student::load(&aligned).context("student.eyas")?;
    let hash = student.metadata().provenance.recipe_hash;
    let at = file.windows(hash.len()).position(|window| window == hash).context("student.eyas has no recipe hash")?;
    file[at..at + hash.len()].fill(0);
    file.truncate(file.len() - 4);
    Ok(file)
}

/// What is compared of two documents: all of it where they follow one schema, else the figures of the earlier one.
fn leaves(before: &Value, after: &Value) -> (BTreeMap<String, Value>, BTreeMap<String, Value>) {
    let whole = |document: &Value| {
        let mut leaves = BTreeMap::new();
        flatten(String::new(), document.clone(), &mut leaves);
        leaves
    };
    if schema(before) == schema(after) {
        return (whole(before), whole(after));
    }
    let after_document = after;
    let (mut before, mut after) = (figures(before), figures(after));
    // The later schema holds more; nothing of the earlier one may be missing.
    if schema(after_document) != LATEST {
        before.retain(|name, _| after.contains_key(name));
    } else {
        after.retain(|name, _| before.contains_key(name));
    }
    (before, after)
}

/// The leaves of a document by their paths.
fn flatten(path: String, value: Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.into_iter().filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str())) {
                flatten(format!("{path}/{name}"), value, leaves);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.into_iter().enumerate() {
                flatten(format!("{path}/{index}"), value, leaves);
            }
        }
        leaf => drop(leaves.insert(path, leaf)),
    }
}
