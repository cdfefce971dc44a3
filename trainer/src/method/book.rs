//! What `eyas methods` prints and `docs/METHODS.md` holds, from the register alone.

use std::fmt::Write;

use super::{METHODS, Method, Point, at};

/// One line a method, by section of the recipe.
#[must_use]
pub fn list() -> String {
    let mut text = String::new();
    let width = METHODS.iter().map(|method| method.kind.len()).max().unwrap_or(0);
    for point in Point::ALL.into_iter().filter(|&point| at(point).next().is_some()) {
        let _ = writeln!(text, "{}", heading(point));
        for method in at(point) {
            let _ = writeln!(text, "  {:width$}  {}", method.kind, method.summary);
        }
    }
    text
}

/// Everything about one method, as Markdown.
#[must_use]
pub fn explain(method: &Method) -> String {
    let mut text = format!("### `{}`\n\n{}\n\n{}", method.kind, method.summary, method.text);
    let needs: Vec<String> = method.needs.conditions().into_iter().flatten().collect();
    if !needs.is_empty() {
        let _ = writeln!(text, "- Needs: {}.", needs.join(", "));
    }
    let keys = (method.keys)();
    if keys.is_empty() {
        text.push_str("\nIt has no keys.\n");
    } else {
        text.push_str("\n| key | default | range | meaning |\n|---|---|---|---|\n");
        for key in keys {
            let default = match key.default_text().as_str() {
                "needed" => "must be given".to_owned(),
                "none" => "unset".to_owned(),
                default => default.to_owned(),
            };
            let tied = key.needs.map_or_else(String::new, |needs| format!(" Only with {needs}."));
            let cells = [format!("`{}`", key.name), default, key.range_text(), key.doc_text() + &tied];
            let _ = writeln!(text, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
    }
    let _ = writeln!(text, "\n```toml\n{}```", method.example);
    text
}

/// All methods, as `docs/METHODS.md`.
#[must_use]
pub fn whole() -> String {
    let mut text = "# Methods\n\n`eyas methods` prints this page: `eyas methods NAME` one method, `eyas methods --markdown` all of \
                    it. A recipe\nchooses methods by `kind`; a key that is left out has its default.\n"
        .to_owned();
    for point in Point::ALL.into_iter().filter(|&point| at(point).next().is_some()) {
        let _ = writeln!(text, "\n## {}", heading(point));
        for method in at(point) {
            let _ = write!(text, "\n{}", explain(method));
        }
    }
    text
}

/// A point with its section, as a heading.
fn heading(point: Point) -> String {
    let name = point.section();
    let section = if point.is_list() { format!("[[{name}]]") } else { format!("[{name}]") };
    let what = match point {
        Point::Rows => "what happens to the student's rows while it trains",
        Point::Acquire => "rows or labels that the data does not have yet",
        Point::Target => "what the teachers' answers become; first a mixer, then shapers",
        Point::Objective => "the loss between student, target and label",
        Point::Link => "losses between rows, or on hidden layers",
        Point::Head => "the student's last layer",
        Point::Search => "the choice of a recipe",
        Point::Audit => "what is measured and may stop a run",
    };
    format!("`{section}`: {what}")
}
