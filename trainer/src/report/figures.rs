//! Sections about all networks: their figures, differences, trainings, runs and times.

use super::chart::{Dot, Line, Words, dots, lines};
use super::document::{Depth, Section, Table, capital};
use super::evidence::Evidence;
use super::metrics::{Figure, Metrics, Summary};
use super::names::{grouped, order, part, signed, split, spread, title};
use super::number::{Places, UNDEFINED, figure};
use super::outcome::{Curve, MixerShare, Role, TEST, Tried, role};
use super::statistics::mean;
use super::summarise::group;
use super::verdict::{edge_agreement, shown, size};
use std::collections::BTreeMap;

/// A figure's title with its unit.
fn headed(name: &str, figure: Option<&Figure>) -> String {
    match figure {
        Some(Figure { title, unit, .. }) if unit.is_empty() => title.clone(),
        Some(Figure { title, unit, .. }) if unit == "per cent" => format!("{title}, %"),
        Some(Figure { title, unit, .. }) => format!("{title}, {unit}"),
        None => name.to_owned(),
    }
}

/// The mark of a network.
fn mark(network: &str) -> &'static str {
    match role(network) {
        Role::Teacher => "teacher",
        Role::Student => "student",
        Role::Control => "control",
        Role::Reference => "reference",
    }
}

/// Figures in the order reports show them: the one that decides first.
fn ordered(metrics: &Metrics) -> Vec<(&String, &Figure)> {
    let mut all: Vec<_> = metrics.figures.iter().collect();
    all.sort_by_key(|(name, _)| (*name != metrics.main_figure(), *name == "r2"));
    all
}

/// Means over the runs of a split on the test rows, one row a network.
fn table(metrics: &Metrics, name: &str, part_name: &str) -> Table {
    let rows: Vec<&Summary> = metrics.summary.iter().filter(|row| row.split == name && row.part == part_name).collect();
    let figures: Vec<_> =
        ordered(metrics).into_iter().filter(|(figure, _)| rows.iter().any(|row| &row.figure == *figure)).collect();
    let count = rows.iter().map(|row| row.count).max().unwrap_or(0);
    let over = match (count, name) {
        (1, _) => "one run".to_owned(),
        (count, "folds") => format!("mean over {count} runs ± standard deviation over the folds"),
        (count, _) => format!("mean ± standard deviation over {count} seeds"),
    };
    let mut table = Table::new(&format!("{}, {} rows: {over}", capital(&split(name)), part(part_name)), "Network");
    for (figure, about) in &figures {
        table = table.numbers(&headed(figure, Some(about)));
    }
    let mut networks: Vec<&String> = rows.iter().map(|row| &row.network).collect();
    networks.sort_by_key(|network| order(network));
    networks.dedup();
    for network in networks {
        let cell = |(figure, _): &(&String, &Figure)| {
            metrics
                .summary(name, part_name, network, figure)
                .map_or_else(String::new, |row| spread(row.mean, row.sd, row.count))
        };
        let cells = std::iter::once(title(network)).chain(figures.iter().map(cell)).collect();
        table.row_of(cells, network == "student_int8");
    }
    table
}

/// Every network's figures on the test rows.
pub(super) fn networks(metrics: &Metrics) -> Section {
    let mut section = Section::new("Networks", Depth::Brief);
    let main = metrics.main_figure();
    let about = metrics.figures.get(main);
    for name in metrics.splits() {
        let row = |row: &Summary| {
            Some(Dot {
                name: title(&row.network),
                text: spread(row.mean, row.sd, row.count),
                value: row.mean?,
                interval: row.sd.filter(|_| row.count > 1).and_then(|sd| Some([row.mean? - sd, row.mean? + sd])),
                inner: None,
                mark: mark(&row.network),
            })
        };
        let rows = metrics.summary.iter().filter(|row| row.split == name && row.part == TEST && row.figure == main);
        let rows: Vec<Dot> = rows.filter_map(row).collect();
        if rows.is_empty() {
            continue;
        }
        let x = headed(main, about);
        let words = Words {
            title: &format!("{}: {} on the test rows, ± one standard deviation", capital(&split(name)), x),
            x: &x,
            y: "",
        };
        section = section.chart(dots(words, &rows, None)).table(table(metrics, name, TEST));
    }
    if metrics.data.kind == super::metrics::DataKind::Graph {
        section = section.say(
            "Transductive: test nodes whose features and edges the teacher saw, their labels never. Inductive: test nodes \
             that were taken out, with their edges, before the teacher was trained.",
        );
    }
    match edge_agreement(metrics) {
        Some(sentence) => section.say(sentence),
        None => section,
    }
}

