//! The user's CSV files are read, or refused with line, column and remedy.

use std::fs;
use std::path::Path;

use eyas_trainer::dataset::{At, DataError, FaultKind, Graph, ReadOptions, Table, Warning, read};
use proptest::prelude::*;

const NODES: &str =
    "id,label,heat,split,light\na,warm,1,train,0\nb,cold,0,train,2.5\nc,warm,-3e1,tune,0\nd,cold,0,test,1\n";
const EDGES: &str = "source,target\na,b\nb,c\nc,d\n";

fn folder(nodes: &str, edges: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("nodes.csv"), nodes).unwrap();
    fs::write(folder.path().join("edges.csv"), edges).unwrap();
    folder
}

fn load(nodes: &str, edges: &str) -> Result<Graph, DataError> {
    Graph::load(folder(nodes, edges).path())
}

fn refused(nodes: &str, edges: &str, kind: FaultKind, at: At) -> String {
    let error = load(nodes, edges).unwrap_err();
    assert_eq!((error.kind(), &error.fault().place.at), (kind, &at), "{error}");
    assert!(!error.fault().remedy.is_empty() && error.to_string().contains(".csv"), "{error}");
    error.to_string()
}

fn cell(line: u64, column: &str) -> At {
    At::Cell { line, column: column.to_owned() }
}

#[test]
fn a_folder_is_a_graph() {
    let graph = load(NODES, EDGES).unwrap();
    assert_eq!((graph.nodes(), graph.inputs(), graph.edges(), graph.classes), (4, 2, 3, 2));
    assert_eq!(graph.input_names, ["heat", "light"]);
    assert_eq!(graph.class_names, ["cold", "warm"]);
    assert_eq!(graph.labels, Some(vec![1, 0, 1, 0]));
    assert_eq!(graph.features.data(), [1.0, 2.5, -30.0, 1.0]);
    let split = graph.published.unwrap();
    assert_eq!((split.train, split.tune, split.test), (vec![0, 1], vec![2], vec![3]));
}

#[test]
fn two_paths_are_a_graph_and_nodes_alone_have_no_edges() {
    let folder = folder(NODES, EDGES);
    let nodes = folder.path().join("nodes.csv");
    let options = ReadOptions { edges: Some(folder.path().join("edges.csv")), ..ReadOptions::default() };
    assert_eq!(read(&nodes, &options).unwrap().graph.adjacency, Graph::load(folder.path()).unwrap().adjacency);
    let alone = read(&nodes, &ReadOptions::default()).unwrap();
    assert_eq!(alone.graph.edges(), 0);
    assert!(alone.warnings.contains(&Warning::IsolatedNodes { count: 4, first: 0 }));
}

#[test]
fn oddities_are_warnings() {
    let mut nodes = NODES.to_owned();
    for node in 0..30 {
        nodes.push_str(&format!("n{node},warm,0,,0\n"));
    }
    let folder = folder(&nodes, "source,target\na,b\nb,a\na,b\na,a\nb,c\nc,d\n");
    let loaded = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(
        loaded.warnings,
        [
            Warning::SelfLoops { dropped: 1 },
            Warning::DuplicateEdges { dropped: 1 },
            Warning::Unbalanced { smallest: 0, smallest_nodes: 2, largest: 1, largest_nodes: 32 },
            Warning::IsolatedNodes { count: 30, first: 4 },
            Warning::EmptyNodes { count: 30, first: 4 },
        ]
    );
    assert!(loaded.warnings.iter().all(|warning| !warning.to_string().is_empty()));
}

#[test]
fn features_with_one_value_are_reported() {
    let nodes = "id,label,zero,heat,one,some\na,warm,0,1,2.5,1\nb,cold,0,2,2.5,0\nc,warm,0,3,2.5,1\n";
    let loaded = read(folder(nodes, "source,target\na,b\nb,c\n").path(), &ReadOptions::default()).unwrap();
    assert_eq!(loaded.warnings, [Warning::ConstantFeatures { count: 2, first: 0 }]);
    assert!(loaded.warnings[0].to_string().starts_with("2 features have the same value at every node"));
}

#[test]
fn labels_may_be_numbers_names_or_missing() {
    let numbers = "id,x,label\na,1,0\nb,2,1\n";
    assert_eq!(load(numbers, "source,target\n").unwrap().class_names, ["class 0", "class 1"]);
    for without in ["id,x\na,1\nb,2\n", "id,x,label\na,1,\nb,2,\n"] {
        let graph = load(without, "source,target\na,b\n").unwrap();
        assert_eq!((graph.labels, graph.classes), (None, 0));
    }
    assert_eq!(load("id,x,label\na,1,0\nb,2,20\nc,2,3\n", "source,target\n").unwrap().class_names, ["0", "3", "20"]);
    refused("id,x,label\na,1,0\nb,2,-1\n", "source,target\n", FaultKind::Labels, cell(3, "label"));
    assert_eq!(load("id,x,label\na,1,0\nb,2,99999999999\n", "source,target\n").unwrap().classes, 2);
    refused("id,x,label\na,1,yes\nb,2,\n", "source,target\n", FaultKind::Labels, cell(3, "label"));
}

