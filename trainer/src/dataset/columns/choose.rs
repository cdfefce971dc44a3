//! From patterns to columns, for the inputs of a network without what is withheld.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::{Column, ColumnTable};
use crate::dataset::RESERVED_COLUMNS;
use crate::dataset::error::{DataError, FaultKind, Place, quoted};
use crate::dataset::limits::MAX_INPUTS;
use crate::dataset::npz::too_large;
use crate::dataset::withheld::{self, Withheld};
use crate::output::counted;

impl ColumnTable {
    /// Positions of the columns that `patterns` name, in the order of the patterns; a column named twice counts once.
    ///
    /// # Errors
    /// A pattern without a column: the nearest names are told.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<usize>, DataError> {
        let (mut chosen, mut taken) = (Vec::new(), HashSet::new());
        for pattern in patterns {
            let found = self.matching(pattern)?;
            if found.is_empty() {
                return Err(self.missing(pattern));
            }
            chosen.extend(found.into_iter().filter(|&at| taken.insert(at)));
        }
        self.few_enough(chosen)
    }

    /// As [`select`](Self::select), for the inputs of a network: without what is withheld, and with one column a word of a
    /// column of words. `key` is where the patterns stand.
    ///
    /// # Errors
    /// Also [`FaultKind::Categories`] for a column of too many words, and [`FaultKind::Leak`] for a pattern that names nothing but withheld columns.
    pub fn inputs(&mut self, key: &str, patterns: &[String], withheld: &[Withheld]) -> Result<Vec<usize>, DataError> {
        let mut roles = BTreeMap::new();
        for Withheld { column, role } in withheld {
            self.matching(column)?.into_iter().for_each(|at| _ = roles.entry(at).or_insert(*role));
        }
        let (mut chosen, mut taken) = (Vec::new(), HashSet::new());
        for pattern in patterns {
            let mut found = self.matching(pattern)?;
            if found.is_empty() {
                found.extend(self.named_word(pattern)?);
            }
            let Some(&first) = found.first() else { return Err(self.missing(pattern)) };
            let named = |column: &Column| column.name == *pattern || column.base == *pattern;
            let reserved = |column: &Column| RESERVED_COLUMNS.contains(&column.base.as_str()) && !named(column);
            let role = |at: usize| roles.get(&self.stored(at)).copied();
            let is_input = |at: &usize| role(*at).is_none() && !reserved(&self.columns[*at]);
            let seen: Vec<usize> = found.iter().copied().filter(is_input).collect();
            if seen.is_empty() {
                let place = |at: usize| Place::array(&self.path, &self.columns[at].name);
                return Err(match found.iter().find_map(|&at| Some((at, role(at)?))) {
                    Some((at, role)) => withheld::refused(place(at), role, key),
                    None => {
                        let remedy = "name the column in full if it is an input";
                        let found = format!("none that {} names in full", quoted(pattern));
                        DataError::new(FaultKind::Leak, place(first), "a column to learn from", found, remedy)
                    }
                });
            }
            for at in seen {
                chosen.extend(self.encoded(at)?.into_iter().filter(|&at| taken.insert(at)));
            }
        }
        self.few_enough(chosen)
    }

    fn few_enough(&self, chosen: Vec<usize>) -> Result<Vec<usize>, DataError> {
        if chosen.len() as u64 > MAX_INPUTS {
            return Err(too_large(Place::file(&self.path), format!("{} columns", chosen.len()), MAX_INPUTS));
        }
        Ok(chosen)
    }

    fn matching(&self, pattern: &str) -> Result<Vec<usize>, DataError> {
        let all = |wanted: &dyn Fn(&Column) -> bool| {
            let own = self.columns[..self.own].iter().enumerate();
            own.filter(|(_, column)| wanted(column)).map(|(at, _)| at).collect::<Vec<_>>()
        };
        let exact = all(&|column| column.name == pattern || column.base == pattern);
        if !exact.is_empty() {
            return Ok(exact);
        }
        if let Some((from, to)) = pattern.split_once("..") {
            let position = |name: &str| self.columns[..self.own].iter().position(|column| column.name == name.trim());
            let (Some(from), Some(to)) = (position(from), position(to)) else { return Ok(Vec::new()) };
            return Ok((from..=to).collect());
        }
        if let Some(start) = pattern.strip_suffix('*') {
            return Ok(all(&|column| column.name.starts_with(start)));
        }
        let Some((base, places)) = pattern.strip_suffix(']').and_then(|pattern| pattern.split_once('[')) else {
            return Ok(Vec::new());
        };
        let ranges: Option<Vec<Range<usize>>> = places.split(',').map(|part| range(part.trim())).collect();
        let ranges = ranges.ok_or_else(|| {
            DataError::new(
                FaultKind::Layout,
                Place::file(&self.path),
                "places such as [0:8, 4], [:, 0:4]",
                quoted(pattern),
                "write half-open ranges as in numpy, without steps",
            )
        })?;
        Ok(all(&|column| {
            column.base == base
                && column.at.len() == ranges.len()
                && column.at.iter().zip(&ranges).all(|(at, range)| range.contains(at))
        }))
    }

    fn missing(&self, pattern: &str) -> DataError {
        let mut names: Vec<&str> = self.columns[..self.own].iter().map(|column| column.base.as_str()).collect();
        names.dedup();
        names.sort_by_cached_key(|name| strsim::damerau_levenshtein(name, pattern));
        let nearest = names.iter().take(4).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        DataError::new(
            FaultKind::Layout,
            Place::file(&self.path),
            format!("a column {}", quoted(pattern)),
            format!("{}, the nearest {nearest}", counted(self.own, "column", "columns")),
            "correct the name in [data] of the recipe",
        )
    }
}

