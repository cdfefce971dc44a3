//! The answers and refusals that every backend must give; each test binary runs them with one backend.

use eyas_trainer::onnx::{Backend, OnnxError, OnnxTeacher, OnnxTeacherPlan, Runtime, RuntimeError, Search};
use eyas_trainer::teacher::rows::{RowTeacher, RowTeacherError};
use ndarray::{Array2, s};
use npyz::NpyFile;
use std::fs::File;
use std::path::{Path, PathBuf};

/// One test for each check of this file, on one backend.
macro_rules! battery {
    ($backend:expr) => {
        battery! {
            @tests $backend;
            answers_are_those_of_python,
            exports_of_other_tools_need_no_names,
            embeddings_may_be_outputs_or_values_inside,
            a_row_has_one_answer_wherever_it_stands,
            a_graph_is_taken_whole,
            every_input_gets_its_own_columns,
            rows_of_another_width_are_refused,
            identities_tell_settings_apart,
            what_cannot_teach_is_told,
            wrong_names_are_told_with_the_nearest,
            files_that_are_no_model_are_refused,
        }
    };
    (@tests $backend:expr; $($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            if let Some(runtime) = battery::runtime($backend) {
                battery::$name(&runtime);
            }
        })*
    };
}

/// Largest difference to Python's ONNX Runtime.
const LIMIT: f32 = 1e-4;

fn file(name: &str) -> PathBuf {
    // The second place is that of the package `tests/tract`.
    let places = ["tests/onnx", "../onnx"].map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    places.iter().find(|folder| folder.is_dir()).expect("the repository has the models").join(name)
}

fn plan(name: &str) -> OnnxTeacherPlan {
    let path = file(&format!("{name}.onnx"));
    OnnxTeacherPlan {
        path,
        inputs: vec![],
        columns: vec![],
        output: Some("logits".into()),
        embedding: None,
        batch_rows: 8,
    }
}

