//! Results do not depend on units: one column of a table, its target, or all features of a graph times a factor.
//!
//! A power of two changes nothing but the recorded scales. A power of ten rounds the data anew and may change a label in a
//! thousand, and R² by a thousandth.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use eyas::Student;
use eyas::model::{FrontEnd, Normalization};
use eyas_trainer::data::{Data, Matrix};
use eyas_trainer::dataset::{At, ColumnTable, FaultKind};
use eyas_trainer::report::{Document, summary};
use eyas_trainer::run::Error;
use eyas_trainer::{Outcome, Recipe, Run};

/// A change of unit.
#[derive(Clone, Copy, Debug)]
enum Factor {
    Two(i32),
    Ten(i32),
}

impl Factor {
    fn value(self) -> f64 {
        match self {
            Self::Two(power) => 2f64.powi(power),
            Self::Ten(power) => 10f64.powi(power),
        }
    }

    fn of(self, x: f32) -> f32 {
        let scaled = (f64::from(x) * self.value()) as f32;
        // A power of two beyond what single precision holds would be another data set.
        assert!(matches!(self, Self::Ten(_)) || f64::from(scaled) / self.value() == f64::from(x));
        scaled
    }

    fn is_exact(self) -> bool {
        matches!(self, Self::Two(_))
    }
}

const FACTORS: [Factor; 10] = [
    Factor::Two(-100),
    Factor::Two(-31),
    Factor::Two(1),
    Factor::Two(100),
    Factor::Ten(-30),
    Factor::Ten(-9),
    Factor::Ten(-3),
    Factor::Ten(3),
    Factor::Ten(9),
    Factor::Ten(30),
];

fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(path)
}

/// The integers of a student for some rows as measured, from the real features on.
fn answers(student: &Student<'_>, rows: &[Vec<f32>]) -> Vec<(u16, Vec<i8>)> {
    let mut arena = vec![0; student.arena_words()];
    let one = |row: &Vec<f32>| {
        let mut x = vec![0; row.len()];
        student.quantize(row, &mut x).unwrap();
        let answer = student.infer(&x, &mut arena).unwrap();
        (answer.decision().label, answer.logits().to_vec())
    };
    rows.iter().map(one).collect()
}

/// Gain and offset of every input.
fn front_end(student: &Student<'_>) -> Vec<(f32, f32)> {
    match student.metadata().front_end {
        FrontEnd::Uniform { gain, offset } => vec![(gain, offset); usize::from(student.metadata().inputs)],
        _ => {
            let (gains, offsets) = student.front_end_tables();
            let real = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
            gains.iter().map(real).zip(offsets.iter().map(real)).collect()
        }
    }
}

/// Everything of two students is the same but the gains of `inputs`, which are `factor` times smaller, and the size of an
/// output step, which is `output` times larger.
fn assert_same_but_scales(a: &Student<'_>, b: &Student<'_>, scaled: &dyn Fn(usize) -> bool, factor: f64, output: f64) {
    for (layer, other) in a.layers().zip(b.layers()) {
        assert_eq!((layer.kind, layer.range, layer.weights), (other.kind, other.range, other.weights));
        assert!(layer.channels().eq(other.channels()));
    }
    for (input, (one, two)) in front_end(a).into_iter().zip(front_end(b)).enumerate() {
        let factor = if scaled(input) { factor } else { 1.0 };
        assert_eq!((f64::from(one.0), one.1), (f64::from(two.0) * factor, two.1), "input {input}");
    }
    let (one, two) = (a.metadata(), b.metadata());
    assert_eq!(f64::from(one.output.scale) * output, f64::from(two.output.scale));
    assert_eq!((one.input_zero_point, one.golden), (two.input_zero_point, two.golden));
}

/// At most one label in a thousand differs.
fn assert_nearly_same(a: &[(u16, Vec<i8>)], b: &[(u16, Vec<i8>)], what: &str) {
    let differ = a.iter().zip(b).filter(|(a, b)| a.0 != b.0).count();
    println!("{what}: {differ} of {} labels differ", a.len());
    assert!(differ * 1000 <= a.len(), "{what}: {differ} of {} labels differ", a.len());
}