/// `3`, `2:5`, `:4`, `3:` or `:`.
fn range(text: &str) -> Option<Range<usize>> {
    let bound = |text: &str, default: usize| if text.is_empty() { Some(default) } else { text.trim().parse().ok() };
    match text.split_once(':') {
        Some((from, to)) => Some(bound(from, 0)?..bound(to, usize::MAX)?),
        None => text.parse().ok().map(|at: usize| at..at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn table(text: &[u8]) -> (tempfile::NamedTempFile, ColumnTable) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let table = ColumnTable::load(file.path()).unwrap();
        (file, table)
    }

    #[test]
    fn patterns_choose_columns_and_cells_are_named() {
        let (_file, table) = table(b"id,acc_x,acc_y,light,label\na,1,2,3,on\nb,4,5,x,off\n");
        let names = |patterns: &[&str]| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            table.select(&patterns).map(|columns| table.names(&columns))
        };
        assert_eq!(names(&["acc_*"]).unwrap(), ["acc_x", "acc_y"]);
        assert_eq!(names(&["light", "acc_x..light"]).unwrap(), ["light", "acc_x", "acc_y"]);
        assert!(names(&["acc_z"]).unwrap_err().to_string().contains("acc_"));
        assert_eq!(table.texts("label").unwrap(), ["on", "off"]);
        let light = table.select(&["light".to_owned()]).unwrap();
        let error = table.values(&light).unwrap_err().to_string();
        assert!(error.contains('3') && error.contains("light"), "{error}");
    }

    /// Every pattern over a table in which each second column is withheld or reserved: all ranges, prefixes and names.
    #[test]
    fn no_pattern_reaches_a_withheld_column() {
        use crate::dataset::Role;
        let header = ["y", "acc_x", "fold", "acc_y", "who", "acc_z", "id", "y2"];
        let (_file, mut table) = table(format!("{}\n1,2,3,4,5,6,7,8\n", header.join(",")).as_bytes());
        let roles = [(Role::Label, "y"), (Role::Fold, "fold"), (Role::Group, "who")];
        let withheld = Withheld::all(roles.map(|(role, column)| (role, Some(column))));
        let mut names = |pattern: &str| {
            let columns = table.inputs("student_columns", &[pattern.to_owned()], &withheld)?;
            Ok::<_, DataError>(table.names(&columns))
        };
        assert_eq!(names("*").unwrap(), ["acc_x", "acc_y", "acc_z", "y2"]);
        assert_eq!(names("y..acc_y").unwrap(), ["acc_x", "acc_y"]);
        // Who wants the id all the same says so; it has no role here.
        assert_eq!(names("id").unwrap(), ["id"]);
        for (column, words) in
            [("y", "the label"), ("fold", "the fold"), ("who", "the group"), ("fold..fold", "the fold")]
        {
            let error = names(column).unwrap_err();
            assert_eq!(error.kind(), FaultKind::Leak);
            let text = error.to_string();
            assert!(text.contains(words) && text.contains("take it out of student_columns"), "{text}");
        }
        assert!(names("i*").unwrap_err().to_string().contains("name the column in full"));
        assert!(names("z*").unwrap_err().to_string().contains("a column `z*`"));
        let ranges = header.iter().flat_map(|from| header.map(|to| format!("{from}..{to}")));
        let prefixes = header.iter().flat_map(|name| (0..=name.len()).map(|end| format!("{}*", &name[..end])));
        let mut reached = 0;
        for pattern in ranges.chain(prefixes) {
            let Ok(names) = names(&pattern) else { continue };
            reached += names.len();
            assert!(names.iter().all(|name| name.starts_with("acc_") || name == "y2"), "{pattern}: {names:?}");
        }
        assert!(reached > 60, "{reached} columns reached");
    }

    #[test]
    fn places_of_an_array_are_ranges() {
        assert_eq!(range("3"), Some(3..4));
        assert_eq!(range("2:5"), Some(2..5));
        assert_eq!(range(":"), Some(0..usize::MAX));
        assert_eq!(range("a"), None);
    }
}
