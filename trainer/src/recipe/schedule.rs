//! A weight that may fall while training goes on.

use toml::Value as Toml;

use super::rule::Rule;
use super::section::{Context, Section, section};
use super::value::{Fault, Value};

section! {
    /// A weight that is halved after the first epoch and then every so many epochs, as MST-Distill does.
    pub struct Halving {
        /// The weight in the first epoch.
        start: f64 = 1.0;
        /// Epochs from one halving to the next. Where `steps` sets the length, hundredths of the training, since few rows then
        /// make thousands of epochs.
        halve_every: usize = 30, Rule::whole_numbers(1, 100_000);
    }
}

/// Parts that a training counted in steps is divided into.
const HUNDREDTHS: usize = 100;

/// A number, or `{ start = .., halve_every = .. }`.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// The same in every epoch.
    Constant(f64),
    /// Halved again and again.
    Halving(Halving),
}

impl Schedule {
    /// The weight in an epoch, counted from 0.
    #[must_use]
    pub fn at(&self, epoch: usize) -> f64 {
        match self {
            Self::Constant(weight) => *weight,
            Self::Halving(halving) => match epoch.checked_sub(1) {
                None => halving.start,
                Some(after) => halving.start * 0.5f64.powf((1 + after / halving.halve_every.max(1)) as f64),
            },
        }
    }

    /// The weight in an epoch of a training; of one whose length is counted in steps, `epochs` are all that it may have.
    #[must_use]
    pub fn during(&self, epoch: usize, epochs: Option<usize>) -> f64 {
        self.at(epochs.map_or(epoch, |epochs| HUNDREDTHS * epoch / epochs.max(1)))
    }

    /// The weight in the first epoch, the largest.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.at(0)
    }
}

impl Value for Schedule {
    fn words() -> String {
        "a number, or { start = .., halve_every = .. }".to_owned()
    }

    fn read(value: &Toml, context: Context) -> Result<Self, Fault> {
        match value {
            Toml::Table(_) => <Halving as Value>::read(value, context).map(Self::Halving),
            Toml::Integer(_) | Toml::Float(_) => f64::read(value, context).map(Self::Constant),
            other => Err(Fault::kind_of(&Self::words(), other)),
        }
    }

    fn absent() -> Self {
        Self::Constant(0.0)
    }

    fn write(&self) -> Option<Toml> {
        match self {
            Self::Constant(weight) => weight.write(),
            Self::Halving(halving) => Some(Toml::Table(halving.table())),
        }
    }

    fn check(&self, rule: &Rule) -> Result<(), Fault> {
        match self {
            Self::Constant(weight) => weight.check(rule),
            Self::Halving(halving) => halving.start.check(rule).map_err(|fault| fault.inside(".start")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_fades_with_the_epochs_or_with_the_share_of_the_training() {
        let falls = Schedule::Halving(Halving { start: 1.0, halve_every: 30 });
        let shown = |epoch| falls.during(epoch, None);
        assert_eq!([0, 1, 30, 31, 61].map(shown), [1.0, 0.5, 0.5, 0.25, 0.125]);
        // 2500 epochs are 100 parts of 25.
        let shown = |epoch| falls.during(epoch, Some(2500));
        assert_eq!([0, 24, 25, 774, 775, 2499].map(shown), [1.0, 1.0, 0.5, 0.5, 0.25, 0.0625]);
        // A hundred epochs are the same either way.
        assert!((0..100).all(|epoch| falls.during(epoch, Some(100)) == falls.at(epoch)));
        assert_eq!(Schedule::Constant(0.7).during(99, Some(7)), 0.7);
    }
}
