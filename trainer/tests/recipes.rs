//! A recipe is either understood whole or refused with line, column, key and remedy.

use std::fs;
use std::path::Path;

use eyas_trainer::dataset::FaultKind;
use eyas_trainer::dataset::locate::Search;
use eyas_trainer::recipe::RecipeFault;
use eyas_trainer::recipe::old::{Recipe, SplitKind, TabularRecipe, TeacherKind};
use proptest::prelude::*;

const SMALLEST: &str = "[data]\nsource = \"cora\"\n[[teacher]]\nkind = \"gcn\"\n";

fn parse(text: &str) -> Result<Recipe, eyas_trainer::recipe::RecipeError> {
    Recipe::parse(text, Path::new("recipe.toml"))
}

/// Expects a refusal of this kind on this line about this key, and gives the whole message.
fn refused(text: &str, kind: RecipeFault, line: usize, key: &str) -> String {
    let error = parse(text).unwrap_err();
    let problem = error.problem();
    assert_eq!((error.kind(), problem.line, problem.key.as_str()), (kind, line, key), "{error}");
    assert!(error.to_string().starts_with(&format!("recipe.toml:{line}:{}", problem.column)), "{error}");
    error.to_string()
}

#[test]
fn the_smallest_recipe_takes_the_documented_defaults() {
    let recipe = parse(SMALLEST).unwrap();
    assert_eq!(
        (recipe.data.split, recipe.data.inductive_share, recipe.data.split_seed),
        (SplitKind::Published, 0.2, None)
    );
    assert_eq!(
        (recipe.teacher[0].kind, recipe.teacher[0].layers, recipe.teacher[0].hidden),
        (TeacherKind::Gcn, 2, 256)
    );
    assert_eq!(
        (recipe.student.hidden.as_slice(), recipe.student.dropout, recipe.student.patience),
        (&[16][..], 0.3, 50)
    );
    assert_eq!((recipe.target.distill_temperature, recipe.target.soft_weight), (1.0, 1.0));
    assert_eq!(recipe.report.seeds, [2022, 2023, 2024, 2025, 2026]);
    assert!(recipe.report.controls && recipe.quantize.bias_correction && recipe.link.is_empty());
}

#[test]
fn the_resolved_recipe_shows_every_default_and_loads_back() {
    let everything = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\nsplit = \"random\"\n[[teacher]]\nkind = \"gat\"\n\
                      [[teacher]]\nkind = \"sage\"\nmembers = 3\n[[link]]\nkind = \"edges\"\nlow_weight = 0\n\
                      [quantize]\nranges = \"percentile\"\nmethod = \"qat\"\n";
    let single_layer = format!("{SMALLEST}[student]\nhidden = []\n");
    for text in [SMALLEST, everything, &single_layer] {
        let recipe = parse(text).unwrap();
        let resolved = recipe.resolved();
        assert_eq!(parse(&resolved).unwrap(), recipe, "{resolved}");
        assert_eq!(parse(&resolved).unwrap().resolved(), resolved);
        assert_eq!(parse(&resolved).unwrap().recipe_hash(), recipe.recipe_hash());
    }
    let resolved = parse(everything).unwrap().resolved();
    for line in [
        "train_per_class = 20",
        "tune_nodes = 500",
        "test_nodes = 1000",
        "split_seed = 2022",
        "attention_heads = 4",
        "attention_dropout = 0.3",
        "members = 3",
        "dropout = 0.3",
        "weight_decay = 0.0005",
        "high_temperature = 1.5",
        "percentile = 99.9",
        "qat_epochs = 30",
        "qat_learning_rate = 0.001",
        "bias_correction = true",
        "controls = true",
    ] {
        assert!(resolved.lines().any(|found| found == line), "{line} in\n{resolved}");
    }
}

#[test]
fn the_hash_ignores_comments_and_written_out_defaults_and_sees_values() {
    let hash = parse(SMALLEST).unwrap().recipe_hash();
    assert_eq!(parse(&format!("# a comment\n{SMALLEST}layers = 2\n")).unwrap().recipe_hash(), hash);
    assert_ne!(parse(&format!("{SMALLEST}layers = 3\n")).unwrap().recipe_hash(), hash);
}

