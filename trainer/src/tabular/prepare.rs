//! From `[data]` of a table to one matrix, its splits and the rows whose labels are known.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use rand::RngExt;
use sha2::{Digest, Sha256};

use super::given::Given;
use crate::bounded;
use crate::dataset::locate::locate;
use crate::dataset::{At, ColumnTable, DataError, FaultKind, Place, Role, Split, Warning, Withheld, quoted};
use crate::nn::{Purpose, shuffle, stream};
use crate::quantize::{Standard, is_constant};
use crate::recipe::{Seen, TabularRecipe, TabularSplit, TabularTask};

/// A class that is not known, as tables spell it.
const UNKNOWN_CLASS: [&str; 3] = ["", "NaN", "-1"];
/// A quantity that was not measured. (`NA` may be the name of a class, and -1 a quantity.)
const UNKNOWN_QUANTITY: [&str; 3] = ["", "NaN", "NA"];

/// What is learnt, a value a row; anything where the label is not there.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// Class numbers and the names of the classes.
    Classes {
        /// One number a row, in `0..names.len()`.
        labels: Vec<u16>,
        /// In the order of their numbers.
        names: Vec<String>,
    },
    /// A quantity and its name.
    Quantity {
        /// One value a row, finite.
        values: Vec<f32>,
        /// Name of the column.
        name: String,
    },
}

impl Truth {
    /// Width of the last layer.
    #[must_use]
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { names, .. } => names.len(),
            Self::Quantity { .. } => 1,
        }
    }

    /// Names of the outputs.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Classes { names, .. } => names.clone(),
            Self::Quantity { name, .. } => vec![name.clone()],
        }
    }
}

/// The data of a run on a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TabularPrepared {
    /// Where the table was found.
    pub path: PathBuf,
    /// Folder with data that the user named.
    pub(super) data_dir: Option<PathBuf>,
    /// `[rows x columns]` as measured: the student's columns first, then the others of the teacher.
    pub x: Array2<f32>,
    /// Names of the columns.
    pub names: Vec<String>,
    /// Number of columns that the student has.
    pub student: usize,
    /// Columns that the teacher sees, by their place in `x`.
    pub teacher: Vec<usize>,
    /// What is learnt.
    pub truth: Truth,
    /// Whether the label of a row is there; one without teaches through the teachers alone.
    known: Vec<bool>,
    /// Fold number of each row, where the recipe splits by folds.
    folds: Option<Vec<u64>>,
    /// Group of each row.
    pub(super) groups: Option<Vec<String>>,
    /// The present value of what is to be forecast, where the rows are windows of series.
    pub now: Option<Vec<f32>>,
    /// Name of the column with ids, and the id of each row.
    pub(super) ids: Option<(String, Vec<String>)>,
    /// Columns that each teacher takes, by their place in `x`, in the order of its inputs.
    pub(super) inputs: Vec<Vec<usize>>,
    /// What the teachers answer that come as a file, once they were consulted; `None` for those trained here.
    pub(super) given: Vec<Option<Given>>,
    /// What the user should know about the data.
    pub warnings: Vec<String>,
    /// Origin, licence and citation, from the `NOTICE.md` beside the data.
    pub notice: Option<String>,
}

