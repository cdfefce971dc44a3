//! Which rows teach, choose and judge: every evaluation that a recipe asks for.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;

use super::{Data, Truth};
use crate::dataset::split::unseen;
use crate::dataset::{At, DataError, FaultKind, Place, Split, quoted, sub_matrix};
use crate::nn::{Purpose, shuffle, stream};
use crate::output::counted;
use crate::recipe::{DataSection, Recipe, SplitKind};

/// One evaluation of a recipe: who teaches, who chooses, who judges, and who is not there at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// `transductive`, `inductive`, `fold 2`, `random` or `ordered`.
    pub name: String,
    /// Seed of every random stream.
    pub seed: u64,
    /// Rows that teach, choose and judge, by their number in the whole data. The test rows of an inductive evaluation are
    /// the unseen ones.
    pub split: Split,
    /// Rows that are taken out of the data before anything is trained.
    pub unseen: Vec<usize>,
    /// Test rows of the whole split that stayed in the data of an inductive evaluation.
    pub observed: Vec<usize>,
}

impl Evaluation {
    /// Name for stages and files: `2022-fold-2`.
    #[must_use]
    pub fn stage(&self) -> String {
        format!("{}-{}", self.seed, self.name.replace(' ', "-"))
    }
}

impl Data {
    /// Every evaluation that the recipe asks for with these seeds: split by split, seed by seed. The first split ships.
    ///
    /// # Errors
    /// A split that cannot be drawn as asked.
    pub fn evaluations(&self, recipe: &Recipe, seeds: &[u64]) -> Result<Vec<Evaluation>, DataError> {
        let section = &recipe.data;
        let whole = |name: &str, seed, split| Evaluation {
            name: name.to_owned(),
            seed,
            split,
            unseen: Vec::new(),
            observed: Vec::new(),
        };
        if let Some(shared) = &self.shared {
            let mut all: Vec<_> = seeds.iter().map(|&seed| whole("transductive", seed, shared.clone())).collect();
            for &seed in seeds.iter().filter(|_| section.inductive_share > 0.0) {
                let unseen = unseen(&self.name, &shared.test, section.inductive_share, seed)?;
                let observed = shared.test.iter().copied().filter(|row| unseen.binary_search(row).is_err()).collect();
                let split = Split { test: unseen.clone(), ..shared.clone() };
                all.push(Evaluation { unseen, observed, ..whole("inductive", seed, split) });
            }
            return Ok(all);
        }
        let mut all = Vec::new();
        for fold in self.fold_numbers(section)? {
            let name = match section.split {
                SplitKind::Folds => format!("fold {fold}"),
                SplitKind::Ordered => "ordered".to_owned(),
                _ => "random".to_owned(),
            };
            for &seed in seeds {
                all.push(whole(&name, seed, self.checked_split(section, fold, seed)?));
            }
        }
        Ok(all)
    }

    /// The data without some rows, and the number of each row that stays in the whole data.
    #[must_use]
    pub(crate) fn without(&self, unseen: &[usize]) -> (Self, Vec<usize>) {
        let kept: Vec<usize> = (0..self.rows()).filter(|row| unseen.binary_search(row).is_err()).collect();
        let data = Self {
            x: self.x.select(&kept),
            truth: self.truth.select(&kept),
            known: kept.iter().map(|&row| self.known[row]).collect(),
            edges: self.edges.as_ref().map(|edges| sub_matrix(edges, &kept)),
            shared: None,
            ..self.clone()
        };
        (data, kept)
    }

    /// Numbers of the splits that the recipe asks for: its folds, or 0 alone.
    fn fold_numbers(&self, section: &DataSection) -> Result<Vec<u64>, DataError> {
        let Some(folds) = &self.folds else { return Ok(vec![0]) };
        let there: BTreeSet<u64> = folds.iter().copied().collect();
        if there.len() < 3 {
            let found = counted(there.len(), "fold", "folds");
            return Err(self.refuse("at least three folds: to teach, to choose, to judge", found));
        }
        if let Some(fold) = section.folds.iter().find(|fold| !there.contains(fold)) {
            return Err(self.refuse("a fold that the table has", format!("fold {fold}, not in {there:?}")));
        }
        Ok(if section.folds.is_empty() { there.into_iter().collect() } else { section.folds.clone() })
    }

