//! Teachers that come as a file: ONNX models and tables of answers, in recipes on tables and in `eyas label`.

mod tables;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use eyas_trainer::data::Data;
use eyas_trainer::nn::BackendKind;
use eyas_trainer::onnx::{Backend, OnnxTeacher, OnnxTeacherPlan, Runtime, RuntimeError, Search};
use eyas_trainer::report::metrics::ResultRow;
use eyas_trainer::run::{Error, Interrupt, Observer, RunContext, RunError, RunOptions, Work, execute};
use eyas_trainer::teacher::RowTeacher;
use eyas_trainer::{Outcome, Recipe, Run};
use ndarray::Array2;
use tables::reals;

const ROWS: usize = 240;
const INPUTS: usize = 12;
const CLASSES: usize = 4;

struct Quiet;

impl Observer for Quiet {}

/// ONNX Runtime, or `None` with a printed reason where this machine has no library.
fn runtime() -> Option<Runtime> {
    match Runtime::open(Backend::Auto, &Search::from_environment(None)) {
        Ok(runtime) => Some(runtime),
        Err(error @ RuntimeError::NotFound) => {
            eyas_tests::skip(error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn model(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx").join(name).display().to_string()
}

fn rows() -> Array2<f32> {
    Array2::from_shape_vec((ROWS, INPUTS), reals(&mut 5, ROWS * INPUTS)).unwrap()
}

/// Logits of the dense model for all rows.
fn logits(runtime: &Runtime) -> Array2<f32> {
    let (path, output) = (model("mlp.onnx").into(), Some("logits".into()));
    let plan = OnnxTeacherPlan { path, inputs: vec![], columns: vec![], output, embedding: None, batch_rows: 64 };
    OnnxTeacher::open(&plan, runtime).unwrap().logits(rows().view()).unwrap()
}

/// A linear teacher for machines without ONNX Runtime.
fn plain_logits() -> Array2<f32> {
    let weights = Array2::from_shape_vec((INPUTS, CLASSES), reals(&mut 9, INPUTS * CLASSES)).unwrap();
    rows().dot(&weights) * 3.0
}

fn best(logits: ndarray::ArrayView1<'_, f32>) -> usize {
    (0..logits.len()).fold(0, |best, at| if logits[at] > logits[best] { at } else { best })
}

/// The data as CSV: `id`, the inputs, a fold, and the class that the teacher names. Every second
/// row teaches (fold 2), so that every class is taught.
fn write_data(folder: &Path, logits: &Array2<f32>) {
    let columns: Vec<String> = (0..INPUTS).map(|input| format!("x{input}")).collect();
    let mut text = format!("id,{},fold,label\n", columns.join(","));
    for (row, values) in rows().outer_iter().enumerate() {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        writeln!(text, "r{row},{},{},{}", values.join(","), [2, 0, 2, 1][row % 4], best(logits.row(row))).unwrap();
    }
    fs::write(folder.join("table.csv"), text).unwrap();
}

fn recipe(teacher: &str, target: &str) -> String {
    format!(
        "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"x0..x11\"]\nteacher_columns = [\"x0..x11\"]\n\
         folds = [0]\n[[teacher]]\n{teacher}\n[student]\nhidden = [24]\nepochs = 60\nbatch_rows = 16\nlearning_rate = 0.01\n\
         {target}\n[report]\nseeds = [1]\ncontrols = false\n"
    )
}

fn parsed(folder: &Path, text: &str) -> Recipe {
    let path = folder.join("recipe.toml");
    let recipe = Recipe::parse(text, &path).unwrap_or_else(|error| panic!("{error}"));
    let resolved = Recipe::parse(&recipe.resolved(), &path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(resolved, recipe);
    recipe
}

fn carry_out(folder: &Path, text: &str) -> Result<Outcome, Error> {
    let out = folder.join("out");
    let _ = fs::remove_dir_all(&out);
    Run::new(parsed(folder, text)).out(out).go()
}

fn run(folder: &Path, teacher: &str, target: &str) -> Outcome {
    carry_out(folder, &recipe(teacher, target)).unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(folder: &Path, teacher: &str) -> String {
    match carry_out(folder, &recipe(teacher, "")) {
        Err(Error::Teacher(error)) => error.to_string(),
        other => panic!("the teacher is to be refused, not {:?}", other.map(|_| ())),
    }
}

fn told(text: &str, parts: &[&str]) {
    parts.iter().for_each(|part| assert!(text.contains(part), "no {part:?} in: {text}"));
}

#[test]
fn an_onnx_model_teaches_a_student_and_its_embedding_helps() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_data(folder, &logits(&runtime));
    let model = model("mlp.onnx");
    let plain = format!("kind = \"onnx\"\npath = \"{model}\"\noutput = \"logits\"");
    let first = run(folder, &plain, "");
    let figures = |run: &Outcome, network: &str| run.metrics.mean(network, "accuracy").unwrap();
    assert_eq!(figures(&first, "teacher"), 100.0);
    assert!(figures(&first, "student_int8") > 80.0, "{:?}", first.metrics.summary);
    assert_eq!(first.metrics.teacher(), "onnx mlp.onnx");
    assert!(first.metrics.data.warnings[0].contains("test rows"), "{:?}", first.metrics.data.warnings);
    // Columns in another order are another answer; named in their order they are the same.
    let named = "inputs = [{ name = \"rows\", columns = [\"x0..x11\"] }]";
    let named = run(folder, &format!("{plain}\n{named}"), "");
    assert_eq!(named.metrics.summary, first.metrics.summary);
    let turned = "inputs = [{ columns = [\"x6..x11\", \"x0..x5\"] }]";
    let turned = figures(&run(folder, &format!("{plain}\n{turned}"), ""), "teacher");
    assert!(turned < 80.0, "{turned}");
    let hint = run(
        folder,
        &format!(
            "{plain}
embedding = \"hidden\""
        ),
        "[[link]]
kind = \"embedding\"
weight = 1",
    );
    assert!(figures(&hint, "student_int8") > 80.0, "{:?}", hint.metrics.summary);
    assert_ne!(*hint.file, *first.file);
    assert_eq!(hint.metrics.shipped.widths, [INPUTS, 24, CLASSES]);

    told(&refusal(folder, &plain.replace("logits", "logit")), &["teacher 1", "did you mean `logits`?"]);
    told(&refusal(folder, &format!("{plain}\ninputs = [{{ columns = [\"x0..x10\"] }}]")), &["12 inputs, found 11"]);
    told(&refusal(folder, &plain.replace("mlp.onnx", "cnn.onnx")), &["64 inputs, found 12"]);
    told(&refusal(folder, &plain.replace("mlp.onnx", "absent.onnx")), &["teacher 1", "absent.onnx", "cannot read"]);
    told(&refusal(folder, &format!("{plain}\nanswers = \"probabilities\"")), &["found the sum", "in row 0"]);
    told(
        &refusal(folder, &plain.replace("output = \"logits\"", "output = \"embedding\"")),
        &["expected 4 answers", "16"],
    );
}

/// Probabilities are taken as such, or refused until the recipe says what they are; plain KD loses nothing by them.
#[test]
fn probabilities_are_taken_as_such_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // So soft that no probability is near the floor.
    let logits = plain_logits() / 3.0;
    write_data(folder, &logits);
    let write = |name: &str, answers: &Array2<f32>| {
        let cells =
            |row: ndarray::ArrayView1<'_, f32>| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let lines: Vec<String> = answers.rows().into_iter().map(cells).collect();
        fs::write(folder.join(name), format!("a,b,c,d\n{}\n", lines.join("\n"))).unwrap();
    };
    write("logits.csv", &logits);
    let mut probabilities = logits.mapv(f32::exp);
    for mut row in probabilities.rows_mut() {
        let sum = row.sum();
        row.mapv_inplace(|value| value / sum);
    }
    write("p.csv", &probabilities);
    write("percent.csv", &(&probabilities * 100.0));
    let teacher = |name: &str, more: &str| format!("kind = \"table\"\npath = \"{name}\"\ncolumns = [\"a..d\"]\n{more}");
    let said = "answers = \"probabilities\"";
    told(&refusal(folder, &teacher("p.csv", "")), &["teacher 1", "p.csv", "add up to 1", said, "answers = \"logits\""]);
    told(&refusal(folder, &teacher("percent.csv", "")), &["add up to 100", "divide them by their sum"]);
    told(&refusal(folder, &teacher("percent.csv", said)), &["found the sum", "in row 0"]);

    // Few labels, so that plain KD lives on what the teacher says.
    let plain_kd = |teacher: &str| -> Vec<f64> {
        let text = recipe(teacher, "").replace("controls = false", "controls = true");
        let text = text.replace("folds = [0]", "folds = [0]\nlabel_share = 0.1");
        let run = carry_out(folder, &text.replace("seeds = [1]", "seeds = [1, 2, 3, 4, 5]")).unwrap();
        let plain = |row: &&ResultRow| row.network == "plain_kd" && row.part == "test" && row.figure == "accuracy";
        run.metrics.results.iter().filter(plain).map(|row| row.value.unwrap()).collect()
    };
    let plain = plain_kd(&teacher("logits.csv", ""));
    let mean = |figures: &[f64]| {
        let differences: Vec<f64> = figures.iter().zip(&plain).map(|(figure, plain)| figure - plain).collect();
        differences.iter().sum::<f64>() / differences.len() as f64
    };
    let (taken, misread) =
        (mean(&plain_kd(&teacher("p.csv", said))), mean(&plain_kd(&teacher("p.csv", "answers = \"logits\""))));
    assert!(taken.abs() < 0.5, "plain KD moves by {taken} points where probabilities are taken as such");
    assert!(misread < -5.0, "plain KD moves by {misread} points where they are read as logits");

    // Zeros have no logarithm; how many were raised is in the report.
    let sure = Array2::from_shape_fn(logits.dim(), |(row, class)| f32::from(u8::from(best(logits.row(row)) == class)));
    write("sure.csv", &sure);
    let run = run(folder, &teacher("sure.csv", said), "");
    let warning = "teacher 1: 720 of 960 probabilities are below 1e-7 and were taken as that";
    assert!(run.metrics.data.warnings.iter().any(|found| found == warning), "{:?}", run.metrics.data.warnings);
    assert!(fs::read_to_string(folder.join("out/report.html")).unwrap().contains(warning));
    assert_eq!(run.metrics.mean("teacher", "accuracy"), Some(100.0));
}

/// Answers with ids in another order, as logits or probabilities, teach the same as those in the order of the data.
#[test]
fn a_table_teaches_by_row_ids() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let logits = plain_logits();
    write_data(folder, &logits);
    let write = |name: &str, header: &str, order: &[usize], line: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = order.iter().map(|&row| line(row)).collect();
        fs::write(folder.join(name), format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    };
    let cells = |row: usize| logits.row(row).iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let (straight, turned): (Vec<usize>, Vec<usize>) = ((0..ROWS).collect(), (0..ROWS).rev().collect());
    let header = "logits_0,logits_1,logits_2,logits_3";
    write("answers.csv", header, &straight, &|row| cells(row));
    let first = run(folder, "kind = \"table\"\npath = \"answers.csv\"", "");
    assert_eq!(first.metrics.mean("teacher", "accuracy"), Some(100.0));
    assert!(first.metrics.mean("student_int8", "accuracy") > Some(80.0), "{:?}", first.metrics.summary);

    // The same recipe, so that nothing but the order of the file is another.
    write("answers.csv", &format!("id,{header}"), &turned, &|row| format!("r{row},{}", cells(row)));
    assert_eq!(*run(folder, "kind = \"table\"\npath = \"answers.csv\"", "").file, *first.file);
    let softmax = |row: usize| {
        let powers: Vec<f32> = logits.row(row).iter().map(|logit| logit.exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.iter().map(|power| (power / sum).to_string()).collect::<Vec<_>>().join(",")
    };
    write("p.csv", "id,probabilities_0,probabilities_1,probabilities_2,probabilities_3", &turned, &|row| {
        format!("r{row},{}", softmax(row))
    });
    let soft = run(folder, "kind = \"table\"\npath = \"p.csv\"\nanswers = \"probabilities\"", "");
    let of = |run: &Outcome| run.metrics.mean("student_float", "accuracy");
    let (a, b) = (of(&soft), of(&first));
    let gap = a.unwrap() - b.unwrap();
    assert!(gap.abs() < 3.0, "{a:?} {b:?}");
    // Other answers are other provenance, even for the same recipe.
    write("answers.csv", header, &straight, &|row| cells(ROWS - 1 - row));
    let other = run(folder, "kind = \"table\"\npath = \"answers.csv\"", "");
    assert_eq!(other.metrics.recipe_hash, first.metrics.recipe_hash);
    assert_ne!(other.metrics.teachers[0].sha256, first.metrics.teachers[0].sha256);

    let teacher = "kind = \"table\"\npath = \"answers.csv\"";
    write("answers.csv", header, &straight[..ROWS - 1], &|row| cells(row));
    told(&refusal(folder, teacher), &["answers.csv", "expected 240 rows", "found 239 rows", "column `id`"]);
    write("answers.csv", &format!("id,{header}"), &turned, &|row| format!("r{},{}", row.max(1), cells(row)));
    told(&refusal(folder, teacher), &["every id once", "`r1` again"]);
    write("answers.csv", &format!("id,{header}"), &turned, &|row| format!("r{},{}", row + 1, cells(row)));
    told(&refusal(folder, teacher), &["the id `r0` of row 0", "240 other ids"]);
    write("answers.csv", "logits_0,logits_1", &straight, &|_| "1,2".into());
    told(&refusal(folder, teacher), &["expected 4 answers", "found 2"]);
    write("answers.csv", "a,b,c,d", &straight, &|row| cells(row));
    told(&refusal(folder, teacher), &["a column `logits_*`"]);
    assert_eq!(*run(folder, &format!("{teacher}\ncolumns = [\"a..d\"]"), "").test, first.test[..]);
}

fn eyas(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_eyas")).current_dir(folder).args(words).output().unwrap()
}

#[test]
fn what_label_wrote_is_read_through_its_commits() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_data(folder, &plain_logits());
    tables::write_teacher(folder, &[INPUTS, 16, CLASSES]);
    let labelled =
        eyas(folder, &["label", "recipe.toml", "--in", "table.csv", "--out", "labels", "--rows-per-part", "70"]);
    assert!(labelled.status.success(), "{}", String::from_utf8_lossy(&labelled.stderr));
    let teacher = "kind = \"table\"\npath = \"labels\"";
    let taught = run(folder, teacher, "");
    let known = eyas_trainer::label::read_labels(&folder.join("labels")).unwrap();
    let labels = plain_logits();
    let right = (1..ROWS).step_by(4).filter(|&row| best(known.row(row)) == best(labels.row(row))).count();
    let expected = 100.0 * right as f64 / (ROWS / 4) as f64;
    assert!((taught.metrics.mean("teacher", "accuracy").unwrap() - expected).abs() < 1e-9);
    told(&refusal(folder, &format!("{teacher}\ncolumns = [\"logits\"]")), &["remove the key"]);
    // A part that is gone is told, and a single part is not taken for the table.
    let mut parts: Vec<_> = fs::read_dir(folder.join("labels")).unwrap().map(|entry| entry.unwrap().path()).collect();
    parts.sort();
    let part = parts.iter().rfind(|path| path.extension().is_some_and(|end| end == "parquet")).unwrap();
    told(
        &refusal(folder, &format!("kind = \"table\"\npath = \"{}\"", part.display())),
        &["expected 240 rows", "found 30"],
    );
    fs::remove_file(folder.join("labels/part-00001.commit")).unwrap();
    told(&refusal(folder, teacher), &["teacher 1", "parts 1 of 4 are missing"]);
}

#[test]
fn label_asks_onnx_models() {
    let Some(runtime) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let expected = logits(&runtime);
    write_data(folder, &expected);
    let label = |out: &str, keys: &str| {
        fs::write(folder.join("recipe.toml"), format!("[[teacher]]\nkind = \"onnx\"\n{keys}\n")).unwrap();
        eyas(folder, &["label", "recipe.toml", "--in", "table.csv", "--out", out, "--rows-per-part", "100"])
    };
    for (out, name) in [("free", "mlp"), ("fixed", "mlp_batch4")] {
        let output = label(out, &format!("path = \"{}\"\noutput = \"logits\"", model(&format!("{name}.onnx"))));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found = eyas_trainer::label::read_labels(&folder.join(out)).unwrap();
        assert_eq!(found.dim(), expected.dim());
        if name == "mlp" {
            let most = (&found - &expected).iter().fold(0f32, |most, difference| most.max(difference.abs()));
            assert!(most < 1e-5, "{most}");
        }
    }
    let refused = |keys: &str, status: i32, parts: &[&str]| {
        let _ = fs::remove_dir_all(folder.join("refused"));
        let output = label("refused", keys);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{text}");
        told(&text, parts);
    };
    refused(&format!("path = \"{}\"", model("gcn_dense.onnx")), 3, &["all 20 rows", "eyas distill"]);
    refused("path = \"m.onnx\"\ninputs = [{ name = \"a\" }, { name = \"b\" }]", 2, &["name the columns of each input"]);
    let probabilities = format!("path = \"{}\"\noutput = \"logits\"\nanswers = \"probabilities\"", model("mlp.onnx"));
    // Whichever part is refused first is told.
    refused(&probabilities, 3, &["expected probabilities", "part ", ", from row ", "say answers"]);

    // A model that answers with probabilities is found to, unless the recipe says otherwise.
    let softmax = format!("path = \"{}\"\noutput = \"probabilities\"", model("softmax.onnx"));
    let output = label("found", &softmax);
    told(&String::from_utf8_lossy(&output.stderr), &["note: `probabilities` adds up to 1", "taken as probabilities"]);
    let output = label("said", &format!("{softmax}\nanswers = \"probabilities\""));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = eyas_trainer::label::read_labels(&folder.join("said")).unwrap();
    assert_eq!(eyas_trainer::label::read_labels(&folder.join("found")).unwrap(), found);
    let sums = found.mapv(f32::exp).sum_axis(ndarray::Axis(1));
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-4));
    let floored = found.iter().filter(|&&logit| logit <= eyas_trainer::teacher::LEAST_PROBABILITY.ln()).count();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(floored > 0, text.contains(&format!("{floored} probabilities were below 1e-7")), "{floored}: {text}");
    // Taken for logits they are what the model says.
    assert!(label("taken", &format!("{softmax}\nanswers = \"logits\"")).status.success());
    let taken = eyas_trainer::label::read_labels(&folder.join("taken")).unwrap();
    assert!((taken.sum_axis(ndarray::Axis(1)) - 1.0).iter().all(|off| off.abs() < 1e-5));
}

/// The float student lies beside the sealed one, teaches as it was measured, and is exported for other runtimes.
#[test]
fn the_float_student_is_kept_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let labels = plain_logits();
    write_data(folder, &labels);
    let cells = |row: usize| labels.row(row).iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let lines: Vec<String> = (0..ROWS).map(cells).collect();
    fs::write(folder.join("answers.csv"), format!("logits_0,logits_1,logits_2,logits_3\n{}\n", lines.join("\n")))
        .unwrap();
    let taught = run(folder, "kind = \"table\"\npath = \"answers.csv\"", "");
    let kept = folder.join("out/student_float.npz");
    let found = eyas_trainer::teacher::DenseTeacher::load(&kept).unwrap().logits(rows().view()).unwrap();
    let right = (1..ROWS).step_by(4).filter(|&row| best(found.row(row)) == best(labels.row(row))).count();
    let accuracy = 100.0 * right as f64 / (ROWS / 4) as f64;
    assert!((taught.metrics.mean("student_float", "accuracy").unwrap() - accuracy).abs() < 1e-9, "{accuracy}");

    let export = || eyas(folder, &["export", "out/student.eyas", "--onnx", "float.onnx", "--float", "--json"]);
    let exported = export();
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    told(&String::from_utf8_lossy(&exported.stdout), &["\"inputs\":12", "\"outputs\":4", "features"]);
    if let Some(runtime) = runtime() {
        let path = folder.join("float.onnx");
        let plan =
            OnnxTeacherPlan { path, inputs: vec![], columns: vec![], output: None, embedding: None, batch_rows: 64 };
        let answers = OnnxTeacher::open(&plan, &runtime).unwrap().logits(rows().view()).unwrap();
        let most = (&answers - &found).iter().fold(0f32, |most, difference| most.max(difference.abs()));
        assert!(most < 1e-4, "{most}");
    }
    // The float student of another run is not taken for this one's.
    let first = fs::read(&kept).unwrap();
    run(folder, "kind = \"table\"\npath = \"answers.csv\"", "[objective]\ntemperature = 3");
    fs::write(&kept, first).unwrap();
    let refused = export();
    assert_eq!(refused.status.code(), Some(3));
    told(&String::from_utf8_lossy(&refused.stderr), &["student_float.npz", "found that of another"]);
    fs::remove_file(&kept).unwrap();
    assert_eq!(export().status.code(), Some(3));
}

