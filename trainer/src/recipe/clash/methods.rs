//! Combinations of `[student]` and of methods.

use super::Clash;
use crate::method::{Point, link, target};
use crate::recipe::{ChooseBy, InputKind, Recipe};

/// Its rows.
pub(super) static CLASHES: &[Clash] = &[
    Clash {
        at: "student.input",
        find: |it| {
            (it.data.is_table() && it.student.input == InputKind::Normalized).then(|| "student.input".to_owned())
        },
        reason: "the columns of a table are no parts of one sum",
        remedy: "remove the key",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  [student]\n\
                  input = \"normalized\""
        ),
    },
    Clash {
        at: "student.choose_by",
        find: |it| {
            (it.data.regresses() && it.student.choose_by != ChooseBy::Loss).then(|| "student.choose_by".to_owned())
        },
        reason: "a quantity has no accuracy",
        remedy: "use choose_by = \"loss\"",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  [student]\n\
                  choose_by = \"accuracy\""
        ),
    },
    Clash {
        at: "student.batch_rows",
        find: |it| {
            let along_edges =
                [&link::edges::METHOD, &link::contrast::METHOD].iter().any(|link| it.method(link).is_some());
            (!it.data.is_table() && along_edges && it.student.batch_rows.is_some())
                .then(|| "student.batch_rows".to_owned())
        },
        reason: "a step on some rows loses the edges between them and the others",
        remedy: "remove the key, or the link",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [student]\n\
                  batch_rows = 64\n\
                  [[link]]\n\
                  kind = \"edges\""
        ),
    },
    Clash {
        at: "rows[]",
        find: |it| twice(it, Point::Rows),
        reason: "this kind is there already",
        remedy: "keep one of the two",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [[rows]]\n\
                  kind = \"word-dropout\"\n\
                  share = 0.1\n\
                  [[rows]]\n\
                  kind = \"word-dropout\"\n\
                  share = 0.2"
        ),
    },
    Clash {
        at: "target[]",
        find: |it| {
            let mixers = it.target.iter().enumerate().filter(|(_, chosen)| chosen.method.mixes);
            mixers.skip(1).map(|(index, _)| format!("target[{index}]")).next()
        },
        reason: "one method mixes the teachers' answers, and another does already",
        remedy: "keep one of the two",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  [[target]]\n\
                  kind = \"mean\"\n\
                  [[target]]\n\
                  kind = \"router\""
        ),
    },
    Clash {
        at: "target[]",
        find: |it| {
            it.target
                .iter()
                .position(|chosen| chosen.method.mixes)
                .filter(|&at| at > 0)
                .map(|at| format!("target[{at}]"))
        },
        reason: "what shapes the target comes after what mixes the teachers' answers",
        remedy: "write it first",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  [[target]]\n\
                  kind = \"margin\"\n\
                  margin = 0.1\n\
                  [[target]]\n\
                  kind = \"mean\"\n\
                  [objective]\n\
                  label_weight = 1.0"
        ),
    },
    Clash {
        at: "target[]",
        find: |it| twice(it, Point::Target),
        reason: "this kind is there already",
        remedy: "keep one of the two",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  [[target]]\n\
                  kind = \"margin\"\n\
                  margin = 0.1\n\
                  [[target]]\n\
                  kind = \"margin\"\n\
                  margin = 0.2\n\
                  [objective]\n\
                  label_weight = 1.0"
        ),
    },
    Clash {
        at: "target[]",
        find: |it| {
            (it.data.regresses() && it.method(&target::router::METHOD).is_some()).then(|| "target[0]".to_owned())
        },
        reason: "the router learns which teacher names the right class",
        remedy: "use mean or best-on-tune",
        example: on_table!(
            "task = \"regress\"\n\
                  [[teacher]]\n\
                  kind = \"mlp\"\n\
                  [[target]]\n\
                  kind = \"router\""
        ),
    },
    Clash {
        at: "objective.soft_weight",
        find: |it| {
            (it.weights().soft_weight.start() == 0.0 && it.link.is_empty()).then(|| "objective.soft_weight".to_owned())
        },
        reason: "with 0 and no link the teacher would do nothing",
        remedy: "give a weight above 0 or a [[link]]; the student on labels alone is one of the controls of the report",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [objective]\n\
                  soft_weight = 0.0"
        ),
    },
    Clash {
        at: "link[]",
        find: |it| twice(it, Point::Link),
        reason: "this kind is there already",
        remedy: "keep one of the two",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [[link]]\n\
                  kind = \"edges\"\n\
                  [[link]]\n\
                  kind = \"edges\""
        ),
    },
    Clash {
        at: "link[]",
        find: |it| {
            let does_nothing = |keys: link::edges::Edges| keys.low_weight == 0.0 && keys.high_weight == 0.0;
            let at =
                it.link.iter().position(|chosen| chosen.is(&link::edges::METHOD) && does_nothing(chosen.read()))?;
            Some(format!("link[{at}]"))
        },
        reason: "a link with both weights 0 does nothing",
        remedy: "remove it, or give a weight",
        example: on_graph!(
            "[[teacher]]\n\
                  kind = \"gcn\"\n\
                  [[link]]\n\
                  kind = \"edges\"\n\
                  low_weight = 0\n\
                  high_weight = 0"
        ),
    },
    Clash {
        at: "link[]",
        find: |it| {
            let at = it.link.iter().position(|chosen| chosen.is(&link::embedding::METHOD))?;
            it.cotrain.as_ref().filter(|cotrain| cotrain.keep_student).map(|_| format!("link[{at}]"))
        },
        reason: "outputs that learn an embedding cannot be added to a student that is trained already",
        remedy: "set keep_student = false in [cotrain]",
        example: on_table!(
            "[[teacher]]\n\
                  kind = \"mlp\"\n\
                  [[teacher]]\n\
                  kind = \"onnx\"\n\
                  path = \"m.onnx\"\n\
                  embedding = \"e\"\n\
                  [cotrain]\n\
                  [[link]]\n\
                  kind = \"embedding\"\n\
                  weight = 0.5"
        ),
    },
];

/// The second of two equal methods of a point.
fn twice(recipe: &Recipe, point: Point) -> Option<String> {
    let chosen = recipe.chosen(point);
    let is_there = |at: usize| chosen[..at].iter().any(|other| other.method == chosen[at].method);
    (0..chosen.len()).find(|&at| is_there(at)).map(|at| format!("{}[{at}]", point.section()))
}
