//! Values of keys: how each type is read from TOML, checked and written back.

use toml::Value as Toml;

use super::error::RecipeFault;
use super::rule::Rule;
use super::section::{Context, Section};

/// What is wrong with a value, and where inside the table that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Kind, for code.
    pub kind: RecipeFault,
    /// The place, relative to what is being read: `.dropout`, `.hidden[1]`, or nothing.
    pub at: String,
    /// What is wrong: expected, found, and why.
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
}

impl Fault {
    /// A fault of the value that is being read.
    pub(crate) fn new(kind: RecipeFault, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { kind, at: String::new(), message: message.into(), remedy: remedy.into() }
    }

    /// A value of another type.
    pub(super) fn kind_of(expected: &str, found: &Toml) -> Self {
        Self::new(RecipeFault::WrongType, format!("expected {expected}, found {}", in_words(found)), "")
    }

    /// A value outside its range.
    pub(super) fn range(expected: &str, found: &str) -> Self {
        Self::new(RecipeFault::OutOfRange, format!("expected {expected}, found {found}"), "")
    }

    /// The same fault, seen from the table that holds the value under `place`: `.key` or `[index]`.
    pub(crate) fn inside(self, place: &str) -> Self {
        Self { at: format!("{place}{}", self.at), ..self }
    }
}

/// A type of values.
pub trait Value: Sized {
    /// The type in words, for errors and documentation.
    fn words() -> String;

    /// Reads the value.
    ///
    /// # Errors
    /// [`Fault`] for a value of another type, or one that the type cannot hold.
    fn read(value: &Toml, context: Context) -> Result<Self, Fault>;

    /// What stands for a key that is not there.
    fn absent() -> Self;

    /// The value as TOML; `None` where there is nothing to write.
    fn write(&self) -> Option<Toml>;

    /// Whether the value keeps the key's rule.
    ///
    /// # Errors
    /// [`Fault`] naming the range.
    fn check(&self, _rule: &Rule) -> Result<(), Fault> {
        Ok(())
    }
}

/// A value as messages show it.
pub(super) fn in_words(value: &Toml) -> String {
    match value {
        Toml::String(text) => format!("the text {text:?}"),
        Toml::Array(_) => "a list".to_owned(),
        Toml::Table(_) => "a table".to_owned(),
        Toml::Datetime(date) => format!("the date {date}"),
        plain => plain.to_string(),
    }
}

macro_rules! whole {
    ($($type:ty),*) => {$(
        impl Value for $type {
            fn words() -> String {
                "a whole number".to_owned()
            }

            fn read(value: &Toml, _: Context) -> Result<Self, Fault> {
                let number = value.as_integer().ok_or_else(|| Fault::kind_of(&Self::words(), value))?;
                Self::try_from(number).map_err(|_| Fault::range("a whole number of at least 0", &number.to_string()))
            }

            fn absent() -> Self {
                0
            }

            fn write(&self) -> Option<Toml> {
                i64::try_from(*self).ok().map(Toml::Integer)
            }

            fn check(&self, rule: &Rule) -> Result<(), Fault> {
                rule.whole(*self as u64)
            }
        }
    )*};
}

whole!(usize, u64);

impl Value for f64 {
    fn words() -> String {
        "a number".to_owned()
    }

    fn read(value: &Toml, _: Context) -> Result<Self, Fault> {
        match value {
            Toml::Float(number) => Ok(*number),
            #[expect(clippy::cast_precision_loss, reason = "a whole number beyond 2^53 is in no range of a real")]
            Toml::Integer(number) => Ok(*number as f64),
            other => Err(Fault::kind_of(&Self::words(), other)),
        }
    }

    fn absent() -> Self {
        0.0
    }

    fn write(&self) -> Option<Toml> {
        Some(Toml::Float(*self))
    }

    fn check(&self, rule: &Rule) -> Result<(), Fault> {
        rule.real(*self)
    }
}

impl Value for bool {
    fn words() -> String {
        "`true` or `false`".to_owned()
    }

    fn read(value: &Toml, _: Context) -> Result<Self, Fault> {
        value.as_bool().ok_or_else(|| Fault::kind_of(&Self::words(), value))
    }

    fn absent() -> Self {
        false
    }

    fn write(&self) -> Option<Toml> {
        Some(Toml::Boolean(*self))
    }
}

