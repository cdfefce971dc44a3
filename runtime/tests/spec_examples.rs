//! The worked examples of `docs/spec/`: rebuilt or recomputed here, so that the documents stay correct.
//!
//! The comment `<!-- checked: NAME -->` before a table marks it. A failed comparison prints the text that the document
//! should have.

mod support;

use eyas::model::{
    FORMAT_VERSION, FrontEnd, GoldenVectors, InputSchema, LayerKind, LayerMeta, LayerTensors, MAGIC, Metadata,
    Normalization, OutputMeta, PREFIX_BYTES, Provenance, Task, write,
};
use eyas::quant::{Multiplier, OutputRange, quantize_feature, requantize, row_share, scale_sum};
use eyas::{AlignedBytes, LoadError, Quantity, Student};
use std::fmt::Write;

const FORMAT: &str = include_str!("../../docs/spec/format.md");
const ARITHMETIC: &str = include_str!("../../docs/spec/arithmetic.md");

/// The student of the worked example: 3 binary inputs, a sparse-input layer of 2, a dense layer of 2.
fn example(golden: &[u8]) -> (Metadata<'_>, Vec<LayerTensors>) {
    let layers = [
        LayerMeta { kind: LayerKind::SparseInput, outputs: 2, zero_point: -128, lo: -128, hi: 127 },
        LayerMeta { kind: LayerKind::Dense, outputs: 2, zero_point: -8, lo: -128, hi: 127 },
    ];
    let metadata = Metadata {
        task: Task::Classify,
        inputs: 3,
        input_zero_point: -128,
        layers: layers.into_iter().collect(),
        normalization: Normalization::None,
        front_end: FrontEnd::Uniform { gain: 255.0, offset: -128.0 },
        schema: InputSchema { names: "", units: "", hash: 0x0807_0605_0403_0201 },
        output: OutputMeta { labels: "no\nyes", scale: 0.25, confidence: &[], abstain: &[] },
        provenance: Provenance { teacher: "gcn", data_hash: &[], recipe_hash: &[], seed: 2022, tool: "eyas 0.1.0" },
        counter: 0,
        golden,
    };
    let multiplier = |mantissa, exponent| Multiplier { mantissa, exponent };
    let tensors = vec![
        LayerTensors {
            weights: vec![127, -64, -127, 127, 64, 32],
            biases: vec![-100, 300],
            multipliers: vec![multiplier(1 << 30, -7), multiplier(1_610_612_736, -8)],
        },
        LayerTensors {
            // Folded: plain biases 50 and −25, input zero point −128, row sums 37 and −27.
            weights: vec![127, -90, -100, 73],
            biases: vec![50 + 128 * 37, -25 - 128 * 27],
            multipliers: vec![multiplier(1_717_986_918, -7), multiplier(1_717_986_918, -7)],
        },
    ];
    (metadata, tensors)
}

/// The example's file; its golden vector is the input (1, 0, 1).
fn example_file() -> AlignedBytes {
    let seal = |golden: &[u8]| {
        let (metadata, tensors) = example(golden);
        AlignedBytes::from(write(&metadata, &tensors, None).unwrap().as_slice())
    };
    let bare = seal(&[]);
    let student = Student::load(&bare).unwrap();
    let x = [127, -128, 127];
    let mut golden = Vec::new();
    GoldenVectors::encode_input(&x, -128, |byte| golden.push(byte));
    let mut arena = vec![0; student.arena_words()];
    student.infer_observed(&x, &mut arena, |_, y| golden.extend(y.iter().map(|y| y as u8))).unwrap();
    seal(&golden)
}

/// `offset  bytes` as the document prints them, 16 to a line.
fn dump(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (line, chunk) in bytes.chunks(16).enumerate() {
        let hex = chunk.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        let plain: String =
            chunk.iter().map(|&b| if (0x20..0x7f).contains(&b) { char::from(b) } else { '.' }).collect();
        writeln!(text, "{:04x}  {hex:<47}  {plain}", line * 16).unwrap();
    }
    text
}

