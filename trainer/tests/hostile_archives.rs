//! No archive can crash the reader or make it take memory beyond its cap; every fault names array, place and remedy.

mod archive;

use archive::{Arrays, array, benchmark, integers, planetoid, reals, with, write};
use eyas_trainer::dataset::{At, DataError, FaultKind, Graph, ReadOptions, Table, Warning, read};
use proptest::prelude::*;

fn load(arrays: &Arrays) -> Result<Graph, DataError> {
    let folder = tempfile::tempdir().unwrap();
    Graph::load(&write(folder.path(), arrays))
}

/// Loads and expects a fault of this kind at this place, with a remedy.
fn refused(arrays: &Arrays, kind: FaultKind, array: &str, at: At) -> DataError {
    let error = load(arrays).unwrap_err();
    assert_eq!(
        (error.kind(), error.fault().place.array.as_str(), &error.fault().place.at),
        (kind, array, &at),
        "{error}"
    );
    assert!(!error.fault().remedy.is_empty() && error.to_string().contains("graph.npz"), "{error}");
    error
}

#[test]
fn both_layouts_give_the_same_graph() {
    let graph = load(&planetoid()).unwrap();
    assert_eq!((graph.nodes(), graph.inputs(), graph.edges(), graph.classes), (4, 3, 3, 2));
    assert_eq!(graph.features.indices(), [0, 2, 1, 0, 2]);
    assert_eq!(graph.features.data(), [1.0, 3.0, 1.0, 2.0, 1.0]);
    assert_eq!(graph.published.as_ref().unwrap().train, [0, 1]);
    assert_eq!(graph.class_names, ["class 0", "class 1"]);

    let folder = tempfile::tempdir().unwrap();
    let loaded = read(&write(folder.path(), &benchmark()), &ReadOptions::default()).unwrap();
    assert_eq!(loaded.graph.adjacency, graph.adjacency);
    assert_eq!(loaded.graph.features, graph.features);
    assert_eq!(loaded.graph.labels, graph.labels);
    assert_eq!(
        loaded.warnings,
        [Warning::SelfLoops { dropped: 1 }, Warning::DuplicateEdges { dropped: 1 }, Warning::OneWayEdges { added: 3 }]
    );
}

#[test]
fn plain_names_are_read_and_pickled_ones_are_not_opened() {
    let names: Vec<u8> = "ab".chars().flat_map(|letter| [letter as u32, 0]).flat_map(u32::to_le_bytes).collect();
    let graph = load(&with(benchmark(), "class_names", array("<U2", "(2,)", &names))).unwrap();
    assert_eq!(graph.class_names, ["a", "b"]);
    assert_eq!(load(&benchmark()).unwrap().class_names, ["class 0", "class 1"]);
}

#[test]
fn the_largest_component_is_kept_on_request() {
    let mut arrays = with(benchmark(), "adj_indptr", integers(&[0, 1, 1, 1, 1]));
    arrays = with(arrays, "adj_indices", integers(&[1]));
    arrays = with(arrays, "adj_data", reals(&[1.0]));
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions { largest_component: true, ..ReadOptions::default() };
    let loaded = read(&write(folder.path(), &arrays), &options).unwrap();
    assert_eq!((loaded.graph.nodes(), loaded.graph.edges()), (2, 1));
    assert!(loaded.warnings.contains(&Warning::SmallComponents { dropped: 2 }));
}

#[test]
fn sizes_beyond_the_caps_are_refused_before_memory_is_taken() {
    for shape in ["(4294967295,)", "(2305843009213693951,)", "(67108864, 16)"] {
        let error = load(&with(planetoid(), "indices", array("<i4", shape, &[0; 16]))).unwrap_err();
        assert!(matches!(error.kind(), FaultKind::TooLarge | FaultKind::Damaged), "{error}");
    }
    let huge = with(planetoid(), "shape", integers(&[i32::MAX, 3, 2]));
    refused(&huge, FaultKind::TooLarge, "shape", At::Index(0));
    refused(&with(planetoid(), "shape", integers(&[4, -3, 2])), FaultKind::TooLarge, "shape", At::Index(1));
    refused(&with(planetoid(), "shape", integers(&[4, 70_000, 2])), FaultKind::TooLarge, "shape", At::Index(1));
    refused(&with(planetoid(), "shape", integers(&[4, 3, 0])), FaultKind::TooLarge, "shape", At::Index(2));
}

#[test]
fn headers_that_overflow_nest_or_lie_are_refused() {
    for shape in
        ["(4294967296, 4294967296, 2)", "(0xFFFFFFFFFF, 0xFFFFFFFFFF)", "(-1,)", "((((((1))))))", "(1.5,)", "x"]
    {
        let error = load(&with(planetoid(), "indices", array("<i4", shape, &[]))).unwrap_err();
        assert_eq!(error.kind(), FaultKind::Damaged, "{shape}: {error}");
    }
    // A version 2 header that claims four gigabytes of text.
    let endless = [b"\x93NUMPY\x02\x00".as_slice(), &u32::MAX.to_le_bytes()].concat();
    refused(&with(planetoid(), "indices", endless), FaultKind::Damaged, "indices", At::Whole);
    refused(&with(planetoid(), "indices", b"no array".to_vec()), FaultKind::Damaged, "indices", At::Whole);
}

