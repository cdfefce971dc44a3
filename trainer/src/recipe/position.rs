//! From a key, or a byte of the text, to line and column and back to the key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Every key of a recipe with the bytes it and its value take.
pub(super) struct Positions<'a> {
    text: &'a str,
    entries: Vec<Entry>,
}

struct Entry {
    key: String,
    name: Range<usize>,
    value: Range<usize>,
    /// An integer that is none of 64 bits.
    is_too_large: bool,
}

impl<'a> Positions<'a> {
    /// Walks the text; a text that is not TOML has no keys.
    pub(super) fn of(text: &'a str) -> Self {
        let mut entries = Vec::new();
        if let Ok(table) = DeTable::parse(text) {
            walk(table.get_ref(), "", &mut entries);
        }
        Self { text, entries }
    }

    /// The first key with an integer that TOML cannot hold, and the integer as it was written. The reader would blame
    /// whatever key stands near.
    pub(super) fn too_large(&self) -> Option<(&str, &str)> {
        let entry = self.entries.iter().find(|entry| entry.is_too_large)?;
        Some((&entry.key, self.text.get(entry.value.clone()).unwrap_or_default()))
    }

    /// Bytes of the value of a key; of the nearest table around it when the key was not written.
    pub(super) fn value_of(&self, key: &str) -> Range<usize> {
        let mut key = key;
        loop {
            if let Some(entry) = self.entries.iter().find(|entry| entry.key == key) {
                return entry.value.clone();
            }
            match key.rfind(['.', '[']) {
                Some(end) => key = &key[..end],
                None => return 0..0,
            }
        }
    }

    /// Bytes of the name of a key; of the nearest table around it when the key was not written.
    pub(super) fn name_of(&self, key: &str) -> Range<usize> {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map_or_else(|| self.value_of(key), |entry| entry.name.clone())
    }

    /// Key whose name or value is the innermost around these bytes, of equal ones the deepest; empty when there is none.
    pub(super) fn key_at(&self, span: &Range<usize>) -> String {
        let holds = |range: &Range<usize>| range.start <= span.start && span.end <= range.end;
        self.entries
            .iter()
            .filter_map(|entry| {
                let around =
                    [&entry.name, &entry.value].into_iter().filter(|range| holds(range)).map(|range| range.len()).min();
                around.map(|length| (length, &entry.key))
            })
            .min_by_key(|&(length, key)| (length, std::cmp::Reverse(key.len())))
            .map_or_else(String::new, |(_, key)| key.clone())
    }

    /// Line and column of a byte, both counted from 1, the column in characters.
    pub(super) fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

impl Entry {
    fn new(key: &str, name: Range<usize>, value: &Spanned<DeValue<'_>>) -> Self {
        let is_too_large = match value.get_ref() {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).is_err(),
            _ => false,
        };
        Self { key: key.to_owned(), name, value: value.span(), is_too_large }
    }
}

fn walk(table: &DeTable<'_>, prefix: &str, entries: &mut Vec<Entry>) {
    for (name, value) in table.iter() {
        let key = if prefix.is_empty() { name.get_ref().to_string() } else { format!("{prefix}.{}", name.get_ref()) };
        entries.push(Entry::new(&key, name.span(), value));
        walk_value(value, &key, entries);
    }
}

fn walk_value(value: &Spanned<DeValue<'_>>, key: &str, entries: &mut Vec<Entry>) {
    match value.get_ref() {
        DeValue::Table(table) => walk(table, key, entries),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let key = format!("{key}[{index}]");
                entries.push(Entry::new(&key, item.span(), item));
                walk_value(item, &key, entries);
            }
        }
        _ => {}
    }
}
