//! Reads the firmware's results from its last line.

use super::DeviceError;

/// Form of the summary line that this code reads.
const SUMMARY_VERSION: u64 = 2;

/// The results of a run on the emulated device. Counts are of executed instructions, sizes in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceRun {
    /// For each row the outputs of all layers, first to last: `[rows][outputs_per_row]`.
    pub outputs: Vec<Vec<i8>>,
    /// Golden vectors in the file that the self-test replayed; 0 if they were stripped.
    pub golden_vectors: u64,
    /// Integers the self-test compared.
    pub golden_values: u64,
    /// Number of measured inferences: the rows, or else the golden vectors, or else one input of zero points.
    pub inferences: u64,
    /// Mean over the measured inferences, without the decision.
    pub instructions_per_inference: f64,
    /// Fewest and most of one inference.
    pub instructions_range: (u64, u64),
    /// Mean of each layer; they add up to `instructions_per_inference`.
    pub instructions_per_layer: Vec<f64>,
    /// Mean cost of observing the layers, already subtracted from them: a few dozen per layer, negative if the observed
    /// run, a separate function, saves more than that.
    pub instructions_observing: f64,
    /// Mean of the decision after the last layer.
    pub instructions_per_decision: f64,
    /// Arena of one inference.
    pub arena_bytes: u64,
    /// Most stack under one inference.
    pub stack_bytes: u64,
    /// Stack under the self-test.
    pub stack_selftest_bytes: u64,
    /// Stack under `Student::load`, the deepest of all.
    pub stack_load_bytes: u64,
}

/// Reads the summary line; `outputs` stay empty.
pub(super) fn parse(summary: &str, student: &[u8], rows: usize) -> Result<DeviceRun, DeviceError> {
    let summary: serde_json::Value = serde_json::from_str(summary).map_err(|_| DeviceError::Summary {
        what: "last line",
        expected: "a JSON object".into(),
        found: format!("{summary:?}"),
    })?;
    let missing = |what: &'static str| DeviceError::Summary { what, expected: "a number".into(), found: "none".into() };
    let number =
        |what: &'static str| summary.pointer(what).and_then(serde_json::Value::as_u64).ok_or_else(|| missing(what));
    let observing = "/instructions/observing";
    let observing = summary.pointer(observing).and_then(serde_json::Value::as_i64).ok_or_else(|| missing(observing))?;
    expect("version", SUMMARY_VERSION, number("/version")?)?;
    // The image must contain exactly this file, not an earlier one.
    let seal = student.last_chunk().map_or(0, |&seal| u32::from_le_bytes(seal));
    expect("length of the student", student.len() as u64, number("/student/bytes")?)?;
    expect("seal of the student", u64::from(seal), number("/student/seal")?)?;
    expect("rows", rows as u64, number("/rows")?)?;
    let inferences = number("/instructions/inferences")?.max(1);
    let mean = |sum: u64| sum as f64 / inferences as f64;
    let layers = summary.pointer("/instructions/layers").and_then(serde_json::Value::as_array);
    let layers = layers.into_iter().flatten().filter_map(serde_json::Value::as_u64);
    Ok(DeviceRun {
        outputs: Vec::new(),
        golden_vectors: number("/golden/vectors")?,
        golden_values: number("/golden/values")?,
        inferences,
        instructions_per_inference: mean(number("/instructions/all")?),
        instructions_range: (number("/instructions/least")?, number("/instructions/most")?),
        instructions_per_layer: layers.map(mean).collect(),
        instructions_observing: observing as f64 / inferences as f64,
        instructions_per_decision: mean(number("/instructions/decision")?),
        arena_bytes: number("/arena")?,
        stack_bytes: number("/stack/infer")?,
        stack_selftest_bytes: number("/stack/selftest")?,
        stack_load_bytes: number("/stack/load")?,
    })
}

pub(super) fn expect(what: &'static str, expected: u64, found: u64) -> Result<(), DeviceError> {
    if expected == found {
        return Ok(());
    }
    Err(DeviceError::Summary { what, expected: expected.to_string(), found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::{DeviceError, parse};

    const LINE: &str = r#"{"version":2,"student":{"bytes":4,"seal":67305985},"golden":{"vectors":2,"values":24},"rows":3,
        "instructions":{"inferences":3,"all":30,"least":9,"most":11,"decision":6,"observing":-3,"layers":[12,18]},"arena":48,
        "stack":{"infer":332,"selftest":484,"load":956}}"#;

    #[test]
    fn means_are_over_the_measured_inferences() {
        let run = parse(LINE, &[1, 2, 3, 4], 3).expect("the line is whole");
        assert_eq!(run.instructions_per_layer, [4.0, 6.0]);
        assert_eq!(run.instructions_per_inference, 10.0);
        assert_eq!(run.instructions_observing, -1.0);
        assert_eq!(run.stack_load_bytes, 956);
    }

    #[test]
    fn another_student_other_rows_or_no_summary_are_refused() {
        for (line, student, rows) in [(LINE, [1, 2, 3, 5], 3), (LINE, [1, 2, 3, 4], 2), ("rows: 3", [1, 2, 3, 4], 3)] {
            assert!(matches!(parse(line, &student, rows), Err(DeviceError::Summary { .. })));
        }
        let shorter = LINE.replace("\"arena\":48,", "");
        assert!(matches!(parse(&shorter, &[1, 2, 3, 4], 3), Err(DeviceError::Summary { what: "/arena", .. })));
    }
}