impl Value for String {
    fn words() -> String {
        "a text".to_owned()
    }

    fn read(value: &Toml, _: Context) -> Result<Self, Fault> {
        value.as_str().map(str::to_owned).ok_or_else(|| Fault::kind_of(&Self::words(), value))
    }

    fn absent() -> Self {
        Self::new()
    }

    fn write(&self) -> Option<Toml> {
        Some(Toml::String(self.clone()))
    }

    fn check(&self, rule: &Rule) -> Result<(), Fault> {
        rule.text(self)
    }
}

/// A key that may stay unset.
impl<T: Value> Value for Option<T> {
    fn words() -> String {
        T::words()
    }

    fn read(value: &Toml, context: Context) -> Result<Self, Fault> {
        T::read(value, context).map(Some)
    }

    fn absent() -> Self {
        None
    }

    fn write(&self) -> Option<Toml> {
        self.as_ref().and_then(T::write)
    }

    fn check(&self, rule: &Rule) -> Result<(), Fault> {
        self.as_ref().map_or(Ok(()), |value| value.check(rule))
    }
}

impl<T: Value> Value for Vec<T> {
    fn words() -> String {
        format!("a list, each item {}", T::words())
    }

    fn read(value: &Toml, context: Context) -> Result<Self, Fault> {
        let items = value.as_array().ok_or_else(|| Fault::kind_of("a list", value))?;
        let item = |(index, item)| T::read(item, context).map_err(|fault| fault.inside(&format!("[{index}]")));
        items.iter().enumerate().map(item).collect()
    }

    fn absent() -> Self {
        Self::new()
    }

    fn write(&self) -> Option<Toml> {
        Some(Toml::Array(self.iter().filter_map(T::write).collect()))
    }

    fn check(&self, rule: &Rule) -> Result<(), Fault> {
        rule.items(self.len())?;
        for (index, item) in self.iter().enumerate() {
            item.check(rule).map_err(|fault| fault.inside(&format!("[{index}]")))?;
        }
        rule.once(self.iter().filter_map(T::write))
    }
}

/// A table inside a section.
impl<T: Section> Value for T {
    fn words() -> String {
        "a table".to_owned()
    }

    fn read(value: &Toml, context: Context) -> Result<Self, Fault> {
        let table = value.as_table().ok_or_else(|| Fault::kind_of("a table", value))?;
        Section::read(&super::section::Reader { table, context })
    }

    fn absent() -> Self {
        Section::filled(&toml::Table::new())
    }

    fn write(&self) -> Option<Toml> {
        Some(Toml::Table(self.table()))
    }
}

/// An enum whose values are words.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant),*
        }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word of the recipe.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }
        }

        impl $crate::recipe::value::Value for $name {
            fn words() -> String {
                $crate::recipe::value::one_of(&[$($word),*])
            }

            fn read(value: &toml::Value, _: $crate::recipe::section::Context) -> Result<Self, $crate::recipe::value::Fault> {
                $crate::recipe::value::word(value, &[$($word),*]).map(|at| Self::ALL[at])
            }

            fn absent() -> Self {
                Self::ALL[0]
            }

            fn write(&self) -> Option<toml::Value> {
                Some(toml::Value::String(self.word().to_owned()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }
    };
}
pub(crate) use words;

/// Words as a choice.
pub(crate) fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The place of a word in the list of those allowed.
pub(crate) fn word(value: &Toml, words: &[&str]) -> Result<usize, Fault> {
    let found = value.as_str().ok_or_else(|| Fault::kind_of(&one_of(words), value))?;
    words.iter().position(|word| *word == found).ok_or_else(|| {
        let message = format!("expected {}, found `{found}`", one_of(words));
        Fault::new(RecipeFault::UnknownWord, message, nearest(found, words.iter().copied()))
    })
}

/// The nearest of the words as a question; empty when none is near.
pub(crate) fn nearest<'a>(found: &str, words: impl Iterator<Item = &'a str>) -> String {
    words
        .map(|word| (strsim::damerau_levenshtein(word, found), word))
        .min()
        .filter(|&(distance, word)| distance <= 2.max(word.len() / 3))
        .map_or_else(String::new, |(_, word)| format!("did you mean `{word}`?"))
}