impl TabularPrepared {
    /// Finds and reads the table of `recipe`.
    ///
    /// # Errors
    /// [`DataError`] with the place and the remedy.
    pub fn load(recipe: &TabularRecipe, recipe_path: &Path, data_dir: Option<PathBuf>) -> Result<Self, DataError> {
        let search = recipe.search(recipe_path, data_dir.clone());
        let data = &recipe.data;
        let path = locate(&data.source, &search)?;
        let windowing = data.windowing();
        let table = match &windowing {
            Some(windowing) => ColumnTable::windows(&path, windowing)?,
            None => ColumnTable::load(&path)?,
        };
        let id = data.id.clone().or_else(|| table.has("id").then(|| "id".to_owned()));
        // Of a series the past of the label is an input; its future is the label.
        let label = if windowing.is_some() { format!("ahead.{}", data.label) } else { data.label.clone() };
        let withheld = Withheld::all([
            (Role::Label, Some(label.as_str())),
            (Role::Fold, data.fold.as_deref()),
            (Role::Group, data.group.as_deref()),
            (Role::Id, id.as_deref()),
        ]);
        let student = table.inputs("student_columns", &data.student_columns, &withheld)?;
        let teacher = table.inputs("teacher_columns", &data.teacher_columns, &withheld)?;
        let mut places = HashMap::new();
        let mut order = Vec::new();
        for &column in student.iter().chain(&teacher) {
            places.entry(column).or_insert_with(|| {
                order.push(column);
                order.len() - 1
            });
        }
        let place = |column: &usize| places.get(column).copied();
        let teacher: Vec<usize> = teacher.iter().filter_map(place).collect();
        let x = table.values(&order)?;
        let inputs = recipe.teacher.iter().map(|section| {
            let chosen = section.input.iter().filter(|input| !input.columns.is_empty());
            let columns = chosen.map(|input| table.inputs("`input` of [[teacher]]", &input.columns, &withheld));
            let columns = columns.collect::<Result<Vec<_>, _>>()?.concat();
            if columns.is_empty() {
                let all = teacher.iter().copied();
                return Ok(match section.sees {
                    Seen::All => all.collect(),
                    Seen::Others => all.filter(|&at| at >= student.len()).collect(),
                    Seen::Student => (0..student.len()).collect(),
                });
            }
            let unseen = |at: &usize| {
                let place = Place::array(&path, &table.names(&[*at])[0]);
                let remedy = "add it to `teacher_columns`, which say what the teachers see";
                DataError::new(FaultKind::Layout, place, "a column that the teacher may see", "one it may not", remedy)
            };
            let seen: HashSet<usize> = teacher.iter().copied().collect();
            columns.iter().map(|at| place(at).filter(|at| seen.contains(at)).ok_or_else(|| unseen(at))).collect()
        });
        let inputs = inputs.collect::<Result<Vec<Vec<usize>>, DataError>>()?;
        let ids = id.map(|id| table.texts(&id).map(|ids| (id, ids))).transpose()?;
        let mut warnings = Vec::new();
        let texts = table.texts(&label)?;
        let unknown = if data.task == TabularTask::Regress { UNKNOWN_QUANTITY } else { UNKNOWN_CLASS };
        let known: Vec<bool> = texts.iter().map(|text| !unknown.contains(&text.as_str())).collect();
        let truth = match data.task {
            TabularTask::Regress => quantity(&texts, &data.label, &path)?,
            TabularTask::Classify => classes(&texts, &data.class_names, &data.label, &path)?,
        };
        let folds = data.fold.as_deref().map(|fold| folds(&table.texts(fold)?, fold, &path)).transpose()?;
        let group = if windowing.is_some() { Some("moment") } else { data.group.as_deref() };
        let groups = group.map(|group| table.texts(group)).transpose()?;
        let now = match (&windowing, data.task) {
            (Some(windowing), TabularTask::Regress) => {
                let now = table.select(&[format!("{}[{}]", data.label, windowing.history - 1)])?;
                Some(table.values(&now)?.into_raw_vec_and_offset().0)
            }
            _ => None,
        };
        if let (Some(folds), Some(groups)) = (&folds, &groups) {
            let mut seen: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
            for (group, &fold) in groups.iter().zip(folds) {
                seen.entry(group).or_default().insert(fold);
            }
            let parted = seen.values().filter(|folds| folds.len() > 1).count();
            if parted > 0 {
                let group = data.group.as_deref().unwrap_or_default();
                warnings.push(format!(
                    "{parted} of {} values of `{group}` lie in several folds: the test rows leak into the training",
                    seen.len()
                ));
            }
        }
        let notice = bounded::text(&path.with_file_name("NOTICE.md"), bounded::Kind::Document).ok();
        let names = table.names(&order);
        let (student, given) = (student.len(), Vec::new());
        let mut prepared = Self {
            path,
            data_dir,
            x,
            names,
            student,
            teacher,
            truth,
            known,
            folds,
            groups,
            now,
            ids,
            inputs,
            given,
            warnings,
            notice,
        };
        let constant = prepared.constant(recipe).into_iter().map(|warning| warning.to_string());
        prepared.warnings.extend(constant);
        Ok(prepared)
    }

