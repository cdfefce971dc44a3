//! Part numbers in the notation of schedulers: `3,17,40-44`.

use super::LabelError;

/// The parts that a command runs, and the total number that it assumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Part numbers from 0, ascending, each once.
    pub indices: Vec<usize>,
    /// Parts of the whole table.
    pub of: usize,
}

impl std::str::FromStr for Parts {
    type Err = LabelError;

    /// Reads `i/N`, `a-b/N` and lists of both, `3,17,40-44/100`.
    fn from_str(text: &str) -> Result<Self, LabelError> {
        let wrong = || LabelError::Parts { found: text.to_owned() };
        let (list, of) = text.split_once('/').ok_or_else(wrong)?;
        let of: usize = of.parse().map_err(|_| wrong())?;
        let mut indices = Vec::new();
        for item in list.split(',') {
            let (first, last) = item.split_once('-').unwrap_or((item, item));
            let range = first.parse::<usize>().ok().zip(last.parse::<usize>().ok());
            let (first, last) = range.filter(|&(first, last)| first <= last && last < of).ok_or_else(wrong)?;
            indices.extend(first..=last);
        }
        indices.sort_unstable();
        indices.dedup();
        Ok(Self { indices, of })
    }
}

/// Ascending numbers as a list of ranges, `3,17,40-44`; empty for none.
#[must_use]
pub fn ranges(indices: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &index in indices {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => runs.push((index, index)),
        }
    }
    let words =
        runs.iter().map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    words.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let missing = [3, 17, 40, 41, 42, 43, 44];
        assert_eq!(ranges(&missing), "3,17,40-44");
        let parts: Parts = format!("{}/50", ranges(&missing)).parse().unwrap();
        assert_eq!((&parts.indices[..], parts.of), (&missing[..], 50));
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[0, 1]), "0-1");
    }

    #[test]
    fn impossible_lists_are_refused() {
        for text in ["", "3", "3/", "/3", "3/3", "2-1/3", "a/3", "0-3/3", "0,/3", "-1/3", "0-99999999999999999999/3"] {
            assert!(text.parse::<Parts>().is_err(), "{text}");
        }
    }
}
