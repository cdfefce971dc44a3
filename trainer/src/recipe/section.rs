//! A section of a recipe from one definition: the struct, its defaults, its ranges, its keys and their documentation.

use toml::{Table, Value as Toml};

use super::data::{DataKind, Task};
use super::error::RecipeFault;
use super::rule::Rule;
use super::value::{Fault, Value, nearest};

/// What a default may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Which form of a default counts: a graph's or a table's.
    pub kind: DataKind,
    /// What is learnt.
    pub task: Task,
}

impl Default for Context {
    fn default() -> Self {
        Self { kind: DataKind::Table, task: Task::Classify }
    }
}

/// A key as documentation prints it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it does; lines as they stand above the definition.
    pub doc: &'static str,
    /// Its default on a graph, as TOML; `none` for a key that stays unset, `needed` for one that must be given.
    pub graph: &'static str,
    /// Its default on a table.
    pub table: &'static str,
    /// Its range.
    pub rule: Rule,
    /// The choice it belongs to, in the words of the recipe.
    pub needs: Option<&'static str>,
    /// The only task it has a meaning for.
    pub task: Option<Task>,
    /// Its type in words.
    pub words: fn() -> String,
}

impl Key {
    /// Its default for this kind of data.
    #[must_use]
    pub const fn default_of(&self, kind: DataKind) -> &'static str {
        match kind {
            DataKind::Graph => self.graph,
            DataKind::Table => self.table,
        }
    }

    /// Its default as text: one value, or both kinds'.
    #[must_use]
    pub fn default_text(&self) -> String {
        if self.graph == self.table {
            self.graph.to_owned()
        } else {
            format!("{} on a graph, {} on a table", self.graph, self.table)
        }
    }

    /// Its type and range as text.
    #[must_use]
    pub fn range_text(&self) -> String {
        let rule = self.rule.to_string();
        if rule.is_empty() { (self.words)() } else { rule }
    }

    /// What it does, in one paragraph.
    #[must_use]
    pub fn doc_text(&self) -> String {
        self.doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
    }
}

/// A table that becomes a section.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The table as it was written.
    pub table: &'a Table,
    /// What defaults depend on.
    pub context: Context,
}

/// A struct that `section!` made.
pub trait Section: Sized + Clone {
    /// Every key, in the order of the definition.
    fn keys() -> Vec<&'static Key>;

