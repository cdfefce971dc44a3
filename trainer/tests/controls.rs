//! Controls: what each of them changes of a recipe, and that one definition holds for graphs and tables.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use eyas_trainer::{Outcome, Recipe, Run};

/// A ring of 90 nodes in three classes whose features tell the class two times in three.
fn write_graph(folder: &Path) {
    let (mut nodes, mut edges) = ("id,label,split,x,y,z\n".to_owned(), "source,target\n".to_owned());
    for node in 0..90usize {
        let class = node / 30;
        let shown = if node % 3 == 0 { (class + 1) % 3 } else { class };
        let part = ["train", "tune", "test"][node % 5 % 3];
        let x: Vec<String> = (0..3).map(|word| u8::from(word == shown).to_string()).collect();
        writeln!(nodes, "n{node},{class},{part},{}", x.join(",")).unwrap();
        writeln!(edges, "n{node},n{}", (node + 1) % 90).unwrap();
    }
    fs::write(folder.join("nodes.csv"), nodes).unwrap();
    fs::write(folder.join("edges.csv"), edges).unwrap();
}

/// 150 rows in three folds; the class follows from `a` and `b`, and `c` tells it to the teacher.
fn write_table(folder: &Path) {
    let mut text = "a,b,c,fold,label\n".to_owned();
    for row in 0..150u32 {
        let (a, b) = ((row * 37 % 101) as f32 / 50.0 - 1.0, (row * 53 % 97) as f32 / 48.0 - 1.0);
        let class = u8::from(a + b > 0.0);
        writeln!(text, "{a},{b},{class},{},{class}", row % 3).unwrap();
    }
    fs::write(folder.join("table.csv"), text).unwrap();
}

const GRAPH: &str = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\ninductive_share = 0\n[student]\nhidden = [8]\n\
                     epochs = 20\n[report]\nseeds = [1]\n";
const TABLE: &str = "[data]\nsource = \"table.csv\"\nlabel = \"label\"\nstudent_columns = [\"a\", \"b\"]\n\
                     teacher_columns = [\"a..c\"]\nfolds = [0]\n[student]\nhidden = [8]\nepochs = 10\nbatch_rows = 16\n\
                     [report]\nseeds = [1]\n";
const GCN: &str = "[[teacher]]\nkind = \"gcn\"\nhidden = [8]\nepochs = 20\n";
const MLP: &str = "[[teacher]]\nkind = \"mlp\"\nhidden = [8]\nepochs = 5\nbatch_rows = 16\nmembers = 1\n";

fn run(folder: &Path, text: &str) -> Outcome {
    let recipe = Recipe::parse(text, &folder.join("recipe.toml")).unwrap_or_else(|error| panic!("{error}"));
    let out = folder.join("out");
    let _ = fs::remove_dir_all(&out);
    Run::new(recipe).out(out).go().unwrap_or_else(|error| panic!("{error}"))
}

/// What each control changes, by name.
fn differences(outcome: &Outcome) -> BTreeMap<&str, &str> {
    outcome.metrics.controls.iter().map(|control| (control.name.as_str(), control.difference.as_str())).collect()
}

#[test]
fn a_control_says_what_it_changes_and_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path());
    write_table(folder.path());
    let rows = "[[rows]]\nkind = \"word-dropout\"\nshare = 0.2\n";
    for (text, graph) in [(format!("{GRAPH}{GCN}{rows}"), true), (format!("{TABLE}{MLP}{rows}"), false)] {
        let outcome = run(folder.path(), &text);
        let changes = differences(&outcome);
        let names: Vec<&str> = changes.keys().copied().collect();
        let expected = ["label_only", "label_smoothing", "plain_kd", "self", "uniform_teacher"];
        assert!(expected.iter().all(|name| names.contains(name)), "{names:?}");
        assert!(!names.contains(&"random_router"), "one teacher leaves nothing to draw from");
        // The student's network, its regularisation and the length of its training are those of the recipe.
        for (name, change) in &changes {
            assert!(!change.contains("[student]") && !change.contains("[[rows]]"), "{name}: {change}");
        }
        assert!(
            changes["label_only"].contains("soft_weight = 0.0") && changes["label_only"].contains("label_weight = 1.0")
        );
        assert!(changes["label_smoothing"].contains("label_smoothing = 0.1"));
        assert!(changes["uniform_teacher"].contains("kind = \"uniform\""), "{}", changes["uniform_teacher"]);
        assert!(changes["uniform_teacher"].contains("label_weight = 1.0"), "it always sees the labels");
        assert!(changes["self"].contains("kind = \"mlp\"") && changes["self"].contains("sees = \"student\""));
        assert_eq!(
            changes["self"].contains("epochs = 20"),
            graph,
            "trained as long as the teacher: {}",
            changes["self"]
        );
        for name in expected {
            assert!(outcome.metrics.mean(name, "accuracy").is_some(), "{name} has figures");
        }
    }
}

