//! A recipe on a table, from columns to a sealed student: labels of the test rows change no byte of it.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use eyas::Student;
use eyas_trainer::nn::TuneFigure;
use eyas_trainer::run::{Observer, StageEvent, mask_costs};
use eyas_trainer::{Outcome, Recipe, Run};

struct Quiet;

impl Observer for Quiet {}

/// Rows whose class follows from `a` and `b`; `c` tells it to the teacher outright. Fold 0 judges.
fn table(turned: bool) -> String {
    let mut text = "a,b,c,fold,label\n".to_owned();
    for row in 0..150u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let class = usize::from(a + b > 0.0);
        let shown = if turned && row % 3 == 0 { 1 - class } else { class };
        writeln!(text, "{a},{b},{class},{},{}", row % 3, ["low", "high"][shown]).unwrap();
    }
    text
}

/// Carries out a recipe on `table.csv` in `folder`.
fn carry_out(folder: &Path, text: &str, seeds: usize, threads: usize) -> Outcome {
    observed(folder, text, (seeds, threads), &Quiet, None)
}

fn observed(
    folder: &Path,
    text: &str,
    (seeds, threads): (usize, usize),
    observer: &dyn Observer,
    cache: Option<&Path>,
) -> Outcome {
    let path = folder.join("recipe.toml");
    let recipe = Recipe::parse(text, &path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(Recipe::parse(&recipe.resolved(), &path).unwrap(), recipe);
    let out = folder.join("out");
    // What an earlier run kept there is another run's.
    let _ = fs::remove_dir_all(out.join("teachers"));
    let kept = cache.map_or_else(|| out.join("teachers"), Path::to_path_buf);
    let run = Run::new(recipe).out(&out).replace(true).threads(threads).observer(observer).cache(kept);
    run.seeds(seeds).go().unwrap_or_else(|error| panic!("{error}"))
}

fn run(folder: &Path, data: &str, threads: usize) -> Outcome {
    fs::write(folder.join("table.csv"), data).unwrap();
    let text = "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
                teacher_columns = [\"a..c\"]\nfolds = [0]\nlabel_share = 0.5\n[[teacher]]\nkind = \"fusion\"\n\
                branch_hidden = [8]\nhidden = [8]\nepochs = 100\nbatch_rows = 8\nlearning_rate = 0.01\ndropout = 0\nmembers = 1\n[student]\nhidden = [8]\nepochs = 60\n\
                batch_rows = 16\nlearning_rate = 0.01\n[report]\nseeds = [1, 2]\n";
    carry_out(folder, text, 2, threads)
}

#[test]
fn threads_and_labels_of_the_test_rows_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), &table(false), 1);
    let second = run(folder.path(), &table(true), 2);
    assert_eq!(*first.file, *second.file);
    let student = Student::load(&first.file).unwrap();
    assert_eq!(student.metadata().labels().collect::<Vec<_>>(), ["high", "low"]);
    let int8 = first.metrics.mean("student_int8", "accuracy");
    assert!(int8 > Some(85.0), "{:?}", first.metrics.summary);
    assert!(second.metrics.mean("student_int8", "accuracy") < Some(30.0), "the turned labels judge all the same");
    let rows = first.metrics.runs[0].rows;
    assert!(first.metrics.mean("uniform_teacher", "accuracy").is_some() && 10 * rows.labelled < 6 * rows.train);
}

#[test]
fn a_regression_answers_in_the_unit_of_its_quantity() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "a,b,y\n".to_owned();
    for row in 0..300u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        writeln!(text, "{a},{b},{}", 40.0 * a + 10.0 * b).unwrap();
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    let text = "[data]\nsource = \"table.csv\"\ntask = \"regress\"\nlabel = \"y\"\nstudent_columns = [\"a\", \"b\"]\n\
                teacher_columns = [\"a\", \"b\"]\nsplit = \"ordered\"\n[[teacher]]\nkind = \"mlp\"\nhidden = [16]\n\
                mixup = false\ndropout = 0\nepochs = 60\nbatch_rows = 16\nlearning_rate = 0.01\nmembers = 1\n\
                [student]\nhidden = [16]\nbatch_rows = 16\nlearning_rate = 0.01\n[report]\nseeds = [1]\n";
    let run = carry_out(folder.path(), text, 1, 1);
    let [r2, mae] = ["r2", "mae"].map(|figure| run.metrics.mean("student_int8", figure).unwrap());
    assert!(r2 > 0.97 && mae < 4.0, "{r2} {mae}");
}