/// Activity from a watch: every fourth row of the data that ship, the student's columns, the teacher's, the quantity.
struct Watch {
    names: Vec<String>,
    rows: Vec<Vec<f32>>,
    labels: Vec<String>,
    folds: Vec<String>,
}

const STUDENT_COLUMNS: usize = 12;
const TEACHER_COLUMNS: usize = 18;
/// A figure of the same accelerometer that no network sees.
const QUANTITY: &str = "m1_watch_acc[12]";

impl Watch {
    fn load() -> Self {
        let table = ColumnTable::load(&shipped("har-watch/data/har-watch.npz")).unwrap();
        let select = |patterns: &[&str]| table.select(&patterns.iter().map(|&it| it.to_owned()).collect::<Vec<_>>());
        let columns = select(&["m1_watch_acc[0:12]", "m2_watch_gyro_phone_acc_gyro[0:6]", QUANTITY]).unwrap();
        let kept = |texts: Vec<String>| texts.into_iter().step_by(4).collect();
        let values = table.values(&columns).unwrap();
        Self {
            names: (0..columns.len()).map(|at| format!("c{at:02}")).collect(),
            rows: values.rows().into_iter().step_by(4).map(|row| row.to_vec()).collect(),
            labels: kept(table.texts("y").unwrap()),
            folds: kept(table.texts("fold").unwrap()),
        }
    }

    fn scaled(&self, column: usize, factor: Factor) -> Self {
        let mut rows = self.rows.clone();
        rows.iter_mut().for_each(|row| row[column] = factor.of(row[column]));
        Self { names: self.names.clone(), rows, labels: self.labels.clone(), folds: self.folds.clone() }
    }

    fn student_rows(&self) -> Vec<Vec<f32>> {
        self.rows.iter().map(|row| row[..STUDENT_COLUMNS].to_vec()).collect()
    }

    fn run(&self, task: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let mut text = format!("{},fold,y\n", self.names.join(","));
        for ((row, fold), label) in self.rows.iter().zip(&self.folds).zip(&self.labels) {
            row.iter().for_each(|value| write!(text, "{value:e},").unwrap());
            writeln!(text, "{fold},{label}").unwrap();
        }
        fs::write(folder.path().join("table.csv"), text).unwrap();
        let label = if task == "regress" { &self.names[TEACHER_COLUMNS] } else { "y" };
        let mixup = if task == "regress" { "mixup = false\n" } else { "" };
        let recipe = format!(
            "[data]\nsource = \"table.csv\"\ntask = \"{task}\"\nlabel = \"{label}\"\n\
             student_columns = [\"c00..c11\"]\nteacher_columns = [\"c00..c17\"]\nfold = \"fold\"\nfolds = [0]\n\
             [[teacher]]\nkind = \"mlp\"\nhidden = [32]\nmembers = 1\nepochs = 6\nbatch_rows = 64\n{mixup}\
             [student]\nhidden = [16]\nepochs = 8\nbatch_rows = 64\n[report]\nseeds = [1]\ncontrols = false\n"
        );
        carry_out(folder.path(), &recipe)
    }
}

