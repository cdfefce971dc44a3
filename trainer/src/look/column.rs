//! What a column holds, and what part it plays: a person's first look at a table.

use std::collections::HashSet;

use serde::Serialize;

use super::raw::{Raw, RawColumn};

/// Different values that are counted.
const COUNTED: usize = 100_000;
/// Share of missing cells beyond which a column is left out rather than its rows.
const MOSTLY_THERE: f64 = 0.3;
/// Rows from which on a new word in every second row is an id.
const ENOUGH_ROWS: usize = 20;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// 0 and 1, or true and false.
    Flags,
    /// Whole numbers.
    Whole,
    /// Numbers.
    Numbers,
    /// Words.
    Words,
    /// Nothing at all.
    Empty,
}

/// The part that a column plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// What is learnt.
    Label,
    /// Numbers of folds.
    Fold,
    /// What belongs together.
    Group,
    /// When.
    Time,
    /// Which row.
    Id,
    /// Too many words.
    Text,
    /// The same everywhere.
    Constant,
    /// Another column once more.
    Duplicate,
    /// More gaps than values.
    Sparse,
    /// The answer in another form.
    Leak,
    /// A name that no pattern reaches.
    Reserved,
    /// What networks see.
    Input,
}

/// A column, or all columns of an array.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Its name in a recipe.
    pub name: String,
    /// How many columns: more than one of an array.
    pub columns: usize,
    /// What its cells are.
    pub kind: Kind,
    /// Share of cells that are missing.
    pub missing: f64,
    /// Different values, as far as they were counted; of an array those of its first column.
    pub different: usize,
    /// Least and greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// A few of its words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// The part it plays.
    pub part: Part,
    /// Why, where it is no input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Column {
    /// Looks at the columns of one name.
    pub(super) fn of(raw: &Raw, columns: &[&RawColumn]) -> Self {
        let (mut missing, mut whole, mut flags, mut range) = (0, true, true, None::<(f64, f64)>);
        let mut different = HashSet::new();
        for (at, column) in columns.iter().enumerate() {
            for row in 0..raw.rows {
                let value = raw.real(column, row);
                if value.is_nan() {
                    missing += 1;
                    continue;
                }
                whole &= value.fract() == 0.0;
                flags &= value == 0.0 || value == 1.0;
                let (least, most) = range.unwrap_or((value, value));
                range = Some((least.min(value), most.max(value)));
                if at == 0 && different.len() < COUNTED {
                    different.insert((value + 0.0).to_bits());
                }
            }
        }
        let words = columns[0].words();
        let kind = match (range, words.is_empty()) {
            (None, _) => Kind::Empty,
            (_, false) => Kind::Words,
            _ if flags => Kind::Flags,
            _ if whole => Kind::Whole,
            _ => Kind::Numbers,
        };
        let mut shown: Vec<String> = words.iter().take(64).cloned().collect();
        shown.sort_unstable();
        shown.truncate(4);
        Self {
            name: columns[0].base.clone(),
            columns: columns.len(),
            kind,
            missing: missing as f64 / (raw.rows * columns.len()).max(1) as f64,
            different: different.len(),
            range: range.filter(|_| words.is_empty()),
            words: shown,
            part: Part::Input,
            why: None,
        }
    }

    /// Whether its values name classes: a few, each more than once.
    pub(super) fn is_categorical(&self, rows: usize) -> bool {
        let most = if self.kind == Kind::Words { crate::dataset::MAX_CATEGORIES } else { 20 };
        let again = if self.kind == Kind::Words { 2 } else { 5 };
        let few = (2..=most).contains(&self.different) && again * self.different <= rows;
        self.columns == 1 && few && self.kind != Kind::Numbers
    }

    /// Gives the column its part.
    pub(super) fn plays(&mut self, part: Part, why: impl Into<String>) {
        self.part = part;
        self.why = Some(why.into());
    }

    /// The part that its name and its values suggest, with the reason.
    pub(super) fn suggested(&self, raw: &Raw, column: &RawColumn) -> Option<(Part, String)> {
        let said = |part, why: &str| Some((part, why.to_owned()));
        if self.kind == Kind::Empty {
            return said(Part::Sparse, "no value at all");
        }
        if self.columns > 1 {
            return None;
        }
        let name = self.name.to_ascii_lowercase();
        let tokens: Vec<&str> = name.split(|letter: char| !letter.is_alphanumeric()).collect();
        let has = |words: &[&str]| tokens.iter().any(|token| words.contains(token));
        let unique = self.different as f64 >= 0.95 * (1.0 - self.missing) * raw.rows as f64 && raw.rows >= 3;
        let again = self.different >= 2 && 2 * self.different <= raw.rows;
        if has(&["fold", "folds", "cvfold"]) && self.kind != Kind::Words && self.kind != Kind::Numbers {
            return match (3..=raw.rows / 3).contains(&self.different) {
                true => Some((Part::Fold, format!("{} folds", self.different))),
                false => said(Part::Reserved, "a fold by its name, but not three folds or more"),
            };
        }
        if self.kind == Kind::Words && self.words.first().is_some_and(|word| is_moment(word)) {
            return said(Part::Time, "dates or times as text");
        }
        if self.kind != Kind::Words && has(TIMES) && rises(raw, column) {
            return said(Part::Time, "numbers that rise with the rows");
        }
        if has(GROUPS) && again {
            return Some((Part::Group, format!("{} values that come again", self.different)));
        }
        let whole = matches!(self.kind, Kind::Whole | Kind::Words);
        if whole && unique && (has(IDS) || name.is_empty() || counts(raw, column)) {
            return said(Part::Id, "another value in every row");
        }
        if counts(raw, column) {
            return said(Part::Reserved, "it counts the rows");
        }
        if whole && has(&["id", "uuid"]) {
            return if again {
                said(Part::Group, "an id that comes again")
            } else {
                said(Part::Id, "an id by its name")
            };
        }
        let many = self.different > crate::dataset::MAX_CATEGORIES;
        if self.kind == Kind::Words && (many || (raw.rows >= ENOUGH_ROWS && 2 * self.different > raw.rows)) {
            return Some((Part::Text, format!("{} different words", self.different)));
        }
        if self.name == "split" {
            return said(Part::Reserved, "parts by name are for graphs; number them from 0 in a column `fold`");
        }
        if crate::dataset::RESERVED_COLUMNS.contains(&self.name.as_str()) {
            return said(Part::Reserved, "a name that patterns leave out");
        }
        if self.different == 1 {
            return said(Part::Constant, "one value in all rows");
        }
        (self.missing > MOSTLY_THERE)
            .then(|| (Part::Sparse, format!("{:.0} % of its cells are missing", 100.0 * self.missing)))
    }
}