    /// The rows of one split of a table. A row without a label neither chooses nor judges.
    fn checked_split(&self, section: &DataSection, fold: u64, seed: u64) -> Result<Split, DataError> {
        let mut split = match &self.folds {
            Some(folds) => by_fold(folds, fold),
            None => self.drawn_split(section, seed),
        };
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
                let part = if self.folds.is_some() { format!("fold {fold}") } else { format!("seed {seed}") };
                let found = format!("none of {} where {part} judges", quoted(name));
                let expected = "at least one labelled train row of every class";
                let remedy = "add rows of that class, join it with another, or leave its rows out";
                return Err(DataError::new(FaultKind::Split, place, expected, found, remedy));
            }
        }
        Ok(split)
    }

    /// A split by shares: drawn from `seed`, or in the order of the file. Groups stay whole, so parts are of about their
    /// sizes.
    pub(super) fn drawn_split(&self, section: &DataSection, seed: u64) -> Split {
        let rows = self.rows();
        let share = |share: Option<f64>| (share.unwrap_or(0.2) * rows as f64).round() as usize;
        let (tune, test) = (share(section.tune_share), share(section.test_share));
        let train = rows.saturating_sub(tune + test);
        let mut split = Split::default();
        let mut groups = self.grouped(0..rows);
        if section.split == SplitKind::Random {
            // The shuffled groups lie on a circle, turned at random, and belong where they begin: a group of any size
            // has the same chance of each part. One part filled after the other would leave small groups to the last.
            let mut rng = stream(seed, Purpose::Choice, 0, 0);
            shuffle(&mut groups, &mut rng);
            let mut begin = rng.random_range(0..rows.max(1));
            for (_, group) in groups {
                let part = match begin % rows {
                    at if at < train => &mut split.train,
                    at if at < train + tune => &mut split.tune,
                    _ => &mut split.test,
                };
                begin += group.len();
                part.extend(group);
            }
        } else {
            for (_, group) in groups {
                let part = if split.train.len() < train {
                    &mut split.train
                } else if split.tune.len() < tune {
                    &mut split.tune
                } else {
                    &mut split.test
                };
                part.extend(group);
            }
        }
        for part in [&mut split.train, &mut split.tune, &mut split.test] {
            part.sort_unstable();
        }
        split
    }

    /// The train rows whose labels may be used: a share of those of each class that are there, at least one, drawn from
    /// `seed`.
    #[must_use]
    pub(crate) fn labelled(&self, train: &[usize], share: f64, seed: u64) -> Vec<usize> {
        let train: Vec<usize> = train.iter().copied().filter(|&row| self.known[row]).collect();
        if share >= 1.0 {
            return train;
        }
        let class = |row: usize| self.truth.labels().map_or(0, |labels| labels[row]);
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
    fn grouped(&self, rows: impl Iterator<Item = usize>) -> Vec<(String, Vec<usize>)> {
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        let mut position: BTreeMap<String, usize> = BTreeMap::new();
        for row in rows {
            let name = self.groups.as_ref().map_or_else(|| row.to_string(), |groups| groups[row].clone());
            let at = *position.entry(name.clone()).or_insert(groups.len());
            if at == groups.len() {
                groups.push((name, Vec::new()));
            }
            groups[at].1.push(row);
        }
        groups
    }

    /// `rows` in `count` parts of nearly equal size, drawn from `seed`; the rows of a group stay in one part.
    #[must_use]
    pub(crate) fn parts(&self, rows: &[usize], count: usize, seed: u64) -> Vec<Vec<usize>> {
        let mut groups = self.grouped(rows.iter().copied());
        groups.sort_unstable();
        shuffle(&mut groups, &mut stream(seed, Purpose::Choice, 2, 0));
        let mut parts = vec![Vec::new(); count];
        for (_, group) in groups {
            if let Some(smallest) = parts.iter_mut().min_by_key(|part| part.len()) {
                smallest.extend(group);
            }
        }
        parts
    }

    fn refuse(&self, expected: &str, found: String) -> DataError {
        let remedy = "correct [data] of the recipe";
        DataError::new(FaultKind::Split, Place::file(&self.path), expected, found, remedy)
    }
}

/// Fold `number` judges, the next one that exists chooses, the others teach.
fn by_fold(folds: &[u64], number: u64) -> Split {
    let there: Vec<u64> = folds.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let at = there.iter().position(|&fold| fold == number).unwrap_or(0);
    let tune = there[(at + 1) % there.len()];
    let mut split = Split::default();
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
    split
}
