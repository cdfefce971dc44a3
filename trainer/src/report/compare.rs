//! Two runs side by side, paired over the seeds they share.

use super::columns::{points, title};
use super::evidence::Evidence;
use super::metrics::{COLUMNS, Metrics, SCHEMA, SeedMetrics, Setting};
use super::statistics::{Paired, mean, paired};
use super::terminal::{align, bare};
use crate::bounded;
use crate::nn::MadeOn;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// File name of the metrics inside a run folder.
const FILE: &str = "metrics.json";

/// Why two runs cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The folder holds no metrics.
    #[error("{} cannot be read: {source}; a run folder that `eyas distill` finished is expected", path.display())]
    Read {
        /// The file that was looked for.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The metrics have another schema.
    #[error("{} has schema \"{found}\", \"{expected}\" expected; run it again with this version", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Schema this version reads.
        expected: &'static str,
        /// Schema of the file; empty if it names none.
        found: String,
    },
    /// The metrics are not what their schema says.
    #[error("{} does not follow schema {expected}: {source}; it was cut or edited, run it again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Its schema.
        expected: &'static str,
        /// Line, column and what is wrong there.
        source: serde_json::Error,
    },
    /// The runs share no seed.
    #[error("no seed in common: {a:?} and {b:?}; give one run the other's seeds with --seed and --seeds")]
    NoCommonSeeds {
        /// Seeds of the first run.
        a: Vec<u64>,
        /// Seeds of the second run.
        b: Vec<u64>,
    },
    /// The runs used different data, so their seeds pair nothing.
    #[error(
        "the runs used different data: {a_name} ({a}) and {b_name} ({b}); equal seeds mean nothing there. \
         Compare runs on the same data and split, or say that different data are meant"
    )]
    DifferentData {
        /// Name of the first run's data.
        a_name: String,
        /// Hash of the first run's data.
        a: String,
        /// Name of the second run's data.
        b_name: String,
        /// Hash of the second run's data.
        b: String,
    },
}

/// One column in one setting, paired over the common seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// `transductive`, `inductive`, `inductive_observed` or `tune`.
    pub setting: String,
    /// A name of [`COLUMNS`].
    pub column: String,
    /// Mean of the first run over the common seeds, in per cent.
    pub a: f64,
    /// Mean of the second run over the common seeds, in per cent.
    pub b: f64,
    /// First minus second run, in points.
    #[serde(flatten)]
    pub paired: Paired,
    /// What the difference allows one to say.
    pub evidence: Evidence,
    /// The same as a sentence.
    pub sentence: String,
}

/// Two runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Recipe of the first run.
    pub a: String,
    /// Recipe of the second run.
    pub b: String,
    /// Whether both runs used the same data without test labels.
    pub same_data: bool,
    /// The kinds of machine the runs were made on, where they recorded it.
    pub made_on: [Option<MadeOn>; 2],
    /// Seeds that both runs have, ascending; only these are compared.
    pub seeds: Vec<u64>,
    /// Every column of every setting that both runs measured for all common seeds.
    pub contrasts: Vec<Contrast>,
}

/// Reads the metrics of a run folder.
///
/// # Errors
/// A folder without readable metrics, metrics of another schema, or metrics that do not follow theirs.
pub fn read_metrics(folder: &Path) -> Result<Metrics, CompareError> {
    read_document(folder, SCHEMA)
}

/// Reads the metrics of a run folder that follow `schema`.
pub(crate) fn read_document<T: DeserializeOwned>(folder: &Path, schema: &'static str) -> Result<T, CompareError> {
    /// The one field that every version has.
    #[derive(Deserialize)]
    struct Tagged {
        #[serde(default)]
        schema: String,
    }
    let path = folder.join(FILE);
    let text = match bounded::text(&path, bounded::Kind::Document) {
        Ok(text) => text,
        Err(source) => return Err(CompareError::Read { path, source }),
    };
    // The schema first: another version's file would otherwise fail at some field, which says nothing.
    match serde_json::from_str::<Tagged>(&text) {
        Ok(tagged) if tagged.schema == schema => {}
        Ok(tagged) => return Err(CompareError::Schema { path, expected: schema, found: tagged.schema }),
        Err(source) => return Err(CompareError::Malformed { path, expected: schema, source }),
    }
    serde_json::from_str(&text).map_err(|source| CompareError::Malformed { path, expected: schema, source })
}

