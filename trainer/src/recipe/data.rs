//! `[data]`: which graph or table, who sees what of it, and which rows teach, choose and judge.

use super::rule::Rule;
use super::section::section;
use super::value::words;
use crate::dataset::Windowing;

words! {
    /// What the data is.
    pub enum DataKind {
        /// Nodes with sparse features and edges between them.
        Graph = "graph",
        /// Rows with columns, of which the device has some.
        Table = "table",
    }
}

words! {
    /// What is learnt.
    pub enum Task {
        /// A class.
        Classify = "classify",
        /// A quantity.
        Regress = "regress",
    }
}

words! {
    /// Where the split comes from.
    pub enum SplitKind {
        /// The one that came with the graph.
        Published = "published",
        /// Drawn: of a graph from `split_seed`, of a table from each seed of the run, groups kept whole.
        Random = "random",
        /// A column of the table with fold numbers.
        Folds = "folds",
        /// In the order of the table: first train, then tune, then test. For what is measured in time.
        Ordered = "ordered",
    }
}

words! {
    /// What becomes of rows with a missing cell in an input.
    pub enum Missing {
        /// The table is refused; the error names the first such cell and their number.
        Refuse = "refuse",
        /// They are left out, and their number is told.
        Drop = "drop",
    }
}

section! {
    /// `[data.series]`: each row is one site at one moment, with its readings up to then; the label lies ahead.
    ///
    /// Columns of such a table: `c[0]` to `c[history - 1]`, the site's own readings of `c`, the last one the present;
    /// `sites.c[s, lag]`, those of every site in the order of their names; `site[s]`, 1 for the row's own site.
    pub struct SeriesSection {
        /// Column with the time step, evenly spaced numbers.
        time: String = needed, Rule::named("the name of a column");
        /// Column with the name of the site. Without it all rows are of one site.
        site: Option<String> = none;
        /// Readings in a window.
        history: usize = needed, Rule::whole_numbers(1, 10_000);
        /// Time steps from the present to the forecast.
        ahead: usize = needed, Rule::whole_numbers(1, 10_000);
        /// Take a row every so many time steps.
        every: usize = 1, Rule::whole_numbers(1, 10_000);
    }
}