/// The rows that choose and judge lie up to four times as far out as those that teach.
#[test]
fn headroom_of_the_inputs_keeps_rows_beyond_the_train_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "a,b,fold,label\n".to_owned();
    for row in 0..600u32 {
        let far = if row % 3 == 2 { 1.0 } else { 4.0 };
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        writeln!(text, "{},{},{},{}", far * a, far * b, row % 3, u8::from(a > b)).unwrap();
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    let recipe = |quantize: &str| {
        format!(
            "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
             teacher_columns = [\"a\", \"b\"]\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\nhidden = [8]\n\
             batch_rows = 16\nlearning_rate = 0.01\nmembers = 1\n[student]\nhidden = [8]\nbatch_rows = 16\n\
             learning_rate = 0.01\n{quantize}[report]\nseeds = [1]\ncontrols = false\n"
        )
    };
    let with = |quantize: &str| {
        let run = carry_out(folder.path(), &recipe(quantize), 1, 1);
        ["student_float", "student_int8"]
            .map(|network| run.metrics.summary("folds", "tune", network, "accuracy").unwrap().mean.unwrap())
    };
    let [float, cut] = with("");
    let [same, kept] = with("[quantize]\ninput_headroom = 4\n");
    assert_eq!(float, same, "headroom is a matter of rounding alone");
    assert!(float > 90.0 && cut < float - 5.0 && kept > float - 2.0, "{float} rounds to {cut} or {kept}");
    let refused = Recipe::parse(&recipe("[quantize]\ninput_headroom = 0.5\n"), Path::new("r.toml"));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("quantize.input_headroom") && refused.contains("found 0.5"), "{refused}");
}

/// Every person's label is a lot: who remembers the person is right, and for a new person nobody is.
#[test]
fn a_cross_fitted_teacher_answers_as_for_new_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "a,b,c,d,e,f,person,fold,label\n".to_owned();
    let mut lot = 1u64;
    let mut draw = || {
        lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lot >> 32
    };
    for person in 0..60u32 {
        let face = (0..6).map(|_| (draw() as f64 / f64::from(1u32 << 31) - 1.0).to_string()).collect::<Vec<_>>();
        let label = draw() >> 31;
        for _ in 0..40 {
            writeln!(text, "{},{person},{},{label}", face.join(","), person % 3).unwrap();
        }
    }
    fs::write(folder.path().join("table.csv"), text).unwrap();
    let on_train = |crossfit: &str| {
        let text = format!(
            "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\"]\n\
             teacher_columns = [\"a..f\"]\ngroup = \"person\"\nfolds = [0]\n[[teacher]]\nkind = \"mlp\"\n\
             hidden = [64]\nepochs = 1\nmixup = false\ndropout = 0\nlabel_smoothing = 0\nbatch_rows = 2\n\
             learning_rate = 0.02\nmembers = 1\n{crossfit}[student]\nhidden = [4]\nepochs = 2\n[report]\nseeds = [1]\n\
             controls = false\n"
        );
        let run = carry_out(folder.path(), &text, 1, 1);
        run.metrics.summary("folds", "train", "teacher", "accuracy").unwrap().mean.unwrap()
    };
    let (learnt, held) = (on_train(""), on_train("crossfit = 4\n"));
    assert!(learnt > 95.0 && held < 70.0, "{learnt} on rows learnt from, {held} on rows held out");
}

/// Every pass and every note of a run.
#[derive(Default)]
struct Watch {
    passes: Mutex<Vec<(String, usize, f64)>>,
    done: Mutex<Vec<(String, bool)>>,
    notes: Mutex<Vec<String>>,
}