    /// Columns and labels that never change where a network is to learn from them or be judged by them.
    ///
    /// Splits that cannot be drawn are left out; carrying out the recipe refuses them.
    fn constant(&self, recipe: &TabularRecipe) -> Vec<Warning> {
        let (mut columns, mut targets) = (BTreeMap::<usize, BTreeSet<u64>>::new(), BTreeMap::new());
        let mut seen = Vec::new();
        for number in self.splits(recipe).unwrap_or_default() {
            for &seed in &recipe.report.seeds {
                let Ok(split) = self.split(recipe, number, seed) else { continue };
                // Folds teach with the same rows for every seed.
                if seen != split.train {
                    let standard = Standard::of(self.x.view(), &split.train);
                    for (column, _) in standard.constant().enumerate().filter(|&(_, constant)| constant) {
                        columns.entry(column).or_default().insert(number);
                    }
                    seen.clone_from(&split.train);
                }
                let labelled = self.labelled(&split.train, recipe.data.label_share, seed);
                for (part, rows) in [("train", &labelled), ("tune", &split.tune), ("test", &split.test)] {
                    let label = |&row: &usize| match &self.truth {
                        Truth::Classes { labels, .. } => f32::from(labels[row]),
                        Truth::Quantity { values, .. } => values[row],
                    };
                    if is_constant(rows.iter().map(label)) {
                        let value = match (&self.truth, rows[0]) {
                            (Truth::Classes { labels, names }, row) => names[usize::from(labels[row])].clone(),
                            (Truth::Quantity { values, .. }, row) => format!("{:?}", values[row]),
                        };
                        targets.entry((part, value)).or_insert_with(BTreeSet::new).insert(number);
                    }
                }
            }
        }
        // One warning for all columns that are constant in the same splits.
        let mut together: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
        for (column, splits) in columns {
            together.entry(splits.into_iter().collect()).or_default().push(column);
        }
        let columns = together.into_iter().map(|(splits, columns)| Warning::ConstantColumns {
            count: columns.len(),
            first: self.names[columns[0]].clone(),
            splits,
        });
        let name = &recipe.data.label;
        let targets = targets.into_iter().map(|((part, value), splits)| Warning::ConstantTarget {
            name: name.clone(),
            value,
            part,
            splits: splits.into_iter().collect(),
        });
        columns.chain(targets).collect()
    }

    /// Numbers of the splits that the recipe asks for: its folds, or 0 alone.
    ///
    /// # Errors
    /// A fold that no row has, or fewer than three folds.
    pub fn splits(&self, recipe: &TabularRecipe) -> Result<Vec<u64>, DataError> {
        let Some(folds) = &self.folds else { return Ok(vec![0]) };
        let there: BTreeSet<u64> = folds.iter().copied().collect();
        if there.len() < 3 {
            let found = format!("{} folds", there.len());
            return Err(self.refuse("at least three folds: to teach, to choose, to judge", found));
        }
        if let Some(fold) = recipe.data.folds.iter().find(|fold| !there.contains(fold)) {
            return Err(self.refuse("a fold that the table has", format!("fold {fold}, not in {there:?}")));
        }
        Ok(if recipe.data.folds.is_empty() { there.into_iter().collect() } else { recipe.data.folds.clone() })
    }

    /// The rows of one split.
    ///
    /// By folds: `number` judges, the next fold that exists chooses, the others teach. Random: drawn from `seed`. A row
    /// without a label neither chooses nor judges.
    ///
    /// # Errors
    /// A part without rows, or a class without a train row.
    pub fn split(&self, recipe: &TabularRecipe, number: u64, seed: u64) -> Result<Split, DataError> {
        let mut split = self.rows_of(recipe, number, seed);
        for part in [&mut split.tune, &mut split.test] {
            part.retain(|&row| self.known[row]);
        }
        let taught = split.train.iter().any(|&row| self.known[row]);
        if !taught || split.tune.is_empty() || split.test.is_empty() {
            let found = format!("{} / {} / {}", split.train.len(), split.tune.len(), split.test.len());
            return Err(self.refuse("rows with a label in train, tune and test", found));
        }
        if let Truth::Classes { labels, names } = &self.truth {
            let taught: BTreeSet<u16> =
                split.train.iter().filter(|&&row| self.known[row]).map(|&row| labels[row]).collect();
            let missing = names.iter().zip(0u16..).find(|(_, class)| !taught.contains(class));
            if let Some((name, class)) = missing {
                let place = Place::file(&self.path).at(At::Class(u64::from(class)));
                let part = if self.folds.is_some() { format!("fold {number}") } else { format!("seed {seed}") };
                let found = format!("none of {} where {part} judges", quoted(name));
                let expected = "at least one labelled train row of every class";
                let remedy = "move a row of that class to train, or drop the class";
                return Err(DataError::new(FaultKind::Split, place, expected, found, remedy));
            }
        }
        Ok(split)
    }