#[test]
fn unknown_keys_and_words_name_the_nearest() {
    let message = refused(&format!("{SMALLEST}dropuot = 0.5\n"), RecipeFault::UnknownKey, 5, "teacher[0].dropuot");
    assert!(message.contains("recipe.toml:5:1") && message.contains("did you mean `dropout`?"), "{message}");
    let message = refused(&format!("{SMALLEST}[studnet]\n"), RecipeFault::UnknownKey, 5, "studnet");
    assert!(message.contains("did you mean `student`?"), "{message}");
    let message = refused(&SMALLEST.replace("gcn", "gnc"), RecipeFault::UnknownWord, 4, "teacher[0].kind");
    assert!(message.contains("did you mean `gcn`?") && message.contains("recipe.toml:4:8"), "{message}");
    let message =
        refused(&format!("{SMALLEST}[student]\nxyzzyxyzzy = 1\n"), RecipeFault::UnknownKey, 6, "student.xyzzyxyzzy");
    assert!(!message.contains("did you mean") && message.contains("`word_dropout`"), "{message}");
}

#[test]
fn wrong_types_missing_keys_and_broken_text_have_a_place() {
    let message =
        refused(&format!("{SMALLEST}[student]\ndropout = \"0.5\"\n"), RecipeFault::WrongType, 6, "student.dropout");
    assert!(message.contains("expected f64"), "{message}");
    let message =
        refused(&format!("{SMALLEST}[student]\nhidden = [16, -1]\n"), RecipeFault::OutOfRange, 6, "student.hidden[1]");
    assert!(message.contains("-1"), "{message}");
    refused("[data]\n[[teacher]]\nkind = \"gcn\"\n", RecipeFault::MissingKey, 1, "data");
    refused("[data]\nsource = \"cora\"\n[[teacher]]\n", RecipeFault::MissingKey, 3, "teacher[0]");
    refused("[data\n", RecipeFault::Syntax, 1, "");
    assert_eq!(parse("").unwrap_err().kind(), RecipeFault::MissingKey);
    assert_eq!(parse("teacher = []\n[data]\nsource = \"cora\"\n").unwrap_err().kind(), RecipeFault::MissingKey);
    assert_eq!(Recipe::load(Path::new("nowhere.toml")).unwrap_err().kind(), RecipeFault::Read);
}

#[test]
fn values_outside_their_range_name_line_and_key() {
    for (line, key) in [
        ("dropout = 1.0", "student.dropout"),
        ("dropout = -0.1", "student.dropout"),
        ("dropout = nan", "student.dropout"),
        ("word_dropout = 1", "student.word_dropout"),
        ("learning_rate = 0", "student.learning_rate"),
        ("learning_rate = inf", "student.learning_rate"),
        ("weight_decay = 2", "student.weight_decay"),
        ("patience = 0", "student.patience"),
        ("max_epochs = 100001", "student.max_epochs"),
        ("hidden = [16, 0]", "student.hidden[1]"),
        ("hidden = [32768]", "student.hidden[0]"),
        ("hidden = [1, 1, 1, 1, 1, 1, 1, 1]", "student.hidden"),
    ] {
        refused(&format!("{SMALLEST}[student]\n{line}\n"), RecipeFault::OutOfRange, 6, key);
    }
    for (text, key) in [
        ("[target]\ndistill_temperature = 0", "target.distill_temperature"),
        ("[target]\nsoft_weight = 101", "target.soft_weight"),
        ("[report]\nseeds = []", "report.seeds"),
        ("[report]\nseeds = [1, 2, 1]", "report.seeds[2]"),
        ("[[teacher]]\nkind = \"gat\"\nattention_heads = 0", "teacher[1].attention_heads"),
        ("[[teacher]]\nkind = \"gcn\"\nmembers = 0", "teacher[1].members"),
        ("[[teacher]]\nkind = \"gcn\"\nlayers = 1", "teacher[1].layers"),
    ] {
        let line = SMALLEST.lines().count() + text.lines().count();
        refused(&format!("{SMALLEST}{text}\n"), RecipeFault::OutOfRange, line, key);
    }
    refused(&SMALLEST.replace("\"cora\"", "\" \""), RecipeFault::OutOfRange, 2, "data.source");
    refused(
        &SMALLEST.replace("\"cora\"", "\"cora\"\ninductive_share = 1.0"),
        RecipeFault::OutOfRange,
        3,
        "data.inductive_share",
    );
}

