//! Sections about what is known of a run besides its figures: cost, data, recipe, origin, use and limits.

use super::cores::CORES;
use super::document::{Code, Depth, Section, Table};
use super::metrics::{DataKind, DataTask, Metrics, made_on};
use super::names::{explanation, grouped, order, title};

/// How the finished student is checked.
const COMMANDS: &str = "sha256sum student.eyas                        # the hash of the student file
eyas inspect student.eyas                     # shape, cost, origin
eyas verify student.eyas                      # golden vectors and data rows, every integer of every layer
eyas verify student.eyas --target cortex-m4   # the same on an emulated chip
";

/// What a row of the data is called.
fn row(metrics: &Metrics) -> &'static str {
    match metrics.data.kind {
        DataKind::Graph => "node",
        DataKind::Table => "row",
    }
}

/// The data set in a sentence.
fn named(metrics: &Metrics) -> String {
    metrics.data.name.as_ref().map_or_else(|| "its data".to_owned(), |name| format!("the data set {name}"))
}

pub(super) fn cost(metrics: &Metrics) -> Section {
    let cost = &metrics.cost;
    let most_arena = cost.arena_bytes.max(cost.arena_bytes_cortex_m0).max(cost.arena_bytes_cortex_m4);
    let budget = metrics.budget;
    let rows = [
        ("Flash for the file, bytes", cost.file_bytes, budget.and_then(|budget| budget.flash)),
        ("of these weights, bytes", cost.weight_bytes, None),
        ("Arena at most, bytes", most_arena, budget.and_then(|budget| budget.ram)),
        ("Multiply-accumulates of a dense inference", cost.macs, budget.and_then(|budget| budget.macs)),
        ("Parameters (weights and biases)", cost.parameters, None),
    ];
    let mut table = Table::new("The shipped student, known before it runs", "What").numbers("Figure");
    if budget.is_some() {
        table = table.numbers("Budget");
    }
    for (name, value, limit) in rows {
        let mut cells = vec![name.to_owned(), grouped(value)];
        cells.extend(budget.map(|_| limit.map_or_else(String::new, grouped)));
        table.row(cells);
    }
    let caption = "On each core; instructions of an inference without absent inputs, by a formula that meets the bench within 1 %";
    let mut cores = Table::new(caption, "Core")
        .numbers("Arena, bytes")
        .numbers("Stack to load, bytes")
        .numbers("Stack to infer, bytes")
        .numbers("Instructions, about");
    for core in &CORES {
        let [load, infer] = core.stack.map(grouped);
        let instructions = core.instructions(&metrics.shipped.widths);
        let about = if instructions < 10_000.0 { instructions } else { (instructions / 1000.0).round() * 1000.0 };
        cores.row(vec![
            core.name.to_owned(),
            grouped((core.arena)(cost)),
            load,
            infer,
            grouped((about / 10.0).round() as usize * 10),
        ]);
    }
    Section::new("Cost on the chip", Depth::Brief).table(table).table(cores)
}

pub(super) fn data(metrics: &Metrics) -> Section {
    let data = &metrics.data;
    let graph = data.kind == DataKind::Graph;
    let mut rows = vec![(if graph { "Nodes" } else { "Rows" }, grouped(data.rows))];
    rows.extend(data.edges.map(|edges| ("Undirected edges", grouped(edges))));
    rows.extend(data.columns.map(|columns| ("Columns of teachers and student", grouped(columns))));
    rows.push((if graph { "Features of a node" } else { "Columns of the student" }, grouped(data.inputs)));
    match data.task {
        DataTask::Classify => rows.push(("Classes", grouped(data.outputs.len()))),
        DataTask::Regress => rows.extend(data.outputs.first().map(|name| ("Quantity", name.clone()))),
    }
    let shipped = &metrics.shipped;
    if let Some(run) = metrics.runs.iter().find(|run| (&run.split, run.seed) == (&shipped.split, shipped.seed)) {
        rows.push(("Train, of the shipped run", grouped(run.rows.train)));
        rows.push(("of these with a label", grouped(run.rows.labelled)));
        rows.push(("Tune", grouped(run.rows.tune)));
        rows.push(("Test", grouped(run.rows.test)));
    }
    let caption = data.name.as_deref().unwrap_or("The data");
    let mut section = Section::new("Data", Depth::Card).table(Table::new(caption, "What").numbers("Count").pairs(rows));
    for warning in &data.warnings {
        section = section.say(format!("Warning: {warning}"));
    }
    if data.notice.is_none() {
        let ask = "No licence or citation was given with the data; ask its publisher before passing this file on.";
        section = section.say(ask);
    }
    section.foreign.clone_from(&data.notice);
    section
}

