//! What a recipe is refused for: line, column, key, reason and remedy.

use std::path::Path;

use eyas_trainer::recipe::clash::CLASHES;
use eyas_trainer::recipe::spelling::SPELLINGS;
use eyas_trainer::recipe::{Recipe, RecipeFault};

use super::{SMALLEST, TABLE, parse};

/// Expects a refusal of this kind on this line about this key, and gives the whole message.
fn refused(text: &str, kind: RecipeFault, line: usize, key: &str) -> String {
    let error = parse(text).unwrap_err();
    let problem = error.problem();
    assert_eq!((error.kind(), problem.line, problem.key.as_str()), (kind, line, key), "{error}");
    assert!(error.to_string().starts_with(&format!("recipe.toml:{line}:{}", problem.column)), "{error}");
    error.to_string()
}

/// A recipe with lines added at its end; what is refused stands in the last one.
fn refused_after(base: &str, lines: &str, kind: RecipeFault, key: &str) -> String {
    let line = base.lines().count() + lines.lines().count();
    refused(&format!("{base}{lines}\n"), kind, line, key)
}

#[test]
fn unknown_keys_and_words_name_the_nearest() {
    let unknown = |lines: &str, key: &str| refused_after(SMALLEST, lines, RecipeFault::UnknownKey, key);
    let message = unknown("dropuot = 0.5", "teacher[0].dropuot");
    assert!(message.contains("recipe.toml:5:1") && message.contains("did you mean `dropout`?"), "{message}");
    assert!(unknown("[studnet]", "studnet").contains("did you mean `student`?"));
    let message = unknown("[student]\nxyzzyxyzzy = 1", "student.xyzzyxyzzy");
    assert!(!message.contains("did you mean") && message.contains("`batch_rows`"), "{message}");
    assert!(unknown("[[link]]\nkind = \"edges\"\nlow_weigth = 1", "link[0].low_weigth").contains("`low_weight`?"));
    let message = refused(&SMALLEST.replace("gcn", "gnc"), RecipeFault::UnknownWord, 4, "teacher[0].kind");
    assert!(message.contains("did you mean `gcn`?") && message.contains("recipe.toml:4:8"), "{message}");
    let message = refused_after(SMALLEST, "[[rows]]\nkind = \"nosie\"", RecipeFault::UnknownWord, "rows[0].kind");
    assert!(message.contains("did you mean `noise`?"), "{message}");
    let message = parse(&TABLE.replace("label =", "labels =")).unwrap_err().to_string();
    assert!(message.contains("did you mean `label`"), "{message}");
}

