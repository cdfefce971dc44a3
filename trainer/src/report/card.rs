//! The model card that lies beside a student file.

use super::ReportError;
use super::columns::{explanation, points, spread, title};
use super::evidence::Evidence;
use super::metrics::{COLUMNS, Metrics, made_on};
use super::template::{Form, foreign_markdown, render};
use super::verdict::{edge_agreement, verdict};
use minijinja::context;
use minijinja::value::Serde;

/// A model card in Markdown.
///
/// `notice` is the licence and citation line of the data; without one the card says that none was given.
///
/// # Errors
/// [`ReportError::Template`], for metrics that are not those of a finished run.
pub fn card(metrics: &Metrics, notice: Option<&str>) -> Result<String, ReportError> {
    let (mean, sd, seeds) = (&metrics.mean, &metrics.sd, metrics.seeds.len());
    let accuracies: Vec<_> = COLUMNS
        .iter()
        .map(|column| {
            context! {
                title => title(column),
                explanation => explanation(column),
                transductive => spread(Some(&mean.transductive), Some(&sd.transductive), column, seeds),
                inductive => spread(mean.inductive.as_ref(), sd.inductive.as_ref(), column, seeds),
            }
        })
        .collect();
    let differences: Vec<_> = metrics
        .differences
        .iter()
        .map(|difference| {
            context! {
                setting => difference.setting.as_str(),
                what => format!("{} − {}", title(&difference.a), title(&difference.b)),
                points => points(&difference.paired),
                evidence => Evidence::of(&difference.paired).words(),
            }
        })
        .collect();
    let classes: Vec<_> = metrics
        .classes
        .iter()
        .map(|class| {
            let share = |value: f64| format!("{value:.3}");
            context! {
                label => class.label.as_str(),
                support => class.support,
                precision => share(class.precision),
                recall => share(class.recall),
                f1 => share(class.f1),
            }
        })
        .collect();
    let values = context! {
        m => Serde(metrics),
        notice => notice.map(str::trim).filter(|notice| !notice.is_empty()).map(foreign_markdown),
        widths => metrics.student_widths.iter().map(usize::to_string).collect::<Vec<_>>().join(" → "),
        seeds => metrics.seeds.iter().map(|seed| seed.seed.to_string()).collect::<Vec<_>>().join(", "),
        transductive => verdict(metrics, "transductive"),
        inductive => verdict(metrics, "inductive"),
        edge_agreement => edge_agreement(metrics),
        made_on => made_on(metrics.made_on.as_ref()),
        macro_f1 => format!("{:.3}", metrics.macro_f1),
        accuracies,
        differences,
        evidence_key => Evidence::KEY,
        classes,
    };
    render(Form::Markdown, include_str!("templates/card.md"), values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_card_states_use_limits_figures_and_origin() {
        let run = samples::run(&[2022, 2023, 2024], 1.0);
        let text = card(&run, Some("CC BY 4.0, McCallum et al. 2000")).unwrap();
        for heading in
            ["Intended use", "What it sees", "Data", "Accuracy", "Classes", "Cost", "Limits", "Origin", "How to verify"]
        {
            assert!(text.contains(&format!("\n## {heading}")), "{heading}");
        }
        assert!(text.contains("CC BY 4.0, McCallum et al. 2000"));
        assert!(text.contains("made on | x86_64-linux-gnu with avx2, fma"));
        assert!(text.contains(&run.data.hash) && text.contains(&run.recipe_hash) && text.contains(&run.student_hash));
        assert!(text.contains(&format!("{:.2} ± ", run.mean.transductive.student_int8)));
        assert!(text.contains("Neural Networks &lt;deep&gt;") && text.ends_with('\n') && !text.contains("\n\n\n"));
        assert_eq!(text, card(&run, Some("CC BY 4.0, McCallum et al. 2000\n")).unwrap());
    }

    #[test]
    fn a_missing_notice_and_setting_are_said() {
        let mut run = samples::run(&[1], 1.0);
        run.mean.inductive = None;
        run.made_on = None;
        run.differences.retain(|difference| difference.setting == "transductive");
        let text = card(&run, None).unwrap();
        assert!(text.contains("No licence or citation was given"));
        assert!(text.contains("was not measured") && text.contains("made on | a machine that was not recorded"));
    }
}