pub(super) fn intended(metrics: &Metrics) -> Section {
    let answer = match metrics.data.task {
        DataTask::Classify => format!(
            "Puts one {} of {} into one of {} classes. It answers with a label and a margin in integer steps; the margin is \
             no probability, and this version does not abstain.",
            row(metrics),
            named(metrics),
            metrics.data.outputs.len()
        ),
        DataTask::Regress => format!(
            "Estimates {} for one {} of {}, as an integer and the real number it stands for.",
            metrics.data.outputs.first().map_or("a quantity", String::as_str),
            row(metrics),
            named(metrics)
        ),
    };
    let sees = match metrics.data.kind {
        DataKind::Graph => format!(
            "At work it sees the {} features of one node: no edges, no other node. While it learnt, a teacher that looks along \
             the edges answered ({}).",
            grouped(metrics.data.inputs),
            metrics.teacher()
        ),
        DataKind::Table => format!(
            "At work it sees {} columns of one row. While it learnt, teachers answered that may see others ({}).",
            grouped(metrics.data.inputs),
            metrics.teacher()
        ),
    };
    Section::new("Intended use", Depth::Card)
        .say(format!("{answer} The student file is the whole model, for a microcontroller or a host."))
        .say(sees)
        .say(format!(
            "It is not meant for a {} whose inputs come from another source or another preparation than the training data, \
             nor for decisions about people.",
            row(metrics)
        ))
}

pub(super) fn limits(metrics: &Metrics) -> Section {
    let mut section = Section::new("Limits", Depth::Card);
    if metrics.data.kind == DataKind::Graph {
        let measured = metrics.splits().contains(&"inductive");
        section = section.say(format!(
            "Transductive figures hold for nodes whose features and edges the teacher saw. A node that appears later is the \
             inductive case{}.",
            if measured { "" } else { ", which was not measured for this student" }
        ));
    }
    section
        .say(
            "The figures are for one data set and its split; deviations and errors cover seeds and folds, not the choice of \
             the data.",
        )
        .say("An answer is always given, also for an input unlike any of the training data.")
}

pub(super) fn recipe(metrics: &Metrics) -> Section {
    let mut networks: Vec<&String> = metrics.summary.iter().map(|row| &row.network).collect();
    networks.sort_by_key(|network| order(network));
    networks.dedup();
    let mut table = Table::new("What each network is; controls are float", "Network").words("What");
    let mut section = Section::new("Recipe and controls", Depth::Card);
    for network in networks {
        let control = metrics.controls.iter().find(|control| control.name == *network);
        let what = control.map_or_else(|| explanation(network).to_owned(), |control| control.title.clone());
        table.row_of(vec![title(network), what], network == "student_int8");
    }
    for control in metrics.controls.iter().filter(|control| !control.difference.is_empty()) {
        let caption = format!("{}, against the recipe", title(&control.name));
        section.code.push(Code { caption, text: control.difference.clone() });
    }
    section.table(table)
}

pub(super) fn resolved(metrics: &Metrics) -> Section {
    let mut section = Section::new("Resolved recipe", Depth::Page);
    if let Some(text) = &metrics.recipe_text {
        section.code.push(Code { caption: "Every key with its value".to_owned(), text: text.clone() });
    }
    section
}

pub(super) fn origin(metrics: &Metrics) -> Section {
    let shipped = &metrics.shipped;
    let mut rows = vec![
        ("Made by", metrics.tool.clone()),
        ("Made on", made_on(metrics.made_on.as_ref())),
        ("Backend of the float training", metrics.backend.clone()),
    ];
    for teacher in &metrics.teachers {
        rows.push(("Teacher", teacher.title.clone()));
        rows.extend(teacher.path.iter().map(|path| ("its file", path.clone())));
        rows.extend(teacher.sha256.iter().map(|hash| ("SHA-256 of what decides its answers", hash.clone())));
    }
    let widths = shipped.widths.iter().map(usize::to_string).collect::<Vec<_>>().join(" → ");
    rows.push(("Student widths", widths));
    rows.push(("Shipped split and seed, chosen on the tune rows", format!("{}, seed {}", shipped.split, shipped.seed)));
    rows.push(("SHA-256 of the student file", shipped.student_hash.clone()));
    rows.push(("SHA-256 of the resolved recipe", metrics.recipe_hash.clone()));
    rows.extend(metrics.data.hash.iter().map(|hash| ("SHA-256 of the data without test labels", hash.clone())));
    let table = Table::new("What made the student file", "What").words("Value").pairs(rows);
    Section::new("Origin", Depth::Card).table(table)
}

pub(super) fn verify() -> Section {
    let mut section = Section::new("How to verify", Depth::Card);
    section.code.push(Code { caption: "In the run folder".to_owned(), text: COMMANDS.to_owned() });
    section
}
