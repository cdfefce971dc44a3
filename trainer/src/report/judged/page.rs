//! The figures of a judged student as text.

use super::{Figures, Judged};
use crate::output::one_line;
use crate::report::document::{Depth, Document, Section, Table};
use crate::report::names::{grouped, signed};
use crate::report::number::{Places, UNDEFINED};
use crate::report::shipped::Confusion;

/// Most classes whose confusion matrix fits a terminal.
const MATRIX: usize = 12;
/// Confusions that are listed where the matrix does not fit.
const LISTED: usize = 10;

/// Figures, classes, confusions and groups; `unit` is the name of a regression's quantity.
#[must_use]
pub fn page(judged: &Judged, title: &str, subtitle: &str, unit: &str) -> Document {
    let mut sections = vec![figures(judged, unit)];
    if let Some(confusion) = &judged.confusion {
        sections.extend([classes(confusion), confusions(confusion)]);
    }
    sections.push(groups(judged));
    sections.retain(|section| !section.is_empty());
    Document { title: title.to_owned(), subtitle: subtitle.to_owned(), verdicts: Vec::new(), sections }
}

/// A figure as people read it.
fn words(figure: &str) -> &str {
    match figure {
        "accuracy" => "accuracy, %",
        "macro_f1" => "macro-F1, %",
        "mae" => "mean absolute error",
        "rmse" => "root mean squared error",
        "r2" => "R²",
        "bias" => "bias (predicted minus true)",
        other => other,
    }
}

fn shown(name: &str, value: Option<f64>) -> String {
    let Some(value) = value else { return UNDEFINED.to_owned() };
    let places = Places::of(&[value]);
    if name == "bias" { signed(places, value) } else { places.show(value) }
}

fn figures(judged: &Judged, unit: &str) -> Section {
    let caption = if judged.confusion.is_some() { "of decisions".to_owned() } else { format!("in the unit of {unit}") };
    let mut table = Table::new(&caption, "figure").numbers("value").numbers("95 % interval");
    for &(name, value) in &judged.all.values {
        let interval = judged.all.intervals.iter().find(|(known, _)| *known == name);
        let interval = interval.map_or_else(
            || UNDEFINED.to_owned(),
            |&(_, [low, high])| format!("{} to {}", shown(name, Some(low)), shown(name, Some(high))),
        );
        table.row(vec![words(name).to_owned(), shown(name, value), interval]);
    }
    Section::new("Figures", Depth::Brief).table(table).say(judged.sampling.sentence())
}

fn classes(confusion: &Confusion) -> Section {
    let table = Table::new("precision, recall and F1 in %", "class").numbers("rows");
    let mut table = table.numbers("precision").numbers("recall").numbers("F1");
    for class in &confusion.classes {
        let shares = [class.precision, class.recall, class.f1].map(|share| Places::Decimals(2).show(share));
        table.row([vec![one_line(&class.label).into_owned(), grouped(class.support)], shares.to_vec()].concat());
    }
    Section::new("Classes", Depth::Brief).table(table)
}

fn confusions(confusion: &Confusion) -> Section {
    let section = Section::new("Confusion", Depth::Brief);
    let Some(counts) = &confusion.counts else { return section };
    let names: Vec<String> = confusion.classes.iter().map(|class| one_line(&class.label).into_owned()).collect();
    if names.len() <= MATRIX {
        let mut table = Table::new("a row for each right class, a column for each decided one", "right");
        for name in &names {
            table = table.numbers(name);
        }
        for (name, row) in names.iter().zip(counts) {
            table.row(std::iter::once(name.clone()).chain(row.iter().map(|&count| grouped(count))).collect());
        }
        return section.table(table);
    }
    let wrong = |right: usize| counts[right].iter().enumerate().map(move |(decided, &count)| (count, right, decided));
    let mut wrong: Vec<(usize, usize, usize)> = (0..names.len()).flat_map(wrong).collect();
    wrong.retain(|&(count, right, decided)| count > 0 && right != decided);
    wrong.sort_by_key(|&(count, right, decided)| (std::cmp::Reverse(count), right, decided));
    let mut table = Table::new("the most frequent", "right").words("decided").numbers("rows");
    for &(count, right, decided) in wrong.iter().take(LISTED) {
        table.row(vec![names[right].clone(), names[decided].clone(), grouped(count)]);
    }
    section.table(table)
}

fn groups(judged: &Judged) -> Section {
    let mut table = Table::new("the same figures by group", "group").numbers("rows");
    for (name, _) in &judged.all.values {
        table = table.numbers(words(name));
    }
    for (name, Figures { rows, values, .. }) in &judged.groups {
        let values = values.iter().map(|&(figure, value)| shown(figure, value));
        table.row([one_line(name).into_owned(), grouped(*rows)].into_iter().chain(values).collect());
    }
    Section::new("Groups", Depth::Brief).table(table)
}
