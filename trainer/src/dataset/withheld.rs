//! Columns that no network may see: those that a recipe names as the answer or as the origin of a row.
//!
//! Patterns leave them out. A pattern that names only such columns is refused, so that nobody trains on the answer by
//! accident.

use super::error::{DataError, FaultKind, Place};

/// The information that a column reveals about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The answer itself.
    Label,
    /// The part of the split to which the row belongs.
    Fold,
    /// The rows that belong together.
    Group,
    /// The identity of the row.
    Id,
}

impl Role {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Label => ("the label", "a network that sees the label repeats it and learns nothing else"),
            Self::Fold => ("the fold", "a fold says where a row is judged, which no new row has"),
            Self::Group => {
                ("the group", "a group says where a row comes from, which tells its label and no new row has")
            }
            Self::Id => ("the id", "an id says which row it is, which no new row has"),
        }
    }
}

/// A column, by name or pattern, that is not an input of any network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The column as the recipe names it.
    pub column: String,
    /// Its role.
    pub role: Role,
}

impl Withheld {
    /// The columns that are named.
    pub(crate) fn all<'a>(named: impl IntoIterator<Item = (Role, Option<&'a str>)>) -> Vec<Self> {
        let one = |(role, column): (Role, Option<&str>)| Some(Self { column: column?.to_owned(), role });
        named.into_iter().filter_map(one).collect()
    }
}

/// The error for a pattern under `key` that names a withheld column and no other.
pub(crate) fn refused(place: Place, role: Role, key: &str) -> DataError {
    let (found, reason) = role.words();
    let remedy = format!("take it out of {key}: {reason}");
    DataError::new(FaultKind::Leak, place, "a column to learn from", found, remedy)
}