const TIMES: &[&str] = &["time", "timestamp", "datetime", "date", "moment", "t", "epoch", "step", "seconds", "ms"];
const IDS: &[&str] = &["id", "uuid", "guid", "index", "idx", "row", "no", "nr", "number", "key", "reading"];
/// Names of what belongs together, the larger unit first.
const GROUPS: &[&str] = &[
    "group",
    "subject",
    "person",
    "people",
    "user",
    "participant",
    "patient",
    "speaker",
    "driver",
    "animal",
    "device",
    "mote",
    "sensor",
    "machine",
    "site",
    "station",
    "recording",
    "session",
    "trial",
    "run",
    "execution",
    "experiment",
    "batch",
    "block",
];

/// How large a unit a group is by its name, 0 for the largest.
pub(super) fn rank(name: &str) -> usize {
    let name = name.to_ascii_lowercase();
    let is_token = |group: &&str| name.split(|letter: char| !letter.is_alphanumeric()).any(|token| token == *group);
    GROUPS.iter().position(is_token).unwrap_or(GROUPS.len())
}

/// Whether a text begins like a date or a time of day.
fn is_moment(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', '/', '.', ':', 'T', ' ', 'Z']).collect();
    let digits = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() >= 3 && parts.iter().take(3).all(digits) && text.contains(['-', '/', '.', ':'])
}

/// Whether values never fall from row to row, and rise.
fn rises(raw: &Raw, column: &RawColumn) -> bool {
    let values: Vec<f64> = raw.reals(column).into_iter().filter(|value| !value.is_nan()).collect();
    values.windows(2).all(|pair| pair[1] >= pair[0]) && values.first() < values.last()
}

/// Whether nearly each row's value is the one before it plus 1, as in a column that counts rows, perhaps file by file.
fn counts(raw: &Raw, column: &RawColumn) -> bool {
    let steps = raw.reals(column).windows(2).filter(|pair| pair[1] == pair[0] + 1.0).count();
    column.words().is_empty() && raw.rows > 10 && 20 * steps >= 19 * (raw.rows - 1)
}

#[cfg(test)]
mod tests {
    use super::is_moment;

    #[test]
    fn dates_and_times_are_moments() {
        for text in ["22-12-2017", "2013-03-01 10:00", "10:49:41", "1.2.2020", "2020/01/31", "2013-03-01T10:00:00Z"] {
            assert!(is_moment(text), "{text}");
        }
        for text in ["red", "A-1-2", "1.5", "v1.2.3", "12", "123456-1-1"] {
            assert!(!is_moment(text), "{text}");
        }
    }
}