/// The int8 student minus every other network.
pub(super) fn differences(metrics: &Metrics) -> Section {
    let mut section = Section::new("Int8 student minus the others", Depth::Brief);
    let main = metrics.main_figure();
    for name in metrics.splits() {
        let here = || metrics.differences.iter().filter(move |difference| difference.split == name);
        let rows: Vec<Dot> = here()
            .filter(|difference| difference.figure == main)
            .map(|difference| Dot {
                name: format!("minus {}", title(&difference.b)),
                text: shown(metrics, difference),
                value: difference.paired.mean,
                interval: difference.interval_95,
                inner: None,
                mark: mark(&difference.b),
            })
            .collect();
        if rows.is_empty() {
            continue;
        }
        let about = metrics.figures.get(main);
        let better = if about.is_none_or(|figure| figure.higher_is_better) { "right" } else { "left" };
        let heading = about.map_or_else(|| main.to_owned(), |figure| figure.title.clone());
        let unit = match about.map(|figure| figure.unit.as_str()) {
            Some("per cent") => "points".to_owned(),
            Some(unit) if !unit.is_empty() => unit.to_owned(),
            _ => "difference".to_owned(),
        };
        let words = Words {
            title: &format!(
                "{}: {heading}, paired difference with 95 % interval; better is {better}",
                capital(&split(name))
            ),
            x: &unit,
            y: "",
        };
        section = section.chart(dots(words, &rows, Some(0.0)));
        let folds = here().any(|difference| difference.folds.is_some());
        let by = if folds { "folds" } else { "seeds" };
        let mut table =
            Table::new(&format!("{}: difference ± standard error over the {by}", capital(&split(name))), "Minus")
                .words("Figure")
                .numbers("Difference")
                .numbers("95 % interval")
                .words("Evidence");
        for difference in here() {
            let places = Places::of(&[difference.paired.mean, size(metrics, difference)]);
            let interval = difference.interval_95.map_or_else(
                || UNDEFINED.to_owned(),
                |[lo, hi]| format!("{} to {}", signed(places, lo), signed(places, hi)),
            );
            let figure = metrics.figures.get(&difference.figure).map_or(&difference.figure, |figure| &figure.title);
            let words = difference.evidence.words().to_owned();
            table.row(vec![title(&difference.b), figure.clone(), shown(metrics, difference), interval, words]);
        }
        section = section.table(table);
    }
    if section.tables.is_empty() {
        return section.say("No other network was measured in the same runs, so there is nothing to compare with.");
    }
    let folds = if metrics.differences.iter().any(|difference| difference.folds.is_some()) {
        " Errors are over the means of the folds: seeds of one fold share their rows."
    } else {
        ""
    };
    section.say(format!("Paired by split and seed. {}.{folds}", capital(Evidence::KEY)))
}

/// Curves of the shipped run.
pub(super) fn training(metrics: &Metrics) -> Section {
    let section = Section::new("Training", Depth::Page);
    let shipped = &metrics.shipped;
    let Some(run) = metrics.runs.iter().find(|run| (&run.split, run.seed) == (&shipped.split, shipped.seed)) else {
        return section;
    };
    let mut curves: Vec<(&String, &Curve)> =
        run.trainings.iter().filter_map(|(name, training)| Some((name, training.curve.as_ref()?))).collect();
    curves.sort_by_key(|(name, _)| order(name));
    let line = |(style, (name, values)): (usize, (&String, &Vec<f32>))| Line {
        name: trained(name),
        points: values.iter().zip(1u32..).map(|(&y, epoch)| (f64::from(epoch), f64::from(y))).collect(),
        style,
    };
    let accuracies: Vec<Line> = curves
        .iter()
        .enumerate()
        .filter(|(_, (_, curve))| curve.tune_figure == "accuracy" && !curve.tune.is_empty())
        .map(|(style, (name, curve))| line((style, (name, &curve.tune))))
        .collect();
    let mut section = section;
    if !accuracies.is_empty() {
        let words = Words { title: "Accuracy on the tune rows by epoch", x: "epoch", y: "accuracy, %" };
        section = section.chart(lines(words, &accuracies));
    }
    for (style, (name, curve)) in curves.iter().enumerate() {
        let mut both = Vec::new();
        if !curve.loss.is_empty() {
            both.push(Line { name: "train rows".to_owned(), ..line((style, (name, &curve.loss))) });
        }
        if curve.tune_figure == "loss" && !curve.tune.is_empty() {
            both.push(Line { name: "tune rows".to_owned(), ..line((style + 1, (name, &curve.tune))) });
        }
        if !both.is_empty() {
            let heading = format!("Loss by epoch: {}", trained(name));
            section = section.chart(lines(Words { title: &heading, x: "epoch", y: "loss" }, &both));
        }
    }
    if section.charts.is_empty() {
        return section;
    }
    section.say(format!(
        "Trainings of {}, seed {}. Losses of different objectives share no scale, so each has its own chart.",
        shipped.split, shipped.seed
    ))
}

