//! A recipe is understood whole, with every default, or refused (`refusals`).

use std::fs;
use std::path::Path;

use eyas_trainer::dataset::FaultKind;
use eyas_trainer::method::{self, rows::noise::Noise};
use eyas_trainer::recipe::{ChooseBy, InputKind, Recipe, Schedule, SplitKind, TeacherKind, sections};
use eyas_trainer::run::{Error, Run};
use proptest::prelude::*;

mod refusals;

const SMALLEST: &str = "[data]\nsource = \"cora\"\n[[teacher]]\nkind = \"gcn\"\n";
const TABLE: &str = "[data]\nsource = \"a.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\"]\nteacher_columns = [\"b\"]\n\
                     [[teacher]]\nkind = \"mlp\"\n";

fn parse(text: &str) -> Result<Recipe, eyas_trainer::recipe::RecipeError> {
    Recipe::parse(text, Path::new("recipe.toml"))
}

#[test]
fn the_smallest_recipe_of_a_graph_takes_the_documented_defaults() {
    let recipe = parse(SMALLEST).unwrap();
    let data = &recipe.data;
    assert!(!data.is_table() && !data.regresses());
    assert_eq!((data.split, data.inductive_share, data.split_seed), (SplitKind::Published, 0.2, None));
    assert_eq!((data.label_share, data.tune_share, data.fold.as_deref()), (1.0, None, None));
    let training = recipe.teacher[0].training().unwrap();
    assert_eq!((recipe.teacher[0].kind(), training.hidden.as_slice()), (TeacherKind::Gcn, &[128][..]));
    assert_eq!((training.dropout, training.learning_rate, training.weight_decay), (0.8, 0.01, 5e-4));
    assert_eq!((training.epochs, training.patience, training.members), (Some(500), Some(50), 1));
    assert_eq!((training.choose_by, training.fit_confidence), (ChooseBy::AccuracyThenLoss, true));
    let student = &recipe.student;
    assert_eq!((student.hidden.as_slice(), student.dropout, student.epochs), (&[16][..], 0.3, Some(500)));
    assert_eq!((student.patience, student.batch_rows, student.input), (Some(50), None, InputKind::Raw));
    assert_eq!((recipe.temperature(), recipe.weights().soft_weight), (1.0, Schedule::Constant(1.0)));
    assert_eq!((recipe.objective.method.kind, recipe.mixer().unwrap().method.kind), ("kl", "mean"));
    assert_eq!(recipe.report.seeds, [2022, 2023, 2024, 2025, 2026]);
    assert!(recipe.report.controls && recipe.quantize.bias_correction && recipe.link.is_empty());
}

#[test]
fn the_smallest_recipe_of_a_table_takes_the_documented_defaults() {
    let recipe = parse(TABLE).unwrap();
    let data = &recipe.data;
    assert!(data.is_table());
    assert_eq!((data.split, data.fold.as_deref(), data.tune_share), (SplitKind::Folds, Some("fold"), None));
    let training = recipe.teacher[0].training().unwrap();
    assert_eq!((training.hidden.as_slice(), training.dropout, training.label_smoothing), (&[64, 32][..], 0.2, 0.05));
    assert_eq!((training.learning_rate, training.weight_decay, training.epochs), (0.001, 0.0, None));
    assert_eq!((training.steps, recipe.student.steps), (Some(5000), Some(5000)));
    assert_eq!((training.patience, training.members, training.choose_by), (None, 3, ChooseBy::Loss));
    assert!(!training.fit_confidence && !recipe.teacher[0].mixup());
    assert_eq!((recipe.teacher[0].batch_rows(), recipe.teacher[0].reask()), (Some(64), false));
    let student = &recipe.student;
    assert_eq!((student.hidden.as_slice(), student.dropout, student.epochs), (&[64, 32][..], 0.0, None));
    assert_eq!((student.patience, student.batch_rows, student.learning_rate), (None, Some(64), 0.001));
    assert_eq!(recipe.temperature(), 2.0);
    let regress = parse(&TABLE.replace("[[teacher]]", "task = \"regress\"\n[[teacher]]")).unwrap();
    assert_eq!((regress.objective.method.kind, regress.temperature()), ("mse", 1.0));
    assert!(regress.mixer().unwrap().keys.is_empty(), "a quantity has no probabilities to average");
}

