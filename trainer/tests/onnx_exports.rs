//! What scikit-learn, LightGBM and XGBoost export as a teacher: `path` alone, in a recipe and in `eyas label`.
//!
//! `onnx/make_exports.py` makes the models and records what Python's ONNX Runtime answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use eyas_trainer::onnx::{Backend, Runtime, RuntimeError, Search};
use eyas_trainer::run::Error;
use eyas_trainer::teacher::LEAST_PROBABILITY;
use eyas_trainer::{Outcome, Recipe, Run};
use ndarray::{Array2, Axis};
use npyz::NpyFile;

/// Classifiers of three species, and whether they answer with scores.
const THREE: [(&str, bool); 13] = [
    ("forest_numbers", false),
    ("forest_names", false),
    ("forest_tensor", false),
    ("forest_columns", false),
    ("svc_scores", true),
    ("logistic_scores", true),
    ("logistic_double", false),
    ("frame", false),
    ("lightgbm", false),
    ("lightgbm_tensor", false),
    ("xgboost", false),
    ("mlp_names", false),
    ("mlp_tensor", false),
];

/// Classifiers of two species.
const TWO: [(&str, bool); 6] = [
    ("svc_score", true),
    ("sigmoid", false),
    ("lightgbm_two", false),
    ("lightgbm_two_tensor", false),
    ("xgboost_two", false),
    ("mlp_two", false),
];

fn exports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/exports")
}

/// Whether this machine has ONNX Runtime; where not, the reason is printed.
fn can_run() -> bool {
    match Runtime::open(Backend::Auto, &Search::from_environment(None)) {
        Ok(_) => true,
        Err(error @ RuntimeError::NotFound) => {
            eyas_tests::skip(error);
            false
        }
        Err(error) => panic!("{error}"),
    }
}

fn recorded(name: &str) -> Array2<f32> {
    let mut archive = zip::ZipArchive::new(fs::File::open(exports().join("expected.npz")).unwrap()).unwrap();
    let npy = NpyFile::new(archive.by_name(&format!("{name}.npy")).unwrap()).unwrap();
    let shape = (npy.shape()[0] as usize, npy.shape()[1] as usize);
    Array2::from_shape_vec(shape, npy.into_vec::<f32>().unwrap()).unwrap()
}

/// The rows of iris from the first of `species` on, under another header where one is given.
fn write_rows(folder: &Path, first_species: usize, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(exports().join("iris.csv")).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap().to_owned();
    let rows: Vec<String> = lines.skip(50 * first_species).map(change).collect();
    fs::write(folder.join("iris.csv"), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
}

fn recipe(model: &str, keys: &str, data: &str) -> String {
    let model = exports().join(model).display().to_string();
    format!(
        "[data]\nsource = \"iris.csv\"\nfold = \"fold\"\nfolds = [0]\nstudent_columns = [\"sepal length..petal length\"]\n\
         teacher_columns = [\"sepal length..petal length\", \"petal width\"]\n{data}\n[[teacher]]\nkind = \"onnx\"\n\
         path = \"{model}.onnx\"\n{keys}\n[student]\nhidden = [4]\nepochs = 1\n[report]\nseeds = [1]\ncontrols = false\n"
    )
}

fn carry_out(folder: &Path, text: &str) -> Result<Outcome, Error> {
    let out = folder.join("out");
    let _ = fs::remove_dir_all(&out);
    let recipe = Recipe::parse(text, &folder.join("recipe.toml")).unwrap_or_else(|error| panic!("{error}"));
    Run::new(recipe).out(out).go()
}

fn best(row: ndarray::ArrayView1<'_, f32>) -> usize {
    (0..row.len()).fold(0, |best, at| if row[at] > row[best] { at } else { best })
}

/// Accuracy of recorded answers on the rows of fold 0, whose species follow each other by fifties.
fn accuracy(answers: &Array2<f32>, first_species: usize) -> f64 {
    let rows = answers.nrows();
    let test: Vec<usize> = (50 * first_species..rows).filter(|row| row % 3 == 0).collect();
    let class = |row: usize| match answers.ncols() {
        1 => usize::from(answers[[row, 0]] > 0.5),
        _ => best(answers.row(row)),
    };
    let right = test.iter().filter(|&&row| class(row) + first_species == row / 50).count();
    100.0 * right as f64 / test.len() as f64
}

#[test]
fn a_recipe_with_the_path_alone_teaches() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (first_species, models) in [(0, &THREE[..]), (1, &TWO[..])] {
        write_rows(folder, first_species, str::to_owned);
        for &(model, has_scores) in models {
            let run = carry_out(folder, &recipe(model, "", "label = \"species\""));
            let run = run.unwrap_or_else(|error| panic!("{model}: {error}"));
            let mut answers = recorded(model);
            if answers.ncols() == 1 && has_scores {
                answers.mapv_inplace(|score| f32::from(u8::from(score > 0.0)));
            }
            let expected = accuracy(&answers, first_species);
            assert!(expected > 80.0, "{model}: {expected}");
            assert!((run.metrics.mean("teacher", "accuracy").unwrap() - expected).abs() < 1e-9, "{model}");
            let warnings = run.metrics.data.warnings.join("\n");
            let told =
                if has_scores { "holds no probabilities and is taken as logits" } else { "is taken as probabilities" };
            assert!(warnings.contains(told), "{model}: {warnings}");
        }
    }
    write_rows(folder, 0, str::to_owned);
    let data = "label = \"petal width\"\ntask = \"regress\"";
    let text = recipe("forest_quantity", "", data).replace(", \"petal width\"", "");
    let run = carry_out(folder, &text).unwrap_or_else(|error| panic!("{error}"));
    assert!(run.metrics.mean("teacher", "mae").unwrap() < 0.25, "{:?}", run.metrics.summary);
    let labels = carry_out(folder, &recipe("labels_names", "", "label = \"species\"")).unwrap();
    assert!(labels.metrics.data.warnings.join("\n").contains("`output_label` holds labels alone"));
}