#[test]
fn combinations_without_meaning_are_refused_with_the_reason() {
    for (text, key, reason) in [
        ("attention_heads = 4", "teacher[0].attention_heads", "kind = \"gat\""),
        ("attention_dropout = 0.3", "teacher[0].attention_dropout", "kind = \"gat\""),
        ("[quantize]\npercentile = 99.0", "quantize.percentile", "ranges = \"percentile\""),
        ("[quantize]\ninput_headroom = 1.5", "quantize.input_headroom", "the standard scores of a table"),
        ("[quantize]\nqat_epochs = 5", "quantize.qat_epochs", "method = \"qat\""),
        ("[quantize]\nqat_learning_rate = 0.1", "quantize.qat_learning_rate", "method = \"qat\""),
        ("[target]\nsoft_weight = 0", "target.soft_weight", "the teacher would do nothing"),
        ("[student]\nhidden = []\ndropout = 0.5", "student.dropout", "at least one hidden layer"),
        (
            "[[link]]\nkind = \"edges\"\nhigh_weight = 0\nhigh_temperature = 1.5",
            "link[0].high_temperature",
            "high_weight above 0",
        ),
        ("[[link]]\nkind = \"edges\"\nlow_weight = 0\nlow_hops = 2", "link[0].low_hops", "low_weight above 0"),
        ("[[teacher]]\nkind = \"gat\"\nhidden = 30", "teacher[1].hidden", "does not divide"),
    ] {
        let line = SMALLEST.lines().count() + text.lines().count();
        let message = refused(&format!("{SMALLEST}{text}\n"), RecipeFault::Combination, line, key);
        assert!(message.contains(reason), "{message}");
    }
    let twice = format!("{SMALLEST}[[link]]\nkind = \"edges\"\n[[link]]\nkind = \"edges\"\n");
    refused(&twice, RecipeFault::Combination, 7, "link[1]");
    let idle = format!("{SMALLEST}[[link]]\nkind = \"edges\"\nlow_weight = 0\nhigh_weight = 0\n");
    refused(&idle, RecipeFault::Combination, 5, "link[0]");
    let data = |lines: &str| SMALLEST.replace("source = \"cora\"", lines);
    refused(&data("source = \"nodes.csv\""), RecipeFault::Combination, 2, "data.source");
    refused(&data("source = \"cora\"\nedges = \"edges.csv\""), RecipeFault::Combination, 3, "data.edges");
    refused(&data("source = \"cora\"\ntune_nodes = 9"), RecipeFault::Combination, 3, "data.tune_nodes");
    refused(
        &data("source = \"cora\"\ninductive_share = 0.0\nsplit_seed = 1"),
        RecipeFault::Combination,
        4,
        "data.split_seed",
    );
}

#[test]
fn every_ready_recipe_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = 0;
    let inside = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let models = inside(&root.join("../models"));
    let shipped = models.iter().filter(|path| path.is_dir()).flat_map(|folder| inside(folder));
    let recipes = shipped.chain(inside(&root.join("recipes")));
    for path in recipes.filter(|path| path.extension().is_some_and(|extension| extension == "toml")) {
        found += 1;
        if TabularRecipe::describes(&fs::read_to_string(&path).unwrap()) {
            let recipe = TabularRecipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(TabularRecipe::parse(&recipe.resolved(), &path).unwrap(), recipe);
            continue;
        }
        let recipe = Recipe::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(parse(&recipe.resolved()).unwrap(), recipe);
    }
    assert!(found >= 15, "{found} recipes");
}