#[test]
fn a_method_reads_its_keys() {
    let recipe = parse(&format!("{TABLE}[[rows]]\nkind = \"noise\"\ndeviation = 0.3\n")).unwrap();
    let noise: Noise = recipe.keys_of(&method::rows::noise::METHOD).unwrap();
    assert_eq!(noise.deviation, 0.3);
    let recipe = parse(&format!("{TABLE}[objective]\nsoft_weight = {{ start = 2.0 }}\n")).unwrap();
    let soft = recipe.weights().soft_weight;
    assert_eq!([0, 1, 30, 31, 60, 61].map(|epoch| soft.at(epoch)), [2.0, 1.0, 1.0, 0.5, 0.5, 0.25]);
}

#[test]
fn the_resolved_recipe_shows_every_default_and_loads_back() {
    let everything = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\nsplit = \"random\"\n[[teacher]]\nkind = \"gat\"\n\
                      [[teacher]]\nkind = \"sage\"\nmembers = 3\n[[link]]\nkind = \"edges\"\nlow_weight = 0\n\
                      [quantize]\nranges = \"percentile\"\nmethod = \"qat\"\n";
    let single_layer = format!("{SMALLEST}[student]\nhidden = []\n");
    let regress = "[data]\nsource = \"t.csv\"\nlabel = \"y\"\ntask = \"regress\"\nstudent_columns = [\"a\"]\nteacher_columns = [\"a\"]\n\
                   split = \"ordered\"\nseries = { time = \"t\", history = 3, ahead = 1 }\n[[teacher]]\nkind = \"onnx\"\npath = \"m.onnx\"\n\
                   embedding = \"e\"\ninputs = [{ name = \"i\", columns = [\"a\"] }]\n[[target]]\n[[target]]\nkind = \"margin\"\nmargin = 0.1\n\
                   [objective]\nsoft_weight = { start = 0.5 }\nlabel_weight = 1\n[[link]]\nkind = \"embedding\"\nweight = 1\n";
    let cotrained = format!(
        "{TABLE}hidden = [8, 4]\n[[teacher]]\nkind = \"fusion\"\n[cotrain]\n[masks]\nkind = \"attention\"\nheads = 2\n\
         [[target]]\nkind = \"router\"\n"
    );
    for text in [SMALLEST, TABLE, everything, &single_layer, regress, &cotrained] {
        let recipe = parse(text).unwrap_or_else(|error| panic!("{error}"));
        let resolved = recipe.resolved();
        assert_eq!(parse(&resolved).unwrap_or_else(|error| panic!("{error}\n{resolved}")), recipe, "{resolved}");
        assert_eq!(parse(&resolved).unwrap().resolved(), resolved);
        assert_eq!(parse(&resolved).unwrap().recipe_hash(), recipe.recipe_hash());
    }
    let shows = |text: &str, lines: &[&str]| {
        let resolved = parse(text).unwrap().resolved();
        for line in lines {
            assert!(resolved.lines().any(|found| found == *line), "{line} in\n{resolved}");
        }
    };
    shows(
        everything,
        &[
            "kind = \"graph\"",
            "label_share = 1.0",
            "train_per_class = 20",
            "tune_nodes = 500",
            "test_nodes = 1000",
            "split_seed = 2022",
            "attention_heads = 4",
            "attention_dropout = 0.3",
            "input = \"unit-norm\"",
            "members = 3",
            "dropout = 0.3",
            "weight_decay = 0.0005",
            "of = \"probabilities\"",
            "soft_weight = 1.0",
            "high_temperature = 1.5",
            "percentile = 99.9",
            "qat_epochs = 30",
            "qat_learning_rate = 0.001",
            "bias_correction = true",
            "controls = true",
        ],
    );
    shows(regress, &["every = 1", "halve_every = 30", "split = \"ordered\"", "kind = \"mse\""]);
    shows(&cotrained, &["balance = 1.0", "keep_student = true", "branch_hidden = [256, 128]", "heads = 2"]);
    let resolved = parse(&cotrained).unwrap().resolved();
    assert!(!resolved.contains("members"), "a co-trained teacher has no training of its own:\n{resolved}");
}