/// Without ONNX Runtime an error that says where help is, and no panic; a run without answers says what to call.
#[test]
fn a_missing_library_names_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_data(folder, &plain_logits());
    let teacher = format!("kind = \"onnx\"\npath = \"{}\"\noutput = \"logits\"", model("mlp.onnx"));
    fs::write(folder.join("r.toml"), recipe(&teacher, "")).unwrap();
    let output = eyas(folder, &["distill", "r.toml", "--ort-dylib", "absent.so"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    told(&text, &["teacher 1", "absent.so", "pip install onnxruntime", "eyas doctor"]);

    let recipe = parsed(folder, &recipe(&teacher, ""));
    let data = Run::new(recipe.clone()).data().unwrap();
    let options = RunOptions { seeds: vec![1], backend: BackendKind::Flex, threads: 1 };
    let interrupt = Interrupt::new();
    let context = RunContext { observer: &Quiet, interrupt: &interrupt, checkpoints: None, cache: None };
    let data: &Data = &data;
    let work = Work { recipe: &recipe, data, files: &[], options: &options, context: &context };
    let error = execute(&work).map(|_| ()).unwrap_err();
    assert!(matches!(error, RunError::NotConsulted { number: 1 }), "{error}");
}

#[test]
fn keys_that_mean_nothing_for_a_teacher_are_refused() {
    let refused = |teacher: &str, target: &str, words: &str| {
        let error = Recipe::parse(&recipe(teacher, target), Path::new("r.toml")).unwrap_err().to_string();
        assert!(error.contains(words), "no {words:?} in: {error}");
    };
    refused("kind = \"onnx\"", "", "teacher[0].path");
    refused("kind = \"table\"\npath = \"a.csv\"\nhidden = [4]", "", "kind = \"mlp\" or kind = \"fusion\"");
    refused("kind = \"table\"\npath = \"a.csv\"\noutput = \"y\"", "", "does nothing without kind = \"onnx\"");
    refused("kind = \"onnx\"\npath = \"a.onnx\"\nembedding_columns = [\"a\"]", "", "without kind = \"table\"");
    refused("kind = \"mlp\"\npath = \"a.npz\"", "", "write kind = \"dense\"");
    refused(
        "kind = \"onnx\"\npath = \"a.onnx\"\ninputs = [{ name = \"a\" }, { name = \"b\" }]",
        "",
        "`name` and `columns`",
    );
    refused("kind = \"onnx\"\npath = \"a.onnx\"\nembedding = \"e\"", "", "without [[link]] kind = \"embedding\"");
    refused(
        "kind = \"onnx\"\npath = \"a.onnx\"",
        "[[link]]\nkind = \"embedding\"\nweight = 1",
        "without an `embedding` of a teacher",
    );
}
