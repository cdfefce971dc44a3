//! Numbers as people read them, the same in every report, table and message.
//!
//! Figures have units of their own: one error is 0.42, another 2.1e-9, a third 1e308. Fixed decimals print the second as
//! zero and the third as 309 digits.

/// What stands for a figure that is not defined.
pub(crate) const UNDEFINED: &str = "—";

/// From here on a number is written with an exponent.
const LARGE: f64 = 1e7;
/// Below this it is, too.
const SMALL: f64 = 1e-3;
/// Two decimals are enough from here on.
const TWO_DECIMALS: f64 = 0.1;

/// How numbers beside each other are written: with the decimals that the largest of them needs for three significant
/// digits, at least two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Places {
    /// So many decimals.
    Decimals(usize),
    /// Two decimals and an exponent.
    Exponent,
}

impl Places {
    /// For numbers as large as these.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let sizes = numbers.iter().map(|number| number.abs()).filter(|size| size.is_finite());
        match sizes.fold(0.0, f64::max) {
            0.0 => Self::Decimals(2),
            size if !(SMALL..LARGE).contains(&size) => Self::Exponent,
            size if size >= TWO_DECIMALS => Self::Decimals(2),
            // 0.0123 has its first digit in place 2.
            size => Self::Decimals(2 + (-size.log10()).ceil() as usize),
        }
    }

    /// The number.
    pub(crate) fn show(self, number: f64) -> String {
        match self {
            Self::Decimals(decimals) if number.abs() < LARGE || !number.is_finite() => format!("{number:.decimals$}"),
            _ if number == 0.0 => "0.00".to_owned(),
            _ => format!("{number:.2e}"),
        }
    }
}

/// A figure by itself.
pub(crate) fn figure(number: f64) -> String {
    Places::of(&[number]).show(number)
}

/// A number that somebody wrote, as short as it reads back the same: `0.5`, `3`, `1e308`.
pub(crate) fn exact(number: f64) -> String {
    let text = format!("{number:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_of_every_size_say_something() {
        let cases = [
            (83.504, "83.50"),
            (0.98, "0.98"),
            (0.0, "0.00"),
            (0.0123456, "0.0123"),
            (0.05, "0.0500"),
            (2.1e-9, "2.10e-9"),
            (-1234.5, "-1234.50"),
            (1e308, "1.00e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
        ];
        for (number, text) in cases {
            assert_eq!(figure(number), text);
        }
    }

    #[test]
    fn numbers_beside_each_other_have_the_same_places() {
        let places = Places::of(&[83.5, 0.02]);
        assert_eq!(
            (places.show(83.5), places.show(0.02), places.show(-0.5)),
            ("83.50".into(), "0.02".into(), "-0.50".into())
        );
        let places = Places::of(&[2.1e-9, 4e-11, 0.0]);
        assert_eq!((places.show(4e-11), places.show(0.0)), ("4.00e-11".into(), "0.00".into()));
        assert_eq!(Places::of(&[1.0]).show(1e300), "1.00e300", "no more digits than fit a table");
    }

    #[test]
    fn what_was_written_reads_back() {
        assert_eq!([exact(0.5), exact(3.0), exact(1e308), exact(1e-300)], ["0.5", "3", "1e308", "1e-300"]);
    }

    proptest! {
        #[test]
        fn no_number_is_long_and_none_is_lost(number: f64) {
            let text = figure(number);
            prop_assert!(text.len() <= 11, "{text}");
            if number.is_normal() {
                let read: f64 = text.parse().unwrap();
                prop_assert!((read - number).abs() <= 0.051 * number.abs(), "{number:e} is {text}");
            }
            prop_assert_eq!(exact(number).parse::<f64>().unwrap().to_bits(), if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() });
        }
    }
}
