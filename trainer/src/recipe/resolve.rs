//! From a recipe back to text, every default written out.

use serde::{Serialize, Serializer};
use toml::{Table, Value as Toml};

use super::Recipe;
use super::section::{self, Section};
use crate::method::Chosen;

/// Entries of a table, written in their order.
struct Ordered(Vec<(&'static str, Toml)>);

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        section::serialize(&self.0, serializer)
    }
}

/// A recipe as it is written; what is empty is left out.
#[derive(Serialize)]
struct Written<'a> {
    data: Ordered,
    teacher: Vec<Ordered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cotrain: Option<Ordered>,
    #[serde(skip_serializing_if = "Option::is_none")]
    masks: Option<Ordered>,
    student: Ordered,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rows: &'a [Chosen],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    target: &'a [Chosen],
    objective: &'a Chosen,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    link: &'a [Chosen],
    quantize: Ordered,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Ordered>,
    report: Ordered,
}

impl Serialize for Recipe {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written {
            data: Ordered(self.data.entries()),
            teacher: self.teacher.iter().map(|teacher| Ordered(teacher.entries(self.cotrain.is_some()))).collect(),
            cotrain: self.cotrain.as_ref().map(|cotrain| Ordered(cotrain.entries())),
            masks: self.masks.as_ref().map(|masks| Ordered(masks.entries())),
            student: Ordered(self.student.entries()),
            rows: &self.rows,
            target: &self.target,
            objective: &self.objective,
            link: &self.link,
            quantize: Ordered(self.quantize.entries()),
            budget: self.budget.as_ref().map(|budget| Ordered(budget.entries())),
            report: Ordered(self.report.entries()),
        }
        .serialize(serializer)
    }
}

impl Recipe {
    /// The recipe as TOML with every default written out; it loads back to the same recipe.
    #[must_use]
    pub fn resolved(&self) -> String {
        // Serialising fails for maps with other keys than strings, and a recipe has none.
        toml::to_string(self).unwrap_or_default()
    }

    /// The recipe as a table, for the differences between two.
    #[must_use]
    pub fn table(&self) -> Table {
        Table::try_from(self).unwrap_or_default()
    }
}

impl Recipe {
    /// What another recipe says differently: its sections and keys that are not this one's, as TOML. A key that the other has
    /// not is `"(left out)"`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let changes = changes(&self.table(), &other.table());
        toml::to_string(&changes).unwrap_or_default()
    }
}

/// Entries of `to` that are not in `from`; tables are compared key by key.
fn changes(from: &Table, to: &Table) -> Table {
    let mut changes = Table::new();
    for (key, value) in to {
        match (from.get(key), value) {
            (Some(before), after) if before == after => {}
            (Some(Toml::Table(before)), Toml::Table(after)) => {
                changes.insert(key.clone(), Toml::Table(self::changes(before, after)));
            }
            _ => {
                changes.insert(key.clone(), value.clone());
            }
        }
    }
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        changes.insert(key.clone(), Toml::String("(left out)".to_owned()));
    }
    changes
}