    fn rows_of(&self, recipe: &TabularRecipe, number: u64, seed: u64) -> Split {
        let rows = self.x.nrows();
        let data = &recipe.data;
        let mut split = Split::default();
        if let Some(folds) = &self.folds {
            let there: Vec<u64> = folds.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let at = there.iter().position(|&fold| fold == number).unwrap_or(0);
            let tune = there[(at + 1) % there.len()];
            for (row, &fold) in folds.iter().enumerate() {
                let part = if fold == number {
                    &mut split.test
                } else if fold == tune {
                    &mut split.tune
                } else {
                    &mut split.train
                };
                part.push(row);
            }
            return split;
        }
        let share = |share: Option<f64>| (share.unwrap_or(0.2) * rows as f64).round() as usize;
        let (tune, test) = (share(data.tune_share), share(data.test_share));
        let train = rows.saturating_sub(tune + test);
        // Groups stay whole, so parts are of about these sizes.
        let mut units = self.units(0..rows);
        if data.split == TabularSplit::Random {
            // The shuffled groups lie on a circle, turned at random, and belong where they begin: a group of any size
            // has the same chance of each part. One part filled after the other would leave small groups to the last.
            let mut rng = stream(seed, Purpose::Choice, 0, 0);
            shuffle(&mut units, &mut rng);
            let mut begin = rng.random_range(0..rows.max(1));
            for (_, unit) in units {
                let part = match begin % rows {
                    at if at < train => &mut split.train,
                    at if at < train + tune => &mut split.tune,
                    _ => &mut split.test,
                };
                begin += unit.len();
                part.extend(unit);
            }
        } else {
            for (_, unit) in units {
                let part = if split.train.len() < train {
                    &mut split.train
                } else if split.tune.len() < tune {
                    &mut split.tune
                } else {
                    &mut split.test
                };
                part.extend(unit);
            }
        }
        for part in [&mut split.train, &mut split.tune, &mut split.test] {
            part.sort_unstable();
        }
        split
    }

    /// The train rows whose labels may be used: a share of those of each class that are there, at least one, drawn from `seed`.
    #[must_use]
    pub fn labelled(&self, train: &[usize], share: f64, seed: u64) -> Vec<usize> {
        let train: Vec<usize> = train.iter().copied().filter(|&row| self.known[row]).collect();
        if share >= 1.0 {
            return train;
        }
        let class = |row: usize| match &self.truth {
            Truth::Classes { labels, .. } => labels[row],
            Truth::Quantity { .. } => 0,
        };
        let mut by_class: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        train.iter().for_each(|&row| by_class.entry(class(row)).or_default().push(row));
        let mut rng = stream(seed, Purpose::Choice, 1, 0);
        let mut chosen = Vec::new();
        for mut rows in by_class.into_values() {
            let count = ((rows.len() as f64 * share).round() as usize).clamp(1, rows.len());
            for at in 0..count {
                let other = rng.random_range(at..rows.len());
                rows.swap(at, other);
            }
            chosen.extend_from_slice(&rows[..count]);
        }
        chosen.sort_unstable();
        chosen
    }

