//! Models of other tools: agreement with their own runtimes, tolerated forms, refusals and their messages.
//!
//! `models/make.py` makes the small models and records the results of LiteRT and ONNX Runtime.

use eyas::{AlignedBytes, Student};
use eyas_trainer::dataset::Table;
use eyas_trainer::export::{OnnxInput, to_onnx, write_vectors};
use eyas_trainer::import::{ImportError, ImportPlan, Imported, Rule, SourceNetwork, import, page};
use eyas_trainer::quantize::Replay;
use std::path::{Path, PathBuf};
use std::process::Command;

const PLAN: ImportPlan<'static> =
    ImportPlan { name: "test", rows: None, labels: &[], sparse_input: false, compared_rows: 256 };

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models")
}

fn model(name: &str) -> Vec<u8> {
    std::fs::read(models().join(name)).expect("a model made by make.py")
}

/// The anchor networks as models.
fn anchors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/anchors")
}

/// An array `[rows][..]` of an archive.
fn rows<T: npyz::Deserialize>(path: &Path, name: &str) -> Vec<Vec<T>> {
    let file = std::fs::File::open(path).expect("an archive");
    let mut archive = zip::ZipArchive::new(file).expect("an archive");
    let entry = archive.by_name(&format!("{name}.npy")).expect("the array");
    let array = npyz::NpyFile::new(entry).expect("an array");
    let width = array.shape()[1] as usize;
    let mut values = array.into_vec::<T>().expect("of this type").into_iter();
    std::iter::from_fn(|| Some(values.by_ref().take(width).collect::<Vec<_>>()).filter(|row| row.len() == width))
        .collect()
}

fn farthest(a: &[Vec<i8>], b: &[Vec<i8>]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a.abs_diff(*b)).max().expect("rows")
}

fn answers(imported: &Imported, x: &[Vec<i8>]) -> Vec<Vec<i8>> {
    let student = Student::load(&imported.sealed.file).expect("a sealed student");
    let replay = Replay::of_file(&student, x);
    let outputs = usize::from(student.metadata().outputs());
    replay.layers.last().expect("layers").chunks(outputs).map(<[i8]>::to_vec).collect()
}

#[test]
fn anchor_networks_equal_their_published_outputs() {
    let folder = anchors();
    for network in ["m1", "m2", "m3", "m4"] {
        let golden = folder.join(format!("{network}.npz"));
        let x = rows::<i8>(&golden, "x");
        for (file, outputs) in
            [(".tflite", "y_per_tensor"), ("_pc.tflite", "y_per_channel"), ("_qdq.onnx", "y_per_tensor")]
        {
            let name = format!("{network}{file}");
            let bytes = std::fs::read(folder.join(&name)).expect("a model");
            let source = SourceNetwork::read(&bytes).expect("a dense model");
            let published = rows::<i8>(&golden, outputs);
            let of_source = source.outputs(&x).expect("scales in range");
            match source.rule {
                Rule::Double => assert_eq!(of_source, published, "{name}"),
                Rule::HalfEven => assert!(farthest(&of_source, &published) <= 1, "{name}"),
            }
            let imported = import(&bytes, &PLAN).expect("imports");
            assert!(imported.layers.iter().all(|layer| layer.larger == 0 && layer.values > 0), "{name}");
            let off_by_one: u64 = imported.layers.iter().map(|layer| layer.off_by_one).sum();
            let values: u64 = imported.layers.iter().map(|layer| layer.values).sum();
            println!("{name}: {off_by_one} of {values} integers off by one, layer by layer");
            assert!(farthest(&answers(&imported, &x), &published) <= 1, "{name}");
        }
    }
}

#[test]
fn a_float_anchor_keeps_its_labels() {
    let folder = anchors();
    let bytes = std::fs::read(folder.join("m3_f32.onnx")).expect("a model");
    assert!(matches!(import(&bytes, &PLAN), Err(ImportError::NoRows)));
    let table = Table::load(&folder.join("m3.npz")).expect("rows");
    let imported = import(&bytes, &ImportPlan { rows: Some(&table), ..PLAN }).expect("imports");
    let judged = imported.judged.expect("judged");
    println!("m3_f32.onnx: {judged:?}");
    assert!(judged.rows == 16 && judged.agreement >= 14.0 / 16.0, "{judged:?}");
}