#[test]
fn edges_name_nodes_that_exist() {
    let message = refused(NODES, "source,target\na,b\nb,nobody\n", FaultKind::UnknownNode, cell(3, "target"));
    assert!(message.contains("`nobody`"), "{message}");
    refused(NODES, "a,b\nb,c\n", FaultKind::Layout, At::Line(1));
    refused(NODES, "source,target,weight\na,b,1\n", FaultKind::Layout, At::Line(1));
    refused(NODES, "source,target\na\n", FaultKind::Ragged, At::Line(2));
}

#[test]
fn rows_are_whole_and_cells_are_numbers() {
    let message = refused("id,x,y\na,1,2\nb,1\n", "source,target\n", FaultKind::Ragged, At::Line(3));
    assert!(message.contains("expected 3 cells") && message.contains("found 2"), "{message}");
    for (value, kind) in [
        ("nan", FaultKind::NotFinite),
        ("-inf", FaultKind::NotFinite),
        ("1e99", FaultKind::NotFinite),
        ("", FaultKind::Cell),
        ("warm", FaultKind::Cell),
    ] {
        let nodes = format!("id,x,y\na,1,2\nb,1,{value}\n");
        let message = refused(&nodes, "source,target\n", kind, cell(3, "y"));
        assert!(kind != FaultKind::NotFinite || message.contains("node 1, feature 1"), "{message}");
    }
}

#[test]
fn headers_and_ids_are_checked() {
    refused("1,2,3\n4,5,6\n", "source,target\n", FaultKind::Layout, At::Line(1));
    refused("name,x\na,1\n", "source,target\n", FaultKind::Cell, cell(2, "name"));
    refused("place,x\n1,1\n", "source,target\n", FaultKind::Layout, At::Line(1));
    refused("id,x,x\na,1,1\n", "source,target\n", FaultKind::Duplicate, At::Line(1));
    refused("id,x\na,1\na,2\n", "source,target\n", FaultKind::Duplicate, cell(3, "id"));
    refused("id,label\na,1\n", "source,target\n", FaultKind::TooLarge, At::Line(1));
    refused("id,x,split\na,1,validation\n", "source,target\n", FaultKind::Cell, cell(2, "split"));
    refused("id,x\n", "source,target\n", FaultKind::Layout, At::Whole);
    refused("", "source,target\n", FaultKind::Layout, At::Line(1));
    // Spreadsheets write a byte-order mark and Windows line ends, and in many countries other signs.
    assert!(load("\u{feff}id,x\r\na,1\r\n", "source,target\r\n").is_ok());
    let folder = folder("id;x;on\na;1,5;true\nb;2;false\n", "source\ttarget\na\tb\n");
    let loaded = read(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(loaded.graph.features.data(), [1.5, 1.0, 2.0]);
    assert_eq!(loaded.graph.edges(), 1);
    assert!(matches!(&loaded.warnings[0], Warning::DecimalCommas { columns: 1, .. }), "{:?}", loaded.warnings);
}

#[test]
fn text_that_is_not_utf8_and_missing_files_are_told() {
    let folder = folder("", EDGES);
    fs::write(folder.path().join("nodes.csv"), b"id,x\na,\xff\n").unwrap();
    assert_eq!(Graph::load(folder.path()).unwrap_err().kind(), FaultKind::Damaged);
    fs::remove_file(folder.path().join("nodes.csv")).unwrap();
    assert_eq!(Graph::load(folder.path()).unwrap_err().kind(), FaultKind::Read);
    assert_eq!(Graph::load(Path::new("nowhere.npz")).unwrap_err().kind(), FaultKind::Read);
}

#[test]
fn tables_need_no_ids_and_no_edges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, "x,y,label\n1,0,warm\n0,2,cold\n").unwrap();
    let table = Table::load(&path).unwrap();
    assert_eq!((table.features.rows(), table.input_names.len(), table.ids.len()), (2, 2, 0));
    assert_eq!(table.labels, ["warm", "cold"]);
    fs::write(&path, "x,y\n1,0\n").unwrap();
    assert!(Table::load(&path).unwrap().labels.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any text ends in a graph or in an error, never in a panic.
    #[test]
    fn any_text_never_panics(nodes in "(id,x,label,split\n)?[a-c0-9,\n\".;-]{0,80}", edges in "(source,target\n)?[a-c,\n\"]{0,40}") {
        let _ = load(&nodes, &edges);
    }

    /// Numbers survive a CSV file bit for bit.
    #[test]
    fn finite_numbers_are_read_exactly(values in prop::collection::vec(prop::num::f32::NORMAL, 1..20)) {
        let mut nodes = "id,x\n".to_owned();
        for (node, value) in values.iter().enumerate() {
            nodes.push_str(&format!("n{node},{value}\n"));
        }
        let graph = load(&nodes, "source,target\n").unwrap();
        prop_assert_eq!(graph.features.data(), &values[..]);
    }
}
