//! Names and number formats that every report shares.

use super::number::{Places, UNDEFINED};
use super::statistics::Paired;

/// Networks in the order reports show them.
const ORDER: [&str; 11] = [
    "teacher",
    "student_int8",
    "student_float",
    "plain_kd",
    "self",
    "graph_mlp",
    "uniform_teacher",
    "label_smoothing",
    "label_only",
    "random_router",
    "cotrained",
];

/// What a network is sorted by: teachers, the student, controls, the rest by name.
pub(super) fn order(network: &str) -> (usize, String) {
    let stem = if network.starts_with("teacher") { "teacher" } else { network.split('-').next().unwrap_or(network) };
    (ORDER.iter().position(|known| *known == stem).unwrap_or(ORDER.len()), network.to_owned())
}

/// A network or training as people read it; an unknown name stands for itself, without underscores.
pub(super) fn title(network: &str) -> String {
    if let Some((stem, temperature)) = network.split_once('-')
        && stem == "plain_kd"
    {
        return format!("Plain KD, temperature {temperature}");
    }
    match network {
        "teacher" => "Teacher".to_owned(),
        "student_int8" => "Student, int8 (ships)".to_owned(),
        "student_float" => "Student, float".to_owned(),
        "plain_kd" => "Plain KD".to_owned(),
        "teachers_mean" => "Mean of the teachers".to_owned(),
        "self" => "Self teacher".to_owned(),
        "graph_mlp" => "Graph-MLP".to_owned(),
        "uniform_teacher" => "Uniform teacher".to_owned(),
        "label_smoothing" => "Label smoothing".to_owned(),
        "label_only" => "Labels only".to_owned(),
        "random_router" => "Random router".to_owned(),
        "cotrained" => "Student after co-training".to_owned(),
        "persistence" => "Present value".to_owned(),
        other => match other.strip_prefix("teacher_") {
            Some(number) => format!("Teacher {number}"),
            None => other.replace('_', " "),
        },
    }
}

/// A network in the middle of a sentence.
pub(super) fn in_a_sentence(network: &str) -> String {
    match network {
        "teacher" => "the teacher".to_owned(),
        "student_float" => "its own float form".to_owned(),
        "teachers_mean" => "the mean of the teachers".to_owned(),
        "self" => "the self teacher".to_owned(),
        "uniform_teacher" => "the uniform teacher".to_owned(),
        "random_router" => "the random router".to_owned(),
        "cotrained" => "the student after co-training".to_owned(),
        "persistence" => "the present value".to_owned(),
        "graph_mlp" => title(network),
        name if name.starts_with("plain_kd") => title(network).replacen("Plain", "plain", 1),
        _ => title(network).to_lowercase(),
    }
}

/// What a network is, in one sentence; empty for an unknown one.
pub(super) fn explanation(network: &str) -> &'static str {
    match network {
        "student_int8" => "the distilled student as it is in the student file",
        "student_float" => "the distilled student before rounding",
        "plain_kd" => "control: the same network taught by plain distillation, its temperature chosen on the tune rows",
        "self" => "control: the same recipe with teachers that see only what the student sees",
        "graph_mlp" => "control: the same network on labels and edges alone, its setting chosen on the tune rows",
        "uniform_teacher" => "control: the same network, taught by a teacher that knows nothing",
        "label_smoothing" => "control: the same network on labels smoothed by 0.1",
        "label_only" => "control: the same network on labels only",
        "random_router" => "control: the same recipe, a teacher drawn at random for each row",
        "cotrained" => "the student's network at the end of co-training",
        "persistence" => "no network: the forecast is the present value",
        name if name.starts_with("teacher") => "float; it may see what the student does not",
        _ => "",
    }
}

/// A split in the middle of a sentence or as a heading.
pub(super) fn split(name: &str) -> String {
    match name {
        "folds" => "cross-validation".to_owned(),
        "random" => "random split".to_owned(),
        "ordered" => "split in the order of time".to_owned(),
        other => other.to_owned(),
    }
}

/// The part of a run in words.
pub(super) fn part(name: &str) -> &str {
    match name {
        "observed" => "test, seen nodes",
        other => other,
    }
}

/// Mean with deviation where there are several runs, or a dash where a figure is not defined.
pub(super) fn spread(mean: Option<f64>, sd: Option<f64>, count: usize) -> String {
    match (mean, sd) {
        (Some(mean), Some(sd)) if count > 1 => {
            let places = Places::of(&[mean, sd]);
            format!("{} ± {}", places.show(mean), places.show(sd))
        }
        (Some(mean), _) => Places::of(&[mean]).show(mean),
        (None, _) => UNDEFINED.to_owned(),
    }
}

/// A difference with its standard error, in the places that figures of the size `beside` have.
pub(super) fn points(difference: &Paired, beside: f64) -> String {
    let places = Places::of(&[beside, difference.mean]);
    match difference.standard_error {
        Some(error) => format!("{} ± {}", signed(places, difference.mean), places.show(error)),
        None => signed(places, difference.mean),
    }
}

/// A signed number; what rounds to zero carries no sign.
pub(super) fn signed(places: Places, value: f64) -> String {
    let shown = places.show(value.abs());
    if shown.chars().all(|c| matches!(c, '0' | '.')) {
        shown
    } else if value < 0.0 {
        format!("−{shown}")
    } else {
        format!("+{shown}")
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

    #[test]
    fn every_known_network_has_words_and_an_unknown_one_stands_for_itself() {
        for network in ORDER {
            assert!(title(network) != network && !explanation(network).is_empty(), "{network}");
        }
        assert_eq!((title("teacher_4"), title("plain_kd-2")), ("Teacher 4".into(), "Plain KD, temperature 2".into()));
        assert_eq!((title("my_<control>"), explanation("my_control")), ("my <control>".into(), ""));
        assert_eq!(
            (in_a_sentence("graph_mlp"), in_a_sentence("label_only")),
            ("Graph-MLP".into(), "labels only".into())
        );
        let mut names = ["label_only", "zeta", "teacher_2", "student_int8", "teacher", "plain_kd"];
        names.sort_by_key(|name| order(name));
        assert_eq!(names, ["teacher", "teacher_2", "student_int8", "plain_kd", "label_only", "zeta"]);
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            (grouped(7), grouped(1234), grouped(1_234_567)),
            ("7".into(), "1\u{202f}234".into(), "1\u{202f}234\u{202f}567".into())
        );
        let of = |value| signed(Places::of(&[80.0]), value);
        assert_eq!((of(-0.001), of(-1.5), of(0.25)), ("0.00".into(), "−1.50".into(), "+0.25".into()));
        assert_eq!(spread(Some(81.0), Some(0.0), 5), "81.00 ± 0.00");
        assert_eq!(spread(Some(81.0), Some(0.0), 1), "81.00");
        assert_eq!(spread(None, None, 5), UNDEFINED);
        let difference = Paired { mean: -2e-10, standard_error: Some(1e-10), pairs: 3 };
        assert_eq!(points(&difference, 2e-9), "−2.00e-10 ± 1.00e-10");
    }
}