/// The student's real outputs lie within `steps` output steps of the source runtime's.
fn compare_with_runtime(name: &str, steps: f32, unsigned: bool) {
    let stem = name.split('.').next().expect("a stem");
    let imported = import(&model(name), &PLAN).expect("imports");
    assert_eq!(imported.unsigned, unsigned, "{name}");
    let recorded = models().join(format!("{stem}.npz"));
    let (features, expected) = (rows::<f32>(&recorded, "x"), rows::<f32>(&recorded, "y"));
    let student = Student::load(&imported.sealed.file).expect("a sealed student");
    let scale = student.metadata().output.scale;
    let mut arena = vec![0; student.arena_words()];
    let mut apart = 0;
    for (features, expected) in features.iter().zip(&expected) {
        let mut x = vec![0; features.len()];
        student.quantize(features, &mut x).expect("finite");
        let answer = student.infer(&x, &mut arena).expect("a row");
        for (at, expected) in expected.iter().enumerate() {
            let distance = (answer.quantity(at).expect("an output").real() - expected).abs() / scale;
            assert!(distance <= steps + 0.01, "{name}: {distance} steps");
            apart += usize::from(distance > 0.01);
        }
    }
    println!("{name}: {apart} of {} outputs differ from the runtime's", expected.len() * expected[0].len());
}

#[test]
fn what_stands_around_dense_layers_is_tolerated() {
    compare_with_runtime("surroundings.tflite", 1.0, false);
    compare_with_runtime("uint8.tflite", 1.0, true);
    compare_with_runtime("minus_128.tflite", 1.0, false);
    compare_with_runtime("matmul_add.onnx", 1.0, true);
    compare_with_runtime("gemm_factors.onnx", 1.0, false);
    compare_with_runtime("minus_128_qdq.onnx", 1.0, false);
}

#[test]
fn a_softmax_is_left_out_and_a_weight_of_minus_128_told() {
    let plain = import(&model("surroundings.tflite"), &PLAN).expect("imports");
    let softmax = import(&model("softmax.tflite"), &PLAN).expect("imports");
    assert_eq!(plain.layers, softmax.layers);
    let plain = import(&model("gemm_factors.onnx"), &PLAN).expect("imports");
    let softmax = import(&model("gemm_softmax.onnx"), &PLAN).expect("imports");
    assert_eq!(plain.layers, softmax.layers);
    let narrowed = import(&model("minus_128.tflite"), &PLAN).expect("imports");
    assert!(narrowed.layers.iter().all(|layer| layer.rescaled_rows == 1), "{:?}", narrowed.layers);
}

#[test]
fn a_float_model_with_relu6_is_judged() {
    let table = Table::load(&models().join("float_relu6.npz")).expect("rows");
    let labels = ["a", "b", "c"].map(String::from);
    let plan = ImportPlan { rows: Some(&table), labels: &labels, ..PLAN };
    let imported = import(&model("float_relu6.onnx"), &plan).expect("imports");
    let judged = imported.judged.expect("judged");
    assert!(judged.agreement >= 0.9 && judged.mean_difference > 0.0 && judged.mean_difference < 0.1, "{judged:?}");
    let student = Student::load(&imported.sealed.file).expect("sealed");
    assert_eq!(student.metadata().labels().collect::<Vec<_>>(), ["a", "b", "c"]);
    let wrong = ImportPlan { labels: &labels[..2], ..plan };
    let told = import(&model("float_relu6.onnx"), &wrong).expect_err("two names for three outputs").to_string();
    assert!(told.contains("--labels") && told.contains("3 outputs"), "{told}");
}

/// Pipelines of a scaler and an MLP, with labels, dictionaries and probabilities behind them: the float network decides as
/// scikit-learn itself, and the student carries the names of its classes.
#[test]
fn scikit_learn_pipelines_decide_as_in_python() {
    let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/exports");
    let table = std::fs::read_to_string(exports.join("iris.csv")).expect("rows");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.csv");
    let read = |name: &str| std::fs::read(exports.join(format!("{name}.onnx"))).expect("an export");
    // The first columns, and the decisions of scikit-learn as labels.
    let load = |columns: usize, labels: &[&str]| {
        let cut =
            |(line, label): (&str, &&str)| line.split(',').take(columns).chain([*label]).collect::<Vec<_>>().join(",");
        let lines: Vec<String> = table.lines().zip(["label"].iter().chain(labels)).map(cut).collect();
        std::fs::write(&path, lines.join("\n")).expect("writes");
        Table::load(&path).expect("rows")
    };
    let (species, numbers) = (["setosa", "versicolor", "virginica"], ["0", "1", "2"]);
    for (name, classes) in
        [("mlp_names", &species[..]), ("mlp_tensor", &numbers), ("mlp_double", &species), ("mlp_two", &species[1..])]
    {
        let decided = rows::<i64>(&exports.join("expected.npz"), &format!("{name}_label"));
        let decided: Vec<&str> = decided.iter().map(|row| classes[row[0] as usize]).collect();
        let table = load(4, &decided);
        let imported = import(&read(name), &ImportPlan { rows: Some(&table), ..PLAN }).expect(name);
        let student = Student::load(&imported.sealed.file).expect("sealed");
        assert_eq!(student.metadata().labels().collect::<Vec<_>>(), classes, "{name}");
        let judged = imported.judged.expect("judged");
        println!("{name}: {judged:?}");
        assert_eq!((judged.rows, judged.accuracy_float), (150, Some(1.0)), "{name}");
        assert!(judged.accuracy_int8 >= Some(0.98), "{name}: {judged:?}");
    }
    let table = load(3, &vec!["0"; 150]);
    let imported = import(&read("mlp_quantity"), &ImportPlan { rows: Some(&table), ..PLAN }).expect("imports");
    let judged = imported.judged.expect("judged");
    assert!(judged.mean_difference > 0.0 && judged.mean_difference < 0.05, "{judged:?}");
    // A forest has no dense layer.
    let told = import(&read("forest_names"), &PLAN).expect_err("a forest").to_string();
    assert!(told.contains("operator 0 (`TreeEnsembleClassifier`") && told.contains("distil"), "{told}");
}