/// The classes of a model are told by name, and where it numbers them by number; other classes are refused.
#[test]
fn classes_are_matched_by_name_or_number() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Setosa, versicolor and virginica are the numbers 2, 0 and 1.
    write_rows(folder, 0, |line| {
        let cells: Vec<&str> = line.split(',').collect();
        let number = ["2", "0", "1"][cells[5].parse::<usize>().unwrap()];
        [&cells[..5], &[number], &cells[6..]].concat().join(",")
    });
    let turned = "label = \"number\"\nclass_names = [\"versicolor\", \"virginica\", \"setosa\"]";
    let of = |model: &str, data: &str| {
        let run = carry_out(folder, &recipe(model, "", data));
        run.map(|run| run.metrics.mean("teacher", "accuracy").unwrap())
    };
    let expected = accuracy(&recorded("forest_names"), 0);
    assert!((of("forest_names", turned).unwrap() - expected).abs() < 1e-9);
    assert!((of("forest_columns", turned).unwrap() - expected).abs() < 1e-9);
    assert!((of("forest_numbers", "label = \"species\"").unwrap() - expected).abs() < 1e-9);
    // By number the model means other species.
    assert!(of("forest_numbers", turned).unwrap() < 20.0);
    let others = "label = \"number\"\nclass_names = [\"oak\", \"elm\", \"ash\"]";
    let error = of("forest_names", others).unwrap_err().to_string();
    for part in ["teacher 1", "`oak, elm, ash`", "`setosa, versicolor, virginica`", "class_names"] {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
    let error = of("lightgbm_two", "label = \"species\"").unwrap_err().to_string();
    assert!(error.contains("`0, 1`"), "{error}");
}

/// What the recipe says of the answers wins over what they look like.
#[test]
fn the_recipe_has_the_last_word() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_rows(folder, 0, str::to_owned);
    let data = "label = \"species\"";
    let said = carry_out(folder, &recipe("forest_names", "answers = \"probabilities\"", data)).unwrap();
    let found = carry_out(folder, &recipe("forest_names", "", data)).unwrap();
    let taken = carry_out(folder, &recipe("forest_names", "answers = \"logits\"", data)).unwrap();
    let floored = |run: &Outcome| run.metrics.data.warnings.iter().any(|told| told.contains("below 1e-7"));
    assert!(floored(&said) && floored(&found) && !floored(&taken));
    assert!(!said.metrics.data.warnings.join("\n").contains("in the recipe would say otherwise"));
    let error = carry_out(folder, &recipe("svc_scores", "answers = \"probabilities\"", data)).unwrap_err();
    assert!(error.to_string().contains("expected probabilities"), "{error}");
}

#[test]
fn label_writes_the_logarithms() {
    if !can_run() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_rows(folder, 0, str::to_owned);
    let label = |model: &str, keys: &str| {
        let path = exports().join(model).display().to_string();
        let columns = "columns = [\"sepal length..petal length\", \"petal width\"]";
        let text = format!("[[teacher]]\nkind = \"onnx\"\npath = \"{path}.onnx\"\n{columns}\n{keys}\n");
        fs::write(folder.join("recipe.toml"), text).unwrap();
        let words = ["label", "recipe.toml", "--in", "iris.csv", "--out", model];
        let output = Command::new(env!("CARGO_BIN_EXE_eyas")).current_dir(folder).args(words).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{model}: {text}");
        (eyas_trainer::label::read_labels(&folder.join(model)).unwrap(), text)
    };
    let logarithm = |p: &f32| p.max(LEAST_PROBABILITY).ln();
    for &(model, has_scores) in &THREE {
        let (found, text) = label(model, "");
        let answers = recorded(model);
        let expected = if has_scores { answers } else { answers.map(logarithm) };
        let apart = (&found - &expected).mapv(f32::abs) / expected.mapv(|logit| 1.0 + logit.abs());
        assert!(apart.iter().all(|apart| *apart < 1e-3), "{model}: {apart}");
        assert!(text.contains("note: `") && text.contains("in this order"), "{model}: {text}");
    }
    // One column is told by the model's two classes, or by the recipe; else it is a quantity.
    let (found, _) = label("svc_score", "");
    assert_eq!((found.ncols(), found.column(0).sum()), (2, 0.0));
    let (found, _) = label("sigmoid", "answers = \"probabilities\"");
    let sums = found.mapv(f32::exp).sum_axis(Axis(1));
    assert!(found.ncols() == 2 && sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    fs::remove_dir_all(folder.join("sigmoid")).unwrap();
    assert_eq!(label("sigmoid", "").0.ncols(), 1);
}