#[test]
fn a_key_of_another_choice_names_the_choice() {
    let onnx = TABLE.replace("kind = \"mlp\"", "kind = \"onnx\"\npath = \"m.onnx\"");
    let file = TABLE.replace("kind = \"mlp\"", "kind = \"table\"\npath = \"t.csv\"");
    for (base, lines, key, reason) in [
        (SMALLEST, "attention_heads = 4", "teacher[0].attention_heads", "kind = \"gat\""),
        (SMALLEST, "attention_dropout = 0.3", "teacher[0].attention_dropout", "kind = \"gat\""),
        (SMALLEST, "mixup = true", "teacher[0].mixup", "kind = \"mlp\" or kind = \"fusion\""),
        (SMALLEST, "[quantize]\npercentile = 99.0", "quantize.percentile", "ranges = \"percentile\""),
        (SMALLEST, "[quantize]\nqat_epochs = 5", "quantize.qat_epochs", "method = \"qat\""),
        (SMALLEST, "[quantize]\nqat_learning_rate = 0.1", "quantize.qat_learning_rate", "method = \"qat\""),
        (SMALLEST, "[student]\nhidden = []\ndropout = 0.5", "student.dropout", "at least one hidden layer"),
        (
            SMALLEST,
            "[[link]]\nkind = \"edges\"\nhigh_weight = 0\nhigh_temperature = 1.5",
            "link[0].high_temperature",
            "high_weight above 0",
        ),
        (
            SMALLEST,
            "[[link]]\nkind = \"edges\"\nlow_weight = 0\nlow_hops = 2",
            "link[0].low_hops",
            "low_weight above 0",
        ),
        (TABLE, "branch_hidden = [8]", "teacher[0].branch_hidden", "kind = \"fusion\""),
        (TABLE, "output = \"x\"", "teacher[0].output", "kind = \"onnx\""),
        (TABLE, "[[teacher]]\nkind = \"fusion\"\nsees = \"others\"", "teacher[1].sees", "kind = \"mlp\""),
        (TABLE, "[[teacher]]\nkind = \"fusion\"\nreask = true", "teacher[1].reask", "kind = \"mlp\""),
        (&onnx, "hidden = [8]", "teacher[0].hidden", "kind = \"mlp\""),
        (&onnx, "embedding_columns = [\"e\"]", "teacher[0].embedding_columns", "kind = \"table\""),
        (&onnx, "inputs = [{ columns = [\"b\"] }]\nsees = \"others\"", "teacher[0].sees", "an input without `columns`"),
        (&file, "sees = \"others\"", "teacher[0].sees", "kind = \"mlp\""),
        (TABLE, "[cotrain]\n[masks]\nheads = 2", "masks.heads", "kind = \"attention\""),
        (TABLE, "[cotrain]\n[masks]\nkind = \"attention\"\nunits = 2", "masks.units", "kind = \"bottleneck\""),
        (TABLE, "[[target]]\nkind = \"mean\"\nbalance = 1", "target[0].balance", "the key does not exist"),
    ] {
        let text = format!("{base}{lines}\n");
        let error = parse(&text).unwrap_err();
        assert!(matches!(error.kind(), RecipeFault::Combination | RecipeFault::UnknownKey), "{error}");
        assert_eq!(error.problem().key, key, "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let with = |line: &str| TABLE.replace("[[teacher]]", &format!("{line}\n[[teacher]]"));
    let split = |line: &str| with(&format!("split = \"random\"\n{line}"));
    for (text, line, key, reason) in [
        (with("tune_share = 0.1"), 6, "data.tune_share", "split = \"random\" or \"ordered\""),
        (with("test_share = 0.1"), 6, "data.test_share", "split = \"random\" or \"ordered\""),
        (with("edges = \"e.csv\""), 6, "data.edges", "kind = \"graph\""),
        (with("inductive_share = 0.1"), 6, "data.inductive_share", "kind = \"graph\""),
        (split("fold = \"f\""), 7, "data.fold", "split = \"folds\""),
        (split("folds = [1]"), 7, "data.folds", "split = \"folds\""),
        (split("tune_nodes = 3"), 7, "data.tune_nodes", "a graph"),
        (SMALLEST.replace("\"cora\"", "\"cora\"\ntune_nodes = 9"), 3, "data.tune_nodes", "split = \"random\""),
        (SMALLEST.replace("\"cora\"", "\"cora\"\nsplit_seed = 1"), 3, "data.split_seed", "split = \"random\""),
        (SMALLEST.replace("\"cora\"", "\"cora\"\nlabel = \"y\""), 3, "data.label", "kind = \"table\""),
        (
            with("task = \"regress\"") + "[[target]]\nkind = \"mean\"\nof = \"probabilities\"\n",
            11,
            "target[0].of",
            "task = \"classify\"",
        ),
    ] {
        assert!(refused(&text, RecipeFault::Combination, line, key).contains(reason), "{key}");
    }
    let message = refused_after(
        &format!("{TABLE}[cotrain]\n"),
        "[[teacher]]\nkind = \"fusion\"\nepochs = 3",
        RecipeFault::Combination,
        "teacher[1].epochs",
    );
    assert!(message.contains("which [cotrain] replaces"), "{message}");
}

#[test]
fn wrong_types_missing_keys_and_broken_text_have_a_place() {
    let wrong = |lines: &str, key: &str| refused_after(SMALLEST, lines, RecipeFault::WrongType, key);
    assert!(wrong("[student]\ndropout = \"0.5\"", "student.dropout").contains("expected a number, found the text"));
    assert!(wrong("[student]\nhidden = 16", "student.hidden").contains("expected a list, found 16"));
    assert!(wrong("[report]\ncontrols = 1", "report.controls").contains("`true` or `false`"));
    assert!(wrong("[rows]", "rows").contains("tables [[rows]]"));
    assert!(wrong("[[student]]", "student").contains("a table [student]"));
    assert!(wrong("[objective]\nsoft_weight = true", "objective.soft_weight").contains("halve_every"));
    let message =
        refused(&format!("{SMALLEST}[student]\nhidden = [16, -1]\n"), RecipeFault::OutOfRange, 6, "student.hidden[1]");
    assert!(message.contains("-1"), "{message}");
    refused("[data]\n[[teacher]]\nkind = \"gcn\"\n", RecipeFault::MissingKey, 1, "data.source");
    refused("[data]\nsource = \"cora\"\n[[teacher]]\n", RecipeFault::MissingKey, 3, "teacher[0].kind");
    refused(&TABLE.replace("label = \"y\"\n", ""), RecipeFault::MissingKey, 1, "data.label");
    refused(&TABLE.replace("\"mlp\"", "\"onnx\""), RecipeFault::MissingKey, 6, "teacher[0].path");
    refused(&format!("{TABLE}[[rows]]\nkind = \"noise\"\n"), RecipeFault::MissingKey, 8, "rows[0].deviation");
    refused(&format!("{TABLE}[[rows]]\ndeviation = 1\n"), RecipeFault::MissingKey, 8, "rows[0].kind");
    refused("[data\n", RecipeFault::Syntax, 1, "");
    assert_eq!(parse("").unwrap_err().kind(), RecipeFault::MissingKey);
    assert_eq!(parse("teacher = []\n[data]\nsource = \"cora\"\n").unwrap_err().kind(), RecipeFault::MissingKey);
    assert_eq!(Recipe::load(Path::new("nowhere.toml")).unwrap_err().kind(), RecipeFault::Read);
}

#[test]
fn values_outside_their_range_name_line_and_key() {
    let beyond = |base: &str, lines: &str, key: &str| refused_after(base, lines, RecipeFault::OutOfRange, key);
    for (line, key) in [
        ("dropout = 1.0", "student.dropout"),
        ("dropout = -0.1", "student.dropout"),
        ("dropout = nan", "student.dropout"),
        ("learning_rate = 0", "student.learning_rate"),
        ("learning_rate = inf", "student.learning_rate"),
        ("weight_decay = 2", "student.weight_decay"),
        ("patience = 0", "student.patience"),
        ("epochs = 100001", "student.epochs"),
        ("batch_rows = 0", "student.batch_rows"),
        ("hidden = [16, 0]", "student.hidden[1]"),
        ("hidden = [32768]", "student.hidden[0]"),
        ("hidden = [1, 1, 1, 1, 1, 1, 1, 1]", "student.hidden"),
    ] {
        beyond(SMALLEST, &format!("[student]\n{line}"), key);
        beyond(TABLE, &format!("[student]\n{line}"), key);
    }
    for (text, key) in [
        ("[objective]\ntemperature = 0", "objective.temperature"),
        ("[objective]\nsoft_weight = 101", "objective.soft_weight"),
        ("[objective]\nsoft_weight = { start = 101 }", "objective.soft_weight.start"),
        ("[objective]\nsoft_weight = { halve_every = 0 }", "objective.soft_weight.halve_every"),
        ("[objective]\nlabel_weight = -1", "objective.label_weight"),
        ("[report]\nseeds = []", "report.seeds"),
        ("[report]\nseeds = [1, 2, 1]", "report.seeds[2]"),
        ("[[teacher]]\nkind = \"gat\"\nattention_heads = 0", "teacher[1].attention_heads"),
        ("[[teacher]]\nkind = \"gcn\"\nmembers = 0", "teacher[1].members"),
        ("[[teacher]]\nkind = \"gcn\"\nhidden = []", "teacher[1].hidden"),
        ("[[teacher]]\nkind = \"gcn\"\nhidden = [1, 1, 1, 1, 1, 1, 1, 1]", "teacher[1].hidden"),
        ("[[rows]]\nkind = \"word-dropout\"\nshare = 1", "rows[0].share"),
        ("[[link]]\nkind = \"edges\"\nlow_hops = 9", "link[0].low_hops"),
        ("[quantize]\nranges = \"percentile\"\npercentile = 49.0", "quantize.percentile"),
    ] {
        beyond(SMALLEST, text, key);
    }
    for (text, key) in [
        ("crossfit = 1", "teacher[0].crossfit"),
        ("hidden = [65536]", "teacher[0].hidden[0]"),
        ("[[teacher]]\nkind = \"onnx\"\npath = \"m\"\nbatch_rows = 65537", "teacher[1].batch_rows"),
        ("[[teacher]]\nkind = \"onnx\"\npath = \" \"", "teacher[1].path"),
        ("[[rows]]\nkind = \"noise\"\ndeviation = 0", "rows[0].deviation"),
        ("[[rows]]\nkind = \"noise\"\ndeviation = 11", "rows[0].deviation"),
        ("[[target]]\nkind = \"router\"\nbalance = 101", "target[0].balance"),
        ("[quantize]\ninput_headroom = 0.5", "quantize.input_headroom"),
        ("[cotrain]\nepochs = 0", "cotrain.epochs"),
        ("[cotrain]\ntemperature = 0", "cotrain.temperature"),
        ("[cotrain]\n[masks]\nunits = 0", "masks.units"),
        ("[cotrain]\n[masks]\nepochs = 0", "masks.epochs"),
        ("[cotrain]\n[masks]\nlearning_rate = 0", "masks.learning_rate"),
    ] {
        beyond(TABLE, text, key);
    }
    let data = |base: &str, line: &str, key: &str| {
        let text = base.replace("[[teacher]]", &format!("{line}\n[[teacher]]"));
        let at = base.lines().position(|line| line == "[[teacher]]").unwrap() + 1;
        refused(&text, RecipeFault::OutOfRange, at, key)
    };
    refused(&SMALLEST.replace("\"cora\"", "\" \""), RecipeFault::OutOfRange, 2, "data.source");
    data(SMALLEST, "inductive_share = 1.0", "data.inductive_share");
    data(TABLE, "label_share = 0", "data.label_share");
    let random = TABLE.replace("[[teacher]]", "split = \"random\"\n[[teacher]]");
    data(&random, "tune_share = 0.95", "data.tune_share");
    data(&random, "test_share = 0", "data.test_share");
    data(TABLE, "series = { time = \"t\", history = 0, ahead = 1 }", "data.series.history");
}

#[test]
fn names_and_patterns_stand_once() {
    let refused = |from: &str, to: &str, parts: &[&str]| {
        let error = parse(&TABLE.replace(from, to)).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let label = "label = \"y\"";
    refused(label, "label = \"y\"\nfolds = [0, 0]", &["recipe.toml:4:", "data.folds[1]", "every fold once", "0 again"]);
    refused(label, "label = \"y\"\nclass_names = [\"a\", \"b\", \"a\"]", &["data.class_names[2]", "a again"]);
    refused("[\"a\"]", "[]", &["data.student_columns", "at least one pattern", "found none"]);
    refused("[\"a\"]", "[\"a\", \"a\"]", &["data.student_columns[1]", "every pattern once"]);
    refused("[\"b\"]", "[\"b\", \"c\", \"b\"]", &["data.teacher_columns[2]", "b again"]);
    let twice = "kind = \"onnx\"\npath = \"m.onnx\"\ninputs = [{ name = \"i\", columns = [\"a\", \"a\"] }]";
    refused("kind = \"mlp\"", twice, &["teacher[0].inputs[0].columns[1]", "a again"]);
    let table = "kind = \"table\"\npath = \"t.csv\"\ncolumns = [\"a\", \"a\"]";
    refused("kind = \"mlp\"", table, &["teacher[0].columns[1]", "every pattern once"]);
    refused("kind = \"mlp\"", "kind = \"mlp\"\n[report]\nseeds = [3, 3]", &["report.seeds[1]", "every seed once"]);
}

/// The numbers of a list are left out of a key.
fn without_numbers(key: &str) -> String {
    key.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

#[test]
fn every_combination_without_meaning_is_refused_with_the_reason() {
    let mut found = 0;
    for clash in CLASHES.iter().copied().flatten() {
        let error = parse(clash.example).expect_err(clash.example);
        assert_eq!(error.kind(), RecipeFault::Combination, "{error}\n{}", clash.example);
        assert_eq!(without_numbers(&error.problem().key), clash.at, "{error}");
        assert!(error.to_string().contains(clash.reason) && error.to_string().ends_with(clash.remedy), "{error}");
        assert!(error.problem().line > 0, "{error}");
        found += 1;
    }
    assert!(found >= 40, "{found} rows");
}

#[test]
fn a_method_without_what_it_needs_is_refused() {
    let lines = |base: &str, lines: &str, key: &str, parts: &[&str]| {
        let error = parse(&format!("{base}{lines}\n")).unwrap_err();
        assert_eq!((error.kind(), error.problem().key.as_str()), (RecipeFault::Combination, key), "{error}");
        assert!(parts.iter().all(|part| error.to_string().contains(part)), "{error}");
    };
    lines(TABLE, "[[link]]\nkind = \"edges\"", "link[0]", &["kind = \"graph\""]);
    lines(TABLE, "[[link]]\nkind = \"contrast\"", "link[0]", &["`contrast`", "kind = \"graph\""]);
    let flat = "[student]\nhidden = []\n[[link]]\nkind = \"contrast\"";
    lines(SMALLEST, flat, "link[0]", &["`contrast`", "a hidden layer of the student"]);
    lines(TABLE, "[[link]]\nkind = \"embedding\"\nweight = 1", "link[0]", &["an `embedding` of a teacher"]);
    let onnx = TABLE.replace("kind = \"mlp\"", "kind = \"onnx\"\npath = \"m.onnx\"\nembedding = \"e\"");
    let flat = "[student]\nhidden = []\n[[link]]\nkind = \"embedding\"\nweight = 1";
    lines(&onnx, flat, "link[0]", &["a hidden layer of the student"]);
    lines(TABLE, "[[target]]\nkind = \"margin\"\nmargin = 0.1", "target[1]", &["`margin`", "task = \"regress\""]);
    let regress = TABLE.replace("[[teacher]]", "task = \"regress\"\n[[teacher]]");
    lines(&regress, "[[target]]\nkind = \"margin\"\nmargin = 0.1", "target[1]", &["label_weight above 0"]);
    lines(&regress, "[objective]\nkind = \"kl\"", "objective", &["`kl`", "task = \"classify\""]);
    lines(TABLE, "[objective]\nkind = \"mse\"", "objective", &["`mse`", "task = \"regress\""]);
}

#[test]
fn an_old_spelling_is_refused_with_the_new_one() {
    for spelling in SPELLINGS {
        let (section, key) = spelling.at.rsplit_once('.').unwrap();
        let (lines, says) = spelling.example;
        let text = match section {
            "teacher[]" if key == "kind" => SMALLEST.replace("kind = \"gcn\"", lines),
            "teacher[]" => format!("{SMALLEST}{lines}\n"),
            section => format!("{SMALLEST}[{section}]\n{lines}\n"),
        };
        let error = parse(&text).expect_err(&text);
        assert_eq!(without_numbers(&error.problem().key), spelling.at, "{error}");
        assert!(error.to_string().ends_with(&format!("write {says}")), "{error}");
        assert!(error.problem().line > 3, "{error}");
    }
    let message = refused_after(SMALLEST, "[target]", RecipeFault::WrongType, "target");
    assert!(message.contains("[[target]]"), "{message}");
    // The same keys, as they are spelled now, are no old ones.
    parse(&format!("{SMALLEST}hidden = [64]\ninput = \"raw\"\n")).unwrap();
}