/// The student is trained in float.
fn trained(name: &str) -> String {
    if name == "student_float" { "Distilled student".to_owned() } else { title(name) }
}

/// Who answered for how many rows; empty where one teacher answered for all.
pub(super) fn mixer(metrics: &Metrics) -> Section {
    let section = Section::new("Sources of the soft targets", Depth::Brief);
    let first = metrics.runs.first().map(|run| run.mixer.as_slice()).unwrap_or_default();
    if first.len() < 2 {
        return section;
    }
    let scored: Vec<&str> = first
        .iter()
        .filter_map(|share| share.score.as_ref())
        .flat_map(|score| score.figures())
        .map(|(figure, _)| figure)
        .collect();
    let mut table =
        Table::new("Means over the runs, figures on the test rows", "Source").numbers("Share of the rows, %");
    let figures: Vec<_> = ordered(metrics).into_iter().filter(|(name, _)| scored.contains(&name.as_str())).collect();
    for (name, about) in &figures {
        table = table.numbers(&headed(name, Some(about)));
    }
    for (at, source) in first.iter().enumerate() {
        let of = |value: &dyn Fn(&MixerShare) -> Option<f64>| {
            let values = metrics.runs.iter().filter_map(|run| run.mixer.get(at)).map(value);
            values.collect::<Option<Vec<f64>>>().map(|values| mean(&values))
        };
        let score = |(name, _): &(&String, &Figure)| {
            let value = of(&|share| share.score.as_ref()?.figures().into_iter().find(|(known, _)| known == name)?.1);
            value.map_or_else(|| UNDEFINED.to_owned(), figure)
        };
        let share = of(&|share| Some(share.share)).map_or_else(|| UNDEFINED.to_owned(), |share| format!("{share:.1}"));
        table.row([title(&source.name), share].into_iter().chain(figures.iter().map(score)).collect());
    }
    section.table(table)
}

/// Every run, and the parts that no claim rests on.
pub(super) fn runs(metrics: &Metrics) -> Section {
    let mut section = Section::new("Every run", Depth::Page);
    let main = metrics.main_figure();
    for name in metrics.splits() {
        let rows: Vec<_> = metrics
            .results
            .iter()
            .filter(|row| group(&row.split) == name && row.part == TEST && row.figure == main)
            .collect();
        let mut networks: Vec<&String> = rows.iter().map(|row| &row.network).collect();
        networks.sort_by_key(|network| order(network));
        networks.dedup();
        let heading = headed(main, metrics.figures.get(main));
        let caption = format!("{}: {heading} on the test rows; the shipped run in bold", capital(&split(name)));
        let mut table =
            Table::new(&caption, "Run").numbers("Train").numbers("Labelled").numbers("Tune").numbers("Test");
        for network in &networks {
            table = table.numbers(&title(network));
        }
        for run in metrics.runs.iter().filter(|run| group(&run.split) == name) {
            let cell = |network: &&String| {
                let row =
                    rows.iter().find(|row| (&row.split, row.seed, &row.network) == (&run.split, run.seed, *network));
                row.and_then(|row| row.value).map_or_else(|| UNDEFINED.to_owned(), figure)
            };
            let rows = [run.rows.train, run.rows.labelled, run.rows.tune, run.rows.test].map(grouped);
            let ships = (&run.split, run.seed) == (&metrics.shipped.split, metrics.shipped.seed);
            let fold = if name == run.split { String::new() } else { format!("{}, ", run.split) };
            let cells = [format!("{fold}seed {}", run.seed)].into_iter().chain(rows).chain(networks.iter().map(cell));
            table.row_of(cells.collect(), ships);
        }
        section = section.table(table);
        let mut parts: Vec<&String> =
            metrics.summary.iter().filter(|row| row.split == name && row.part != TEST).map(|row| &row.part).collect();
        parts.sort();
        parts.dedup();
        for part in parts {
            section = section.table(self::table(metrics, name, part));
        }
    }
    section.say("Tune rows choose epochs and the shipped student, and train rows teach: their figures are optimistic.")
}