#[test]
fn what_cannot_be_imported_is_named() {
    for (name, words) in [
        ("refused_logistic.tflite", ["operator 0 (`LOGISTIC`)", "dense layers"]),
        ("refused_float.tflite", ["operator 0 (`FULLY_CONNECTED`)", "full-integer quantization"]),
        ("refused_residual.tflite", ["operator 1 (`ADD`)", "not part of a dense network"]),
        ("refused_external.onnx", ["tensor `w0`", "never opened"]),
        ("refused_tanh.onnx", ["operator 1 (`Tanh` node_y)", "dense layers"]),
        ("refused_half_quantized.onnx", ["operator 3 (`Gemm` node_y)", "quantize_static"]),
        ("refused_skip.onnx", ["operator 1 (`Add` node_y)", "one chain"]),
    ] {
        let told = import(&model(name), &PLAN).expect_err(name).to_string();
        assert!(words.iter().all(|word| told.contains(word)), "{name}: {told}");
    }
    for bytes in [&b""[..], b"TFL3", b"PK\x03\x04", &[0; 64], &[0xff; 64]] {
        assert!(matches!(import(bytes, &PLAN), Err(ImportError::NotAModel)), "{bytes:?}");
    }
}

/// Every truncation and many changed bytes give an error or a student that loads, never a panic.
#[test]
fn damaged_models_never_panic() {
    let plan = ImportPlan { compared_rows: 4, ..PLAN };
    let (mut state, mut accepted) = (1u64, 0);
    for name in ["surroundings.tflite", "minus_128.tflite", "matmul_add.onnx", "gemm_softmax.onnx", "float_relu6.onnx"]
    {
        let whole = model(name);
        for length in 0..whole.len() {
            let _ = import(&whole[..length], &plan);
        }
        for _ in 0..4_000 {
            let mut bytes = whole.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % bytes.len();
                bytes[at] = (state >> 20) as u8;
            }
            if let Ok(imported) = import(&bytes, &plan) {
                Student::load(&imported.sealed.file).expect("what is sealed loads");
                accepted += 1;
            }
        }
    }
    assert!(accepted > 100, "{accepted} damaged models still import");
}

/// The shipped students as ONNX models: deterministic, read back with the same weights, and differing by at most one
/// unit.
#[test]
fn an_export_imports_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/format/v1");
    for name in
        ["dense.eyas", "sparse_input.eyas", "per_input.eyas", "regression.eyas", "deepest.eyas", "extremes.eyas"]
    {
        let file = AlignedBytes::from(std::fs::read(folder.join(name)).expect("a committed file").as_slice());
        let student = Student::load(&file).expect("loads");
        let exported = to_onnx(&student, OnnxInput::Integers, 64).expect("exports");
        assert_eq!(exported.bytes, to_onnx(&student, OnnxInput::Integers, 64).expect("exports").bytes, "{name}");
        assert!(exported.layers.iter().all(|layer| layer.larger == 0), "{name}: {:?}", exported.layers);
        let again = import(&exported.bytes, &PLAN).expect("imports");
        let again = Student::load(&again.sealed.file).expect("sealed");
        for (a, b) in student.layers().zip(again.layers()) {
            for at in 0..usize::from(a.outputs) * usize::from(a.inputs) {
                let (o, i) = (at / usize::from(a.inputs), at % usize::from(a.inputs));
                assert_eq!(a.weight(o, i), b.weight(o, i), "{name}");
            }
            assert_eq!(a.range, b.range, "{name}");
        }
    }
}

