//! `eyas new` on tables, series and graphs as people bring them: the recipe that it writes passes a dry run.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int8Type;
use arrow_array::{ArrayRef, BooleanArray, Decimal128Array, DictionaryArray, Float32Array, RecordBatch};
use serde_json::Value;

use crate::{said, write_graph, write_table};

/// Looks at data, tries the recipe, and gives the look.
fn look(folder: &Path, data: &str, options: &[&str]) -> Value {
    let _ = fs::remove_file(folder.join("recipe.toml"));
    let printed = said(folder, &[&["new", data], options].concat(), 0);
    assert!(printed.contains("wrote recipe.toml"), "{printed}");
    let dry = said(folder, &["distill", "recipe.toml", "--dry-run"], 0);
    let json = said(folder, &[&["new", data, "--json"], options].concat(), 0);
    let look: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(look["recipe"].as_str().unwrap(), fs::read_to_string(folder.join("recipe.toml")).unwrap());
    // What was planned is what the run is about.
    let student = &look["student"];
    let hidden: Vec<String> = student["hidden"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let widths = [vec![student["inputs"].to_string()], hidden, vec![student["outputs"].to_string()]].concat().join("-");
    assert!(dry.contains(&format!("student {widths},")), "{widths}: {dry}");
    look
}

fn part<'a>(look: &'a Value, name: &str) -> &'a str {
    let columns = look["columns"].as_array().unwrap();
    let column = columns.iter().find(|column| column["name"] == name);
    column.unwrap_or_else(|| panic!("no {name} in {look}"))["part"].as_str().unwrap()
}

fn notes(look: &Value) -> String {
    look["notes"].as_array().unwrap().iter().map(|note| format!("{note}\n")).collect()
}