#[test]
fn the_hash_ignores_comments_and_written_out_defaults_and_sees_values() {
    let hash = parse(SMALLEST).unwrap().recipe_hash();
    assert_eq!(parse(&format!("# a comment\n{SMALLEST}hidden = [128]\n")).unwrap().recipe_hash(), hash);
    assert_eq!(parse(&format!("base = [\"x\"]\n{SMALLEST}")).unwrap().recipe_hash(), hash);
    assert_ne!(parse(&format!("{SMALLEST}hidden = [256, 256]\n")).unwrap().recipe_hash(), hash);
}

#[test]
fn every_default_is_a_value_of_its_key_and_every_key_is_explained() {
    use eyas_trainer::recipe::DataKind;
    for (name, keys) in sections() {
        for key in keys {
            assert!(!key.doc_text().is_empty(), "{name}.{}", key.name);
            for kind in [DataKind::Graph, DataKind::Table] {
                let text = key.default_of(kind);
                let value = format!("value = {text}").parse::<toml::Table>();
                assert!(matches!(text, "none" | "needed") || value.is_ok(), "{name}.{} = {text}", key.name);
            }
        }
    }
}

#[test]
fn every_ready_recipe_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = 0;
    let inside = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let models = inside(&root.join("../models"));
    let shipped = models.iter().filter(|path| path.is_dir()).flat_map(|folder| inside(folder));
    let others = ["recipes", "benches", "tests/parity"].into_iter().flat_map(|folder| inside(&root.join(folder)));
    for path in shipped.chain(others).filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        found += 1;
        let recipe = Recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parse(&recipe.resolved()).unwrap(), recipe, "{}", path.display());
    }
    assert!(found >= 40, "{found} recipes");
}

#[test]
fn a_recipe_prepares_its_data() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let recipe = Recipe::load(&root.join("models/cora/recipe.toml")).unwrap();
    let data = Run::new(recipe.clone()).data().unwrap();
    let evaluations = data.evaluations(&recipe, &[2022]).unwrap();
    assert_eq!((data.rows(), evaluations[1].unseen.len()), (2708, 200));
    assert_eq!(recipe.student.hidden, [16]);

    let folder = tempfile::tempdir().unwrap();
    let nodes: String = (0..40).map(|node| format!("n{node},{},{}\n", node % 2, node)).collect();
    let edges: String = (0..39).map(|node| format!("n{node},n{}\n", node + 1)).collect();
    fs::write(folder.path().join("nodes.csv"), format!("id,label,x\n{nodes}")).unwrap();
    fs::write(folder.path().join("edges.csv"), format!("source,target\n{edges}")).unwrap();
    let path = folder.path().join("recipe.toml");
    let text = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\nsplit = \"random\"\ntrain_per_class = 5\n\
                tune_nodes = 10\ntest_nodes = 20\n[[teacher]]\nkind = \"gcn\"\n";
    fs::write(&path, text).unwrap();
    let recipe = Recipe::load(&path).unwrap();
    let data = Run::new(recipe.clone()).data().unwrap();
    let evaluations = data.evaluations(&recipe, &[2022]).unwrap();
    let counts = (data.edge_count(), evaluations[0].split.train.len(), evaluations[1].unseen.len());
    assert_eq!(counts, (Some(39), 10, 4));

    fs::write(folder.path().join("edges.csv"), "source,target\n").unwrap();
    let Err(Error::Data(error)) = Run::new(recipe).data() else { panic!("a graph without edges is to be refused") };
    assert_eq!(error.kind(), FaultKind::Layout);
    assert!(error.to_string().contains("add edges.csv"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any value of any key is understood or refused, never a panic, and what is understood loads back.
    #[test]
    fn any_value_is_understood_or_refused(
        key in "(data|student|objective|quantize|report|link|target|rows)\\.(split|split_seed|hidden|dropout|patience|soft_weight|ranges|seeds|kind)",
        value in "(-?[0-9]{1,19}|-?[0-9]\\.[0-9]{1,5}|true|\"[a-z]{0,6}\"|\\[([0-9]{1,6}(, [0-9]{1,6})?)?\\])",
    ) {
        let text = format!("{key} = {value}\ndata.source = \"cora\"\nteacher = [{{ kind = \"gcn\" }}]\n");
        if let Ok(recipe) = parse(&text) {
            prop_assert_eq!(parse(&recipe.resolved()).unwrap(), recipe);
        }
    }

    #[test]
    fn any_text_never_panics(text in "[\\[\\]a-z=\"0-9.\n# é{}]{0,60}") {
        let _ = parse(&text);
    }
}