impl Observer for Watch {
    fn stage(&self, event: StageEvent<'_>) {
        match event {
            StageEvent::Epoch { stage, epoch, tune: TuneFigure::Loss(score), .. } => {
                self.passes.lock().unwrap().push((stage.to_owned(), epoch, score));
            }
            StageEvent::Epoch { stage, .. } => panic!("{stage} of a table is judged by its loss"),
            StageEvent::Done { stage, resumed } => self.done.lock().unwrap().push((stage.to_owned(), resumed)),
        }
    }

    fn note(&self, text: &str) {
        self.notes.lock().unwrap().push(text.to_owned());
    }
}

impl Watch {
    /// Stages that were trained, each once, in order.
    fn trained(&self) -> Vec<String> {
        let mut stages: Vec<String> = self.passes.lock().unwrap().iter().map(|(stage, ..)| stage.clone()).collect();
        stages.dedup();
        stages
    }
}

const PLAIN: &str = "[[teacher]]\nkind = \"mlp\"\nhidden = [8]\nepochs = 12\nbatch_rows = 16\nmembers = 2\n";
const MST: &str = "[[teacher]]\nkind = \"fusion\"\nbranch_hidden = [8]\nhidden = [8, 6]\n[[teacher]]\nkind = \"mlp\"\n\
                   sees = \"others\"\nhidden = [8]\n[cotrain]\nepochs = 12\n[[target]]\nkind = \"router\"\n";

