//! How long a network is trained.

use serde::{Deserialize, Serialize};

/// Least number of times that a training counted in steps sees every row.
const LEAST_EPOCHS: usize = 20;
/// Most epochs of a training, as of a recipe that counts in them.
pub(crate) const MOST_EPOCHS: usize = 100_000;

/// The length of a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Length {
    /// Epochs at most, 1 or more.
    Epochs(usize),
    /// About this many steps, rounded up to whole epochs, of which there are at least 20 and at most 100,000. Steps teach,
    /// not passes: on few rows a fixed number of passes ends a training long before it has learnt what is there.
    Steps(usize),
}

impl Length {
    /// The length that a recipe states: its epochs, else its steps.
    pub(crate) fn of(epochs: Option<usize>, steps: Option<usize>) -> Self {
        match (epochs, steps) {
            (Some(epochs), _) => Self::Epochs(epochs),
            (None, steps) => Self::Steps(steps.unwrap_or(1)),
        }
    }

    /// Epochs at most over `rows` rows.
    pub(crate) fn epochs(self, rows: usize, batch_rows: Option<usize>) -> usize {
        match self {
            Self::Epochs(epochs) => epochs,
            Self::Steps(steps) => {
                let of_one = batch_rows.map_or(1, |batch| rows.div_ceil(batch.max(1)).max(1));
                steps.div_ceil(of_one).clamp(LEAST_EPOCHS, MOST_EPOCHS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_in_steps_is_whole_epochs_and_twenty_of_them_at_least() {
        assert_eq!(Length::of(Some(7), None).epochs(1000, Some(64)), 7);
        // Two steps an epoch on 100 rows; one where every step takes all rows.
        assert_eq!(Length::of(None, Some(5000)).epochs(100, Some(64)), 2500);
        assert_eq!(Length::of(None, Some(5000)).epochs(100, None), 5000);
        assert_eq!(Length::of(None, Some(5000)).epochs(1_000_000, Some(64)), 20);
        assert_eq!(Length::of(None, Some(10_000_000)).epochs(10, None), 100_000);
    }
}
