//! `report.html` of an import: the differences between the student's integers and the source's, as one page without
//! scripts.

use minijinja::context;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};

use super::{Imported, LayerCount};
use crate::output::hexadecimal;
use crate::report::{Form, ReportError, render};

/// Renders the page; `name` is the model as the user named it.
///
/// # Errors
/// [`ReportError`], for a template that does not render.
pub fn page(name: &str, imported: &Imported) -> Result<String, ReportError> {
    let sum = |count: fn(&LayerCount) -> u64| imported.layers.iter().map(count).sum::<u64>();
    let values = context! {
        name,
        format => imported.format,
        file_bytes => imported.sealed.file.len(),
        golden_vectors => imported.sealed.golden_vectors,
        sha256 => hexadecimal(&Sha256::digest(&*imported.sealed.file)),
        rows => imported.rows,
        values => sum(|layer| layer.values),
        off_by_one => sum(|layer| layer.off_by_one),
        larger => sum(|layer| layer.larger),
        layers => Serde(&imported.layers),
        judged => Serde(&imported.judged),
        unsigned => imported.unsigned,
    };
    render(Form::Html, include_str!("report.html"), values)
}
