//! Methods of distillation that a recipe chooses by name: one file each, with its keys, its meaning and what it needs.
//!
//! | point | section | what it decides |
//! |---|---|---|
//! | [`Point::Rows`] | `[[rows]]` | what happens to the student's rows while it trains |
//! | [`Point::Target`] | `[[target]]` | what the teachers' answers become; first a mixer, then shapers |
//! | [`Point::Objective`] | `[objective]` | the loss between student, target and label |
//! | [`Point::Link`] | `[[link]]` | losses over pairs of rows or on hidden layers |
//!
//! `eyas methods` prints [`METHODS`]; `docs/METHODS.md` is the same text.

pub mod book;
pub mod link;
mod needs;
pub mod objective;
pub mod rows;
pub mod target;

use std::fmt;

use serde::{Serialize, Serializer};
use toml::{Table, Value as Toml};

pub use needs::Needs;

use crate::recipe::section::{Key, Reader, Section};
use crate::recipe::value::Fault;

/// Where a method acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// The student's rows while it trains.
    Rows,
    /// Rows or labels that the data does not have yet.
    Acquire,
    /// What a row is taught.
    Target,
    /// The loss of a row.
    Objective,
    /// Losses between rows, or on hidden layers.
    Link,
    /// The student's last layer.
    Head,
    /// The choice of a recipe.
    Search,
    /// What is measured and may stop a run.
    Audit,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 8] =
        [Self::Rows, Self::Acquire, Self::Target, Self::Objective, Self::Link, Self::Head, Self::Search, Self::Audit];

    /// The name of its section in a recipe.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Acquire => "acquire",
            Self::Target => "target",
            Self::Objective => "objective",
            Self::Link => "link",
            Self::Head => "head",
            Self::Search => "search",
            Self::Audit => "audit",
        }
    }

    /// Whether a recipe may choose several methods.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Rows | Self::Acquire | Self::Target | Self::Link | Self::Audit)
    }
}

/// A method.
pub struct Method {
    /// Where it acts.
    pub point: Point,
    /// Its name in a recipe.
    pub kind: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Formula, source, when to use it, and its trap, as Markdown.
    pub text: &'static str,
    /// What it cannot do without.
    pub needs: Needs,
    /// Its keys, in order.
    pub keys: fn() -> Vec<&'static Key>,
    /// A small recipe that uses it.
    pub example: &'static str,
    /// Whether it is a mixer: it makes one target of several teachers' answers.
    pub mixes: bool,
    /// Reads its keys and fills in the defaults.
    pub(crate) read: fn(&Reader<'_>) -> Result<Table, Fault>,
}

impl Method {
    /// Its keys without those that only another task than its own has.
    #[must_use]
    pub fn keys_in_use(&self) -> Vec<&'static Key> {
        let foreign = |key: &Key| key.task.is_some() && self.needs.task.is_some() && key.task != self.needs.task;
        (self.keys)().into_iter().filter(|key| !foreign(key)).collect()
    }
}

/// The reader of a method whose keys are `T`.
pub(crate) fn read<T: Section>(from: &Reader<'_>) -> Result<Table, Fault> {
    T::read(from).map(|section| section.table())
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        (self.point, self.kind) == (other.point, other.kind)
    }
}

impl Eq for Method {}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.point.section(), self.kind)
    }
}

/// A method in a recipe: its keys are checked, and every default is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// Which one.
    pub method: &'static Method,
    /// Its keys with their values.
    pub keys: Table,
}

impl Chosen {
    /// A method with values for its keys.
    #[must_use]
    pub fn new<T: Section>(method: &'static Method, keys: &T) -> Self {
        Self { method, keys: keys.table() }
    }

    /// Its keys as the section of its file.
    #[must_use]
    pub fn read<T: Section>(&self) -> T {
        T::filled(&self.keys)
    }

    /// Whether it is this method.
    #[must_use]
    pub fn is(&self, method: &Method) -> bool {
        self.method == method
    }

    /// `kind` and every key with its value, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, Toml)> {
        let kind = ("kind", Toml::String(self.method.kind.to_owned()));
        let keys =
            (self.method.keys)().into_iter().filter_map(|key| Some((key.name, self.keys.get(key.name)?.clone())));
        std::iter::once(kind).chain(keys).collect()
    }
}

impl Serialize for Chosen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::recipe::section::serialize(&self.entries(), serializer)
    }
}

/// Every method, by point.
pub static METHODS: &[&Method] = &[
    &rows::noise::METHOD,
    &rows::word_dropout::METHOD,
    &target::mean::METHOD,
    &target::best_on_tune::METHOD,
    &target::router::METHOD,
    &target::random::METHOD,
    &target::margin::METHOD,
    &objective::kl::METHOD,
    &objective::mse::METHOD,
    &objective::huber::METHOD,
    &objective::mae::METHOD,
    &link::edges::METHOD,
    &link::embedding::METHOD,
    &link::contrast::METHOD,
];

/// Methods of a point.
pub fn at(point: Point) -> impl Iterator<Item = &'static Method> {
    METHODS.iter().copied().filter(move |method| method.point == point)
}