section! {
    /// `[data]`.
    pub struct DataSection {
        /// What the data is. Default: `table` where `student_columns` is given, else `graph`.
        kind: DataKind = "graph" | "table";
        /// Name of a known data set, or a path: of a graph to an archive, a folder or a CSV file with nodes; of a table to an
        /// `.npz`, `.csv`, `.tsv` (both plain or `.gz`) or `.parquet` file, or to a folder of Parquet files.
        source: String = needed, Rule::named("a name or a path");
        /// File with the edges when `source` is a CSV file with nodes.
        edges: Option<String> = none => "kind = \"graph\"" if |data| data.kind == DataKind::Graph;
        /// Keep the largest connected component only.
        largest_component: bool = false => "kind = \"graph\"" if |data| data.kind == DataKind::Graph;
        /// Where the split comes from: `published` or `random` for a graph, `folds`, `random` or `ordered` for a table.
        split: SplitKind = "published" | "folds";
        /// Share of the train rows whose labels are known, drawn class by class. Teachers and the student on labels alone see
        /// these only; the distilled student sees the teachers' answers on all train rows.
        label_share: f64 = 1.0, Rule::above(0.0, 1.0);
        /// Share of the test nodes that is taken out of the graph before the teacher is trained, and on which the student is
        /// judged: what a device meets. Each seed of the run draws its own. 0 takes out none.
        inductive_share: f64 = 0.2, Rule::below(0.0, 1.0) => "kind = \"graph\"" if |data| data.kind == DataKind::Graph;
        /// Train nodes a class of a random split.
        train_per_class: Option<usize> = 20, Rule::from(1) => "a graph and split = \"random\"" if DataSection::draws_nodes;
        /// Tune nodes of a random split.
        tune_nodes: Option<usize> = 500, Rule::from(1) => "a graph and split = \"random\"" if DataSection::draws_nodes;
        /// Test nodes of a random split.
        test_nodes: Option<usize> = 1000, Rule::from(1) => "a graph and split = \"random\"" if DataSection::draws_nodes;
        /// Seed of a random split of a graph, the same for every seed of the run.
        split_seed: Option<u64> = 2022 => "a graph and split = \"random\"" if DataSection::draws_nodes;
        /// What is learnt.
        task: Task = "classify" => "kind = \"table\"" if DataSection::is_table;
        /// Column with the label (`classify`) or the quantity (`regress`).
        label: String = needed, Rule::named("the name of a column") => "kind = \"table\"" if DataSection::is_table;
        /// Columns that the device has, as patterns: `acc`, `x[0:8, 4]`, `light_*`, `a..d`. Patterns leave out the label, the
        /// fold, the group and the id, and so do those of teachers; naming one of these is refused. A column of words is one
        /// input a word, named `column=word`.
        student_columns: Vec<String> = needed,
            Rule::ANY.items_of(1, usize::MAX, "at least one pattern").each_once("pattern")
            => "kind = \"table\"" if DataSection::is_table;
        /// Columns that the teacher sees; they may hold the student's.
        teacher_columns: Vec<String> = needed,
            Rule::ANY.items_of(1, usize::MAX, "at least one pattern").each_once("pattern")
            => "kind = \"table\"" if DataSection::is_table;
        /// Column that names each row once; answers that come as a table are matched by it. Default: `id` where there is one.
        id: Option<String> = none => "kind = \"table\"" if DataSection::is_table;
        /// What becomes of rows with a missing cell in an input: empty, `NA`, `N/A`, `NaN`, `null`, `?`, or a null. Default:
        /// `refuse`. A missing label is none of these: its row learns from the teachers alone.
        missing: Option<Missing> = none => "kind = \"table\"" if DataSection::is_table;
        /// Names of the classes in the order of their numbers. Default: the labels as the file spells them, numbers
        /// in their order, words in the order of the alphabet.
        class_names: Vec<String> = none, Rule::ANY.each_once("name") => "kind = \"table\"" if DataSection::is_table;
        /// Column with the fold of each row.
        fold: Option<String> = "fold" => "split = \"folds\"" if |data| data.split == SplitKind::Folds;
        /// Folds that judge in turn; the next one chooses, the others teach. Default: all of them.
        folds: Vec<u64> = none, Rule::ANY.each_once("fold") => "split = \"folds\"" if |data| data.split == SplitKind::Folds;
        /// Column whose equal values stay in one part (a person, a recording).
        group: Option<String> = none => "kind = \"table\"" if DataSection::is_table;
        /// Share of the rows that choose.
        tune_share: Option<f64> = 0.2, Rule::above(0.0, 0.9)
            => "a table and split = \"random\" or \"ordered\"" if DataSection::draws_rows;
        /// Share of the rows that judge.
        test_share: Option<f64> = 0.2, Rule::above(0.0, 0.9)
            => "a table and split = \"random\" or \"ordered\"" if DataSection::draws_rows;
        /// Readings in time that become windows; left out for a table whose rows are complete.
        series: Option<SeriesSection> = none => "kind = \"table\"" if DataSection::is_table;
    }
}

impl DataSection {
    /// Whether the data is a table.
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.kind == DataKind::Table
    }

    /// How the series become rows, where `[data.series]` asks for it.
    #[must_use]
    pub fn windowing(&self) -> Option<Windowing<'_>> {
        self.series.as_ref().map(|series| Windowing {
            time: &series.time,
            site: series.site.as_deref(),
            label: &self.label,
            history: series.history,
            ahead: series.ahead,
            every: series.every,
            unanswered: false,
        })
    }

    /// Whether a quantity is learnt.
    #[must_use]
    pub fn regresses(&self) -> bool {
        self.task == Task::Regress
    }

    fn draws_nodes(&self) -> bool {
        !self.is_table() && self.split == SplitKind::Random
    }

    fn draws_rows(&self) -> bool {
        self.is_table() && self.split != SplitKind::Folds
    }
}