/// Compares two runs on the same data, first minus second.
///
/// # Errors
/// [`CompareError::DifferentData`] or [`CompareError::NoCommonSeeds`].
pub fn compare(a: &Metrics, b: &Metrics) -> Result<Comparison, CompareError> {
    if a.data.hash != b.data.hash {
        return Err(CompareError::DifferentData {
            a_name: a.data.name.clone(),
            a: a.data.hash.clone(),
            b_name: b.data.name.clone(),
            b: b.data.hash.clone(),
        });
    }
    compare_any_data(a, b)
}

/// Like [`compare`], for callers who know that the data differ and want the figures anyway.
///
/// # Errors
/// [`CompareError::NoCommonSeeds`].
pub fn compare_any_data(a: &Metrics, b: &Metrics) -> Result<Comparison, CompareError> {
    let by_seed = |metrics: &Metrics| -> BTreeMap<u64, SeedMetrics> {
        metrics.seeds.iter().map(|seed| (seed.seed, seed.clone())).collect()
    };
    let (left, right) = (by_seed(a), by_seed(b));
    let common: Vec<(&SeedMetrics, &SeedMetrics)> =
        left.iter().filter_map(|(seed, row)| right.get(seed).map(|other| (row, other))).collect();
    if common.is_empty() {
        return Err(CompareError::NoCommonSeeds { a: left.into_keys().collect(), b: right.into_keys().collect() });
    }
    let settings: [(&str, Setting); 4] = [
        ("transductive", |seed| Some(seed.transductive)),
        ("inductive", |seed| seed.inductive),
        ("inductive_observed", |seed| seed.inductive_observed),
        ("tune", |seed| Some(seed.tune)),
    ];
    let mut contrasts = Vec::new();
    for (setting, pick) in settings {
        for column in COLUMNS {
            let value = |seed: &SeedMetrics| pick(seed).and_then(|row| row.column(column));
            let values: Option<(Vec<f64>, Vec<f64>)> =
                common.iter().map(|&(a, b)| Some((value(a)?, value(b)?))).collect();
            if let Some((left, right)) = values {
                contrasts.push(Contrast::new(setting, column, &left, &right));
            }
        }
    }
    let seeds = common.iter().map(|(row, _)| row.seed).collect();
    let same_data = a.data.hash == b.data.hash;
    let made_on = [a.made_on.clone(), b.made_on.clone()];
    Ok(Comparison { a: a.recipe.clone(), b: b.recipe.clone(), same_data, made_on, seeds, contrasts })
}

impl Contrast {
    fn new(setting: &str, column: &str, left: &[f64], right: &[f64]) -> Self {
        let paired = paired(left, right);
        let evidence = Evidence::of(&paired);
        let what = format!("{}, {}", title(column), setting.replace('_', " "));
        let sentence = match evidence {
            Evidence::Unknown => format!("{what}: A − B is {} on one seed, nothing can be said.", points(&paired)),
            Evidence::Within => format!("{what}: not distinguishable, A − B is {}.", points(&paired)),
            Evidence::Weak | Evidence::Clear => {
                let better = if paired.mean > 0.0 { "A" } else { "B" };
                let degree = if evidence == Evidence::Clear { "clearly" } else { "weakly" };
                format!("{what}: {better} is {degree} better, A − B is {}.", points(&paired))
            }
        };
        let (a, b) = (mean(left), mean(right));
        Self { setting: setting.to_owned(), column: column.to_owned(), a, b, paired, evidence, sentence }
    }
}