/// Carries out a recipe on what lies in `folder`.
fn carry_out(folder: &Path, text: &str) -> Outcome {
    let path = folder.join("recipe.toml");
    let recipe = Recipe::parse(text, &path).unwrap_or_else(|error| panic!("{error}"));
    Run::new(recipe).out(folder.join("out")).go().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_classifier_is_the_same_in_every_unit_of_a_column() {
    let watch = Watch::load();
    let plain = watch.run("classify");
    let student = Student::load(&plain.file).unwrap();
    let expected = answers(&student, &watch.student_rows());
    assert!(plain.metrics.mean("student_int8", "accuracy") > Some(40.0), "{:?}", plain.metrics.summary);
    for (number, factor) in FACTORS.into_iter().enumerate() {
        // A column of the student, then one that only the teacher sees.
        let column = (5 * number) % TEACHER_COLUMNS;
        let scaled = watch.scaled(column, factor);
        let run = scaled.run("classify");
        let other = Student::load(&run.file).unwrap();
        let found = answers(&other, &scaled.student_rows());
        if factor.is_exact() {
            assert_same_but_scales(&student, &other, &|input| input == column, factor.value(), 1.0);
            assert_eq!((&expected, &plain.metrics.summary), (&found, &run.metrics.summary), "{factor:?}");
        }
        assert_nearly_same(&expected, &found, &format!("column {column} times {factor:?}"));
    }
}

#[test]
fn a_regression_is_the_same_in_every_unit_of_a_column_or_of_its_quantity() {
    let watch = Watch::load();
    let plain = watch.run("regress");
    let student = Student::load(&plain.file).unwrap();
    let expected = answers(&student, &watch.student_rows());
    let figure = |run: &Outcome, network: &str, figure: &str| run.metrics.mean(network, figure).unwrap();
    assert!(figure(&plain, "student_int8", "r2") > 0.1, "{:?}", plain.metrics.summary);
    for (number, factor) in FACTORS.into_iter().enumerate() {
        for column in [(7 * number) % TEACHER_COLUMNS, TEACHER_COLUMNS] {
            let scaled = watch.scaled(column, factor);
            let run = scaled.run("regress");
            let output = if column == TEACHER_COLUMNS { factor.value() } else { 1.0 };
            if factor.is_exact() {
                let other = Student::load(&run.file).unwrap();
                assert_same_but_scales(&student, &other, &|input| input == column, factor.value(), output);
                assert_eq!(expected, answers(&other, &scaled.student_rows()), "column {column} times {factor:?}");
            }
            let judged = plain.metrics.summary.iter().filter(|row| row.part == "test" && row.figure == "r2");
            for network in judged.map(|row| row.network.as_str()) {
                let [before, after] = [&plain, &run].map(|run| figure(run, network, "r2"));
                println!("{network}, column {column} times {factor:?}: R² {before} and {after}");
                assert!(
                    (before - after).abs() <= 1e-3,
                    "{network}, column {column} times {factor:?}: {before}, {after}"
                );
                for name in ["mae", "rmse", "r2"] {
                    let output = if name == "r2" { 1.0 } else { output };
                    let [before, after] = [figure(&plain, network, name) * output, figure(&run, network, name)];
                    assert!(!factor.is_exact() || before == after, "{network} {name}: {before}, {after}");
                }
            }
        }
    }
}

/// `weigh`: rare words weigh more, so that inputs differ in size, rows in their sums, and a power of ten rounds them.
fn graph_is_the_same_in_every_unit(weigh: bool, keys: [&str; 2], factors: &[Factor]) {
    let folder = tempfile::tempdir().unwrap();
    let [teacher, student] = keys;
    let text = format!(
        "[data]\nsource = \"cora.npz\"\ninductive_share = 0.2\n[[teacher]]\nkind = \"gcn\"\nhidden = [16]\n\
         epochs = 20\n{teacher}[student]\nepochs = 30\n{student}\
         [quantize]\nmethod = \"qat\"\nqat_epochs = 3\n[report]\nseeds = [1]\ncontrols = false\n"
    );
    let recipe = Recipe::parse(&text, &shipped("cora/data/recipe.toml")).unwrap_or_else(|error| panic!("{error}"));
    let mut data = Run::new(recipe.clone()).data().unwrap();
    let Matrix::Sparse(features) = &mut data.x else { panic!("features of a graph are sparse") };
    if weigh {
        let mut nodes = vec![0u32; features.cols()];
        features.outer_iterator().for_each(|row| row.indices().iter().for_each(|&at| nodes[at] += 1));
        let all = features.rows() as f32;
        for mut row in features.outer_iterator_mut() {
            row.iter_mut().for_each(|(word, value)| *value = (all / nodes[word] as f32).ln());
        }
    }
    let plain = features.clone();
    let run = |data: &Data| {
        let out = folder.path().join("out");
        let _ = fs::remove_dir_all(&out);
        Run::new(recipe.clone()).out(out).go_with(data.clone()).unwrap().file
    };
    let rows = |data: &Data| -> Vec<Vec<f32>> {
        let Matrix::Sparse(features) = &data.x else { panic!("features of a graph are sparse") };
        features.to_dense().rows().into_iter().map(|row| row.to_vec()).collect()
    };
    let file = run(&data);
    let student = Student::load(&file).unwrap();
    let expected = answers(&student, &rows(&data));
    let labels = data.truth.labels().unwrap();
    let right = expected.iter().zip(labels).filter(|((label, _), truth)| label == *truth).count();
    assert!(2 * right > labels.len(), "{right} of {}", labels.len());
    for &factor in factors {
        let scaled = Data { x: Matrix::Sparse(plain.map(|&x| factor.of(x))), ..data.clone() };
        let file = run(&scaled);
        let other = Student::load(&file).unwrap();
        let found = answers(&other, &rows(&scaled));
        if factor.is_exact() {
            // Shares of a row have no unit: their gains stay.
            let by = if student.metadata().normalization == Normalization::None { factor.value() } else { 1.0 };
            assert_same_but_scales(&student, &other, &|_| true, by, 1.0);
            assert_eq!(expected, found, "{factor:?}");
        }
        assert_nearly_same(&expected, &found, &format!("features times {factor:?}"));
    }
}

#[test]
fn a_student_of_a_graph_is_the_same_in_every_unit() {
    graph_is_the_same_in_every_unit(false, ["", ""], &FACTORS);
}

#[test]
fn features_of_many_sizes_are_the_same_in_every_unit() {
    graph_is_the_same_in_every_unit(true, ["input = \"raw\"\n", ""], &FACTORS);
}

#[test]
fn shares_of_a_row_are_the_same_in_every_unit() {
    graph_is_the_same_in_every_unit(false, ["", "input = \"normalized\"\nlearning_rate = 0.1\n"], &FACTORS);
    graph_is_the_same_in_every_unit(true, ["", "input = \"normalized\"\nlearning_rate = 0.1\n"], &FACTORS[..4]);
}

/// A table of 90 rows in three folds: two columns that change, `dead` as given, `y` as given.
fn small(dead: impl Fn(u32) -> f32, y: impl Fn(u32) -> String, task: &str) -> (Outcome, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "a,b,dead,fold,y\n".to_owned();
    for row in 0..90u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        writeln!(text, "{a},{b},{:e},{},{}", dead(row), row % 3, y(row)).unwrap();
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    let mixup = if task == "regress" { "mixup = false\n" } else { "" };
    let recipe = format!(
        "[data]\nsource = \"table.csv\"\ntask = \"{task}\"\nlabel = \"y\"\nstudent_columns = [\"a..dead\"]\n\
         teacher_columns = [\"a..dead\"]\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\nhidden = [8]\nmembers = 1\nepochs = 2\n{mixup}\
         [student]\nhidden = [8]\nepochs = 4\n[[rows]]\nkind = \"noise\"\ndeviation = 0.3\n[report]\nseeds = [1]\ncontrols = false\n"
    );
    (carry_out(folder.path(), &recipe), folder)
}

#[test]
fn a_constant_column_is_reported_and_what_it_shows_later_is_ignored() {
    let class = |row: u32| (row * 37 % 101 / 51).to_string();
    // Constant where rows teach (fold 2), anything elsewhere; also where a mean of equal values is rounded.
    for constant in [0.0f32, 0.1, 7e30, -3e-30] {
        let (first, _) = small(|_| constant, class, "classify");
        let (second, folder) = small(|row| if row % 3 == 2 { constant } else { row as f32 * 1e30 }, class, "classify");
        let warning = "1 column never changes in the train rows of split 0 (the first is `dead`)";
        for run in [&first, &second] {
            assert!(
                run.metrics.data.warnings.iter().any(|it| it.starts_with(warning)),
                "{:?}",
                run.metrics.data.warnings
            );
        }
        let card = fs::read_to_string(folder.path().join("out/card.md")).unwrap();
        let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
        let said = "1 column never changes in the train rows of split 0";
        assert!(card.contains(said) && page.contains(said));
        assert_eq!(first.metrics.summary, second.metrics.summary);
        let (one, two) = (Student::load(&first.file).unwrap(), Student::load(&second.file).unwrap());
        assert_same_but_scales(&one, &two, &|_| false, 1.0, 1.0);
        let rows = [vec![0.5, -0.5, constant], vec![0.5, -0.5, 3e38]];
        assert_eq!(answers(&one, &rows[..1]), answers(&one, &rows[1..]));
    }
}

#[test]
fn a_constant_target_is_reported_and_has_no_r2() {
    for value in ["4.2", "0", "2e-9", "-1e30"] {
        let (run, folder) = small(|row| row as f32, |_| value.to_owned(), "regress");
        let value: f32 = value.parse().unwrap();
        for part in ["train", "tune", "test"] {
            let warning = format!("`y` is {value:?} in every {part} row of split 0");
            assert!(
                run.metrics.data.warnings.iter().any(|it| it.starts_with(&warning)),
                "{:?}",
                run.metrics.data.warnings
            );
        }
        let r2: Vec<_> = run.metrics.summary.iter().filter(|row| row.figure == "r2").collect();
        assert!(r2.len() > 3 && r2.iter().all(|row| row.mean.is_none() && row.sd.is_none()), "{r2:?}");
        assert!(run.metrics.differences.iter().all(|difference| difference.figure != "r2"));
        let json: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("out/metrics.json")).unwrap()).unwrap();
        let rows = json["results"].as_array().unwrap();
        assert!(rows.iter().all(|row| row["value"].is_null() == (row["figure"] == "r2")), "{rows:?}");
        let card = fs::read_to_string(folder.path().join("out/card.md")).unwrap();
        assert!(card.contains("| — |") && !card.contains("1.00 ±"), "{card}");
    }
}

