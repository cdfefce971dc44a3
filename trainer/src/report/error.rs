//! Why a report could not be rendered.

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The template lacks something.
    #[error("the report cannot be rendered: {0:#}; the metrics are not those of a finished run")]
    Template(#[from] minijinja::Error),
}