#[test]
fn a_table_recipe_tells_what_it_does_not_know() {
    let text = "[data]\nsource = \"a.csv\"\nlabel = \"y\"\nstudent_columns = [\"a\"]\nteacher_columns = [\"b\"]\n\
                [[teacher]]\nkind = \"mlp\"\nbranch_hidden = [8]\n";
    let error = TabularRecipe::parse(text, Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.starts_with("r.toml:8:") && error.contains("fusion"), "{error}");
    let refused = |from: &str, to: &str, parts: &[&str]| {
        let text = text.replace("branch_hidden = [8]\n", "").replace(from, to);
        let error = TabularRecipe::parse(&text, Path::new("r.toml")).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let data = |more: &str| format!("label = \"y\"\n{more}");
    let label = "label = \"y\"";
    refused(label, &data("folds = [0, 0]"), &["r.toml:4:", "data.folds[1]", "every fold once", "0 again"]);
    refused(label, &data("class_names = [\"a\", \"b\", \"a\"]"), &["data.class_names[2]", "a again"]);
    refused("[\"a\"]", "[\"a\", \"a\"]", &["data.student_columns[1]", "every pattern once"]);
    refused("[\"b\"]", "[\"b\", \"c\", \"b\"]", &["data.teacher_columns[2]", "b again"]);
    for role in ["fold", "group", "id"] {
        refused(label, &data(&format!("{role} = \"y\"")), &[&format!("data.{role}"), "the column is the label"]);
    }
    refused(label, "label = \"fold\"", &["data.fold", "the column is the label"]);
    let given = |keys: &str| format!("kind = \"onnx\"\npath = \"m.onnx\"\n{keys}");
    let twice = given("input = [{ name = \"i\", columns = [\"a\"] }, { name = \"i\", columns = [\"b\"] }]");
    refused("kind = \"mlp\"", &twice, &["teacher[0].input[1]", "i again"]);
    let twice = given("input = [{ name = \"i\", columns = [\"a\", \"a\"] }]");
    refused("kind = \"mlp\"", &twice, &["teacher[0].input[0].columns[1]", "a again"]);
    let table = "kind = \"table\"\npath = \"t.csv\"\ncolumns = [\"a\", \"a\"]";
    refused("kind = \"mlp\"", table, &["teacher[0].columns[1]", "every pattern once"]);
    refused("kind = \"mlp\"", "kind = \"mlp\"\n[report]\nseeds = [3, 3]", &["report.seeds[1]", "every seed once"]);
    let error = TabularRecipe::parse(&text.replace("label", "labels"), Path::new("r.toml")).unwrap_err().to_string();
    assert!(error.contains("did you mean `label`"), "{error}");
}

#[test]
fn a_recipe_prepares_its_data() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (recipe, prepared) = Recipe::load_and_prepare(&root.join("models/cora/recipe.toml"), None).unwrap();
    let inductive = prepared.inductive(2022).unwrap().unwrap();
    assert_eq!((prepared.graph.nodes(), inductive.unseen.len()), (2708, 200));
    assert_eq!(recipe.student.hidden, [16]);

    let folder = tempfile::tempdir().unwrap();
    let nodes: String = (0..40).map(|node| format!("n{node},{},{}\n", node % 2, node)).collect();
    let edges: String = (0..39).map(|node| format!("n{node},n{}\n", node + 1)).collect();
    fs::write(folder.path().join("nodes.csv"), format!("id,label,x\n{nodes}")).unwrap();
    fs::write(folder.path().join("edges.csv"), format!("source,target\n{edges}")).unwrap();
    let recipe = folder.path().join("recipe.toml");
    let text = "[data]\nsource = \"nodes.csv\"\nedges = \"edges.csv\"\nsplit = \"random\"\ntrain_per_class = 5\n\
                tune_nodes = 10\ntest_nodes = 20\n[[teacher]]\nkind = \"gcn\"\n";
    fs::write(&recipe, text).unwrap();
    let (_, prepared) = Recipe::load_and_prepare(&recipe, None).unwrap();
    assert_eq!(
        (prepared.graph.edges(), prepared.split.train.len(), prepared.inductive(2022).unwrap().unwrap().unseen.len()),
        (39, 10, 4)
    );

    fs::write(folder.path().join("edges.csv"), "source,target\n").unwrap();
    let loaded = Recipe::load(&recipe).unwrap();
    let search = Search { recipe_dirs: vec![folder.path().to_path_buf()], ..Search::default() };
    let error = loaded.prepare(&search).unwrap_err();
    assert_eq!(error.kind(), FaultKind::Layout);
    assert!(error.to_string().contains("add edges.csv"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any value of any key is understood or refused, never a panic, and what is understood loads back.
    #[test]
    fn any_value_is_understood_or_refused(
        key in "(data|student|target|quantize|report|link)\\.(split|split_seed|hidden|dropout|patience|soft_weight|ranges|seeds|kind)",
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