#[test]
fn figures_of_a_small_quantity_are_printed_in_significant_digits() {
    let current = |row: u32| format!("{:e}", 2e-9 * ((row * 37 % 101) as f64 / 50.0 - 1.0));
    let (run, folder) = small(|row| row as f32, current, "regress");
    let mae = run.metrics.mean("student_int8", "mae").unwrap();
    assert!(mae > 1e-12 && mae < 4e-9, "{mae}");
    let card = fs::read_to_string(folder.path().join("out/card.md")).unwrap();
    let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    for text in [&card, &page, &summary(&Document::of(&run.metrics))] {
        assert!(text.contains("e-9 ") || text.contains("e-10 ") || text.contains("e-9<"), "{text}");
    }
}

#[test]
fn rows_whose_sum_no_float_holds_are_refused() {
    for size in ["3e38", "1e-39"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("nodes.csv"), format!("id,label,a,b\nx,0,1,2\ny,1,{size},{size}\nz,0,2,1\n"))
            .unwrap();
        fs::write(folder.path().join("edges.csv"), "source,target\nx,y\ny,z\n").unwrap();
        let text = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\nsplit = \"random\"\n[[teacher]]\nkind = \"gcn\"\ninput = \"normalized\"\n";
        let recipe = Recipe::parse(text, &folder.path().join("recipe.toml")).unwrap();
        let Err(Error::Data(error)) = Run::new(recipe).data() else { panic!("{size} is to be refused") };
        assert_eq!((error.kind(), &error.fault().place.at), (FaultKind::OutOfRange, &At::Node(1)), "{error}");
    }
}