/// CPU seconds and epochs.
pub(super) fn time(metrics: &Metrics) -> Section {
    let mut seconds = Table::new(
        &format!(
            "CPU seconds of each stage, all threads added up, mean ± standard deviation over the runs; threads: {}",
            metrics.threads
        ),
        "Stage",
    )
    .words("Split")
    .numbers("CPU seconds");
    for row in &metrics.seconds {
        let shown = spread(Some(row.mean), Some(row.sd), metrics.runs.len());
        seconds.row(vec![capital(&row.stage.replace('_', " ")), split(&row.split), shown]);
    }
    let mut counts: BTreeMap<(usize, String), (usize, usize)> = BTreeMap::new();
    for (name, epochs) in
        metrics.runs.iter().flat_map(|run| &run.trainings).filter_map(|(name, training)| Some((name, training.epochs?)))
    {
        let range = counts.entry(order(name)).or_insert((epochs, epochs));
        *range = (range.0.min(epochs), range.1.max(epochs));
    }
    let mut epochs = Table::new("Epochs of each training over the runs", "Training").numbers("Epochs");
    for ((_, name), (lo, hi)) in counts {
        epochs.row(vec![trained(&name), if lo == hi { lo.to_string() } else { format!("{lo} to {hi}") }]);
    }
    Section::new("Time", Depth::Page).table(seconds).table(epochs)
}

/// Settings that were tried where the recipe left the choice of a teacher to the run; empty where it did not.
pub(super) fn tried(metrics: &Metrics) -> Section {
    let section = Section::new("Teachers that were tried", Depth::Card);
    let main = metrics.main_figure();
    let heading = format!("{} on the tune rows", headed(main, metrics.figures.get(main)));
    let caption = "Settings in the order they were tried, means over the runs";
    let mut table = Table::new(caption, "Setting").numbers(&heading).numbers("Chosen").numbers("CPU seconds");
    let mut settings: Vec<&str> = Vec::new();
    for tried in metrics.runs.iter().flat_map(|run| &run.tried) {
        if !settings.contains(&tried.settings.as_str()) {
            settings.push(&tried.settings);
        }
    }
    for of in &settings {
        let all: Vec<&Tried> =
            metrics.runs.iter().flat_map(|run| &run.tried).filter(|tried| tried.settings == *of).collect();
        let value = |tried: &&Tried| tried.tune.figures().into_iter().find(|(name, _)| *name == main)?.1;
        let (tune, seconds): (Vec<f64>, Vec<f64>) =
            all.iter().filter_map(|tried| Some((value(tried)?, tried.cpu_seconds))).unzip();
        let chosen = format!("{} of {}", all.iter().filter(|tried| tried.chosen).count(), all.len());
        table.row(vec![in_one_line(of), figure(mean(&tune)), chosen, figure(mean(&seconds))]);
    }
    if settings.is_empty() {
        return section;
    }
    section
        .table(table)
        .say("Each was trained once. The student learnt from the mean of those that the tune rows cannot tell from the best.")
}

/// The keys that tell settings apart, in one line.
fn in_one_line(settings: &str) -> String {
    const TOLD: [&str; 8] =
        ["kind", "input", "hidden", "branch_hidden", "dropout", "learning_rate", "weight_decay", "sees"];
    let told = |line: &&str| line.split_once(" = ").is_some_and(|(key, _)| TOLD.contains(&key));
    settings.lines().filter(told).map(|line| line.replace('"', "")).collect::<Vec<_>>().join(", ")
}
