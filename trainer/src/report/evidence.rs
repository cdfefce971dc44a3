//! What a paired difference allows one to say.

use super::statistics::Paired;
use serde::{Deserialize, Serialize};

/// Standard errors beyond which a difference is called clear.
const CLEAR: f64 = 2.0;

/// How far a mean difference stands out from the spread of its pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Fewer than two pairs: no spread is known, nothing may be claimed.
    Unknown,
    /// At most one standard error from zero.
    Within,
    /// More than one standard error from zero, at most two.
    Weak,
    /// More than two standard errors from zero.
    Clear,
}

impl Evidence {
    /// What the grades mean, for the foot of a table.
    pub const KEY: &str =
        "clear: more than two standard errors from zero; weak: more than one; not distinguishable: at most one";

    /// Grades a difference by its standard error. A difference of exactly zero is never more than `Within`.
    #[must_use]
    pub fn of(difference: &Paired) -> Self {
        let Some(error) = difference.standard_error else { return Self::Unknown };
        let distance = difference.mean.abs();
        if distance <= error {
            Self::Within
        } else if distance <= CLEAR * error {
            Self::Weak
        } else {
            Self::Clear
        }
    }

    /// Whether the difference is larger than its standard error: the least a claim needs.
    #[must_use]
    pub const fn is_distinguishable(self) -> bool {
        matches!(self, Self::Weak | Self::Clear)
    }

    /// The grade in words, to stand behind a figure; [`Evidence::KEY`] explains them.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unknown => "unknown, one run",
            Self::Within => "not distinguishable",
            Self::Weak => "weak",
            Self::Clear => "clear",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::paired;

    #[test]
    fn grades_follow_the_standard_error() {
        let of = |mean, standard_error| Evidence::of(&Paired { mean, standard_error, pairs: 5 });
        assert_eq!(of(9.0, None), Evidence::Unknown);
        assert_eq!(of(0.3, Some(0.3)), Evidence::Within);
        assert_eq!(of(-0.5, Some(0.3)), Evidence::Weak);
        assert_eq!(of(-0.7, Some(0.3)), Evidence::Clear);
        assert_eq!(of(0.0, Some(0.0)), Evidence::Within, "two equal runs do not differ");
        assert!(!Evidence::of(&paired(&[80.0], &[70.0])).is_distinguishable());
    }
}
