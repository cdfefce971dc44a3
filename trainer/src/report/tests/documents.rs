//! Page, card and terminal show one document.

use crate::report::names::title;
use crate::report::{Depth, Document, Metrics, card, html, samples, summary};

const HOSTILE: &str =
    "a|b\n</title></svg><script>alert(1)</script><img src=x onerror=alert(1)> [x](y) *b* `c` \u{202e}\u{1b}[2J & \"' #";

/// A run in which every text from outside is hostile.
fn hostile(mut run: Metrics) -> Metrics {
    let text = || HOSTILE.to_owned();
    (run.recipe, run.tool, run.backend) = (text(), text(), text());
    (run.recipe_text, run.data.name, run.data.notice) = (Some(text()), Some(text()), Some(text()));
    run.data.warnings = vec![text()];
    run.data.outputs.iter_mut().for_each(|name| *name = text());
    for teacher in &mut run.teachers {
        (teacher.title, teacher.path, teacher.sha256) = (text(), Some(text()), Some(text()));
    }
    for control in &mut run.controls {
        (control.title, control.difference) = (text(), text());
    }
    let classes = run.confusion.iter_mut().flat_map(|confusion| &mut confusion.classes);
    classes.for_each(|class| class.label = text());
    run.residuals.iter_mut().flat_map(|residuals| &mut residuals.groups).for_each(|group| group.name = text());
    run.runs.iter_mut().flat_map(|run| &mut run.mixer).for_each(|source| source.name = text());
    for figure in run.figures.values_mut() {
        (figure.title, figure.unit) = (text(), text());
    }
    let known = run.results.iter().map(|row| row.network.clone()).find(|name| name == "plain_kd");
    for row in run.summary.iter_mut().filter(|row| Some(&row.network) == known.as_ref()) {
        row.network = text();
    }
    for row in run.differences.iter_mut().filter(|row| Some(&row.b) == known.as_ref()) {
        row.b = text();
    }
    run
}

#[test]
fn everything_is_in_one_file_that_loads_nothing() {
    for run in samples::all() {
        let page = html(&Document::of(&run)).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
        for forbidden in ["<script", "src=", "@import", "url(", "<link", "https://"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for network in run.summary.iter().map(|row| &row.network) {
            assert!(page.contains(&title(network)), "{network}");
        }
        for text in [&run.recipe_hash, &run.shipped.student_hash, "# &lt;b&gt;", "x86_64-linux-gnu with avx2, fma"] {
            assert!(page.contains(text), "{text}");
        }
        assert_eq!(page, html(&Document::of(&run)).unwrap(), "the same metrics, the same bytes");
    }
}

#[test]
fn hostile_names_are_text_on_page_card_and_terminal() {
    for run in samples::all().map(hostile) {
        let document = Document::of(&run);
        let (page, card) = (html(&document).unwrap(), card(&document).unwrap());
        for text in [&page, &card] {
            assert!(!text.contains("<script") && !text.contains("<img"), "{text}");
            assert!(!text.contains(['\u{202e}', '\u{1b}']) && text.contains("&lt;script"), "{text}");
        }
        // Every tag of the page is the template's own.
        assert_eq!(page.matches("</svg>").count(), page.matches("<svg ").count());
        assert_eq!(page.matches("<title").count(), page.matches("</title>").count());
        assert!(!card.lines().any(|line| line.starts_with("</title")), "a name stays in its line");
        assert!(summary(&document).contains("alert(1)"), "the printer spells out what steers a terminal");
    }
}

#[test]
fn charts_have_title_and_description_and_tables_have_headers() {
    let counts = samples::all().map(|run| {
        let page = html(&Document::of(&run)).unwrap();
        let count = |what: &str| page.matches(what).count();
        let charts = count("<svg class=\"chart\"");
        assert_eq!((count("<title id="), count("<desc id=")), (charts, charts));
        assert_eq!(count("<table"), count("<caption"));
        assert_eq!(count("<table"), count("<thead"));
        assert!(count("scope=\"row\"") > 20);
        let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|part| part.split('"').next()).collect();
        let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "every id once");
        charts
    });
    // Networks and differences of two settings, confusion, reliability, coverage, accuracy of all trainings and six losses.
    assert_eq!(counts, [14, 14 - 2 + 1, 4]);
}

