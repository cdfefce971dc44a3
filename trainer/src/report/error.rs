//! Why a report could not be rendered.

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The metrics lack something the template needs.
    #[error("the report cannot be rendered: {0:#}; the metrics are not those of a finished run")]
    Template(#[from] minijinja::Error),
    /// A chart could not be drawn.
    #[error("the chart \"{chart}\" cannot be drawn: {reason}")]
    Plot {
        /// Title of the chart.
        chart: String,
        /// What the drawing library says.
        reason: String,
    },
}