/// A teacher that knows nothing must not make a student that knows nothing: it sees the labels.
#[test]
fn the_uniform_teacher_of_a_graph_is_no_straw_man() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path());
    let outcome =
        run(folder.path(), &format!("{GRAPH}{GCN}").replace("epochs = 20\n[report]", "epochs = 100\n[report]"));
    let [uniform, labels] =
        ["uniform_teacher", "label_only"].map(|name| outcome.metrics.mean(name, "accuracy").unwrap());
    assert!(uniform > 50.0 && (uniform - labels).abs() < 20.0, "{uniform} with labels {labels}");
}

#[test]
fn a_random_router_is_a_control_of_a_router_over_several_answers() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let router = "[[target]]\nkind = \"router\"\n";
    let one = run(folder.path(), &format!("{TABLE}{MLP}{router}"));
    assert!(!differences(&one).contains_key("random_router"));
    let two = run(folder.path(), &format!("{TABLE}{MLP}{MLP}{router}"));
    let change = differences(&two)["random_router"];
    assert!(change.contains("kind = \"random\"") && !change.contains("[[teacher]]"), "{change}");
    let mean = run(folder.path(), &format!("{TABLE}{MLP}{MLP}"));
    assert!(!differences(&mean).contains_key("random_router"));
}

/// Two equal teachers are two networks; a control that needs the same teachers trains none of them again.
#[test]
fn equal_teachers_are_different_networks_and_none_is_trained_twice() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path());
    let text = format!("{GRAPH}{GCN}{GCN}").replace("[report]\n", "[report]\ncontrols = false\n");
    run(folder.path(), &text);
    let kept = || fs::read_dir(folder.path().join("out/teachers")).unwrap().map(|file| file.unwrap().path());
    let answers: Vec<Vec<u8>> = kept().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(answers.len(), 2);
    // Beyond magic and key.
    assert_ne!(answers[0][40..], answers[1][40..]);
    run(folder.path(), &text.replace("controls = false\n", ""));
    assert_eq!(kept().count(), 4, "beside the teachers themselves those of `self`");
}

/// Every network of a run is in the report, however many teachers there are.
#[test]
fn a_fourth_teacher_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let outcome = run(folder.path(), &format!("{TABLE}{MLP}{MLP}{MLP}{MLP}"));
    let page = fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    for number in 2..=4 {
        assert!(outcome.metrics.mean(&format!("teacher_{number}"), "accuracy").is_some());
        assert!(page.contains(&format!("Teacher {number}")), "{number}");
    }
}

/// The weights of the float student of the last run, without the bytes that name its recipe.
fn float_weights(folder: &Path) -> Vec<u8> {
    let mut bytes = fs::read(folder.join("out/student_float.npz")).unwrap();
    let name = b"student.npy";
    let last = bytes.windows(name.len()).position(|window| window == name).unwrap();
    let header = 30;
    bytes.truncate(last - header);
    bytes
}

/// What a recipe names acts, whichever way the loss is put together: in one term before the training, or step by step.
#[test]
fn rows_and_links_act_under_every_mixing_and_schedule() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path());
    let float = |text: &str| {
        run(folder.path(), &text.replace("[report]\n", "[report]\ncontrols = false\n"));
        float_weights(folder.path())
    };
    let methods = [
        "[[rows]]\nkind = \"word-dropout\"\nshare = 0.5\n",
        "[[rows]]\nkind = \"noise\"\ndeviation = 0.5\n",
        "[[link]]\nkind = \"edges\"\nhigh_weight = 0\n",
        "[[link]]\nkind = \"edges\"\nlow_weight = 0\n",
        "[[link]]\nkind = \"contrast\"\n",
    ];
    for mixing in [
        "",
        "[objective]\nlabel_weight = 0.5\nsoft_weight = { start = 1.0, halve_every = 5 }\n",
        "[[target]]\nkind = \"router\"\n",
        "[[target]]\nkind = \"random\"\n",
        "[[rows]]\nkind = \"noise\"\ndeviation = 0.1\n",
    ] {
        let base = format!("{GRAPH}{GCN}{GCN}{mixing}");
        let without = float(&base);
        for method in methods.iter().filter(|method| !(mixing.contains("noise") && method.contains("noise"))) {
            let changes = float(&format!("{base}{method}")) != without;
            assert!(changes, "under {mixing:?} nothing is changed by {method}");
        }
    }
}
