//! How many digits a figure is shown with, whatever unit it has: a current of 2e-9 ampere must not read 0.00, and 1e308
//! must not fill a page.

/// What stands for a figure that is not defined.
pub(crate) const UNDEFINED: &str = "—";

/// Digits shared by figures that are read together, at least three of them of the largest figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digits {
    decimals: usize,
    /// Power of ten that is taken out of every figure; 0 for none.
    power: i32,
}

impl Digits {
    /// For `figures`: two decimals from 1 to a million, more below, and outside 0.001 to a million a power of ten.
    pub(crate) fn of(figures: &[f64]) -> Self {
        let largest = figures.iter().map(|figure| figure.abs()).filter(|figure| figure.is_finite()).fold(0.0, f64::max);
        let power = if largest > 0.0 { largest.log10().floor() as i32 } else { 0 };
        match power {
            0..6 => Self { decimals: 2, power: 0 },
            -3..0 => Self { decimals: (2 - power) as usize, power: 0 },
            power => Self { decimals: 2, power },
        }
    }

    /// A figure.
    pub(crate) fn number(self, figure: f64) -> String {
        format!("{:.*}{}", self.decimals, self.mantissa(figure), self.suffix())
    }

    /// A figure with its sign, as differences have one.
    pub(crate) fn signed(self, figure: f64) -> String {
        format!("{:+.*}{}", self.decimals, self.mantissa(figure), self.suffix())
    }

    /// A mean and its standard deviation.
    pub(crate) fn spread(self, mean: f64, deviation: f64) -> String {
        let decimals = self.decimals;
        let both = format!("{:.decimals$} ± {:.decimals$}", self.mantissa(mean), self.mantissa(deviation));
        if self.power == 0 { both } else { format!("({both}){}", self.suffix()) }
    }

    /// The figure without the power of ten, which is divided by in two parts: neither is subnormal.
    fn mantissa(self, figure: f64) -> f64 {
        let half = self.power / 2;
        figure / 10f64.powi(half) / 10f64.powi(self.power - half)
    }

    fn suffix(self) -> String {
        if self.power == 0 { String::new() } else { format!("e{}", self.power) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_every_size_keep_three_digits_and_few_characters() {
        let cases = [
            (0.0, "0.00"),
            (83.456, "83.46"),
            (-0.0213, "-0.0213"),
            (0.93, "0.930"),
            (123_456.7, "123456.70"),
            (1_234_567.0, "1.23e6"),
            (2e-9, "2.00e-9"),
            (1e308, "1.00e308"),
            (-5e-324, "-4.94e-324"),
            (f64::INFINITY, "inf"),
        ];
        for (figure, text) in cases {
            assert_eq!(Digits::of(&[figure]).number(figure), text);
        }
    }

    #[test]
    fn figures_that_are_read_together_share_their_digits() {
        assert_eq!(Digits::of(&[21.5, 0.031]).spread(21.5, 0.031), "21.50 ± 0.03");
        assert_eq!(Digits::of(&[2e-9, 1e-11]).spread(2e-9, 1e-11), "(2.00 ± 0.01)e-9");
        let digits = Digits::of(&[2.1e-9, 2e-9]);
        assert_eq!((digits.signed(1e-10), digits.signed(-1e-25)), ("+0.10e-9".into(), "-0.00e-9".into()));
    }
}
