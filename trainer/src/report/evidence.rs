//! What a paired difference allows one to say.

use super::statistics::Paired;
use serde::{Deserialize, Serialize};

/// How far a mean difference stands out from the spread of its pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Fewer than two pairs: no spread is known, nothing may be claimed.
    Unknown,
    /// At most one standard error from zero.
    Within,
    /// More than one standard error from zero, but its 95 % interval does not exclude zero.
    Weak,
    /// Its 95 % interval, by Student's t, excludes zero.
    Clear,
}

impl Evidence {
    /// What the grades mean, for the foot of a table.
    pub const KEY: &str = "clear: its 95 % interval excludes zero; weak: more than one standard error from zero; not \
                           distinguishable: at most one";

    /// Grades a difference by its standard error and its interval, which few pairs make wide. A difference of exactly zero is never more than `Within`.
    #[must_use]
    pub fn of(difference: &Paired) -> Self {
        let Some(error) = difference.standard_error else { return Self::Unknown };
        let excludes = |[low, high]: [f64; 2]| low > 0.0 || high < 0.0;
        if difference.mean.abs() <= error {
            Self::Within
        } else if difference.interval_95().is_some_and(excludes) {
            Self::Clear
        } else {
            Self::Weak
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
        // Student's t of four degrees of freedom is 2.776, of two 4.303.
        assert_eq!(of(-0.82, Some(0.3)), Evidence::Weak);
        assert_eq!(of(-0.84, Some(0.3)), Evidence::Clear);
        let of_three = |mean| Evidence::of(&Paired { mean, standard_error: Some(0.3), pairs: 3 });
        assert_eq!((of_three(1.28), of_three(1.30)), (Evidence::Weak, Evidence::Clear));
        assert_eq!(of(0.2, Some(0.0)), Evidence::Clear, "the same difference in every pair");
        assert_eq!(of(0.0, Some(0.0)), Evidence::Within, "two equal runs do not differ");
        assert!(!Evidence::of(&paired(&[80.0], &[70.0])).is_distinguishable());
    }
}
