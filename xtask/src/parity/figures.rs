//! The figures of a run by what they are about, whatever version wrote them: the same names from every schema.

use serde_json::Value;
use std::collections::BTreeMap;

/// Values by split, seed, part, network and figure.
pub type Figures = BTreeMap<String, Value>;

/// The schema that a document follows.
pub fn schema(document: &Value) -> &str {
    document["schema"].as_str().unwrap_or_default()
}

/// The figures of a document.
///
/// Versions before named the only split of a table `fold 0`, however it was drawn; here all of them do.
pub fn figures(document: &Value) -> Figures {
    let mut all = Figures::new();
    let each = |name: &str| document[name].as_array().into_iter().flatten();
    let mut put = |at: [&str; 4], seed: &Value, value: &Value| {
        let [split, part, network, figure] = at;
        let split = if matches!(split, "random" | "ordered") { "fold 0" } else { split };
        if value.is_number() {
            all.insert(format!("/{split}/seed {seed}/{part}/{network}/{figure}"), value.clone());
        }
    };
    for row in each("results") {
        let text = |name: &str| row[name].as_str().unwrap_or_default();
        put([text("split"), text("part"), text("network"), text("figure")], &row["seed"], &row["value"]);
    }
    for seed in each("seeds") {
        for (name, split, part) in [
            ("transductive", "transductive", "test"),
            ("tune", "transductive", "tune"),
            ("inductive", "inductive", "test"),
            ("inductive_observed", "inductive", "observed"),
        ] {
            for (network, accuracy) in seed[name].as_object().into_iter().flatten() {
                put([split, part, network, "accuracy"], &seed["seed"], accuracy);
            }
        }
    }
    // The runs of a table held one object a network, and some parts under names of their own.
    for run in each("runs").filter(|run| run["fold"].is_number()) {
        let split = format!("fold {}", run["fold"]);
        for (name, score) in run.as_object().into_iter().flatten() {
            let (part, network) = match name.as_str() {
                "tune" => ("tune", "student_int8"),
                "tune_float" => ("tune", "student_float"),
                "cpu_seconds" => continue,
                name => ("test", name),
            };
            for (figure, value) in score.as_object().into_iter().flatten() {
                put([&split, part, network, figure], &run["seed"], value);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_gives_the_same_names() {
        let read = |text: &str| figures(&serde_json::from_str(text).unwrap());
        let graph =
            read(r#"{"seeds": [{"seed": 7, "transductive": {"teacher": 81.5, "plain_kd": null}, "inductive": null}]}"#);
        let row = |split: &str, network: &str, value: &str| {
            format!(
                r#"{{"results": [{{"split": "{split}", "seed": 7, "part": "test", "network": "{network}", "figure": "accuracy", "value": {value}}}]}}"#
            )
        };
        assert_eq!(graph, read(&row("transductive", "teacher", "81.5")));
        let table = read(
            r#"{"runs": [{"fold": 0, "seed": 7, "label_share": 1, "cpu_seconds": {"student": 2}, "teacher": {"accuracy": 81.5}}]}"#,
        );
        assert_eq!(table, read(&row("ordered", "teacher", "81.5")));
        assert_eq!(table.len(), 1);
    }
}
