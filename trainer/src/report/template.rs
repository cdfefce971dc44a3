//! The template engine as both reports use it.

use super::ReportError;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment};

/// An engine that writes `escape`d text and keeps the lines of a template as they stand.
pub(crate) fn environment(escape: AutoEscape) -> Result<Environment<'static>, ReportError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    Ok(environment)
}