/// Runs ONNX Runtime itself on exported students; each layer gets the student's own integers.
#[test]
fn onnx_runtime_computes_an_export() {
    let python = std::env::var_os("EYAS_PYTHON").unwrap_or_else(|| "python3".into());
    let probe = Command::new(&python).args(["-c", "import numpy, onnx, onnxruntime"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        return eyas_tests::skip(format_args!(
            "{python:?} has no numpy, onnx and onnxruntime; cargo xtask setup installs them for cargo xtask test, \
             EYAS_PYTHON names another Python"
        ));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for name in [
        "models/cora/student.eyas",
        "tests/format/v1/extremes.eyas",
        "tests/format/v1/per_input.eyas",
        "tests/format/v1/row_sum.eyas",
        "tests/format/v1/regression.eyas",
    ] {
        let file = AlignedBytes::from(std::fs::read(root.join(name)).expect("a student").as_slice());
        let student = Student::load(&file).expect("loads");
        let inputs = usize::from(student.metadata().inputs);
        let x: Vec<Vec<i8>> =
            (0..64).map(|row| (0..inputs).map(|i| ((i * 37 + row * 101) % 256) as u8 as i8).collect()).collect();
        let vectors = folder.path().join("vectors.npz");
        std::fs::write(&vectors, write_vectors(&x, &replay(&student, &x)).expect("built")).expect("written");
        for input in [OnnxInput::Integers, OnnxInput::Features] {
            let Ok(exported) = to_onnx(&student, input, 8) else {
                assert_eq!(
                    (input, student.metadata().front_end),
                    (OnnxInput::Features, eyas::model::FrontEnd::Integers)
                );
                continue;
            };
            let model = folder.path().join("student.onnx");
            std::fs::write(&model, exported.bytes).expect("written");
            let mut stages = student.layers().count();
            if input == OnnxInput::Features {
                let features = (0..64 * inputs).map(|at| (at * 7919 % 2003) as f32 / 997.0 - 0.7).collect::<Vec<_>>();
                let x: Vec<Vec<i8>> = features
                    .chunks(inputs)
                    .map(|features| {
                        let mut x = vec![0; inputs];
                        student.quantize(features, &mut x).expect("finite");
                        x
                    })
                    .collect();
                let archive = write_vectors(&x, &replay(&student, &x)).expect("built");
                std::fs::write(&vectors, with_features(archive, &features, inputs)).expect("written");
                stages += 1;
            }
            let ran = Command::new(&python).arg(models().join("layers.py")).args([&model, &vectors]).output();
            let ran = ran.expect("Python starts");
            assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
            let counts = String::from_utf8(ran.stdout).expect("text");
            println!("{name}, {input:?}:\n{counts}");
            assert_eq!(counts.lines().count(), stages, "{name}");
            assert!(counts.lines().all(|line| line.ends_with(" 0")), "{name}: {counts}");
        }
    }
}

/// The archive with an additional array `features` `[rows][inputs]`.
fn with_features(archive: Vec<u8>, features: &[f32], inputs: usize) -> Vec<u8> {
    use npyz::WriterBuilder;
    use std::io::{Cursor, Write};
    let mut archive = zip::ZipWriter::new_append(Cursor::new(archive)).expect("an archive");
    archive.start_file("features.npy", zip::write::SimpleFileOptions::default()).expect("started");
    let mut bytes = Vec::new();
    let shape = [(features.len() / inputs) as u64, inputs as u64];
    let array = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(&mut bytes).begin_nd();
    let mut array = array.expect("begun");
    array.extend(features.iter().copied()).expect("written");
    array.finish().expect("finished");
    archive.write_all(&bytes).expect("written");
    archive.finish().expect("finished").into_inner()
}

/// Like [`Replay::of_file`], for regression students too.
fn replay(student: &Student<'_>, rows: &[Vec<i8>]) -> Replay {
    let mut arena = vec![0; student.arena_words()];
    let mut layers: Vec<Vec<i8>> = student.layers().map(|_| Vec::new()).collect();
    for row in rows {
        student.infer_portable(row, &mut arena, |layer, y| layers[layer].extend(y.iter())).expect("a row");
    }
    Replay { layers, labels: Vec::new() }
}

const PAGED: [&str; 3] = ["softmax.tflite", "uint8.tflite", "minus_128_qdq.onnx"];

/// The page of an import holds the counts of its comparison, and names cannot inject markup.
#[test]
fn the_page_of_an_import_tells_its_counts() {
    for name in PAGED {
        let imported = import(&model(name), &PLAN).expect("imports");
        let page = page("<b>model</b>", &imported).expect("renders");
        let off_by_one: u64 = imported.layers.iter().map(|layer| layer.off_by_one).sum();
        let values: u64 = imported.layers.iter().map(|layer| layer.values).sum();
        assert!(page.contains(&format!("Of {values} integers {off_by_one} are one unit apart and\n0 more")), "{page}");
        assert_eq!(page.matches("<tr><td>").count(), imported.layers.len());
        assert!(page.contains("&lt;b&gt;model") && !page.contains("<b>"), "{page}");
    }
}
