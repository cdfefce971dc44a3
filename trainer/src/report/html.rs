//! `report.html`: one file that needs no network, for a browser, a phone or paper.

use super::ReportError;
use super::document::Document;
use super::template::{Form, render};
use minijinja::context;
use minijinja::value::Serde;
use serde::Serialize;

/// How one line looks.
#[derive(Clone, Copy, Debug, Serialize)]
struct LineStyle {
    /// Colour on a light page.
    light: &'static str,
    /// Colour on a dark page.
    dark: &'static str,
    /// Dash pattern as SVG writes it; `none` for a full line.
    dash: &'static str,
}

/// Styles of lines, in the order of charts. Blue, orange and so on tell apart in the common forms of colour blindness, and
/// the dashes do without colour.
const STYLES: [LineStyle; super::chart::STYLES] = [
    LineStyle { light: "#0b62a4", dark: "#6db3f2", dash: "none" },
    LineStyle { light: "#b85000", dark: "#f2a65a", dash: "6 3" },
    LineStyle { light: "#1b7a3d", dark: "#6fcf8e", dash: "2 3" },
    LineStyle { light: "#8e2c8a", dark: "#e394df", dash: "9 3 2 3" },
    LineStyle { light: "#8a6d00", dark: "#e0c454", dash: "12 4" },
    LineStyle { light: "#b3202c", dark: "#ff8b94", dash: "4 2 1 2" },
    LineStyle { light: "#40565f", dark: "#a9c0ca", dash: "1 2" },
    LineStyle { light: "#006b6b", dark: "#5cd1cf", dash: "10 2 2 2 2 2" },
];

/// Renders a document as a page.
///
/// Every text from outside is escaped; the page loads nothing and runs no script.
///
/// # Errors
/// [`ReportError`], where the template does not render.
pub fn html(document: &Document) -> Result<String, ReportError> {
    let values = context! { d => Serde(document), styles => Serde(STYLES) };
    render(Form::Html, include_str!("templates/report.html"), values)
}