/// Numbers in -1..1 that follow no order and do not come again.
fn drawn(row: u32, stream: u32) -> f64 {
    let mixed = (u64::from(row) << 32 | u64::from(stream)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Two noisy columns, which tell a class or a quantity together.
fn rows(header: &str, count: u32, cells: impl Fn(u32, f64, f64, &str) -> String) -> String {
    let mut text = format!("{header}\n");
    for row in 0..count {
        let (a, b) = (drawn(row, 37), drawn(row, 53));
        let class = if a + b + drawn(row, 11) > 0.0 { "high" } else { "low" };
        writeln!(text, "{}", cells(row, a, b, class)).unwrap();
    }
    text
}

#[test]
fn semicolons_and_decimal_commas() {
    let folder = tempfile::tempdir().unwrap();
    let text = rows("a;b;state", 120, |_, a, b, class| format!("{a:.2};{b:.3};{class}").replace('.', ","));
    fs::write(folder.path().join("t.csv"), text).unwrap();
    let look = look(folder.path(), "t.csv", &[]);
    assert_eq!((&look["label"]["name"], &look["label"]["task"]), (&"state".into(), &"classify".into()));
    assert!(notes(&look).contains("decimal commas in 2 columns"), "{look}");
}

#[test]
fn tabs_a_mark_words_flags_gaps_and_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let text = rows("id\ta\tcolor\ton\tcomment\tempty\tsame\tagain\ty", 200, |row, a, b, class| {
        let a = if row % 40 == 7 { "NA".to_owned() } else { format!("{a:.2}") };
        let (color, on) = (["red", "green", "blue"][row as usize % 3], b > 0.0);
        format!("r{row}\t{a}\t{color}\t{on}\tnote {row}\t\t1\t{a}\t{class}")
    });
    fs::write(folder.path().join("t.tsv"), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let look = look(folder.path(), "t.tsv", &[]);
    let parts = ["id", "a", "color", "on", "comment", "empty", "same", "again", "y"].map(|name| part(&look, name));
    assert_eq!(parts, ["id", "input", "input", "input", "text", "sparse", "constant", "duplicate", "label"]);
    assert_eq!(look["student"]["inputs"], 5);
    assert!(look["recipe"].as_str().unwrap().contains("missing = \"drop\""));
    assert!(
        notes(&look).contains("left out 5 of 200 rows") && notes(&look).contains("a device needs a value"),
        "{look}"
    );
}

#[test]
fn parquet_of_decimals_dictionaries_and_booleans() {
    let folder = tempfile::tempdir().unwrap();
    let decimals = Decimal128Array::from_iter_values((0..120).map(|row| i128::from(row * 37 % 101)));
    let words: DictionaryArray<Int8Type> = (0..120).map(|row| Some(["north", "south"][row % 2])).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("price", Arc::new(decimals.with_precision_and_scale(9, 2).unwrap())),
        ("side", Arc::new(words)),
        ("open", Arc::new(BooleanArray::from((0..120).map(|row| row % 5 == 0).collect::<Vec<_>>()))),
        ("target", Arc::new(Float32Array::from((0..120).map(|row| (row * 53 % 97) as f32 / 7.0).collect::<Vec<_>>()))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = fs::File::create(folder.path().join("t.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let look = look(folder.path(), "t.parquet", &[]);
    assert_eq!((&look["label"]["task"], &look["student"]["inputs"]), (&"regress".into(), &4.into()));
    let ranges: Vec<&Value> = look["columns"].as_array().unwrap().iter().map(|column| &column["range"]).collect();
    assert_eq!((ranges[0][1].as_f64().unwrap() * 100.0).round(), 100.0);
}

/// An archive of arrays of reals.
fn archive(path: &Path, arrays: &[(&str, &[u64], Vec<f32>)]) {
    use npyz::WriterBuilder;
    use std::io::Write;
    let mut archive = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, shape, values) in arrays {
        archive.start_file(format!("{name}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        let mut bytes = Vec::new();
        let mut array = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes).begin_nd().unwrap();
        array.extend(values).unwrap();
        array.finish().unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn arrays_with_folds_and_groups() {
    let folder = tempfile::tempdir().unwrap();
    let each = |value: &dyn Fn(u32) -> f32| (0..120).map(value).collect::<Vec<f32>>();
    let acc = (0..120).flat_map(|row| (1..7).map(move |at| drawn(row, 37 + at) as f32)).collect();
    archive(
        &folder.path().join("t.npz"),
        &[
            ("acc", &[120, 2, 3], acc),
            ("fold", &[120], each(&|row| (row / 4 % 5) as f32)),
            ("execution", &[120], each(&|row| (row / 2 % 20) as f32)),
            ("subject", &[120], each(&|row| (row / 4) as f32)),
            ("y", &[120], each(&|row| f32::from(u8::from(drawn(row, 38) + drawn(row, 40) > 0.0)))),
        ],
    );
    let look = look(folder.path(), "t.npz", &["--student", "acc[0, :]"]);
    assert_eq!((&look["split"]["kind"], &look["split"]["column"]), (&"folds".into(), &"fold".into()));
    assert_eq!((&look["student"]["inputs"], part(&look, "subject")), (&3.into(), "group"));
    assert!(look["teachers"].as_array().unwrap().contains(&"fusion".into()));
    // The larger unit stays whole, and the smaller one is no input either.
    assert_eq!(part(&look, "execution"), "reserved");
}

#[test]
fn graphs_as_folders_and_archives() {
    let folder = tempfile::tempdir().unwrap();
    write_graph(folder.path());
    let look_at = |data: &str| look(folder.path(), data, &[]);
    for data in [".", "nodes.csv"] {
        let look = look_at(data);
        assert_eq!((&look["form"], &look["rows"], &look["width"]), (&"graph".into(), &60.into(), &2.into()));
        assert!(look["edges"]["alike"].as_f64().unwrap() > 0.9, "{look}");
        assert!(look["recipe"].as_str().unwrap().contains("kind = \"auto\""));
    }
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/cora/data/cora.npz");
    let look = look_at(shipped);
    let bytes = look["student"]["flash_bytes"].as_u64().unwrap();
    assert!(look["split"]["kind"] == "published" && (48_900..50_300).contains(&bytes), "{look}");
    let text = said(folder.path(), &["new", shipped, "--label", "y", "--out", "g.toml"], 2);
    assert!(text.contains("--label") && text.contains("a graph"), "{text}");
}

#[test]
fn readings_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = rows("time,a,b,c", 300, |row, a, b, _| {
        format!("{},{a:.2},{b:.2},{:.3}", row * 60, (f64::from(row) / 9.0).sin())
    });
    fs::write(folder.path().join("t.csv"), &text).unwrap();
    let one = look(folder.path(), "t.csv", &["--label", "c"]);
    assert_eq!((&one["form"], &one["split"]["kind"]), (&"series".into(), &"ordered".into()));
    assert_eq!(one["student"]["inputs"], 3 * 24);
    // Sites in files, in a folder that is no graph.
    let sites = folder.path().join("sites");
    fs::create_dir(&sites).unwrap();
    for site in ["north", "south"] {
        let cells = |row, a, b, _: &str| {
            format!("{row},{site},{a:.2},{}", if row % 50 == 3 { String::new() } else { format!("{b:.2}") })
        };
        fs::write(sites.join(format!("{site}.csv")), rows("t,place,q,wind", 200, cells)).unwrap();
    }
    let many = look(folder.path(), "sites", &["--label", "q"]);
    assert_eq!((&many["form"], part(&many, "place"), part(&many, "t")), (&"series".into(), "group", "time"));
    let text = said(folder.path(), &["new", "sites", "--out", "s.toml"], 2);
    assert!(text.contains("--label"), "{text}");
}

#[test]
fn groups_stay_together_and_leaks_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = rows("a,b,person,code,copy,label", 240, |row, a, b, class| {
        let code = if class == "high" { 7.0 + drawn(row, 29) / 4.0 } else { 3.0 + drawn(row, 31) / 4.0 };
        format!("{a:.2},{b:.2},p{},{code:.3},{},{class}", row % 12, &class[..1])
    });
    fs::write(folder.path().join("t.csv"), text).unwrap();
    let look = look(folder.path(), "t.csv", &[]);
    assert_eq!((&look["split"]["kind"], &look["split"]["column"]), (&"random".into(), &"person".into()));
    let parts = ["a", "b", "person", "code", "copy"].map(|name| part(&look, name));
    assert_eq!(parts, ["input", "input", "group", "leak", "leak"]);
    assert!(notes(&look).contains("`copy` looks like a leak: the answer itself"), "{look}");
    // Who knows better names the column.
    let text = said(folder.path(), &["new", "t.csv", "--student", "a,code", "--out", "-"], 0);
    assert!(text.contains("student_columns = [\"a\", \"code\"]"), "{text}");
}

#[test]
fn labels_that_are_not_clear_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let new = |text: String, options: &[&str], status| {
        fs::write(folder.path().join("t.csv"), text).unwrap();
        said(folder.path(), &[&["new", "t.csv", "--out", "-"], options].concat(), status)
    };
    let plain = || rows("kind,a,b", 60, |_, a, b, class| format!("{class},{a:.2},{b:.2}"));
    let text = new(plain(), &[], 2);
    assert!(text.contains("clearly the label") && text.contains("--label kind"), "{text}");
    let text = new(rows("y,target,a", 60, |_, a, _, class| format!("{class},{class},{a:.2}")), &[], 2);
    assert!(text.contains("several by their names, `target`, `y`"), "{text}");
    let text = new(plain(), &["--label", "kindd"], 2);
    assert!(text.contains("`kindd`") && text.contains("`kind`"), "{text}");
    let text = new(plain(), &["--label", "kind", "--task", "regress"], 2);
    assert!(text.contains("expected numbers") && text.contains("--task classify"), "{text}");
    let text = new(plain(), &["--label", "kind", "--student", "q"], 2);
    assert!(text.contains("--student") && text.contains("`q`"), "{text}");
    assert!(new("5,2,3\n4,5,6\n".to_owned(), &[], 3).contains("a header line"));
    assert!(new(rows("a,y", 60, |_, a, _, _| format!("{a:.2},1")), &["--label", "y"], 2).contains("nother column"));
}

#[test]
fn a_budget_chooses_the_widths_and_a_recipe_is_never_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    write_table(folder.path());
    let narrow = look(folder.path(), "table.csv", &["--budget", "flash=3k,ram=256,macs=1k"]);
    let student = &narrow["student"];
    assert!(student["flash_bytes"].as_u64().unwrap() <= 3072 && student["macs"].as_u64().unwrap() <= 1000, "{student}");
    assert!(narrow["recipe"].as_str().unwrap().contains("the widest within 3 KiB of flash, 256 bytes of RAM"));
    // The recipe keeps to it too, whoever changes it.
    let kept = narrow["recipe"].as_str().unwrap();
    assert!(kept.contains("[budget]\nflash = 3072\nram = 256\nmacs = 1000\n"), "{kept}");
    fs::write(folder.path().join("narrow.toml"), kept.replace("macs = 1000", "macs = 10")).unwrap();
    let refused = said(folder.path(), &["distill", "narrow.toml", "--dry-run"], 2);
    assert!(refused.contains("at most 10 multiply-accumulates") && refused.contains("eyas new --budget"), "{refused}");
    let there = said(folder.path(), &["new", "table.csv"], 2);
    assert!(there.contains("recipe.toml is there already") && there.contains("--force"), "{there}");
    said(folder.path(), &["new", "table.csv", "--force"], 0);
    let text = said(folder.path(), &["new", "table.csv", "--out", "-", "--budget", "flash=200"], 2);
    assert!(text.contains("even one with hidden = []"), "{text}");
    // The file of a run is no larger than was planned, and not much smaller.
    let recipe = fs::read_to_string(folder.path().join("recipe.toml")).unwrap();
    let short = recipe
        .replace("hidden = [64, 32]", "hidden = [64, 32]\nepochs = 2")
        .replace("kind = \"auto\"", "kind = \"mlp\"\nepochs = 2\nmembers = 1");
    fs::write(folder.path().join("recipe.toml"), format!("{short}\n[report]\nseeds = [1]\ncontrols = false\n"))
        .unwrap();
    said(folder.path(), &["distill", "recipe.toml", "--out", "out"], 0);
    let bytes = fs::metadata(folder.path().join("out/student.eyas")).unwrap().len();
    let planned = look(folder.path(), "table.csv", &[])["student"]["flash_bytes"].as_u64().unwrap();
    assert!((bytes..bytes + 600).contains(&planned), "{planned} planned, {bytes} written");
    // The recipe finds its data from another folder.
    fs::create_dir(folder.path().join("recipes")).unwrap();
    said(folder.path(), &["new", "table.csv", "--out", "recipes/r.toml"], 0);
    said(folder.path(), &["distill", "recipes/r.toml", "--dry-run"], 0);
}

#[test]
fn what_surprises_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("minus.csv", rows("a,b,y", 150, |row, a, b, _| format!("{a:.3},{b:.3},{}", i64::from(row % 3) - 1)));
    let minus = look(folder.path(), "minus.csv", &[]);
    assert!(notes(&minus).contains("-1 is no label: 50 rows without one"), "{minus}");
    let hour = |row: u32| format!("2024-01-{:02} {:02}:00", row / 24 + 1, row % 24);
    write("hours.csv", rows("time,a,q", 200, |row, a, b, _| format!("{},{a:.3},{:.4}", hour(row), a + b)));
    let hours = look(folder.path(), "hours.csv", &["--label", "q"]);
    assert!(notes(&hours).contains("`time` holds dates or times as text; to forecast `q`"), "{hours}");
}