/// The rows of the table after `<!-- checked: name -->`, without its header; cells are trimmed and lose their
/// backticks.
fn table(document: &str, name: &str) -> Vec<Vec<String>> {
    let marker = format!("<!-- checked: {name} -->");
    let (_, rest) = document.split_once(&marker).unwrap_or_else(|| panic!("no table {name}"));
    let rows = rest.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|c| c.trim().replace(['`', '−'], "").to_owned()).collect();
    let minus = |line: &str| line.replace('−', "-");
    let rows: Vec<Vec<String>> = rows.skip(2).map(|line| cells(&minus(line))).collect();
    assert!(!rows.is_empty(), "table {name} is empty");
    rows
}

fn number<T: std::str::FromStr>(cell: &str) -> T {
    cell.replace(['\u{202f}', ' '], "").parse().unwrap_or_else(|_| panic!("{cell} is not a number"))
}

fn numbers<T: std::str::FromStr>(cell: &str) -> Vec<T> {
    cell.split(',').map(number).collect()
}

#[test]
fn the_hex_dump_is_the_file() {
    let dump = dump(&example_file());
    assert!(FORMAT.contains(&dump), "docs/spec/format.md should hold this dump:\n{dump}");
}

/// The file as version 1 wrote it. Later versions keep it and must load it; it is never rewritten.
#[test]
fn the_kept_file_is_the_example() {
    let kept = AlignedBytes::from(include_bytes!("students/version-1.eyas").as_slice());
    assert_eq!(*kept, *example_file());
    let student = Student::load(&kept).unwrap();
    let report = student.selftest(&mut [0; 3], &mut vec![0; student.arena_words()]).unwrap();
    assert_eq!((report.vectors, report.values), (1, 4));
}

#[test]
fn the_field_table_is_the_metadata() {
    let file = example_file();
    let student = Student::load(&file).unwrap();
    let m = student.metadata();
    let FrontEnd::Uniform { gain, offset } = m.front_end else { panic!("the example has a uniform front end") };
    let mut at = PREFIX_BYTES;
    let mut text = String::new();
    let mut buffer = [0u8; 256];
    let mut row = |name: &str, bytes: &[u8]| {
        let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        writeln!(text, "| {at:#06x} | `{hex}` | {name} |").unwrap();
        assert_eq!(&file[at..at + bytes.len()], bytes, "{name}");
        at += bytes.len();
    };
    macro_rules! field {
        ($name:literal, $value:expr) => {
            row($name, postcard::to_slice(&$value, &mut buffer).unwrap())
        };
    }
    field!("`task` = Classify", m.task);
    field!("`inputs` = 3", m.inputs);
    field!("`input_zero_point` = −128", m.input_zero_point);
    field!("`layers`: 2 layers follow", m.layers.len() as u16);
    field!("layer 0: SparseInput, 2 outputs, zero point −128, lo −128, hi 127", m.layers[0]);
    field!("layer 1: Dense, 2 outputs, zero point −8, lo −128, hi 127", m.layers[1]);
    field!("`normalization` = None", m.normalization);
    field!("`front_end` = Uniform", 1u8);
    field!("`gain` = 255.0", gain);
    field!("`offset` = −128.0", offset);
    field!("`schema.names`, empty", m.schema.names);
    field!("`schema.units`, empty", m.schema.units);
    row("`schema.hash`, fixed width", &m.schema.hash.to_le_bytes());
    field!("`output.labels` = `no`, newline, `yes`", m.output.labels);
    field!("`output.scale` = 0.25", m.output.scale);
    field!("`output.confidence`, empty", m.output.confidence);
    field!("`output.abstain`, empty", m.output.abstain);
    field!("`provenance.teacher` = `gcn`", m.provenance.teacher);
    field!("`provenance.data_hash`, empty", m.provenance.data_hash);
    field!("`provenance.recipe_hash`, empty", m.provenance.recipe_hash);
    field!("`provenance.seed` = 2022", m.provenance.seed);
    field!("`provenance.tool` = `eyas 0.1.0`", m.provenance.tool);
    field!("`counter` = 0", m.counter);
    field!("`golden`: one vector", m.golden);
    let metadata_bytes = u32::from_le_bytes(file[12..16].try_into().unwrap()) as usize;
    assert_eq!(at, PREFIX_BYTES + metadata_bytes, "the fields fill the metadata");
    assert!(FORMAT.contains(&text), "docs/spec/format.md should hold these rows:\n{text}");
}