#[test]
fn a_graph_and_a_table_have_the_same_sections() {
    let titles = |run: &Metrics| -> Vec<String> {
        Document::of(run).sections.into_iter().map(|section| section.title).collect()
    };
    let [graph, table, regression] = samples::all();
    let extra = "Sources of the soft targets";
    let without = |titles: Vec<String>| titles.into_iter().filter(|title| title != extra).collect::<Vec<_>>();
    assert!(titles(&table).iter().any(|title| title == extra));
    assert_eq!(without(titles(&table)), titles(&graph));
    let regression = titles(&regression);
    assert!(regression.iter().any(|title| title == "Residuals") && !regression.iter().any(|title| title == "Classes"));
}

#[test]
fn the_card_states_use_limits_figures_and_origin() {
    for run in samples::all() {
        let document = Document::of(&run);
        let text = card(&document).unwrap();
        for section in document.sections.iter().filter(|section| section.depth <= Depth::Card) {
            assert!(text.contains(&format!("\n## {}\n", section.title)), "{}", section.title);
        }
        for heading in ["Intended use", "Limits", "Data", "Networks", "Cost on the chip", "Origin", "How to verify"] {
            assert!(text.contains(&format!("\n## {heading}\n")), "{heading}");
        }
        assert!(text.contains("Made on | x86_64-linux-gnu with avx2, fma"));
        assert!(text.ends_with('\n') && !text.contains("\n\n\n") && !text.contains("<svg"));
        assert!(text.contains("eyas verify student.eyas") && text.contains(&run.shipped.student_hash));
        // Every table has as many separators as columns in each of its rows.
        for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
            let bars = |line: &str| line.replace("\\|", "").matches('|').count();
            let widths: Vec<usize> = block.lines().map(bars).collect();
            assert!(widths.len() > 2 && widths.windows(2).all(|pair| pair[0] == pair[1]), "{block}");
        }
    }
    let graph = card(&Document::of(&samples::graph(&[1, 2], 1.0))).unwrap();
    assert!(graph.contains("**CC BY 4.0**, McCallum") && graph.contains("Neural Networks &lt;deep&gt;"));
    let table = card(&Document::of(&samples::table(1.0))).unwrap();
    assert!(table.contains("No licence or citation was given") && table.contains("m.onnx"));
}

#[test]
fn the_terminal_shows_every_network_difference_and_verdict() {
    for run in samples::all() {
        let text = summary(&Document::of(&run));
        for row in &run.summary {
            assert!(text.contains(&title(&row.network)), "{}", row.network);
        }
        assert!(text.contains("Flash for the file") && !text.contains('\u{1b}'), "no escape codes");
        for verdict in Document::of(&run).verdicts {
            assert!(text.contains(&verdict.text));
        }
    }
    let text = summary(&Document::of(&samples::table(1.0)));
    assert!(
        text.contains("6 runs ± standard deviation over the folds") && text.contains("Share of the rows"),
        "{text}"
    );
}

#[test]
fn a_small_run_renders_too() {
    let mut run = samples::graph(&[7], 1.0);
    run.runs.iter_mut().for_each(|run| run.trainings.clear());
    run.differences.clear();
    run.controls.clear();
    run.data.warnings.clear();
    (run.confusion, run.reliability, run.coverage, run.rounding) = (None, None, None, None);
    (run.made_on, run.recipe_text) = (None, None);
    let page = html(&Document::of(&run)).unwrap();
    assert!(page.contains("nothing to compare with") && page.contains("No control was run"));
    assert!(page.contains("a machine that was not recorded") && !page.contains("<h2>Training</h2>"));
    run.summary.clear();
    run.results.clear();
    let page = html(&Document::of(&run)).unwrap();
    assert!(page.contains("Nothing was measured on test rows"));
}

#[test]
fn files_of_versions_before_render_too() {
    let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    for model in ["cora", "har-watch", "beijing-air"] {
        let document = Document::of(&Metrics::read(&models.join(model)).unwrap());
        assert!(
            html(&document).unwrap().contains("Student, int8 (ships)")
                && card(&document).unwrap().contains("## Networks")
        );
    }
}
