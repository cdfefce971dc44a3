//! What a student may cost, and the widest one that keeps to it.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::error::LookError;
use crate::bounded::size;
use crate::dataset::DataError;
use crate::export::costs_of;
use crate::run::most_arena;
use eyas::model::Task;

/// Widths of hidden layers that a table's student is tried with, from the widest on.
const TABLE: [&[usize]; 15] = [
    &[128, 64],
    &[96, 48],
    &[64, 32],
    &[48, 24],
    &[32, 16],
    &[24, 12],
    &[16, 8],
    &[12, 6],
    &[8, 4],
    &[8],
    &[6],
    &[4],
    &[3],
    &[2],
    &[],
];
/// Widths of the one hidden layer of a graph's student, whose inputs are many: each unit of it costs.
const GRAPH: [usize; 8] = [128, 112, 96, 80, 64, 56, 48, 40];
/// Every width from here down to 1.
const NARROW: usize = 36;

/// Limits, each in the unit of its name; `None` for no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the student file.
    pub flash: Option<usize>,
    /// Bytes of arena, on the core that takes the most.
    pub ram: Option<usize>,
    /// Multiply-accumulates of an inference.
    pub macs: Option<usize>,
}

impl FromStr for Budget {
    type Err = LookError;

    /// `flash=16k,ram=2k,macs=50k`: a `k` or `M` counts bytes in powers of 1024, multiply-accumulates in powers of 1000.
    fn from_str(text: &str) -> Result<Self, LookError> {
        let wrong = || LookError::Budget(text.to_owned());
        let mut budget = Self::default();
        for part in text.split(',') {
            let (name, number) = part.split_once('=').ok_or_else(wrong)?;
            let (name, number) = (name.trim(), number.trim());
            let limit = match name {
                "flash" => &mut budget.flash,
                "ram" => &mut budget.ram,
                "macs" => &mut budget.macs,
                _ => return Err(wrong()),
            };
            let unit: usize = if name == "macs" { 1000 } else { 1024 };
            let (digits, factor) = match number.char_indices().last() {
                Some((at, 'k' | 'K')) => (&number[..at], unit),
                Some((at, 'm' | 'M')) => (&number[..at], unit * unit),
                _ => (number, 1),
            };
            let value = digits.parse::<usize>().ok().and_then(|value| value.checked_mul(factor));
            let value = value.filter(|&value| value > 0).ok_or_else(wrong)?;
            if limit.replace(value).is_some() {
                return Err(wrong());
            }
        }
        Ok(budget)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limits = [
            self.flash.map(|bytes| format!("{} of flash", size(bytes as u64))),
            self.ram.map(|bytes| format!("{} of RAM", size(bytes as u64))),
            self.macs.map(|macs| format!("{macs} multiply-accumulates")),
        ];
        f.write_str(&limits.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// A student and what it will cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Inputs.
    pub inputs: usize,
    /// Widths of its hidden layers.
    pub hidden: Vec<usize>,
    /// Outputs.
    pub outputs: usize,
    /// Bytes of its file at most, golden vectors included.
    pub flash_bytes: usize,
    /// Bytes of arena on the core that takes the most.
    pub ram_bytes: usize,
    /// Multiply-accumulates of an inference.
    pub macs: usize,
}

/// The ends of a student, which the data give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends<'a> {
    pub(super) task: Task,
    pub(super) inputs: usize,
    pub(super) input_names: &'a [String],
    pub(super) labels: &'a [String],
    pub(super) graph: bool,
    /// The teachers in words, which the file carries.
    pub(super) teacher: &'a str,
}

impl Budget {
    /// Whether there is any limit.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        *self != Self::default()
    }

