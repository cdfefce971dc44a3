//! The settings that a teacher of kind `auto` is chosen from.
//!
//! Lists of few settings that differ, not a grid: which of them is good is a matter of the data, and on data that nobody has
//! seen a short list loses far less than any one setting. Each list is in the order in which it helps.

use toml::Table;

use crate::recipe::{AutoTeacher, Context, DataKind, TeacherSection};

/// Of a graph: what a node shows, how fast it is learnt, and how neighbours are weighed.
const GRAPH: [&str; 5] = [
    "kind = \"gcn\"",
    "kind = \"gcn\"\ninput = \"normalized\"\ndropout = 0.5",
    "kind = \"gcn\"\ninput = \"raw\"\nlearning_rate = 0.003\ndropout = 0.5",
    "kind = \"gat\"",
    "kind = \"sage\"",
];

/// Of a table: wide and narrow, and as much of it dropped as few labels ask for.
const TABLE: [&str; 5] = [
    "kind = \"mlp\"",
    "kind = \"mlp\"\nhidden = [256, 128]",
    "kind = \"mlp\"\nhidden = [256, 128]\ndropout = 0.5\nlearning_rate = 0.003",
    "kind = \"fusion\"",
    "kind = \"mlp\"\nhidden = [32]\nweight_decay = 0.001",
];

/// Most settings of a list.
pub const PORTFOLIO: usize = if GRAPH.len() > TABLE.len() { GRAPH.len() } else { TABLE.len() };

/// The settings that a teacher of kind `auto` tries on data of this kind.
#[must_use]
pub fn candidates(auto: &AutoTeacher, context: Context) -> Vec<TeacherSection> {
    let list: &[&str] = match context.kind {
        DataKind::Graph => &GRAPH,
        DataKind::Table => &TABLE,
    };
    let read = |text: &&str| TeacherSection::read(&text.parse::<Table>().ok()?, context, false).ok();
    let of_these_columns = |mut teacher: TeacherSection| {
        match &mut teacher {
            TeacherSection::Mlp(mlp) => mlp.sees = auto.sees,
            // It joins the student's columns with the others.
            TeacherSection::Fusion(_) if auto.sees != crate::recipe::Seen::All => return None,
            _ => {}
        }
        Some(teacher)
    };
    list.iter().filter_map(read).filter_map(of_these_columns).take(auto.candidates).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{Seen, Task};

    #[test]
    fn every_setting_can_be_read_and_is_another_one() {
        for kind in [DataKind::Graph, DataKind::Table] {
            for task in [Task::Classify, Task::Regress] {
                let context = Context { kind, task };
                let auto = AutoTeacher { candidates: PORTFOLIO, sees: Seen::All };
                let all = candidates(&auto, context);
                assert_eq!(all.len(), PORTFOLIO);
                for (at, teacher) in all.iter().enumerate() {
                    assert!(teacher.training().is_some());
                    assert!(!all[..at].contains(teacher), "{teacher:?}");
                }
                assert_eq!(candidates(&AutoTeacher { candidates: 2, ..auto }, context), all[..2]);
            }
        }
    }

    #[test]
    fn a_teacher_of_some_columns_keeps_to_them() {
        let auto = AutoTeacher { candidates: PORTFOLIO, sees: Seen::Others };
        let all = candidates(&auto, Context::default());
        assert!(all.len() < PORTFOLIO && all.iter().all(|teacher| teacher.sees() == Seen::Others));
    }
}