impl Comparison {
    /// The contrasts as a table for a terminal, without colour.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = bare();
        table.set_header(["setting", "accuracy, per cent", "A", "B", "A − B, points", ""]);
        for contrast in &self.contrasts {
            table.add_row([
                contrast.setting.replace('_', " "),
                title(&contrast.column).to_owned(),
                format!("{:.2}", contrast.a),
                format!("{:.2}", contrast.b),
                points(&contrast.paired),
                contrast.evidence.words().to_owned(),
            ]);
        }
        align(&mut table, &[2, 3, 4]);
        let seeds = self.seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        let mut warning = String::new();
        if !self.same_data {
            warning += "\nThe runs used different data; the pairing by seed is formal.";
        }
        if let [Some(a), Some(b)] = &self.made_on
            && a != b
        {
            warning += &format!("\nA was made on {a}, B on {b}: there one recipe gives other students.");
        }
        format!(
            "A = {}, B = {}; means and standard errors paired over seeds {seeds}{warning}\n{}\n{}",
            self.a,
            self.b,
            table.trim_fmt(),
            Evidence::KEY
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn only_common_seeds_are_paired() {
        let (a, b) = (samples::run(&[3, 1, 2], 2.0), samples::run(&[2, 3, 9], 0.0));
        let comparison = compare(&a, &b).unwrap();
        assert_eq!(comparison.seeds, [2, 3]);
        let contrast = |setting: &str, column: &str| {
            comparison.contrasts.iter().find(|c| c.setting == setting && c.column == column).unwrap().clone()
        };
        let float = contrast("transductive", "student_float");
        let of =
            |run: &Metrics, seed| run.seeds.iter().find(|row| row.seed == seed).unwrap().transductive.student_float;
        let expected = paired(&[of(&a, 2), of(&a, 3)], &[of(&b, 2), of(&b, 3)]);
        assert_eq!(float.paired, expected);
        assert_eq!(float.evidence, Evidence::Clear);
        assert!(float.sentence.contains("A is clearly better"), "{}", float.sentence);
        assert_eq!(comparison.contrasts.len(), 4 * COLUMNS.len());
        let table = comparison.table();
        assert!(table.contains("over seeds 2, 3") && table.contains(&points(&expected)), "{table}");
    }

    #[test]
    fn a_run_equals_itself() {
        let run = samples::run(&[1, 2, 3], 1.0);
        let comparison = compare(&run, &run).unwrap();
        assert!(comparison.contrasts.iter().all(|c| c.evidence == Evidence::Within && c.paired.mean == 0.0));
        assert!(comparison.contrasts[0].sentence.contains("not distinguishable"));
        let mut elsewhere = run.clone();
        elsewhere.made_on.as_mut().unwrap().instructions.clear();
        let table = compare(&run, &elsewhere).unwrap().table();
        assert!(table.contains("A was made on x86_64-linux-gnu with avx2, fma, B on x86_64-linux-gnu:"), "{table}");
    }

    #[test]
    fn a_control_missing_in_one_run_is_left_out() {
        let (a, mut b) = (samples::run(&[1, 2], 1.0), samples::run(&[1, 2], 1.0));
        b.seeds[1].transductive.plain_kd = None;
        b.seeds[0].inductive = None;
        let comparison = compare(&a, &b).unwrap();
        assert!(!comparison.contrasts.iter().any(|c| c.setting == "transductive" && c.column == "plain_kd"));
        assert!(!comparison.contrasts.iter().any(|c| c.setting == "inductive"));
        assert!(comparison.contrasts.iter().any(|c| c.setting == "tune" && c.column == "plain_kd"));
    }

    #[test]
    fn what_cannot_be_paired_is_refused() {
        let (a, mut b) = (samples::run(&[1, 2], 1.0), samples::run(&[3], 1.0));
        assert!(matches!(compare(&a, &b), Err(CompareError::NoCommonSeeds { .. })));
        b = samples::run(&[1, 2], 1.0);
        b.data.hash = "00".repeat(32);
        let error = compare(&a, &b).unwrap_err();
        assert!(matches!(error, CompareError::DifferentData { .. }) && error.to_string().contains("0000"), "{error}");
        let comparison = compare_any_data(&a, &b).unwrap();
        assert!(!comparison.same_data && comparison.table().contains("different data"));
    }

    #[test]
    fn a_run_folder_is_read_back_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_metrics(folder.path()), Err(CompareError::Read { .. })));
        let write = |text: &str| std::fs::write(folder.path().join(FILE), text).unwrap();
        let run = samples::run(&[1, 2], 1.0);
        write(&serde_json::to_string(&run).unwrap());
        assert_eq!(read_metrics(folder.path()).unwrap().data, run.data);
        // Files of versions that did not record the kind of machine are read, too.
        let old = serde_json::to_string(&Metrics { made_on: None, ..run.clone() }).unwrap();
        assert!(!old.contains("made_on"));
        write(&old);
        let old = read_metrics(folder.path()).unwrap();
        assert!(!compare(&old, &run).unwrap().table().contains("made on"));
        write("{\"schema\": \"eyas-metrics-9\"}");
        let error = read_metrics(folder.path()).unwrap_err();
        assert!(matches!(&error, CompareError::Schema { found, .. } if found == "eyas-metrics-9"), "{error}");
        write("{}");
        assert!(matches!(read_metrics(folder.path()), Err(CompareError::Schema { .. })));
        for text in ["", "[1]", &format!("{{\"schema\": \"{SCHEMA}\"}}")] {
            write(text);
            assert!(matches!(read_metrics(folder.path()), Err(CompareError::Malformed { .. })), "{text}");
        }
    }
}
