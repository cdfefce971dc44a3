//! The range of a key, in one place for the check and for the documentation.

use std::collections::HashSet;
use std::fmt;

use super::value::Fault;
use crate::report::number::exact;

/// What a value must keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    bounds: Bounds,
    items: Option<Items>,
    once: Option<&'static str>,
    text: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bounds {
    Any,
    Whole { least: u64, most: u64 },
    Real { least: f64, most: f64, ends: Ends },
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Items {
    least: usize,
    most: usize,
    words: &'static str,
}

/// Which ends belong to a range of reals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Both,
    Below,
    Above,
}

impl Rule {
    /// Everything that the type can hold.
    pub const ANY: Self = Self { bounds: Bounds::Any, items: None, once: None, text: None };

    /// Whole numbers of at least `least`.
    #[must_use]
    pub const fn from(least: u64) -> Self {
        Self::whole_numbers(least, u64::MAX)
    }

    /// Whole numbers with both ends.
    #[must_use]
    pub const fn whole_numbers(least: u64, most: u64) -> Self {
        Self { bounds: Bounds::Whole { least, most }, ..Self::ANY }
    }

    /// Reals with both ends.
    #[must_use]
    pub const fn reals(least: f64, most: f64) -> Self {
        Self { bounds: Bounds::Real { least, most, ends: Ends::Both }, ..Self::ANY }
    }

    /// Reals from `least`, below `most`.
    #[must_use]
    pub const fn below(least: f64, most: f64) -> Self {
        Self { bounds: Bounds::Real { least, most, ends: Ends::Below }, ..Self::ANY }
    }

    /// Reals above `least`, up to `most`.
    #[must_use]
    pub const fn above(least: f64, most: f64) -> Self {
        Self { bounds: Bounds::Real { least, most, ends: Ends::Above }, ..Self::ANY }
    }

    /// Texts that are not blank; `words` says what they are.
    #[must_use]
    pub const fn named(words: &'static str) -> Self {
        Self { text: Some(words), ..Self::ANY }
    }

    /// The same for each item of a list of `least` to `most` items; `words` says how many that are.
    #[must_use]
    pub const fn items_of(self, least: usize, most: usize, words: &'static str) -> Self {
        Self { items: Some(Items { least, most, words }), ..self }
    }

    /// The same, and every item once; `what` is one of them in words.
    #[must_use]
    pub const fn each_once(self, what: &'static str) -> Self {
        Self { once: Some(what), ..self }
    }

    pub(super) fn whole(&self, value: u64) -> Result<(), Fault> {
        match self.bounds {
            Bounds::Whole { least, most } if !(least..=most).contains(&value) => {
                Err(Fault::range(&self.bounds.to_string(), &value.to_string()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn real(&self, value: f64) -> Result<(), Fault> {
        let Bounds::Real { least, most, ends } = self.bounds else { return Ok(()) };
        let fits = match ends {
            Ends::Both => value >= least && value <= most,
            Ends::Below => value >= least && value < most,
            Ends::Above => value > least && value <= most,
        };
        if fits { Ok(()) } else { Err(Fault::range(&self.bounds.to_string(), &exact(value))) }
    }

    pub(super) fn text(&self, value: &str) -> Result<(), Fault> {
        match self.text {
            Some(words) if value.trim().is_empty() => Err(Fault::range(words, "nothing")),
            _ => Ok(()),
        }
    }

    pub(super) fn items(&self, count: usize) -> Result<(), Fault> {
        match self.items {
            Some(Items { least, most, words }) if !(least..=most).contains(&count) => {
                let found = if count == 0 { "none".to_owned() } else { count.to_string() };
                Err(Fault::range(words, &found))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn once(&self, values: impl Iterator<Item = toml::Value>) -> Result<(), Fault> {
        let Some(what) = self.once else { return Ok(()) };
        let mut seen = HashSet::new();
        for (index, value) in values.enumerate() {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if seen.contains(&value) {
                let fault = Fault::range(&format!("every {what} once"), &format!("{value} again"));
                return Err(fault.inside(&format!("[{index}]")));
            }
            seen.insert(value);
        }
        Ok(())
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Any => Ok(()),
            Self::Whole { least, most: u64::MAX } => write!(f, "at least {least}"),
            Self::Whole { least, most } => write!(f, "{least} to {most}"),
            Self::Real { least, most, ends: Ends::Both } => write!(f, "{least} to {most}"),
            Self::Real { least, most, ends: Ends::Below } => write!(f, "{least} to below {most}"),
            Self::Real { least, most, ends: Ends::Above } => write!(f, "above {least} to {most}"),
        }
    }
}

/// The range for documentation; empty for a rule that allows everything.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.items.map(|items| items.words.to_owned()),
            Some(self.bounds.to_string()).filter(|text| !text.is_empty()),
            self.text.map(str::to_owned),
            self.once.map(|what| format!("every {what} once")),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}