#[test]
fn a_bomb_is_stopped_by_what_its_header_declares() {
    // 8 MB of zeros after a header for six numbers, some 8 kB on disk.
    let mut bomb = integers(&[1, 0, 2, 1, 3, 2]);
    bomb.resize(8 << 20, 0);
    refused(&with(planetoid(), "indices", bomb), FaultKind::Damaged, "indices", At::Whole);
}

#[test]
fn arrays_cut_short_are_refused() {
    let error = refused(
        &with(planetoid(), "indices", array("<i4", "(6,)", &[0; 20])),
        FaultKind::Damaged,
        "indices",
        At::Whole,
    );
    assert!(error.to_string().contains("24 bytes"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), &planetoid());
    let bytes = std::fs::read(&path).unwrap();
    for length in [0, 3, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert_eq!(Graph::load(&path).unwrap_err().kind(), FaultKind::Damaged);
    }
}

#[test]
fn element_types_are_checked_and_pickles_never_opened() {
    let pickle = array("|O", "(6,)", b"\x80\x03cos\nsystem\n");
    let error = refused(&with(planetoid(), "indices", pickle), FaultKind::ElementType, "indices", At::Whole);
    assert!(error.to_string().contains("pickle"), "{error}");
    for descr in ["<f4", "<c8", "<U1", "<M8[s]"] {
        let error = load(&with(planetoid(), "labels", array(descr, "(4,)", &[0; 64]))).unwrap_err();
        assert!(matches!(error.kind(), FaultKind::ElementType | FaultKind::Damaged), "{error}");
    }
    // The public archives with scipy matrices inside object arrays get their own remedy.
    let error =
        load(&vec![("adj_matrix", array("|O", "()", b"x")), ("node_attr", array("|O", "()", b"x"))]).unwrap_err();
    assert_eq!(error.kind(), FaultKind::Layout);
    assert!(error.to_string().contains("convert the pickled matrices"), "{error}");
}

#[test]
fn big_endian_and_wide_integers_are_read() {
    let big: Vec<u8> = [0i64, 1, 0, 1].iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(load(&with(planetoid(), "labels", array(">i8", "(4,)", &big))).unwrap(), load(&planetoid()).unwrap());
    let wide: Vec<u8> = [0, 1, 0, u64::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
    refused(&with(planetoid(), "labels", array("<u8", "(4,)", &wide)), FaultKind::Labels, "labels", At::Index(3));
}

#[test]
fn pointers_and_indices_are_proven() {
    for (pointers, place) in [
        (vec![1, 1, 3, 5, 6], 0),
        (vec![0, 3, 1, 5, 6], 2),
        (vec![0, 1, 3, 7, 6], 3),
        (vec![0, 1, 3, 5, 5], 4),
        (vec![0, -1, 3, 5, 6], 1),
    ] {
        let arrays = with(planetoid(), "indptr", integers(&pointers));
        refused(&arrays, FaultKind::RowPointer, "indptr", At::Index(place));
    }
    refused(&with(planetoid(), "indptr", integers(&[0, 6])), FaultKind::Shape, "indptr", At::Whole);
    for index in [4, -1, i32::MAX] {
        let arrays = with(planetoid(), "indices", integers(&[1, 0, 2, index, 3, 2]));
        let error = refused(&arrays, FaultKind::OutOfRange, "indices", At::Index(3));
        assert!(error.to_string().contains("in row 2"), "{error}");
    }
    let arrays = with(planetoid(), "feat_indices", integers(&[2, 0, 3, 0, 2]));
    refused(&arrays, FaultKind::OutOfRange, "feat_indices", At::Index(2));
    let arrays = with(planetoid(), "indices", array("<i4", "(2, 3)", &[0; 24]));
    refused(&arrays, FaultKind::Shape, "indices", At::Whole);
}

#[test]
fn features_are_finite_and_stand_once() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let arrays = with(planetoid(), "feat_values", reals(&[3.0, 1.0, 1.0, value, 1.0]));
        refused(&arrays, FaultKind::NotFinite, "feat_values", At::Feature { node: 2, feature: 0 });
    }
    let arrays = with(planetoid(), "feat_indices", integers(&[2, 2, 1, 0, 2]));
    refused(&arrays, FaultKind::Duplicate, "feat_values", At::Feature { node: 0, feature: 2 });
    refused(&with(planetoid(), "feat_values", reals(&[1.0])), FaultKind::Shape, "feat_values", At::Whole);
}