#[test]
fn the_prefix_of_the_document_is_the_code() {
    assert_eq!((MAGIC, FORMAT_VERSION, PREFIX_BYTES), (*b"EYAS", 1, 32));
    for row in table(FORMAT, "errors") {
        let file = example_file();
        let mut bytes = file.to_vec();
        for change in row[0].split(';') {
            let (at, value) = change.trim().split_once('=').unwrap();
            bytes[number::<usize>(at)] = number(value);
        }
        if row[1] == "yes" {
            support::reseal(&mut bytes);
        }
        let changed = AlignedBytes::from(bytes.as_slice());
        let error = Student::load(&changed).unwrap_err();
        assert_eq!(error.code(), number::<u8>(&row[2]), "{row:?}: {error}");
        assert!(format!("{error:?}").starts_with(&row[3]), "{row:?}: {error:?}");
    }
}

#[test]
fn features_to_integers() {
    for row in table(ARITHMETIC, "quantize") {
        let found = quantize_feature(number(&row[0]), number(&row[1]), number(&row[2]));
        let expected = (row[3] != "refused").then(|| number::<i8>(&row[3]));
        assert_eq!(found, expected, "{row:?}");
    }
}

#[test]
fn rows_to_shares() {
    for row in table(ARITHMETIC, "row share") {
        let features = numbers::<f32>(&row[0]);
        let expected = if row[1] == "refused" { Err(number(&row[2])) } else { Ok(number::<f32>(&row[1])) };
        assert_eq!(row_share(features), expected, "{row:?}");
    }
}

#[test]
fn sums_to_steps() {
    for row in table(ARITHMETIC, "scale") {
        let multiplier = Multiplier { mantissa: number(&row[1]), exponent: number(&row[2]) };
        assert!(multiplier.is_valid(), "{row:?}");
        assert_eq!(scale_sum(number(&row[0]), multiplier), number::<i64>(&row[4]), "{row:?}");
    }
}

#[test]
fn sums_to_activations() {
    for row in table(ARITHMETIC, "requantize") {
        let multiplier = Multiplier { mantissa: number(&row[1]), exponent: number(&row[2]) };
        let range = OutputRange { zero_point: number(&row[3]), lo: number(&row[4]), hi: number(&row[5]) };
        assert_eq!(requantize(number(&row[0]), multiplier, range), number::<i8>(&row[6]), "{row:?}");
    }
}

#[test]
fn the_example_student_by_hand() {
    let file = example_file();
    let student = Student::load(&file).unwrap();
    let mut arena = vec![0; student.arena_words()];
    let mut expected = String::new();
    let join = |values: &[i8]| values.iter().map(i8::to_string).collect::<Vec<_>>().join(", ");
    for features in [[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]] {
        let mut x = [0; 3];
        student.quantize(&features, &mut x).unwrap();
        let mut layers = Vec::new();
        let answer = student
            .infer_observed(&x, &mut arena, |_, y| layers.push(join(&y.iter().collect::<Vec<_>>())))
            .unwrap()
            .decision();
        let shown = features.map(|feature: f32| feature.to_string()).join(", ");
        let cells = [shown, join(&x), layers[0].clone(), layers[1].clone()].join(" | ");
        writeln!(expected, "| {cells} | {} | {} |", answer.label, answer.margin).unwrap();
    }
    let expected = expected.replace('-', "−");
    assert!(ARITHMETIC.contains(&expected), "docs/spec/arithmetic.md should hold these rows:\n{expected}");
}