    /// Reads its keys from a table that may hold others too.
    ///
    /// # Errors
    /// [`Fault`] for a value that is missing, of another type, out of range, or of no use.
    fn read_keys(from: &Reader<'_>) -> Result<Self, Fault>;

    /// Takes the values of a table that [`Section::table`] made; a key that is not there is unset.
    fn filled(table: &Table) -> Self;

    /// Keys with their values, every default written out, in the order of the definition.
    fn entries(&self) -> Vec<(&'static str, Toml)>;

    /// Reads a whole table.
    ///
    /// # Errors
    /// As [`Section::read_keys`], and for a key that does not exist.
    fn read(from: &Reader<'_>) -> Result<Self, Fault> {
        from.known(&Self::keys())?;
        Self::read_keys(from)
    }

    /// [`Section::entries`] as a table.
    fn table(&self) -> Table {
        self.entries().into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Reader<'_> {
    /// Whether the key was written.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Every key of the table exists; `kind` belongs to who reads the table.
    pub(crate) fn known(&self, keys: &[&Key]) -> Result<(), Fault> {
        let names = || keys.iter().map(|key| key.name);
        match self.table.keys().find(|found| names().all(|name| name != found.as_str())) {
            None => Ok(()),
            Some(found) => Err(unknown(found, names())),
        }
    }

    /// The value of a key: what was written, else its default.
    pub(crate) fn value<T: Value>(&self, key: &Key) -> Result<T, Fault> {
        let place = format!(".{}", key.name);
        match self.table.get(key.name) {
            Some(written) => {
                let value = T::read(written, self.context).map_err(|fault| fault.inside(&place))?;
                value.check(&key.rule).map_err(|fault| fault.inside(&place))?;
                Ok(value)
            }
            None => Ok(default_value(key, self.context)),
        }
    }

    /// Whether a key that belongs to one choice counts here; written where it does not, it is refused.
    pub(crate) fn counts(&self, key: &Key, chosen: bool) -> Result<bool, Fault> {
        let task = key.task.filter(|task| *task != self.context.task).map(|task| format!("task = \"{}\"", task.word()));
        let missing = if chosen { task } else { key.needs.map(str::to_owned) };
        match missing {
            Some(needs) if self.has(key.name) => Err(idle(&needs).inside(&format!(".{}", key.name))),
            Some(_) => Ok(false),
            None if key.default_of(self.context.kind) == "needed" && !self.has(key.name) => {
                let message = format!("expected {}, found none", (key.words)());
                Err(Fault::new(RecipeFault::MissingKey, message, "add the key").inside(&format!(".{}", key.name)))
            }
            None => Ok(true),
        }
    }
}

/// A key that has nothing to do.
pub(crate) fn idle(needs: &str) -> Fault {
    Fault::new(RecipeFault::Combination, format!("the key does nothing without {needs}"), "remove it")
}

/// A key that does not exist among `names`.
pub(crate) fn unknown<'a>(found: &str, names: impl Iterator<Item = &'a str> + Clone) -> Fault {
    let list: Vec<&str> = names.clone().collect();
    let message = match list.as_slice() {
        [] => "the key does not exist; there are none here".to_owned(),
        list => format!("the key does not exist; there are {}", super::value::one_of(list).replace(" or ", " and ")),
    };
    Fault::new(RecipeFault::UnknownKey, message, nearest(found, names)).inside(&format!(".{found}"))
}

/// The default of a key as its type; the tests read every one.
fn default_value<T: Value>(key: &Key, context: Context) -> T {
    let text = key.default_of(context.kind);
    if matches!(text, "none" | "needed") {
        return T::absent();
    }
    let parsed = format!("value = {text}").parse::<Table>();
    let value = parsed.ok().and_then(|table| T::read(table.get("value")?, context).ok());
    debug_assert!(value.is_some(), "{} = {text}", key.name);
    value.unwrap_or_else(T::absent)
}

/// Whether a condition holds; gives the closure its argument's type.
pub(crate) fn holds<S>(section: &S, condition: impl Fn(&S) -> bool) -> bool {
    condition(section)
}

/// Serialises the entries of a section in their order.
pub(crate) fn serialize<S: serde::Serializer>(entries: &[(&'static str, Toml)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(entries.iter().map(|(name, value)| (name, value)))
}

/// Defines a section.
///
/// A key is `name: type = default, rule => "choice" if condition;` where the default is one TOML value, `none` (stays unset)
/// or `needed` (must be given), or two: a graph's `|` a table's. `for Classify` behind it ties the key to a task. A key with a
/// condition is refused where the condition does not hold, and then is neither filled in nor written.
macro_rules! section {
    (
        $(#[$meta:meta])*
        pub struct $name:ident $(with $part:ident: $part_type:ty)? {
            $(
                $(#[doc = $doc:literal])*
                $key:ident: $type:ty = $graph:tt $(| $table:tt)? $(for $task:ident)? $(, $rule:expr)? $(=> $needs:literal if $condition:expr)?;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                /// Keys that it shares with others.
                pub $part: $part_type,
            )?
            $(
                $(#[doc = $doc])*
                pub $key: $type,
            )*
        }

        impl $name {
            /// Its own keys, in order.
            pub const KEYS: &[$crate::recipe::section::Key] = &[
                $($crate::recipe::section::Key {
                    name: stringify!($key),
                    doc: concat!($($doc, "\n"),*),
                    graph: stringify!($graph),
                    table: [$(stringify!($table),)? stringify!($graph)][0],
                    rule: [$($rule,)? $crate::recipe::rule::Rule::ANY][0],
                    needs: [$(Some($needs),)? None][0],
                    task: [$(Some($crate::recipe::Task::$task),)? None][0],
                    words: <$type as $crate::recipe::value::Value>::words,
                }),*
            ];
        }

        #[allow(unused_mut, unused_variables, reason = "a section may have no keys")]
        impl $crate::recipe::section::Section for $name {
            fn keys() -> Vec<&'static $crate::recipe::section::Key> {
                let mut keys = Vec::new();
                $(keys.extend(<$part_type as $crate::recipe::section::Section>::keys());)?
                keys.extend(Self::KEYS);
                keys
            }

            fn read_keys(from: &$crate::recipe::section::Reader<'_>) -> Result<Self, $crate::recipe::value::Fault> {
                let mut keys = Self::KEYS.iter();
                let mut section = Self {
                    $($part: <$part_type as $crate::recipe::section::Section>::read_keys(from)?,)?
                    $($key: $crate::recipe::section::next(&mut keys, from)?,)*
                };
                let mut keys = Self::KEYS.iter();
                $(
                    let chosen = true $(&& $crate::recipe::section::holds(&section, $condition))?;
                    if let Some(key) = keys.next() {
                        if !from.counts(key, chosen)? {
                            section.$key = $crate::recipe::value::Value::absent();
                        }
                    }
                )*
                Ok(section)
            }

            fn filled(table: &toml::Table) -> Self {
                Self {
                    $($part: <$part_type as $crate::recipe::section::Section>::filled(table),)?
                    $($key: $crate::recipe::section::stored(table, stringify!($key)),)*
                }
            }

            fn entries(&self) -> Vec<(&'static str, toml::Value)> {
                let mut entries: Vec<(&'static str, toml::Value)> = Vec::new();
                $(entries.extend($crate::recipe::section::Section::entries(&self.$part));)?
                $(
                    let chosen = true $(&& $crate::recipe::section::holds(self, $condition))?;
                    let value = $crate::recipe::value::Value::write(&self.$key).filter(|_| chosen);
                    entries.extend($crate::recipe::section::entry(stringify!($key), stringify!($graph), value));
                )*
                entries
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::recipe::section::serialize(&$crate::recipe::section::Section::entries(self), serializer)
            }
        }
    };
}
pub(crate) use section;

/// The value of the next key of a definition.
pub(crate) fn next<'k, T: Value>(keys: &mut impl Iterator<Item = &'k Key>, from: &Reader<'_>) -> Result<T, Fault> {
    keys.next().map_or_else(|| Ok(T::absent()), |key| from.value(key))
}

/// A key with its value where there is one to write: an empty list of a key that is `none` by default is no value.
pub(crate) fn entry(name: &'static str, default: &str, value: Option<Toml>) -> Option<(&'static str, Toml)> {
    let is_unset = |value: &Toml| default == "none" && value.as_array().is_some_and(Vec::is_empty);
    value.filter(|value| !is_unset(value)).map(|value| (name, value))
}

/// A value that a section wrote itself.
pub(crate) fn stored<T: Value>(table: &Table, name: &str) -> T {
    table.get(name).and_then(|value| T::read(value, Context::default()).ok()).unwrap_or_else(T::absent)
}
