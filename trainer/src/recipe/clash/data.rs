//! Combinations in `[data]`, and of it with `[quantize]`.

use super::Clash;
use crate::recipe::{Recipe, SplitKind};

/// Why the label cannot say which rows belong together, and what to do.
const IS_LABEL: &str = "the column is the label, so the split or the rows would be told by the answer";
const OTHER_COLUMN: &str = "name another column";

/// Its rows.
pub(super) static CLASHES: &[Clash] = &[
    Clash {
        at: "data.source",
        find: |it| (!it.data.is_table() && is_csv(it) && it.data.edges.is_none()).then(|| "data.source".to_owned()),
        reason: "a CSV file holds nodes only, and graph teachers and links learn from edges",
        remedy: "name the file with the edges: edges = \"edges.csv\"",
        example: "[data]\n\
                  source = \"nodes.csv\"\n\
                  [[teacher]]\n\
                  kind = \"gcn\"",
    },
    Clash {
        at: "data.edges",
        find: |it| (!is_csv(it) && it.data.edges.is_some()).then(|| "data.edges".to_owned()),
        reason: "this source brings its own edges, so the key would do nothing",
        remedy: "remove the key, or give a CSV file with nodes as source",
        example: on_graph!(
            "edges = \"edges.csv\"\n\
                  [[teacher]]\n\
                  kind = \"gcn\""
        ),
    },
    Clash {
        at: "data.split",
        find: |it| {
            (!it.data.is_table() && matches!(it.data.split, SplitKind::Folds | SplitKind::Ordered))
                .then(|| "data.split".to_owned())
        },
        reason: "a graph is split as it was published, or at random",
        remedy: "use \"published\" or \"random\"",
        example: on_graph!(
            "split = \"folds\"\n\
                  [[teacher]]\n\
                  kind = \"gcn\""
        ),
    },
    Clash {
        at: "data.split",
        find: |it| (it.data.is_table() && it.data.split == SplitKind::Published).then(|| "data.split".to_owned()),
        reason: "a table comes without a published split",
        remedy: "use \"folds\", \"random\" or \"ordered\"",
        example: on_table!(
            "split = \"published\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "data.fold",
        find: |it| is_label(it, it.data.fold.as_ref()).then(|| "data.fold".to_owned()),
        reason: IS_LABEL,
        remedy: OTHER_COLUMN,
        example: on_table!(
            "fold = \"y\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "data.group",
        find: |it| is_label(it, it.data.group.as_ref()).then(|| "data.group".to_owned()),
        reason: IS_LABEL,
        remedy: OTHER_COLUMN,
        example: on_table!(
            "group = \"y\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "data.id",
        find: |it| is_label(it, it.data.id.as_ref()).then(|| "data.id".to_owned()),
        reason: IS_LABEL,
        remedy: OTHER_COLUMN,
        example: on_table!(
            "id = \"y\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "data.split",
        find: |it| (it.data.series.is_some() && it.data.split != SplitKind::Ordered).then(|| "data.split".to_owned()),
        reason: "windows of neighbouring moments share readings, so only a split by time is honest",
        remedy: "use split = \"ordered\"",
        example: on_table!(
            "series = { time = \"t\", history = 2, ahead = 1 }\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "data.group",
        find: |it| (it.data.series.is_some() && it.data.group.is_some()).then(|| "data.group".to_owned()),
        reason: "the rows of one moment stay together already",
        remedy: "remove the key",
        example: on_table!(
            "split = \"ordered\"\n\
                  group = \"g\"\n\
                  series = { time = \"t\", history = 2, ahead = 1 }\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "data.test_share",
        find: |it| {
            (it.data.tune_share.unwrap_or(0.0) + it.data.test_share.unwrap_or(0.0) >= 1.0)
                .then(|| "data.test_share".to_owned())
        },
        reason: "no row is left to teach",
        remedy: "lower one of the two shares",
        example: on_table!(
            "split = \"random\"\n\
                  tune_share = 0.5\n\
                  test_share = 0.5\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "quantize.input_headroom",
        find: |it| {
            (!it.data.is_table() && it.quantize.input_headroom.is_some()).then(|| "quantize.input_headroom".to_owned())
        },
        reason: "the key does nothing without the standard scores of a table",
        remedy: "remove it",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [quantize]\n\
                  input_headroom = 1.5"
        ),
    },
];

fn is_csv(recipe: &Recipe) -> bool {
    recipe.data.source.to_ascii_lowercase().ends_with(".csv")
}

fn is_label(recipe: &Recipe, column: Option<&String>) -> bool {
    column == Some(&recipe.data.label)
}
