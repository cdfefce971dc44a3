//! Combinations of `[[teacher]]`, `[cotrain]` and `[masks]`.

use super::Clash;
use super::teacher;
use crate::method::{link, rows, target};
use crate::recipe::{ChooseBy, ModelTeacher, Recipe, Seen, TeacherKind, TeacherSection};
use crate::teacher::AnswerKind;

/// Its rows.
pub(super) static CLASHES: &[Clash] = &[
    Clash {
        at: "teacher[].kind",
        find: |it| teacher(it, "kind", |teacher| it.data.is_table() && teacher.needs_edges()),
        reason: "a graph teacher learns from edges, and a table has none",
        remedy: "use another kind, or give a graph",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"gcn\""
        ),
    },
    Clash {
        at: "teacher[].kind",
        find: |it| teacher(it, "kind", |teacher| !it.data.is_table() && teacher.kind() == TeacherKind::Fusion),
        reason: "a fusion joins the student's columns with others, and a graph has one set of features",
        remedy: "use another kind, or give a table",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"fusion\""
        ),
    },
    Clash {
        at: "teacher[].hidden",
        find: |it| {
            teacher(it, "hidden", |teacher| match teacher {
                TeacherSection::Gat(gat) => {
                    gat.training.hidden.iter().any(|width| !width.is_multiple_of(gat.attention_heads))
                }
                _ => false,
            })
        },
        reason: "a hidden width does not divide into the attention heads",
        remedy: "make each width of `hidden` a multiple of `attention_heads`",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gat\"\n\
                  hidden = [30]"
        ),
    },
    Clash {
        at: "teacher[].sees",
        find: |it| teacher(it, "sees", |teacher| !it.data.is_table() && teacher.sees() != Seen::All),
        reason: "the nodes of a graph have one set of features, so the key would do nothing",
        remedy: "remove it",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  sees = \"others\""
        ),
    },
    Clash {
        at: "teacher[].choose_by",
        find: |it| {
            let by_accuracy = |teacher: &TeacherSection| {
                teacher.training().is_some_and(|training| training.choose_by != ChooseBy::Loss)
            };
            teacher(it, "choose_by", |teacher| it.data.regresses() && by_accuracy(teacher))
        },
        reason: "a quantity has no accuracy",
        remedy: "use choose_by = \"loss\"",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  choose_by = \"accuracy\""
        ),
    },
    Clash {
        at: "teacher[].fit_confidence",
        find: |it| {
            let fits = |teacher: &TeacherSection| teacher.training().is_some_and(|training| training.fit_confidence);
            teacher(it, "fit_confidence", |teacher| it.data.regresses() && fits(teacher))
        },
        reason: "a quantity has no confidence",
        remedy: "remove the key, or classify",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  fit_confidence = true"
        ),
    },
    Clash {
        at: "teacher[].answers",
        find: |it| {
            teacher(it, "answers", |teacher| {
                it.data.regresses() && teacher.answers() == Some(AnswerKind::Probabilities)
            })
        },
        reason: "a quantity has no probabilities",
        remedy: "remove the key, or classify",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  answers = \"probabilities\""
        ),
    },
    Clash {
        at: "teacher[].inputs[]",
        find: |it| {
            input(it, |model, at| {
                model.inputs.len() > 1 && (model.inputs[at].name.is_none() || model.inputs[at].columns.is_empty())
            })
        },
        reason: "a model with several inputs needs to know which columns each takes",
        remedy: "give `name` and `columns`",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  inputs = [{ name = \"i\" }, { name = \"j\", columns = [\"b\"] }]"
        ),
    },
    Clash {
        at: "teacher[].inputs[]",
        find: |it| input(it, |model, at| model.inputs[..at].iter().any(|other| other.name == model.inputs[at].name)),
        reason: "another input has this name already",
        remedy: "give every input a name of its own",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  inputs = [{ name = \"i\", columns = [\"a\"] }, { name = \"i\", columns = [\"b\"] }]"
        ),
    },
    Clash {
        at: "teacher[].inputs[]",
        find: |it| input(it, |model, at| !model.columns.is_empty() && !model.inputs[at].columns.is_empty()),
        reason: "the columns of an input and `columns` of the model say the same twice",
        remedy: "keep one of the two",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  columns = [\"b\"]\n\
                  inputs = [{ name = \"i\", columns = [\"b\"] }]"
        ),
    },
    Clash {
        at: "teacher[].embedding",
        find: |it| unused_embedding(it, "embedding"),
        reason: "the key does nothing without [[link]] kind = \"embedding\"",
        remedy: "remove it, or add the link",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  embedding = \"e\""
        ),
    },
    Clash {
        at: "teacher[].embedding_columns",
        find: |it| unused_embedding(it, "embedding_columns"),
        reason: "the key does nothing without [[link]] kind = \"embedding\"",
        remedy: "remove it, or add the link",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"table\"\n\
                  path = \"t.csv\"\n\
                  embedding_columns = [\"e\"]"
        ),
    },
    Clash {
        at: "teacher[].reask",
        find: |it| teacher(it, "reask", |teacher| teacher.reask() && !can_reask(it, teacher)),
        reason: "the key does nothing without sees = \"student\", [[rows]] kind = \"noise\", [[target]] kind = \"mean\" and no crossfit",
        remedy: "remove it",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  reask = true\n\
                  [[rows]]\n\
                  kind = \"noise\"\n\
                  deviation = 0.1"
        ),
    },
    Clash {
        at: "teacher[].kind",
        find: |it| {
            let (_, before) = it.teacher.split_last()?;
            let at = before.iter().position(|teacher| teacher.kind() == TeacherKind::Auto)?;
            Some(format!("teacher[{at}].kind"))
        },
        reason: "several teachers take the place of this one, so no other may follow",
        remedy: "put it last, once",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"auto\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\""
        ),
    },
    Clash {
        at: "teacher[].kind",
        find: |it| {
            it.cotrain.as_ref()?;
            teacher(it, "kind", |teacher| teacher.kind() == TeacherKind::Auto)
        },
        reason: "settings are compared by trainings of their own, which [cotrain] replaces",
        remedy: "name the kind, or remove [cotrain]",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"auto\"\n\
                  [cotrain]"
        ),
    },
    Clash {
        at: "cotrain",
        find: |it| (it.cotrain.is_some() && !it.data.is_table()).then(|| "cotrain".to_owned()),
        reason: "networks are trained together on the rows of a table",
        remedy: "remove the table",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [cotrain]"
        ),
    },
    Clash {
        at: "cotrain",
        find: |it| (it.cotrain.is_some() && it.data.regresses()).then(|| "cotrain".to_owned()),
        reason: "networks are trained together through their class probabilities",
        remedy: "remove the table, or classify",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  [cotrain]"
        ),
    },
    Clash {
        at: "cotrain",
        find: |it| {
            (it.cotrain.is_some() && !it.teacher.iter().any(TeacherSection::is_trained)).then(|| "cotrain".to_owned())
        },
        reason: "the key does nothing without a teacher that is trained here",
        remedy: "remove it",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  [cotrain]"
        ),
    },
    Clash {
        at: "masks",
        find: |it| (it.masks.is_some() && it.cotrain.is_none()).then(|| "masks".to_owned()),
        reason: "masks imitate the co-trained student",
        remedy: "add a table [cotrain]",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  [masks]"
        ),
    },
    Clash {
        at: "teacher[].hidden",
        find: |it| teacher(it, "hidden", |teacher| it.masks.is_some() && narrowest(teacher) == Some(0)),
        reason: "a teacher without a hidden layer has nothing to mask",
        remedy: "give it one, or remove [masks]",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  hidden = []\n\
                  [cotrain]\n\
                  [masks]"
        ),
    },
    Clash {
        at: "masks.heads",
        find: |it| {
            let heads = it.masks.as_ref()?.heads?;
            let is_short = |teacher: &TeacherSection| narrowest(teacher).is_some_and(|width| heads > width / 2);
            it.teacher.iter().any(is_short).then(|| "masks.heads".to_owned())
        },
        reason: "a head takes at least two features, and the narrower of a teacher's last two hidden layers has fewer",
        remedy: "lower the number of heads",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  hidden = [8, 4]\n\
                  [cotrain]\n\
                  [masks]\n\
                  kind = \"attention\""
        ),
    },
];