    /// What must stay whole among `rows`, each with its name, in the order of appearance; a row without a group is one of
    /// its own.
    fn units(&self, rows: impl Iterator<Item = usize>) -> Vec<(String, Vec<usize>)> {
        let mut units: Vec<(String, Vec<usize>)> = Vec::new();
        let mut position: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            let name = self.groups.as_ref().map_or_else(|| row.to_string(), |groups| groups[row].clone());
            let at = *position.entry(name.clone()).or_insert(units.len());
            if at == units.len() {
                units.push((name, Vec::new()));
            }
            units[at].1.push(row);
        }
        units
    }

    /// `rows` in `count` parts of nearly equal size, drawn from `seed`; the rows of a group stay in one part.
    #[must_use]
    pub fn parts(&self, rows: &[usize], count: usize, seed: u64) -> Vec<Vec<usize>> {
        let mut units = self.units(rows.iter().copied());
        units.sort_unstable();
        shuffle(&mut units, &mut stream(seed, Purpose::Choice, 2, 0));
        let mut parts = vec![Vec::new(); count];
        for (_, unit) in units {
            if let Some(smallest) = parts.iter_mut().min_by_key(|part| part.len()) {
                smallest.extend(unit);
            }
        }
        parts
    }

    /// SHA-256 of what a split's run may learn from; what the test rows are labelled with is left out.
    #[must_use]
    pub fn data_hash(&self, split: &Split) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"eyas-table-1");
        let (rows, columns) = self.x.dim();
        [rows, columns, self.student].iter().for_each(|&count| hash.update((count as u64).to_le_bytes()));
        self.x.iter().for_each(|value| hash.update(value.to_le_bytes()));
        for part in [&split.train, &split.tune] {
            hash.update((part.len() as u64).to_le_bytes());
            for &row in part {
                hash.update((row as u64).to_le_bytes());
                hash.update([u8::from(self.known[row])]);
                match &self.truth {
                    Truth::Classes { labels, .. } => hash.update(labels[row].to_le_bytes()),
                    Truth::Quantity { values, .. } => hash.update(values[row].to_le_bytes()),
                }
            }
        }
        for given in self.given.iter().flatten() {
            hash.update(given.identity);
            given
                .answers
                .iter()
                .chain(given.embedding.iter().flatten())
                .for_each(|value| hash.update(value.to_le_bytes()));
        }
        for name in self.names.iter().chain(&self.truth.names()) {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
        }
        hash.finalize().into()
    }

    fn refuse(&self, expected: &str, found: String) -> DataError {
        let remedy = "correct [data] of the recipe";
        DataError::new(FaultKind::Split, Place::file(&self.path), expected, found, remedy)
    }
}

fn quantity(texts: &[String], name: &str, path: &Path) -> Result<Truth, DataError> {
    let value = |(row, text): (usize, &String)| {
        if UNKNOWN_QUANTITY.contains(&text.as_str()) {
            return Ok(f32::NAN);
        }
        text.parse::<f32>().ok().filter(|value| value.is_finite()).ok_or_else(|| {
            let found = format!("{text:?} in row {row} of `{name}`");
            let remedy = "leave the cell empty where the quantity was not measured";
            DataError::new(FaultKind::Labels, Place::file(path), "a finite number", found, remedy)
        })
    };
    let values = texts.iter().enumerate().map(value).collect::<Result<_, _>>()?;
    Ok(Truth::Quantity { values, name: name.to_owned() })
}

/// Classes by number where every label is one, else by name in alphabetical order.
fn classes(texts: &[String], given: &[String], name: &str, path: &Path) -> Result<Truth, DataError> {
    let refuse = |expected: &str, found: String| {
        let remedy = "correct the labels, or `class_names` in the recipe";
        DataError::new(FaultKind::Labels, Place::file(path), expected, found, remedy)
    };
    let unknown = |text: &str| UNKNOWN_CLASS.contains(&text);
    if texts.iter().all(|text| unknown(text)) {
        return Err(refuse("a label", format!("none in `{name}`")));
    }
    let number = |text: &String| if unknown(text) { Some(0) } else { text.parse().ok() };
    let numbers: Option<Vec<u16>> = texts.iter().map(number).collect();
    let (labels, names) = match numbers {
        Some(numbers) => {
            let count = usize::from(numbers.iter().copied().max().unwrap_or(0)) + 1;
            let stated = texts.iter().zip(&numbers).filter(|(text, _)| !unknown(text));
            let there: BTreeSet<u16> = stated.map(|(_, &number)| number).collect();
            if there.len() != count {
                let missing = (0..count).find(|&class| !there.contains(&(class as u16))).unwrap_or(0);
                return Err(refuse("classes numbered without a gap", format!("no row of class {missing}")));
            }
            let names = (0..count).map(|class| format!("class {class}")).collect();
            (numbers, names)
        }
        None => {
            let stated = texts.iter().filter(|text| !unknown(text));
            let names: Vec<String> = stated.cloned().collect::<BTreeSet<_>>().into_iter().collect();
            let label = |text: &String| names.binary_search(text).unwrap_or(0) as u16;
            (texts.iter().map(label).collect(), names)
        }
    };
    if names.len() < 2 {
        return Err(refuse("at least two classes", names.join(", ")));
    }
    if !given.is_empty() && given.len() != names.len() {
        return Err(refuse(&format!("{} names in `class_names`", names.len()), given.len().to_string()));
    }
    Ok(Truth::Classes { labels, names: if given.is_empty() { names } else { given.to_vec() } })
}

