//! The model card in Markdown, next to the student file.

use super::ReportError;
use super::document::{Depth, Document, Section};
use super::template::{Form, foreign_markdown, render};
use minijinja::context;
use minijinja::value::Serde;

/// A model card.
///
/// # Errors
/// [`ReportError`], where the template does not render.
pub fn card(document: &Document) -> Result<String, ReportError> {
    let section = |section: &Section| {
        context! {
            s => Serde(section),
            code => section.code.iter().map(|code| context! {
                caption => code.caption.as_str(),
                text => fenced(&code.text),
            }).collect::<Vec<_>>(),
            foreign => section.foreign.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(foreign_markdown),
        }
    };
    let shown = document.sections.iter().filter(|section| section.depth <= Depth::Card);
    let values = context! {
        title => document.title.as_str(),
        subtitle => document.subtitle.as_str(),
        verdicts => Serde(&document.verdicts),
        sections => shown.map(section).collect::<Vec<_>>(),
    };
    let text = render(Form::Markdown, include_str!("templates/card.md"), values)?;
    // A value that is left out leaves its blank line.
    Ok(text
        .split("\n\n")
        .filter(|block| !block.trim().is_empty())
        .map(|block| block.trim_matches('\n'))
        .collect::<Vec<_>>()
        .join("\n\n")
        + "\n")
}

/// Lines inside a fence that none of them ends; a tag stays text also where fences are not understood.
fn fenced(text: &str) -> minijinja::Value {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    minijinja::Value::from_safe_string(format!("{fence}text\n{}\n{fence}", text.trim_end().replace('<', "&lt;")))
}
