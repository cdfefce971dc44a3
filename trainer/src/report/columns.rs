//! Names and number formats that every report shares.

use super::metrics::Accuracies;
use super::statistics::Paired;

/// A column of [`super::metrics::COLUMNS`] as people read it; an unknown name stands for itself.
pub(super) fn title(column: &str) -> &str {
    match column {
        "teacher" => "Teacher",
        "student_int8" => "Student, int8 (ships)",
        "student_float" => "Student, float",
        "plain_kd" => "Plain KD",
        "uniform_teacher" => "Uniform teacher",
        "label_smoothing" => "Label smoothing",
        "label_only" => "Labels only",
        other => other,
    }
}

/// What a column is, in one sentence.
pub(super) fn explanation(column: &str) -> &'static str {
    match column {
        "teacher" => "the graph neural network, float; it sees the edges",
        "student_int8" => "the distilled student as it stands in the student file",
        "student_float" => "the distilled student before quantization",
        "plain_kd" => "control: same network, soft targets only, no links; float",
        "uniform_teacher" => "control: same network and weights, a teacher that knows nothing; float",
        "label_smoothing" => "control: same network, labels smoothed by 0.1; float",
        "label_only" => "control: same network, labels only; float",
        _ => "",
    }
}

/// Mean and standard deviation of one column over `seeds` seeds, or a dash where it was not measured.
pub(super) fn spread(mean: Option<&Accuracies>, sd: Option<&Accuracies>, column: &str, seeds: usize) -> String {
    let value = |row: Option<&Accuracies>| row.and_then(|row| row.column(column));
    match (value(mean), value(sd)) {
        (Some(mean), Some(sd)) if seeds > 1 => format!("{mean:.2} ± {sd:.2}"),
        (Some(mean), _) => format!("{mean:.2}"),
        (None, _) => "–".to_owned(),
    }
}

/// A difference in points with its standard error.
pub(super) fn points(difference: &Paired) -> String {
    match difference.standard_error {
        Some(error) => format!("{} ± {error:.2}", signed(difference.mean)),
        None => signed(difference.mean),
    }
}

/// A signed number with two decimals; what rounds to zero carries no sign.
fn signed(value: f64) -> String {
    if value.abs() < 0.005 {
        "0.00".to_owned()
    } else if value < 0.0 {
        format!("−{:.2}", -value)
    } else {
        format!("+{value:.2}")
    }
}

/// An integer with a thin space between groups of three digits.
pub(super) fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::metrics::COLUMNS;

    #[test]
    fn every_column_has_words() {
        for column in COLUMNS {
            assert!(title(column) != column && !explanation(column).is_empty(), "{column}");
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (grouped(7), grouped(1234), grouped(1_234_567)),
            ("7".into(), "1\u{202f}234".into(), "1\u{202f}234\u{202f}567".into())
        );
        assert_eq!((signed(-0.001), signed(-1.5), signed(0.25)), ("0.00".into(), "−1.50".into(), "+0.25".into()));
        let row = Accuracies { teacher: 81.0, ..Accuracies::default() };
        assert_eq!(spread(Some(&row), Some(&Accuracies::default()), "teacher", 5), "81.00 ± 0.00");
        assert_eq!(spread(Some(&row), Some(&row), "teacher", 1), "81.00");
        assert_eq!(spread(Some(&row), Some(&row), "plain_kd", 5), "–");
        assert_eq!(spread(None, None, "teacher", 5), "–");
    }
}