/// A student that ignores its inputs: its outputs are its biases.
fn constant(outputs: &[i8]) -> AlignedBytes {
    let (mut metadata, mut tensors) = example(&[]);
    let labels = (0..outputs.len()).map(|o| o.to_string()).collect::<Vec<_>>().join("\n");
    metadata.layers.truncate(1);
    metadata.layers[0] =
        LayerMeta { kind: LayerKind::Dense, outputs: outputs.len() as u16, zero_point: 0, lo: -128, hi: 127 };
    metadata.output.labels = &labels;
    tensors.truncate(1);
    let one = Multiplier { mantissa: 1 << 30, exponent: 1 };
    tensors[0] = LayerTensors {
        weights: vec![0; 3 * outputs.len()],
        biases: outputs.iter().map(|&y| y.into()).collect(),
        multipliers: vec![one; outputs.len()],
    };
    AlignedBytes::from(write(&metadata, &tensors, None).unwrap().as_slice())
}

#[test]
fn logits_to_decisions() {
    for row in table(ARITHMETIC, "decision") {
        let logits = numbers::<i8>(&row[0]);
        let file = constant(&logits);
        let student = Student::load(&file).unwrap();
        let mut arena = vec![0; student.arena_words()];
        let answer = student.infer(&[0; 3], &mut arena).unwrap();
        assert_eq!(answer.logits(), logits);
        let decision = answer.decision();
        assert_eq!((decision.label, decision.margin), (number(&row[1]), number(&row[2])), "{row:?}");
    }
}

#[test]
fn integers_to_quantities() {
    for row in table(ARITHMETIC, "quantity") {
        let quantity = Quantity { value: number(&row[0]), zero_point: number(&row[1]), scale: number(&row[2]) };
        assert_eq!(quantity.real(), number::<f32>(&row[3]), "{row:?}");
    }
}

#[test]
fn bounds_of_the_sum() {
    for row in table(ARITHMETIC, "bounds") {
        let kind = if row[0] == "sparse" { LayerKind::SparseInput } else { LayerKind::Dense };
        let (zero, weights, bias) = (number::<i8>(&row[1]), numbers::<i8>(&row[2]), number::<i32>(&row[3]));
        let (mut lo, mut hi) = (i64::from(bias).min(0), i64::from(bias).max(0));
        let start = if kind == LayerKind::SparseInput { i64::from(zero) } else { 0 };
        for weight in weights.iter().map(|&w| i64::from(w)) {
            let (a, b) = (weight * (-128 - start), weight * (127 - start));
            (lo, hi) = (lo + a.min(b), hi + a.max(b));
        }
        assert_eq!((lo, hi), (number(&row[4]), number(&row[5])), "{row:?}");
        let (mut metadata, _) = example(&[]);
        metadata.task = Task::Regress;
        metadata.inputs = weights.len() as u16;
        metadata.input_zero_point = zero;
        metadata.layers.truncate(1);
        metadata.layers[0] = LayerMeta { kind, outputs: 1, zero_point: 0, lo: -128, hi: 127 };
        metadata.output.labels = "sum";
        let multipliers = vec![Multiplier { mantissa: 1 << 30, exponent: -20 }];
        let tensors = [LayerTensors { weights, biases: vec![bias], multipliers }];
        let file = AlignedBytes::from(write(&metadata, &tensors, None).unwrap().as_slice());
        let expected = if row[6] == "yes" { None } else { Some(LoadError::Accumulator { layer: 0, unit: 0 }) };
        assert_eq!(Student::load(&file).err(), expected, "{row:?}");
    }
}