fn watched(folder: &Path, teachers: &str, cache: Option<&Path>, watch: &Watch) -> Outcome {
    fs::write(folder.join("table.csv"), table(false)).unwrap();
    let text = format!(
        "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
         teacher_columns = [\"a..c\"]\nfolds = [0]\n{teachers}[student]\nhidden = [8]\nepochs = 20\nbatch_rows = 16\n\
         learning_rate = 0.01\n[objective]\nlabel_weight = 1\n[report]\nseeds = [1]\ncontrols = false\n"
    );
    observed(folder, &text, (1, 1), watch, cache)
}

/// With nothing kept, with everything kept and with damage in it: the same bytes, and no teacher is trained twice.
#[test]
fn what_is_constant_about_teachers_is_computed_once() {
    let masked = format!("{MST}[masks]\n");
    let teachers = ["1-fold-0-cotrain", "1-fold-0-masks-0-0", "1-fold-0-masks-0-1", "1-fold-0-masks-1-0"];
    for (recipe, expected) in [(PLAIN, &["1-fold-0-teacher-0-0", "1-fold-0-teacher-0-1"][..]), (&masked, &teachers[..])]
    {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("kept");
        let (cold, first, second) = (Watch::default(), Watch::default(), Watch::default());
        let without = watched(folder.path(), recipe, None, &cold);
        let with = watched(folder.path(), recipe, Some(&kept), &first);
        let again = watched(folder.path(), recipe, Some(&kept), &second);
        assert_eq!((&*without.file, &*without.file), (&*with.file, &*again.file));
        assert_eq!(without.metrics.summary, with.metrics.summary);
        assert_eq!(without.metrics.summary, again.metrics.summary);
        let all = [expected, &["1-fold-0-student"]].concat();
        assert_eq!((cold.trained(), first.trained()), (all.iter().map(|s| s.to_string()).collect(), cold.trained()));
        assert_eq!(second.trained(), ["1-fold-0-student"]);
        assert_eq!(second.done.lock().unwrap().iter().filter(|(_, before)| *before).count(), expected.len());
        // Every pass is told with a figure.
        let passes = cold.passes.lock().unwrap();
        assert_eq!(passes.iter().filter(|(stage, ..)| stage == "1-fold-0-student").count(), 20);
        assert!(passes.iter().all(|(_, _, score)| score.is_finite()));

        let files: Vec<_> = fs::read_dir(&kept).unwrap().map(|file| file.unwrap().path()).collect();
        assert_eq!(files.len(), expected.len());
        let mut bytes = fs::read(&files[0]).unwrap();
        let last = bytes.len() - 40;
        bytes[last] ^= 1;
        fs::write(&files[0], bytes).unwrap();
        let healed = Watch::default();
        assert_eq!(*watched(folder.path(), recipe, Some(&kept), &healed).file, *without.file);
        assert_eq!(healed.trained().len(), 2, "{:?}", healed.trained());
        let notes = healed.notes.lock().unwrap();
        assert!(notes.len() == 1 && notes[0].contains("damaged") && notes[0].contains("computed again"), "{notes:?}");
    }
    // Another teacher is not taken for this one.
    let folder = tempfile::tempdir().unwrap();
    watched(folder.path(), PLAIN, Some(folder.path()), &Watch::default());
    let other = Watch::default();
    watched(folder.path(), &PLAIN.replace("12", "13"), Some(folder.path()), &other);
    assert_eq!(other.trained().len(), 3);
    // One more member trains one more.
    let more = Watch::default();
    watched(folder.path(), &PLAIN.replace("members = 2", "members = 3"), Some(folder.path()), &more);
    assert_eq!(more.trained(), ["1-fold-0-teacher-0-2", "1-fold-0-student"]);
}

/// Every masked layer is a way with its share and its figures; the student goes on from co-training unless told otherwise.
#[test]
fn masked_teachers_are_the_ways_of_the_route() {
    let folder = tempfile::tempdir().unwrap();
    let bottleneck = watched(folder.path(), &format!("{MST}[masks]\n"), None, &Watch::default());
    let attention =
        watched(folder.path(), &format!("{MST}[masks]\nkind = \"attention\"\nheads = 2\n"), None, &Watch::default());
    for run in [&bottleneck, &attention] {
        let one = &run.metrics.runs[0];
        let names: Vec<&str> = one.mixer.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["teacher 1, layer 1 masked", "teacher 1, layer 2 masked", "teacher 2, layer 1 masked"]);
        assert!((one.mixer.iter().map(|source| source.share).sum::<f64>() - 100.0).abs() < 1e-9);
        assert!(one.mixer.iter().all(|source| source.score.unwrap().merit() > 50.0), "{:?}", one.mixer);
        assert!(run.metrics.mean("cotrained", "accuracy") > Some(50.0));
        let teacher = run.metrics.teacher();
        assert_eq!(teacher, "fusion 2x(8)-8-6, co-trained + mlp 8 on the other columns, co-trained");
        let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
        assert!(page.contains("teacher 1, layer 2 masked") && page.contains("Share of the rows"));
    }
    assert_ne!(*bottleneck.file, *attention.file);
    let anew = MST.replace("epochs = 12", "epochs = 12\nkeep_student = false");
    assert_ne!(*watched(folder.path(), &anew, None, &Watch::default()).file, *bottleneck.file);

    let recipe = |masks: &str| {
        let text = format!(
            "[data]\nsource = \"t.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\"]\nteacher_columns = [\"b\"]\n{masks}"
        );
        Recipe::parse(&text, Path::new("r.toml"))
    };
    // The sizes of the reference: T and A with hidden layers of 64 and 32.
    let teachers = "[[teacher]]\nkind = \"fusion\"\n[[teacher]]\nkind = \"mlp\"\n[cotrain]\n";
    let costs = mask_costs(&recipe(&format!("{teachers}[masks]\nkind = \"attention\"\n")).unwrap(), 1000).unwrap();
    assert_eq!((costs.masks, costs.parameters), (4, 2 * (128_551 + 16_816)));
    assert!(mask_costs(&recipe(&format!("{teachers}[masks]\n")).unwrap(), 1000).unwrap().macs * 100 < costs.macs);
    assert_eq!(mask_costs(&recipe(teachers).unwrap(), 1000), None);
    let refused = |masks: &str, words: &str| {
        let error = recipe(masks).unwrap_err().to_string();
        assert!(error.contains(words), "no {words:?} in: {error}");
    };
    refused("[[teacher]]\nkind = \"mlp\"\n[masks]\n", "add a table [cotrain]");
    refused(&format!("{teachers}[masks]\nheads = 2\n"), "without kind = \"attention\"");
    refused(&format!("{teachers}[masks]\nkind = \"attention\"\nheads = 17\n"), "lower the number of heads");
    refused("[[teacher]]\nkind = \"mlp\"\nmembers = 2\n[cotrain]\n", "which [cotrain] replaces");
}