    /// The widest student that keeps to the budget; without one that of the recipe's default, `default`.
    ///
    /// # Errors
    /// [`LookError::TooSmall`] where not even a single layer does.
    pub(super) fn student(&self, ends: &Ends<'_>, default: &[usize]) -> Result<Planned, LookError> {
        if !self.is_limited() {
            return planned(ends, default);
        }
        let widths: Vec<Vec<usize>> = if ends.graph {
            let one = GRAPH.into_iter().chain((1..=NARROW).rev()).map(|width| vec![width]);
            one.chain([Vec::new()]).collect()
        } else {
            TABLE.iter().map(|widths| widths.to_vec()).collect()
        };
        let mut all = widths.iter().map(|hidden| planned(ends, hidden)).collect::<Result<Vec<_>, _>>()?;
        // A single layer is wider than hidden layers of fewer units than outputs.
        all.sort_by_key(|planned| std::cmp::Reverse(planned.macs));
        let within = |limit: Option<usize>, found: usize| limit.is_none_or(|limit| found <= limit);
        let fits = |planned: &&Planned| {
            within(self.flash, planned.flash_bytes)
                && within(self.ram, planned.ram_bytes)
                && within(self.macs, planned.macs)
        };
        if let Some(widest) = all.iter().find(fits) {
            return Ok(widest.clone());
        }
        let least = all.last().map_or_else(String::new, |least| {
            format!(
                "with hidden = {:?} takes about {} bytes of flash, {} bytes of RAM and {} multiply-accumulates",
                least.hidden, least.flash_bytes, least.ram_bytes, least.macs
            )
        });
        Err(LookError::TooSmall { inputs: ends.inputs, outputs: ends.labels.len(), budget: self.to_string(), least })
    }
}

fn planned(ends: &Ends<'_>, hidden: &[usize]) -> Result<Planned, LookError> {
    let widths = [&[ends.inputs], hidden, &[ends.labels.len()]].concat();
    let names = (ends.labels, ends.input_names);
    let (costs, golden) = costs_of(ends.task, &widths, names, ends.graph, ends.teacher)
        .map_err(|error| LookError::Data(unsealable(error.to_string())))?;
    Ok(Planned {
        inputs: ends.inputs,
        hidden: hidden.to_vec(),
        outputs: ends.labels.len(),
        flash_bytes: costs.file_bytes + golden,
        ram_bytes: most_arena(&costs),
        macs: costs.macs,
    })
}

fn unsealable(found: String) -> DataError {
    use crate::dataset::{FaultKind, Place};
    let place = Place::file("the student".as_ref());
    DataError::new(FaultKind::TooLarge, place, "names and widths that a student file holds", found, "correct the data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_in_their_units() {
        let budget: Budget = "flash=16k, ram=2k,macs=50k".parse().unwrap();
        assert_eq!(budget, Budget { flash: Some(16384), ram: Some(2048), macs: Some(50_000) });
        assert_eq!(budget.to_string(), "16 KiB of flash, 2 KiB of RAM, 50000 multiply-accumulates");
        assert_eq!("flash=1M".parse::<Budget>().unwrap().flash, Some(1 << 20));
        for wrong in ["", "flash", "flash=", "flash=0", "flash=16kB", "rom=1k", "ram=1k,ram=2k", "macs=-5", "flash=k"] {
            let error = wrong.parse::<Budget>().unwrap_err().to_string();
            assert!(error.contains("flash=16k,ram=2k,macs=50k"), "{wrong}: {error}");
        }
    }

    #[test]
    fn the_widest_student_that_fits_is_chosen() {
        let names = |letter: char, count: usize| (0..count).map(|at| format!("{letter}{at}")).collect::<Vec<_>>();
        let (inputs, labels) = (names('x', 24), names('c', 4));
        let ends = Ends {
            task: Task::Classify,
            inputs: 24,
            input_names: &inputs,
            labels: &labels,
            graph: false,
            teacher: "mlp",
        };
        let student = |budget: &str| budget.parse::<Budget>().unwrap().student(&ends, &[64, 32]);
        let (wide, narrow) = (student("flash=64k").unwrap(), student("flash=4k").unwrap());
        assert_eq!(wide.hidden, [128, 64]);
        assert!(narrow.flash_bytes <= 4096 && narrow.macs < wide.macs && !narrow.hidden.is_empty(), "{narrow:?}");
        assert_eq!(student("macs=96").unwrap().hidden, [0usize; 0]);
        assert!(student("ram=128").unwrap().ram_bytes <= 128);
        let error = student("flash=100").unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("even one with hidden = [2]"), "{error}");
        assert_eq!(Budget::default().student(&ends, &[64, 32]).unwrap().hidden, [64, 32]);
    }
}