/// The backend, or `None` with a printed reason if this machine has no library.
pub fn runtime(backend: Backend) -> Option<Runtime> {
    match Runtime::open(backend, &Search::from_environment(None)) {
        Ok(runtime) => Some(runtime),
        Err(error @ RuntimeError::NotFound) => {
            eyas_tests::skip(error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn recorded(model: &str, array: &str) -> Array2<f32> {
    let mut archive = zip::ZipArchive::new(File::open(file(&format!("{model}.npz"))).unwrap()).unwrap();
    let npy = NpyFile::new(archive.by_name(&format!("{array}.npy")).unwrap()).unwrap();
    let shape: Vec<usize> = npy.shape().iter().map(|&length| length as usize).collect();
    Array2::from_shape_vec((shape[0], shape[1]), npy.into_vec::<f32>().unwrap()).unwrap()
}

fn difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    (a - b).iter().fold(0.0, |most, difference| most.max(difference.abs()))
}

pub fn answers_are_those_of_python(runtime: &Runtime) {
    for model in ["mlp", "mlp_batch4", "cnn", "gcn_dense", "gcn_scatter", "softmax"] {
        let mut teacher = OnnxTeacher::open(&plan(model), runtime).unwrap_or_else(|error| panic!("{error}"));
        let (rows, expected) = (recorded(model, "rows"), recorded(model, "logits"));
        assert_eq!((teacher.inputs(), teacher.outputs()), (rows.ncols(), expected.ncols()), "{model}");
        let most = difference(&teacher.logits(rows.view()).unwrap(), &expected);
        println!("{model} with {runtime}: largest difference {most:e}");
        assert!(most <= LIMIT, "{model}: {most}");
        // The comparison is sensitive: other rows have other answers.
        let other = rows.mapv(|value| value + 0.5);
        assert!(difference(&teacher.logits(other.view()).unwrap(), &expected) > 100.0 * LIMIT, "{model}");
    }
}

/// What exporters write beside `make_exports.py`: the value that holds the answers, and the classes that the file tells.
const EXPORTS: [(&str, &str, &[&str]); 21] = [
    ("forest_numbers", "probabilities", &NUMBERS),
    ("forest_names", "probabilities", &SPECIES),
    ("forest_tensor", "probabilities", &SPECIES),
    ("forest_columns", "probabilities", &SPECIES),
    ("forest_quantity", "variable", &[]),
    ("labels_numbers", "output_label", &NUMBERS),
    ("labels_names", "output_label", &SPECIES),
    ("svc_scores", "probabilities", &SPECIES),
    ("svc_score", "probabilities", &["versicolor", "virginica"]),
    ("logistic_scores", "probabilities", &NUMBERS),
    ("logistic_double", "probabilities", &SPECIES),
    ("frame", "probabilities", &SPECIES),
    ("sigmoid", "probability", &[]),
    ("lightgbm", "lgbmprobabilities", &SPECIES),
    ("lightgbm_tensor", "probabilities", &SPECIES),
    ("lightgbm_two", "lgbmprobabilities", &["0", "1"]),
    ("lightgbm_two_tensor", "probabilities", &["0", "1"]),
    ("xgboost", "probabilities", &NUMBERS),
    ("xgboost_two", "probabilities", &["0", "1"]),
    ("mlp_names", "out_activations_result", &SPECIES),
    ("mlp_two", "probabilities", &["versicolor", "virginica"]),
];
const NUMBERS: [&str; 3] = ["0", "1", "2"];
const SPECIES: [&str; 3] = ["setosa", "versicolor", "virginica"];

/// Exports that tract refuses: it lacks `TreeEnsembleRegressor`, `FeatureVectorizer` and `Scaler`, and gives no labels.
const NOT_ON_TRACT: [&str; 6] = ["forest_quantity", "labels_numbers", "labels_names", "frame", "mlp_names", "mlp_two"];

fn export(name: &str) -> OnnxTeacherPlan {
    let columns = ["sepal length", "sepal width", "petal length", "petal width"].map(String::from).to_vec();
    OnnxTeacherPlan { path: file(&format!("exports/{name}.onnx")), columns, output: None, ..plan("") }
}

/// Classifiers with labels, dictionaries, columns and doubles: answers and classes are found by themselves.
pub fn exports_of_other_tools_need_no_names(runtime: &Runtime) {
    for (name, value, classes) in EXPORTS {
        let opened = OnnxTeacher::open(&export(name), runtime);
        if runtime.library().is_none() && NOT_ON_TRACT.contains(&name) {
            println!("{name} with {runtime}: {}", opened.map(|_| ()).expect_err(name));
            continue;
        }
        let mut teacher = opened.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            (teacher.answer_name(), teacher.classes()),
            (value, &classes.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "{name}"
        );
        let rows = recorded("exports/expected", "rows");
        let mut expected = recorded("exports/expected", name);
        if teacher.has_labels_alone() {
            expected = Array2::from_shape_fn((rows.nrows(), classes.len()), |(row, class)| {
                f32::from(u8::from(expected[[row, 0]] == class as f32))
            });
        }
        let rows = rows.slice(s![.., ..teacher.inputs()]);
        let most = difference(&teacher.logits(rows).unwrap(), &expected);
        println!("{name} with {runtime}: largest difference {most:e}");
        assert!(most <= LIMIT, "{name}: {most}");
        assert!(expected.iter().any(|answer| (answer - expected[[0, 0]]).abs() > 100.0 * LIMIT), "{name}");
    }
    // A name that the recipe gives wins, also that of the dictionaries.
    let named = |output: &str| OnnxTeacherPlan { output: Some(output.into()), ..export("forest_numbers") };
    let open = |output: &str| OnnxTeacher::open(&named(output), runtime).unwrap();
    assert_eq!(open("output_probability").answer_name(), "probabilities");
    if runtime.library().is_some() {
        assert!(open("output_label").has_labels_alone());
    }
    // Of the columns of a frame each goes to the input of its name; one that is missing is told.
    let columns = ["petal_width", "extra", "sepal_width", "sepal_length"].map(String::from).to_vec();
    let error = refusal(&OnnxTeacherPlan { columns, ..export("frame") }, runtime);
    assert!(matches!(&error, OnnxError::MoreInputs { found, .. } if found == &["petal_length"]), "{error}");
}

pub fn embeddings_may_be_outputs_or_values_inside(runtime: &Runtime) {
    let (rows, expected) = (recorded("mlp", "rows"), recorded("mlp", "embedding"));
    for name in ["embedding", "hidden"] {
        let mut teacher =
            OnnxTeacher::open(&OnnxTeacherPlan { embedding: Some(name.into()), ..plan("mlp") }, runtime).unwrap();
        assert_eq!(teacher.embedding_width(), Some(16));
        // `hidden` is the value before the ReLU.
        let found = teacher.embedding(rows.view()).unwrap().unwrap().mapv(|value| value.max(0.0));
        assert!(difference(&found, &expected) <= LIMIT, "{name}");
        assert!(difference(&teacher.logits(rows.view()).unwrap(), &recorded("mlp", "logits")) <= LIMIT);
    }
    // With the embedding named, the only output left needs no name.
    let unnamed = OnnxTeacherPlan { output: None, embedding: Some("embedding".into()), ..plan("mlp") };
    assert_eq!(OnnxTeacher::open(&unnamed, runtime).unwrap().outputs(), 4);
}

pub fn a_row_has_one_answer_wherever_it_stands(runtime: &Runtime) {
    for model in ["mlp", "mlp_batch4", "cnn"] {
        let mut teacher = OnnxTeacher::open(&plan(model), runtime).unwrap();
        assert_eq!(teacher.rows_at_once(), None);
        let rows = recorded(model, "rows");
        let whole = teacher.logits(rows.view()).unwrap();
        for cut in [1, 5, rows.nrows() - 1] {
            assert_eq!(
                teacher.logits(rows.slice(s![cut.., ..])).unwrap(),
                whole.slice(s![cut.., ..]),
                "{model}, {cut}"
            );
        }
        assert_eq!(teacher.logits(rows.slice(s![..0, ..])).unwrap().dim(), (0, teacher.outputs()));
    }
}

pub fn a_graph_is_taken_whole(runtime: &Runtime) {
    for model in ["gcn_dense", "gcn_scatter"] {
        let mut teacher = OnnxTeacher::open(&plan(model), runtime).unwrap();
        assert_eq!(teacher.rows_at_once(), Some(20));
        let rows = recorded(model, "rows");
        let error = teacher.logits(rows.slice(s![..19, ..])).unwrap_err().to_string();
        assert!(error.contains("all 20 rows") && error.contains("found 19"), "{error}");
    }
}

/// The same network with its adjacency inside and as a second input, which gets the columns after those of the first.
pub fn every_input_gets_its_own_columns(runtime: &Runtime) {
    let inputs = vec!["rows".into(), "adjacency".into()];
    let mut teacher = OnnxTeacher::open(&OnnxTeacherPlan { inputs, ..plan("two_inputs") }, runtime).unwrap();
    let (rows, expected) = (recorded("gcn_dense", "rows"), recorded("gcn_dense", "logits"));
    let nodes = rows.nrows();
    assert_eq!((teacher.inputs(), teacher.rows_at_once()), (rows.ncols() + nodes, Some(nodes)));
    let near = |a: usize, b: usize| [0, 1, 5, nodes - 1, nodes - 5].contains(&((a + nodes - b) % nodes));
    let adjacency = Array2::from_shape_fn((nodes, nodes), |(a, b)| if near(a, b) { 0.2 } else { 0.0 });
    let both = ndarray::concatenate![ndarray::Axis(1), rows, adjacency];
    assert!(difference(&teacher.logits(both.view()).unwrap(), &expected) <= LIMIT);
    let turned = OnnxTeacherPlan { inputs: vec!["adjacency".into(), "rows".into()], ..plan("two_inputs") };
    let mut turned = OnnxTeacher::open(&turned, runtime).unwrap();
    assert_ne!(turned.identity(), teacher.identity());
    assert!(difference(&turned.logits(both.view()).unwrap(), &expected) > 100.0 * LIMIT);
}

pub fn rows_of_another_width_are_refused(runtime: &Runtime) {
    let mut teacher = OnnxTeacher::open(&plan("mlp"), runtime).unwrap();
    let error = teacher.logits(Array2::zeros((3, 11)).view()).unwrap_err();
    assert!(matches!(error, RowTeacherError::Width { expected: 12, found: 11 }), "{error}");
}

pub fn identities_tell_settings_apart(runtime: &Runtime) {
    let identity = |plan: &OnnxTeacherPlan| OnnxTeacher::open(plan, runtime).unwrap().identity();
    let plain = identity(&plan("mlp"));
    assert_eq!(plain, identity(&plan("mlp")));
    assert_ne!(plain, identity(&OnnxTeacherPlan { batch_rows: 9, ..plan("mlp") }));
    assert_ne!(plain, identity(&OnnxTeacherPlan { output: Some("embedding".into()), ..plan("mlp") }));
    assert_ne!(plain, identity(&plan("mlp_batch4")));
}

fn refusal(plan: &OnnxTeacherPlan, runtime: &Runtime) -> OnnxError {
    OnnxTeacher::open(plan, runtime).map(|teacher| teacher.outputs()).expect_err("the model is to be refused")
}

pub fn what_cannot_teach_is_told(runtime: &Runtime) {
    let told = |name: &str, parts: &[&str]| {
        let error = refusal(&plan(name), runtime);
        let text = error.to_string();
        parts.iter().for_each(|part| assert!(text.contains(part), "{name}: no {part:?} in: {text}"));
        error
    };
    let error =
        told("unsupported_operator", &["whiten", "com.example.Whiten", "opset 3", "export the model without it"]);
    assert!(matches!(error, OnnxError::UnsupportedOperator { .. }), "{error}");
    let error = told("two_inputs", &["adjacency", "initializer"]);
    assert!(matches!(error, OnnxError::MoreInputs { .. }), "{error}");
    let named = OnnxTeacherPlan { inputs: vec!["rows".into()], ..plan("two_inputs") };
    assert!(matches!(refusal(&named, runtime), OnnxError::MoreInputs { found, .. } if found == ["adjacency"]));
    assert!(matches!(told("integer_input", &["tokens", "32-bit floats"]), OnnxError::Shape { kind: "input", .. }));
    let unnamed = OnnxTeacherPlan { output: None, ..plan("label_without_classes") };
    let error = refusal(&unnamed, runtime);
    assert!(matches!(&error, OnnxError::LabelsOnly { output, .. } if output == "label"), "{error}");
    assert!(matches!(told("free_width", &["rows", "fixed"]), OnnxError::Shape { kind: "input", .. }));
    assert!(matches!(told("mixes_rows", &["evaluation mode"]), OnnxError::MixesRows { .. }));
}

pub fn wrong_names_are_told_with_the_nearest(runtime: &Runtime) {
    let near = |plan: OnnxTeacherPlan| match refusal(&plan, runtime) {
        OnnxError::Name { nearest_name, .. } => nearest_name,
        other => panic!("{other}"),
    };
    assert_eq!(near(OnnxTeacherPlan { inputs: vec!["row".into()], ..plan("mlp") }).as_deref(), Some("rows"));
    assert_eq!(near(OnnxTeacherPlan { output: Some("logit".into()), ..plan("mlp") }).as_deref(), Some("logits"));
    assert_eq!(near(OnnxTeacherPlan { embedding: Some("hiden".into()), ..plan("mlp") }).as_deref(), Some("hidden"));
    assert_eq!(near(OnnxTeacherPlan { output: Some("zzzzzzzzzz".into()), ..plan("mlp") }), None);
    let unnamed = OnnxTeacherPlan { output: None, ..plan("mlp") };
    assert!(matches!(refusal(&unnamed, runtime), OnnxError::Choose { kind: "output", .. }));
}

pub fn files_that_are_no_model_are_refused(runtime: &Runtime) {
    let error = refusal(&plan("external_data"), runtime);
    assert!(
        matches!(&error, OnnxError::ExternalData { tensor, location, .. } if tensor == "w" && location == "../weights.bin")
    );
    assert!(matches!(refusal(&plan("absent"), runtime), OnnxError::Read { .. }));
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(file("mlp.onnx")).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        refusal(&OnnxTeacherPlan { path, ..plan("mlp") }, runtime)
    };
    for length in [0, 1, 40, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(write("cut.onnx", &whole[..length]), OnnxError::Damaged { .. }), "{length}");
    }
    assert!(matches!(write("text.onnx", b"<html>not found</html>"), OnnxError::Damaged { .. }));
    let mut ort_format = whole.clone();
    ort_format[4..8].copy_from_slice(b"ORTM");
    assert!(matches!(write("format.onnx", &ort_format), OnnxError::OrtFormat { .. }));
    let nothing = OnnxTeacherPlan { batch_rows: 0, ..plan("mlp") };
    assert!(matches!(refusal(&nothing, runtime), OnnxError::BatchRows { found: 0, .. }));
}