fn folds(texts: &[String], name: &str, path: &Path) -> Result<Vec<u64>, DataError> {
    let fold = |(row, text): (usize, &String)| {
        text.parse().map_err(|_| {
            let found = format!("{text:?} in row {row} of `{name}`");
            let remedy = "number the folds from 0";
            DataError::new(FaultKind::Split, Place::file(path), "a fold number", found, remedy)
        })
    };
    texts.iter().enumerate().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(task: &str, labels: [&str; 9]) -> Result<(TabularRecipe, TabularPrepared), DataError> {
        let folder = tempfile::tempdir().unwrap();
        let rows: String =
            labels.iter().enumerate().map(|(row, label)| format!("{row},{},{label}\n", row % 3)).collect();
        std::fs::write(folder.path().join("t.csv"), format!("x,fold,y\n{rows}")).unwrap();
        let text = format!(
            "[data]\nsource = \"t.csv\"\ntask = \"{task}\"\nlabel = \"y\"\nstudent_columns = [\"x\"]\n\
             teacher_columns = [\"x\"]\n[[teacher]]\nkind = \"mlp\"\n"
        );
        let path = folder.path().join("r.toml");
        let recipe = TabularRecipe::parse(&text, &path).unwrap();
        TabularPrepared::load(&recipe, &path, None).map(|prepared| (recipe, prepared))
    }

    #[test]
    fn a_row_without_a_label_only_listens_to_the_teachers() {
        let cases = [("classify", "on", "NA", "-1"), ("classify", "0", "1", "-1"), ("regress", "1.5", "-1", "NA")];
        for (task, one, two, none) in cases {
            let labels = [one, "", two, "NaN", two, none, two, one, one];
            let (recipe, prepared) = prepared(task, labels).unwrap();
            let split = prepared.split(&recipe, 0, 1).unwrap();
            // Fold 0 judges, fold 1 chooses, fold 2 teaches; 1, 3 and 5 have no label.
            assert_eq!((split.test, split.tune, split.train.clone()), (vec![0, 6], vec![4, 7], vec![2, 5, 8]));
            assert_eq!(prepared.labelled(&split.train, 1.0, 1), [2, 8]);
        }
    }

    /// Label, fold, group and id are out of reach of the student, of the teachers and of the inputs of a model.
    #[test]
    fn what_tells_the_answer_is_no_input() {
        let folder = tempfile::tempdir().unwrap();
        let rows: String = (0..9).map(|row| format!("{row},{row},1,{},p{row},{}\n", row % 3, row % 2)).collect();
        std::fs::write(folder.path().join("t.csv"), format!("name,x0,x1,part,person,y\n{rows}")).unwrap();
        let load = |student: &str, teacher: &str, input: &str| {
            let text = format!(
                "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"{student}\"]\n\
                 teacher_columns = [\"{teacher}\"]\nfold = \"part\"\ngroup = \"person\"\nid = \"name\"\n\
                 [[teacher]]\nkind = \"onnx\"\npath = \"m.onnx\"\ninput = [{{ columns = [\"{input}\"] }}]\n"
            );
            let path = folder.path().join("r.toml");
            let recipe = TabularRecipe::parse(&text, &path).unwrap();
            TabularPrepared::load(&recipe, &path, None)
        };
        for pattern in ["*", "name..y", "x0..y", "x*"] {
            let prepared = load(pattern, pattern, pattern).unwrap();
            assert_eq!((prepared.names.as_slice(), prepared.student), (&["x0".to_owned(), "x1".to_owned()][..], 2));
            assert_eq!((&prepared.teacher[..], &prepared.inputs[0][..]), (&[0, 1][..], &[0, 1][..]));
        }
        let named = [("y", "the label"), ("part", "the fold"), ("person", "the group"), ("name", "the id")];
        for (column, words) in named {
            let routes = [
                ("student_columns", load(column, "*", "*")),
                ("teacher_columns", load("*", column, "*")),
                ("`input` of [[teacher]]", load("*", "*", column)),
            ];
            for (key, loaded) in routes {
                let error = loaded.unwrap_err();
                assert_eq!(error.kind(), FaultKind::Leak);
                let text = error.to_string();
                assert!([column, words, key].iter().all(|part| text.contains(part)), "{text}");
            }
        }
    }

    #[test]
    fn a_class_without_a_train_row_is_refused() {
        // `three` is seen in fold 0 alone, which judges, teaches or chooses.
        let labels = ["three", "one", "two", "one", "two", "one", "two", "one", "two"];
        let (recipe, prepared) = prepared("classify", labels).unwrap();
        let error = prepared.split(&recipe, 0, 1).unwrap_err();
        assert_eq!((error.kind(), &error.fault().place.at), (FaultKind::Split, &At::Class(1)));
        assert!(error.to_string().contains("none of `three` where fold 0 judges"), "{error}");
        assert!(prepared.split(&recipe, 1, 1).is_ok() && prepared.split(&recipe, 2, 1).is_err());
    }

    /// One group holds a tenth of the rows and all of a class; its share of each part is that of the part.
    #[test]
    fn a_random_split_gives_large_groups_the_chance_of_small_ones() {
        const SEEDS: u64 = 1000;
        let folder = tempfile::tempdir().unwrap();
        let sizes = [16usize, 9, 8, 7, 11, 5, 10, 9, 12, 6, 13, 4, 10, 9, 7, 8, 3, 13];
        let groups = sizes.iter().enumerate().flat_map(|(group, &size)| vec![group; size]);
        let rows: String = groups.map(|group| format!("1,g{group},{}\n", u8::from(group == 0))).collect();
        std::fs::write(folder.path().join("t.csv"), format!("x,g,y\n{rows}")).unwrap();
        let text = "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"x\"]\nteacher_columns = [\"x\"]\n\
                    split = \"random\"\ngroup = \"g\"\n[[teacher]]\nkind = \"mlp\"\n";
        let path = folder.path().join("r.toml");
        let recipe = TabularRecipe::parse(text, &path).unwrap();
        let prepared = TabularPrepared::load(&recipe, &path, None).unwrap();
        let mut found = [0u64; 3];
        for seed in 0..SEEDS {
            let split = prepared.rows_of(&recipe, 0, seed);
            let parts = [&split.train, &split.tune, &split.test];
            assert_eq!(parts.iter().map(|part| part.len()).sum::<usize>(), 160);
            for (part, found) in parts.into_iter().zip(&mut found) {
                *found += u64::from(part.contains(&0));
                // Groups stay whole.
                assert!((0..16).all(|row| part.contains(&row) == part.contains(&0)));
            }
        }
        for (found, share) in found.into_iter().zip([0.6, 0.2, 0.2]) {
            let error = (share * (1.0 - share) / SEEDS as f64).sqrt();
            let mean = found as f64 / SEEDS as f64;
            assert!((mean - share).abs() < 5.0 * error, "{mean} of the seeds, {share} ± {error} expected");
        }
    }

    #[test]
    fn labels_that_are_nowhere_are_refused() {
        assert!(prepared("classify", [""; 9]).unwrap_err().to_string().contains("a label"));
        let (recipe, prepared) = prepared("regress", ["1", "", "1", "1", "", "1", "1", "", "1"]).unwrap();
        let error = prepared.split(&recipe, 0, 1).unwrap_err().to_string();
        assert!(error.contains("rows with a label in train, tune and test"), "{error}");
    }
}