/// The first input of a model that fits.
fn input(recipe: &Recipe, fits: impl Fn(&ModelTeacher, usize) -> bool) -> Option<String> {
    recipe.teacher.iter().enumerate().find_map(|(number, teacher)| match teacher {
        TeacherSection::Onnx(model) => {
            let at = (0..model.inputs.len()).find(|&at| fits(model, at))?;
            Some(format!("teacher[{number}].inputs[{at}]"))
        }
        _ => None,
    })
}

fn unused_embedding(recipe: &Recipe, key: &str) -> Option<String> {
    let is_used = recipe.method(&link::embedding::METHOD).is_some();
    teacher(recipe, key, |teacher| !is_used && teacher.embedding_key() == Some(key))
}

fn can_reask(recipe: &Recipe, teacher: &TeacherSection) -> bool {
    let is_mean = recipe.mixer().is_some_and(|mixer| mixer.is(&target::mean::METHOD));
    let is_whole = teacher.training().is_some_and(|training| training.crossfit.is_none());
    teacher.sees() == Seen::Student && recipe.method(&rows::noise::METHOD).is_some() && is_mean && is_whole
}

/// The narrower of the last two hidden layers of a teacher that is trained here; 0 where it has none.
fn narrowest(teacher: &TeacherSection) -> Option<usize> {
    let training = teacher.training()?;
    Some(training.hidden.iter().rev().take(2).min().copied().unwrap_or(0))
}