#[test]
fn labels_have_no_gap_and_no_negative() {
    refused(&with(planetoid(), "labels", integers(&[0, 1, -1, 1])), FaultKind::Labels, "labels", At::Index(2));
    refused(&with(planetoid(), "labels", integers(&[0, 1, 0, 2])), FaultKind::Labels, "labels", At::Index(3));
    refused(&with(planetoid(), "labels", integers(&[0, 0, 0, 0])), FaultKind::Labels, "labels", At::Class(1));
    refused(&with(planetoid(), "labels", integers(&[0, 1])), FaultKind::Shape, "labels", At::Whole);
    refused(&with(benchmark(), "labels", integers(&[0, 2, 0, 2])), FaultKind::Labels, "labels", At::Class(1));
}

#[test]
fn splits_are_disjoint_and_in_range() {
    refused(&with(planetoid(), "val_idx", integers(&[1])), FaultKind::Duplicate, "val_idx", At::Index(0));
    refused(&with(planetoid(), "test_idx", integers(&[4])), FaultKind::OutOfRange, "test_idx", At::Index(0));
    let mut arrays = planetoid();
    arrays.retain(|(name, _)| *name != "val_idx");
    refused(&arrays, FaultKind::Layout, "val_idx", At::Whole);
}

#[test]
fn tables_are_read_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let x = |shape: &str, values: &[f32]| {
        array("<f4", shape, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    };
    let path =
        write(folder.path(), &vec![("x", x("(2, 3)", &[0.0, 1.5, 0.0, 2.0, 0.0, 0.0])), ("labels", integers(&[1, 4]))]);
    let table = Table::load(&path).unwrap();
    assert_eq!((table.features.rows(), table.features.cols(), table.features.data()), (2, 3, &[1.5, 2.0][..]));
    assert_eq!(table.labels, ["1", "4"]);
    let graph = Table::load(&write(folder.path(), &planetoid())).unwrap();
    assert_eq!((graph.features.rows(), graph.labels.len()), (4, 4));
    for (arrays, kind) in [
        (vec![("x", x("(6,)", &[0.0; 6]))], FaultKind::Shape),
        (vec![("x", x("(2, 0)", &[]))], FaultKind::TooLarge),
        (vec![("x", x("(1, 2)", &[0.0, f32::NAN]))], FaultKind::NotFinite),
        (vec![("x", x("(1, 2)", &[0.0, 1.0])), ("labels", integers(&[1, 2]))], FaultKind::Shape),
        (vec![("x", x("(1, 2)", &[0.0, 1.0])), ("labels", integers(&[-1]))], FaultKind::Labels),
        (vec![("y", integers(&[1]))], FaultKind::Layout),
    ] {
        let error = Table::load(&write(folder.path(), &arrays)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Damage anywhere in the file ends in a graph or in an error, never in a panic.
    #[test]
    fn damaged_bytes_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &benchmark());
        let mut bytes = std::fs::read(&path).unwrap();
        for (index, value) in changes {
            let index = index.index(bytes.len());
            bytes[index] = value;
        }
        std::fs::write(&path, &bytes).unwrap();
        let _ = Graph::load(&path);
        let _ = Table::load(&path);
    }

    /// Any array content in an intact archive ends in a graph or in an error, never in a panic.
    #[test]
    fn random_arrays_never_panic(which in 0usize..10, header in "[ -~]{0,60}", data in prop::collection::vec(any::<u8>(), 0..80), shape in 0u64..30) {
        let folder = tempfile::tempdir().unwrap();
        let name = planetoid()[which].0;
        let _ = Graph::load(&write(folder.path(), &with(planetoid(), name, array("<i4", &format!("({shape},)"), &data))));
        let _ = Graph::load(&write(folder.path(), &with(planetoid(), name, array("<i4", &header, &data))));
        let _ = Graph::load(&write(folder.path(), &with(planetoid(), name, data)));
    }

    /// Row pointers and indices of any value give a graph whose adjacency is symmetric, or an error.
    #[test]
    fn adjacency_is_always_undirected(edges in prop::collection::vec((0i32..4, 0i32..4), 0..12)) {
        let mut edges = edges;
        edges.sort_unstable();
        let mut pointers = vec![0i32; 5];
        for &(from, _) in &edges {
            pointers[from as usize + 1] += 1;
        }
        for node in 0..4 {
            pointers[node + 1] += pointers[node];
        }
        let targets: Vec<i32> = edges.iter().map(|&(_, to)| to).collect();
        let arrays = with(with(planetoid(), "indptr", integers(&pointers)), "indices", integers(&targets));
        let graph = load(&arrays).unwrap();
        let transposed = graph.adjacency.transpose_view().to_csr();
        prop_assert_eq!(&transposed, &graph.adjacency);
        prop_assert!(graph.adjacency.iter().all(|(value, (from, to))| from != to && *value == 1.0));
        for (from, to) in edges {
            prop_assert!(from == to || graph.adjacency.get(from as usize, to as usize).is_some());
        }
    }
}
