//! `[budget]`: what the student may cost on a chip.

use super::rule::Rule;
use super::section::section;

section! {
    /// `[budget]`: a run whose student takes more is refused before anything is trained, and the report shows the student beside
    /// it. `eyas new --budget` chooses widths that keep to it.
    #[derive(Copy)]
    pub struct BudgetSection {
        /// Bytes of the student file, golden vectors included.
        flash: Option<usize> = none, Rule::from(1);
        /// Bytes of arena on the core that takes the most.
        ram: Option<usize> = none, Rule::from(1);
        /// Multiply-accumulates of a dense inference.
        macs: Option<usize> = none, Rule::from(1);
    }
}
